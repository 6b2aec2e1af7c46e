/* SPDX-License-Identifier: PostgreSQL */
/* Scenarios: what is read, and what is refused with which line. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "strbuf.h"

static const char *words_text(const struct scenario_step *step, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	for (const char *const *w = step->words; *w; w++)
		strbuf_printf(&out, "%s[%s]", out.len ? " " : "", *w);
	return arena_strdup(a, strbuf_text(&out));
}

static void a_scenario(void **state)
{
	static const char text[] =
		"kind: postgres\nwriters: 3\nrate: 50\nmay_lose: 2\nsteps:\n"
		"- {at: 10s, inject: kill 1 -r primary}\n"
		"- {sql: \"select 'a b'\", expect: a b, timeout: 5s}\n"
		"- {at: 1m, command: \"exec 1 -- 'echo it''s  \\\"me\\\"'\", status: 20}\n"
		"- {heal: --all}\n"
		"- {wait: db}\n";
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	struct scenario *s;

	(void)state;
	assert_int_equal(scenario_parse(text, strlen(text), "s.yaml", a, &s, &e), 0);
	assert_string_equal(s->kind, "postgres");
	assert_true(s->writers == 3 && s->rate == 50 && s->may_lose == 2 && s->step_count == 5);
	assert_true(s->steps[0].at_ms == 10000 && s->steps[1].at_ms == -1 && s->steps[2].at_ms == 60000);
	assert_true(s->steps[0].timeout_ms == 600000 && s->steps[1].timeout_ms == 5000);
	assert_int_equal(s->steps[2].status, 20);
	assert_string_equal(s->steps[1].expect, "a b");
	assert_string_equal(words_text(&s->steps[0], a), "[fault] [inject] [kill] [1] [-r] [primary]");
	assert_string_equal(words_text(&s->steps[1], a), "[psql] [--] [-XAtqc] [select 'a b']");
	assert_string_equal(words_text(&s->steps[2], a), "[exec] [1] [--] [echo its  \"me\"]");
	assert_string_equal(words_text(&s->steps[3], a), "[fault] [heal] [--all]");
	assert_string_equal(words_text(&s->steps[4], a), "[wait] [--for] [db]");
}

static void refused(void **state)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "", "s.yaml: steps: has no step" },
		{ "steps: []\n", "s.yaml: steps: has no step" },
		{ "steps: 3\n", "s.yaml:1: steps: must be a list" },
		{ "kind: oracle\nsteps: [{wait: db}]\n", "s.yaml:1: kind: unknown kind 'oracle'" },
		{ "writer: 2\nsteps: [{wait: db}]\n", "s.yaml:1: writer: unknown key (did you mean writers?)" },
		{ "writers: 65\nsteps: [{wait: db}]\n", "s.yaml:1: writers: must be from 0 to 64, got 65" },
		{ "rate: 0\nsteps: [{wait: db}]\n", "s.yaml:1: rate: must be from 1 to 10000" },
		{ "steps:\n- {at: 5s}\n", "s.yaml:2: steps[1]: needs one of inject, heal, command, sql, wait" },
		{ "steps:\n- {wait: db, heal: --all}\n", "s.yaml:2: steps[1]: needs one of inject, heal, command, sql, wait, not several" },
		{ "steps:\n- {at: 5, wait: db}\n", "s.yaml:2: steps[1].at: '5' is not a time of at most a day" },
		{ "steps:\n- {at: 2d, wait: db}\n", "s.yaml:2: steps[1].at: '2d' is not a time of at most a day" },
		{ "steps:\n- {at: 9s, wait: db}\n- {wait: db}\n- {at: 8s, wait: db}\n", "s.yaml:4: steps[3].at: is before the step above it" },
		{ "steps:\n- {wait: db, expect: 1}\n", "s.yaml:2: steps[1]: expect is for sql" },
		{ "steps:\n- {command: \"exec 'x\"}\n", "s.yaml:2: steps[1]: 'exec 'x' has a quote that is not closed" },
		{ "steps:\n- {inject: partion 1}\n", "s.yaml:2: steps[1].inject: unknown fault 'partion'; did you mean 'partition'?" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct fail e = { 0 };
		struct scenario *s;

		assert_int_equal(scenario_parse(cases[i].text, strlen(cases[i].text), "s.yaml", a, &s, &e), -1);
		assert_int_equal(e.code, FAIL_LAB);
		if (strncmp(e.text, cases[i].why, strlen(cases[i].why)) != 0)
			print_error("%s\n", cases[i].text);
		assert_memory_equal(e.text, cases[i].why, strlen(cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_scenario), cmocka_unit_test(refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
