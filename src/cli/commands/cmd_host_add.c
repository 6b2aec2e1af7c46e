/* SPDX-License-Identifier: PostgreSQL */
/* host add, host remove: labctl on another host. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "complete.h"
#include "digest.h"
#include "host_look.h"
#include "hosts.h"
#include "plural.h"
#include "proc.h"
#include "quote.h"

#define COPY_MS 300000
#define LIST_MS 60000

/* Arguments: the program, the directory of the data files, ssh and its arguments. */
static const char send_script[] =
	"set -o pipefail; program=$1 data=$2; shift 2\n"
	"tar --owner=0 --group=0 --mode=u=rwX,go=rX --transform=\"s|^${program##*/}\\$|labctl|\" -cf - -C \"${program%/*}\" \"${program##*/}\" "
	"-C \"$data\" completion domains kickstart tuning | \"$@\"\n";

/* Prints the packages of this host that have these libraries: program, libraries. */
static const char packages_script[] =
	"program=$1; shift\n"
	"for library; do\n"
	"	path=$(ldd \"$program\" | awk -v library=\"$library\" '$1 == library { print $3 }')\n"
	"	real=$(readlink -f \"$path\")\n"
	"	dpkg -S \"$real\" 2>/dev/null || dpkg -S \"${real#/usr}\" 2>/dev/null || rpm -qf --qf '%{NAME}: x\\n' \"$real\" 2>/dev/null || true\n"
	"done | sed 's/:.*//' | sort -u | paste -sd' '\n";

static int own_program(char ret[4096], struct fail *e)
{
	ssize_t len = readlink("/proc/self/exe", ret, 4095);

	if (len < 0)
		return fail_errno(e, FAIL_HOST, "/proc/self/exe");
	ret[len] = '\0';
	return 0;
}

/* The host lacks libraries, "missing=NAME" per line in @said. */
static int lacks(struct cli *c, const struct host *host, const char *program, char *said, struct fail *e)
{
	const char *argv[40] = { "bash", "-c", packages_script, "packages", program };
	auto_(strbuf_clear) struct strbuf all = { 0 }, packages = { 0 };
	struct proc p = { .argv = argv, .out = &packages, .deadline_ms = clock_after_ms(LIST_MS), .cancel = c->cancel };
	unsigned k = 5;
	struct fail ignored = { 0 };

	for (char *line; (line = strsep(&said, "\n")) && k + 1 < ARRAY_COUNT(argv);)
		if (!strncmp(line, "missing=", 8)) {
			quote_tame(line, strlen(line));
			argv[k++] = line + 8;
			strbuf_printf(&all, "%s%s", all.len ? ", " : "", line + 8);
		}
	argv[k] = NULL;
	proc_check(&p, &ignored);
	strbuf_truncate(&packages, strcspn(strbuf_text(&packages), "\n"));
	fail(e, FAIL_HOST, "host %s lacks libraries that labctl needs: %s; nothing was installed", host->name, strbuf_text(&all));
	return packages.len ? fail_next(e, "ssh %s apt-get install %s; then the same command again    (names as on this host)", host->ssh,
					packages.text) :
			      fail_next(e, "install the packages that have them on %s; then the same command again", host->name);
}

/* Copies the program that runs, and its data files. */
static int install(struct cli *c, const struct host *host, const char *program, struct fail *e)
{
	const char *script = host_script_text(c, "install.sh", host, false, e);
	auto_(strbuf_clear) struct strbuf there = { 0 }, said = { 0 };
	const char *argv[] = { "bash", "-c", send_script, "send", program, library_dir(c->lib), HOSTS_SSH, host->ssh, NULL, NULL };
	struct proc p = { .argv = argv, .out = &said, .deadline_ms = clock_after_ms(COPY_MS), .cancel = c->cancel };

	if (!script)
		return -1;
	strbuf_str(&there, "sh -c ");
	quote_add(&there, QUOTE_SH, script);
	argv[ARRAY_COUNT(argv) - 2] = there.text;
	if (proc_check(&p, e) < 0)
		return fail_wrap(e, "copy labctl to host %s", host->name);
	return strstr(strbuf_text(&said), "missing=") ? lacks(c, host, program, said.text, e) : 0;
}

/* Is it what we would install? Another one that we did not install is not ours to replace. */
static int is_there(struct cli *c, const struct host_look *l, const char *program, bool *ret, struct fail *e)
{
	const char *why = "";
	char sum[DIGEST_HEX];

	if (digest_file(program, sum, e) < 0)
		return -1;
	*ret = host_is_same(c, l, &why) && (!l->ours || (l->sum && !strcmp(l->sum, sum)));
	if (*ret || l->ours || (!l->program && !l->taken))
		return 0;
	fail(e, FAIL_CONFLICT, "host %s: %s; host add did not install it, and does not replace it", l->host->name,
	     l->program ? why : arena_printf(c->arena, "%s is there", l->taken));
	return fail_next(e, "install labctl " LABCTL_VERSION " on %s as the one there was installed, or remove that one: docs/howto/install.md", l->host->name);
}

static int check_system(const struct host_look *l, struct fail *e)
{
	struct utsname here;

	if (!l->root) {
		fail(e, FAIL_HOST, "host %s: ssh %s does not log in as root", l->host->name, l->host->ssh);
		return fail_next(e, "root@ before the name of the host, or User root in ~/.ssh/config");
	}
	if (uname(&here) == 0 && l->arch && strcmp(here.machine, l->arch) != 0)
		return fail(e, FAIL_HOST, "host %s is of another architecture: %s, and this one %s", l->host->name, l->arch, here.machine);
	return 0;
}

