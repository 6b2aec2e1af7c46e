/* SPDX-License-Identifier: PostgreSQL */
/* snapshot restore: a lab as it was. */
#include <stdio.h>
#include <string.h>

#include "cmd_snapshot.h"
#include "complete.h"
#include "file.h"
#include "state.h"
#include "suggest.h"
#include "tree.h"

/* The time of machines that go on. */
enum clocks { CLOCKS_UNSAID, CLOCKS_HOST, CLOCKS_SAVED };
static const char *const clock_names[] = { "", "host", "saved", NULL };

struct restore_words { enum clocks clock; bool boot; };

/* What a run works on. */
struct restore {
	struct lab *now, *lab;           /* as it is, and as it will be */
	struct runtime *rt_now, *rt;
	struct snapshot snapshot;
	struct facts facts;
	struct choice what;
	struct plan *plan;
	bool live;                       /* machines go on from their memory */
	const char *replaced;            /* why they do not, although it is there; or NULL */
};

static void restore_clear_auto(struct restore *s)
{
	plan_free(s->plan);
	runtime_close(s->rt);
	runtime_close(s->rt_now);
	lab_free(s->lab);
	lab_free(s->now);
}

static const char *names_of(const struct lab *lab, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	for (unsigned i = 0; i < lab->node_count; i++)
		strbuf_printf(&text, "%s%s", i ? " " : "", lab->nodes[i].name);
	return arena_strdup(a, strbuf_text(&text));
}

/* Restoring gives nodes back what they had: the lab must have the same ones, on the same image, at the same addresses. */
static int check_same(struct cli *c, const struct restore *s, const struct paths *paths, struct fail *e)
{
	const struct lab *now = s->now, *then = s->lab;
	const char *had = names_of(then, c->arena), *has = names_of(now, c->arena);
	auto_(strbuf_clear) struct strbuf image = { 0 };

	if (strcmp(s->snapshot.lab_uuid, now->uuid) != 0)
		return fail(e, FAIL_CONFLICT, "snapshot '%s' is of another lab that was called '%s'", s->snapshot.name,
			    s->snapshot.lab);
	if (strcmp(had, has) != 0) {
		fail(e, FAIL_CONFLICT, "lab '%s' has other nodes than when snapshot '%s' was made: %s, then %s", now->name,
		     s->snapshot.name, has, had);
		return fail_next(e, "labctl -l %s node %s", now->name,
				 now->node_count > then->node_count ? "remove NODE" : "add N");
	}
	for (unsigned i = 0; i < now->node_count; i++)
		if (now->nodes[i].ip != then->nodes[i].ip)
			return fail(e, FAIL_CONFLICT, "%s had the address %s when snapshot '%s' was made, and has %s",
				    now->nodes[i].name, then->nodes[i].ip_text, s->snapshot.name, now->nodes[i].ip_text);
	if (file_read(arena_printf(c->arena, "%s/image", paths->lab), 4096, &image, e) < 0)
		return -1;
	if (strncmp(strbuf_text(&image), s->snapshot.image_digest, strlen(s->snapshot.image_digest)) != 0)
		return fail(e, FAIL_CONFLICT, "snapshot '%s' needs image %s (%.12s), and lab '%s' has %.12s",
			    s->snapshot.name, s->snapshot.image, s->snapshot.image_digest, now->name, strbuf_text(&image));
	return 0;
}

static const char *host_of(const struct lab *lab, const struct node *n)
{
	return n->host ? lab->hosts[n->host].name : "";
}

/* The hosts are those of now, and each node is on the one where its part of the snapshot is. */
static int keep_hosts(const struct restore *s, struct fail *e)
{
	struct lab *then = s->lab;
	const struct lab *now = s->now;

	for (unsigned i = 0; i < then->node_count; i++) {
		struct node *n = &then->nodes[i];
		const struct node *as = lab_find_node(now, n->name);

		if (as && strcmp(host_of(then, n), host_of(now, as)) != 0)
			return fail(e, FAIL_CONFLICT, "%s was on %s%s when snapshot '%s' was made, and is on another host", n->name,
				    n->host ? "host " : "this host", host_of(then, n), s->snapshot.name);
		n->host = as ? as->host : 0;
	}
	then->hosts = now->hosts;
	then->host_count = now->host_count;
	then->packing = now->packing;
	return 0;
}

