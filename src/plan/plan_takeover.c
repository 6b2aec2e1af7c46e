/* SPDX-License-Identifier: PostgreSQL */
/*
 * Gives a role to another server: planned, after a failure, and what the old server then needs. Every other server proves that
 * it can only start as a standby; then the new one is recorded, promoted, and the rules of a bootstrap do the rest: they
 * write every configuration for the new roles.
 */
#include "plan.h"
#include "plan_rules.h"

static const struct takeover *takeover_of(const struct lab *lab)
{
	return lab->cluster.recipe->takeover;
}

static bool is_from(const struct lab *lab, const struct node *n)
{
	return node_has_role(n, lab_role(lab, takeover_of(lab)->from));
}

/* --- what is lost --- */

static const char *switchover_loss(const struct lab *lab, const struct handover *h, struct arena *a)
{
	const struct standing *old = h->from ? &h->all[h->from->index - 1] : NULL;

	if (h->from == h->to)
		return arena_printf(a, "nothing: %s is the %s already", h->to->name, takeover_of(lab)->role);
	if (!old || !old->answers)
		return arena_printf(a, "nothing: nobody is promoted before the old %s has ended cleanly and %s has all that it wrote",
				    takeover_of(lab)->role, h->to->name);
	return arena_printf(a, "nothing: %s ends cleanly, and %s must have all that it wrote before it is promoted. Sessions on %s end: "
			    "%u now; open transactions are rolled back: %u that have written something", h->from->name, h->to->name,
			    h->from->name, old->sessions, old->writing);
}

static const char *failover_loss(const struct handover *h, struct arena *a)
{
	static const char doubt[] = "Clients that got no answer to a commit must look whether it is there";
	const struct standing *to = &h->all[h->to->index - 1];

	if (!h->from)
		return arena_printf(a, "nothing more: %s was chosen by a failover before, which said what it lost", h->to->name);
	if (h->lost == 0)
		return arena_printf(a, "nothing: %s has every transaction that %s committed. %s", h->to->name, h->from->name, doubt);
	if (h->lost > 0)
		return arena_printf(a, "%lld transaction%s that %s committed and %s has not received. %s", (long long)h->lost,
				    h->lost == 1 ? "" : "s", h->from->name, h->to->name, doubt);
	return arena_printf(a, "what %s committed and %s has not received; only the disk of %s says how much (rejoin counts it). The newest "
			    "transaction on %s is %lld.%lld s old. %s", h->from->name, h->to->name, h->from->name, h->to->name,
			    (long long)(to->age_ms < 0 ? 0 : to->age_ms) / 1000, (long long)(to->age_ms < 0 ? 0 : to->age_ms) % 1000 / 100,
			    doubt);
}

static const char *rejoin_loss(const struct handover *h, struct arena *a)
{
	if (h->lost == 0)
		return arena_printf(a, "nothing: %s has every transaction of %s", h->to->name, h->from->name);
	if (h->lost > 0)
		return arena_printf(a, "%lld transaction%s that only %s has", (long long)h->lost, h->lost == 1 ? "" : "s", h->from->name);
	return arena_printf(a, "the transactions that only %s has; they are counted once its machine runs", h->from->name);
}

/* --- who --- */

static const struct node *most_wal(const struct lab *lab, const struct standing *all, bool streams)
{
	const struct node *best = NULL;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (is_from(lab, &lab->nodes[i]) && all[i].answers && all[i].recovers && (!streams || all[i].streams) &&
		    (!best || all[i].wal > all[best->index - 1].wal))
			best = &lab->nodes[i];
	return best;
}

/* Does the lab have no server that could ever take over? */
static int check_standbys(const struct lab *lab, struct fail *e)
{
	const struct takeover *t = takeover_of(lab);
	const struct member *m = recipe_member(lab->cluster.recipe, t->from);

	for (unsigned i = 0; i < lab->node_count; i++)
		if (is_from(lab, &lab->nodes[i]))
			return 0;
	fail(e, FAIL_USAGE, "lab '%s' has no %s that could take over", lab->name, t->from);
	return m && !m->stays ? fail_next(e, "labctl -l %s node add -r %s", lab->name, t->from) :
				fail_next(e, "labctl -l NAME create N    (another lab, with a %s)", t->from);
}

/* The old server ended, and the one that the record names was never promoted: only that one may be. */
static bool is_interrupted(const struct standing *leader)
{
	return leader->answers && leader->recovers;
}

int plan_switchover_to(const struct lab *lab, const struct standing *all, const struct node *wanted, const struct node **ret,
		       struct fail *e)
{
	const struct takeover *t = takeover_of(lab);
	const struct node *leader = lab_leader(lab), *n = wanted;
	const struct standing *old = &all[leader->index - 1];

