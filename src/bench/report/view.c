/* SPDX-License-Identifier: PostgreSQL */
#include "view.h"

#include <math.h>
#include <string.h>

#include "compare.h"
#include "plural.h"

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

double view_rate(const struct view_point *p)
{
	/* Of a part of the capacity, the rate is known only from what was measured. */
	return p->point->rate_tps > 0 ? p->point->rate_tps : view_is_open(p->point) && p->tps.why == STATS_OK ? p->tps.gmean : NAN;
}

/* --- points --- */

static double get_tps(const struct bench_measure *m) { return m->tps; }
static double get_mean(const struct bench_measure *m) { return m->latency.mean; }
static double get_p50(const struct bench_measure *m) { return m->latency.p50; }
static double get_p95(const struct bench_measure *m) { return m->latency.p95; }
static double get_p99(const struct bench_measure *m) { return m->latency.p99; }
static double get_p999(const struct bench_measure *m) { return m->latency.p999; }

typedef double (*get_fn)(const struct bench_measure *m);

static double *valid(struct arena *a, const struct view_point *p, get_fn get, unsigned *ret_count)
{
	double *x = arena_alloc(a, (p->count + 1) * sizeof *x);

	*ret_count = 0;
	for (unsigned i = 0; i < p->count; i++)
		if (p->measures[i]->status == BENCH_OK && (!p->point->slo || p->measures[i] == p->kept))
			x[(*ret_count)++] = get(p->measures[i]);
	return x;
}

static void summarize(struct view *v, struct view_point *p)
{
	const struct { get_fn get; struct stats_summary *to; } rows[] = {
		{ get_tps, &p->tps }, { get_mean, &p->mean }, { get_p50, &p->p50 }, { get_p95, &p->p95 }, { get_p99, &p->p99 },
		{ get_p999, &p->p999 },
	};

	for (unsigned i = 0; i < p->count; i++) {
		const struct bench_measure *m = p->measures[i];

		v->measures++;
		if (m->status != BENCH_OK) {
			v->failed++;
			p->failed++;
			continue;
		}
		p->ok++;
		if (p->point->slo && m->kept_slo && (!p->kept || m->tps > p->kept->tps))
			p->kept = m;
		p->marks |= p->point->slo ? 0 : m->marks;
		for (unsigned k = 0; k < BENCH_MARK_COUNT; k++)
			v->marked[k] += !p->point->slo && (m->marks >> k & 1);
		p->max = m->latency.max > p->max ? m->latency.max : p->max;
		p->client_cpu += m->client_cpu;
		p->client_cores += m->client_cores;
		p->seconds += m->seconds;
		if (m->histogram && !p->histogram && !p->point->slo)
			p->histogram = histogram_new(v->arena);
		if (m->histogram && !p->point->slo)
			histogram_merge(p->histogram, m->histogram);
	}
	if (p->kept)
		p->max = p->kept->latency.max;
	if (p->ok) {
		p->client_cpu /= p->ok;
		p->client_cores /= p->ok;
	}
	v->empty += p->ok == 0;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		unsigned count;
		const double *x = valid(v->arena, p, rows[i].get, &count);

		stats_summarize(x, count, VIEW_LEVEL, rows[i].to);
	}
}

static void add_point(struct view *v, unsigned run_index, const struct bench_point *point, const char *variant)
{
	const struct bench_run *run = v->runs[run_index];
	struct view_point p = { .run = run, .run_index = run_index, .point = point, .variant = variant };

	for (unsigned i = 0; i < run->measure_count; i++)
		if (run->measures[i].point == point && same(run->measures[i].variant, variant))
			*arena_push(v->arena, p.measures, p.count) = &run->measures[i];
	summarize(v, &p);
	*arena_push(v->arena, v->points, v->point_count) = p;
}

