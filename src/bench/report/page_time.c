/* SPDX-License-Identifier: PostgreSQL */
/* Per second: throughput, latency and CPU of each measurement, with what happened. */
#include <math.h>
#include <string.h>

#include "page.h"

static struct svg_series line_of(struct page *p, const char *label, unsigned color, const double *values, unsigned count, double scale,
				 bool zero_is_none, struct svg_axis *y)
{
	struct svg_point *points = arena_alloc(p->view->arena, (count + 1) * sizeof *points);

	for (unsigned i = 0; i < count; i++) {
		bool known = values[i] >= 0 && !(zero_is_none && values[i] == 0);

		points[i] = (struct svg_point){ .x = i + 0.5, .y = known ? values[i] * scale : NAN };
		if (!known || (y->scale == SVG_LOG && points[i].y <= 0))
			continue;
		y->min = y->scale == SVG_LOG ? y->min > 0 ? fmin(y->min, points[i].y) : points[i].y : 0;
		y->max = fmax(y->max, points[i].y);
	}
	return (struct svg_series){ label, color, points, count };
}

static void draw(struct page *p, struct svg_chart *c, const char *text)
{
	if (!c->series_count)
		return;
	c->y.max = c->y.max > 0 ? c->y.max : 1;
	strbuf_str(p->out, "<figure>");
	svg_chart(p->out, c);
	strbuf_str(p->out, "<figcaption>");
	text_add(p->out, text);
	strbuf_str(p->out, "</figcaption></figure>\n");
}

/* Events of all repeats: "repeat 2: checkpoint node3". */
static void events_of(struct page *p, const struct view_point *vp, struct svg_chart *c)
{
	struct svg_event *events = NULL;

	for (unsigned i = 0; i < vp->count; i++)
		for (unsigned k = 0; k < vp->measures[i]->series.event_count; k++) {
			const struct bench_event *e = &vp->measures[i]->series.events[k];

			*arena_push(p->view->arena, events, c->event_count) = (struct svg_event){
				e->at, arena_printf(p->view->arena, "repeat %u, second %s: %s", vp->measures[i]->repeat, num_plain(e->at).text,
						    e->what), e->fault };
		}
	c->events = events;
}

static bool has_fault(const struct svg_chart *c)
{
	for (unsigned i = 0; i < c->event_count; i++)
		if (c->events[i].strong)
			return true;
	return false;
}

static unsigned longest(const struct view_point *vp)
{
	unsigned seconds = 0;

	for (unsigned i = 0; i < vp->count; i++)
		seconds = vp->measures[i]->series.seconds > seconds ? vp->measures[i]->series.seconds : seconds;
	return seconds;
}

void page_series(struct page *p, const struct view_point *vp)
{
	struct svg_series *tps = arena_alloc(p->view->arena, vp->count * sizeof *tps), *latency = arena_alloc(p->view->arena, vp->count * sizeof *latency);
	struct svg_axis x = { "second", SVG_LINEAR, 0, longest(vp), num_tick, NULL, 0 };
	struct svg_chart a = { .title = arena_printf(p->view->arena, "Throughput per second of %s", vp->point->name), .x = x,
			       .y = { "transactions per second", SVG_LINEAR, 0, 0, num_tick, NULL, 0 }, .series = tps, .height = 220 };
	struct svg_chart b = { .title = arena_printf(p->view->arena, "Latency per second of %s", vp->point->name), .x = x,
			       .y = { "mean latency, ms", SVG_LOG, 0, 0, num_tick, NULL, 0 }, .series = latency, .height = 220 };

	events_of(p, vp, &a);
	events_of(p, vp, &b);
	for (unsigned i = 0; i < vp->count; i++) {
		const struct bench_measure *m = vp->measures[i];
		const char *label = arena_printf(p->view->arena, "%s %u", m->status == BENCH_OK ? "repeat" : "failed", m->repeat);

		if (!m->series.seconds)
			continue;
		tps[a.series_count++] = line_of(p, label, i, m->series.tps, m->series.seconds, 1, false, &a.y);
		latency[b.series_count++] = line_of(p, label, i, m->series.latency, m->series.seconds, 1e-3, true, &b.y);
	}
	draw(p, &a, has_fault(&a) ? "Throughput. Flags: the steps of the scenario; dotted: checkpoints." : "Throughput. Flags: checkpoints and other events.");
	if (b.y.max > 0)
		draw(p, &b, "Mean latency of each second. Logarithmic.");
}

