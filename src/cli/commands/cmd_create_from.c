/* SPDX-License-Identifier: PostgreSQL */
/* create --from: a second lab of a snapshot. It has a network of its own, and its servers learn their addresses before they start. */
#include <string.h>

#include "cmd_snapshot.h"
#include "file.h"
#include "state.h"
#include "tree.h"

/* What a run works on. */
struct clone {
	struct lab *lab;
	struct runtime *rt;
	struct paths from;               /* of the lab that was saved */
	struct snapshot snapshot;
	struct choice what;
	struct plan *plan;
	bool copied;                     /* an earlier run has copied everything, and only has to start the lab */
};

static void clone_clear_auto(struct clone *s)
{
	plan_free(s->plan);
	runtime_close(s->rt);
	lab_free(s->lab);
}

static int check_words(const struct cli *c, struct fail *e)
{
	const struct lab_words *said = c->options;

	if (c->arg_count || said->image || c->file)
		return fail(e, FAIL_USAGE,
			    "--from says what the lab is like: no number of nodes, image or lab file beside it");
	if (c->lab_name)
		return form_lab_name(c->lab_name)
			       ? fail(e, FAIL_USAGE, "the lab's name '%.64s' %s", c->lab_name, form_lab_name(c->lab_name))
			       : 0;
	fail(e, FAIL_USAGE, "the new lab needs a name");
	return fail_next(e, "labctl -l NAME create --from %s", said->from);
}

/* A lab of that name: the one that an earlier run has begun, or another one. */
static int check_begun(struct cli *c, struct clone *s, const struct paths *paths, struct fail *e)
{
	const struct lab_words *said = c->options;
	auto_(strbuf_clear) struct strbuf from = { 0 }, cloning = { 0 };

	if (snapshot_mark(paths, SNAPSHOT_FROM, &from, e) < 0 || snapshot_mark(paths, SNAPSHOT_CLONING, &cloning, e) < 0)
		return -1;
	s->copied = file_exists(paths->lab_file) && !cloning.len;
	if (!file_exists(paths->lab_file) || !strcmp(strbuf_text(&from), said->from))
		return 0;
	fail(e, FAIL_CONFLICT, "lab '%s' exists%s%s", c->lab_name, from.len ? ", made of " : "", strbuf_text(&from));
	return fail_next(e, "another name: labctl -l NAME create --from %s", said->from);
}

static int load_like(struct cli *c, struct clone *s, const struct paths *paths, struct fail *e)
{
	const char *record = snapshot_path(&s->from, s->snapshot.name, "record", c->arena);
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *then = NULL;
	struct tree_sum sum;

	if (s->copied)
		return load_existing(c, &s->lab, e);
	if (tree_look(record, &sum, e) < 0)
		return -1;
	if (strcmp(sum.digest, s->snapshot.record.digest) != 0)
		return fail(e, FAIL_LAB, "snapshot '%s' is damaged: its record is not what was saved", s->snapshot.name);
	if (lab_load(arena_printf(c->arena, "%s/lab.yaml", record), &o, &then, e) < 0 ||
	    lab_rename(then, c->lab_name, c->state_dir, &s->lab, e) < 0)
		return -1;
	return state_identify(paths, s->lab, e);
}

static int prepare(struct cli *c, struct clone *s, const struct paths *paths, struct fail *e)
{
	const struct lab_words *said = c->options;
	const char *repeat = arena_printf(c->arena, "create --from %s", said->from), *name;
	bool cluster;

	if (check_begun(c, s, paths, e) < 0 || snapshot_of(said->from, paths, c->arena, &s->from, &name, e) < 0 ||
	    (!s->copied && snapshot_read(&s->from, name, c->arena, &s->snapshot, e) < 0) || load_like(c, s, paths, e) < 0 ||
	    load_runtime(c, s->lab, &s->rt, e) < 0)
		return -1;
	s->lab->ttl = said->ttl ? arena_strdup(s->lab->arena, said->ttl) : s->lab->ttl;
	s->lab->autostart |= said->autostart;
	cluster = s->lab->cluster.recipe && (s->copied ? file_exists(paths->bootstrapped) : *s->snapshot.kind != '\0');
	return snapshot_choice(c, s->lab, cluster, repeat, &s->what, e);
}

static int make_plan(struct cli *c, struct clone *s, struct fail *e)
{
	const struct lab_words *said = c->options;

	return s->copied
		       ? plan_start(s->lab, c->lib, &s->what, &s->plan, e)
		       : plan_snapshot_create(s->lab, c->lib,
					      &(struct snapshot_plan){ .name = said->from, .what = &s->what }, &s->plan, e);
}

static int make(struct cli *c, struct clone *s, const struct paths *paths, struct fail *e)
{
	const struct lab_words *said = c->options;
	auto_(strbuf_clear) struct strbuf room = { 0 };
	int r;

	if (cli_check_capacity(c, s->rt, s->lab, e) < 0)
		return -1;
	r = s->copied ? 0 : snapshot_room_to_copy(&s->from, &s->snapshot, paths, s->lab, 0, &room, e);
	snapshot_say_room(c, strbuf_text(&room));
	if (r < 0)
		return -1;
	if (!s->copied && (snapshot_put_mark(paths, SNAPSHOT_CLONING, said->from, e) < 0 ||
			   snapshot_put_mark(paths, SNAPSHOT_FROM, said->from, e) < 0))
		return -1;
	return runtime_lease(s->rt, s->lab, e) < 0 || make_plan(c, s, e) < 0 ? -1 : run_plan(c, s->rt, s->plan, e);
}

int create_from(struct cli *c, struct fail *e)
{
	auto_(clone_clear) struct clone s = { 0 };
	auto_(close) int lock = -1;
	struct paths paths;
	int r;

	if (check_words(c, e) < 0)
		return -1;
	load_paths(c, c->lab_name, &paths);
	if (c->dry_run) {
		if (prepare(c, &s, &paths, e) < 0)
			return -1;
		load_sample_subnet(s.lab);
		return make_plan(c, &s, e) < 0 ? -1 : run_show(c, s.plan, e);
	}
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	r = prepare(c, &s, &paths, e) < 0 ? -1 : make(c, &s, &paths, e);
	if (r < 0)
		state_drop_empty(&paths);
	else if (!c->json)
		report_say("next: labctl -l %s status\n", c->lab_name);
	return r;
}
