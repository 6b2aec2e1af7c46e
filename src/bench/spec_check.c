/* SPDX-License-Identifier: PostgreSQL */
/* What the keys of a specification mean together, and for this lab. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "recipe.h"
#include "spec_source.h"

#define MEASUREMENTS_MAX 100000

void spec_key_problem(struct spec_source *s, const char *key, const char *fmt, ...)
{
	unsigned i = 0;
	char text[512];
	va_list args;

	while (strcmp(spec_keys[i].name, key) != 0)
		i++;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	s->from_words = s->at[i].word || (!s->spec->file && spec_keys[i].option);
	spec_problem(s, &spec_keys[i], s->at[i].line, "%s", text);
	s->from_words = false;
}

static bool is_role(const char *target, const char *role)
{
	size_t len = strlen(role);

	return !strncmp(target, role, len) && (!target[len] || !strcmp(target + len, "s"));
}

/* Nodes that hold shards: the nodes of Postgres-XC's node groups, Citus' workers or its only node. */
static unsigned data_nodes(const struct lab *lab)
{
	int role = lab_role(lab, lab->cluster.recipe->group_role ? lab->cluster.recipe->group_role : "worker");
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], role);
	return count ? count : 1;
}

static void check_load(struct spec_source *s, struct bench_load *l)
{
	const struct workload *w = l->workload;
	const char *kind = s->lab->cluster.recipe->kind;
	struct fail e = {0};

	for (unsigned t = 0; t < s->spec->target_count && w->writes; t++)
		if (is_role(s->spec->targets[t], "standby"))
			spec_key_problem(s, "targets", "'%s' writes, and %s cannot be written to; use workloads that only read%s", l->name,
					 s->spec->targets[t], l->script ? ", or say writes: false for a script that only reads" : "");
	if ((workload_shards(w, kind) == 2 || workload_shards(w, kind) < 0) && data_nodes(s->lab) < 2)
		spec_key_problem(s, "workloads", "'%s' needs two nodes with shards, and lab %s has one", l->name, s->lab->name);
	if (w->driver && (s->spec->rate_count || s->spec->slo.quantile > 0))
		spec_key_problem(s, s->spec->rate_count ? "rates" : "slo",
				 "'%s' cannot be measured at a rate: %s's latencies would not count from the scheduled start", l->name, w->driver);
	if (l->script && workload_expand(w->title, l->script, w->dataset ? dataset_find(w->dataset) : NULL, kind, s->spec->scale, s->arena,
					 &l->script, &e) < 0)
		spec_key_problem(s, "workloads", "%s", e.text);
}

void spec_check(struct spec_source *s)
{
	const struct bench_spec *spec = s->spec;
	uint64_t count = (uint64_t)spec->load_count * spec->target_count * (spec->client_count + spec->rate_count) * spec->repeats_max;

	for (unsigned i = 0; i < spec->load_count; i++)
		check_load(s, &spec->loads[i]);
	if (spec->repeats_max < spec->repeats)
		spec_key_problem(s, "repeats_max", "must be at least repeats, which is %u; got %u", spec->repeats, spec->repeats_max);
	if (spec->reset == RESET_TEMPLATE && strcmp(s->lab->cluster.recipe->kind, "postgres") != 0)
		spec_key_problem(s, "reset", "template: a copy of a database of a cluster of kind %s would not have the rows of its nodes; use reload",
				 s->lab->cluster.recipe->kind);
	if (count > MEASUREMENTS_MAX)
		spec_key_problem(s, "workloads", "%llu measurements (workloads x targets x clients and rates x repeats) are more than %u",
				 (unsigned long long)count, MEASUREMENTS_MAX);
}
