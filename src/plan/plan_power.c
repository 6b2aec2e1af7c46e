/* SPDX-License-Identifier: PostgreSQL */
/* Stops machines and the servers on them, and starts them again. The order of the servers is in the recipe's tables. */
#include <string.h>

#include "defaults.h"
#include "plan.h"
#include "plan_rules.h"

#define STOPPED "stopped" /* the step of a restart between its two halves */

int plan_choose(const struct lab *lab, const char *selector, const char *role, bool cluster, struct arena *a,
		struct choice *ret, struct fail *e)
{
	bool *nodes = arena_alloc(a, lab->node_count * sizeof *nodes);
	uint32_t *roles = arena_alloc(a, lab->node_count * sizeof *roles);
	int number = role ? lab_role(lab, role) : -1;

	if (lab_select(lab, selector ? selector : "all", role, nodes, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count && cluster; i++)
		if (nodes[i])
			roles[i] = role ? 1u << number : lab->nodes[i].roles;
	*ret = (struct choice){ .nodes = nodes, .roles = roles, .machines = !role };
	return 0;
}

int plan_check_names(const struct lab *lab, const struct facts *facts, struct fail *e)
{
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct fact_domain *d = &facts->domains[i];

		for (unsigned n = 0; n < lab->node_count; n++) {
			if (!d->lab_uuid || !d->node || strcmp(d->lab_uuid, lab->uuid) || strcmp(d->node, lab->nodes[n].name) ||
			    !strcmp(d->name, lab->nodes[n].domain))
				continue;
			fail(e, FAIL_CONFLICT, "%s is now the domain '%s': somebody has renamed '%s'", d->node, d->name,
			     lab->nodes[n].domain);
			return fail_next(e, "while it is shut off: virsh -c %s domrename %s %s", libvirt_uri(lab->hypervisor), d->name,
					 lab->nodes[n].domain);
		}
	}
	return 0;
}

static bool is_on(const struct facts *facts, const struct node *n)
{
	for (unsigned i = 0; i < facts->domain_count; i++)
		if (!strcmp(facts->domains[i].name, n->domain))
			return facts->domains[i].active;
	return false;
}

/* --- stop --- */

void plan_add_offs(struct plan *p, const struct choice *what, const char *after)
{
	for (unsigned i = 0; i < p->lab->node_count; i++) {
		struct step *s;

		if (!what->nodes[i])
			continue;
		s = plan_add_node(p, VERB_NODE_OFF, &p->lab->nodes[i], "node.off",
				  arena_printf(p->arena, "power %s off", p->lab->nodes[i].domain));
		if (after)
			plan_after(p, s, after);
	}
}

/* Powers them off, or stops servers and machines in order. */
static int add_stop(struct plan *p, const struct library *lib, const struct facts *facts, const struct choice *what, bool now,
		    uint32_t *roles, struct fail *e)
{
	if (!now)
		return plan_add_stops(p, lib, facts, what, NULL, roles, e);
	plan_add_offs(p, what, NULL);
	return 0;
}

int plan_add_stops(struct plan *p, const struct library *lib, const struct facts *facts, const struct choice *what,
		   const char *after, uint32_t *roles, struct fail *e)
{
	const struct lab *lab = p->lab;
	uint32_t *off = arena_alloc(p->arena, lab->node_count * sizeof *off);
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena },
			   .chosen = what->roles, .off = off, .anyway = true, .e = e };

	for (unsigned i = 0; i < lab->node_count; i++)
		off[i] = is_on(facts, &lab->nodes[i]) ? 0 : lab->nodes[i].roles;
	if (b.recipe && rules_add(&b, b.recipe->stops, "node.reach") < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		struct step *s;

		roles[i] = b.recipe ? rules_roles(&b, n) : 0;
		s = roles[i] ? plan_add_node(p, VERB_NODE_REACH, n, "node.reach", "check that it answers on SSH") : NULL;
		if (s && after)
			plan_after(p, s, after);
		if (!what->machines || !what->nodes[i])
			continue;
		s = plan_add_node(p, VERB_NODE_SHUTDOWN, n, "node.shutdown", arena_printf(p->arena, "shut down %s", n->domain));
		s->anyway = true;
		if (after)
			plan_after(p, s, after);
		if (b.recipe)
			rules_before_on(&b, s, n);
	}
	return 0;
}

int plan_stop(const struct lab *lab, const struct library *lib, const struct facts *facts, const struct choice *what,
	      const struct stop_options *o, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(what->said, lab);
	uint32_t *roles = arena_alloc(p->arena, lab->node_count * sizeof *roles);

	p->partial = true;
	if (add_stop(p, lib, facts, what, o->now, roles, e) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

/* --- start --- */

/* Does one of these servers take others along when it stops, so that all must be looked at again? */
static bool takes_along(const struct lab *lab, const uint32_t *roles)
{
	for (const struct rule *r = lab->cluster.recipe ? lab->cluster.recipe->stops : NULL; r && r->id; r++)
		for (unsigned i = 0; i < lab->node_count && r->brings; i++)
			if (roles[i] >> lab_role(lab, r->on) & 1)
				return true;
	return false;
}

int plan_add_start(struct plan *p, const struct library *lib, const struct choice *what, const uint32_t *roles,
		   const char *after, struct fail *e)
{
	const struct lab *lab = p->lab;
	bool *wanted = arena_alloc(p->arena, lab->node_count * sizeof *wanted), some = false;
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena },
			   .what = RULES_START, .chosen = roles, .e = e };

	for (unsigned i = 0; i < lab->node_count; i++) {
		wanted[i] = what->nodes[i] || roles[i];
		some |= roles[i] != 0;
		if (roles[i] != lab->nodes[i].roles)
			b.what = RULES_SERVERS;
	}
	if (plan_add_machines(p, lib, &(struct machines){ .wanted = wanted, .exist = true, .after = after }, e) < 0)
		return -1;
	if (!some)
		return 0;
	if (rules_add(&b, b.recipe->rules, "tune") < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!roles[i] && rules_roles(&b, &lab->nodes[i]))
			plan_add_node(p, VERB_NODE_REACH, &lab->nodes[i], "node.reach", "check that it answers on SSH");
	return 0;
}

int plan_start(const struct lab *lab, const struct library *lib, const struct choice *what, struct plan **ret_plan,
	       struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(what->said, lab);

	p->partial = lab->host_count > 1;
	if (plan_add_start(p, lib, what, what->roles, NULL, e) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_restart(const struct lab *lab, const struct library *lib, const struct facts *facts, const struct choice *what,
		 const struct stop_options *o, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(what->said, lab);
	uint32_t *roles = arena_alloc(p->arena, lab->node_count * sizeof *roles);

	if (add_stop(p, lib, facts, what, o->now, roles, e) < 0)
		return -1;
	for (unsigned i = 0, all = takes_along(lab, what->roles); i < lab->node_count; i++)
		roles[i] = all ? lab->nodes[i].roles : what->roles[i];
	plan_after_ends(p, plan_add(p, VERB_JOIN, NULL, STOPPED, "all of it is stopped"));
	if (plan_add_start(p, lib, what, roles, STOPPED, e) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
