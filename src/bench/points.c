/* SPDX-License-Identifier: PostgreSQL */
/* Targets of a lab, the points to measure, and their order. */
#include <string.h>

#include "random.h"
#include "recipe.h"
#include "spec.h"
#include "suggest.h"

/* Roles that clients connect to. Not the datanodes of Postgres-XC: writes there break the cluster. */
static const struct { const char *kind, *roles; } entries[] = {
	{ "postgres", "primary standby pgpool" },
	{ "citus", "coordinator worker pgpool" },
	{ "pgxc", "coordinator" },
};

static bool is_entry(const struct lab *lab, unsigned role)
{
	for (unsigned i = 0; i < ARRAY_COUNT(entries); i++)
		if (!strcmp(entries[i].kind, lab->cluster.recipe->kind))
			return workload_has_kind(entries[i].roles, lab->cluster.recipe->roles[role].name);
	return false;
}

static unsigned count_nodes(const struct lab *lab, unsigned role)
{
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], (int)role);
	return count;
}

struct words { struct arena *a; const struct lab *lab; struct bench_target *items; unsigned count; };

static void add_words(struct words *w, unsigned role, const char *name)
{
	unsigned count = count_nodes(w->lab, role), n = 0;
	const struct node **nodes = arena_alloc(w->a, (count + 1) * sizeof *nodes);

	if (!count)
		return;
	for (unsigned i = 0; i < w->lab->node_count; i++)
		if (node_has_role(&w->lab->nodes[i], (int)role))
			nodes[n++] = &w->lab->nodes[i];
	*arena_push(w->a, w->items, w->count) = (struct bench_target) { name, role, nodes, 1 };
	/* Also for one node: a specification must fit the lab with more of them. */
	if (w->lab->cluster.recipe->roles[role].max > 1)
		*arena_push(w->a, w->items, w->count) = (struct bench_target) { arena_printf(w->a, "%ss", name), role, nodes, count };
}

/* All targets, those of the default role first. */
static void list(const struct lab *lab, struct words *ret)
{
	const struct role *roles = lab->cluster.recipe->roles;

	ret->lab = lab;
	for (unsigned first = 0; first < 2; first++)
		for (unsigned r = 0; roles[r].name; r++)
			if (is_entry(lab, r) && !strcmp(roles[r].name, lab->cluster.recipe->psql_role) == !first)
				add_words(ret, r, roles[r].name);
}

const char *const *bench_targets(const struct lab *lab, struct arena *a)
{
	struct words w = { .a = a };
	const char **ret;

	list(lab, &w);
	ret = arena_alloc(a, (w.count + 1) * sizeof *ret);
	for (unsigned i = 0; i < w.count; i++)
		ret[i] = w.items[i].word;
	return ret;
}

int bench_target_find(const struct lab *lab, const char *word, struct arena *a, struct bench_target *ret, struct fail *e)
{
	struct words w = { .a = a };

	list(lab, &w);
	for (unsigned i = 0; i < w.count; i++)
		if (!strcmp(w.items[i].word, word)) {
			*ret = w.items[i];
			return 0;
		}
	return suggest_fail(e, "unknown target", word, bench_targets(lab, a));
}

/* Fixed rates use the greatest number of clients: a scheduled transaction waits if no client is free. */
void bench_points(const struct bench_spec *s, struct arena *a, struct bench_point **ret, unsigned *ret_count)
{
	struct bench_point *points = NULL;
	unsigned count = 0;

	for (unsigned l = 0; l < s->load_count; l++)
		for (unsigned t = 0; t < s->target_count; t++) {
			const char *load = s->loads[l].name, *target = s->targets[t];

			for (unsigned c = 0; c < s->client_count; c++)
				*arena_push(a, points, count) = (struct bench_point) {
					.name = arena_printf(a, "%s/%s/%u", load, target, s->clients[c]), .workload = load, .target = target,
					.clients = s->clients[c] };
			for (unsigned r = 0; r < s->rate_count; r++)
				if (s->rates[r].tps > 0)
					*arena_push(a, points, count) = (struct bench_point) {
						.name = arena_printf(a, "%s/%s/%gtps", load, target, s->rates[r].tps), .workload = load,
						.target = target, .clients = s->clients[s->client_count - 1], .rate_tps = s->rates[r].tps };
		}
	*ret = points;
	*ret_count = count;
}

void bench_order(unsigned points, unsigned repeats, uint64_t seed, struct arena *a, unsigned **ret)
{
	unsigned *order = arena_alloc(a, ((size_t)points * repeats + 1) * sizeof *order);

	for (unsigned r = 0; r < repeats; r++) {
		unsigned *block = order + (size_t)r * points;

		for (unsigned i = 0; i < points; i++) { /* Fisher and Yates, "inside out" */
			unsigned j = (unsigned)random_below(&seed, i + 1);

			block[i] = block[j];
			block[j] = i;
		}
	}
	*ret = order;
}
