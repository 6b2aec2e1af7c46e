/* SPDX-License-Identifier: PostgreSQL */
/* bench/stats.h and bench/dist.h against what R computes, and what they say where nothing can be computed. */
#include "test.h"

#include <stdio.h>

#include "dist.h"
#include "stats.h"
#include "vectors.h"

#define VECTORS SOURCE_DIR "/tests/unit/vectors/stats.txt"
#define EXACT 1e-10
/* R's own noncentral t is no better. */
#define EXACT_NONCENTRAL 1e-9

static void check_pt(const struct vector *v)
{
	CLOSE(t_cdf(v->in[0], v->in[1]), v->out[0], EXACT);
	CLOSE(t_upper(v->in[0], v->in[1]), v->out[1], EXACT);
	/* Tails are relative. */
	if (v->out[1] > 0)
		CLOSE(t_upper(v->in[0], v->in[1]) / v->out[1], 1, EXACT);
}

static void check_qt(const struct vector *v)
{
	CLOSE(t_quantile(v->in[0], v->in[1]), v->out[0], EXACT);
}

static void check_pnct(const struct vector *v)
{
	CLOSE(t_noncentral_cdf(v->in[0], v->in[1], v->in[2]), v->out[0], EXACT_NONCENTRAL);
}

static void check_pbeta(const struct vector *v)
{
	CLOSE(beta_inc(v->in[0], 1 - v->in[0], v->in[1], v->in[2]), v->out[0], EXACT);
}

static void check_summary(const struct vector *v)
{
	struct stats_summary s;

	stats_summarize(v->in + 1, v->in_count - 1, v->in[0], &s);
	assert_int_equal(s.why, STATS_OK);
	assert_int_equal(s.interval.why, STATS_OK);
	CLOSE(s.mean, v->out[0], EXACT);
	CLOSE(s.sd, v->out[1], EXACT);
	CLOSE(s.gmean, v->out[2], EXACT);
	CLOSE(s.spread, v->out[3], EXACT);
	CLOSE(s.interval.low, v->out[4], EXACT);
	CLOSE(s.interval.high, v->out[5], EXACT);
	CLOSE(s.half, v->out[5] / v->out[2] - 1, EXACT);
}

static void check_repeats(const struct vector *v)
{
	struct stats_summary s;

	stats_summarize(v->in + 2, v->in_count - 2, v->in[0], &s);
	assert_int_equal(stats_repeats_wanted(&s, v->in[0], v->in[1]), (int)v->out[0]);
}

static void check_ratio(const struct stats_ratio *r, const struct vector *v)
{
	assert_int_equal(r->why, STATS_OK);
	CLOSE(r->ratio, v->out[0], EXACT);
	CLOSE(r->low, v->out[1], EXACT);
	CLOSE(r->high, v->out[2], EXACT);
	CLOSE(r->p_t, v->out[3], EXACT);
	CLOSE(r->p_permutation, v->out[4], EXACT);
	CLOSE(r->p_equivalent, v->out[5], EXACT);
	CLOSE(r->df, v->out[6], EXACT);
	assert_true(r->exact && r->p_permutation >= r->p_least * (1 - 1e-9));
}

static void check_paired(const struct vector *v)
{
	const struct stats_rules rules = { 0 };
	unsigned n = (unsigned)v->in[0];
	struct stats_ratio r;

	assert_int_equal(v->in_count, 1 + 2 * n);
	stats_ratio_paired(v->in + 1, v->in + 1 + n, n, false, &rules, &r);
	check_ratio(&r, v);
}

static void check_unpaired(const struct vector *v)
{
	const struct stats_rules rules = { 0 };
	unsigned na = (unsigned)v->in[0], nb = (unsigned)v->in[1];
	struct stats_ratio r;

	assert_int_equal(v->in_count, 2 + na + nb);
	stats_ratio_unpaired(v->in + 2, na, v->in + 2 + na, nb, false, &rules, &r);
	check_ratio(&r, v);
}

static unsigned undecided;

static void check_needed(const struct stats_ratio *r, const struct vector *v)
{
	CLOSE(r->seen, v->out[0], 1e-5);
	if (r->verdict != STATS_UNDECIDED) {
		assert_int_equal(r->needed, 0);
	} else if (v->out[1] > r->count_a && v->out[1] > r->count_b) {
		undecided++;
		assert_int_equal(r->needed, (int)v->out[1]);
	}
}

static void check_pairs_needed(const struct vector *v)
{
	const struct stats_rules rules = { .points = (unsigned)v->in[0] };
	unsigned n = (unsigned)v->in[1];
	struct stats_ratio r;

	stats_ratio_paired(v->in + 2, v->in + 2 + n, n, false, &rules, &r);
	stats_judge(&r, 1, &rules);
	check_needed(&r, v);
}

