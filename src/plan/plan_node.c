/* SPDX-License-Identifier: PostgreSQL */
/* Nodes that join a lab, and one that leaves it. Both end with the rules of a bootstrap, for the lab as it is then. */
#include "plan.h"
#include "plan_rules.h"

int plan_node_add(const struct lab *lab, const struct library *lib, const struct node_add *o, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->said, lab);
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena }, .e = e };

	if (plan_add_machines(p, lib, &(struct machines){ 0 }, e) < 0 || (o->cluster && plan_add_cluster(&b, true) < 0))
		return -1;
	if (o->cluster && o->rebalance) {
		plan_add_stage(p, "joined");
		if (rules_add(&b, recipe_task(b.recipe, "rebalance")->rules, "joined") < 0)
			return -1;
	}
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

/* --- remove --- */

static void add_ready(struct plan *p, const bool *on)
{
	for (unsigned i = 0; i < p->lab->node_count; i++)
		if (on[i])
			plan_add_node(p, VERB_NODE_READY, &p->lab->nodes[i], "node.ready", "check that it answers on SSH");
}

typedef const struct rule *(*choose)(const struct member *m, const struct node_remove *o);

static const struct rule *before(const struct member *m, const struct node_remove *o)
{
	return o->lose ? m->lose : m->leave;
}

static const struct rule *afterwards(const struct member *m, const struct node_remove *o)
{
	(void)o;
	return m->forget;
}

/* The rules of every role that the node had, on the others. Roles may share them. */
static int add_member_rules(struct rules *b, const struct node_remove *o, choose which, const char *base)
{
	const struct lab *lab = b->plan->lab;
	const struct rule *added = NULL;

	for (unsigned r = 0; o->cluster && r < lab->cluster.place_count; r++) {
		const struct member *m = recipe_member(b->recipe, lab->cluster.places[r].role);
		const struct rule *rules = m && node_has_role(o->gone, (int)r) ? which(m, o) : NULL;

		if (!rules || rules == added)
			continue;
		if (rules_add(b, rules, base) < 0)
			return -1;
		added = rules;
	}
	return 0;
}

/* /etc/hosts and the firewall of the others, then every configuration of the cluster. */
static int configure_others(struct rules *b, const struct node_remove *o, const char *after)
{
	struct plan *p = b->plan;
	unsigned tuned = 0;
	struct step *s;

	for (unsigned i = 0; i < p->lab->node_count; i++) {
		if (!o->on[i])
			continue;
		if (plan_add_tuning(p, b->lib, &b->cache, &p->lab->nodes[i], tuned++, &s, b->e) < 0)
			return -1;
		plan_after(p, s, after);
	}
	return o->cluster ? rules_add(b, b->recipe->rules, "tune") : 0;
}

/* The last node of its host: nothing of the lab stays there, as on every host without nodes. */
static void add_leave(struct plan *p, const struct node *gone)
{
	const struct host *host = &p->lab->hosts[gone->host];
	struct step *s = plan_add_at(p, gone->host, VERB_NET_REMOVE, NULL, plan_on(p, "net.remove", gone->host),
				     arena_printf(p->arena, "remove network " NETWORK_PREFIX "%s", p->lab->name));

	s->subject = arena_printf(p->arena, NETWORK_PREFIX "%s", p->lab->name);
	plan_after_node(p, s, "data.remove", gone->name);
	s = plan_add_at(p, gone->host, VERB_LAB_REMOVE, NULL, plan_on(p, "lab.remove", gone->host),
			arena_printf(p->arena, "remove keys and record of the lab on %s", host->name));
	plan_after_host(p, s);
	for (unsigned h = 1; h < p->lab->host_count; h++) {
		if (h == gone->host || !host_is_used(p->lab, h))
			continue;
		s = plan_add_at(p, h, VERB_NET_CREATE, NULL, plan_on(p, "net.create", h),
				arena_printf(p->arena, "take host %s out of the network", host->name));
		s->gone = gone; /* they still have it in their records */
		plan_after_node(p, s, "node.remove", gone->name);
	}
}

static void add_removal(struct plan *p, const struct node *gone)
{
	bool last = gone->host && !host_is_used(p->lab, gone->host);
	struct step *s;

	if (node_is_given_up(p->lab, gone)) {
		plan_after_ends(p, plan_add(p, VERB_NET_CREATE, NULL, "net.create", "take it out of the network's names"));
		return;
	}
	s = plan_add_node(p, VERB_NODE_REMOVE, gone, "node.remove", "remove its disk, overlay and seed");
	plan_after_ends(p, s); /* not before the others work without it */
	plan_after_node(p, plan_add(p, VERB_NET_CREATE, NULL, "net.create", last ? "take it and its host out of the network" :
				    "take it out of the network's names"), "node.remove", gone->name);
	s = plan_add_node(p, VERB_DATA_REMOVE, gone, "data.remove",
			  gone->host ? "remove its data directory" : /* its path is that host's */
			  arena_printf(p->arena, "remove %s", gone->export_dir));
	plan_after_node(p, s, "node.remove", gone->name);
	if (lab_transport(p->lab) == TRANSPORT_NFS && last) {
		struct step *stop = plan_add_at(p, gone->host, VERB_NFS_STOP, NULL, plan_on(p, "nfs.stop", gone->host), "withdraw the exports");

		plan_after_node(p, stop, "node.remove", gone->name);
		plan_after(p, s, stop->id);
	} else if (lab_transport(p->lab) == TRANSPORT_NFS) {
		const char *id = plan_on(p, "nfs.serve", gone->host);
		struct step *serve = plan_add_at(p, gone->host, VERB_NFS_SERVE, NULL, id, "export the data directories of the others");

		serve->subject = gone->name; /* another host still has it in its record */
		plan_after_node(p, serve, "node.remove", gone->name);
		plan_after(p, s, id);
	}
	if (last)
		add_leave(p, gone);
}

static void add_record(struct plan *p, const struct node *gone)
{
	plan_after_ends(p, plan_add(p, VERB_LAB_FILES, NULL, "lab.files", "inventory for psql, ssh, Ansible"));
	/* Last: until then the same command continues. */
	plan_after(p, plan_add(p, VERB_LAB_PREPARE, NULL, "lab.prepare", arena_printf(p->arena, "record the lab without %s", gone->name)),
		   "lab.files");
}

int plan_node_remove(const struct lab *lab, const struct library *lib, const struct node_remove *o, struct plan **ret_plan,
		     struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(o->said, lab);
	uint32_t *off = arena_alloc(p->arena, lab->node_count * sizeof *off);
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena }, .gone = o->gone,
			   .off = off, .e = e };

	p->loss = o->loss;
	for (unsigned i = 0; i < lab->node_count; i++)
		off[i] = o->on[i] ? 0 : lab->nodes[i].roles;
	add_ready(p, o->on);
	plan_add_stage(p, "reached");
	if (add_member_rules(&b, o, before, "reached") < 0)
		return -1;
	if (!node_is_given_up(lab, o->gone))
		plan_after_ends(p, plan_add_node(p, VERB_NODE_STOP, o->gone, "node.stop", arena_printf(p->arena, "stop %s", o->gone->domain)));
	plan_add_stage(p, "stopped");
	if (add_member_rules(&b, o, afterwards, "stopped") < 0)
		return -1;
	plan_add_stage(p, "left");
	b.gone = NULL;
	if (configure_others(&b, o, "left") < 0)
		return -1;
	add_removal(p, o->gone);
	add_record(p, o->gone);
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
