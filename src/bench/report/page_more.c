/* SPDX-License-Identifier: PostgreSQL */
/* Costs of cross-shard transactions, comparisons, CPU, failures. */
#include <math.h>
#include <string.h>

#include "page.h"
#include "plural.h"

static const char *ratio_title(struct page *p, const struct view_ratio *r, const char *what)
{
	return arena_printf(p->view->arena, "%s: %s %s", words_load(p->view, r->point->point), what, words_ratio(p->view, &r->ratio));
}

static void ratio_chart(struct page *p, const struct view_ratio *ratios, unsigned count, const char *title, const char *axis)
{
	struct svg_row *rows = arena_alloc(p->view->arena, (2 * count + 1) * sizeof *rows);
	struct svg_rows c = { .title = title, .x = { axis, SVG_LOG, 0.95, 1.05, num_tick, NULL, 0 }, .line = 1, .rows = rows };

	for (unsigned i = 0; i < count; i++) {
		const struct view_ratio *r = &ratios[i];
		struct svg_row row = { .value = NAN, .color = r->point->color };

		/* One heading for the rows of a workload on a target. */
		if (!i || strcmp(ratios[i - 1].point->point->workload, r->point->point->workload) != 0 || ratios[i - 1].point->color != row.color)
			rows[c.count++] = (struct svg_row){ .heading = true, .label = arena_printf(p->view->arena, "%s, %s", r->point->point->workload,
												   r->point->series) };
		row.label = words_load(p->view, r->point->point);
		row.title = ratio_title(p, r, arena_printf(p->view->arena, "%s over %s", r->point->point->workload,
							   r->base->point->workload));
		if (r->ratio.why == STATS_OK) {
			row.value = r->ratio.ratio;
			row.low = r->ratio.low;
			row.high = r->ratio.high;
			c.x.min = fmin(c.x.min, fmax(r->ratio.low, 1e-3));
			c.x.max = fmax(c.x.max, fmin(r->ratio.high, 1e3));
		}
		rows[c.count++] = row;
	}
	strbuf_str(p->out, "<figure>");
	svg_rows(p->out, &c);
	strbuf_str(p->out, "<figcaption>Dot: ratio; whiskers: 95 % interval; dashed line: no difference. Logarithmic.</figcaption></figure>\n");
}

static void ratio_cells(struct page *p, const struct stats_ratio *r)
{
	bool ok = r->why == STATS_OK;

	table_number(p, ok ? r->ratio : NAN, num_ratio(r->ratio));
	table_number(p, ok ? r->low : NAN, num_ratio(r->low));
	table_number(p, ok ? r->high : NAN, num_ratio(r->high));
	table_number(p, r->count_a, num_count(r->count_a));
}

