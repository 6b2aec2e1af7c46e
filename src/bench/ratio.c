/* SPDX-License-Identifier: PostgreSQL */
/*
 * Two configurations: a difference of mean logarithms with its standard error and degrees of freedom, from pairs or by
 * Welch. Interval, tests and powers need no more than these three numbers.
 */
#include <math.h>
#include <stdlib.h>

#include "dist.h"
#include "permute.h"
#include "sample.h"
#include "stats.h"

#define SEEN_MAX 1000.0 /* a difference of 100,000 % or more is not told apart */

static double or_default(double value, double by_default)
{
	return value > 0 ? value : by_default;
}

static struct stats_rules rules_of(const struct stats_rules *r)
{
	struct stats_rules full = *r;

	full.alpha = or_default(r->alpha, 0.05);
	full.margin = or_default(r->margin, 0.03);
	full.power = or_default(r->power, 0.8);
	full.points = r->points ? r->points : 1;
	return full;
}

/* P(the log ratio is really beyond an edge of the margin), one-sided at each edge: the greater of both. */
static double p_outside(const struct stats_ratio *r, double edge)
{
	return fmax(t_upper((r->log_ratio + edge) / r->se, r->df), t_cdf((r->log_ratio - edge) / r->se, r->df));
}

static void conclude(struct stats_ratio *r, const struct stats_rules *rules, const struct permutation *perm)
{
	double half = t_quantile(1 - rules->alpha / 2, r->df) * r->se;

	r->ratio = exp(r->log_ratio);
	r->low = exp(fmax(r->log_ratio - half, -SAMPLE_LOG_MAX));
	r->high = exp(fmin(r->log_ratio + half, SAMPLE_LOG_MAX));
	r->p_t = 2 * t_upper(fabs(r->log_ratio) / r->se, r->df);
	r->p_equivalent = p_outside(r, log1p(rules->margin));
	r->p_permutation = perm->p;
	r->p_least = perm->least;
	r->exact = perm->exact;
}

static double *room_for(unsigned count)
{
	double *x = malloc((count ? count : 1) * sizeof *x);

	if (!x)
		abort();
	return x;
}

void stats_ratio_paired(const double *a, const double *b, unsigned count, bool lower_is_better, const struct stats_rules *rules,
			struct stats_ratio *ret)
{
	struct stats_rules full = rules_of(rules);
	unsigned bad_a = sample_bad(a, count), bad_b = sample_bad(b, count);
	struct permutation perm;
	struct sample d;
	double *logs;

	*ret = (struct stats_ratio) { .paired = true, .lower_is_better = lower_is_better, .count_a = count, .count_b = count };
	ret->bad = bad_a < bad_b ? bad_a : bad_b;
	ret->why = ret->bad < count ? STATS_BAD_VALUE : count < 2 ? STATS_TOO_FEW : STATS_OK;
	if (ret->why)
		return;
	logs = room_for(count);
	for (unsigned i = 0; i < count; i++)
		logs[i] = log(b[i]) - log(a[i]);
	sample_of(logs, count, &d);
	if (d.sd < SAMPLE_FLAT) {
		ret->why = STATS_NO_VARIANCE;
	} else {
		ret->log_ratio = d.mean;
		ret->spread = d.sd;
		ret->se = d.sd / sqrt(count);
		ret->df = count - 1;
		permute_signs(logs, count, full.seed, &perm);
		conclude(ret, &full, &perm);
	}
	free(logs);
}

void stats_ratio_unpaired(const double *a, unsigned count_a, const double *b, unsigned count_b, bool lower_is_better,
			  const struct stats_rules *rules, struct stats_ratio *ret)
{
	struct stats_rules full = rules_of(rules);
	unsigned bad_a = sample_bad(a, count_a), bad_b = sample_bad(b, count_b), count = count_a + count_b;
	struct permutation perm;
	struct sample la, lb;
	double *logs, va, vb;

	*ret = (struct stats_ratio) { .lower_is_better = lower_is_better, .count_a = count_a, .count_b = count_b };
	ret->bad = bad_a < count_a ? bad_a : bad_b;
	ret->why = bad_a < count_a || bad_b < count_b ? STATS_BAD_VALUE : count_a < 2 || count_b < 2 ? STATS_TOO_FEW : STATS_OK;
	if (ret->why)
		return;
	logs = room_for(count);
	for (unsigned i = 0; i < count; i++)
		logs[i] = log(i < count_a ? a[i] : b[i - count_a]);
	sample_of(logs, count_a, &la);
	sample_of(logs + count_a, count_b, &lb);
	if (la.sd < SAMPLE_FLAT && lb.sd < SAMPLE_FLAT) {
		ret->why = STATS_NO_VARIANCE;
	} else {
		va = la.sd * la.sd / count_a;
		vb = lb.sd * lb.sd / count_b;
		ret->log_ratio = lb.mean - la.mean;
		ret->spread = hypot(la.sd, lb.sd);
		ret->se = sqrt(va + vb);
		ret->df = (va + vb) * (va + vb) / (va * va / (count_a - 1) + vb * vb / (count_b - 1));
		permute_groups(logs, count_a, count, full.seed, &perm);
		conclude(ret, &full, &perm);
	}
	free(logs);
}

/* --- power --- */

/* The chance that a two-sided t test at @level finds a true difference of @effect. */
static double power_of_difference(double effect, double se, double df, double level)
{
	return 1 - t_noncentral_cdf(t_quantile(1 - level / 2, df), df, effect / se);
}

