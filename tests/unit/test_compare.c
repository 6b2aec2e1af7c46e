/* SPDX-License-Identifier: PostgreSQL */
/* bench/compare.h: which measurements belong together, what is said about them, and which comparisons are meaningless. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"

static struct bench_run *new_run(struct arena *a, const char *lab, int64_t started_ms)
{
	struct bench_run *run = arena_new_of(a, struct bench_run);

	*run = (struct bench_run) { .arena = a, .dir = "dir", .labctl = "0.1.0", .lab = lab, .kind = "postgres",
				    .started_ms = started_ms, .seed = 7, .time_s = 60 };
	return run;
}

static void add_point(struct bench_run *run, const char *name, const char *workload, unsigned clients, double rate_tps)
{
	/* Measurements point to points: none may be added after the first measurement. */
	assert_int_equal(run->measure_count, 0);
	*arena_push(run->arena, run->points, run->point_count) =
		(struct bench_point) { .name = name, .workload = workload, .target = "primary", .clients = clients, .rate_tps = rate_tps };
}

static struct bench_measure *add(struct bench_run *run, unsigned point, unsigned repeat, const char *variant, double tps)
{
	struct bench_measure *m = arena_push(run->arena, run->measures, run->measure_count);

	*m = (struct bench_measure) { .point = &run->points[point], .repeat = repeat, .variant = variant, .tps = tps,
				      .latency = { .mean = 1e6 / tps, .p50 = 9e5 / tps, .p95 = 2e6 / tps, .p99 = 3e6 / tps, .p999 = 4e6 / tps } };
	return m;
}

static const double noise[] = { 1, 1.012, 0.991, 1.004, 0.996, 1.009, 0.988, 1.002, 0.999, 1.006 };

/* Ten blocks: B is @factor A, with a common factor per block that only pairs can remove. */
static struct bench_run *paired_run(struct arena *a, double factor)
{
	struct bench_run *run = new_run(a, "bench3", 1000);

	add_point(run, "tpcb/primary/8", "tpcb", 8, 0);
	for (unsigned i = 0; i < 10; i++) {
		double block = 1 + 0.3 * (i % 3);

		add(run, 0, i + 1, i % 2 ? "B" : "A", 1000 * block * (i % 2 ? factor * noise[i] : 1));
		add(run, 0, i + 1, i % 2 ? "A" : "B", 1000 * block * (i % 2 ? 1 : factor * noise[i]));
	}
	return run;
}

static void pairs(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const struct compare_options o = { 0 };
	struct compare c;

	(void)state;
	compare_variants(paired_run(a, 1.12), &o, a, &c);
	assert_true(c.paired && c.point_count == 1 && !c.objection_count);
	assert_int_equal(c.points[0].ratio.count_a, 10);
	assert_true(fabs(c.points[0].ratio.ratio - 1.12) < 0.01);
	assert_int_equal(c.verdict, STATS_FASTER);
	assert_string_equal(c.points[0].text, "tpcb on primary, 8 clients: B is 1.121x A (1.115-1.127), faster");
	compare_variants(paired_run(a, 1.001), &o, a, &c);
	assert_int_equal(c.verdict, STATS_EQUIVALENT);
	assert_non_null(strstr(c.points[0].text, ", equivalent within 3 %"));
	compare_variants(paired_run(a, 0.8), &(struct compare_options) { .name_a = "old", .name_b = "new" }, a, &c);
	assert_int_equal(c.verdict, STATS_SLOWER);
	assert_string_equal(c.points[0].text, "tpcb on primary, 8 clients: new is 0.801x old (0.796-0.805), slower");
}

/* A pair with a failed half is left out, whichever it is; the other values stay in their pairs. */
static void failed_pairs(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *run = paired_run(a, 1.12);
	struct compare c;

	(void)state;
	run->measures[2].status = BENCH_FAILED;
	run->measures[2].tps = 0;
	run->measures[9].status = BENCH_FAILED;
	run->measures[4].marks = BENCH_DRIFTS;
	/* A resumed run measured one of them again. */
	add(run, 0, 5, run->measures[9].variant, run->measures[8].tps * (strcmp(run->measures[9].variant, "B") ? 1 / 1.12 : 1.12));
	compare_variants(run, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.points[0].ratio.count_a, 9);
	assert_int_equal(c.points[0].failed, 1);
	assert_int_equal(c.verdict, STATS_FASTER);
	assert_true(c.points[0].ratio.high < 1.14);
	assert_non_null(strstr(c.points[0].text, "; 1 failed pair is left out; marked: drifts"));
}

