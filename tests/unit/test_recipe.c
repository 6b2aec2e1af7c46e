/* SPDX-License-Identifier: PostgreSQL */
/* The recipes pass the audit, the audit finds planted mistakes, and the library has every file that rules name. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "library.h"
#include "recipe.h"


static void recipes_are_sound(void **state)
{
	(void)state;
	for (unsigned i = 0; recipe_at(i); i++) {
		auto_(strbuf_clear) struct strbuf out = {0};

		if (recipe_check(recipe_at(i), &out))
			fail_msg("%s", strbuf_text(&out));
		assert_ptr_equal(recipe_find(recipe_at(i)->kind), recipe_at(i));
		assert_string_equal(recipe_kinds()[i], recipe_at(i)->kind);
	}
	assert_null(recipe_find("mysql"));
}

static void audit_finds(void **state)
{
	static const struct role roles[] = {
		{ "a", .min = 2, .max = 1, .dir = "a", .node_name = "a", .sql = true, .beside = "x" },
		{ "a", .max = 1, .node_name = "a" },
		{ 0 },
	};
	static const struct placement places[] = { { 1, "b", "1" }, { 0 } };
	static const struct role_set sets[] = { { "a", "a c" }, { 0 } };
	static const struct role_link links[] = { { "a", "q", LINK_ALL, "SQL" }, { 0 } };
	static const struct role_log logs[] = { { "w", "@{dir}/log" }, { 0 } };
	static const struct rule rules[] = {
		{ "r1", "a:last", .after = "r2", .arg = "f", .title = "t" },
		{ "r2", "z", .after = ".r1 r9", .arg = "f", .title = "t", .files = "x=y" },
		{ "r2", "a", .arg = "f", .shares = true },
		{ 0 },
	};
	struct recipe bad = recipe_postgres;
	auto_(strbuf_clear) struct strbuf out = {0};
	static const char *const words[] = { "duplicate role a", "min 2, max 1", "answers SQL", "beside the unknown role x",
		"placement of b", "has the name of a role", "unknown role c", "psql_role", "link from a", "log of w", "a has a directory but no log", ":last", "unknown role z",
		"unknown rule r9", "not FILE=PATH:MODE", "duplicate rule r2", "no title", "r2: .shares", "cycle: r2 -> r1" };

	(void)state;
	bad.roles = roles;
	bad.placements = places;
	bad.role_sets = sets;
	bad.links = links;
	bad.logs = logs;
	bad.rules = rules;
	assert_true(recipe_check(&bad, &out) >= ARRAY_COUNT(words));
	for (unsigned i = 0; i < ARRAY_COUNT(words); i++)
		if (!strstr(out.text, words[i]))
			fail_msg("'%s' is missing in:\n%s", words[i], out.text);
}

static void assert_file(const struct library *l, const char *rule, const char *name, size_t len)
{
	char text[256];

	snprintf(text, sizeof text, "%.*s", (int)len, name);
	if (!library_text(l, text))
		fail_msg("rule %s: no file %s", rule, text);
}

static void assert_rules(const struct library *l, const struct rule *rule)
{
	for (; rule->id; rule++) {
		assert_file(l, rule->id, rule->arg, strlen(rule->arg));
		for (const char *f = rule->files; f && *f; f += strcspn(f, " "), f += strspn(f, " "))
			assert_file(l, rule->id, f, strcspn(f, "="));
	}
}

static void rules_name_files(void **state)
{
	auto_(library_free) struct library *l = NULL;
	struct fail e = {0};

	(void)state;
	if (library_load(SOURCE_DIR, &l, &e) < 0)
		fail_msg("%s", e.text);
	for (unsigned i = 0; recipe_at(i); i++) {
		const struct recipe *r = recipe_at(i);

		if (r->build)
			assert_file(l, "build", r->build, strlen(r->build));
		assert_rules(l, r->rules);
		assert_rules(l, r->stops);
		if (r->changes)
			assert_rules(l, r->changes);
		if (r->software)
			assert_rules(l, r->software);
		if (r->takeover) {
			if (r->takeover->standing)
				assert_file(l, "takeover", r->takeover->standing, strlen(r->takeover->standing));
			if (r->takeover->asks)
				assert_rules(l, r->takeover->asks);
			assert_rules(l, r->takeover->leave);
			if (r->takeover->lost)
				assert_rules(l, r->takeover->lost);
			assert_rules(l, r->takeover->fence);
			assert_rules(l, r->takeover->promote);
			assert_rules(l, r->takeover->rejoin);
		}
		for (const struct task *c = r->tasks; c && c->name; c++)
			assert_rules(l, c->rules);
		for (const struct query *q = r->queries; q && q->name; q++)
			assert_file(l, q->name, q->arg, strlen(q->arg));
	}
}

static void library_is_sorted(void **state)
{
	auto_(library_free) struct library *l = NULL;
	struct library *none = NULL;
	struct fail e = {0};

	(void)state;
	assert_int_equal(library_load(SOURCE_DIR, &l, &e), 0);
	assert_string_equal(library_dir(l), SOURCE_DIR);
	assert_non_null(library_text(l, "tuning/lib.sh"));
	assert_null(library_text(l, "tuning/none.sh"));
	for (unsigned i = 1; library_name(l, i); i++)
		assert_true(strcmp(library_name(l, i - 1), library_name(l, i)) < 0);
	assert_int_equal(library_load("/nonexistent", &none, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipes_are_sound),
		cmocka_unit_test(audit_finds),
		cmocka_unit_test(rules_name_files),
		cmocka_unit_test(library_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