/* The first valid repeat stands for the others: a line for each node and repeat could not be read. */
static const struct bench_measure *shown_measure(const struct view_point *vp)
{
	for (unsigned i = 0; i < vp->count; i++)
		if (vp->measures[i]->status == BENCH_OK && vp->measures[i]->series.track_count)
			return vp->measures[i];
	return NULL;
}

static void cpu_lines(struct page *p, const struct view_point *vp)
{
	const struct bench_measure *m = shown_measure(vp);
	struct svg_series *lines;
	struct svg_chart c = { .height = 220, .y = { "percent of one core", SVG_LINEAR, 0, 0, num_tick, NULL, 0 } };

	if (!m)
		return;
	lines = arena_alloc(p->view->arena, m->series.track_count * sizeof *lines);
	c.title = arena_printf(p->view->arena, "CPU per second of %s, repeat %u", vp->point->name, m->repeat);
	c.x = (struct svg_axis){ "second", SVG_LINEAR, 0, m->series.seconds, num_tick, NULL, 0 };
	c.series = lines;
	for (unsigned i = 0; i < m->series.track_count; i++)
		if (!strcmp(m->series.tracks[i].what, "cpu"))
			lines[c.series_count++] = line_of(p, m->series.tracks[i].node, i, m->series.tracks[i].values, m->series.seconds, 1,
							  false, &c.y);
	draw(p, &c, arena_printf(p->view->arena, "CPU of each node, repeat %u.", m->repeat));
}

/* A column per repeat for throughput and latency, then the tracks of the repeat that the chart shows. */
static void seconds_table(struct page *p, const struct view_point *vp)
{
	const struct bench_measure *shown = shown_measure(vp);
	const char **titles = NULL;
	unsigned count = 0, seconds = longest(vp);

	*arena_push(p->view->arena, titles, count) = "second";
	for (unsigned i = 0; i < vp->count; i++) {
		*arena_push(p->view->arena, titles, count) = arena_printf(p->view->arena, "tps, repeat %u", vp->measures[i]->repeat);
		*arena_push(p->view->arena, titles, count) = arena_printf(p->view->arena, "ms, repeat %u", vp->measures[i]->repeat);
	}
	for (unsigned k = 0; shown && k < shown->series.track_count; k++)
		*arena_push(p->view->arena, titles, count) = arena_printf(p->view->arena, "%s of %s", shown->series.tracks[k].what,
									  shown->series.tracks[k].node);
	*arena_push(p->view->arena, titles, count) = NULL;
	strbuf_str(p->out, "<details class=\"long\"><summary>Table per second</summary>\n");
	table_begin(p, arena_printf(p->view->arena, "%s per second", vp->point->name), titles, 0);
	for (unsigned s = 0; s < seconds; s++) {
		table_row(p, NULL);
		table_number(p, s + 1, num_count(s + 1));
		for (unsigned i = 0; i < vp->count; i++) {
			const struct bench_series *series = &vp->measures[i]->series;
			bool there = s < series->seconds;

			table_number(p, there ? series->tps[s] : NAN, num_rate(there ? series->tps[s] : 0));
			table_number(p, there && series->latency[s] > 0 ? series->latency[s] / 1000 : NAN, num_ms(there ? series->latency[s] : 0));
		}
		for (unsigned k = 0; shown && k < shown->series.track_count; k++) {
			double v = s < shown->series.seconds ? shown->series.tracks[k].values[s] : -1;

			table_number(p, v >= 0 ? v : NAN, num_rate(v));
		}
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
	details_end(p);
}

void page_events(struct page *p, const struct view_point *vp)
{
	struct svg_chart c = { 0 };

	events_of(p, vp, &c);
	if (!c.event_count)
		return;
	strbuf_str(p->out, "<p>Events:</p><ul>");
	for (unsigned i = 0; i < c.event_count; i++) {
		strbuf_str(p->out, "<li>");
		text_name(p->out, c.events[i].label);
		strbuf_str(p->out, "</li>");
	}
	strbuf_str(p->out, "</ul>\n");
}

void page_time(struct page *p)
{
	for (unsigned i = 0; i < p->view->point_count; i++) {
		const struct view_point *vp = &p->view->points[i];

		if (!longest(vp))
			continue;
		details_begin(p, arena_printf(p->view->arena, "%s, %s, %s", vp->point->workload, vp->series, words_load(p->view, vp->point)));
		strbuf_str(p->out, "<div class=\"charts\">\n");
		page_series(p, vp);
		cpu_lines(p, vp);
		strbuf_str(p->out, "</div>\n");
		page_events(p, vp);
		seconds_table(p, vp);
		details_end(p);
	}
}