/* A point that was not measured yet is there too, without measurements. */
static void add_points(struct view *v, unsigned run_index)
{
	const struct bench_run *run = v->runs[run_index];

	for (unsigned i = 0; i < run->point_count; i++) {
		const char *variants[16];
		unsigned count = 0;

		for (unsigned k = 0; k < run->measure_count; k++) {
			const struct bench_measure *m = &run->measures[k];
			bool known = m->point != &run->points[i];

			for (unsigned n = 0; n < count && !known; n++)
				known = same(variants[n], m->variant);
			if (!known && count < ARRAY_COUNT(variants))
				variants[count++] = m->variant;
		}
		if (!count)
			variants[count++] = NULL;
		/* A before B, however they were drawn. */
		for (unsigned n = 1; n < count; n++)
			for (unsigned k = n; k > 0 && variants[k] && variants[k - 1] && strcmp(variants[k], variants[k - 1]) < 0; k--) {
				const char *moved = variants[k];

				variants[k] = variants[k - 1];
				variants[k - 1] = moved;
			}
		for (unsigned n = 0; n < count; n++)
			add_point(v, run_index, &run->points[i], variants[n]);
	}
}

/* --- series and curves --- */

/* Runs of the same kind are told apart by their labs, those of the same lab by their numbers. */
const char *view_run_label(const struct view *v, unsigned run_index)
{
	const struct bench_run *run = v->runs[run_index];
	bool kind = false, lab = false;

	if (run->scale_role)
		return arena_printf(v->arena, "%u %s%s", run->scale_count, run->scale_role, plural(run->scale_count));
	for (unsigned i = 0; i < v->run_count; i++) {
		kind |= i != run_index && !strcmp(v->runs[i]->kind, run->kind);
		lab |= i != run_index && !strcmp(v->runs[i]->lab, run->lab);
	}
	return !kind ? run->kind : !lab ? run->lab : arena_printf(v->arena, "run %u", run_index + 1);
}

static void name_series(struct view *v)
{
	for (unsigned i = 0; i < v->point_count; i++) {
		struct view_point *p = &v->points[i];
		const char *name = p->point->target;
		unsigned color = 0;

		if (v->run_count > 1)
			name = arena_printf(v->arena, "%s: %s", view_run_label(v, p->run_index), name);
		if (p->variant)
			name = arena_printf(v->arena, "%s, %s", name, p->variant);
		while (color < v->series_count && strcmp(v->series[color], name) != 0)
			color++;
		if (color == v->series_count)
			*arena_push(v->arena, v->series, v->series_count) = name;
		p->series = v->series[color];
		p->color = color;
	}
}

static void add_workload(struct view *v, const struct bench_run *run, const char *name)
{
	struct view_workload w = { .name = name, .title = name };

	if (view_workload(v, name))
		return;
	for (unsigned i = 0; i < run->workload_count; i++)
		if (!strcmp(run->workloads[i].name, name))
			w = (struct view_workload){ name, run->workloads[i].title, run->workloads[i].baseline, run->workloads[i].shards };
	*arena_push(v->arena, v->workloads, v->workload_count) = w;
}

const struct view_workload *view_workload(const struct view *v, const char *name)
{
	for (unsigned i = 0; i < v->workload_count; i++)
		if (!strcmp(v->workloads[i].name, name))
			return &v->workloads[i];
	return NULL;
}

static void sort_curve(struct view_curve *c)
{
	for (unsigned i = 1; i < c->count; i++)
		for (unsigned k = i; k > 0 && c->points[k]->point->clients < c->points[k - 1]->point->clients; k--) {
			const struct view_point *moved = c->points[k];

			c->points[k] = c->points[k - 1];
			c->points[k - 1] = moved;
		}
	for (unsigned i = 0; i < c->count; i++)
		if (c->points[i]->ok && (!c->best || c->points[i]->tps.gmean > c->best->tps.gmean))
			c->best = c->points[i];
}

static void make_curves(struct view *v)
{
	for (unsigned i = 0; i < v->point_count; i++) {
		struct view_point *p = &v->points[i];
		struct view_curve *c = NULL;

		v->open_loop |= view_is_open(p->point);
		v->closed_loop |= !view_is_open(p->point);
		add_workload(v, p->run, p->point->workload);
		if (view_is_open(p->point))
			continue;
		for (unsigned k = 0; k < v->curve_count; k++)
			if (v->curves[k].color == p->color && !strcmp(v->curves[k].workload, p->point->workload))
				c = &v->curves[k];
		if (!c) {
			c = arena_push(v->arena, v->curves, v->curve_count);
			*c = (struct view_curve){ .workload = p->point->workload, .series = p->series, .color = p->color };
		}
		*arena_push(v->arena, c->points, c->count) = p;
	}
	for (unsigned i = 0; i < v->curve_count; i++)
		sort_curve(&v->curves[i]);
}

/* --- ratios --- */

