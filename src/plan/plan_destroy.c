/* SPDX-License-Identifier: PostgreSQL */
/*
 * Removes everything. Domains and networks with the lab's tag are removed even if the
 * record does not have them; a plan never touches those without this lab's tag. What is on a host that was given up stays there.
 */
#include <stdio.h>
#include <string.h>

#include "plan.h"
#include "plan_build.h"

static bool known_domain(const struct lab *lab, const char *name)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!strcmp(lab->nodes[i].domain, name))
			return true;
	return false;
}

/* Anybody may have written the tag, and this word of it becomes the name of a directory. */
static bool is_label(const char *t)
{
	return t && *t && *t != '-' && strlen(t) < 64 && t[strspn(t, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool known_node(const struct lab *lab, const char *name)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!strcmp(lab->nodes[i].name, name))
			return true;
	return false;
}

/* All machines stop before anything that they use is removed. */
static void add_stops(struct plan *p, const struct facts *facts)
{
	const struct lab *lab = p->lab;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (!node_is_given_up(lab, &lab->nodes[i]))
			plan_add_node(p, VERB_NODE_STOP, &lab->nodes[i], "node.stop",
				      arena_printf(p->arena, "stop %s", lab->nodes[i].domain));
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct fact_domain *d = &facts->domains[i];

		if (!d->lab_uuid || strcmp(d->lab_uuid, lab->uuid) != 0 || known_domain(lab, d->name))
			continue;
		plan_add_at(p, d->host, VERB_NODE_STOP, NULL, arena_printf(p->arena, "node.stop/domain:%s", d->name),
			    arena_printf(p->arena, "stop %s, which is not in the lab's record", d->name))->subject =
			arena_strdup(p->arena, d->name);
	}
}

/*
 * A join, so that edges grow with the machines and not with their square: there are up to a thousand. One for each host: one that does
 * not answer must not keep the others from removing their part.
 */
static void add_stopped(struct plan *p, const struct facts *facts, unsigned host)
{
	const struct lab *lab = p->lab;
	struct step *s = plan_add(p, VERB_JOIN, NULL, plan_on(p, "node.stop/all", host), "all machines are stopped");

	for (unsigned i = 0; i < lab->node_count; i++)
		if (lab->nodes[i].host == host)
			plan_after_node(p, s, "node.stop", lab->nodes[i].name);
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct fact_domain *d = &facts->domains[i];

		if (d->lab_uuid && !strcmp(d->lab_uuid, lab->uuid) && !known_domain(lab, d->name) && d->host == host)
			plan_after_node(p, s, "node.stop", arena_printf(p->arena, "domain:%s", d->name));
	}
}

static void add_removes(struct plan *p, const struct facts *facts)
{
	const struct lab *lab = p->lab;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++) {
		if (node_is_given_up(lab, &lab->nodes[i]))
			continue;
		s = plan_add_node(p, VERB_NODE_REMOVE, &lab->nodes[i], "node.remove", "remove its disk, overlay and seed");
		plan_after_node(p, s, "node.stop", lab->nodes[i].name);
	}
	for (unsigned i = 0; i < facts->domain_count; i++) {
		const struct fact_domain *d = &facts->domains[i];

		if (!d->lab_uuid || strcmp(d->lab_uuid, lab->uuid) != 0 || known_domain(lab, d->name) ||
		    !is_label(d->node) || known_node(lab, d->node))
			continue;
		s = plan_add_at(p, d->host, VERB_NODE_REMOVE, NULL, arena_printf(p->arena, "node.remove/domain:%s", d->name),
				arena_printf(p->arena, "remove disk, overlay and seed of %s", d->node));
		s->subject = arena_strdup(p->arena, d->node);
		plan_after_node(p, s, "node.stop", arena_printf(p->arena, "domain:%s", d->name));
	}
}

static void add_networks(struct plan *p, const struct facts *facts, unsigned host)
{
	const struct lab *lab = p->lab;
	const char *own = arena_printf(p->arena, NETWORK_PREFIX "%s", lab->name), *stopped = plan_on(p, "node.stop/all", host);
	struct step *s = plan_add_at(p, host, VERB_NET_REMOVE, NULL, plan_on(p, "net.remove", host),
				     arena_printf(p->arena, "remove network %s", own));

	s->subject = own;
	plan_after(p, s, stopped);
	for (unsigned i = 0; i < facts->network_count; i++) {
		const struct fact_network *f = &facts->networks[i];

		if (!f->lab_uuid || strcmp(f->lab_uuid, lab->uuid) != 0 || !strcmp(f->name, own) || f->host != host)
			continue;
		s = plan_add_at(p, host, VERB_NET_REMOVE, NULL, plan_on(p, arena_printf(p->arena, "net.remove/network:%s", f->name), host),
				arena_printf(p->arena, "remove network %s, which is not in the lab's record", f->name));
		s->subject = arena_strdup(p->arena, f->name);
		plan_after(p, s, stopped);
	}
}

static void add_data(struct plan *p, bool keep_data)
{
	const struct lab *lab = p->lab;
	bool nfs = lab_transport(lab) == TRANSPORT_NFS;
	struct step *s;

	for (unsigned h = 0; h < lab_hosts(lab) && nfs; h++)
		if (host_is_used(lab, h)) {
			s = plan_add_at(p, h, VERB_NFS_STOP, NULL, plan_on(p, "nfs.stop", h), "withdraw the exports");
			plan_after(p, s, plan_on(p, "node.stop/all", h)); /* a guest that loses its server hangs while shutting down */
		}
	for (unsigned i = 0; i < lab->node_count && !keep_data; i++) {
		if (node_is_given_up(lab, &lab->nodes[i]))
			continue;
		s = plan_add_node(p, VERB_DATA_REMOVE, &lab->nodes[i], "data.remove",
				  lab->nodes[i].host ? "remove its data directory" : /* its path is that host's */
				  arena_printf(p->arena, "remove %s", lab->nodes[i].export_dir));
		plan_after_node(p, s, "node.stop", lab->nodes[i].name);
		if (nfs)
			plan_after(p, s, plan_on(p, "nfs.stop", lab->nodes[i].host));
	}
}

/* What another host keeps of the lab is removed there last, and before the lab's record. */
static void add_leave(struct plan *p, unsigned host)
{
	const struct lab *lab = p->lab;
	struct step *s = plan_add_at(p, host, VERB_LAB_REMOVE, NULL, plan_on(p, "lab.remove", host),
				     arena_printf(p->arena, "remove keys and record of the lab on %s", lab->hosts[host].name));

	plan_after_host(p, s);
}

int plan_destroy(const struct lab *lab, const struct facts *facts, const struct destroy_options *o,
		 struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new("destroy", lab);

	p->partial = lab->host_count > 1;
	add_stops(p, facts);
	for (unsigned h = 0; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h))
			add_stopped(p, facts, h);
	add_removes(p, facts);
	for (unsigned h = 0; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h))
			add_networks(p, facts, h);
	add_data(p, o->keep_data);
	for (unsigned h = 1; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h))
			add_leave(p, h);
	/* The record is removed last, so that `destroy` can be repeated until then. */
	plan_after_ends(p, plan_add(p, VERB_LAB_REMOVE, NULL, "lab.remove",
				    o->keep_data ? "remove keys, lease and record of the lab, keep the data"
						 : "remove keys, lease and record of the lab"));
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
