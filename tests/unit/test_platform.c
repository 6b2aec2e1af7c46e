/* SPDX-License-Identifier: PostgreSQL */
/* Which kind and version runs on which image. */
#include "test.h"

#include <string.h>

#include "defaults.h"
#include "lab.h"
#include "platform.h"
#include "recipe.h"

static void pairs(void **state)
{
	static const struct { const char *kind, *version, *release; bool runs; } cases[] = {
		{ "postgres", NULL, "debian12", true }, { "postgres", NULL, "debian13", true },
		{ "pgxc", NULL, "debian12", true }, { "pgxc", NULL, "debian13", true },
		{ "pgxc", "postgres-xc-1.0.4", "debian12", true }, { "pgxc", "postgres-xc-1.0.4", "debian13", true },
		{ "pgxc", "pgxc-v1.1.0.tar.gz", "debian12", true }, { "pgxc", "pgxc-v1.1.0.tar.gz", "debian13", false },
		{ "citus", NULL, "debian12", true }, { "citus", NULL, "debian13", true },
		{ "citus", "citus-12.1.12", "debian12", true }, { "citus", "citus-12.1.12", "debian13", false },
		{ "citus", "citus-13.2.2", "debian12", true }, { "citus", "citus-13.2.2", "debian13", true },
		{ "citus", "14.0", "debian12", false }, { "citus", "14.0", "debian13", true },
		/* not in the table: the build shows it */
		{ "citus", "citus-12.10.1", "debian13", true }, { "citus", "citus-0f3c12", "debian13", true },
		/* the user's own disk */
		{ "pgxc", "1.0.4", "el6", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (platform_runs(cases[i].kind, cases[i].version, family_find(cases[i].release)) != cases[i].runs)
			fail_msg("%s %s on %s", cases[i].kind, cases[i].version ? cases[i].version : "", cases[i].release);
}

/*
 * Every row names a kind and a release, and each kind has a row for the default image: whichever kind `labctl bootstrap KIND`
 * names after `labctl create 8`, it runs.
 */
static void rows(void **state)
{
	auto_(strbuf_clear) struct strbuf why = { 0 };
	const struct platform *p;
	const char *const *kind;

	(void)state;
	for (unsigned i = 0; (p = platform_row(i)); i++) {
		assert_non_null(recipe_find(p->kind));
		assert_non_null(family_find(p->release));
		assert_non_null(family_find(p->release)->postgresql);
		/* What labctl downloads by itself runs there. */
		if (recipe_find(p->kind)->build) {
			const char *source = platform_source(p->kind, family_find(p->release));

			assert_true(platform_accepts(p->kind, source ? source : recipe_find(p->kind)->source,
						     family_find(p->release), &why));
		}
		if (!strcmp(p->kind, "postgres"))
			assert_string_equal(p->versions, family_find(p->release)->postgresql);
	}
	for (kind = recipe_kinds(); *kind; kind++)
		assert_true(platform_runs(*kind, NULL, family_find(DEFAULT_IMAGE)));
	assert_null(platform_image("mysql", NULL));
}

static void refused_before_anything_is_built(void **state)
{
	auto_(lab_free) struct lab *lab = NULL;
	static const char yaml[] = "image: debian12\ncluster: {kind: citus, source: {archive: /a/citus-14.0.1.tar.gz}}\nnodes: 8\n";
	const struct lab_options none = { 0 };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_parse(yaml, strlen(yaml), "x.yaml", &none, &lab, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_non_null(strstr(e.text, "citus-14.0.1.tar.gz does not run on debian12; labctl knows citus in versions 13.2 14.0 on debian13, "
				       "12.1 13.2 on debian12"));
	/* The kind may also come from the command line of bootstrap. */
	assert_int_equal(lab_parse("image: debian13\n", strlen("image: debian13\n"), "x.yaml", &none, &lab, &e), 0);
	assert_int_equal(lab_set_cluster(lab, "citus", "/a/citus-12.1.12.tar.gz", &e), -1);
	assert_non_null(strstr(e.text, "citus-12.1.12.tar.gz does not run on debian13; labctl knows citus in versions 13.2 14.0 on debian13, "
				       "12.1 13.2 on debian12"));
	assert_string_equal(e.next, "labctl -l lab destroy && labctl -l lab create 1 --image debian12");
	assert_int_equal(lab_set_cluster(lab, "postgres", NULL, &e), 0);
	assert_string_equal(lab->cluster.prefix, "/usr/lib/postgresql/17");
}

/* The default source of a configuration, for labs on another image. */
static void a_default_source_that_does_not_run_is_refused(void **state)
{
	static const char yaml[] = "image: debian13\nsources: {citus: https://x.example/citus-12.1.9.tar.gz}\nnodes: 2\n";
	auto_(lab_free) struct lab *lab = NULL;
	const struct lab_options none = { 0 };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_parse(yaml, strlen(yaml), "x.yaml", &none, &lab, &e), 0);
	assert_int_equal(lab_set_cluster(lab, "citus", NULL, &e), 0);
	assert_int_equal(lab_default_source(lab, NULL, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_string_equal(e.text, "sources.citus: citus-12.1.9.tar.gz does not run on debian13; labctl knows citus in versions "
				    "13.2 14.0 on debian13, 12.1 13.2 on debian12");
	assert_null(lab->cluster.archive);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pairs), cmocka_unit_test(rows),
					    cmocka_unit_test(refused_before_anything_is_built),
					    cmocka_unit_test(a_default_source_that_does_not_run_is_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
