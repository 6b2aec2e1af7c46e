/* SPDX-License-Identifier: PostgreSQL */
/* snapshot: the snapshots of a lab, and what saving and restoring them share. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd_fault.h"
#include "cmd_snapshot.h"
#include "complete.h"
#include "completion.h"
#include "file.h"
#include "plural.h"
#include "state.h"
#include "tree.h"

const struct command cmd_snapshot = {
	.name = "snapshot", .actions = commands_snapshot,
	.summary = "keep the state of a whole lab under a name, and put it back",
	.help =
	"A snapshot has the disks and the data directories of all nodes, and the lab's record, of one moment: no server runs while it is "
	"made, or machines stand still and their memory is kept, too. It can be restored as often as you want, and a second lab "
	"can begin with it (create --from). It belongs to its lab: destroy removes both.\n\n"
	"  labctl snapshot save loaded\n"
	"  labctl snapshot list\n"
	"  labctl snapshot restore loaded",
};

int snapshot_check_name(const char *name, struct fail *e)
{
	const char *wrong = snapshot_form_name(name);

	return wrong ? fail(e, FAIL_USAGE, "'%.64s' is not a valid snapshot name: it %s", name, wrong) : 0;
}

void complete_snapshots(struct completion *to)
{
	const struct lab *lab = complete_lab(to);
	struct snapshot *all;
	struct fail ignored = { 0 };
	struct paths paths;
	unsigned count;

	if (!lab)
		return;
	load_paths(to->c, lab->name, &paths);
	if (snapshots_list(&paths, to->c->arena, &all, &count, &ignored) == 0)
		for (unsigned i = 0; i < count; i++)
			complete_add(to, all[i].name, all[i].kind);
}

void complete_all_snapshots(struct completion *to)
{
	struct cli *c = to->c;
	const char *const *labs;
	struct fail ignored = { 0 };

	if (state_labs(c->state_dir, c->arena, &labs, &ignored) < 0)
		return;
	for (; *labs; labs++) {
		struct snapshot *all;
		struct paths paths;
		unsigned count;

		load_paths(c, *labs, &paths);
		if (snapshots_list(&paths, c->arena, &all, &count, &ignored) == 0)
			for (unsigned i = 0; i < count; i++)
				complete_add(to, arena_printf(c->arena, "%s@%s", *labs, all[i].name), all[i].kind);
	}
}

int snapshot_choice(struct cli *c, const struct lab *lab, bool cluster, const char *said, struct choice *ret, struct fail *e)
{
	if (plan_choose(lab, NULL, NULL, cluster, c->arena, ret, e) < 0)
		return -1;
	ret->said = said;
	return 0;
}

int snapshot_check_faults(struct cli *c, const struct lab *lab, struct runtime *rt, const struct facts *facts, struct fail *e)
{
	json_t *rows = faults_rows(c, lab, rt, facts, e);
	size_t count = json_array_size(rows);

	if (!rows)
		return -1;
	if (count) {
		fail(e, FAIL_CONFLICT, "lab '%s' has %zu fault%s in force: %s", lab->name, count, plural(count),
		     json_string_value(json_object_get(json_array_get(rows, 0), "fault")));
		fail_next(e, "labctl -l %s fault heal --all, then the same command again", lab->name);
	}
	json_decref(rows);
	return count ? -1 : 0;
}

void snapshot_say_room(const struct cli *c, const char *lines)
{
	if (!c->json)
		report_say("%s", lines);
}

bool snapshot_heard_all(const struct lab *lab, const struct facts *facts, struct fail *e)
{
	for (unsigned h = 1; h < lab->host_count; h++)
		if (facts->silent && facts->silent[h]) {
			fail(e, FAIL_SSH, "%s; a snapshot needs all nodes, so nothing was done", facts->silent[h]);
			fail_next(e, "labctl -l %s host check; then the same command again", lab->name);
			return false;
		}
	return true;
}

/* --- list, show --- */

static const char *time_text(int64_t ms, char ret[32])
{
	time_t at = (time_t)(ms / 1000);
	struct tm tm;

	*ret = '\0';
	strftime(ret, 32, "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	return ret;
}

static json_t *row_of(const struct snapshot *s)
{
	char text[32];

	if (s->damaged)
		return json_pack("{s:s, s:s, s:s}", "snapshot", s->name, "state", "damaged", "why", s->damaged);
	return json_pack("{s:s, s:s, s:s, s:I, s:i, s:s, s:s, s:I, s:o}", "snapshot", s->name, "state", "complete", "created",
			 time_text(s->created_ms, text), "created_ms", (json_int_t)s->created_ms, "nodes",
			 (int)s->node_count, "form", s->live ? "live" : "cold", "kind", s->kind, "bytes", (json_int_t)s->bytes, "size",
			 json_sprintf("%llu MiB", (unsigned long long)s->bytes >> 20));
}

static int list(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "snapshot", "SNAPSHOT", false }, { "state", "STATE", false },
						 { "created", "CREATED", false },   { "nodes", "NODES", true },
						 { "form", "FORM", false },
						 { "kind", "KIND", false },         { "size", "SIZE", true } };
	auto_(lab_free) struct lab *lab = NULL;
	json_t *rows = NULL, *doc;
	struct snapshot *all;
	struct paths paths;
	unsigned count;
	int r;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (snapshots_list(&paths, c->arena, &all, &count, e) < 0)
		return -1;
	rows = json_array();
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(rows, row_of(&all[i]));
	doc = json_pack("{s:i, s:s, s:o}", "v", 1, "lab", lab->name, "snapshots", rows);
	r = c->json ? report_json(doc, e) : count ? report_table(rows, columns, ARRAY_COUNT(columns), e) : 0;
	if (!c->json && !count)
		report_say("lab '%s' has no snapshots\n", lab->name);
	json_decref(doc);
	return r;
}

