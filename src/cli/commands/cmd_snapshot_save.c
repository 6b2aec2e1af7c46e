/* SPDX-License-Identifier: PostgreSQL */
/* snapshot save: a lab stands still, is copied, and goes on. */
#include <string.h>

#include "ask_roles.h"
#include "cmd_snapshot.h"
#include "file.h"
#include "nfs.h"
#include "state.h"
#include "tree.h"

struct save_words { bool cold; };

/* What a run works on. */
struct save {
	struct lab *lab;
	struct runtime *rt;
	struct facts facts;
	struct plan *plan;
	struct choice what;
	bool live;
	bool frozen;             /* an earlier live save did not end: nodes are paused or in files */
	bool again;              /* an earlier save of this name did not end */
	bool made;               /* it has copied everything, and only has to start the lab */
};

static void save_clear_auto(struct save *s)
{
	plan_free(s->plan);
	runtime_close(s->rt);
	lab_free(s->lab);
}

static const struct node *first_off(const struct save *s, const char **ret_state)
{
	for (unsigned i = 0; i < s->lab->node_count; i++) {
		const struct fact_domain *d = ask_domain(&s->facts, &s->lab->nodes[i]);

		*ret_state = d ? d->state : "missing";
		if (!d || !d->runs)
			return &s->lab->nodes[i];
	}
	return NULL;
}

/* What would be saved must be whole, or a restore would bring back a lab that does not work. */
static int check_works(const struct save *s, const struct paths *paths, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf joining = { 0 };
	const struct lab *lab = s->lab;
	const char *state;
	const struct node *off = s->again && !s->live ? NULL : first_off(s, &state);

	if (off) {
		fail(e, FAIL_CONFLICT, "%s is not running (%s): a snapshot is made of a lab that works", off->name, state);
		return fail_next(e, "labctl -l %s start, then the same command again", lab->name);
	}
	if (state_unfinished(paths, UNFINISHED_ADD, &joining, e) < 0)
		return -1;
	if (joining.len || state_is_changing(paths)) {
		fail(e, FAIL_CONFLICT, "a change of lab '%s' has begun and not ended", lab->name);
		return fail_next(e, "labctl -l %s %s", lab->name, joining.len ? "node add (as before)" : "bootstrap");
	}
	return snapshot_check_joined(lab, 0, e);
}

/* A name that is taken: by a complete snapshot, or by one whose save was killed after that. */
static int check_taken(struct save *s, const struct paths *paths, const char *name, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf saving = { 0 };
	const char *state;

	if (snapshot_mark(paths, SNAPSHOT_SAVING, &saving, e) < 0)
		return -1;
	s->again = !strcmp(strbuf_text(&saving), name);
	if (!snapshot_exists(paths, name))
		return 0;
	s->made = s->again && !s->live && first_off(s, &state);
	if (s->made)
		return 0;
	fail(e, FAIL_CONFLICT, "lab '%s' has a snapshot '%s' already", s->lab->name, name);
	return fail_next(e, "labctl -l %s snapshot delete %s, or another name", s->lab->name, name);
}

/* Data directories on another file system cannot be pinned beside the snapshot, and the kernel's server keeps sessions of its own. */
static int check_live(const struct lab *lab, const struct paths *paths, const char *name, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *dir = snapshots_dir(paths, a), *why = NULL;

	if (lab_spans_hosts(lab))
		why = "its machines are on several hosts, which cannot be paused at one moment";
	else if (!tree_same_system(lab->nodes[0].export_dir, file_exists(dir) ? dir : paths->lab))
		why = "its data directories are on another file system than its snapshots";
	else if (lab->data.server == NFS_KERNEL || (lab->data.server != NFS_GANESHA && nfs_probe(NULL) == NFS_KIND_KERNEL))
		why = "the kernel's NFS server serves its data, and would mix up sessions of then and now (data.server: ganesha would not)";
	if (!why)
		return 0;
	fail(e, FAIL_HOST, "lab '%s' cannot be saved while it runs: %s", lab->name, why);
	return fail_next(e, "labctl -l %s snapshot save %s --cold    (stops it)", lab->name, name);
}

static int check_created(const struct lab *lab, struct fail *e)
{
	if (!lab->net.subnet) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' is not created yet", lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	return 0;
}