static void check_repeats_needed(const struct vector *v)
{
	const struct stats_rules rules = { 0 };
	unsigned na = (unsigned)v->in[0], nb = (unsigned)v->in[1];
	struct stats_ratio r;

	stats_ratio_unpaired(v->in + 2, na, v->in + 2 + na, nb, false, &rules, &r);
	stats_judge(&r, 1, &rules);
	check_needed(&r, v);
}

static void check_holm(const struct vector *v)
{
	double adjusted[64];

	stats_holm(v->in + 1, v->in_count - 1, (unsigned)v->in[0], adjusted);
	for (unsigned i = 0; i < v->out_count; i++)
		CLOSE(adjusted[i], v->out[i], EXACT);
}

static void as_by_r(void **state)
{
	static const struct { const char *name; vector_check check; unsigned lines; } kinds[] = {
		{ "pt", check_pt, 77 }, { "qt", check_qt, 63 }, { "pnct", check_pnct, 245 }, { "pbeta", check_pbeta, 35 },
		{ "summary", check_summary, 6 }, { "repeats", check_repeats, 9 }, { "paired", check_paired, 9 },
		{ "pairs_needed", check_pairs_needed, 8 }, { "unpaired", check_unpaired, 7 },
		{ "repeats_needed", check_repeats_needed, 6 }, { "holm", check_holm, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		assert_int_equal(vectors_run(VECTORS, kinds[i].name, kinds[i].check), kinds[i].lines);
	assert_int_equal(undecided, 4);
}

/* --- nothing is a NaN --- */

static void not_computable(void **state)
{
	static const struct { double a[4], b[4]; unsigned count; enum stats_why why; unsigned bad; } cases[] = {
		{ { 0 }, { 0 }, 0, STATS_TOO_FEW, 0 },
		{ { 5 }, { 6 }, 1, STATS_TOO_FEW, 1 },
		{ { 5, 6, 7 }, { 5, 6, 7 }, 3, STATS_NO_VARIANCE, 3 },
		{ { 1000, 1000 }, { 1100, 1100 }, 2, STATS_NO_VARIANCE, 2 },
		{ { 5, 6, 0 }, { 5, 7, 7 }, 3, STATS_BAD_VALUE, 2 },
		{ { 5, 6, 7 }, { 5, -7, 7 }, 3, STATS_BAD_VALUE, 1 },
		{ { NAN, 6, 7 }, { 5, 7, 7 }, 3, STATS_BAD_VALUE, 0 },
		{ { 5, 6, 7 }, { 5, INFINITY, 7 }, 3, STATS_BAD_VALUE, 1 },
	};
	const struct stats_rules rules = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct stats_ratio r;
		struct stats_summary s;

		stats_ratio_paired(cases[i].a, cases[i].b, cases[i].count, false, &rules, &r);
		assert_int_equal(r.why, cases[i].why);
		assert_int_equal(r.bad, cases[i].bad);
		assert_true(*stats_why_text(r.why));
		stats_judge(&r, 1, &rules);
		assert_int_equal(r.verdict, STATS_UNDECIDED);
		assert_int_equal(r.needed, 0);
		stats_ratio_unpaired(cases[i].a, cases[i].count, cases[i].b, cases[i].count, false, &rules, &r);
		/* A's values vary, so what has no variance as pairs may have some unpaired. */
		if (cases[i].why != STATS_NO_VARIANCE || cases[i].count == 2)
			assert_int_equal(r.why, cases[i].why);
		stats_summarize(cases[i].a, cases[i].count, 0.95, &s);
		assert_true(isfinite(s.mean) && isfinite(s.gmean) && isfinite(s.interval.low) && isfinite(s.half));
	}
}

static void extreme_values(void **state)
{
	static const double a[] = { 1e-300, 1e300, 1, 1e-300 }, b[] = { 1e300, 1e-300, 1e300, 1 }, two[] = { 1e-5, 1e5 };
	const struct stats_rules rules = { .points = 1000 };
	struct stats_ratio r[2];
	struct stats_summary s;

	(void)state;
	stats_ratio_paired(a, b, 4, false, &rules, &r[0]);
	stats_ratio_unpaired(a, 2, b, 4, true, &rules, &r[1]);
	stats_judge(r, 2, &rules);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(r[i].why, STATS_OK);
		assert_int_equal(r[i].verdict, STATS_UNDECIDED);
		assert_true(isfinite(r[i].ratio) && isfinite(r[i].low) && isfinite(r[i].high) && isfinite(r[i].p_holm));
		assert_true(isfinite(r[i].seen) && isfinite(r[i].p_equivalent_holm) && r[i].needed == STATS_REPEATS_MAX);
	}
	stats_summarize(two, 2, 0.95, &s);
	assert_true(isfinite(s.interval.low) && isfinite(s.interval.high) && isfinite(s.half));
	assert_int_equal(stats_repeats_wanted(&s, 0.95, 0.05), STATS_REPEATS_MIN);
}

