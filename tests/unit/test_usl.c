/* SPDX-License-Identifier: PostgreSQL */
/* bench/usl.h against fits by R's nls, and what can be concluded from them. */
#include "test.h"

#include <stdio.h>

#include "usl.h"
#include "vectors.h"

#define VECTORS SOURCE_DIR "/tests/unit/vectors/usl.txt"

static void check_fit(const struct vector *v)
{
	unsigned n = (unsigned)v->in[0];
	const double *x = v->in + 1 + n;
	double squares = 0;
	struct usl u;

	usl_fit(v->in + 1, x, n, &u);
	assert_int_equal(u.why, STATS_OK);
	for (unsigned i = 0; i < n; i++)
		squares += pow(log(x[i]) - log(usl_at(&u, v->in[1 + i])), 2);
	/* R's search ends a little before the minimum. */
	assert_true(squares <= v->out[3] * (1 + 1e-9));
	CLOSE(u.lambda / v->out[0], 1, 1e-5);
	CLOSE(u.sigma, v->out[1], 1e-5);
	CLOSE(u.kappa, v->out[2], 1e-6);
	CLOSE(u.r2, v->out[4], 1e-5);
	CLOSE(u.p_sigma, v->out[5], 1e-4);
	CLOSE(u.p_kappa, v->out[6], 1e-4);
	assert_true(u.sigma >= 0 && u.kappa >= 0);
}

static void as_by_r(void **state)
{
	(void)state;
	assert_int_equal(vectors_run(VECTORS, "usl", check_fit), 9);
}

/* Without noise the parameters come out as they went in, whatever their size. */
static void exact_curves(void **state)
{
	static const struct { double lambda, sigma, kappa; enum usl_shape shape; } cases[] = {
		{ 1000, 0.05, 0.002, USL_PEAK }, { 0.01, 0.05, 0.0001, USL_PEAK_BEYOND }, { 1e7, 0, 0.01, USL_PEAK },
		{ 50, 0.3, 0, USL_SATURATES }, { 50, 0, 0, USL_LINEAR }, { 1000, 0.9, 0.5, USL_PEAK }, { 1000, 1.5, 0.1, USL_PEAK },
	};
	static const double n[] = { 1, 2, 3, 5, 8, 16, 32, 64 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct usl wanted = { .lambda = cases[i].lambda, .sigma = cases[i].sigma, .kappa = cases[i].kappa };
		double x[ARRAY_COUNT(n)];
		struct usl u;

		for (size_t k = 0; k < ARRAY_COUNT(n); k++)
			x[k] = usl_at(&wanted, n[k]);
		usl_fit(n, x, ARRAY_COUNT(n), &u);
		assert_int_equal(u.why, STATS_OK);
		CLOSE(u.lambda / wanted.lambda, 1, 1e-7);
		CLOSE(u.sigma, wanted.sigma, 1e-7);
		CLOSE(u.kappa, wanted.kappa, 1e-8);
		CLOSE(u.r2, 1, 1e-9);
		/* Rounding may leave a last digit of a parameter that is 0. */
		if (wanted.kappa > 0) {
			assert_int_equal(u.shape, cases[i].shape);
			CLOSE(u.peak, wanted.sigma < 1 ? fmax(1, sqrt((1 - wanted.sigma) / wanted.kappa)) : 1, 1e-4);
			CLOSE(u.peak_x / usl_at(&wanted, u.peak), 1, 1e-6);
		}
	}
}

static void conclusions(void **state)
{
	static const double n[] = { 1, 2, 4, 8 }, superlinear[] = { 1000, 2100, 4400, 9400 }, flat[] = { 1000, 1000, 1000, 1000 },
			    levels_off[] = { 1000, 1602, 2270, 2890 };
	struct usl u;

	(void)state;
	usl_fit(n, superlinear, 4, &u);
	assert_int_equal(u.shape, USL_LINEAR);
	assert_true(u.sigma == 0 && u.kappa == 0 && u.p_kappa == 1 && u.peak == 0);
	usl_fit(n, levels_off, 4, &u);
	assert_true(u.p_kappa > 0.05);
	/* More nodes, no more throughput: nothing runs side by side. */
	usl_fit(n, flat, 4, &u);
	CLOSE(u.sigma, 1, 1e-6);
	assert_true(u.r2 <= 1 && isfinite(u.lambda));
}

