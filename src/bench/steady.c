/* SPDX-License-Identifier: PostgreSQL */
/*
 * Warm-up and drift of a series per second.
 *
 * 1. Means of about 20 blocks: neighbouring seconds depend on each other (checkpoints, caches), neighbouring blocks less.
 * 2. The warm-up is what MSER removes (White 1997): the front whose removal makes the estimate of the mean most exact. At
 *    most half, and only if its mean differs clearly from that of the rest, since of pure noise MSER also removes something.
 * 3. What remains drifts if a straight line through its block means rises or falls significantly, and by more than a
 *    tolerance that matters. The number of blocks is reduced by the autocorrelation of the residuals (Santer et al. 2000),
 *    so that a slow wave is not a trend.
 */
#include <math.h>

#include "dist.h"
#include "stats.h"

#define BLOCKS 20
#define BLOCKS_MAX (2 * BLOCKS)
#define SIGNIFICANT 0.05
#define CLEARLY 3.0 /* standard errors between the warm-up and the rest */

struct blocks { double mean[BLOCKS_MAX]; unsigned count, length, extra; }; /* the first has .extra values more */

static void cut_into_blocks(const double *x, unsigned count, struct blocks *b)
{
	unsigned at = 0;

	*b = (struct blocks) { .length = count < 2 * BLOCKS ? 1 : count / BLOCKS };
	b->count = count / b->length;
	b->extra = count % b->length;
	for (unsigned k = 0; k < b->count; k++) {
		unsigned length = b->length + (k ? 0 : b->extra);

		for (unsigned i = 0; i < length; i++)
			b->mean[k] += x[at++] / length;
	}
}

static double mean_of(const double *x, unsigned count)
{
	double mean = 0;

	for (unsigned i = 0; i < count; i++)
		mean += x[i] / count;
	return mean;
}

static double squares_around(const double *x, unsigned count, double mean)
{
	double squares = 0;

	for (unsigned i = 0; i < count; i++)
		squares += (x[i] - mean) * (x[i] - mean);
	return squares;
}

/* The number of blocks that are warm-up. */
static unsigned warm_up(const struct blocks *b)
{
	double best = INFINITY, front, rest, noise;
	unsigned cut = 0;

	for (unsigned d = 0; d <= b->count / 2; d++) {
		unsigned left = b->count - d;
		double mser = squares_around(b->mean + d, left, mean_of(b->mean + d, left)) / ((double)left * left);

		if (mser < best) {
			best = mser;
			cut = d;
		}
	}
	if (!cut)
		return 0;
	front = mean_of(b->mean, cut);
	rest = mean_of(b->mean + cut, b->count - cut);
	noise = sqrt(squares_around(b->mean + cut, b->count - cut, rest) / (b->count - cut - 1));
	noise = fmax(noise, 1e-9 * rest); /* rounding is no difference */
	return fabs(front - rest) > CLEARLY * noise * sqrt(1.0 / cut + 1.0 / (b->count - cut)) ? cut : 0;
}

/* Of residuals: how much each has of the one before. Not below 0, and not above what leaves a third of the blocks. */
static double follows_by(const double *residual, unsigned count)
{
	double squares = residual[0] * residual[0], products = 0;

	for (unsigned i = 1; i < count; i++) {
		squares += residual[i] * residual[i];
		products += residual[i] * residual[i - 1];
	}
	return squares > 0 ? fmin(fmax(products / squares, 0), 0.5) : 0;
}

/* The residuals of the step that fits best, two means; returns their squares. */
static double fit_step(const double *y, unsigned count, double *residual)
{
	double best = INFINITY;
	unsigned at = 1;

	for (unsigned k = 1; k < count; k++) {
		double squares = squares_around(y, k, mean_of(y, k)) + squares_around(y + k, count - k, mean_of(y + k, count - k));

		if (squares < best) {
			best = squares;
			at = k;
		}
	}
	for (unsigned i = 0; i < count; i++)
		residual[i] = y[i] - (i < at ? mean_of(y, at) : mean_of(y + at, count - at));
	return best;
}

/*
 * Sets .change and .p from the line through @count block means. Where a step fits better than the line, the autocorrelation
 * is that of its residuals: those of the line would have one because of the step, and hide it.
 */
static void find_trend(const double *y, unsigned count, struct stats_steady *s)
{
	double mean = mean_of(y, count), middle = (count - 1) / 2.0, xx = 0, xy = 0, squares = 0, slope, r, independent;
	double residual[BLOCKS_MAX], of_step[BLOCKS_MAX];

	for (unsigned i = 0; i < count; i++) {
		xx += (i - middle) * (i - middle);
		xy += (i - middle) * (y[i] - mean);
	}
	slope = xy / xx;
	for (unsigned i = 0; i < count; i++) {
		residual[i] = y[i] - mean - slope * (i - middle);
		squares += residual[i] * residual[i];
	}
	s->change = slope * (count - 1) / mean;
	if (squares <= 1e-20 * count * mean * mean) {
		s->p = fabs(s->change) > 1e-9 ? 0 : 1;
		return;
	}
	r = follows_by(residual, count);
	if (fit_step(y, count, of_step) < squares)
		r = fmin(r, follows_by(of_step, count));
	independent = count * (1 - r) / (1 + r);
	s->p = 2 * t_upper(fabs(slope) / sqrt(squares / (independent - 2) / xx), independent - 2);
}

void stats_find_steady(const double *x, unsigned count, double tolerance, struct stats_steady *ret)
{
	struct blocks b;
	unsigned cut;

	*ret = (struct stats_steady) { .why = count < STATS_SERIES_MIN ? STATS_TOO_FEW : STATS_OK };
	for (unsigned i = 0; i < count; i++)
		if (!isfinite(x[i]) || x[i] < 0)
			ret->why = STATS_BAD_VALUE;
	if (ret->why)
		return;
	cut_into_blocks(x, count, &b);
	cut = warm_up(&b);
	ret->discard = cut ? cut * b.length + b.extra : 0;
	ret->mean = mean_of(x + ret->discard, count - ret->discard);
	if (!(ret->mean > 0)) {
		ret->why = STATS_BAD_VALUE; /* nothing happened */
		return;
	}
	find_trend(b.mean + cut, b.count - cut, ret);
	ret->drifts = ret->p < SIGNIFICANT && fabs(ret->change) > (tolerance > 0 ? tolerance : 0.05);
	if (ret->drifts) {
		ret->discard = count / 2;
		ret->mean = mean_of(x + ret->discard, count - ret->discard);
	}
}