const struct command cmd_snapshot_list = {
	.name = "list", .run = list, .without = NO_LIBRARY | NO_LIBVIRT,
	.summary = "list the snapshots of a lab",
	.help = "SIZE is what was copied. Where the file system shares blocks, it takes that space only as the lab changes.",
};

static json_t *node_row(const struct snapshot_node *n)
{
	json_t *row = json_pack("{s:s, s:I, s:o, s:s, s:I, s:o, s:s}", "node", n->name, "system_bytes", (json_int_t)n->system.bytes,
			 "system", json_sprintf("%llu MiB", (unsigned long long)n->system.bytes >> 20), "system_digest",
			 n->system.digest, "data_bytes", (json_int_t)n->data.bytes, "data",
			 json_sprintf("%llu MiB", (unsigned long long)n->data.bytes >> 20), "data_digest", n->data.digest);

	if (n->memory.files) {
		json_object_set_new(row, "memory_bytes", json_integer((json_int_t)n->memory.bytes));
		json_object_set_new(row, "memory", json_sprintf("%llu MiB", (unsigned long long)n->memory.bytes >> 20));
		json_object_set_new(row, "memory_digest", json_string(n->memory.digest));
	}
	return row;
}

static int show(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "node", "NODE", false }, { "system", "SYSTEM", true }, { "data", "DATA", true },
						 { "memory", "MEMORY", true } };
	auto_(lab_free) struct lab *lab = NULL;
	struct snapshot s;
	struct paths paths;
	char text[32];
	json_t *nodes, *doc;
	int r = 0;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (snapshot_read(&paths, c->args[0], c->arena, &s, e) < 0)
		return -1;
	nodes = json_array();
	for (unsigned i = 0; i < s.node_count; i++)
		json_array_append_new(nodes, node_row(&s.nodes[i]));
	doc = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:o}", "v", 1, "lab", lab->name,
			"snapshot", s.name, "form", s.live ? "live" : "cold", "created", time_text(s.created_ms, text), "created_ms",
			(json_int_t)s.created_ms, "labctl", s.labctl, "hypervisor", s.hypervisor, "kind", s.kind, "image",
			s.image, "image_digest", s.image_digest, "bytes", (json_int_t)s.bytes, "path",
			snapshot_path(&paths, s.name, NULL, c->arena), "nodes", nodes);
	if (s.live)
		json_object_set_new(doc, "pause_ms", json_integer(s.pause_ms));
	if (c->json)
		r = report_json(doc, e);
	else {
		printf("snapshot %s of lab %s, %s, %s, %llu MiB\nhypervisor %s, image %s (%.12s), %s\n%s\n\n", s.name, lab->name,
		       s.live ? "live" : "cold", text, (unsigned long long)s.bytes >> 20, s.hypervisor, s.image, s.image_digest,
		       *s.kind ? s.kind : "no database", snapshot_path(&paths, s.name, NULL, c->arena));
		r = report_table(nodes, columns, ARRAY_COUNT(columns) - !s.live, e);
	}
	json_decref(doc);
	return r;
}

const struct command cmd_snapshot_show = {
	.name = "show", .run = show, .args = { { .name = "NAME", .complete = complete_snapshots } }, .without = NO_LIBRARY | NO_LIBVIRT,
	.summary = "show what a snapshot has",
	.help = "SYSTEM is the disk of a machine, or what a container changed in its image; DATA is the data directory; MEMORY is that of a machine "
		"which was saved while it ran.",
};

/* --- delete --- */

static int delete(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct snapshot s;
	struct paths paths;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	/* a damaged one is deleted too */
	if (snapshot_read(&paths, c->args[0], c->arena, &s, e) < 0 && e->code != FAIL_LAB)
		return -1;
	*e = (struct fail){ 0 };
	if (plan_snapshot_delete(lab, c->args[0], &p, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, p, e);
	if (report_confirm(c, arena_printf(c->arena, "snapshot '%s' of lab '%s'", c->args[0], lab->name), c->args[0], e) < 0 ||
	    run_lock(c, &paths, &lock, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	if (run_plan(c, rt, p, e) == 0)
		return 0;
	return e->code == FAIL_PARTIAL ? fail_next(e, "labctl -l %s start    (when that host answers: any command that changes the lab there removes "
						   "its part of the snapshot, too)", lab->name) : -1;
}

const struct command cmd_snapshot_delete = {
	.name = "delete", .run = delete, .args = { { .name = "NAME", .complete = complete_snapshots } },
	.summary = "delete a snapshot",
	.help = "The lab stays as it is. " HELP_ASKS,
};