static int look_once(struct cli *c, const struct host *host, struct host_look *ret, struct fail *e)
{
	*ret = (struct host_look){ .host = host };
	host_look(c, ret, 1);
	host_look_clear(ret);
	*e = ret->e;
	return e->code ? -1 : 0;
}

static int put(struct cli *c, const struct lab *lab, const struct host *host, const char *program, struct fail *e)
{
	struct host_look l;
	const char *why;
	bool same;

	if (look_once(c, host, &l, e) < 0 || check_system(&l, e) < 0 || is_there(c, &l, program, &same, e) < 0)
		return -1;
	if (same) {
		report_say("host %s: labctl %s is there: %s\n", host->name, l.version, l.program);
		return 0;
	}
	report_say("host %s: %s %s with its data files to " HOST_PLACE ", and " HOST_COMMAND " as a link to it\n", host->name,
		   c->dry_run ? "would copy" : "copies", program);
	if (c->dry_run)
		return 0;
	if (install(c, host, program, e) < 0 || look_once(c, host, &l, e) < 0)
		return -1;
	if (!host_is_same(c, &l, &why)) {
		fail(e, FAIL_HOST, "host %s: " HOST_COMMAND " was installed, but ssh finds another one: %s", host->name, why);
		return fail_next(e, "ssh %s 'echo $PATH'    (must have /usr/local/bin, before other places with a labctl)", host->ssh);
	}
	report_say("host %s: labctl %s is installed; labctl %shost remove %s removes it\n", host->name, l.version, host_lab_words(c, lab),
		   host->name);
	return 0;
}

static int add(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct host *host;
	char program[4096];

	if (host_named(c, &lab, &host, e) < 0 || own_program(program, e) < 0 || put(c, lab, host, program, e) < 0)
		return -1;
	return c->dry_run ? 0 : host_check(c, lab, &host, 1, e);
}

const struct command cmd_host_add = {
	.name = "add", .run = add, .args = { { "NAME", .complete = complete_hosts } },
	.summary = "install labctl on another host of a lab, and check that host",
	.help =
	"NAME is a host of the lab file; where no lab has hosts, what ssh connects to. ssh must log in there as root without a question.\n\n"
	"If the same labctl is there, with the same data files, it is left alone. If there is none, this one is copied: its program and data files to "
	HOST_PLACE ", with a link " HOST_COMMAND ". A labctl that something else installed is never replaced. If the host lacks libraries, "
	"nothing is installed, and the packages are named. Then the host is checked as by host check.\n\n"
	"  labctl -f lab.yaml host add b\n"
	"  labctl host add root@192.0.2.7",
};

/* --- remove --- */

static const char list_script[] = "labctl --json list </dev/null\n";
static const char remove_script[] = "set -e; [ ! -L " HOST_COMMAND " ] || rm " HOST_COMMAND "; rm -rf " HOST_PLACE "\n";

/* The lab's part there could be removed by nobody any more. */
static int check_unused(struct cli *c, const struct host *host, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf out = { 0 }, names = { 0 };
	json_t *doc, *row;
	size_t i;

	if (host_script(c, host, list_script, LIST_MS, &out, e) < 0)
		return -1;
	doc = json_loads(strbuf_text(&out), 0, NULL);
	if (!json_is_array(json_object_get(doc, "labs"))) {
		json_decref(doc);
		return fail(e, FAIL_HOST, "host %s: labctl list there does not say which labs it has", host->name);
	}
	json_array_foreach(json_object_get(doc, "labs"), i, row)
		strbuf_printf(&names, "%s%s", i ? ", " : "", json_string_value(json_object_get(row, "lab")) ? json_string_value(json_object_get(row, "lab")) : "?");
	json_decref(doc);
	if (!names.len)
		return 0;
	quote_tame(names.text, names.len);
	fail(e, FAIL_CONFLICT, "host %s has labs, or parts of labs: %s", host->name, names.text);
	return fail_next(e, "labctl -l LAB destroy, for each; then the same command again");
}

static int remove_host(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(strbuf_clear) struct strbuf out = { 0 };
	const struct host *host;
	struct host_look l;

	if (host_named(c, &lab, &host, e) < 0 || look_once(c, host, &l, e) < 0)
		return -1;
	if (!l.ours && l.program) {
		fail(e, FAIL_CONFLICT, "host %s: host add did not install %s, and host remove does not remove it", host->name, l.program);
		return fail_next(e, "remove it there as it was installed: docs/howto/install.md");
	}
	if (!l.ours) {
		report_say("host %s: nothing of labctl is installed there\n", host->name);
		return 0;
	}
	if (check_unused(c, host, e) < 0)
		return -1;
	report_say("host %s: %s " HOST_PLACE " and " HOST_COMMAND "; images in the cache there stay\n", host->name,
		   c->dry_run ? "would remove" : "removes");
	return c->dry_run ? 0 : host_script(c, host, remove_script, LIST_MS, &out, e);
}

const struct command cmd_host_remove = {
	.name = "remove", .run = remove_host, .args = { { "NAME", .complete = complete_hosts } },
	.summary = "remove the labctl that host add installed",
	.help =
	"Refuses while that host has a lab, or a part of one, and a labctl that something else installed. Images in the cache there stay.\n\n"
	"  labctl -f lab.yaml host remove b",
};