/* Repeats of one number belong to one block of the random order: they are pairs. */
static void divide(struct view *v, const struct view_point *base, const struct view_point *point, struct stats_ratio *ret)
{
	double *a = arena_alloc(v->arena, (base->count + 1) * sizeof *a), *b = arena_alloc(v->arena, (base->count + 1) * sizeof *b);
	const struct stats_rules rules = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < base->count; i++)
		for (unsigned k = 0; k < point->count; k++) {
			const struct bench_measure *x = base->measures[i], *y = point->measures[k];

			if (x->status == BENCH_OK && y->status == BENCH_OK && x->repeat == y->repeat && count < base->count) {
				a[count] = x->latency.mean;
				b[count++] = y->latency.mean;
			}
		}
	stats_ratio_paired(a, b, count, true, &rules, ret);
}

static void make_costs(struct view *v)
{
	for (unsigned i = 0; i < v->point_count; i++) {
		const struct view_point *p = &v->points[i];
		const char *baseline = view_workload(v, p->point->workload)->baseline;

		if (!baseline || view_is_open(p->point))
			continue;
		for (unsigned k = 0; k < v->point_count; k++) {
			const struct view_point *base = &v->points[k];
			struct view_ratio r = { .point = p, .base = base };

			if (base->color != p->color || base->run != p->run || strcmp(base->point->workload, baseline) != 0 ||
			    base->point->clients != p->point->clients || view_is_open(base->point))
				continue;
			divide(v, base, p, &r.ratio);
			*arena_push(v->arena, v->costs, v->cost_count) = r;
		}
	}
}

static const struct view_point *variant_of(const struct view *v, unsigned run_index, const struct bench_point *point, const char *variant)
{
	for (unsigned i = 0; i < v->point_count; i++)
		if (v->points[i].run_index == run_index && v->points[i].point == point && same(v->points[i].variant, variant))
			return &v->points[i];
	return NULL;
}

static void make_pairs(struct view *v)
{
	for (unsigned i = 0; i < v->run_count; i++) {
		const struct bench_run *run = v->runs[i];
		const struct compare_options o = { .name_a = run->variants[0], .name_b = run->variants[1] };
		struct compare c;

		if (!run->measure_count || !run->measures[0].variant)
			continue;
		compare_variants(run, &o, v->arena, &c);
		for (unsigned k = 0; k < c.point_count; k++) {
			const struct view_point *a = variant_of(v, i, c.points[k].point, "A"), *b = variant_of(v, i, c.points[k].point, "B");

			if (a && b)
				*arena_push(v->arena, v->pairs, v->pair_count) = (struct view_ratio){
					b, a, c.points[k].ratio, c.points[k].metric->title, c.points[k].text };
		}
	}
}

/* --- scale --- */

/* The point of the closed loop with the highest throughput. */
static const struct view_point *best_of(const struct view *v, unsigned run_index, const char *workload, const char *target)
{
	const struct view_point *best = NULL;

	for (unsigned i = 0; i < v->point_count; i++) {
		const struct view_point *p = &v->points[i];

		if (p->run_index == run_index && p->ok && !view_is_open(p->point) && !strcmp(p->point->workload, workload) &&
		    !strcmp(p->point->target, target) && (!best || p->tps.gmean > best->tps.gmean))
			best = p;
	}
	return best;
}

static void make_scale(struct view *v, struct view_scale *s)
{
	double *n = NULL, *x = NULL;
	unsigned n_count = 0, x_count = 0;
	const struct view_point *base = NULL;

	/* By the number of nodes. */
	for (unsigned done = 0, count; done < LAB_NODES_MAX; done = count) {
		unsigned next = v->run_count;

		count = LAB_NODES_MAX;
		for (unsigned i = 0; i < v->run_count; i++)
			if (v->runs[i]->scale_role && v->runs[i]->scale_count > done && v->runs[i]->scale_count < count) {
				count = v->runs[i]->scale_count;
				next = i;
			}
		if (next < v->run_count) {
			struct view_step step = { .count = count, .point = best_of(v, next, s->workload, s->target) };
			const double *values;
			unsigned valid_count;

			if (!step.point)
				continue;
			base = base ? base : step.point;
			values = valid(v->arena, step.point, get_tps, &valid_count);
			for (unsigned i = 0; i < valid_count; i++) {
				*arena_push(v->arena, n, n_count) = count;
				*arena_push(v->arena, x, x_count) = values[i];
			}
			if (step.point != base) {
				const struct stats_rules rules = { 0 };
				unsigned base_count;
				const double *of_base = valid(v->arena, base, get_tps, &base_count);

				stats_ratio_unpaired(of_base, base_count, values, valid_count, false, &rules, &step.ratio);
			}
			*arena_push(v->arena, s->steps, s->count) = step;
		}
	}
	usl_fit(n, x, n_count, &s->usl);
}

