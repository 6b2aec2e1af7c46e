/* SPDX-License-Identifier: PostgreSQL */
/* create --warm: machines that are off go on from a snapshot of an equal lab, instead of booting. */
#include "ask_roles.h"
#include "cmd_snapshot.h"
#include "file.h"
#include "lab_change.h"
#include "state.h"

static const char *running_node(const struct lab *lab, const struct facts *facts)
{
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct fact_domain *d = ask_domain(facts, &lab->nodes[i]);

		if (d && d->runs)
			return lab->nodes[i].name;
	}
	return NULL;
}

/* How long a lab lives and whether it starts with the host are those of now, as in a restore. */
static bool is_equal(struct cli *c, const struct paths *paths, const struct snapshot *s, const struct lab *wanted)
{
	const char *file = snapshot_path(paths, s->name, "record/lab.yaml", c->arena);
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *then = NULL;
	struct lab_change *changes;
	struct fail ignored = { 0 };
	unsigned count;

	if (s->damaged || !s->live || lab_load(file, &o, &then, &ignored) < 0)
		return false;
	then->ttl = wanted->ttl;
	then->autostart = wanted->autostart;
	lab_changes(then, wanted, false, c->arena, &changes, &count);
	return count == 0;
}

int create_warm(struct cli *c, const struct lab *lab, bool *ret_restored, struct fail *e)
{
	auto_(runtime_close) struct runtime *rt = NULL;
	const char *why = NULL, *node;
	const struct snapshot *newest = NULL;
	struct facts facts = { 0 };
	struct snapshot *all;
	struct paths paths;
	unsigned count = 0;

	*ret_restored = false;
	load_paths(c, lab->name, &paths);
	if (!file_exists(paths.lab_file))
		why = "there is no such lab yet";
	else if (load_runtime(c, lab, &rt, e) < 0 || runtime_facts(rt, c->arena, &facts, e) < 0 ||
		 snapshots_list(&paths, c->arena, &all, &count, e) < 0)
		return -1;
	else if ((node = running_node(lab, &facts)))
		why = arena_printf(c->arena, "%s runs", node);
	for (unsigned i = 0; i < count; i++)
		newest = is_equal(c, &paths, &all[i], lab) ? &all[i] : newest;
	if (!why && !newest)
		why = "no snapshot has the memory of machines with these settings";
	if (why) {
		report_say("lab '%s' does not start warm: %s; nodes that are off boot\n", lab->name, why);
		return 0;
	}
	report_say("lab '%s' starts warm, from snapshot %s\n", lab->name, newest->name);
	*ret_restored = true;
	return snapshot_restore_part(c, lab->name, newest->name, e);
}
