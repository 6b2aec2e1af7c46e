/* SPDX-License-Identifier: PostgreSQL */
/* How throughput grows with the nodes of a role. */
#include <math.h>
#include <string.h>

#include "page.h"
#include "plural.h"

static struct svg_point step_point(struct page *p, const struct view_scale *s, unsigned i)
{
	const struct view_step *first = &s->steps[0], *step = &s->steps[i];
	struct svg_point pt = { .x = step->count, .y = step->point->tps.gmean / first->point->tps.gmean, .marked = step->point->marks != 0 };

	if (i && step->ratio.why == STATS_OK) {
		pt.low = step->ratio.low;
		pt.high = step->ratio.high;
	}
	pt.title = arena_printf(p->view->arena, "%u %s%s: %s times the throughput of %u%s; %s", step->count, s->role, plural(step->count),
				num_ratio(pt.y).text, first->count,
				pt.low < pt.high ? arena_printf(p->view->arena, " (%s to %s)", num_ratio(pt.low).text, num_ratio(pt.high).text) : "",
				words_point(p->view, step->point));
	return pt;
}

static const char *usl_text(struct page *p, const struct view_scale *s)
{
	return arena_printf(p->view->arena, "Universal Scalability Law: %s.",
			    usl_conclusion(&s->usl, arena_printf(p->view->arena, "%ss", s->role), p->view->arena));
}

/* Published speed-ups by the number of servers, as one more series; the axes grow to hold them. */
static void add_references(struct page *p, struct svg_chart *c, struct svg_series *to)
{
	struct svg_point *points = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < p->report->reference_count; i++) {
		const struct reference *r = &p->report->references[i];

		if (!r->servers)
			continue;
		*arena_push(p->view->arena, points, count) = (struct svg_point){ .x = r->servers, .y = r->factor, .title = arena_printf(
			p->view->arena, "%s, %u servers: %s times the %s; %s", r->what, r->servers, num_ratio(r->factor).text, r->of, r->source) };
		c->x.max = fmax(c->x.max, r->servers);
		c->y.max = fmax(c->y.max, r->factor);
	}
	if (!count)
		return;
	*to = (struct svg_series){ "published", 4, points, count };
	c->series_count++;
	/* The measured numbers alone would leave the rest of the axis without ticks. */
	c->x.ticks = NULL;
	c->x.tick_count = 0;
}

static void scale_chart(struct page *p, const struct view_scale *s)
{
	struct arena *a = p->view->arena;
	const struct view_step *last = &s->steps[s->count - 1];
	struct svg_point *points = arena_alloc(a, s->count * sizeof *points), *linear = arena_alloc(a, 2 * sizeof *linear),
			 *curve = arena_alloc(a, 33 * sizeof *curve);
	double *ticks = arena_alloc(a, s->count * sizeof *ticks), first = s->steps[0].count;
	struct svg_series series[4] = { { "measured", 0, points, s->count }, { "linear", 7, linear, 2 }, { "USL", 2, curve, 33 } };
	struct svg_chart c = {
		.title = arena_printf(a, "Speed-up of %s on %s with the number of %ss", s->workload, s->target, s->role),
		.stamp = p->view->shared_host ? SHARED_STAMP : NULL,
		.x = { arena_printf(a, "%ss", s->role), SVG_LINEAR, first, last->count, num_tick, ticks, s->count },
		.y = { arena_printf(a, "throughput, %u = 1", s->steps[0].count), SVG_LINEAR, 0, last->count / first, num_tick, NULL, 0 },
		.series = series, .series_count = 2,
	};

	for (unsigned i = 0; i < s->count; i++) {
		points[i] = step_point(p, s, i);
		ticks[i] = s->steps[i].count;
		c.y.max = fmax(c.y.max, fmax(points[i].y, points[i].high));
	}
	if (s->usl.why == STATS_OK) {
		for (unsigned i = 0; i < 33; i++) {
			double n = first + (last->count - first) * i / 32;

			curve[i] = (struct svg_point){ .x = n, .y = usl_at(&s->usl, n) / s->steps[0].point->tps.gmean };
		}
		c.series_count = 3;
	}
	add_references(p, &c, &series[c.series_count]);
	linear[0] = (struct svg_point){ .x = first, .y = 1 };
	linear[1] = (struct svg_point){ .x = c.x.max, .y = c.x.max / first };
	c.y.max = fmax(c.y.max, linear[1].y);
	strbuf_str(p->out, "<figure>");
	svg_chart(p->out, &c);
	strbuf_str(p->out, "<figcaption><b>");
	text_add(p->out, arena_printf(a, "%s on %s.", s->workload, s->target));
	strbuf_str(p->out, "</b> Whiskers: 95 % interval of the ratio. ");
	text_add(p->out, usl_text(p, s));
	strbuf_str(p->out, "</figcaption></figure>\n");
}

void page_scale(struct page *p)
{
	static const char *const titles[] = { "workload", "target", "nodes", "clients", "tps", "speed-up", "low", "high", NULL };

	strbuf_str(p->out, "<p class=\"note\">For each number of nodes, the number of clients with the most throughput. Speed-up: its throughput over "
			   "that of the fewest nodes.</p>\n<div class=\"charts\">\n");
	for (unsigned i = 0; i < p->view->scale_count; i++)
		scale_chart(p, &p->view->scales[i]);
	strbuf_str(p->out, "</div>\n");
	table_begin(p, "Speed-up. low and high: 95 % interval.", titles, 2);
	for (unsigned i = 0; i < p->view->scale_count; i++)
		for (unsigned k = 0; k < p->view->scales[i].count; k++) {
			const struct view_scale *s = &p->view->scales[i];
			const struct view_step *step = &s->steps[k];
			bool ratio = k && step->ratio.why == STATS_OK;
			double speedup = step->point->tps.gmean / s->steps[0].point->tps.gmean;

			table_row(p, NULL);
			table_text(p, s->workload);
			table_text(p, s->target);
			table_number(p, step->count, num_count(step->count));
			table_number(p, step->point->point->clients, num_count(step->point->point->clients));
			table_number(p, step->point->tps.gmean, num_rate(step->point->tps.gmean));
			table_number(p, speedup, num_ratio(speedup));
			table_number(p, ratio ? step->ratio.low : NAN, num_ratio(step->ratio.low));
			table_number(p, ratio ? step->ratio.high : NAN, num_ratio(step->ratio.high));
			strbuf_str(p->out, "</tr>");
		}
	table_end(p);
}
