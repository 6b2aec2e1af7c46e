/* SPDX-License-Identifier: PostgreSQL */
/* The script that reads the logs of a node: its sources come from the recipe; lines of its output and of journals. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab.h"
#include "log_script.h"

static struct library *library;

static int load(void **state)
{
	struct fail e = { 0 };

	(void)state;
	return library_load(SOURCE_DIR, &library, &e);
}

static int unload(void **state)
{
	(void)state;
	library_free(library);
	return 0;
}

static struct lab *lab_of(const char *text)
{
	struct lab_options o = { .state_dir = "/s" };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", &o, &lab, &e) < 0)
		fail_msg("%s", e.text);
	return lab;
}

static void assert_text(const char *script, const char *part)
{
	if (!strstr(script, part))
		fail_msg("'%s' is missing in:\n%.600s", part, script);
}

static const char *script_of(const struct lab *lab, unsigned node, const struct log_wish *w, struct arena *a)
{
	const char *script = NULL;
	struct fail e = { 0 };

	if (log_script(lab, library, &lab->nodes[node - 1], w, a, &script, &e) < 0)
		fail_msg("%s", e.text);
	return script;
}

static void sources(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of("lab: x\nnodes: 3\nnetwork: {subnet: 10.88.1.0/24}\ncluster:\n  kind: postgres\n"
						 "  primary: {dir: here}\n  pgpool: {on: 1}\n");
	auto_(arena_free) struct arena *a = arena_new();
	const char *script = script_of(lab, 1, &(struct log_wish){ .roles = UINT32_MAX, .journal = true, .since_s = 5, .limit_bytes = 7 }, a);

	(void)state;
	assert_text(script, "since=5 follow= limit=7 journal=yes\n");
	assert_text(script, "names=(primary pgpool)\n");
	assert_text(script, "    0) files=(/data/here/log/postgresql.log) ;;\n    1) files=(/data/pgpool/log/pgpool.log) ;;\n");
	script = script_of(lab, 2, &(struct log_wish){ .roles = 1u << lab_role(lab, "primary"), .follow = true, .limit_bytes = 7 }, a);
	assert_text(script, "since=0 follow=yes limit=0 journal=\nnames=()\n");
}

static void patterns(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of("lab: x\nnodes: 3\nnetwork: {subnet: 10.88.1.0/24}\ncluster: {kind: pgxc}\n");
	auto_(arena_free) struct arena *a = arena_new();
	const char *script = script_of(lab, 3, &(struct log_wish){ .roles = UINT32_MAX }, a);

	(void)state;
	assert_text(script, "names=(gtm_proxy datanode coordinator)\n");
	assert_text(script, "1) files=(/data/pgxc_datanode/pg_log/*.csv) ;;\n");
}

static void no_cluster(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of("lab: x\nnodes: 1\nnetwork: {subnet: 10.88.1.0/24}\n");
	auto_(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_text(script_of(lab, 1, &(struct log_wish){ .roles = UINT32_MAX, .journal = true }, a), "names=()\n");
}

static void lines(void **state)
{
	static const char *const bad[] = { "", "x", "2026-11-29 14:22:11.123", "2026-11-29 14:22:11.123\tprimary", "26-11-29 14:22:11.123\tp\tx",
		"2026-11-29T14:22:11.123\tp\tx", "2026-11-29 14:22:11.1234\tp\tx", ". 2026-11-29 14:22:11.123" };
	char good[] = "2026-11-29 14:22:11.123\tprimary\ta\tb";
	const char *time, *source;
	char *text, line[64];

	(void)state;
	assert_true(log_line_split(good, &time, &source, &text));
	assert_string_equal(time, "2026-11-29 14:22:11.123");
	assert_string_equal(source, "primary");
	assert_string_equal(text, "a\tb");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		strncpy(line, bad[i], sizeof line - 1);
		line[sizeof line - 1] = '\0';
		if (log_line_split(line, &time, &source, &text))
			fail_msg("'%s' is a line", bad[i]);
	}
}

static void journal_times(void **state)
{
	static const struct { const char *line, *time; } known[] = {
		{ "2026-11-29T14:22:11.123456+0100 node1 systemd[1]: Started", "2026-11-29 14:22:11.123" },
		{ "2026-11-29T14:22:11+0100 node1 systemd[1]: Started", "2026-11-29 14:22:11.000" },
		{ "2026-11-29T14:22:11.1+0100 x", "2026-11-29 14:22:11.100" },
		{ "2026-11-29T14:22:11-0800 x", "2026-11-29 14:22:11.000" },
	};
	static const char *const bad[] = { "", "    continued", "-- Boot 1234 --", "2026-11-29 14:22:11.1 x", "2026-11-29T14:22", "2026-11-29T14-22-11+0100" };
	char time[LOG_TIME_LEN + 1] = "kept";

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		if (log_journal_time(bad[i], time))
			fail_msg("'%s' has a time", bad[i]);
	assert_string_equal(time, "kept");
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		assert_true(log_journal_time(known[i].line, time));
		assert_string_equal(time, known[i].time);
	}
	setenv("TZ", "UTC", 1);
	tzset();
	log_time(1795962131007, time);
	assert_string_equal(time, "2026-11-29 14:22:11.007");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources), cmocka_unit_test(patterns), cmocka_unit_test(no_cluster),
		cmocka_unit_test(lines),   cmocka_unit_test(journal_times),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