/* The lab as the snapshot has it; how long it lives, whether the host starts it, and its hosts stay. */
static int load_then(struct cli *c, struct restore *s, const struct paths *paths, struct fail *e)
{
	const char *record = snapshot_path(paths, s->snapshot.name, "record", c->arena);
	struct lab_options o = { .state_dir = c->state_dir };
	struct tree_sum sum;

	if (tree_look(record, &sum, e) < 0 || lab_load(arena_printf(c->arena, "%s/lab.yaml", record), &o, &s->lab, e) < 0)
		return -1;
	if (strcmp(sum.digest, s->snapshot.record.digest) != 0) {
		fail(e, FAIL_LAB, "snapshot '%s' is damaged: its record is not what was saved", s->snapshot.name);
		return fail_next(e, "labctl -l %s snapshot delete %s", s->now->name, s->snapshot.name);
	}
	lab_set_id(s->lab, s->now->uuid);
	s->lab->ttl = arena_strdup(s->lab->arena, s->now->ttl);
	s->lab->autostart = s->now->autostart;
	return check_same(c, s, paths, e) < 0 ? -1 : keep_hosts(s, e);
}

static int check_allowed(struct cli *c, const struct restore *s, const struct paths *paths, struct fail *e)
{
	if (snapshot_check_faults(c, s->now, s->rt, &s->facts, e) < 0)
		return -1;
	if (!state_is_protected(paths))
		return 0;
	fail(e, FAIL_CONFLICT, "lab '%s' is protected, and a restore removes what it has now", s->now->name);
	return fail_next(e, "labctl -l %s unprotect, then the same command again", s->now->name);
}

