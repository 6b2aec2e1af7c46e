/* SPDX-License-Identifier: PostgreSQL */
/* A host that is given up, or that is back: the others let it out of the lab's network, or into it. */
#include "plan.h"

int plan_host_peers(const struct lab *lab, const struct host *host, const char *said, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(said, lab);
	const char *title = arena_printf(p->arena, host->given_up ? "take host %s out of the network" : "let host %s into the network", host->name);

	p->partial = true;
	for (unsigned h = 0; h < lab->host_count; h++)
		if (host_is_used(lab, h))
			plan_add_at(p, h, VERB_NET_CREATE, NULL, plan_on(p, "net.create", h), title);
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
