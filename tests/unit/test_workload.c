/* SPDX-License-Identifier: PostgreSQL */
/* bench/workload.h: the tables agree with each other and with the files, and every text expands for every kind. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "recipe.h"
#include "workload.h"

static struct library *library;

static const char *script(const char *name, const char *kind, unsigned scale, struct arena *a)
{
	struct fail e = {0};
	const char *text = NULL;

	if (workload_script(library, workload_find(name), kind, scale, a, &text, &e) < 0)
		fail_msg("%s for %s: %s", name, kind, e.text);
	return text;
}

static void tables_agree(void **state)
{
	(void)state;
	for (const struct workload *w = workloads; w->name; w++) {
		assert_ptr_equal(workload_find(w->name), w); /* no name twice */
		assert_true(w->title && w->kinds && strlen(w->title) < 100);
		assert_true(!w->dataset || dataset_find(w->dataset));
		assert_true(!w->baseline || workload_find(w->baseline));
		for (const char *const *kind = recipe_kinds(); *kind && w->dataset; kind++)
			if (workload_has_kind(w->kinds, *kind))
				assert_true(workload_has_kind(dataset_find(w->dataset)->kinds, *kind));
	}
	for (const struct dataset *d = datasets; d->name; d++)
		assert_ptr_equal(dataset_find(d->name), d);
	assert_null(workload_find("tpc"));
	assert_null(dataset_find("tpcb"));
	assert_true(workload_has_kind("citus pgxc", "pgxc"));
	assert_false(workload_has_kind("citus pgxc", "pg"));
	assert_false(workload_has_kind("citus pgxc", "xc"));
	assert_int_equal(workload_shards(workload_find("update-two-two-shards"), "citus"), 2);
	assert_int_equal(workload_shards(workload_find("update-two-two-shards"), "postgres"), 1);
	assert_int_equal(workload_shards(workload_find("gtm-only"), "postgres"), 0);
}

static void texts_expand(void **state)
{
	static const enum dataset_file files[] = { DATASET_LOAD, DATASET_RESET, DATASET_CHECK };
	struct arena *a = arena_new();

	(void)state;
	for (const char *const *kind = recipe_kinds(); *kind; kind++) {
		for (const struct workload *w = workloads; w->name; w++)
			assert_null(strstr(script(w->name, *kind, 10, a), "@{"));
		for (const struct dataset *d = datasets; d->name; d++)
			for (unsigned f = 0; f < sizeof files / sizeof *files; f++) {
				const char *text = NULL;
				struct fail e = {0};
				char schema[64];

				if (dataset_text(library, d, files[f], *kind, 10, a, &text, &e) < 0)
					fail_msg("%s for %s: %s", d->name, *kind, e.text);
				dataset_schema(d, schema);
				assert_non_null(strstr(text, schema));
				assert_null(strstr(text, "@{"));
				assert_int_equal(!!strstr(text, "create_distributed_table"),
						 files[f] == DATASET_LOAD && !strcmp(*kind, "citus"));
				assert_int_equal(!!strstr(text, "distribute by"),
						 files[f] == DATASET_LOAD && !strcmp(*kind, "pgxc"));
			}
	}
	arena_free(a);
}

static void kinds_differ(void **state)
{
	struct arena *a = arena_new();
	const char *own = NULL;
	struct fail e = {0};

	(void)state;
	assert_non_null(strstr(script("tpcb", "pgxc", 7, a), "\\set bid random(1, 7)\n"));
	assert_non_null(strstr(script("tpcb", "pgxc", 7, a), "update labctl_tpcb_branch.pgbench_accounts "));
	assert_non_null(strstr(script("update-two-one-shard", "pgxc", 1, a), "when :i = 3 then 3 "));
	assert_non_null(strstr(script("update-two-one-shard", "citus", 1, a), "when :i = 3 then 34 "));
	assert_non_null(strstr(script("join-repartition", "citus", 1, a), "citus.enable_repartition_joins"));
	assert_null(strstr(script("join-repartition", "postgres", 1, a), "citus"));

	assert_int_equal(workload_expand("mine.sql", "select @{scale} from @{schema:raw}.pair;", dataset_find("pack"), "citus", 3, a,
					 &own, &e), 0);
	assert_string_equal(own, "select 3 from labctl_pack.pair;");
	assert_int_equal(workload_expand("mine.sql", "select 1;\nselect @{schema:raw};", NULL, "citus", 3, a, &own, &e), -1);
	assert_string_equal(e.text, "mine.sql:2: unknown name schema");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_agree),
		cmocka_unit_test(texts_expand),
		cmocka_unit_test(kinds_differ),
	};
	struct fail e = {0};
	int failed;

	if (library_load(SOURCE_DIR, &library, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	library_free(library);
	return failed;
}
