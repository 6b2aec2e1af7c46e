/* SPDX-License-Identifier: PostgreSQL */
/* base/trace.h: areas, lines, threads, and what a line must not contain. */
#include "traced.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

static void assert_match(const char *text, const char *pattern)
{
	regex_t compiled;
	bool found;

	assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	found = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	if (!found)
		fail_msg("no '%s' in:\n%s", pattern, text);
}

static void words_turn_areas_on(void **state)
{
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(trace_start("ssh,sql", traced_line, &e), 0);
	assert_true(trace_on(TRACE_SSH) && trace_on(TRACE_SQL) && !trace_on(TRACE_LIBVIRT));
	assert_int_equal(trace_start("libvirt", traced_line, &e), 0);
	assert_true(!trace_on(TRACE_SSH) && !trace_on(TRACE_SQL) && trace_on(TRACE_LIBVIRT));
	assert_int_equal(trace_start("", traced_line, &e), 0);
	assert_int_equal(trace_areas, 0);
	assert_int_equal(trace_start(NULL, NULL, &e), 0);
	assert_int_equal(trace_areas, 0);
}

static void unknown_words_are_refused(void **state)
{
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(trace_start("ssh,sqll", traced_line, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_string_equal(e.text, "LABCTL_TRACE: unknown word 'sqll'; did you mean 'sql'? Known: libvirt, ssh, sql");
	assert_int_equal(trace_areas, 0);
	assert_int_equal(trace_start("everything", traced_line, &e), -1);
	assert_string_equal(e.text, "LABCTL_TRACE: unknown word 'everything'; known: libvirt, ssh, sql");
}

static void a_call_is_two_lines(void **state)
{
	struct fail e = { .code = FAIL_DB, .cause = CAUSE_IN_USE, .sqlstate = "55006", .text = "hunter2 is wrong" };
	struct trace t;

	(void)state;
	traced_begin("sql");
	trace_begin(&t, TRACE_SSH, "not asked for");
	trace_end(&t, TRACE_SSH, NULL, "not asked for");
	assert_int_equal(traced.len, 0);
	trace_begin(&t, TRACE_SQL, "%s: select", "node3");
	assert_match(strbuf_text(&traced), "^trace 0\\.[0-9]{3} sql > node3: select$");
	trace_end(&t, TRACE_SQL, NULL, "%d rows", 3);
	assert_match(strbuf_text(&traced), "^trace 0\\.[0-9]{3} sql < node3: select: 3 rows; [0-9]+\\.[0-9] ms$");
	trace_end(&t, TRACE_SQL, &e, "%d rows", 0);
	assert_match(strbuf_text(&traced), "^trace 0\\.[0-9]{3} sql < node3: select: failed \\(DB, in-use, SQLSTATE 55006\\); ");
	assert_null(strstr(strbuf_text(&traced), "hunter2"));
	traced_end();
}

static int evaluated;

static const char *costly(void)
{
	evaluated++;
	return "x";
}

static void nothing_is_made_when_off(void **state)
{
	struct trace t;

	(void)state;
	traced_end();
	trace_begin(&t, TRACE_SQL, "%s", costly());
	trace_end(&t, TRACE_SQL, NULL, "%s", costly());
	assert_int_equal(evaluated, 0);
}

static void *many_calls(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct trace t;

		trace_begin(&t, TRACE_SSH, "%s: run", (const char *)arg);
		trace_end(&t, TRACE_SSH, NULL, "status %d", 0);
	}
	return NULL;
}

static void threads_keep_their_lines(void **state)
{
	static char *const names[] = { "node1", "node2", "node3", "node4" };
	pthread_t threads[4];
	unsigned lines = 0;

	(void)state;
	traced_begin("ssh");
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_calls, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	traced_end();
	for (char *rest = traced.text, *line; (line = strsep(&rest, "\n")) && *line; lines++)
		assert_match(line, "^trace [0-9.]+ ssh (> node[1-4]: run|< node[1-4]: run: status 0; [0-9.]+ ms)$");
	assert_int_equal(lines, 4 * 200 * 2);
}

static void queries_end_before_their_first_literal(void **state)
{
	char text[TRACE_WHAT_MAX], longer[1000];

	(void)state;
	assert_string_equal(trace_sql("ALTER ROLE gis\n\t PASSWORD 'hunter2' VALID", text), "ALTER ROLE gis PASSWORD ...");
	assert_string_equal(trace_sql("DO $x$ hunter2 $x$", text), "DO ...");
	assert_string_equal(trace_sql("DO $$ hunter2 $$", text), "DO ...");
	assert_string_equal(trace_sql("select E'hunter2'", text), "select E...");
	assert_string_equal(trace_sql("\nselect $1 from t where u = $2", text), "select $1 from t where u = $2");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(strlen(trace_sql(longer, text)), 123);
}

static void commands_are_their_program(void **state)
{
	char text[TRACE_WHAT_MAX];

	(void)state;
	assert_string_equal(trace_program("tail -n 20 -- '/var/log/x'", text), "tail");
	assert_string_equal(trace_program("PGPASSWORD=hunter2 psql", text), "PGPASSWORD");
	assert_string_equal(trace_program("  sh", text), "sh");
	assert_string_equal(trace_program("'hunter2'", text), "");
	assert_string_equal(trace_program("x;hunter2", text), "x");
	assert_string_equal(trace_program("", text), "");
}

static int end(void **state)
{
	(void)state;
	strbuf_clear(&traced);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_turn_areas_on),      cmocka_unit_test(unknown_words_are_refused),
		cmocka_unit_test(a_call_is_two_lines),      cmocka_unit_test(nothing_is_made_when_off),
		cmocka_unit_test(threads_keep_their_lines), cmocka_unit_test(queries_end_before_their_first_literal),
		cmocka_unit_test(commands_are_their_program),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, end);
}
