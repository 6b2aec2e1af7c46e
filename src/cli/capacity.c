/* SPDX-License-Identifier: PostgreSQL */
/* Checks, before anything is made, that the host has what a lab needs. */
#include "capacity.h"

#include "cli.h"
#include "file.h"

static struct capacity need_of(const struct lab *lab, unsigned nodes, bool network)
{
	struct capacity need = { 0 };

	if (lab->hypervisor == HYPERVISOR_LXC)
		need.inotify = nodes * CAPACITY_CONTAINER_INOTIFY + network * CAPACITY_NETWORK_INOTIFY;
	else
		for (unsigned i = 0; i < lab->node_count; i++)
			need.memory_mib += lab->nodes[i].memory_mib;
	return need;
}

static int check(const struct capacity *need, struct fail *e)
{
	struct capacity has = capacity_of_host(need->inotify);

	return capacity_check(need, &has, e);
}

int cli_check_capacity(struct cli *c, struct runtime *rt, const struct lab *lab, struct fail *e)
{
	struct capacity need;
	struct facts facts;
	unsigned running = 0, nodes = host_load(lab, 0).nodes; /* of this host only: the lease, which others need, comes later */

	if (c->connect) /* that libvirt may be on another host, or a test driver */
		return 0;
	if (runtime_own_facts(rt, c->arena, &facts, e) < 0)
		return -1;
	for (unsigned i = 0; i < facts.domain_count; i++)
		running += facts.domains[i].active;
	need = need_of(lab, nodes > running ? nodes - running : 0,
		       !(facts.network_count && facts.networks[0].active));
	return check(&need, e);
}

void cli_say_capacity(struct cli *c, const struct lab *lab)
{
	struct capacity need = need_of(lab, host_load(lab, 0).nodes, true);
	struct fail e = { 0 };
	struct paths paths;

	load_paths(c, lab->name, &paths);
	/* What an existing lab still needs only libvirt knows, and plans do not ask it. */
	if (!c->connect && !file_exists(paths.lab_file) && check(&need, &e) < 0)
		report_say("labctl: create will be refused: %s\n  next: %s\n", e.text, e.next);
}
