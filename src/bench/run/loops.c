/* SPDX-License-Identifier: PostgreSQL */
/* In which order points are measured, and how often. */
#include <string.h>

#include "clock.h"
#include "runner.h"
#include "stats.h"

#define SEARCH_FIRST .7 /* the search for a rate begins with this part of the capacity and then halves what is left */

/* --- the closed loop --- */

static bool is_closed(const struct bench_point *p)
{
	return !p->rate_percent && !p->slo;
}

/* Fixed rates are measured with the closed loop: they need nothing from it. */
int runner_blocks(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	unsigned *closed = arena_alloc(a, (r->run->point_count + 1) * sizeof *closed), count = 0, *order;
	const struct bench_measure *m;

	for (unsigned i = 0; i < r->run->point_count; i++)
		if (is_closed(&r->run->points[i]))
			closed[count++] = i;
	bench_order(count, r->spec->repeats, r->run->seed, a, &order);
	for (unsigned i = 0; i < count * r->spec->repeats; i++) {
		unsigned point = closed[order[i]];

		if (runner_measure(r, 0, point, i / count + 1, r->run->points[point].rate_tps, NULL, &m, e) < 0)
			return -1;
	}
	return 0;
}

/* The good measurements of a point. */
static unsigned tps_of(const struct runner *r, const struct bench_point *p, double **ret)
{
	unsigned count = 0;

	*ret = arena_alloc(r->run->arena, (r->run->measure_count + 1) * sizeof **ret);
	for (unsigned i = 0; i < r->run->measure_count; i++)
		if (r->run->measures[i].point == p && r->run->measures[i].status == BENCH_OK)
			(*ret)[count++] = r->run->measures[i].tps;
	return count;
}

static bool wants_more(const struct runner *r, const struct bench_point *p)
{
	struct stats_summary s;
	double *tps;
	unsigned count = tps_of(r, p, &tps);

	if (count < r->spec->repeats)
		return false; /* some failed: more of them would not help */
	stats_summarize(tps, count, LEVEL, &s);
	return stats_repeats_wanted(&s, LEVEL, r->spec->precision) > count;
}

static bool budget_is_spent(const struct runner *r)
{
	return r->spec->budget_s > 0 && (double)(clock_now_ms() - r->start_ms) > r->spec->budget_s * 1000;
}