void page_costs(struct page *p)
{
	static const char *const titles[] = { "workload", "divided by", "target", "clients", "shards touched", "ratio", "low", "high", "pairs",
					      "mean ms", "of the base, ms", NULL };

	strbuf_str(p->out, "<p class=\"note\">Mean latency of a workload divided by that of its baseline, with the same clients and the same "
			   "target. Repeats of the same block are pairs.</p>\n<div class=\"charts\">\n");
	ratio_chart(p, p->view->costs, p->view->cost_count, "Cost of cross-shard transactions as a ratio of mean latencies",
		    "mean latency over baseline");
	strbuf_str(p->out, "</div>\n");
	table_begin(p, "Ratios of mean latencies. low and high: 95 % interval.", titles, 3);
	for (unsigned i = 0; i < p->view->cost_count; i++) {
		const struct view_ratio *r = &p->view->costs[i];
		int shards = view_workload(p->view, r->point->point->workload)->shards;

		table_row(p, NULL);
		table_text(p, r->point->point->workload);
		table_text(p, r->base->point->workload);
		table_text(p, r->point->series);
		table_number(p, r->point->point->clients, num_count(r->point->point->clients));
		strbuf_printf(p->out, shards < 0 ? "<td class=\"n\" data-v=\"1e9\">all</td>" : "<td class=\"n\" data-v=\"%d\">%d</td>", shards,
			      shards);
		ratio_cells(p, &r->ratio);
		table_number(p, r->point->ok ? r->point->mean.gmean : NAN, num_ms(r->point->mean.gmean));
		table_number(p, r->base->ok ? r->base->mean.gmean : NAN, num_ms(r->base->mean.gmean));
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
}

void page_pairs(struct page *p)
{
	static const char *const titles[] = { "workload", "target", "verdict", "what", "clients", "B / A", "low", "high", "pairs", "A tps", "B tps",
					      "p (Holm)", NULL };

	strbuf_str(p->out, "<p class=\"note\">Throughput of B divided by that of A. A and B were measured in pairs, in random order.</p>\n"
			   "<div class=\"charts\">\n");
	ratio_chart(p, p->view->pairs, p->view->pair_count, "B over A", "B over A");
	strbuf_str(p->out, "</div>\n");
	table_begin(p, "B / A. low and high: 95 % interval.", titles, 4);
	for (unsigned i = 0; i < p->view->pair_count; i++) {
		const struct view_ratio *r = &p->view->pairs[i];

		table_row(p, NULL);
		table_text(p, r->point->point->workload);
		table_text(p, r->point->point->target);
		table_text(p, stats_verdict_name(r->ratio.verdict));
		table_text(p, r->metric);
		table_number(p, r->point->point->clients, num_count(r->point->point->clients));
		ratio_cells(p, &r->ratio);
		table_number(p, r->base->ok ? r->base->tps.gmean : NAN, num_rate(r->base->tps.gmean));
		table_number(p, r->point->ok ? r->point->tps.gmean : NAN, num_rate(r->point->tps.gmean));
		table_number(p, r->ratio.why == STATS_OK ? r->ratio.p_holm : NAN, num_p(r->ratio.p_holm));
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
}

/* --- CPU --- */

static bool is_best(const struct view *v, const struct view_point *p)
{
	for (unsigned i = 0; i < v->curve_count; i++)
		if (v->curves[i].best == p)
			return true;
	return false;
}

static void cpu_chart(struct page *p, const struct view_point *vp)
{
	struct svg_row *rows = NULL;
	struct svg_rows c = { .bars = true, .x = { "percent of one core", SVG_LINEAR, 0, 100, num_tick, NULL, 0 } };

	for (unsigned i = 0; i < p->view->track_count; i++) {
		const struct view_track *t = &p->view->tracks[i];
		struct svg_row row;

		if (t->point != vp || strcmp(t->what, "cpu") != 0)
			continue;
		row = (struct svg_row){ .label = t->node, .value = t->mean, .color = vp->color };
		row.title = arena_printf(p->view->arena, "%s: %s %% of one core on average, %s %% at most", t->node,
					 num_rate(t->mean).text, num_rate(t->highest).text);
		c.x.max = isnan(t->mean) ? c.x.max : fmax(c.x.max, t->mean);
		*arena_push(p->view->arena, rows, c.count) = row;
	}
	if (!c.count)
		return;
	c.rows = rows;
	c.title = arena_printf(p->view->arena, "CPU: %s on %s, %s", vp->point->workload, vp->series, words_load(p->view, vp->point));
	strbuf_str(p->out, "<figure>");
	svg_rows(p->out, &c);
	strbuf_str(p->out, "<figcaption>");
	text_add(p->out, c.title);
	strbuf_str(p->out, "</figcaption></figure>\n");
}

void page_cpu(struct page *p)
{
	static const char *const titles[] = { "workload", "target", "node", "what", "clients", "mean %", "highest second %", NULL };

	strbuf_str(p->out, "<p class=\"note\">Percent of one core, mean over the measured time of all valid repeats: 200 means two full cores. The "
			   "charts show the points with the highest throughput.</p>\n<div class=\"charts\">\n");
	for (unsigned i = 0; i < p->view->point_count; i++)
		if (is_best(p->view, &p->view->points[i]))
			cpu_chart(p, &p->view->points[i]);
	strbuf_str(p->out, "</div>\n");
	details_begin(p, "All points and nodes");
	table_begin(p, "CPU of each node at each point", titles, 4);
	for (unsigned i = 0; i < p->view->track_count; i++) {
		const struct view_track *t = &p->view->tracks[i];

		table_row(p, NULL);
		table_text(p, t->point->point->workload);
		table_text(p, t->point->series);
		table_text(p, t->node);
		table_text(p, t->what);
		table_number(p, t->point->point->clients, num_count(t->point->point->clients));
		table_number(p, t->mean, num_rate(t->mean));
		table_number(p, t->highest, num_rate(t->highest));
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
	details_end(p);
}

/* --- failures --- */

static void add_failed_checks(struct page *p, const struct bench_measure *m)
{
	for (unsigned i = 0; i < m->check_count; i++)
		if (!m->checks[i].ok) {
			strbuf_str(p->out, "<div>");
			text_name(p->out, m->checks[i].name);
			strbuf_str(p->out, ": ");
			text_name(p->out, m->checks[i].text);
			strbuf_str(p->out, "</div>");
		}
}

void page_failures(struct page *p)
{
	static const char *const titles[] = { "point", "reason", "data that were wrong", "output", "repeat", "order", NULL };

	table_begin(p, "Measurements that failed. None of their numbers is used.", titles, 4);
	for (unsigned i = 0; i < p->view->run_count; i++)
		for (unsigned k = 0; k < p->view->runs[i]->measure_count; k++) {
			const struct bench_measure *m = &p->view->runs[i]->measures[k];

			if (m->status == BENCH_OK)
				continue;
			table_row(p, "bad");
			table_text(p, m->variant ? arena_printf(p->view->arena, "%s (%s)", m->point->name, m->variant) : m->point->name);
			table_text(p, m->reason ? m->reason : "no reason was recorded");
			strbuf_str(p->out, "<td>");
			add_failed_checks(p, m);
			strbuf_str(p->out, "</td><td>");
			page_raw(p, i, m);
			strbuf_str(p->out, "</td>");
			table_number(p, m->repeat, num_count(m->repeat));
			table_number(p, m->order, num_count(m->order));
			strbuf_str(p->out, "</tr>");
		}
	table_end(p);
}