static struct bench_run *plain_run(struct arena *a, int64_t started_ms, unsigned repeats, double factor)
{
	struct bench_run *run = new_run(a, "bench3", started_ms);

	add_point(run, "tpcb/primary/8", "tpcb", 8, 0);
	add_point(run, "select/primary/1", "select", 1, 0);
	add_point(run, "tpcb/primary/8/500tps", "tpcb", 8, 500);
	for (unsigned i = 0; i < repeats; i++) {
		add(run, 0, i + 1, NULL, 1000 * factor * noise[(i + started_ms) % 10]);
		add(run, 1, i + 1, NULL, 9000 * noise[(i + started_ms + 3) % 10]);
		add(run, 2, i + 1, NULL, 500 * factor * noise[(i * 3 + started_ms) % 10]);
	}
	run->spec = json_pack("{s:i, s:i, s:s}", "scale", 10, "seed", (int)started_ms, "protocol", "simple");
	run->evidence = json_pack("{s:{s:s,s:s}, s:{s:s}, s:{s:s}}", "host", "cpu", "Xeon", "load average before", "1.0", "node1",
				  "shared_buffers", "128MB", "node2", "shared_buffers", "128MB");
	return run;
}

static void drop(struct bench_run *run)
{
	json_decref(run->spec);
	json_decref(run->evidence);
}

static void runs(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *x = plain_run(a, 1, 6, 1), *y = plain_run(a, 2, 7, 0.9);
	struct compare c;

	(void)state;
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	assert_true(!c.paired && c.point_count == 3 && !c.objection_count);
	assert_int_equal(c.points[0].ratio.verdict, STATS_SLOWER);
	assert_int_equal(c.points[1].ratio.verdict, STATS_EQUIVALENT);
	assert_int_equal(c.points[0].ratio.count_b, 7);
	/* In an open loop throughput is given, so latency is compared: 1/0.9 of it. */
	assert_string_equal(c.points[2].metric->name, "latency");
	assert_int_equal(c.points[2].ratio.verdict, STATS_SLOWER);
	assert_true(c.points[2].ratio.ratio > 1.09);
	assert_true(!strncmp(c.points[2].text, "tpcb on primary, 8 clients at 500 tps: the mean latency of B is 1.1", 67));
	assert_true(!strncmp(c.points[1].text, "select on primary, 1 client: B is 1.0", 37) ||
		    !strncmp(c.points[1].text, "select on primary, 1 client: B is 0.9", 37));
	assert_int_equal(c.verdict, STATS_SLOWER);
	compare_runs(x, y, &(struct compare_options) { .metric = compare_metric_find("p99") }, a, &c);
	assert_true(c.points[0].ratio.ratio > 1 && c.points[0].ratio.verdict == STATS_SLOWER);
	assert_null(compare_metric_find("p100"));
	drop(x);
	drop(y);
}

/* Few repeats: what is said is honest about it. */
static void undecided(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *x = plain_run(a, 1, 2, 1), *y = plain_run(a, 2, 1, 1.05);
	struct compare c;

	(void)state;
	y->measures[1].status = BENCH_FAILED;
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.verdict, STATS_UNDECIDED);
	assert_string_equal(c.points[0].text, "tpcb on primary, 8 clients: not comparable: too few values (A 2, B 1)");
	assert_string_equal(c.points[1].text,
			    "select on primary, 1 client: not comparable: too few values (A 2, B 0); 1 failed measurement is left out");
	drop(y);
	y = plain_run(a, 5, 3, 1.02);
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.points[0].ratio.verdict, STATS_UNDECIDED);
	assert_non_null(strstr(c.points[0].text, ", undecided: in 8 of 10 cases a difference of "));
	assert_non_null(strstr(c.points[0].text, " repeats of each would be enough for 3 %"));
	drop(x);
	drop(y);
}

static const struct compare_difference *difference(const struct compare *c, const char *where, const char *what)
{
	for (unsigned i = 0; i < c->difference_count; i++)
		if (!strcmp(c->differences[i].where, where) && !strcmp(c->differences[i].what, what))
			return &c->differences[i];
	return NULL;
}

