/* SPDX-License-Identifier: PostgreSQL */
/* Gives the lab's image to another host: all nodes of a lab have the same one, to the byte. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "hosts_ask.h"
#include "image.h"
#include "images.h"
#include "proc.h"
#include "quote.h"

#define ASK_MS 60000
#define RECORD_BYTES 10240 /* of tar */
#define SHOWN_RECORDS "6400"

/* Arguments: the image's directory, the command there, ssh and its arguments. Prints the number of records from time to time. */
static const char copy_script[] =
	"set -o pipefail; dir=$1 there=$2; shift 2; exec 3>&1\n"
	"tar -C \"$dir\" --numeric-owner --xattrs --acls -S --checkpoint=" SHOWN_RECORDS " --checkpoint-action='exec=echo $TAR_CHECKPOINT >&3' "
	"-cf - . | \"$@\" \"$there\" >&2\n";

static void say_copied(void *run, const char *line)
{
	run_say(run, "image: %lld MiB copied", atoll(line) * RECORD_BYTES >> 20);
}

static int copy(const struct lab *lab, struct run *r, const struct image *image, const char *to, struct fail *e)
{
	const struct host *host = &lab->hosts[run_step(r)->host];
	auto_(strbuf_clear) struct strbuf there = { 0 };
	const char *argv[] = { "bash", "-c", copy_script, "copy", image->dir, NULL, HOSTS_SSH, host->ssh, NULL };

	strbuf_str(&there, "tar --numeric-owner --xattrs --xattrs-include='*' --acls -xpf - -C ");
	quote_add(&there, QUOTE_SH, to);
	argv[5] = there.text;
	if (proc_check(&(struct proc){ .argv = argv, .line = say_copied, .line_ctx = r, .deadline_ms = run_deadline_ms(r), .cancel = run_cancel(r) }, e) < 0)
		return fail_wrap(e, "copy image %s to host %s", image->name, host->name);
	run_note(r, "changed: image %s copied to host %s", image->name, host->name);
	return 0;
}

int hosts_image(struct hosts *h, const struct lab *lab, struct run *r, const struct image *image, bool *ret_copied, struct fail *e)
{
	unsigned host = run_step(r)->host;
	auto_(arena_free) struct arena *a = arena_new();
	const char *name = images_cache_name(lab, a);
	auto_(json_decref) json_t *answer = NULL, *placed = NULL;
	const char *put;

	/* The first waits while another labctl makes the image there. */
	if (hosts_ask(h, host, json_pack("{s:s, s:s}", "image", name, "digest", image->digest), r, run_deadline_ms(r), &answer, e) < 0)
		return -1;
	put = json_string_value(json_object_get(answer, "put"));
	if (!put)
		return 0;
	*ret_copied = true;
	if (copy(lab, r, image, put, e) < 0)
		return -1;
	return hosts_ask(h, host, json_pack("{s:s, s:s}", "placed", name, "digest", image->digest), r, clock_after_ms(ASK_MS), &placed, e);
}
