/* SPDX-License-Identifier: PostgreSQL */
/*
 * A live snapshot is a consistent cut: no node runs from the moment when the last one was paused until all are saved. What one has
 * sent and another has not received is lost, as on any network, and sent again.
 */
#include "plan_snapshot_live.h"

#include "plan_rules.h"
#include "script.h"

#define PAUSED "paused"
#define THAWED "thawed"

void snapshot_add_freeze(struct plan *p, const struct snapshot_plan *o)
{
	const struct lab *lab = p->lab;
	struct step *s;

	snapshot_add(p, VERB_SNAPSHOT_FREEZE, o->name, "from here on clients wait");
	/* A request that was carried out and not answered would be sent again after a restore: the second rename of a file fails. */
	plan_after(p, snapshot_add(p, VERB_NFS_DRAIN, o->name, "the NFS server answers what it has, and takes no more"), "snapshot.freeze");
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, snapshot_add_node(p, VERB_NODE_PAUSE, i, NULL, "pause it"), "nfs.drain");
	plan_after_nodes(p, plan_add(p, VERB_JOIN, NULL, PAUSED, "no node runs"), "node.pause");
	/* One that runs meanwhile forgets sessions that its clients remember: they begin anew with a new one. */
	plan_after(p, plan_add(p, VERB_NFS_STOP, NULL, "nfs.stop", "end the NFS server"), PAUSED);
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, snapshot_add_node(p, VERB_SNAPSHOT_MEMORY, i, o->name, "save its memory"), PAUSED);
	for (unsigned i = 0; i < lab->node_count; i++) {
		s = snapshot_add_node(p, VERB_SNAPSHOT_COPY, i, o->name, "copy its disk and its data");
		plan_after_node(p, s, "snapshot.memory", lab->nodes[i].name);
		plan_after(p, s, "nfs.stop");
	}
}

static struct step *add_after(struct plan *p, struct step *s, const char *after, bool anyway)
{
	s->anyway = anyway;
	plan_after(p, s, after);
	return s;
}

void snapshot_add_thaw(struct plan *p, const struct snapshot_plan *o, const char *after, bool anyway, enum verb record)
{
	const struct lab *lab = p->lab;
	const char *thawed = record == VERB_JOIN ? THAWED : verb_names[record];
	struct step *s;

	add_after(p, plan_add(p, VERB_NET_CREATE, NULL, "net.create", "the network of the lab"), after, anyway);
	s = add_after(p, plan_add(p, VERB_NFS_SERVE, NULL, "nfs.serve", "export the data directories to the lab's subnet"), after, anyway);
	plan_after(p, s, "net.create");
	for (unsigned i = 0; i < lab->node_count; i++)
		add_after(p, snapshot_add_node(p, VERB_NODE_THAW, i, o->name, "continue from its memory"), "nfs.serve", anyway);
	add_after(p, plan_add(p, VERB_FAULT_FILTER, NULL, "fault.filter", "let requests to the NFS server through"), after, anyway);
	s = record == VERB_JOIN ? plan_add(p, VERB_JOIN, NULL, THAWED, "all nodes have their memory")
				: snapshot_add(p, record, o->name, "the lab's record as it was");
	s->anyway = anyway;
	plan_after_nodes(p, s, "node.thaw");
	plan_after(p, s, "fault.filter");
	for (unsigned i = 0; i < lab->node_count; i++)
		add_after(p, snapshot_add_node(p, VERB_NODE_RESUME, i, NULL, "it runs again"), thawed, anyway);
}

/* The same payload for all nodes. */
static const struct payload *clock_payload(struct plan *p, const struct library *lib)
{
	const char *functions = library_text(lib, "tuning/fault/system.sh");
	struct payload *made = arena_alloc(p->arena, sizeof *made);

	*made = (struct payload){
		.script = script_compose(lib, NULL, NULL, 0,
					 arena_printf(p->arena, "%s\nclock + end 0\n", functions ? functions : ""), p->arena),
		.source = "tuning/fault/system.sh",
	};
	return made;
}

int snapshot_add_checks(struct plan *p, const struct library *lib, const struct snapshot_plan *o, struct fail *e)
{
	const struct lab *lab = p->lab;
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena }, .what = RULES_START,
			   .chosen = o->what->roles, .e = e };
	const struct payload *clock = o->keep_clocks ? NULL : clock_payload(p, lib);
	bool cluster = false;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		cluster |= o->what->roles[i] != 0;
		s = plan_add_node(p, VERB_NODE_READY, n, "node.ready", "wait until it answers on SSH");
		plan_after_node(p, s, "node.resume", n->name);
		if (!clock)
			continue;
		s = plan_add_node(p, VERB_NODE_SCRIPT, n, "clock", "set its clock");
		s->payload = clock;
		plan_after_node(p, s, "node.ready", n->name);
	}
	return cluster ? rules_add(&b, b.recipe->rules, clock ? "clock" : "node.ready") : 0;
}

int plan_snapshot_thaw(const struct lab *lab, const struct snapshot_plan *o, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->what->said, lab);

	plan_add(p, VERB_NFS_STOP, NULL, "nfs.stop", "end the NFS server");
	snapshot_add_thaw(p, o, "nfs.stop", false, VERB_JOIN);
	plan_after_nodes(p, snapshot_add(p, VERB_SNAPSHOT_THAWED, o->name, "the lab goes on"), "node.resume");
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
