/* SPDX-License-Identifier: PostgreSQL */
/* bench/histogram.h: error of the buckets, merging, and what is read back or refused. */
#include "test.h"

#include <math.h>

#include "auto.h"
#include "histogram.h"
#include "random.h"

static int up(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void every_value_lies_in_its_bucket(void **state)
{
	(void)state;
	for (double v = 0; v < 1e12; v += v < 300 ? 1 : floor(v / 300)) {
		auto_(arena_free) struct arena *a = arena_new();
		struct histogram *h = histogram_new(a);
		double got;

		histogram_add(h, v);
		got = histogram_quantile(h, 0.5);
		if (v < 128)
			assert_true(got == v);
		assert_true(fabs(got - v) <= v / 128);
		assert_int_equal(histogram_count(h), 1);
	}
}

static void out_of_range(void **state)
{
	static const struct { double value, at; } cases[] = {
		{ -5, 0 }, { -INFINITY, 0 }, { NAN, 0 }, { 0.4, 0 }, { 1.9, 1 }, { 1e13, 0x1p40 }, { INFINITY, 0x1p40 }, { 1e300, 0x1p40 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct histogram *h = histogram_new(a);

		histogram_add(h, cases[i].value);
		assert_true(fabs(histogram_quantile(h, 1) - cases[i].at) <= cases[i].at / 128);
	}
}

/* Against the values themselves, sorted. */
static void quantiles(void **state)
{
	static const double q[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1 };
	enum { COUNT = 20000 };
	auto_(arena_free) struct arena *a = arena_new();
	struct histogram *h = histogram_new(a), *halves[2] = { histogram_new(a), histogram_new(a) };
	double *v = arena_alloc(a, COUNT * sizeof *v);
	uint64_t seed = 7;

	(void)state;
	assert_true(histogram_quantile(h, 0.5) == 0);
	for (unsigned i = 0; i < COUNT; i++) {
		v[i] = floor(exp(4 + 8 * random_unit(&seed)));
		histogram_add(h, v[i]);
		histogram_add(halves[i % 3 == 0], v[i]);
	}
	qsort(v, COUNT, sizeof *v, up);
	histogram_merge(halves[0], halves[1]);
	assert_int_equal(histogram_count(halves[0]), COUNT);
	for (size_t i = 0; i < ARRAY_COUNT(q); i++) {
		unsigned rank = (unsigned)ceil(q[i] * COUNT);
		double exact = v[rank ? rank - 1 : 0];

		assert_true(fabs(histogram_quantile(h, q[i]) - exact) <= exact / 128);
		assert_true(histogram_quantile(halves[0], q[i]) == histogram_quantile(h, q[i]));
	}
}

struct seen { double end; uint64_t count; };

static void see(void *ctx, double from, double to, uint64_t count)
{
	struct seen *s = ctx;

	assert_true(from >= s->end && to > from && count > 0);
	assert_true(to - from <= fmax(1, from / 64));
	s->end = to;
	s->count += count;
}

static void written_and_read(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct histogram *h = histogram_new(a), *back = NULL;
	struct seen seen = { 0 };
	struct fail e = { 0 };
	uint64_t seed = 3;
	json_t *pairs, *again;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		histogram_add(h, exp(28 * random_unit(&seed)));
	pairs = histogram_json(h);
	assert_int_equal(histogram_read(pairs, a, &back, &e), 0);
	again = histogram_json(back);
	assert_true(json_equal(pairs, again));
	assert_int_equal(histogram_count(back), 1000);
	histogram_each(back, see, &seen);
	assert_int_equal(seen.count, 1000);
	json_decref(pairs);
	json_decref(again);
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"{}", "[1]", "[[1]]", "[[1,2,3]]", "[[1,0]]", "[[1,-1]]", "[[-1,1]]", "[[2240,1]]", "[[1,1],[1,1]]", "[[2,1],[1,1]]",
		"[[1.0,1]]", "[[1,1.5]]", "[[\"1\",1]]", "[[1,null]]", "[[1,9223372036854775807],[2,1]]", "[[9223372036854775807,1]]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct histogram *h = NULL;
		struct fail e = { 0 };
		json_t *pairs = json_loads(bad[i], 0, NULL);

		assert_non_null(pairs);
		assert_int_equal(histogram_read(pairs, a, &h, &e), -1);
		assert_int_equal(e.code, FAIL_LAB);
		assert_null(h);
		json_decref(pairs);
	}
}

/* The greatest counts that can be read do not overflow when merged. */
static void greatest_counts(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct histogram *h = NULL, *back = NULL;
	struct fail e = { 0 };
	json_t *pairs = json_loads("[[100,9223372036854775000],[2239,807]]", 0, NULL), *again;

	(void)state;
	assert_int_equal(histogram_read(pairs, a, &h, &e), 0);
	histogram_merge(h, h);
	assert_true(histogram_quantile(h, 0.5) == 100);
	again = histogram_json(h);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(again, 0), 1)), INT64_MAX);
	assert_int_equal(histogram_read(again, a, &back, &e), -1);
	json_decref(pairs);
	json_decref(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_lies_in_its_bucket), cmocka_unit_test(out_of_range), cmocka_unit_test(quantiles),
		cmocka_unit_test(written_and_read), cmocka_unit_test(refused), cmocka_unit_test(greatest_counts),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
