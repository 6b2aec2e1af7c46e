/* SPDX-License-Identifier: PostgreSQL */
/*
 * A server that took a role over: .places say where the roles were at first, .promoted which server has the role now. All
 * plans read the nodes' roles only, so they need not know that there was a failover.
 */
#include <string.h>

#include "lab_source.h"

static const struct takeover *takeover_of(const struct lab *lab)
{
	return lab->cluster.recipe ? lab->cluster.recipe->takeover : NULL;
}

const struct node *lab_leader(const struct lab *lab)
{
	const struct takeover *t = takeover_of(lab);

	for (unsigned i = 0; t && i < lab->node_count; i++)
		if (node_has_role(&lab->nodes[i], lab_role(lab, t->role)))
			return &lab->nodes[i];
	return NULL;
}

/* Each gets the other's role and number: the names of servers and slots follow from them. */
static void exchange(struct node *leader, struct node *n, int role, int from)
{
	leader->roles ^= 1u << role | 1u << from;
	n->roles ^= 1u << role | 1u << from;
	leader->role_index[from] = n->role_index[from];
	n->role_index[role] = leader->role_index[role];
	leader->role_index[role] = n->role_index[from] = 0;
}

/* A promoted server keeps its directory and its port, so both roles must have the same. */
static int check_places(const struct lab *lab, int role, int from, struct fail *e)
{
	const struct role_place *p = &lab->cluster.places[role], *q = &lab->cluster.places[from];

	if (p->port != q->port)
		return fail(e, FAIL_USAGE, "a %s cannot become the %s: its port is %u, not %u", q->role, p->role, q->port, p->port);
	if (strcmp(p->dir, q->dir) != 0)
		return fail(e, FAIL_USAGE, "a %s cannot become the %s: its directory is %s, not %s", q->role, p->role, q->dir, p->dir);
	return 0;
}

int lab_promote(struct lab *lab, const struct node *n, struct fail *e)
{
	const struct takeover *t = takeover_of(lab);
	const struct lab_options o = { 0 };
	struct source s = { .lab = lab, .options = &o, .problems = { .arena = lab->arena } };
	const struct node *leader = lab_leader(lab);
	int role, from;

	if (!t || !leader)
		return fail(e, FAIL_USAGE, "no server of this cluster can take over a role");
	role = lab_role(lab, t->role);
	from = lab_role(lab, t->from);
	if (n == leader)
		return 0;
	if (!node_has_role(n, from))
		return fail(e, FAIL_USAGE, "%s has no %s", n->name, t->from);
	if (check_places(lab, role, from, e) < 0)
		return -1;
	if (lab->cluster.promoted) { /* back to the places of the lab file */
		place_role(&s, (unsigned)role);
		place_role(&s, (unsigned)from);
		leader = lab_leader(lab);
	}
	lab->cluster.promoted = n == leader ? NULL : arena_strdup(lab->arena, n->name);
	if (n != leader)
		exchange(&lab->nodes[leader->index - 1], &lab->nodes[n->index - 1], role, from);
	return 0;
}

void promoted_complete(struct source *s)
{
	struct lab *lab = s->lab;
	const char *name = lab->cluster.promoted;
	struct fail e = { 0 };

	lab->cluster.promoted = NULL;
	for (unsigned i = 0; name && i < lab->node_count; i++) {
		if (strcmp(lab->nodes[i].name, name) != 0)
			continue;
		if (lab_promote(lab, &lab->nodes[i], &e) < 0)
			source_problem(s, "cluster.promoted", "%s", e.text);
		return;
	}
	if (name)
		source_problem(s, "cluster.promoted", "no node is named %.64s", name);
}
