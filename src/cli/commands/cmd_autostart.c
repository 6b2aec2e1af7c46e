/* SPDX-License-Identifier: PostgreSQL */
/* autostart: starts the labs that want it, one after the other; a systemd unit runs it at boot. */
#include <string.h>

#include "cli.h"
#include "host_serve.h"
#include "clock.h"
#include "plural.h"
#include "state.h"

#define LAB_TIMEOUT_S 900 /* without --timeout: a lab that does not start must not keep the others from it */

extern const struct command cmd_start;

struct started { const char *lab; bool done; struct fail why; double took_s; };

/* 1 = it wants to be started, 0 = it does not, -1 = its record cannot be read. */
static int wants(struct cli *c, const char *name, struct fail *e)
{
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *lab = NULL;
	struct paths paths;

	load_paths(c, name, &paths);
	if (host_master(&paths, c->arena)) /* a part of a lab, which starts on its first host */
		return 0;
	return lab_load(paths.lab_file, &o, &lab, e) < 0 ? -1 : lab->autostart;
}

static void start_one(struct cli *c, struct started *s)
{
	struct cli part = cli_part(c, &cmd_start, s->lab);
	int r;

	part.timeout_ms = c->timeout_ms >= 0 ? c->timeout_ms : LAB_TIMEOUT_S * 1000;
	report_say("lab '%s': starting\n", s->lab);
	r = cmd_start.run(&part, &s->why);
	if (r > 0)
		fail(&s->why, FAIL_OTHER, "start ended with status %d", r);
	s->done = r == 0;
	s->took_s = (double)(clock_now_ms() - part.start_ms) / 1000;
	if (!s->done)
		report_fail(&part, &s->why);
}

static int report(struct cli *c, const struct started *list, unsigned count, struct fail *e)
{
	json_t *rows = json_array(), *doc = json_pack("{s:i, s:O}", "v", 1, "labs", rows);
	int r = 0;

	for (unsigned i = 0; i < count; i++) {
		json_t *row = json_pack("{s:s, s:b, s:f}", "lab", list[i].lab, "started", list[i].done, "took_s", list[i].took_s);

		if (!list[i].done)
			json_object_set_new(row, "error", report_error(&list[i].why));
		json_array_append_new(rows, row);
	}
	if (c->json)
		r = report_json(doc, e);
	json_decref(doc);
	json_decref(rows);
	return r;
}

static int autostart(struct cli *c, struct fail *e)
{
	struct started *list = NULL;
	unsigned count = 0, failed = 0;
	const char *const *names;

	if (state_labs(c->state_dir, c->arena, &names, e) < 0)
		return -1;
	for (; *names && !*c->cancel; names++) {
		struct started s = { .lab = *names };
		int wanted = wants(c, *names, &s.why);

		if (wanted == 0)
			continue;
		if (wanted < 0)
			report_fail(c, &s.why);
		else if (c->dry_run)
			printf("labctl -l %s start\n", *names);
		else
			start_one(c, &s);
		failed += !s.done && !c->dry_run;
		*arena_push(c->arena, list, count) = s;
	}
	if (!count)
		report_say("no lab in %s has autostart: true\n", c->state_dir);
	if (!c->dry_run && report(c, list, count, e) < 0)
		return -1;
	if (!failed)
		return 0;
	c->reported = c->json;
	for (unsigned i = 0; i < count; i++)
		if (!list[i].done) {
			*e = list[i].why;
			break;
		}
	return failed < count ? fail(e, FAIL_PARTIAL, "%u of %u lab%s did not start", failed, count, plural(count)) :
				fail_wrap(e, "%u lab%s did not start", failed, plural(failed));
}

const struct command cmd_autostart = {
	.name = "autostart", .run = autostart, .without = NO_LAB,
	.summary = "start the labs that have autostart: true, as the host does at boot",
	.help =
	"Runs start for every lab of the state directory with autostart: true in its lab file (or create --autostart), one after the "
	"other in the order of their names. Each has 15 minutes, or --timeout. What runs already is left as it is. Exit status 12 if "
	"some labs started and others did not.\n\n"
	"The package's unit labctl-autostart@var-lib-labctl.service runs it at boot, after libvirt and the network, for "
	"/var/lib/labctl. For another state directory, and without systemd:\n\n"
	"  systemctl enable labctl-autostart@$(systemd-escape -p /srv/labs).service\n"
	"  echo '@reboot root LABCTL_STATE=/srv/labs labctl autostart' >/etc/cron.d/labctl-autostart",
};
