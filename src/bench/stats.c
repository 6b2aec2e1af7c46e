/* SPDX-License-Identifier: PostgreSQL */
#include "stats.h"

#include <math.h>
#include <stdlib.h>

#include "dist.h"
#include "sample.h"

const char *stats_why_text(enum stats_why why)
{
	static const char *const texts[STATS_WHY_COUNT] = {
		[STATS_OK] = "",
		[STATS_TOO_FEW] = "too few values",
		[STATS_BAD_VALUE] = "a value is not a number above zero",
		[STATS_NO_VARIANCE] = "all values are the same, so their spread is not known",
	};

	return texts[why];
}

const char *stats_verdict_name(enum stats_verdict v)
{
	static const char *const names[] = { "undecided", "faster", "slower", "equivalent" };

	return names[v];
}

void sample_of(const double *x, unsigned count, struct sample *ret)
{
	double squares = 0;

	*ret = (struct sample) { .count = count };
	for (unsigned i = 0; i < count; i++)
		ret->mean += x[i] / count;
	for (unsigned i = 0; i < count; i++)
		squares += (x[i] - ret->mean) * (x[i] - ret->mean);
	if (count > 1)
		ret->sd = sqrt(squares / (count - 1));
}

unsigned sample_bad(const double *x, unsigned count)
{
	unsigned i = 0;

	while (i < count && isfinite(x[i]) && x[i] > 0)
		i++;
	return i;
}

/* How far the interval of a mean reaches to either side. */
static double half_width(double sd, unsigned count, double level)
{
	return t_quantile(0.5 + level / 2, count - 1) * sd / sqrt(count);
}

static void summarize_logs(const double *x, double level, struct stats_summary *s)
{
	double *logs = malloc(s->count * sizeof *logs), half;
	struct sample l;

	if (!logs)
		abort();
	for (unsigned i = 0; i < s->count; i++)
		logs[i] = log(x[i]);
	sample_of(logs, s->count, &l);
	free(logs);
	s->gmean = exp(l.mean);
	s->spread = l.sd;
	if (s->count < 2)
		s->interval.why = STATS_TOO_FEW;
	else if (l.sd < SAMPLE_FLAT)
		s->interval.why = STATS_NO_VARIANCE;
	if (s->interval.why)
		return;
	/* Two wild values have an interval beyond all numbers. */
	half = fmin(half_width(l.sd, s->count, level), SAMPLE_LOG_MAX);
	s->interval.low = s->gmean * exp(-half);
	s->interval.high = fmin(s->gmean * exp(half), HUGE_RATIO);
	s->half = expm1(half);
}

void stats_summarize(const double *x, unsigned count, double level, struct stats_summary *ret)
{
	struct sample s;

	*ret = (struct stats_summary) { .count = count, .why = !count ? STATS_TOO_FEW : STATS_OK };
	if (sample_bad(x, count) < count)
		ret->why = STATS_BAD_VALUE;
	ret->interval.why = ret->why;
	if (ret->why)
		return;
	sample_of(x, count, &s);
	ret->mean = s.mean;
	ret->sd = s.sd;
	summarize_logs(x, level, ret);
}

unsigned stats_repeats_wanted(const struct stats_summary *s, double level, double goal)
{
	unsigned low = s->count, high;

	if (s->why == STATS_BAD_VALUE)
		return 0; /* more repeats do not make it a number */
	if (s->count < STATS_REPEATS_MIN)
		return STATS_REPEATS_MIN;
	if (s->interval.why || s->half <= goal)
		return 0;
	for (high = 2 * low; high < STATS_REPEATS_MAX && expm1(half_width(s->spread, high, level)) > goal; high *= 2)
		low = high;
	if (high >= STATS_REPEATS_MAX)
		return STATS_REPEATS_MAX;
	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (expm1(half_width(s->spread, middle, level)) > goal)
			low = middle;
		else
			high = middle;
	}
	return high;
}

void stats_holm(const double *p, unsigned count, unsigned family, double *adjusted)
{
	double before = 0;
	bool *done = calloc(count ? count : 1, sizeof *done);

	if (!done)
		abort();
	for (unsigned step = 0; step < count; step++) {
		unsigned least = count;

		for (unsigned i = 0; i < count; i++)
			if (!done[i] && (least == count || p[i] < p[least]))
				least = i;
		done[least] = true;
		before = fmax(before, fmin(1, ((family > count ? family : count) - step) * p[least]));
		adjusted[least] = before;
	}
	free(done);
}