static void repeats(void **state)
{
	static const double one[] = { 5 }, same[] = { 5, 5, 5 }, bad[] = { 5, 0 };
	struct stats_summary s;

	(void)state;
	stats_summarize(one, 1, 0.95, &s);
	assert_int_equal(s.why, STATS_OK);
	assert_int_equal(s.interval.why, STATS_TOO_FEW);
	assert_int_equal(stats_repeats_wanted(&s, 0.95, 0.05), STATS_REPEATS_MIN);
	stats_summarize(same, 3, 0.95, &s);
	assert_int_equal(s.interval.why, STATS_NO_VARIANCE);
	assert_int_equal(stats_repeats_wanted(&s, 0.95, 0.05), 0);
	stats_summarize(bad, 2, 0.95, &s);
	assert_int_equal(s.why, STATS_BAD_VALUE);
	assert_int_equal(stats_repeats_wanted(&s, 0.95, 0.05), 0);
}

/* --- verdicts --- */

static const double base[] = { 1000, 1020, 985, 1010, 995, 1005, 990, 1015, 1000, 980 };
/* A little noise, so that there is a spread. */
static const double wobble[] = { 1.004, 0.997, 1.001, 0.999, 1.003, 0.996, 1.002, 0.998, 1.005, 0.995 };

static struct stats_ratio judged(double factor, double spread, unsigned count, bool lower, bool paired)
{
	const struct stats_rules rules = { 0 };
	struct stats_ratio r;
	double b[10];

	for (unsigned i = 0; i < count; i++)
		b[i] = base[i] * factor * (1 + (wobble[i] - 1) * spread);
	if (paired)
		stats_ratio_paired(base, b, count, lower, &rules, &r);
	else
		stats_ratio_unpaired(base, count, b, count, lower, &rules, &r);
	stats_judge(&r, 1, &rules);
	return r;
}

static void verdicts(void **state)
{
	static const struct { double factor, spread; unsigned count; bool lower, paired; enum stats_verdict wanted; } cases[] = {
		{ 1.1, 1, 10, false, true, STATS_FASTER },
		{ 1.1, 1, 10, true, true, STATS_SLOWER },
		{ 0.9, 1, 10, false, true, STATS_SLOWER },
		{ 0.9, 1, 10, true, true, STATS_FASTER },
		{ 1.1, 1, 10, false, false, STATS_FASTER },
		{ 1, 1, 10, false, true, STATS_EQUIVALENT },
		{ 1.01, 1, 10, false, true, STATS_EQUIVALENT }, /* certain, but too small to matter */
		{ 1.02, 30, 10, false, true, STATS_UNDECIDED },
		{ 1.1, 1, 4, false, true, STATS_FASTER },       /* of 4 pairs only the t test can say so */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct stats_ratio r = judged(cases[i].factor, cases[i].spread, cases[i].count, cases[i].lower, cases[i].paired);

		assert_int_equal(r.verdict, cases[i].wanted);
		assert_int_equal(r.permutation_counts, cases[i].count > 5);
		assert_int_equal(r.needed > cases[i].count, r.verdict == STATS_UNDECIDED);
	}
}

/* What was promised for .needed and .seen is monotone in the spread. */
static void more_spread_needs_more(void **state)
{
	struct stats_ratio before = judged(1.03, 10, 10, false, true);

	(void)state;
	for (double spread = 15; spread < 100; spread += 5) {
		struct stats_ratio r = judged(1.03, spread, 10, false, true);

		assert_true(r.seen > before.seen && r.needed >= before.needed);
		before = r;
	}
}

/* The random part of the permutations agrees with all of them, and repeats itself. */
static void random_permutations(void **state)
{
	struct stats_rules rules = { .seed = 42 };
	double a[30], b[30];
	struct stats_ratio r, again;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		a[i] = base[i % 10];
		b[i] = a[i] * 1.005 * (1 + 6 * (wobble[i * 7 % 10] - 1));
	}
	stats_ratio_paired(a, b, 30, false, &rules, &r);
	stats_ratio_paired(a, b, 30, false, &rules, &again);
	assert_true(!r.exact && r.p_permutation == again.p_permutation);
	assert_true(fabs(r.p_permutation - r.p_t) < 0.02);
	stats_ratio_unpaired(a, 30, b, 30, false, &rules, &r);
	stats_ratio_unpaired(a, 30, b, 30, false, &rules, &again);
	assert_true(!r.exact && r.p_permutation == again.p_permutation);
	assert_true(fabs(r.p_permutation - r.p_t) < 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_by_r), cmocka_unit_test(not_computable), cmocka_unit_test(extreme_values),
		cmocka_unit_test(repeats), cmocka_unit_test(verdicts), cmocka_unit_test(more_spread_needs_more),
		cmocka_unit_test(random_permutations),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