/* Looks, checks and plans. */
static int prepare(struct cli *c, struct save *s, struct fail *e)
{
	const struct save_words *said = c->options;
	const char *name = c->args[0],
		   *repeat = arena_printf(c->arena, "snapshot save %s%s", name, said->cold ? " --cold" : "");
	struct paths paths;

	if (snapshot_check_name(name, e) < 0 || load_existing(c, &s->lab, e) < 0 || check_created(s->lab, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, s->lab->name);
	load_paths(c, s->lab->name, &paths);
	s->live = s->lab->hypervisor != HYPERVISOR_LXC && !said->cold;
	if (load_runtime(c, s->lab, &s->rt, e) < 0 || runtime_facts(s->rt, c->arena, &s->facts, e) < 0 ||
	    !snapshot_heard_all(s->lab, &s->facts, e) || plan_check_names(s->lab, &s->facts, e) < 0 || check_taken(s, &paths, name, e) < 0 ||
	    snapshot_choice(c, s->lab, s->lab->cluster.recipe && file_exists(paths.bootstrapped), repeat, &s->what, e) < 0)
		return -1;
	s->frozen = snapshot_mark_age_ms(&paths, SNAPSHOT_FREEZING) >= 0;
	if (!s->made && !s->frozen &&
	    (run_check_whole(c, &paths, e) < 0 || snapshot_check_faults(c, s->lab, s->rt, &s->facts, e) < 0 || check_works(s, &paths, e) < 0 ||
	     (s->live && check_live(s->lab, &paths, name, e) < 0)))
		return -1;
	return plan_snapshot_save(s->lab, c->lib, &s->facts,
				  &(struct snapshot_plan){ .name = name, .made = s->made, .live = s->live, .what = &s->what }, &s->plan, e);
}

/*
 * Lets nodes go on that a save has left paused or in files. A Ctrl-C that ended the save does not end this; --json has one document,
 * which is the save's.
 */
static int thaw(const struct cli *c, struct save *s, const struct paths *paths, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf name = { 0 };
	auto_(plan_free) struct plan *plan = NULL;
	struct cli quiet = *c;

	quiet.json = quiet.timings = false;
	quiet.cancel = NULL;
	if (snapshot_mark(paths, SNAPSHOT_FREEZING, &name, e) < 0 ||
	    plan_snapshot_thaw(s->lab, &(struct snapshot_plan){ .name = strbuf_text(&name), .what = &s->what }, &plan, e) < 0)
		return -1;
	return run_plan(&quiet, s->rt, plan, e);
}

static int begin(struct cli *c, struct save *s, const struct paths *paths, const char *name, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf said = { 0 };
	int r = snapshot_room_to_save(paths, s->lab, 0, s->live, &said, e);

	snapshot_say_room(c, strbuf_text(&said));
	return r < 0 || snapshot_begin(paths, name, e) < 0 ? -1 : s->live ? 0 : snapshot_put_mark(paths, SNAPSHOT_SAVING, name, e);
}

static int make(struct cli *c, struct save *s, const struct paths *paths, struct fail *e)
{
	const char *name = c->args[0];
	struct fail why = { 0 };
	int r;

	if (!s->made && begin(c, s, paths, name, e) < 0)
		return -1;
	r = run_plan(c, s->rt, s->plan, e);
	if (r == 0)
		return snapshot_put_mark(paths, SNAPSHOT_SAVING, NULL, e);
	if (snapshot_mark_age_ms(paths, SNAPSHOT_FREEZING) >= 0 && thaw(c, s, paths, &why) < 0)
		return r; /* nodes are in what is half-made; the same command lets them go on */
	if (s->live || e->code != FAIL_CANCELED) /* after Ctrl-C the same command goes on with a cold one */
		file_remove_tree(snapshot_new_path(paths, name, NULL, c->arena), &why);
	return r;
}

static int save(struct cli *c, struct fail *e)
{
	auto_(save_clear) struct save first = { 0 }, locked = { 0 }, s = { 0 };
	auto_(close) int lock = -1;
	struct snapshot made;
	struct paths paths;

	if (prepare(c, &first, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, first.plan, e);
	load_paths(c, c->lab_name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0 || prepare(c, &locked, e) < 0 || (locked.frozen && thaw(c, &locked, &paths, e) < 0) ||
	    prepare(c, &s, e) < 0 || make(c, &s, &paths, e) < 0)
		return -1;
	if (!c->json && s.live && snapshot_read(&paths, c->args[0], c->arena, &made, e) == 0)
		report_say("clients waited %.1f s\n", (double)made.pause_ms / 1000);
	if (!c->json)
		report_say("next: labctl -l %s snapshot restore %s\n", c->lab_name, c->args[0]);
	return 0;
}

static const struct option_row save_options[] = {
	{ "cold", .at = offsetof(struct save_words, cold),
	  .text = "stop the lab for it, also if its nodes are machines; "
	  "containers are always stopped" },
	{ 0 },
};

const struct command cmd_snapshot_save = {
	.name = "save", .run = save, .args = { { .name = "NAME" } }, .options = save_options, .options_size = sizeof(struct save_words),
	.summary = "keep the state of a lab under a name",
	.help =
	"Keeps the disks and data directories of all nodes and the lab's record (passwords, which server is the primary). Machines stand still "
	"for some seconds: their NFS server answers what it has, all are paused, saved with their memory, and go on from what was saved; clients "
	"wait, and the time is printed. Containers, and machines with --cold, are stopped with the database in order, copied and started. Blocks "
	"are shared where the file system can (XFS, btrfs); else the space that the copy needs is said first. Machines on several hosts need --cold. Refused while faults are in "
	"force, a node is off, a change has not ended, or an old primary has not rejoined. If it is killed, the same command goes on.\n\n"
	"  labctl snapshot save loaded\n"
	"  labctl -n snapshot save loaded   show the steps",
};
