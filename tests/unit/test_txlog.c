/* SPDX-License-Identifier: PostgreSQL */
/* Transactions from pgbench's logs: what is a line, exact percentiles, the measured time. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "txlog.h"

static void add(struct txlog *t, const char *line, bool lag)
{
	assert_true(txlog_line(t, line, lag));
}

/* As pgbench 15 prints them: without and with -R, failed, skipped, of another version. */
static void test_lines(void **state)
{
	struct txlog t = { 0 };

	(void)state;
	add(&t, "0 1 2500 0 1795973669 250000", false);
	add(&t, "1 1 4000 0 1795973669 750000 1200", true);
	add(&t, "1 2 failed 0 1795973670 0 10", true);
	add(&t, "1 3 skipped 0 1795973670 500000 90000", true);
	add(&t, "1 4 deadlock 0 1795973670 600000 90000", true);
	txlog_finish(&t);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.failed_count, 3);
	assert_int_equal(t.skipped, 1);
	assert_true(t.items[0].latency_us == 2500 && t.items[1].lag_us == 1200);
	assert_int_equal(t.start_us, 1795973669LL * 1000000 + 250000 - 2500);
	txlog_clear(&t);
}

static void test_what_is_no_line(void **state)
{
	static const char *const bad[] = {
		"", "progress: 1.0 s, 100.0 tps", "0 1 2500 0 1795973669", "0 1 2500 0 x 250000", "0 1 2500 0 1795973669 1000000",
		"0 1 -5 0 1795973669 250000x", "0 1 99999999999999999999 0 1795973669 250000",
	};
	struct txlog t = { 0 };
	char longest[600];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(txlog_line(&t, bad[i], false));
	memset(longest, '1', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_false(txlog_line(&t, longest, false));
	/* A scheduled transaction has its lag. */
	assert_false(txlog_line(&t, "0 1 2500 0 1795973669 250000", true));
	txlog_clear(&t);
}

/* What a load writes that starts again after each failure (play.c), in the order of time. */
static void test_outcomes(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct txlog t = { 0 };
	const struct tx *all;
	unsigned count;

	(void)state;
	add(&t, "0 0 doubtful 0 1795973670 500000 0", false);
	add(&t, "0 0 refused 0 1795973671 0 0", false);
	add(&t, "0 1 2500 0 1795973669 900000", false);
	add(&t, "0 1 2500 0 1795973670 250000", false);
	add(&t, "0 0 failed 0 1795973670 900000 0", true);
	txlog_finish(&t);
	all = txlog_outcomes(&t, INT64_C(1795973670000000), a, &count);
	assert_int_equal(count, 4);
	assert_true(all[0].outcome == TX_COMMITTED && all[0].begun_ms == 247 && all[0].ended_ms == 250);
	assert_true(all[1].outcome == TX_DOUBTFUL && all[1].ended_ms == 500);
	assert_true(all[2].outcome == TX_FAILED && all[2].ended_ms == 900);
	assert_true(all[3].outcome == TX_REFUSED && all[3].ended_ms == 1000);
	txlog_clear(&t);
}

/* 100 transactions per second for 4 s, of 1, 2... 100 us in each second. The first second is warm-up. */
static void fill(struct txlog *t)
{
	char line[128];

	for (int s = 0; s < 4; s++)
		for (int i = 1; i <= 100; i++) {
			snprintf(line, sizeof line, "0 %d %d 0 %d %d %d", i, i, 1000 + s, i * 10000 - 5000, i / 10);
			add(t, line, true);
		}
	add(t, "0 1 failed 0 1001 400000 0", true);
	add(t, "0 1 failed 0 1000 400000 0", true);
	txlog_finish(t);
}

static void test_measure(void **state)
{
	struct arena *a = arena_new();
	struct bench_measure m = { 0 };
	struct txlog t = { 0 };

	(void)state;
	fill(&t);
	assert_int_equal(t.start_us, 1000LL * 1000000 + 5000 - 1);
	txlog_measure(&t, 1, 2, a, &m);
	assert_int_equal(m.transactions, 200);
	assert_int_equal(m.failed, 1);
	assert_true(m.tps == 100 && m.seconds == 2 && m.warmup_s == 1);
	assert_true(m.latency.p50 == 50 && m.latency.p95 == 95 && m.latency.p99 == 99 && m.latency.p999 == 100 && m.latency.max == 100);
	assert_true(m.latency.mean > 50.49 && m.latency.mean < 50.51);
	assert_true(m.latency.stddev > 28.9 && m.latency.stddev < 29.0);
	assert_true(m.lag_p99 == 9);
	assert_int_equal(m.series.seconds, 2);
	assert_true(m.series.tps[0] == 100 && m.series.tps[1] == 100);
	assert_int_equal(histogram_count(m.histogram), 200);
	txlog_clear(&t);
	arena_free(a);
}

static void test_nothing_measured(void **state)
{
	struct arena *a = arena_new();
	struct bench_measure m = { 0 };
	struct txlog t = { 0 };
	unsigned count;

	(void)state;
	txlog_finish(&t);
	txlog_measure(&t, 1, 2, a, &m);
	assert_true(m.transactions == 0 && m.tps == 0 && m.latency.p99 == 0 && m.lag_p99 == 0);
	txlog_seconds(&t, 0.5, a, &count);
	assert_int_equal(count, 0);
	txlog_clear(&t);
	arena_free(a);
}

static void test_seconds(void **state)
{
	struct arena *a = arena_new();
	struct txlog t = { 0 };
	double *seconds;
	unsigned count;

	(void)state;
	fill(&t);
	seconds = txlog_seconds(&t, 3.9, a, &count);
	assert_int_equal(count, 3);
	for (unsigned i = 0; i < count; i++)
		assert_true(seconds[i] == 100);
	txlog_clear(&t);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_what_is_no_line),
		cmocka_unit_test(test_measure),
		cmocka_unit_test(test_nothing_measured),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
