/* SPDX-License-Identifier: PostgreSQL */
/* bench/scale.h: speed-up and curve over the runs of `bench scale`, and what may be concluded. */
#include "test.h"

#include <math.h>
#include <string.h>

#include "scale.h"

static const double noise[] = { 1, 1.01, 0.99, 1.005, 0.995, 1.008 };

static double linear(double n) { return 1000 * n; }
static double amdahl(double n) { return 1000 * n / (1 + 0.3 * (n - 1)); }
static double peaks(double n) { return 1000 * n / (1 + 0.05 * (n - 1) + 0.04 * n * (n - 1)); }
static double peaks_later(double n) { return 1000 * n / (1 + 0.03 * (n - 1) + 0.005 * n * (n - 1)); }

static struct bench_run *new_run(struct arena *a, unsigned n, unsigned repeats, double (*tps)(double n))
{
	struct bench_run *run = arena_new_of(a, struct bench_run);

	*run = (struct bench_run) { .arena = a, .dir = arena_printf(a, "run%u", n), .labctl = "1", .lab = "x", .kind = "pgxc",
				    .scale_role = "datanode", .scale_count = n };
	*arena_push(a, run->points, run->point_count) = (struct bench_point) { .name = "open", .workload = "t", .target = "c", .rate_percent = 70 };
	*arena_push(a, run->points, run->point_count) =
		(struct bench_point) { .name = "tpcb/coordinators/32", .workload = "tpcb", .target = "coordinators", .clients = 32 };
	for (unsigned i = 0; i < repeats; i++)
		*arena_push(a, run->measures, run->measure_count) =
			(struct bench_measure) { .point = &run->points[1], .repeat = i + 1, .tps = tps(n) * noise[(i + n) % 6] };
	return run;
}

/* Runs with 8, 1, 4 and 2. */
static struct scale scaled(struct arena *a, unsigned repeats, double (*tps)(double n), bool shared)
{
	static const unsigned counts[] = { 8, 1, 4, 2 };
	const struct bench_run *runs[4];
	struct scale s;
	struct fail e = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		struct bench_run *run = new_run(a, counts[i], repeats, tps);

		run->shared_host = shared && i == 2;
		runs[i] = run;
	}
	assert_int_equal(scale_of(runs, 4, a, &s, &e), 0);
	assert_int_equal(s.curve_count, 1); /* the open loop is not one */
	assert_int_equal(s.curves[0].step_count, 4);
	return s;
}

static void steps(void **state)
{
	static const unsigned counts[] = { 1, 2, 4, 8 };
	auto_(arena_free) struct arena *a = arena_new();
	struct scale s = scaled(a, 5, amdahl, true);

	(void)state;
	assert_true(s.shared_host && !strcmp(s.role, "datanode"));
	for (unsigned i = 0; i < 4; i++) {
		const struct scale_step *step = &s.curves[0].steps[i];

		assert_int_equal(step->count, counts[i]);
		assert_true(step->linear == counts[i]);
		assert_true(fabs(step->speedup.ratio - amdahl(counts[i]) / amdahl(1)) < 0.03);
		assert_true(step->speedup.low <= step->speedup.ratio && step->speedup.ratio <= step->speedup.high);
		assert_int_equal(step->tps.count, 5);
	}
	assert_int_equal(s.curves[0].steps[3].speedup.verdict, STATS_FASTER);
	assert_true(fabs(s.curves[0].usl.sigma - 0.3) < 0.03);
}

static void conclusions(void **state)
{
	static const struct { double (*tps)(double n); unsigned repeats; bool shared; const char *part; } cases[] = {
		{ linear, 5, false, "8 datanodes do 7.98x as much as 1 (7.89-8.08), where" },
		{ linear, 5, false, "linear would be 8x; no limit is shown from 1 to 8 datanodes" },
		{ amdahl, 5, false, "no peak is shown from 1 to 8 datanodes, but growth slows down: " },
		{ amdahl, 5, true, "; shared host: not scale-out" },
		{ peaks, 5, false, "throughput is highest with about 5 datanodes and falls with more (kappa 0.0" },
		{ peaks_later, 6, false, "throughput would be highest with about 14 datanodes: an extrapolation, as only up to 8 were measured" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct scale s = scaled(a, cases[i].repeats, cases[i].tps, cases[i].shared);

		assert_true(!strncmp(s.curves[0].text, "tpcb on coordinators, 32 clients: ", 34));
		if (!strstr(s.curves[0].text, cases[i].part))
			fail_msg("'%s' is not in '%s'", cases[i].part, s.curves[0].text);
	}
}

static void little_is_known(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *one = new_run(a, 1, 3, linear), *two = new_run(a, 2, 1, linear), *three = new_run(a, 3, 2, linear);
	const struct bench_run *runs[] = { one, two, three };
	struct fail e = { 0 };
	struct scale s;

	(void)state;
	assert_int_equal(scale_of(runs, 2, a, &s, &e), 0);
	assert_non_null(strstr(s.curves[0].text, "the speed-up of 2 datanodes is not computable: too few values; no curve of scalability: it needs 3"));
	one->measure_count = 1;
	three->measure_count = 1;
	assert_int_equal(scale_of(runs, 3, a, &s, &e), 0);
	assert_non_null(strstr(s.curves[0].text, "as many parameters as there are measurements"));
	/* Steps without a number are left out, a point that a run has not as well. */
	two->measures[0].status = BENCH_FAILED;
	three->measures[0].status = BENCH_FAILED;
	assert_int_equal(scale_of(runs, 3, a, &s, &e), 0);
	assert_int_equal(s.curves[0].step_count, 1);
	assert_non_null(strstr(s.curves[0].text, "fewer than 2 numbers"));
	two->points[1].name = "other";
	assert_int_equal(scale_of(runs, 3, a, &s, &e), 0);
	assert_int_equal(s.curve_count, 0);
}

static void refused(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_run *one = new_run(a, 1, 3, linear), *two = new_run(a, 2, 3, linear);
	const struct bench_run *runs[] = { one, two };
	struct fail e = { 0 };
	struct scale s;

	(void)state;
	assert_int_equal(scale_of(runs, 1, a, &s, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	two->scale_count = 1;
	assert_int_equal(scale_of(runs, 2, a, &s, &e), -1);
	assert_string_equal(e.text, "run1 and run2 both measured 1 datanode");
	two->scale_role = "coordinator";
	assert_int_equal(scale_of(runs, 2, a, &s, &e), -1);
	assert_string_equal(e.text, "run1 varies the number of datanodes, run2 that of coordinators");
	two->scale_role = NULL;
	assert_int_equal(scale_of(runs, 2, a, &s, &e), -1);
	assert_string_equal(e.text, "run2 is not a run of `labctl bench scale`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps), cmocka_unit_test(conclusions), cmocka_unit_test(little_is_known), cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
