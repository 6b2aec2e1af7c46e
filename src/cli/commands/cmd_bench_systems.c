/* SPDX-License-Identifier: PostgreSQL */
/* bench systems: clusters of several kinds, measured alike. */
#include <string.h>

#include "bench_labs.h"
#include "complete.h"
#include "recipe.h"
#include "suggest.h"

#define KINDS_MAX 8

struct systems_words { struct bench_options common; const char *kinds, *sources, *nodes, *quota; };

/* The archive of a kind in "citus=FILE,pgxc=FILE"; NULL = none. */
static const char *source_of(struct cli *c, const char *sources, const char *kind)
{
	char *rest = arena_strdup(c->arena, sources ? sources : ""), *word;
	size_t len = strlen(kind);

	while ((word = strsep(&rest, ",")))
		if (!strncmp(word, kind, len) && word[len] == '=')
			return word + len + 1;
	return NULL;
}

static int make_lab(struct cli *c, const char *kind, unsigned nodes, struct lab **ret, struct fail *e)
{
	const struct systems_words *said = c->options;
	const struct recipe *recipe = recipe_find(kind);
	struct lab_words words = { .node_count = nodes, .kind = kind, .source = source_of(c, said->sources, kind) };
	struct cli sub = *c;

	if (!recipe)
		return suggest_fail(e, "--kinds: unknown kind", kind, recipe_kinds());
	sub.lab_name = arena_printf(c->arena, "%.16s-%s", c->lab_name ? c->lab_name : "bench", kind);
	sub.file = NULL;
	sub.no_file = true;
	return load_for_show(&sub, false, &words, ret, e);
}

static int systems(struct cli *c, struct fail *e)
{
	const struct systems_words *said = c->options;
	char *rest = arena_strdup(c->arena, said->kinds ? said->kinds : "postgres,citus"), *kind;
	struct bench_station stations[KINDS_MAX] = { 0 };
	unsigned count = 0, nodes = 4;
	int r = said->nodes ? parse_count(said->nodes, &nodes, e) : 0;

	while (r == 0 && (kind = strsep(&rest, ","))) {
		struct bench_station *s = &stations[count];

		if (count == KINDS_MAX)
			r = fail(e, FAIL_USAGE, "--kinds: at most %d", KINDS_MAX);
		else
			r = make_lab(c, kind, nodes, &s->lab, e);
		if (r < 0)
			break;
		count++;
		s->name = s->lab->cluster.recipe->kind;
		bench_rename_lab(s->lab, s->lab->name);
		r = bench_set_quota(s->lab, said->quota, nodes, e);
	}
	if (r == 0)
		r = bench_stations(c, &said->common, stations, count, e);
	for (unsigned i = 0; i < count; i++)
		lab_free(stations[i].lab);
	return r;
}

#define AT(field) offsetof(struct systems_words, field)

static const struct option_row options[] = {
	{ "kinds", .arg = "KINDS", .complete = complete_kinds, .at = AT(kinds), .text = "kinds of clusters, separated by commas; postgres,citus by default" },
	{ "sources", .arg = "KIND=FILE", .complete = complete_files, .at = AT(sources),
	  .text = "source archives: citus=FILE,pgxc=FILE; by default those of bootstrap" },
	{ "nodes", .arg = "N", .at = AT(nodes), .text = "nodes of each lab; 4 by default" },
	BENCH_OPTION_QUOTA(struct systems_words),
	BENCH_OPTIONS(struct systems_words),
	{ 0 },
};

const struct command cmd_bench_systems = {
	.name = "systems", .run = systems, .args = { { "SPEC", .optional = true, .complete = complete_files } },
	.options = options, .options_size = sizeof(struct systems_words),
	.summary = "measure clusters of several kinds alike",
	.help =
	"For each kind a lab with the same number of nodes and the same quota of processor time is created, bootstrapped, measured as "
	"by `labctl bench run`, and destroyed; one report shows all. The lab file is not read. Unless --targets says otherwise, clients connect to one coordinator, and then to "
	"all coordinators or workers; with postgres to the primary.\n\n"
	"  labctl bench systems --kinds postgres,citus,pgxc --sources citus=citus.tar.gz,pgxc=pgxc.tar.gz",
};
