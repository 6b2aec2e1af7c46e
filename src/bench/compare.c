/* SPDX-License-Identifier: PostgreSQL */
#include "compare.h"

#include <stdio.h>
#include <string.h>

static double of_tps(const struct bench_measure *m) { return m->tps; }
static double of_mean(const struct bench_measure *m) { return m->latency.mean; }
static double of_p50(const struct bench_measure *m) { return m->latency.p50; }
static double of_p95(const struct bench_measure *m) { return m->latency.p95; }
static double of_p99(const struct bench_measure *m) { return m->latency.p99; }
static double of_p999(const struct bench_measure *m) { return m->latency.p999; }

const struct compare_metric compare_metrics[] = {
	{ "tps", "throughput", false, of_tps },
	{ "latency", "mean latency", true, of_mean },
	{ "p50", "median latency", true, of_p50 },
	{ "p95", "95th percentile of latency", true, of_p95 },
	{ "p99", "99th percentile of latency", true, of_p99 },
	{ "p999", "99.9th percentile of latency", true, of_p999 },
	{ 0 },
};

const struct compare_metric *compare_metric_find(const char *name)
{
	for (const struct compare_metric *m = compare_metrics; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static const struct bench_point *point_named(const struct bench_run *run, const char *name)
{
	for (unsigned i = 0; i < run->point_count; i++)
		if (!strcmp(run->points[i].name, name))
			return &run->points[i];
	return NULL;
}

static bool measures(const struct bench_measure *m, const struct bench_point *p)
{
	return !strcmp(m->point->name, p->name);
}

/* The values of a point that stand. Returns how many; counts the failed ones and collects the marks in @p. */
static unsigned values_of(const struct bench_run *run, struct compare_point *p, struct arena *a, double **ret)
{
	unsigned count = 0;

	*ret = arena_alloc(a, (run->measure_count + 1) * sizeof **ret);
	for (unsigned i = 0; i < run->measure_count; i++) {
		const struct bench_measure *m = &run->measures[i];

		if (!measures(m, p->point))
			continue;
		if (m->status != BENCH_OK) {
			p->failed++;
			continue;
		}
		p->marks |= m->marks;
		(*ret)[count++] = p->metric->of(m);
	}
	return count;
}

/* The measurement of a variant in a block; the last that stands, since a resumed run may measure again. NULL = none. */
static const struct bench_measure *variant_in(const struct bench_run *run, const struct bench_point *p, unsigned repeat,
					      const char *variant)
{
	for (unsigned i = run->measure_count; i-- > 0;) {
		const struct bench_measure *m = &run->measures[i];

		if (m->repeat == repeat && m->status == BENCH_OK && m->variant && !strcmp(m->variant, variant) && measures(m, p))
			return m;
	}
	return NULL;
}

static bool was_tried(const struct bench_run *run, const struct bench_point *p, unsigned repeat)
{
	for (unsigned i = 0; i < run->measure_count; i++)
		if (run->measures[i].repeat == repeat && run->measures[i].variant && measures(&run->measures[i], p))
			return true;
	return false;
}

static struct compare_point *add_point(struct compare *c, const struct compare_options *o, const struct bench_point *p,
				       struct arena *arena)
{
	struct compare_point *added = arena_push(arena, c->points, c->point_count);

	added->point = p;
	added->metric = o->metric ? o->metric : compare_metric_find(p->rate_tps > 0 || p->rate_percent ? "latency" : "tps");
	return added;
}

static void begin(struct compare *c, const struct compare_options *o, bool paired)
{
	*c = (struct compare) { .paired = paired, .name_a = o->name_a ? o->name_a : "A", .name_b = o->name_b ? o->name_b : "B",
				.margin = o->margin > 0 ? o->margin : 0.03 };
}

static enum stats_verdict verdict_of(const struct compare *c)
{
	unsigned counts[4] = { 0 };

	for (unsigned i = 0; i < c->point_count; i++)
		counts[c->points[i].ratio.verdict]++;
	if (counts[STATS_SLOWER])
		return STATS_SLOWER;
	if (counts[STATS_UNDECIDED] || !c->point_count)
		return STATS_UNDECIDED;
	return counts[STATS_FASTER] ? STATS_FASTER : STATS_EQUIVALENT;
}

/* Holm's correction is over all points, so they are judged together. */
static void judge(struct compare *c, const struct stats_rules *rules, struct arena *arena)
{
	struct stats_ratio *ratios = arena_alloc(arena, (c->point_count + 1) * sizeof *ratios);

	for (unsigned i = 0; i < c->point_count; i++)
		ratios[i] = c->points[i].ratio;
	stats_judge(ratios, c->point_count, rules);
	for (unsigned i = 0; i < c->point_count; i++) {
		c->points[i].ratio = ratios[i];
		c->points[i].text = compare_sentence(c, &c->points[i], arena);
	}
	c->verdict = verdict_of(c);
}

void compare_runs(const struct bench_run *a, const struct bench_run *b, const struct compare_options *o, struct arena *arena,
		  struct compare *ret)
{
	const struct stats_rules rules = { .margin = o->margin, .seed = a->seed };

	begin(ret, o, false);
	for (unsigned i = 0; i < a->point_count; i++) {
		struct compare_point *p;
		double *x, *y;
		unsigned na, nb;

		if (!point_named(b, a->points[i].name)) {
			*arena_push(arena, ret->only_a, ret->only_a_count) = a->points[i].name;
			continue;
		}
		p = add_point(ret, o, &a->points[i], arena);
		na = values_of(a, p, arena, &x);
		nb = values_of(b, p, arena, &y);
		stats_ratio_unpaired(x, na, y, nb, p->metric->lower_is_better, &rules, &p->ratio);
	}
	for (unsigned i = 0; i < b->point_count; i++)
		if (!point_named(a, b->points[i].name))
			*arena_push(arena, ret->only_b, ret->only_b_count) = b->points[i].name;
	judge(ret, &rules, arena);
	compare_circumstances(a, b, arena, ret);
}

void compare_variants(const struct bench_run *run, const struct compare_options *o, struct arena *arena, struct compare *ret)
{
	const struct stats_rules rules = { .margin = o->margin, .seed = run->seed };
	unsigned blocks = 0;

	begin(ret, o, true);
	for (unsigned i = 0; i < run->measure_count; i++)
		if (run->measures[i].repeat > blocks)
			blocks = run->measures[i].repeat;
	for (unsigned i = 0; i < run->point_count; i++) {
		struct compare_point *p = add_point(ret, o, &run->points[i], arena);
		double *x = arena_alloc(arena, (run->measure_count + 1) * sizeof *x), *y = arena_alloc(arena, (run->measure_count + 1) * sizeof *y);
		unsigned count = 0;

		for (unsigned repeat = 0; repeat <= blocks && count < run->measure_count; repeat++) {
			const struct bench_measure *a = variant_in(run, p->point, repeat, "A"), *b = variant_in(run, p->point, repeat, "B");

			if (!a || !b) {
				p->failed += was_tried(run, p->point, repeat);
				continue;
			}
			p->marks |= a->marks | b->marks;
			x[count] = p->metric->of(a);
			y[count++] = p->metric->of(b);
		}
		stats_ratio_paired(x, y, count, p->metric->lower_is_better, &rules, &p->ratio);
	}
	judge(ret, &rules, arena);
}
