/* SPDX-License-Identifier: PostgreSQL */
/*
 * From nothing to tuned nodes. Steps are added stage by stage, not node by node: the
 * executor runs the first one that is ready, so all machines start booting before a worker waits for one.
 */
#include <stdio.h>

#include "plan.h"
#include "plan_build.h"
#include "quote.h"

struct step *plan_add_node(struct plan *p, enum verb verb, const struct node *n, const char *what, const char *title)
{
	char id[PLAN_ID_MAX];

	snprintf(id, sizeof id, "%s/%s", what, n->name);
	return plan_add(p, verb, n, id, title);
}

void plan_after_node(struct plan *p, struct step *s, const char *what, const char *node)
{
	char id[PLAN_ID_MAX];

	snprintf(id, sizeof id, "%s/%s", what, node);
	plan_after(p, s, id);
}

void plan_after_nodes(struct plan *p, struct step *s, const char *what)
{
	for (unsigned i = 0; i < p->lab->node_count; i++)
		plan_after_node(p, s, what, p->lab->nodes[i].name);
}

void plan_add_stage(struct plan *p, const char *what)
{
	struct step *all = plan_add(p, VERB_JOIN, NULL, what, "all of that");

	plan_after_ends(p, all);
	for (unsigned i = 0; i < p->lab->node_count; i++)
		if (p->lab->nodes[i].roles)
			plan_after(p, plan_add_node(p, VERB_JOIN, &p->lab->nodes[i], what, "all of that"), what);
}

static struct step *add_host(struct plan *p, enum verb verb, const char *title, const char *after)
{
	struct step *s = plan_add(p, verb, NULL, verb_names[verb], title);

	if (after)
		plan_after(p, s, after);
	return s;
}

static struct step *add_host_at(struct plan *p, unsigned host, enum verb verb, const char *title, const char *after)
{
	struct step *s = plan_add_at(p, host, verb, NULL, plan_on(p, verb_names[verb], host), title);

	if (after)
		plan_after(p, s, after);
	return s;
}

static bool is_wanted(const struct machines *m, unsigned i)
{
	return !m->wanted || m->wanted[i];
}

/* After the step @what of the nodes on the host of @s. */
static void after_wanted(struct plan *p, const struct machines *m, struct step *s, const char *what)
{
	for (unsigned i = 0; i < p->lab->node_count; i++)
		if (is_wanted(m, i) && p->lab->nodes[i].host == s->host)
			plan_after_node(p, s, what, p->lab->nodes[i].name);
}

static void add_data(struct plan *p, const struct machines *m)
{
	for (unsigned i = 0; i < p->lab->node_count; i++) {
		const struct node *n = &p->lab->nodes[i];

		if (!is_wanted(m, i))
			continue;
		plan_after(p, m->exist ? plan_add_node(p, VERB_NODE_CHECK, n, "node.check", "check that its disk and data are there")
				       : plan_add_node(p, VERB_DATA_CREATE, n, "data.create",
						       n->host ? "data directory" : /* its path is that host's */
						arena_printf(p->arena, "data directory %s", n->export_dir)),
			   "lab.prepare");
	}
}

static void add_host_steps(struct plan *p, const struct machines *m)
{
	const struct lab *lab = p->lab;
	char subnet[16];

	ip_format(lab->net.subnet, subnet);
	add_host(p, VERB_LAB_PREPARE, "keys, secrets and record of the lab", m->after);
	for (unsigned h = 1; h < lab_hosts(lab) && !m->exist; h++)
		if (host_is_used(lab, h))
			plan_after(p, plan_open_host(p, h), "lab.prepare"); /* it takes the lab's keys along */
	add_host(p, VERB_LAB_FILES, "inventory for psql, ssh, Ansible", "lab.prepare");
	add_host(p, VERB_IMAGE_BUILD, arena_printf(p->arena, "image %s", quote_url(lab->image, p->arena)), m->after);
	for (unsigned h = 1; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h))
			add_host_at(p, h, VERB_IMAGE_COPY, arena_printf(p->arena, "the same image, %s", lab->image), "image.build");
	for (unsigned h = 0; h < lab_hosts(lab); h++)
		if (host_is_used(lab, h))
			add_host_at(p, h, VERB_NET_CREATE,
				    lab->net.subnet ? arena_printf(p->arena, "network %s/%u on bridge %s", subnet, lab->net.prefix_len,
								   lab->net.bridge)
						    : "network",
				    "lab.prepare");
	add_data(p, m);
	if (lab_transport(lab) != TRANSPORT_NFS)
		return;
	for (unsigned h = 0; h < lab_hosts(lab); h++) {
		if (!host_is_used(lab, h))
			continue;
		after_wanted(p, m, add_host_at(p, h, VERB_NFS_SERVE, "export the data directories to the lab's subnet",
					       plan_on(p, "net.create", h)), m->exist ? "node.check" : "data.create");
		add_host_at(p, h, VERB_NET_REACH, "check that no packet filter keeps nodes from the NFS server", plan_on(p, "nfs.serve", h));
	}
}

