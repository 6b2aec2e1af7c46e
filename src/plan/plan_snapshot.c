/* SPDX-License-Identifier: PostgreSQL */
/* Saves a whole lab while it is stopped, and puts it back. */
#include "plan.h"
#include "plan_rules.h"

#define STOPPED "stopped"
#define COPIED "copied"
#define FETCHED "fetched"

static struct step *add_for_node(struct plan *p, enum verb verb, unsigned i, const char *name, const char *title)
{
	struct step *s = plan_add_node(p, verb, &p->lab->nodes[i], verb_names[verb], title);

	s->subject = name;
	return s;
}

static struct step *add_for_lab(struct plan *p, enum verb verb, const char *name, const char *title)
{
	struct step *s = plan_add(p, verb, NULL, verb_names[verb], title);

	s->subject = name;
	return s;
}

/* The lab starts again whatever happened before, once every node has stopped or could not be stopped. */
static int add_save(struct plan *p, const struct library *lib, const struct facts *facts, const struct snapshot_plan *o,
		    struct fail *e)
{
	const struct lab *lab = p->lab;
	uint32_t *roles = arena_alloc(p->arena, lab->node_count * sizeof *roles);
	struct step *s;

	if (plan_add_stops(p, lib, facts, o->what, roles, e) < 0)
		return -1;
	plan_after_ends(p, plan_add(p, VERB_JOIN, NULL, STOPPED, "all of it is stopped"));
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, add_for_node(p, VERB_SNAPSHOT_COPY, i, o->name, "copy its disk and its data"), STOPPED);
	plan_after_nodes(p,
			 add_for_lab(p, VERB_SNAPSHOT_SEAL, o->name, arena_printf(p->arena, "record snapshot %s", o->name)),
			 "snapshot.copy");
	s = plan_add(p, VERB_JOIN, NULL, COPIED, "the copy is complete, or has failed");
	s->anyway = true;
	plan_after(p, s, "snapshot.seal");
	plan_after_nodes(p, s, "snapshot.copy");
	plan_after_nodes(p, s, "node.shutdown");
	return 0;
}

int plan_snapshot_save(const struct lab *lab, const struct library *lib, const struct facts *facts,
		       const struct snapshot_plan *o, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->what->said, lab);

	if ((!o->made && add_save(p, lib, facts, o, e) < 0) ||
	    plan_add_start(p, lib, o->what, o->what->roles, o->made ? NULL : COPIED, e) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

/* The copies are made and checked while the lab still runs; nothing is lost until the first node is replaced. */
int plan_snapshot_restore(const struct lab *lab, const struct library *lib, const struct snapshot_plan *o,
			  struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->what->said, lab);
	bool nfs = lab_transport(lab) == TRANSPORT_NFS;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++)
		add_for_node(p, VERB_SNAPSHOT_FETCH, i, o->name, "copy its disk and its data, and check them");
	plan_after_ends(p, plan_add(p, VERB_JOIN, NULL, FETCHED, "all copies are there"));
	plan_add_offs(p, o->what, FETCHED);
	s = add_for_lab(p, VERB_SNAPSHOT_ENTER, o->name, "from here on nodes are replaced");
	plan_after_nodes(p, s, "node.off");
	if (nfs) {
		/* it has open handles of the directories that will be replaced */
		plan_after_nodes(p, plan_add(p, VERB_NFS_STOP, NULL, "nfs.stop", "withdraw the exports"), "node.off");
		plan_after(p, s, "nfs.stop");
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, add_for_node(p, VERB_SNAPSHOT_SWAP, i, o->name, "put its disk and its data in place"),
			   "snapshot.enter");
	plan_after_nodes(p, add_for_lab(p, VERB_SNAPSHOT_RECORD, o->name, "the lab's record as it was"), "snapshot.swap");
	if (plan_add_start(p, lib, o->what, o->what->roles, "snapshot.record", e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, add_for_node(p, VERB_SNAPSHOT_CLEAR, i, o->name, "remove what it had before"),
			   "snapshot.record");
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_snapshot_create(const struct lab *lab, const struct library *lib, const struct snapshot_plan *o,
			 struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->what->said, lab);
	struct rules b = { .plan = p,
			   .recipe = lab->cluster.recipe,
			   .lib = lib,
			   .cache = { .arena = p->arena },
			   .what = RULES_START,
			   .chosen = o->what->roles,
			   .e = e };
	bool cluster = false;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++)
		cluster |= o->what->roles[i] != 0;
	add_for_lab(p, VERB_SNAPSHOT_ADOPT, o->name, "passwords of the lab that was saved");
	if (plan_add_machines(p, lib, &(struct machines){ .after = "snapshot.adopt", .filled = "snapshot.taken" }, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++) {
		s = add_for_node(p, VERB_SNAPSHOT_TAKE, i, o->name, "copy its disk and its data, and check them");
		plan_after(p, s, "lab.prepare");
		plan_after_node(p, s, "data.create", lab->nodes[i].name);
	}
	plan_after_nodes(p, add_for_lab(p, VERB_SNAPSHOT_TAKEN, o->name, "all nodes have what was saved"), "snapshot.take");
	if ((cluster && rules_add(&b, b.recipe->rules, "tune") < 0) || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_snapshot_delete(const struct lab *lab, const char *name, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(arena_printf(lab->arena, "snapshot delete %s", name), lab);

	add_for_lab(p, VERB_SNAPSHOT_DELETE, name, arena_printf(p->arena, "remove snapshot %s", name));
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