	if (check_standbys(lab, e) < 0)
		return -1;
	if (!n)
		n = is_interrupted(old) ? leader : most_wal(lab, all, old->answers);
	if (!n) {
		fail(e, FAIL_DB, "no %s can take over from %s: none streams from it", t->from, leader->name);
		return fail_next(e, "labctl -l %s status", lab->name);
	}
	*ret = n;
	if (n == leader)
		return 0;
	if (!is_from(lab, n)) {
		fail(e, FAIL_USAGE, "%s has no %s that could become the %s", n->name, t->from, t->role);
		return fail_next(e, "labctl -l %s status", lab->name);
	}
	if (is_interrupted(old)) {
		fail(e, FAIL_CONFLICT, "a takeover by %s was not finished", leader->name);
		return fail_next(e, "labctl -l %s switchover %s", lab->name, leader->name);
	}
	if (!old->on) {
		fail(e, FAIL_DB, "the %s on %s cannot end cleanly: its machine is off", t->role, leader->name);
		return fail_next(e, "labctl -l %s start %s; if it is lost: labctl -l %s failover %s", lab->name, leader->name, lab->name, t->role);
	}
	if (!all[n->index - 1].answers || !all[n->index - 1].recovers || (old->answers && !all[n->index - 1].streams)) {
		fail(e, FAIL_DB, "%s cannot take over from %s: it %s", n->name, leader->name, !all[n->index - 1].answers ? "does not answer" :
		     !all[n->index - 1].recovers ? "is no standby: somebody promoted it" : "does not stream from it");
		return fail_next(e, "labctl -l %s rejoin %s", lab->name, n->name);
	}
	return 0;
}

int plan_failover_to(const struct lab *lab, const struct standing *all, bool again, const struct node **ret, struct fail *e)
{
	const struct takeover *t = takeover_of(lab);
	const struct node *leader = lab_leader(lab), *n = NULL, *silent = NULL;

	if (check_standbys(lab, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++) {
		if (!is_from(lab, &lab->nodes[i]))
			continue;
		if (!all[i].answers)
			silent = &lab->nodes[i];
		if (all[i].answers && !all[i].recovers && n) {
			fail(e, FAIL_CONFLICT, "%s and %s were both promoted by somebody else", n->name, lab->nodes[i].name);
			return fail_next(e, "stop the one that has less: labctl -l %s stop NODE", lab->name);
		}
		if (all[i].answers && !all[i].recovers)
			n = &lab->nodes[i];
	}
	if (all[leader->index - 1].answers) {
		*ret = leader;
		/* It was interrupted, or something failed after the promotion: the same plan finishes it. */
		if (again || is_interrupted(&all[leader->index - 1]) || (lab->cluster.promoted && silent))
			return 0;
		fail(e, FAIL_CONFLICT, "the %s on %s answers: nothing has failed", t->role, leader->name);
		return fail_next(e, "labctl -l %s switchover    (another server takes over, and no row is lost)", lab->name);
	}
	if (!n)
		n = most_wal(lab, all, false);
	if (!n) {
		fail(e, FAIL_DB, "no %s answers that could take over from %s", t->from, leader->name);
		return fail_next(e, "labctl -l %s start", lab->name);
	}
	*ret = n;
	return 0;
}

int plan_rejoin_to(const struct lab *lab, const struct standing *all, const struct node *n, const struct node **ret, struct fail *e)
{
	const struct takeover *t = takeover_of(lab);
	const struct node *leader = lab_leader(lab);
	const struct standing *s = &all[leader->index - 1];

	if (n == leader) {
		fail(e, FAIL_USAGE, "%s has the %s: the others follow it", n->name, t->role);
		return fail_next(e, "labctl -l %s start %s    (starts it), or failover %s", lab->name, n->name, t->role);
	}
	if (!is_from(lab, n))
		return fail(e, FAIL_USAGE, "%s has neither a %s nor a %s", n->name, t->role, t->from);
	if (!s->answers || s->recovers) {
		fail(e, FAIL_DB, "%s cannot follow %s: that one %s", n->name, leader->name, s->answers ? "is not promoted yet" : "does not answer");
		return fail_next(e, "labctl -l %s failover %s", lab->name, t->role);
	}
	*ret = leader;
	return 0;
}

/* --- the plans --- */

/* Servers on machines that are off, and with @silent also those that do not answer: as roles, per node. */
static uint32_t *left_out(const struct plan *p, const struct handover *h, bool silent)
{
	const struct lab *lab = p->lab;
	uint32_t *off = arena_alloc(p->arena, lab->node_count * sizeof *off);

	for (unsigned i = 0; i < lab->node_count; i++) {
		off[i] = h->all[i].on ? 0 : lab->nodes[i].roles;
		if (silent && is_from(lab, &lab->nodes[i]) && !h->all[i].answers)
			off[i] |= 1u << lab_role(lab, takeover_of(lab)->from);
	}
	return off;
}

static void add_reach(struct plan *p, const struct handover *h)
{
	for (unsigned i = 0; i < p->lab->node_count; i++) {
		const struct node *n = &p->lab->nodes[i];

		if (!n->roles)
			continue;
		if (h->all[i].on)
			plan_add_node(p, VERB_NODE_REACH, n, "node.reach", "check that it answers on SSH");
		else if (is_from(p->lab, n) && !node_is_given_up(p->lab, n)) /* such a host is cut off from the lab's network */
			plan_add_node(p, VERB_DATA_FENCE, n, "data.fence", "its server can only start as a standby");
	}
}

/* @planned: the old server works, ends by itself, and becomes a .from. */
static int add_takeover(struct rules *b, const struct handover *h, bool planned)
{
	struct plan *p = b->plan;
	const struct rule *end = planned ? takeover_of(p->lab)->leave : takeover_of(p->lab)->fence;
	const uint32_t *after = left_out(p, h, !planned); /* by the rules after the promotion */

	add_reach(p, h);
	plan_add_stage(p, "reached"); /* nothing ends before it is known that the others answer */
	b->off = left_out(p, h, false);
	if (rules_add(b, end, "reached") < 0)
		return -1;
	plan_after_ends(p, plan_add_record(p));
	plan_add_stage(p, "recorded");
	if (rules_add(b, takeover_of(p->lab)->promote, "recorded") < 0)
		return -1;
	plan_add_stage(p, "promoted");
	b->off = after;
	if (!planned || !takeover_of(p->lab)->asks)
		return rules_add(b, b->recipe->rules, "promoted");
	if (rules_add(b, takeover_of(p->lab)->rejoin, "promoted") < 0)
		return -1;
	plan_add_stage(p, "rejoined");
	return rules_add(b, b->recipe->rules, "rejoined");
}

static struct plan *begin(const struct lab *lab, const struct library *lib, const struct handover *h, struct rules *ret_rules,
			  struct fail *e)
{
	struct plan *p = plan_new(h->said, lab);

	*ret_rules = (struct rules){ .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena }, .e = e };
	return p;
}