/* With as many measurements as parameters every curve fits: nothing is shown. */
static void three_points_prove_nothing(void **state)
{
	static const double n[] = { 1, 4, 8 }, x[] = { 1000, 3000, 3500 };
	struct usl u;

	(void)state;
	usl_fit(n, x, 3, &u);
	assert_int_equal(u.why, STATS_OK);
	CLOSE(u.r2, 1, 1e-6);
	assert_true(u.p_sigma == 1 && u.p_kappa == 1);
}

static void not_computable(void **state)
{
	static const struct { double n[4], x[4]; unsigned count; enum stats_why why; } cases[] = {
		{ { 0 }, { 0 }, 0, STATS_TOO_FEW },
		{ { 1, 2 }, { 10, 20 }, 2, STATS_TOO_FEW },
		{ { 1, 2, 2, 1 }, { 10, 20, 21, 11 }, 4, STATS_TOO_FEW },
		{ { 1, 2, 4 }, { 10, 20, 0 }, 3, STATS_BAD_VALUE },
		{ { 1, 2, 4 }, { 10, NAN, 40 }, 3, STATS_BAD_VALUE },
		{ { 0, 2, 4 }, { 10, 20, 40 }, 3, STATS_BAD_VALUE },
		{ { 1, 2, INFINITY }, { 10, 20, 40 }, 3, STATS_BAD_VALUE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct usl u;

		usl_fit(cases[i].n, cases[i].x, cases[i].count, &u);
		assert_int_equal(u.why, cases[i].why);
	}
}

static const double noise[] = { 1, 1.01, 0.99, 1.005, 0.995, 1.008 };

static double linear(double n) { return 1000 * n; }
static double amdahl(double n) { return 1000 * n / (1 + 0.3 * (n - 1)); }
static double peaks(double n) { return 1000 * n / (1 + 0.05 * (n - 1) + 0.04 * n * (n - 1)); }
static double peaks_later(double n) { return 1000 * n / (1 + 0.03 * (n - 1) + 0.005 * n * (n - 1)); }

static void words(void **state)
{
	static const struct { double (*tps)(double n); unsigned numbers, repeats; const char *part; } cases[] = {
		{ linear, 4, 5, "no limit is shown from 1 to 8 datanodes" },
		{ amdahl, 4, 5, "no peak is shown from 1 to 8 datanodes, but growth slows down: " },
		{ peaks, 4, 5, "throughput is highest with about 5 datanodes and falls with more (kappa 0.0" },
		{ peaks_later, 4, 6, "throughput would be highest with about 14 datanodes: an extrapolation, as only up to 8 were measured" },
		{ linear, 2, 5, "no curve of scalability: it needs 3 different numbers" },
		{ linear, 3, 1, "as many parameters as there are measurements" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		double n[32], x[32];
		unsigned count = 0;
		const char *text;
		struct usl u;

		for (unsigned k = 0; k < cases[i].numbers; k++)
			for (unsigned r = 0; r < cases[i].repeats; r++) {
				n[count] = 1u << k;
				x[count++] = cases[i].tps(1u << k) * noise[(r + (1u << k)) % 6];
			}
		usl_fit(n, x, count, &u);
		text = usl_conclusion(&u, "datanodes", a);
		if (!strstr(text, cases[i].part))
			fail_msg("'%s' is not in '%s'", cases[i].part, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_by_r), cmocka_unit_test(exact_curves), cmocka_unit_test(conclusions),
		cmocka_unit_test(three_points_prove_nothing), cmocka_unit_test(not_computable), cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("usl", tests, NULL, NULL);
}
