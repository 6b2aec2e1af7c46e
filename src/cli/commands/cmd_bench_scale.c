/* SPDX-License-Identifier: PostgreSQL */
/* bench scale: the lab with 1, 2, 4... nodes of a role, each measured alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_labs.h"
#include "complete.h"
#include "recipe.h"

#define COUNTS_MAX 32

struct scale_words { struct bench_options common; struct lab_words lab; const char *role, *counts, *quota; };

/* The role that makes a cluster larger: the first of the recipe that many nodes may have and that keeps data. */
static int default_role(const struct recipe *recipe)
{
	int role = -1;

	for (unsigned i = 0; recipe->roles[i].name; i++) {
		if (recipe->group_role && !strcmp(recipe->roles[i].name, recipe->group_role))
			return (int)i;
		if (role < 0 && recipe->roles[i].max == RECIPE_MANY && recipe->roles[i].sql)
			role = (int)i;
	}
	return role;
}

static unsigned count_role(const struct lab *lab, int role)
{
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], role);
	return count;
}

static int read_counts(struct cli *c, const char *text, unsigned most, unsigned min, unsigned **ret, unsigned *ret_count,
		       struct fail *e)
{
	char *rest = arena_strdup(c->arena, text ? text : ""), *word;

	*ret = arena_alloc(c->arena, COUNTS_MAX * sizeof **ret);
	*ret_count = 0;
	for (unsigned n = 1; !text && n < most; n *= 2)
		if (n >= min && *ret_count < COUNTS_MAX - 1)
			(*ret)[(*ret_count)++] = n;
	if (!text)
		(*ret)[(*ret_count)++] = most;
	while (text && (word = strsep(&rest, ","))) {
		char end;

		if (*ret_count == COUNTS_MAX || sscanf(word, "%u%c", &(*ret)[*ret_count], &end) != 1 ||
		    (*ret)[*ret_count] < min || (*ret)[*ret_count] > most)
			return fail(e, FAIL_USAGE, "--counts: '%s' is not a number from %u to %u; the lab has %u such nodes", word, min,
				    most, most);
		(*ret_count)++;
	}
	return 0;
}

static const char *names_with(const struct lab *lab, int role)
{
	struct strbuf names = { 0 };
	const char *kept;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (node_has_role(&lab->nodes[i], role))
			strbuf_printf(&names, "%s%s", names.len ? "," : "", lab->nodes[i].name);
	kept = names.len ? arena_strdup(lab->arena, names.text) : NULL;
	strbuf_clear(&names);
	return kept;
}

/* Leaves only the first @count nodes of the role, with the other roles that they have, and the nodes without it. */
static void keep_first(struct lab *lab, int role, unsigned count)
{
	unsigned kept = 0, seen = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (!node_has_role(&lab->nodes[i], role) || ++seen <= count)
			lab->nodes[kept++] = lab->nodes[i];
	lab->node_count = kept;
	lab->cluster.promoted = NULL; /* the places below have it */
	for (unsigned i = 0; i < lab->cluster.place_count; i++)
		lab->cluster.places[i].on = names_with(lab, (int)i);
}

static int load(struct cli *c, struct scale_words *said, struct lab **ret, int *ret_role, struct fail *e)
{
	if (load_for_show(c, true, &said->lab, ret, e) < 0)
		return -1;
	/* Groups name data nodes that the smaller labs do not have. */
	if ((*ret)->cluster.group_count)
		return fail(e, FAIL_USAGE, "lab '%s' has node groups, which labs with fewer nodes cannot have: name a lab file without them "
			    "with -f", (*ret)->name);
	if (!(*ret)->cluster.recipe) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' has no cluster", (*ret)->name);
		return fail_next(e, "labctl -l %s bootstrap KIND, or name a lab file with -f", (*ret)->name);
	}
	*ret_role = said->role ? lab_role(*ret, said->role) : default_role((*ret)->cluster.recipe);
	if (*ret_role < 0)
		return fail(e, FAIL_USAGE, "--role: a cluster of kind %s has no role '%s'", (*ret)->cluster.recipe->kind, said->role);
	return 0;
}

static int scale(struct cli *c, struct fail *e)
{
	struct scale_words *said = c->options;
	struct bench_station stations[COUNTS_MAX];
	struct lab *base = NULL;
	unsigned *counts = NULL, count = 0, done = 0;
	const struct role *role;
	int number, r = load(c, said, &base, &number, e);

	if (r == 0) {
		unsigned most = count_role(base, number);

		role = &base->cluster.recipe->roles[number];
		r = most ? read_counts(c, said->counts, most, role->min ? role->min : 1, &counts, &count, e) :
			   fail(e, FAIL_USAGE, "no node of lab '%s' has the role %s", base->name, role->name);
	}
	for (; r == 0 && done < count; done++) {
		struct bench_station *s = &stations[done];
		const char *name;

		r = load(c, said, &s->lab, &number, e);
		if (r < 0)
			break;
		name = arena_printf(c->arena, "%.16s-s%u", base->name, counts[done]);
		s->name = arena_printf(c->arena, "%s-%u", role->name, counts[done]);
		s->scale_role = role->name;
		s->scale_count = counts[done];
		keep_first(s->lab, number, counts[done]);
		bench_rename_lab(s->lab, name);
		r = bench_set_quota(s->lab, said->quota, base->node_count, e);
	}
	if (r == 0)
		r = bench_stations(c, &said->common, stations, count, e);
	for (unsigned i = 0; i < done; i++)
		lab_free(stations[i].lab);
	if (base)
		lab_free(base);
	return r;
}

#define AT(field) offsetof(struct scale_words, field)

static const struct option_row options[] = {
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = AT(role),
	  .text = "role whose number of nodes varies; that of the data nodes by default" },
	{ "counts", .arg = "NUMBERS", .at = AT(counts), .text = "how many of them: 1,2,4 and so on up to the lab's by default" },
	BENCH_OPTION_QUOTA(struct scale_words),
	BENCH_OPTIONS(struct scale_words),
	{ 0 },
};

const struct command cmd_bench_scale = {
	.name = "scale", .run = scale, .args = { { "SPEC", .optional = true, .complete = complete_files } },
	.options = options, .options_size = sizeof(struct scale_words),
	.summary = "measure the lab with more and more nodes of a role",
	.help =
	"For each number a lab is created from the lab file or the existing lab, with the first nodes of the role only; it is "
	"bootstrapped, measured as by `labctl bench run`, and destroyed. The existing lab stays as it is; an idle lab costs little, but "
	"its memory is in use.\n\n"
	"Nodes of one host take processor time from each other, so that a curve of more nodes would only show that the host is full. "
	"Each node therefore gets a quota, the same for every number: three quarters of the host, divided by the largest number of nodes. "
	"With --cpu-quota none the report says that the curve shows no scale-out.\n\n"
	"Clients connect to all nodes that take them unless --targets says otherwise: the coordinators of pgxc, the workers of citus, the "
	"standbys of postgres, which only read.\n\n"
	"  labctl bench scale --workloads tpcb-key,select-only --clients 8\n"
	"  labctl bench scale --role worker --counts 1,2,3 -o scale",
};
