/* SPDX-License-Identifier: PostgreSQL */
/* Per workload: throughput, latency and its distribution, and the table of all points. */
#include <math.h>
#include <string.h>

#include "page.h"
#include "plural.h"

static const double quantiles[] = { 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999 };

static bool of_workload(const struct view_point *p, const struct view_workload *w)
{
	return !strcmp(p->point->workload, w->name);
}

/* What a chart shows of a point. */
struct measure_of { const char *name; const struct stats_summary *(*get)(const struct view_point *p); double scale; };

static const struct stats_summary *get_tps(const struct view_point *p) { return &p->tps; }
static const struct stats_summary *get_p50(const struct view_point *p) { return &p->p50; }
static const struct stats_summary *get_p95(const struct view_point *p) { return &p->p95; }
static const struct stats_summary *get_p99(const struct view_point *p) { return &p->p99; }

static const struct measure_of throughput = { "throughput", get_tps, 1 };
static const struct measure_of latencies[] = { { "p50", get_p50, 1e-3 }, { "p95", get_p95, 1e-3 }, { "p99", get_p99, 1e-3 } };

static void widen(struct svg_axis *a, double v)
{
	if (!isfinite(v) || (a->scale == SVG_LOG && v <= 0))
		return;
	a->min = a->min <= a->max ? fmin(a->min, v) : v;
	a->max = fmax(a->max, v);
}

static struct svg_point chart_point(const struct page *p, const struct view_point *vp, const struct measure_of *of)
{
	const struct stats_summary *s = of->get(vp);
	struct svg_point pt = { .x = vp->point->clients, .title = words_point(p->view, vp), .marked = vp->marks != 0 };

	pt.failed = view_is_empty(vp) || s->why != STATS_OK;
	if (pt.failed)
		return pt;
	pt.y = s->gmean * of->scale;
	if (s->interval.why == STATS_OK) {
		pt.low = s->interval.low * of->scale;
		pt.high = s->interval.high * of->scale;
	}
	return pt;
}

static void add_series(struct page *p, struct svg_chart *c, struct svg_series *series, const struct view_curve *curve,
		       const struct measure_of *of, const char *label, unsigned color)
{
	struct svg_point *points = arena_alloc(p->view->arena, (curve->count + 1) * sizeof *points);

	for (unsigned i = 0; i < curve->count; i++) {
		points[i] = chart_point(p, curve->points[i], of);
		widen(&c->x, points[i].x);
		if (points[i].failed)
			continue;
		widen(&c->y, points[i].y);
		if (points[i].high > points[i].low) {
			widen(&c->y, points[i].low);
			widen(&c->y, points[i].high);
		}
	}
	series[c->series_count++] = (struct svg_series){ label, color, points, curve->count };
}

/* The numbers of clients that were measured are the ticks. */
static void client_ticks(struct page *p, struct svg_axis *x, const struct view_workload *w)
{
	double *ticks = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < p->view->point_count; i++) {
		const struct view_point *vp = &p->view->points[i];
		bool known = !of_workload(vp, w) || view_is_open(vp->point);
		unsigned at;

		for (unsigned k = 0; k < count && !known; k++)
			known = ticks[k] == vp->point->clients;
		if (known)
			continue;
		*arena_push(p->view->arena, ticks, count) = vp->point->clients;
		for (at = count - 1; at > 0 && ticks[at] < ticks[at - 1]; at--) {
			double moved = ticks[at];

			ticks[at] = ticks[at - 1];
			ticks[at - 1] = moved;
		}
	}
	x->ticks = ticks;
	x->tick_count = count;
}

static void caption(struct page *p, const char *title, const char *text)
{
	strbuf_str(p->out, "<figcaption><b>");
	text_add(p->out, title);
	strbuf_str(p->out, "</b> ");
	text_add(p->out, text);
	strbuf_str(p->out, "</figcaption></figure>\n");
}

static struct svg_chart over_clients(struct page *p, const struct view_workload *w)
{
	struct svg_chart c = { .x = { "clients", SVG_LOG, 1, 0, num_tick, NULL, 0 }, .y = { .min = 1, .max = 0 } };

	client_ticks(p, &c.x, w);
	return c;
}

