/* SPDX-License-Identifier: PostgreSQL */
/* Times as people type them: ages, clock times, dates; what is no time is refused. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auto.h"
#include "when.h"

#define NOW 1795962131 /* 2026-11-29 14:22:11 UTC */

static int64_t parsed(const char *text)
{
	struct fail e = { 0 };
	int64_t s = -1;

	if (when_parse("--since", text, NOW, &s, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	return s;
}

static void times(void **state)
{
	(void)state;
	assert_int_equal(parsed("90s"), NOW - 90);
	assert_int_equal(parsed("10m"), NOW - 600);
	assert_int_equal(parsed("2h"), NOW - 7200);
	assert_int_equal(parsed("3d"), NOW - 3 * 86400);
	assert_int_equal(parsed("0s"), NOW);
	assert_int_equal(parsed("14:22"), NOW - 11);
	assert_int_equal(parsed("14:22:11"), NOW);
	/* the last time that it was so late: yesterday */
	assert_int_equal(parsed("14:22:12"), NOW + 1 - 86400);
	assert_int_equal(parsed("23:00"), NOW - 11 + 8 * 3600 + 38 * 60 - 86400);
	assert_int_equal(parsed("2026-11-29"), NOW - (14 * 3600 + 22 * 60 + 11));
	assert_int_equal(parsed("2026-11-29 14:22"), NOW - 11);
	assert_int_equal(parsed("2026-11-29T14:22:11"), NOW);
	assert_int_equal(parsed("2024-02-29"), 1709164800);
	assert_int_equal(parsed("2026-12-01 00:00:01"), 1796083201);
}

static void other_zones(void **state)
{
	(void)state;
	setenv("TZ", "Europe/Zurich", 1);
	tzset();
	assert_int_equal(parsed("2026-11-29 15:22:11"), NOW);
	assert_int_equal(parsed("2026-07-01 02:00"), 1782864000); /* summer: UTC+2 */
	assert_int_equal(parsed("15:22"), NOW - 11);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void durations(void **state)
{
	static const struct { int64_t s; const char *text; } rows[] = { { 0, "0s" }, { 59, "59s" }, { 60, "1m" }, { 61, "1m 1s" }, { 3600, "1h" },
		{ 3659, "1h" }, { 28740, "7h 59m" }, { 86400, "1d" }, { 86399, "23h 59m" }, { 200000, "2d 7h" }, { 172800 + 3599, "2d" } };
	int64_t s = -1;
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		duration_text(rows[i].s, text);
		assert_string_equal(text, rows[i].text);
	}
	assert_true(duration_parse("8h", &s) && s == 28800);
	assert_true(duration_parse("0d", &s) && s == 0);
	assert_false(duration_parse("8", &s));
	assert_false(duration_parse("8h30m", &s));
	assert_false(duration_parse("-8h", &s));
	assert_false(duration_parse("", &s));
}

static void refused(void **state)
{
	static const char *const bad[] = { "", " ", "10", "m", "10 m", "10mm", "10w", "-5m", "1e3s", "99999999d", "yesterday", "14", "14:",
		"14:2x", "24:00", "12:60", "12:00:60", "12:00:", "12:00:1", "12:00:001", "2026-13-01", "2026-02-30", "2026-00-10", "2026-11-0",
		"2026-11-29x", "2026-11-29 ", "2026-11-29 25:00", "26-11-29", "2026-1-1", "2026/11/29", "1969-12-31", "14:22 2026-11-29" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct fail e = { 0 };
		int64_t s = 42;

		if (when_parse("--since", bad[i], NOW, &s, &e) == 0)
			fail_msg("'%s' is a time", bad[i]);
		assert_int_equal(e.code, FAIL_USAGE);
		assert_non_null(strstr(e.text, "--since: '"));
		assert_int_equal(s, 42);
	}
}

static int in_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(other_zones),
		cmocka_unit_test(durations), cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, in_utc, NULL);
}
