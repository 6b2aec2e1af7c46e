/* SPDX-License-Identifier: PostgreSQL */
#include "paths.h"

void paths_init(struct paths *p, const char *state, const char *cache, const char *lab_name, struct arena *a)
{
	*p = (struct paths){ .state = arena_strdup(a, state), .cache = arena_strdup(a, cache) };
	if (!lab_name)
		return;
	p->lab = arena_printf(a, "%s/labs/%s", state, lab_name);
	p->lab_file = arena_printf(a, "%s/lab.yaml", p->lab);
	p->bootstrapped = arena_printf(a, "%s/bootstrapped", p->lab);
	p->id = arena_printf(a, "%s/id", p->lab);
	p->lock = arena_printf(a, "%s/lock", p->lab);
	p->journal = arena_printf(a, "%s/journal.jsonl", p->lab);
	p->key = arena_printf(a, "%s/id_ed25519", p->lab);
	p->key_pub = arena_printf(a, "%s/id_ed25519.pub", p->lab);
	p->known_hosts = arena_printf(a, "%s/known_hosts", p->lab);
	p->secrets = arena_printf(a, "%s/secrets", p->lab);
}

const char *paths_node(const struct paths *p, const char *node, const char *file, struct arena *a)
{
	return file ? arena_printf(a, "%s/nodes/%s/%s", p->lab, node, file) : arena_printf(a, "%s/nodes/%s", p->lab, node);
}