static void throughput_chart(struct page *p, const struct view_workload *w)
{
	struct svg_series *series = arena_alloc(p->view->arena, (p->view->curve_count + 1) * sizeof *series);
	struct svg_chart c = over_clients(p, w);

	c.title = arena_printf(p->view->arena, "Throughput of %s against clients", w->name);
	c.stamp = p->view->shared_host ? SHARED_STAMP : NULL;
	c.y.title = "transactions per second";
	c.y.number = num_tick;
	for (unsigned i = 0; i < p->view->curve_count; i++)
		if (!strcmp(p->view->curves[i].workload, w->name))
			add_series(p, &c, series, &p->view->curves[i], &throughput, p->view->curves[i].series, p->view->curves[i].color);
	if (!c.series_count)
		return;
	c.y.min = 0;
	c.y.max = c.y.max > 0 ? c.y.max : 1;
	c.series = series;
	strbuf_str(p->out, "<figure>");
	svg_chart(p->out, &c);
	caption(p, "Throughput.", "Geometric mean of the repeats; whiskers: 95 % interval. Hollow: see the marks in the table. "
				  "Cross: failed.");
}

static void latency_chart(struct page *p, const struct view_workload *w)
{
	unsigned curves = 0, first = 2;
	struct svg_series *series;
	struct svg_chart c = over_clients(p, w);

	for (unsigned i = 0; i < p->view->curve_count; i++)
		curves += !strcmp(p->view->curves[i].workload, w->name);
	if (!curves)
		return;
	/* A single curve has room for its other percentiles. */
	if (curves == 1)
		first = 0;
	series = arena_alloc(p->view->arena, 3 * curves * sizeof *series);
	c.title = arena_printf(p->view->arena, "Latency of %s against clients", w->name);
	c.y.title = curves == 1 ? "latency, ms" : "latency p99, ms";
	c.y.scale = SVG_LOG;
	c.y.number = num_tick;
	for (unsigned i = 0; i < p->view->curve_count; i++)
		for (unsigned k = first; k < ARRAY_COUNT(latencies) && !strcmp(p->view->curves[i].workload, w->name); k++)
			add_series(p, &c, series, &p->view->curves[i], &latencies[k],
				   curves == 1 ? latencies[k].name : p->view->curves[i].series,
				   curves == 1 ? k : p->view->curves[i].color);
	if (!(c.y.min <= c.y.max))
		c.y.min = 1, c.y.max = 10;
	c.series = series;
	strbuf_str(p->out, "<figure>");
	svg_chart(p->out, &c);
	caption(p, "Latency (closed loop).", "Geometric mean of the repeats' percentiles; whiskers: 95 % interval. Logarithmic.");
}

/* Where the curve of a distribution ends: one value beyond. */
static double last_quantile(const struct view_point *vp)
{
	uint64_t count = vp->histogram ? histogram_count(vp->histogram) : 0;
	double last = count > 1 ? 1 - 1.0 / (double)count : 0;

	return last < 0.9999 ? last : 0.9999;
}

static struct num number_quantile(double q)
{
	return num_plain(round(q * 1e6) / 1e4);
}

static void add_distribution(struct page *p, struct svg_chart *c, struct svg_series *series, const struct view_point *vp)
{
	unsigned count = 0, room = 64;
	struct svg_point *points = arena_alloc(p->view->arena, room * sizeof *points);
	double last = last_quantile(vp);

	if (!vp->histogram || last <= 0)
		return;
	for (double nines = 0; count < room; nines += 0.1) {
		double q = fmin(1 - pow(10, -nines), last), us = histogram_quantile(vp->histogram, q);
		struct svg_point pt = { .x = q, .y = us / 1000 };

		/* A point for each decade and for the last value, so that the line can be seen. */
		if (fabs(nines - round(nines)) < 1e-6 || q >= last)
			pt.title = arena_printf(p->view->arena, "%s, %s: %s %% of %s transactions took at most %s", vp->series,
						words_load(p->view, vp->point), number_quantile(q).text,
						num_count(histogram_count(vp->histogram)).text, num_time(us).text);
		widen(&c->y, pt.y);
		points[count++] = pt;
		if (q >= last)
			break;
	}
	c->x.max = fmax(c->x.max, last);
	series[c->series_count++] = (struct svg_series){
		vp->series, vp->color, points, count };
}

