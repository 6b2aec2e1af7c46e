/* SPDX-License-Identifier: PostgreSQL */
/* extend: how long a lab lives from now on. */
#include "cli.h"
#include "gc_expired.h"
#include "lifetime.h"
#include "state.h"
#include "when.h"

struct extend_words { bool never; };

/* The wanted lifetime in seconds: the argument's, or the lab's own again. */
static int wanted_s(struct cli *c, const struct lab *lab, int64_t *ret_s, struct fail *e)
{
	const struct extend_words *said = c->options;
	const char *ttl = c->arg_count ? c->args[0] : lab->ttl;

	if (said->never && c->arg_count)
		return fail(e, FAIL_USAGE, "extend takes either a time or --never");
	*ret_s = LIFETIME_NEVER;
	if (said->never)
		return 0;
	if (!ttl) {
		fail(e, FAIL_USAGE, "extend needs a time: lab '%s' was made without a ttl", lab->name);
		return fail_next(e, "labctl -l %s extend 8h", lab->name);
	}
	if (form_ttl(ttl))
		return fail(e, FAIL_USAGE, "'%.64s' %s", ttl, form_ttl(ttl));
	duration_parse(ttl, ret_s);
	return 0;
}

static int extend(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(close) int lock = -1;
	const char *expires;
	struct paths paths;
	int64_t s;

	if (load_existing(c, &lab, e) < 0 || wanted_s(c, lab, &s, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (c->dry_run) {
		report_say("lab '%s': %s now\n", lab->name, lab_expires(c, lab->name) ? lab_expires(c, lab->name) : "no end");
		return 0;
	}
	if (run_lock(c, &paths, &lock, e) < 0 || lifetime_write(&paths, lab->ttl, s, e) < 0)
		return -1;
	expires = lab_expires(c, lab->name);
	report_say("lab '%s' %s%s\n", lab->name, expires ? "expires " : "does not expire any more", expires ? expires : "");
	return 0;
}

static const struct option_row options[] = {
	{ "never", .at = offsetof(struct extend_words, never), .text = "the lab lives until it is destroyed" },
	{ 0 },
};

const struct command cmd_extend = {
	.name = "extend", .run = extend, .args = { { "TIME", .optional = true } }, .without = NO_LIBRARY | NO_LIBVIRT,
	.options = options, .options_size = sizeof(struct extend_words),
	.summary = "set how long a lab lives from now on",
	.help =
	"TIME (90m, 8h, 2d) counts from now; without it, the lab's ttl counts from now. A lab whose lifetime is over is removed by "
	"labctl gc --expired, which the timer labctl-expire runs; status and list show what is left.\n\n"
	"Time counts by the clock of the host's boot: setting the wall clock removes no lab early. While the host is off, time counts "
	"only if its wall clock was synchronized (NTP) before and after; else the lab lives longer.\n\n"
	"  labctl extend 8h\n"
	"  labctl extend --never",
};
