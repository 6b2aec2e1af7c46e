/* SPDX-License-Identifier: PostgreSQL */
/* Saves a whole lab, and puts it back. */
#include "plan_rules.h"
#include "plan_snapshot_live.h"

#define ROOM "room"
#define STOPPED "stopped"
#define COPIED "copied"
#define FETCHED "fetched"
#define SWAPPED "swapped"

struct step *snapshot_add_node(struct plan *p, enum verb verb, unsigned i, const char *name, const char *title)
{
	struct step *s = plan_add_node(p, verb, &p->lab->nodes[i], verb_names[verb], title);

	s->subject = name;
	return s;
}

struct step *snapshot_add(struct plan *p, enum verb verb, const char *name, const char *title)
{
	struct step *s = plan_add(p, verb, NULL, verb_names[verb], title);

	s->subject = name;
	return s;
}

/*
 * Of a lab on several hosts: before anything else, the others answer and have room. Of this host the command knows it already.
 * Returns the step to wait for; NULL on one host.
 */
static const char *add_rooms(struct plan *p, enum verb verb, const char *name, const char *title)
{
	const struct lab *lab = p->lab;
	struct step *s;

	if (!lab_spans_hosts(lab))
		return NULL;
	for (unsigned h = 1; h < lab->host_count; h++)
		if (host_is_used(lab, h))
			plan_add_at(p, h, verb, NULL, plan_on(p, verb_names[verb], h), title)->subject = name;
	s = plan_add(p, VERB_JOIN, NULL, ROOM, "all hosts answer, and have room");
	s->gate = true;
	for (unsigned h = 1; h < lab->host_count; h++)
		if (host_is_used(lab, h))
			plan_after(p, s, plan_on(p, verb_names[verb], h));
	return ROOM;
}

/* The step of @verb on each host, the first one last: after @what of all nodes, of another host after that of its own. */
static void add_hosts(struct plan *p, enum verb verb, const char *name, const char *what, const char *title, const char *title_away)
{
	const struct lab *lab = p->lab;
	struct step *s, *last = NULL;

	for (unsigned h = 1; h < lab_hosts(lab); h++) {
		if (!host_is_used(lab, h))
			continue;
		s = plan_add_at(p, h, verb, NULL, plan_on(p, verb_names[verb], h), title_away);
		s->subject = name;
		for (unsigned i = 0; i < lab->node_count; i++)
			if (lab->nodes[i].host == h)
				plan_after_node(p, s, what, lab->nodes[i].name);
	}
	last = snapshot_add(p, verb, name, title);
	plan_after_nodes(p, last, what);
	for (unsigned h = 1; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h))
			plan_after(p, last, plan_on(p, verb_names[verb], h));
}

/* The lab starts again whatever happened before, once every node has stopped or could not be stopped. */
static int add_cold(struct plan *p, const struct library *lib, const struct facts *facts, const struct snapshot_plan *o,
		    struct fail *e)
{
	const struct lab *lab = p->lab;
	uint32_t *roles = arena_alloc(p->arena, lab->node_count * sizeof *roles);
	const char *room;
	struct step *s;

	if (o->made)
		return plan_add_start(p, lib, o->what, o->what->roles, NULL, e);
	room = add_rooms(p, VERB_SNAPSHOT_BEGIN, o->name, "room for its part of the copy");
	if (plan_add_stops(p, lib, facts, o->what, room, roles, e) < 0)
		return -1;
	plan_after_ends(p, plan_add(p, VERB_JOIN, NULL, STOPPED, "all of it is stopped"));
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, snapshot_add_node(p, VERB_SNAPSHOT_COPY, i, o->name, "copy its disk and its data"), STOPPED);
	add_hosts(p, VERB_SNAPSHOT_SEAL, o->name, "snapshot.copy", arena_printf(p->arena, "record snapshot %s", o->name),
		  arena_printf(p->arena, "record its part of snapshot %s", o->name));
	s = plan_add(p, VERB_JOIN, NULL, COPIED, "the copy is complete, or has failed");
	s->anyway = true;
	if (room)
		plan_after(p, s, room);
	plan_after(p, s, "snapshot.seal");
	plan_after_nodes(p, s, "snapshot.copy");
	plan_after_nodes(p, s, "node.shutdown");
	return plan_add_start(p, lib, o->what, o->what->roles, COPIED, e);
}

