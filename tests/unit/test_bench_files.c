/* SPDX-License-Identifier: PostgreSQL */
/* The files of a run: what is written is read back, and what is damaged is refused. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "file.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/labctl-bench-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fail e;

	(void)state;
	return file_remove_tree(dir, &e);
}

static struct bench_point points[] = {
	{ .name = "tpcb/primary/4", .workload = "tpcb", .target = "primary", .clients = 4 },
	{ .name = "tpcb/primary/70%", .workload = "tpcb", .target = "primary", .clients = 4, .rate_percent = 70 },
};

static void write_run(void)
{
	static double tps[] = { 10, 12 }, latency[] = { 900, 1100 }, cpu[] = { 50, -1 };
	static struct bench_workload_info workload = { "tpcb", "TPC-B-like", NULL, 1 };
	static struct bench_track track = { "node1", "cpu", cpu };
	static struct bench_event event = { 1.5, "checkpoint node1", true };
	static struct bench_counter counter = { "node1", "pg_stat_database.xact_commit", 22 };
	static struct bench_outage outages[] = {
		{ .of = "tpcb/primary/4", .fault_s = .5, .times = { 11, 2, 3, 100, 2300, 100, true, 4900 }, .rows = { .by_outcome = { 22, 1, 2, 3 } } },
		{ .of = "numbered rows", .times = { .error_ms = -1, .recovered_ms = -1 }, .rows = { { 9, 0, 1, 0 }, 4, 3, 2, 1 }, .checked = true },
	};
	static struct bench_check check = { "sums", true, "0 = 0" };
	struct arena *a = arena_new();
	struct bench_run run = { .arena = a, .dir = dir, .labctl = "1", .lab = "lab", .kind = "postgres", .started_ms = 1795973669585,
				 .seed = 42, .repeats = 2, .time_s = 2, .cpu_quota = 37, .shared_host = true, .scenario = "a.yaml", .workloads = &workload,
				 .workload_count = 1, .points = points, .point_count = 2 };
	struct bench_measure m = { .point = &points[0], .repeat = 1, .order = 1, .started_ms = 1795973670000, .warmup_s = 1,
				   .seconds = 2, .marks = BENCH_DRIFTS | BENCH_LATE, .transactions = 22, .tps = 11,
				   .latency = { 1000, 100, 990, 1100, 1200, 1300, 1400 }, .histogram = histogram_new(a),
				   .client_cpu = .5, .client_cores = 2,
				   .series = { 2, tps, latency, &track, 1, &event, 1 }, .counters = &counter, .counter_count = 1,
				   .checks = &check, .check_count = 1, .outages = outages, .outage_count = 2, .raw = "raw/0001" };
	struct bench_measure bad = { .point = &points[1], .repeat = 1, .order = 2, .status = BENCH_FAILED, .reason = "node1 is gone" };
	struct fail e;

	histogram_add(m.histogram, 1000);
	assert_int_equal(bench_create(&run, &e), 0);
	assert_int_equal(bench_append(&run, &m, &e), 0);
	assert_int_equal(bench_append(&run, &bad, &e), 0);
	arena_free(a);
}

static void change(const char *name, const char *from, const char *to)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, changed = { 0 };
	char path[128], *at;
	struct fail e;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	at = strstr(text.text, from);
	assert_non_null(at);
	strbuf_add(&changed, text.text, (size_t)(at - text.text));
	strbuf_str(&changed, to);
	strbuf_str(&changed, at + strlen(from));
	assert_int_equal(file_write(path, changed.text, changed.len, 0644, &e), 0);
}

static void test_round_trip(void **state)
{
	struct bench_run *run;
	const struct bench_measure *m;
	struct fail e;

	(void)state;
	write_run();
	assert_int_equal(bench_read(dir, &run, &e), 0);
	assert_int_equal(run->point_count, 2);
	assert_int_equal(run->points[1].rate_percent, 70);
	assert_true(run->shared_host && run->seed == 42 && run->cpu_quota == 37);
	assert_int_equal(run->measure_count, 2);
	m = &run->measures[0];
	assert_ptr_equal(m->point, &run->points[0]);
	assert_int_equal(m->marks, BENCH_DRIFTS | BENCH_LATE);
	assert_true(m->tps == 11 && m->latency.p999 == 1300 && m->series.tps[1] == 12 && m->series.tracks[0].values[1] == -1);
	assert_string_equal(m->series.events[0].what, "checkpoint node1");
	assert_true(m->series.events[0].fault);
	assert_string_equal(run->scenario, "a.yaml");
	assert_int_equal(m->outage_count, 2);
	assert_string_equal(m->outages[0].of, "tpcb/primary/4");
	assert_true(m->outages[0].fault_s == .5 && m->outages[0].times.gap_ms == 2300 && m->outages[0].times.recovered_ms == 4900 &&
		    m->outages[0].times.dropped && m->outages[0].rows.by_outcome[TX_REFUSED] == 3 && !m->outages[0].checked);
	assert_true(m->outages[1].checked && m->outages[1].rows.lost == 4 && m->outages[1].rows.torn == 3 && m->outages[1].rows.doubtful_there == 2 &&
		    m->outages[1].rows.failed_there == 1 && m->outages[1].times.error_ms == -1);
	assert_int_equal(run->measures[1].outage_count, 0);
	assert_true(m->checks[0].ok && m->counters[0].value == 22);
	assert_int_equal(histogram_count(m->histogram), 1);
	assert_int_equal(run->measures[1].status, BENCH_FAILED);
	assert_string_equal(run->measures[1].reason, "node1 is gone");
	bench_free(run);
}

/* After kill -9 the last line may be incomplete: it is ignored, and the next one begins a new line. */
static void test_a_line_that_was_cut_off(void **state)
{
	struct bench_measure m = { .point = &points[1], .repeat = 2, .order = 3, .status = BENCH_FAILED, .reason = "again" };
	struct bench_run *run;
	char path[128];
	struct fail e;
	FILE *f;

	(void)state;
	write_run();
	snprintf(path, sizeof path, "%s/measurements.jsonl", dir);
	f = fopen(path, "a");
	fputs("{\"point\":\"tpcb/prim", f);
	fclose(f);
	assert_int_equal(bench_read(dir, &run, &e), 0);
	assert_int_equal(run->measure_count, 2);
	assert_int_equal(bench_append(run, &m, &e), 0);
	bench_free(run);
	assert_int_equal(bench_read(dir, &run, &e), 0);
	assert_int_equal(run->measure_count, 3);
	assert_int_equal(run->measures[2].repeat, 2);
	bench_free(run);
}