bool plan_wants_payload(const struct lab *lab, unsigned added)
{
	return added == 0 || lab->node_count <= PAYLOAD_NODES_MAX;
}

int plan_add_tuning(struct plan *p, const struct library *lib, struct scope_cache *cache, const struct node *n,
		    unsigned added, struct step **ret_step, struct fail *e)
{
	struct step *s = plan_add_node(p, VERB_NODE_SCRIPT, n, "tune", "tune the operating system");

	if (plan_wants_payload(p->lab, added) && plan_payload(p->lab, lib, s, cache, p->arena, &s->payload, e) < 0)
		return -1;
	plan_after_node(p, s, "node.ready", n->name);
	*ret_step = s;
	return 0;
}

static int add_node_steps(struct plan *p, const struct library *lib, const struct machines *m, struct fail *e)
{
	struct scope_cache cache = { .arena = p->arena };
	const struct lab *lab = p->lab;
	unsigned tuned = 0;
	struct step *s;

	for (unsigned i = 0; i < lab->node_count; i++) {
		if (!is_wanted(m, i))
			continue;
		s = plan_add_node(p, VERB_NODE_DISK, &lab->nodes[i], "node.disk",
				  lab->hypervisor == HYPERVISOR_LXC ? "overlay of the image, and the node's identity"
								    : "copy-on-write disk, and the node's identity");
		plan_after(p, s, "lab.prepare");
		plan_after(p, s, lab->nodes[i].host ? plan_on(p, "image.copy", lab->nodes[i].host) : "image.build");
		if (m->exist)
			plan_after_node(p, s, "node.check", lab->nodes[i].name);
		if (m->filled)
			plan_after(p, s, m->filled);
	}
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		if (!is_wanted(m, i))
			continue;
		s = plan_add_node(p, VERB_NODE_START, n, "node.start",
				  *n->ip_text ? arena_printf(p->arena, "start %s (%s)", n->domain, n->ip_text)
					      : arena_printf(p->arena, "start %s", n->domain));
		plan_after_node(p, s, "node.disk", n->name);
		/* A node mounts its data while it boots: without the NFS server it would never answer. */
		plan_after(p, s, plan_on(p, lab_transport(lab) == TRANSPORT_NFS ? "net.reach" : "net.create", n->host));
		plan_after_node(p, s, m->exist ? "node.check" : "data.create", n->name);
	}
	for (unsigned i = 0; i < lab->node_count; i++) {
		if (!is_wanted(m, i))
			continue;
		s = plan_add_node(p, VERB_NODE_READY, &lab->nodes[i], "node.ready", "wait until it answers on SSH");
		plan_after_node(p, s, "node.start", lab->nodes[i].name);
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		if (is_wanted(m, i) && plan_add_tuning(p, lib, &cache, &lab->nodes[i], tuned++, &s, e) < 0)
			return -1;
	return 0;
}

int plan_add_machines(struct plan *p, const struct library *lib, const struct machines *m, struct fail *e)
{
	add_host_steps(p, m);
	return add_node_steps(p, lib, m, e);
}

int plan_create(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new("create", lab);

	p->partial = lab->host_count > 1; /* of hosts that do not answer, the others do not depend */
	if (plan_add_machines(p, lib, &(struct machines){ 0 }, e) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