static void make_scales(struct view *v)
{
	unsigned scaled = 0;

	for (unsigned i = 0; i < v->run_count; i++)
		scaled += v->runs[i]->scale_role != NULL;
	for (unsigned i = 0; i < v->point_count && scaled > 1; i++) {
		const struct bench_point *p = v->points[i].point;
		struct view_scale s = { .workload = p->workload, .target = p->target, .role = v->points[i].run->scale_role };
		bool known = view_is_open(p) || !s.role;

		for (unsigned k = 0; k < v->scale_count && !known; k++)
			known = !strcmp(v->scales[k].workload, p->workload) && !strcmp(v->scales[k].target, p->target);
		if (known)
			continue;
		make_scale(v, &s);
		if (s.count > 1)
			*arena_push(v->arena, v->scales, v->scale_count) = s;
	}
}

/* --- systems --- */

static void make_systems(struct view *v)
{
	const struct stats_rules rules = { 0 };

	for (unsigned i = 0; i < v->curve_count; i++)
		for (unsigned k = 0; k < v->curve_count; k++) {
			struct view_ratio r = { .point = v->curves[i].best, .base = v->curves[k].best };
			const double *values, *base;
			unsigned count, base_count;

			if (!r.point || !r.base || strcmp(v->curves[i].workload, v->curves[k].workload) != 0 ||
			    strcmp(r.base->run->kind, "postgres") != 0 || !strcmp(r.point->run->kind, "postgres"))
				continue;
			values = valid(v->arena, r.point, get_tps, &count);
			base = valid(v->arena, r.base, get_tps, &base_count);
			stats_ratio_unpaired(base, base_count, values, count, false, &rules, &r.ratio);
			*arena_push(v->arena, v->systems, v->system_count) = r;
		}
}

/* --- tracks --- */

static void add_track(struct view *v, const struct view_point *p, const char *node, const char *what)
{
	struct view_track t = { .point = p, .node = node, .what = what };
	double sum = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < v->track_count; i++)
		if (v->tracks[i].point == p && !strcmp(v->tracks[i].node, node) && !strcmp(v->tracks[i].what, what))
			return;
	for (unsigned i = 0; i < p->count; i++) {
		const struct bench_series *s = &p->measures[i]->series;

		for (unsigned k = 0; k < s->track_count && p->measures[i]->status == BENCH_OK; k++) {
			if (strcmp(s->tracks[k].node, node) != 0 || strcmp(s->tracks[k].what, what) != 0)
				continue;
			for (unsigned n = 0; n < s->seconds; n++)
				if (s->tracks[k].values[n] >= 0) {
					sum += s->tracks[k].values[n];
					t.highest = s->tracks[k].values[n] > t.highest ? s->tracks[k].values[n] : t.highest;
					count++;
				}
		}
	}
	t.mean = count ? sum / count : NAN;
	*arena_push(v->arena, v->tracks, v->track_count) = t;
}

static void make_tracks(struct view *v)
{
	for (unsigned i = 0; i < v->point_count; i++)
		for (unsigned k = 0; k < v->points[i].count; k++) {
			const struct bench_measure *m = v->points[i].measures[k];

			for (unsigned n = 0; n < m->series.track_count && m->status == BENCH_OK; n++)
				add_track(v, &v->points[i], m->series.tracks[n].node, m->series.tracks[n].what);
		}
}

void view_make(const struct bench_run *const *runs, unsigned count, struct arena *a, struct view *ret)
{
	*ret = (struct view){ .arena = a, .runs = runs, .run_count = count };
	for (unsigned i = 0; i < count; i++) {
		ret->shared_host |= runs[i]->shared_host;
		add_points(ret, i);
	}
	/* From here on the points do not move. */
	name_series(ret);
	make_curves(ret);
	make_costs(ret);
	make_pairs(ret);
	make_scales(ret);
	make_systems(ret);
	make_tracks(ret);
}