/* More repeats of the points whose interval is still too wide, a block at a time, until there are enough or time is up. */
int runner_more(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	unsigned *wide = arena_alloc(a, (r->run->point_count + 1) * sizeof *wide), *order;
	const struct bench_measure *m;

	for (unsigned repeat = r->spec->repeats + 1; repeat <= r->spec->repeats_max; repeat++) {
		unsigned count = 0;

		for (unsigned i = 0; i < r->run->point_count; i++)
			if (is_closed(&r->run->points[i]) && wants_more(r, &r->run->points[i]))
				wide[count++] = i;
		if (!count)
			break;
		bench_order(count, 1, r->run->seed + repeat, a, &order);
		r->total += count;
		for (unsigned i = 0; i < count; i++) {
			if (budget_is_spent(r))
				return 0;
			if (runner_measure(r, 0, wide[order[i]], repeat, r->run->points[wide[order[i]]].rate_tps, NULL, &m, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- the open loop --- */

/* The most that the closed loop reached with this workload and target; 0 = nothing was measured. */
static double capacity(const struct runner *r, const struct bench_point *like)
{
	struct stats_summary s;
	double best = 0, *tps;

	for (unsigned i = 0; i < r->run->point_count; i++) {
		const struct bench_point *p = &r->run->points[i];
		unsigned count;

		if (!is_closed(p) || p->rate_tps > 0 || strcmp(p->workload, like->workload) || strcmp(p->target, like->target))
			continue;
		count = tps_of(r, p, &tps);
		stats_summarize(tps, count, LEVEL, &s);
		if (s.why == STATS_OK && s.gmean > best)
			best = s.gmean;
	}
	return best;
}

int runner_rates(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	unsigned *open = arena_alloc(a, (r->run->point_count + 1) * sizeof *open), count = 0, *order;
	const struct bench_measure *m;

	for (unsigned i = 0; i < r->run->point_count; i++)
		if (r->run->points[i].rate_percent)
			open[count++] = i;
	bench_order(count, r->spec->repeats, r->run->seed + 1, a, &order);
	for (unsigned i = 0; i < count * r->spec->repeats; i++) {
		const struct bench_point *p = &r->run->points[open[order[i]]];
		double most = capacity(r, p);

		if (most > 0 && runner_measure(r, 0, open[order[i]], i / count + 1, most * p->rate_percent / 100, NULL, &m, e) < 0)
			return -1;
	}
	return 0;
}

static double quantile(const struct bench_measure *m, double q)
{
	return q >= .999 ? m->latency.p999 : q >= .99 ? m->latency.p99 : q >= .95 ? m->latency.p95 : m->latency.p50;
}

static bool keeps_slo(const struct runner *r, const struct bench_measure *m)
{
	return m->status == BENCH_OK && !(m->marks & BENCH_LATE) && quantile(m, r->spec->slo.quantile) <= r->spec->slo.limit_us;
}

int runner_search(struct runner *r, struct fail *e)
{
	for (unsigned i = 0; i < r->run->point_count; i++) {
		const struct bench_point *p = &r->run->points[i];
		double low = 0, high = p->slo ? capacity(r, p) : 0, rate = high * SEARCH_FIRST;
		const struct bench_measure *m;

		for (unsigned step = 1; high > 0 && step <= BENCH_SEARCH_STEPS; step++) {
			if (runner_measure(r, 0, i, step, rate, keeps_slo, &m, e) < 0)
				return -1;
			if (m->kept_slo)
				low = rate;
			else
				high = rate;
			rate = (low + high) / 2;
		}
	}
	return 0;
}

/* --- pairs --- */

/* True if the interval of the ratio of some point is still wider than wanted. */
static bool ratio_is_wide(const struct runner *r)
{
	struct arena *a = r->run->arena;
	unsigned most = r->run->measure_count + 1;
	double *x = arena_alloc(a, most * sizeof *x), *y = arena_alloc(a, most * sizeof *y);

	for (unsigned i = 0; i < r->run->point_count; i++) {
		struct stats_ratio ratio;
		unsigned count = 0;

		for (unsigned k = 0; k < r->run->measure_count; k++)
			for (unsigned n = 0; n < r->run->measure_count; n++) {
				const struct bench_measure *m = &r->run->measures[k], *o = &r->run->measures[n];

				if (m->point == &r->run->points[i] && m->point == o->point && m->repeat == o->repeat &&
				    m->status == BENCH_OK && o->status == BENCH_OK && *m->variant < *o->variant) {
					x[count] = m->tps;
					y[count++] = o->tps;
				}
			}
		stats_ratio_paired(x, y, count, false, &(struct stats_rules) { 0 }, &ratio);
		if (ratio.why == STATS_OK && ratio.high / ratio.ratio - 1 > r->spec->precision)
			return true;
	}
	return false;
}

/* Every pair of a point is measured at about the same time, and chance decides which side is first. */
int runner_pairs(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	const struct bench_measure *m;
	unsigned *order, *sides;

	for (unsigned pair = 1; pair <= r->spec->repeats_max; pair++) {
		if (pair > r->spec->repeats && (budget_is_spent(r) || !ratio_is_wide(r)))
			break;
		bench_order(r->run->point_count, 1, r->run->seed + 2 * pair, a, &order);
		for (unsigned i = 0; i < r->run->point_count; i++) {
			bench_order(BENCH_VARIANTS, 1, r->run->seed + 2 * pair + 1 + 1000 * i, a, &sides);
			for (unsigned side = 0; side < BENCH_VARIANTS; side++)
				if (runner_measure(r, sides[side], order[i], pair, r->run->points[order[i]].rate_tps, NULL, &m, e) < 0)
					return -1;
		}
		if (pair >= r->spec->repeats)
			r->total = r->done + r->run->point_count * BENCH_VARIANTS;
	}
	r->total = r->done;
	return 0;
}