static int prepare(struct cli *c, struct restore *s, struct fail *e)
{
	const struct restore_words *said = c->options;
	const char *repeat = arena_printf(c->arena, "snapshot restore %s%s%s%s", c->args[0], said->boot ? " --boot" : "",
					  said->clock ? " --clock " : "", clock_names[said->clock]);
	struct paths paths;
	bool cluster;

	if (load_existing(c, &s->now, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, s->now->name);
	load_paths(c, s->now->name, &paths);
	if (snapshot_read(&paths, c->args[0], c->arena, &s->snapshot, e) < 0 || load_then(c, s, &paths, e) < 0 ||
	    load_runtime(c, s->now, &s->rt_now, e) < 0 || load_runtime(c, s->lab, &s->rt, e) < 0 ||
	    runtime_facts(s->rt_now, c->arena, &s->facts, e) < 0 || !snapshot_heard_all(s->now, &s->facts, e) || plan_check_names(s->now, &s->facts, e) < 0 ||
	    check_allowed(c, s, &paths, e) < 0)
		return -1;
	s->replaced = s->snapshot.live && !said->boot ? snapshot_replaced(s->lab, &s->snapshot, c->arena) : NULL;
	s->live = s->snapshot.live && !said->boot && !s->replaced;
	if (said->clock == CLOCKS_SAVED && !s->live)
		return fail(e, FAIL_CONFLICT, "--clock saved: the nodes boot, and have the host's time%s%s", s->replaced ? ": another directory is now " : "",
			    s->replaced ? s->replaced : "");
	cluster = s->lab->cluster.recipe &&
		  file_exists(snapshot_path(&paths, s->snapshot.name, "record/bootstrapped", c->arena));
	if (snapshot_choice(c, s->lab, cluster, repeat, &s->what, e) < 0)
		return -1;
	return plan_snapshot_restore(s->lab, c->lib,
				     &(struct snapshot_plan){ .name = s->snapshot.name, .live = s->live, .what = &s->what,
							      .keep_clocks = said->clock == CLOCKS_SAVED },
				     &s->plan, e);
}

static int check_space(struct cli *c, const struct restore *s, const struct paths *paths, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf said = { 0 };
	int r = snapshot_room_to_copy(paths, &s->snapshot, paths, s->lab, 0, &said, e);

	snapshot_say_room(c, strbuf_text(&said));
	return r;
}

static int restore(struct cli *c, struct fail *e)
{
	auto_(restore_clear) struct restore first = { 0 }, s = { 0 };
	auto_(close) int lock = -1;
	struct paths paths;

	if (prepare(c, &first, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, first.plan, e);
	if (report_confirm(c, arena_printf(c->arena, "what lab '%s' has now", c->lab_name), c->lab_name, e) < 0)
		return -1;
	load_paths(c, c->lab_name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0 || prepare(c, &s, e) < 0)
		return -1;
	if (s.replaced)
		report_say("%s is another directory than it was: servers that go on would find a stale handle of it, so the machines boot\n",
			   s.replaced);
	/* The network may be gone, and another one in its place. */
	if (cli_check_capacity(c, s.rt_now, s.now, e) < 0 || runtime_lease(s.rt_now, s.now, e) < 0 ||
	    check_same(c, &s, &paths, e) < 0 || check_space(c, &s, &paths, e) < 0 || run_plan(c, s.rt, s.plan, e) < 0)
		return -1;
	return snapshot_put_mark(&paths, SNAPSHOT_SAVING, NULL, e);
}

static int set_clock(void *field, const char *what, const char *value, struct fail *e)
{
	char asked[64];

	for (int i = CLOCKS_HOST; clock_names[i]; i++)
		if (!strcmp(clock_names[i], value)) {
			*(enum clocks *)field = (enum clocks)i;
			return 0;
		}
	snprintf(asked, sizeof asked, "%s: unknown time", what);
	return suggest_fail(e, asked, value, clock_names + CLOCKS_HOST);
}

static void complete_clocks(struct completion *to)
{
	complete_add(to, "host", "the time of the host");
	complete_add(to, "saved", "the time of the snapshot");
}

static const struct option_row restore_options[] = {
	{ "clock", .arg = "TIME", .complete = complete_clocks, .set = set_clock, .at = offsetof(struct restore_words, clock),
	  .text = "time of machines that go on: \"host\" (default), or \"saved\" for the time of the snapshot" },
	{ "boot", .at = offsetof(struct restore_words, boot),
	  .text = "boot machines, as after a loss of power at the moment of the snapshot, instead of going on from their memory" },
	{ 0 },
};

const struct command cmd_snapshot_restore = {
	.name = "restore", .run = restore, .options = restore_options, .options_size = sizeof(struct restore_words),
	.args = { { .name = "NAME", .complete = complete_snapshots } },
	.summary = "put a lab back to the state of a snapshot",
	.help =
	"Copies what the snapshot has beside what the nodes have, checks it, powers the machines off, puts the copies in place and starts the "
	"lab, with the smoke test of bootstrap. Machines that were saved while they ran do not boot: they go on where they were, with all "
	"sessions between them and the time of the host; clients outside connect anew. (They boot if the directory of a server was replaced since, "
	"as when a standby was copied again, or with --boot: what was committed is there.) What was written since the snapshot is lost, passwords "
	"and which server is the primary are as they were; how long the lab lives, and whether it is protected, stays. The snapshot stays too. "
	"Refused while faults are in force, if nodes were added or removed since, and for a protected lab. If it is killed, the same command "
	"goes on; until then no other command starts the lab. " HELP_ASKS "\n\n"
	"  labctl snapshot restore loaded\n"
	"  labctl -n snapshot restore loaded",
};

int snapshot_restore_part(struct cli *c, const char *lab, const char *name, struct fail *e)
{
	struct cli part = cli_part(c, &cmd_snapshot_restore, lab);

	part.json = c->json;
	part.args = &name;
	part.arg_count = 1;
	return restore(&part, e);
}