static void refused(enum fail_code code, const char *text)
{
	struct bench_run *run = NULL;
	struct fail e = { 0 };

	assert_int_equal(bench_read(dir, &run, &e), -1);
	assert_int_equal(e.code, code);
	if (!strstr(e.text, text))
		fail_msg("'%s' is not in: %s", text, e.text);
}

static void test_refused(void **state)
{
	static const struct { const char *file, *from, *to, *text; } rows[] = {
		{ "run.json", "\"version\": 1", "\"version\": 2", "format version 2; this labctl reads version 1" },
		{ "run.json", "labctl-bench", "other", "not the run of a benchmark" },
		{ "run.json", "\"clients\": 4", "\"clients\": -4", "'clients' is missing or not a number" },
		{ "run.json", "\"points\"", "\"dots\"", "'points' is missing or not a list" },
		{ "run.json", "{", "[", "run.json:" },
		{ "measurements.jsonl", "tpcb/primary/4", "tpcb/primary/5", "run.json has no point 'tpcb/primary/5'" },
		{ "measurements.jsonl", "drifts", "floats", "unknown mark 'floats'" },
		{ "measurements.jsonl", "[10.0,12.0]", "[10.0]", "as many numbers" },
		{ "measurements.jsonl", "\"tps\":11.0", "\"tps\":\"fast\"", "measurements.jsonl:1: 'tps' is missing or not a number" },
		{ "measurements.jsonl", "\"checks\"", "\"tests\"", "'checks' is missing or not a list" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct fail e;

		assert_int_equal(file_remove_tree(dir, &e), 0);
		write_run();
		change(rows[i].file, rows[i].from, rows[i].to);
		refused(FAIL_LAB, rows[i].text);
	}
}

static void test_no_run_there(void **state)
{
	(void)state;
	refused(FAIL_NOT_FOUND, "it has no run.json");
}

static void test_directory_in_use(void **state)
{
	struct bench_run run = { .dir = dir, .labctl = "1", .lab = "lab", .kind = "postgres" };
	struct fail e = { 0 };

	(void)state;
	write_run();
	assert_int_equal(bench_create(&run, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_line_that_was_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_run_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directory_in_use, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