static void differences(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *x = plain_run(a, 1, 4, 1), *y = plain_run(a, 2, 4, 1);
	const struct compare_difference *d;
	struct compare c;

	(void)state;
	/* Seeds and the load of the host before are no differences. */
	json_object_set_new(json_object_get(y->evidence, "host"), "load average before", json_string("0.2"));
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.difference_count, 0);
	json_object_set_new(json_object_get(y->evidence, "node1"), "shared_buffers", json_string("1GB"));
	json_object_set_new(json_object_get(y->evidence, "node2"), "shared_buffers", json_string("1GB"));
	json_object_set_new(json_object_get(y->evidence, "host"), "kernel", json_string("6.1"));
	json_object_set_new(json_object_get(x->evidence, "host"), "file", json_string("one\ntwo\nthree"));
	json_object_set_new(json_object_get(y->evidence, "host"), "file", json_string("one\n2\nthree"));
	json_object_set_new(x->spec, "protocol", json_string("prepared"));
	json_object_set_new(x->spec, "workloads", json_pack("[{s:s}, {s:s, s:s}]", "name", "tpcb", "name", "mine", "script", "select 1;\nselect 2;"));
	json_object_set_new(y->spec, "workloads", json_pack("[{s:s, s:s}, {s:s}]", "name", "mine", "script", "select 1;\nselect 3;", "name", "tpcb"));
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.difference_count, 7);
	/* The lists are in another order, and one script has another line. */
	d = difference(&c, "spec", "workloads.mine.script");
	assert_true(d && !strcmp(d->a, "select 2;") && !d->b);
	assert_int_equal(c.objection_count, 0);
	d = difference(&c, "node1", "shared_buffers");
	assert_true(d && d->also == 1 && !strcmp(d->a, "128MB") && !strcmp(d->b, "1GB") && !d->grave);
	assert_null(difference(&c, "node2", "shared_buffers"));
	d = difference(&c, "host", "kernel");
	assert_true(d && !d->a && !strcmp(d->b, "6.1"));
	d = difference(&c, "host", "file");
	assert_true(d && !strcmp(d->a, "two") && !d->b);
	assert_non_null(difference(&c, "spec", "protocol"));
	drop(x);
	drop(y);
}

static void objections(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *x = plain_run(a, 1, 4, 1), *y = plain_run(a, 2, 4, 1), *pair = paired_run(a, 1);
	struct compare c;

	(void)state;
	compare_runs(x, x, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.objection_count, 1);
	assert_string_equal(c.objections[0], "both are the same run");
	json_object_set_new(json_object_get(y->evidence, "host"), "cpu", json_string("EPYC"));
	json_object_set_new(y->spec, "scale", json_integer(100));
	y->time_s = 10;
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	assert_int_equal(c.objection_count, 3);
	assert_true(c.difference_count == 3 && c.differences[0].grave && c.differences[2].grave);
	pair->started_ms = 3;
	compare_runs(x, pair, &(struct compare_options) { 0 }, a, &c);
	assert_string_equal(c.objections[0], "a run with variants is a comparison itself: `labctl bench report` shows it");
	assert_int_equal(c.only_a_count, 2);
	pair->points[0].name = "other";
	compare_runs(x, pair, &(struct compare_options) { 0 }, a, &c);
	assert_string_equal(c.objections[1], "the runs have no point in common");
	assert_true(c.only_a_count == 3 && c.only_b_count == 1 && c.verdict == STATS_UNDECIDED);
	drop(x);
	drop(y);
}

static void as_json(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *x = plain_run(a, 1, 1, 1), *y = plain_run(a, 2, 5, 1.1);
	struct compare c;
	json_t *o, *points;

	(void)state;
	json_object_set_new(json_object_get(y->evidence, "host"), "kernel", json_string("6.1"));
	compare_runs(x, y, &(struct compare_options) { 0 }, a, &c);
	o = compare_json(&c);
	assert_non_null(o);
	points = json_object_get(o, "points");
	assert_int_equal(json_array_size(points), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(points, 0), "not_computable")), "too few values");
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(o, "differences"), 0), "a")));
	json_decref(o);
	compare_variants(paired_run(a, 1.02), &(struct compare_options) { .margin = 0.001 }, a, &c);
	o = compare_json(&c);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "verdict")), "faster");
	assert_true(json_number_value(json_object_get(json_array_get(json_object_get(o, "points"), 0), "ratio")) > 1.01);
	json_decref(o);
	drop(x);
	drop(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs), cmocka_unit_test(failed_pairs), cmocka_unit_test(runs), cmocka_unit_test(undecided),
		cmocka_unit_test(differences), cmocka_unit_test(objections), cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
