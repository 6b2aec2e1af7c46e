/* SPDX-License-Identifier: PostgreSQL */
/* Settings of Postgres-XC and its successors that depend on the size of the cluster: the walk-through's values until the lab outgrows them. */
#include "xc.h"

#include <stdlib.h>
#include <string.h>

#include "lab.h"

#define POOL_MAX 65535 /* greatest max_pool_size */

static uint64_t role_count(const struct lab *lab, const char *role_word)
{
	int role = lab_role(lab, role_word);
	uint64_t count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], role);
	return count;
}

/* The number that the lab file sets for @key of coordinators, else @otherwise. */
static uint64_t pinned(const struct lab *lab, const char *key, uint64_t otherwise)
{
	for (unsigned i = 0; i < lab->cluster.setting_count; i++) {
		const struct setting *s = &lab->cluster.settings[i];
		uint64_t n;

		if (!strcmp(s->role, "coordinator") && !strcmp(s->key, key) && (n = strtoull(s->value, NULL, 10)))
			return n;
	}
	return otherwise;
}

static uint64_t coordinators(const struct lab *lab)
{
	uint64_t count = role_count(lab, "coordinator");

	return pinned(lab, "max_coordinators", count > 16 ? count : 16);
}

static uint64_t datanodes(const struct lab *lab)
{
	uint64_t count = role_count(lab, "datanode");

	return pinned(lab, "max_datanodes", count > 64 ? count : 64);
}

static uint64_t connections(const struct lab *lab)
{
	return pinned(lab, "max_connections", 100);
}

static uint64_t pool(const struct lab *lab)
{
	uint64_t n = connections(lab) * datanodes(lab) + coordinators(lab);

	return n < POOL_MAX ? n : POOL_MAX;
}

static uint64_t backends(const struct lab *lab)
{
	return connections(lab) * coordinators(lab);
}

/* The walk-through allows as many prepared transactions as coordinators; with more clients at once, some fail. */
static uint64_t prepared(const struct lab *lab)
{
	return lab_is_classic(lab) ? coordinators(lab) : connections(lab);
}

/* Before 1.1 a GTM proxy mixes up the connections of one thread (xc_rules.inc): fewer share one. The GTM has one for each thread. */
static uint64_t threads(const struct lab *lab)
{
	return lab_is_classic(lab) || role_count(lab, "gtm_proxy") > 64 ? 1 : 8;
}

/* OpenTenBase has no setting for the number of nodes, and each connection of a datanode takes a quarter of a megabyte. */
static uint64_t peers(const struct lab *lab)
{
	return connections(lab) * (role_count(lab, "coordinator") + role_count(lab, "datanode"));
}

static uint64_t to_peers(const struct lab *lab)
{
	return peers(lab) < POOL_MAX ? peers(lab) : POOL_MAX;
}

const struct limit opentenbase_limits[] = {
	{ "backends", peers },
	{ "pool", to_peers },
	{ "prepared", prepared },
	{ 0 },
};

const struct limit xc_limits[] = {
	{ "backends", backends },
	{ "coordinators", coordinators },
	{ "datanodes", datanodes },
	{ "pool", pool },
	{ "prepared", prepared },
	{ "threads", threads },
	{ 0 },
};