/* The chance that two one-sided tests at @level show equivalence within @edge if the true difference is @effect. */
static double power_of_equivalence(double effect, double edge, double se, double df, double level)
{
	double t = t_quantile(1 - level, df);

	return fmax(t_cdf((edge - effect) / se - t, df) + t_cdf((edge + effect) / se - t, df) - 1, 0);
}

/* The effect that is found with @power: power_of_difference(), solved for it. */
static double seen_with(const struct stats_ratio *r, double level, double power)
{
	double t = t_quantile(1 - level / 2, r->df), low = 0, high = 1;

	while (high < 1e9 && 1 - t_noncentral_cdf(t, r->df, high) < power)
		high *= 2;
	while (high - low > 1e-6 * high) {
		double middle = (low + high) / 2;

		if (1 - t_noncentral_cdf(t, r->df, middle) < power)
			low = middle;
		else
			high = middle;
	}
	return fmin(expm1(fmin(high * r->se, SAMPLE_LOG_MAX)), SEEN_MAX);
}

/* What decides whether @count pairs, or repeats of each, would do. */
struct planned { const struct stats_ratio *r; const struct stats_rules *rules; double level, df_factor; };

/* The smallest p of the permutation test with @count pairs, or repeats of each. */
static double least_p(bool paired, unsigned count)
{
	double p = paired ? 2 : 1;

	for (unsigned i = 1; i <= count && p > 1.0 / STATS_DRAWS; i++)
		p *= paired ? 0.5 : (double)i / (count + i);
	return fmax(paired ? p : 2 * p, 1.0 / STATS_DRAWS);
}

static bool would_do(const struct planned *p, unsigned count, bool as_estimated)
{
	double edge = log1p(p->rules->margin), effect = fabs(p->r->log_ratio), power = p->rules->power;
	double se = p->r->spread / sqrt(count), df = (count - 1) * p->df_factor;

	/* The permutation test must be able to confirm it. */
	if (least_p(p->r->paired, count) > p->level)
		return false;
	if (as_estimated)
		return power_of_difference(effect, se, df, p->level) >= power ||
		       power_of_equivalence(effect, edge, se, df, p->level) >= power;
	return power_of_difference(edge, se, df, p->level) >= power && power_of_equivalence(0, edge, se, df, p->level) >= power;
}

static unsigned smallest(const struct planned *p, unsigned low, bool as_estimated)
{
	unsigned high = low + 1;

	while (high < STATS_REPEATS_MAX && !would_do(p, high, as_estimated)) {
		low = high;
		high *= 2;
	}
	if (high >= STATS_REPEATS_MAX)
		return STATS_REPEATS_MAX;
	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (would_do(p, middle, as_estimated))
			high = middle;
		else
			low = middle;
	}
	return high;
}

static unsigned needed_for(const struct stats_ratio *r, const struct stats_rules *rules, double level)
{
	unsigned count = r->count_a < r->count_b ? r->count_a : r->count_b, most = r->count_a > r->count_b ? r->count_a : r->count_b;
	struct planned p = { r, rules, level, 1 };

	/* Welch's degrees of freedom for as many of each, from their spreads: (n-1) times 1 to 2. */
	if (!r->paired) {
		double va = 0, vb = 0, s = r->spread * r->spread, v = r->se * r->se;

		/* sa^2 + sb^2 = s and sa^2/na + sb^2/nb = v; with na = nb only the degrees of freedom tell them apart. */
		if (r->count_a != r->count_b) {
			va = (v - s / r->count_b) / (1.0 / r->count_a - 1.0 / r->count_b);
			va = fmin(fmax(va, 0), s);
			vb = s - va;
			p.df_factor = s * s / (va * va + vb * vb);
		} else {
			p.df_factor = r->df / (r->count_a - 1);
		}
	}
	/* What is undecided with enough for a difference like the margin is a smaller one: count for what was estimated. */
	if (would_do(&p, most, false))
		return smallest(&p, most, true);
	return smallest(&p, count, false);
}

/* --- verdicts --- */

static enum stats_verdict verdict_of(const struct stats_ratio *r, double alpha)
{
	if (r->p_equivalent_holm <= alpha)
		return STATS_EQUIVALENT;
	if (r->p_holm <= alpha)
		return (r->log_ratio > 0) == !r->lower_is_better ? STATS_FASTER : STATS_SLOWER;
	return STATS_UNDECIDED;
}

void stats_judge(struct stats_ratio *points, unsigned count, const struct stats_rules *rules)
{
	struct stats_rules full = rules_of(rules);
	double *p = room_for(2 * count), *adjusted = room_for(2 * count), level;
	unsigned family = 0, k = 0;

	for (unsigned i = 0; i < count; i++)
		family += !points[i].why;
	if (full.points > family)
		family = full.points;
	level = full.alpha / family;
	for (unsigned i = 0; i < count; i++) {
		struct stats_ratio *r = &points[i];

		r->verdict = STATS_UNDECIDED;
		if (r->why)
			continue;
		r->permutation_counts = r->p_least <= level;
		r->p = r->permutation_counts ? fmax(r->p_t, r->p_permutation) : r->p_t;
		p[k] = r->p;
		p[count + k++] = r->p_equivalent;
	}
	stats_holm(p, k, family, adjusted);
	stats_holm(p + count, k, family, adjusted + count);
	k = 0;
	for (unsigned i = 0; i < count; i++) {
		struct stats_ratio *r = &points[i];

		if (r->why)
			continue;
		r->p_holm = adjusted[k];
		r->p_equivalent_holm = adjusted[count + k++];
		r->verdict = verdict_of(r, full.alpha);
		r->seen = seen_with(r, level, full.power);
		r->needed = r->verdict == STATS_UNDECIDED ? needed_for(r, &full, level) : 0;
	}
	free(p);
	free(adjusted);
}