int plan_switchover(const struct lab *lab, const struct library *lib, const struct handover *h, struct plan **ret_plan, struct fail *e)
{
	struct rules b;
	auto_(plan_free) struct plan *p = begin(lab, lib, h, &b, e);

	p->loss = takeover_of(lab)->loses && h->from != h->to ? takeover_of(lab)->loses : switchover_loss(lab, h, p->arena);
	if (add_takeover(&b, h, true) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_failover(const struct lab *lab, const struct library *lib, const struct handover *h, struct plan **ret_plan, struct fail *e)
{
	struct rules b;
	auto_(plan_free) struct plan *p = begin(lab, lib, h, &b, e);

	p->loss = takeover_of(lab)->loses ? takeover_of(lab)->loses : failover_loss(h, p->arena);
	if (add_takeover(&b, h, false) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_rejoin(const struct lab *lab, const struct library *lib, const struct handover *h, struct plan **ret_plan, struct fail *e)
{
	struct rules b;
	auto_(plan_free) struct plan *p = begin(lab, lib, h, &b, e);
	bool *wanted = arena_alloc(p->arena, lab->node_count * sizeof *wanted);
	uint32_t *chosen = arena_alloc(p->arena, lab->node_count * sizeof *chosen), *off = left_out(p, h, true);
	unsigned at = h->from->index - 1;

	p->loss = takeover_of(lab)->loses ? "nothing" : rejoin_loss(h, p->arena);
	wanted[at] = true;
	off[at] = 0;
	chosen[at] = 1u << lab_role(lab, takeover_of(lab)->from);
	if (plan_add_machines(p, lib, &(struct machines){ .wanted = wanted, .exist = true }, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].roles && !wanted[i] && h->all[i].on)
			plan_add_node(p, VERB_NODE_REACH, &lab->nodes[i], "node.reach", "check that it answers on SSH");
	plan_add_stage(p, "reached");
	b.chosen = chosen;
	if (rules_add(&b, takeover_of(lab)->rejoin, "reached") < 0)
		return -1;
	plan_add_stage(p, "rejoined");
	b.chosen = NULL;
	b.off = off;
	if (rules_add(&b, b.recipe->rules, "rejoined") < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