static void distribution_chart(struct page *p, const struct view_workload *w)
{
	struct svg_series *series = arena_alloc(p->view->arena, (p->view->curve_count + 1) * sizeof *series);
	struct svg_chart c = {
		.title = arena_printf(p->view->arena, "Distribution of the latency of %s", w->name),
		.x = { "percentile", SVG_NINES, 0, 0, number_quantile, NULL, 0 },
		.y = { "latency, ms", SVG_LOG, 1, 0, num_tick, NULL, 0 }, .series = series,
	};

	for (unsigned i = 0; i < p->view->curve_count; i++)
		if (!strcmp(p->view->curves[i].workload, w->name) && p->view->curves[i].best)
			add_distribution(p, &c, series, p->view->curves[i].best);
	if (!c.series_count)
		return;
	strbuf_str(p->out, "<figure>");
	svg_chart(p->out, &c);
	caption(p, "Distribution (closed loop).", "All transactions of all repeats, with the number of clients that gave the highest "
						  "throughput. Both axes logarithmic.");
}

/* Latency against rate: what an open loop is for. */
static void rate_chart(struct page *p, const struct view_workload *w)
{
	struct svg_series *series = arena_alloc(p->view->arena, (p->view->series_count + 1) * sizeof *series);
	struct svg_chart c = {
		.title = arena_printf(p->view->arena, "Latency of %s against the rate", w->name),
		.x = { "transactions per second that were due", SVG_LINEAR, 0, 0, num_tick, NULL, 0 },
		.y = { "latency p99, ms", SVG_LOG, 1, 0, num_tick, NULL, 0 }, .series = series,
	};

	for (unsigned color = 0; color < p->view->series_count; color++) {
		struct svg_point *points = NULL;
		unsigned count = 0;

		for (unsigned i = 0; i < p->view->point_count; i++) {
			const struct view_point *vp = &p->view->points[i];
			struct svg_point pt;

			if (!of_workload(vp, w) || vp->color != color || !view_is_open(vp->point) || !(view_rate(vp) > 0))
				continue;
			pt = chart_point(p, vp, &latencies[2]);
			pt.x = view_rate(vp);
			c.x.max = fmax(c.x.max, pt.x);
			if (!pt.failed) {
				widen(&c.y, pt.y);
				widen(&c.y, pt.low < pt.high ? pt.low : pt.y);
				widen(&c.y, pt.low < pt.high ? pt.high : pt.y);
			}
			*arena_push(p->view->arena, points, count) = pt;
			for (unsigned at = count - 1; at > 0 && points[at].x < points[at - 1].x; at--) {
				struct svg_point moved = points[at];

				points[at] = points[at - 1];
				points[at - 1] = moved;
			}
		}
		if (count)
			series[c.series_count++] = (struct svg_series){ p->view->series[color], color, points, count };
	}
	if (!c.series_count)
		return;
	if (!(c.y.min <= c.y.max))
		c.y.min = 1, c.y.max = 10;
	strbuf_str(p->out, "<figure>");
	svg_chart(p->out, &c);
	caption(p, "Latency (open loop).", "Each latency counts from the time when its transaction was due.");
}