/* The lab goes on whatever happened before; only then the snapshot is written to the disk, and gets its name. */
static int add_live(struct plan *p, const struct library *lib, const struct snapshot_plan *o, struct fail *e)
{
	struct step *s;

	snapshot_add_freeze(p, o);
	s = plan_add(p, VERB_JOIN, NULL, COPIED, "all is saved, or has failed");
	s->anyway = true;
	plan_after_nodes(p, s, "node.pause");
	plan_after(p, s, "nfs.stop");
	plan_after_nodes(p, s, "snapshot.copy");
	snapshot_add_thaw(p, o, COPIED, true, VERB_JOIN);
	plan_after_nodes(p, snapshot_add(p, VERB_SNAPSHOT_THAWED, o->name, "clients go on"), "node.resume");
	if (snapshot_add_checks(p, lib, o, e) < 0)
		return -1;
	/* a save that is killed before the clocks are right begins anew */
	s = snapshot_add(p, VERB_SNAPSHOT_SEAL, o->name, arena_printf(p->arena, "record snapshot %s", o->name));
	plan_after_nodes(p, s, "snapshot.copy");
	plan_after_nodes(p, s, "clock");
	plan_after(p, s, "snapshot.thawed");
	return 0;
}

int plan_snapshot_save(const struct lab *lab, const struct library *lib, const struct facts *facts,
		       const struct snapshot_plan *o, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->what->said, lab);

	if (o->live ? add_live(p, lib, o, e) < 0 : add_cold(p, lib, facts, o, e) < 0)
		return -1;
	if (plan_finish(p, e) < 0)
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
	const char *room = add_rooms(p, VERB_SNAPSHOT_ROOM, o->name, "its part of the snapshot, and room for a copy");
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++) {
		s = snapshot_add_node(p, VERB_SNAPSHOT_FETCH, i, o->name, "copy its disk and its data, and check them");
		if (room)
			plan_after(p, s, room);
	}
	plan_after_ends(p, plan_add(p, VERB_JOIN, NULL, FETCHED, "all copies are there"));
	plan_add_offs(p, o->what, FETCHED);
	s = snapshot_add(p, VERB_SNAPSHOT_ENTER, o->name, "from here on nodes are replaced");
	plan_after_nodes(p, s, "node.off");
	for (unsigned h = 0; h < lab_hosts(lab) && nfs; h++) {
		const char *stop = plan_on(p, "nfs.stop", h);

		if (!host_is_used(lab, h))
			continue;
		/* it has open handles of the directories that will be replaced */
		plan_after_nodes(p, plan_add_at(p, h, VERB_NFS_STOP, NULL, stop, "withdraw the exports"), "node.off");
		plan_after(p, s, stop);
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, snapshot_add_node(p, VERB_SNAPSHOT_SWAP, i, o->name, "put its disk and its data in place"),
			   "snapshot.enter");
	plan_after_nodes(p, plan_add(p, VERB_JOIN, NULL, SWAPPED, "all nodes have their disks and data"), "snapshot.swap");
	if (o->live)
		snapshot_add_thaw(p, o, SWAPPED, false, VERB_SNAPSHOT_RECORD);
	else
		plan_after(p, snapshot_add(p, VERB_SNAPSHOT_RECORD, o->name, "the lab's record as it was"), SWAPPED);
	if (o->live ? snapshot_add_checks(p, lib, o, e) < 0
		    : plan_add_start(p, lib, o->what, o->what->roles, "snapshot.record", e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++)
		plan_after(p, snapshot_add_node(p, VERB_SNAPSHOT_CLEAR, i, o->name, "remove what it had before"),
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
	const char *room;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++)
		cluster |= o->what->roles[i] != 0;
	snapshot_add(p, VERB_SNAPSHOT_ADOPT, o->name, "passwords of the lab that was saved");
	if (plan_add_machines(p, lib, &(struct machines){ .after = "snapshot.adopt", .filled = "snapshot.taken" }, e) < 0)
		return -1;
	room = add_rooms(p, VERB_SNAPSHOT_ROOM, o->name, "its part of the snapshot, and room for a copy");
	for (unsigned i = 0; i < lab->node_count; i++) {
		s = snapshot_add_node(p, VERB_SNAPSHOT_TAKE, i, o->name, "copy its disk and its data, and check them");
		plan_after(p, s, room ? room : "lab.prepare");
		plan_after_node(p, s, "data.create", lab->nodes[i].name);
	}
	add_hosts(p, VERB_SNAPSHOT_TAKEN, o->name, "snapshot.take", "all nodes have what was saved", "its nodes have what was saved");
	if ((cluster && rules_add(&b, b.recipe->rules, "tune") < 0) || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_snapshot_delete(const struct lab *lab, const char *name, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(arena_printf(lab->arena, "snapshot delete %s", name), lab);

	p->partial = lab_spans_hosts(lab);
	/* From here on there is none of this name; a host that does not answer now removes its part when it does (exec/snapshot_parts.c). */
	snapshot_add(p, VERB_SNAPSHOT_DELETE, name, arena_printf(p->arena, "remove snapshot %s", name));
	for (unsigned h = 1; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h)) {
			struct step *s = plan_add_at(p, h, VERB_SNAPSHOT_DELETE, NULL, plan_on(p, "snapshot.delete", h), "remove its part");

			s->subject = name;
			plan_after(p, s, "snapshot.delete");
		}
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