static void points_table(struct page *p, const struct view_workload *w)
{
	static const char *const titles[] = { "target", "marks", "loop", "clients", "tps due", "repeats", "tps", "low", "high", "± %", "mean ms",
					      "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "max ms", "client cores", NULL };

	table_begin(p, arena_printf(p->view->arena, "All points of %s. low and high: 95 %% interval of tps.", w->name), titles, 3);
	for (unsigned i = 0; i < p->view->point_count; i++) {
		const struct view_point *vp = &p->view->points[i];
		const struct stats_summary *const shown[] = { &vp->mean, &vp->p50, &vp->p95, &vp->p99, &vp->p999 };
		bool some = vp->ok && vp->tps.why == STATS_OK, interval = some && vp->tps.interval.why == STATS_OK;

		if (!of_workload(vp, w))
			continue;
		table_row(p, vp->count && view_is_empty(vp) ? "bad" : NULL);
		table_text(p, vp->series);
		strbuf_str(p->out, "<td>");
		if (vp->failed)
			strbuf_printf(p->out, "%u failed ", vp->failed);
		for (unsigned k = 0; k < BENCH_MARK_COUNT; k++)
			if (vp->marks >> k & 1)
				strbuf_printf(p->out, "<span class=\"mark\">%s</span> ", bench_marks[k]);
		strbuf_str(p->out, "</td><td>");
		text_add(p->out, vp->point->slo ? vp->point->slo
				 : vp->point->rate_percent ? arena_printf(p->view->arena, "open, %u %%", vp->point->rate_percent)
				 : view_is_open(vp->point) ? "open" : "closed");
		strbuf_str(p->out, "</td>");
		table_number(p, vp->point->clients, num_count(vp->point->clients));
		table_number(p, view_rate(vp), num_rate(view_rate(vp)));
		if (vp->point->slo)
			strbuf_printf(p->out, "<td class=\"n\" data-v=\"%u\">%u step%s</td>", vp->count, vp->count, plural(vp->count));
		else
			strbuf_printf(p->out, "<td class=\"n\" data-v=\"%u\">%u of %u</td>", vp->ok, vp->ok,
				      vp->count > vp->run->repeats ? vp->count : vp->run->repeats);
		table_number(p, some ? vp->tps.gmean : NAN, num_rate(vp->tps.gmean));
		table_number(p, interval ? vp->tps.interval.low : NAN, num_rate(vp->tps.interval.low));
		table_number(p, interval ? vp->tps.interval.high : NAN, num_rate(vp->tps.interval.high));
		table_number(p, interval ? vp->tps.half : NAN, num_percent(vp->tps.half));
		for (unsigned k = 0; k < ARRAY_COUNT(shown); k++)
			table_number(p, shown[k]->why == STATS_OK ? shown[k]->gmean : NAN, num_ms(shown[k]->gmean));
		table_number(p, some ? vp->max : NAN, num_ms(vp->max));
		strbuf_printf(p->out, vp->ok ? "<td class=\"n\" data-v=\"%.3f\">%.2f of %s</td></tr>" : "<td class=\"n\" data-v=\"\">—</td></tr>",
			      vp->client_cpu, vp->client_cpu, num_plain(vp->client_cores).text);
	}
	table_end(p);
}

static void quantiles_table(struct page *p, const struct view_workload *w)
{
	static const char *const titles[] = { "target", "loop", "clients", "rate due", "transactions", "p50 ms", "p90 ms", "p95 ms", "p99 ms",
					      "p99.9 ms", "p99.99 ms", "max ms", NULL };

	details_begin(p, arena_printf(p->view->arena, "Percentiles of %s over all transactions", w->name));
	table_begin(p, "All transactions of all valid repeats together. A percentile that fewer than one transaction exceeds is left out.",
		    titles, 2);
	for (unsigned i = 0; i < p->view->point_count; i++) {
		const struct view_point *vp = &p->view->points[i];
		uint64_t count = vp->histogram ? histogram_count(vp->histogram) : 0;

		if (!of_workload(vp, w) || !vp->histogram)
			continue;
		table_row(p, NULL);
		table_text(p, vp->series);
		table_text(p, view_is_open(vp->point) ? "open" : "closed");
		table_number(p, vp->point->clients, num_count(vp->point->clients));
		table_number(p, view_rate(vp), num_rate(view_rate(vp)));
		table_number(p, (double)count, num_count(count));
		for (unsigned k = 0; k < ARRAY_COUNT(quantiles); k++) {
			double us = (double)count * (1 - quantiles[k]) < 1 - 1e-9 ? NAN : histogram_quantile(vp->histogram, quantiles[k]);

			table_number(p, us, num_ms(us));
		}
		table_number(p, vp->max, num_ms(vp->max));
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
	details_end(p);
}

void page_workloads(struct page *p)
{
	for (unsigned i = 0; i < p->view->workload_count; i++) {
		const struct view_workload *w = &p->view->workloads[i];

		strbuf_str(p->out, "<h3>");
		text_name(p->out, w->name);
		strbuf_str(p->out, "</h3><p class=\"note\">");
		if (w->title && strcmp(w->title, w->name) != 0) {
			text_name(p->out, w->title);
			strbuf_str(p->out, ". ");
		}
		if (w->shards)
			strbuf_printf(p->out, w->shards < 0 ? "A transaction touches all shards." : "A transaction touches %d shard%s.",
				      w->shards, plural((unsigned long)w->shards));
		strbuf_str(p->out, "</p>\n<div class=\"charts\">\n");
		throughput_chart(p, w);
		latency_chart(p, w);
		distribution_chart(p, w);
		rate_chart(p, w);
		strbuf_str(p->out, "</div>\n");
		points_table(p, w);
		quantiles_table(p, w);
	}
}
