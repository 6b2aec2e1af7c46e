/* SPDX-License-Identifier: PostgreSQL */
#include "svg.h"

#include <math.h>
#include <string.h>

#include "auto.h"

/* Sizes in units of the drawing; a chart is as wide as its column, at most about one CSS pixel per unit. */
#define WIDTH 440
#define HEIGHT 260
#define TOP 14
#define BOTTOM 42
#define LEFT 62 /* room for "20,000" beside the name of the axis */
#define RIGHT 104
#define LABEL_MAX 11      /* letters that fit on the right */
#define LINE 13           /* height of a line of text */
#define TICKS_MAX 64
#define LABELS_MAX 64

/* Where values of an axis are on the drawing. */
struct mapping { enum svg_scale scale; double min, max; double from, to; };

static double on_scale(enum svg_scale scale, double v)
{
	switch (scale) {
	case SVG_LOG:
		return log10(v > 1e-12 ? v : 1e-12);
	case SVG_NINES:
		return -log10(1 - (v < 0.9999999 ? v : 0.9999999));
	default:
		return v;
	}
}

static double place(const struct mapping *m, double v)
{
	double min = on_scale(m->scale, m->min), max = on_scale(m->scale, m->max), at = on_scale(m->scale, v);
	double part = max > min ? (at - min) / (max - min) : 0.5;

	part = part < -0.02 ? -0.02 : part > 1.02 ? 1.02 : part;
	return m->from + part * (m->to - m->from);
}

/* --- ticks --- */

static unsigned push(double *ticks, unsigned count, unsigned room, double v)
{
	if (count < room)
		ticks[count++] = v;
	return count;
}

static unsigned linear_ticks(double min, double max, unsigned wanted, double *ticks, unsigned room)
{
	double step = pow(10, floor(log10((max - min) / wanted))), first;
	unsigned count = 0;

	step *= (max - min) / step / wanted > 5 ? 10 : (max - min) / step / wanted > 2 ? 5 : (max - min) / step / wanted > 1 ? 2 : 1;
	first = floor(min / step + 1e-9);
	for (double i = first; i <= ceil(max / step - 1e-9) && count < room; i++)
		count = push(ticks, count, room, i * step);
	return count;
}

/* 1, 2 and 5 times a power of ten; only the powers where there are many. */
static unsigned log_ticks(double min, double max, double *ticks, unsigned room)
{
	static const double all[] = { 1, 2, 5 }, few[] = { 1 };
	bool wide = log10(max / min) > 2.5;
	const double *digits = wide ? few : all;
	unsigned count = 0, each = wide ? 1 : 3;

	for (double power = floor(log10(min)) - 1; power <= ceil(log10(max)) + 1; power++)
		for (unsigned d = 0; d < each; d++) {
			double v = digits[d] * pow(10, power), next = d + 1 < each ? digits[d + 1] * pow(10, power) : pow(10, power + 1),
			       before = d ? digits[d - 1] * pow(10, power) : digits[each - 1] * pow(10, power - 1);

			/* From the last below the data to the first above. */
			if (next > min * (1 + 1e-9) && before < max * (1 - 1e-9))
				count = push(ticks, count, room, v);
		}
	return count;
}

static unsigned nines_ticks(double max, double *ticks, unsigned room)
{
	unsigned count = push(ticks, 0, room, 0);

	count = push(ticks, count, room, 0.5);
	for (double rest = 0.1; 1 - rest < max + rest / 2; rest /= 10)
		count = push(ticks, count, room, 1 - rest);
	return count;
}

unsigned svg_ticks(enum svg_scale scale, double min, double max, unsigned wanted, double *ticks, unsigned room)
{
	if (scale == SVG_NINES)
		return nines_ticks(max, ticks, room);
	if (!(max > min))
		max = min > 0 ? min * 1.5 : min + 1, min = min > 0 ? min / 1.5 : min;
	/* A short part of a logarithmic axis is about linear. */
	if (scale == SVG_LOG && max / min > 1.7)
		return log_ticks(min, max, ticks, room);
	return linear_ticks(min, max, wanted, ticks, room);
}

/* The axis reaches from its first to its last round number. */
static unsigned fit(const struct svg_axis *a, unsigned wanted, struct mapping *m, double *ticks)
{
	unsigned count;

	*m = (struct mapping){ .scale = a->scale, .min = a->min, .max = a->max };
	if (a->ticks) {
		count = a->tick_count < TICKS_MAX ? a->tick_count : TICKS_MAX;
		memcpy(ticks, a->ticks, count * sizeof *ticks);
		/* A single value in the middle. */
		if (!(m->max > m->min) && a->scale == SVG_LOG)
			m->min /= 2, m->max *= 2;
		return count;
	}
	count = svg_ticks(a->scale, a->min, a->max, wanted, ticks, TICKS_MAX);
	if (count && a->scale != SVG_NINES)
		m->min = ticks[0], m->max = ticks[count - 1];
	return count;
}

/* --- parts --- */

static void begin(struct strbuf *out, const char *class, const char *title, unsigned width, unsigned height)
{
	strbuf_printf(out, "<svg class=\"%s\" viewBox=\"0 0 %u %u\" role=\"img\" tabindex=\"0\" aria-label=\"", class, width, height);
	text_add(out, title);
	strbuf_str(out, "\">\n");
}

static void text_at(struct strbuf *out, const char *class, double x, double y, const char *anchor, const char *text)
{
	strbuf_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y, anchor);
	text_add(out, text);
	strbuf_str(out, "</text>\n");
}

static void line_at(struct strbuf *out, const char *class, double x1, double y1, double x2, double y2)
{
	strbuf_printf(out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, x1, y1, x2, y2);
}

static void x_axis(struct strbuf *out, const struct svg_axis *a, const struct mapping *m, const double *ticks, unsigned count,
		   double top, double bottom)
{
	double end = -1e9;

	for (unsigned i = 0; i < count; i++) {
		double x = place(m, ticks[i]), half;
		struct num n = a->number(ticks[i]);

		line_at(out, "grid", x, top, x, bottom);
		half = 3.4 * text_length(n.text) + 2;
		if (x - half < end)
			continue;
		text_at(out, "tick", x, bottom + 15, "middle", n.text);
		end = x + half;
	}
	line_at(out, "axis", m->from, bottom, m->to, bottom);
	text_at(out, "name", (m->from + m->to) / 2, bottom + 33, "middle", a->title);
}

static void y_axis(struct strbuf *out, const struct svg_axis *a, const struct mapping *m, const double *ticks, unsigned count,
		   double left, double right)
{
	for (unsigned i = 0; i < count; i++) {
		double y = place(m, ticks[i]);

		line_at(out, "grid", left, y, right, y);
		text_at(out, "tick", left - 6, y + 4, "end", a->number(ticks[i]).text);
	}
	strbuf_printf(out, "<text class=\"name\" transform=\"translate(12 %.1f) rotate(-90)\" text-anchor=\"middle\">",
		      (m->from + m->to) / 2);
	text_add(out, a->title);
	strbuf_str(out, "</text>\n");
}

/* A shape per series: circle, square, triangle, diamond. */
static void shape(struct strbuf *out, unsigned color, double x, double y)
{
	static const char *const paths[] = { "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0", "M-3.2-3.2h6.4v6.4h-6.4z",
					     "M0-4.2L4 3.2H-4z", "M0-4.6L4.6 0L0 4.6L-4.6 0z" };

	strbuf_printf(out, "<path class=\"dot\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>", x, y, paths[color % 4]);
}

static void whisker(struct strbuf *out, double x, double low, double high)
{
	strbuf_printf(out, "<path class=\"whisker\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh7M%.1f %.1fh7\"/>", x, low, high, x - 3.5, low,
		      x - 3.5, high);
}

static void add_point(struct strbuf *out, const struct svg_point *p, unsigned color, const struct mapping *mx,
		      const struct mapping *my)
{
	double x = place(mx, p->x), y = p->failed ? my->from : place(my, p->y);

	if (!p->title)
		return;
	strbuf_printf(out, "<g class=\"point%s%s\"><title>", p->marked ? " marked" : "", p->failed ? " failed" : "");
	text_add(out, p->title);
	strbuf_str(out, "</title>");
	if (p->failed) {
		strbuf_printf(out, "<path class=\"cross\" d=\"M%.1f %.1fl8 8m0-8l-8 8\"/></g>\n", x - 4, y - 4);
		return;
	}
	if (p->high > p->low)
		whisker(out, x, place(my, p->low), place(my, p->high));
	shape(out, color, x, y);
	strbuf_str(out, "</g>\n");
}

static void add_series(struct strbuf *out, const struct svg_series *s, const struct mapping *mx, const struct mapping *my)
{
	bool drawing = false;

	strbuf_printf(out, "<g class=\"c%u\">\n<path class=\"line\" d=\"", s->color % SVG_COLORS);
	for (unsigned i = 0; i < s->count; i++) {
		const struct svg_point *p = &s->points[i];

		/* What failed, or is not known, breaks the line. */
		if (p->failed || isnan(p->y)) {
			drawing = false;
			continue;
		}
		strbuf_printf(out, "%c%.1f %.1f", drawing ? 'L' : 'M', place(mx, p->x), place(my, p->y));
		drawing = true;
	}
	strbuf_str(out, "\"/>\n");
	for (unsigned i = 0; i < s->count; i++)
		add_point(out, &s->points[i], s->color, mx, my);
	strbuf_str(out, "</g>\n");
}

/* --- labels at the ends of lines --- */

struct label { const struct svg_series *series; double wanted, y; };

static const struct svg_point *last_point(const struct svg_series *s)
{
	for (unsigned i = s->count; i-- > 0;)
		if (!s->points[i].failed && !isnan(s->points[i].y))
			return &s->points[i];
	return NULL;
}

/* Moves labels apart, in the order of the ends of their lines. */
static void spread(struct label *labels, unsigned count, double top, double bottom)
{
	for (unsigned i = 1; i < count; i++)
		for (unsigned k = i; k > 0 && labels[k].wanted < labels[k - 1].wanted; k--) {
			struct label moved = labels[k];

			labels[k] = labels[k - 1];
			labels[k - 1] = moved;
		}
	for (unsigned i = 0; i < count; i++) {
		labels[i].y = labels[i].wanted;
		if (i && labels[i].y < labels[i - 1].y + LINE)
			labels[i].y = labels[i - 1].y + LINE;
	}
	if (count && labels[count - 1].y > bottom)
		labels[count - 1].y = bottom;
	for (unsigned i = count; i-- > 1;)
		if (labels[i - 1].y > labels[i].y - LINE)
			labels[i - 1].y = labels[i].y - LINE;
	if (count && labels[0].y < top)
		for (unsigned i = 0; i < count; i++)
			if (i == 0 || labels[i].y < labels[i - 1].y + LINE)
				labels[i].y = i ? labels[i - 1].y + LINE : top;
}

static void add_labels(struct strbuf *out, const struct svg_chart *c, const struct mapping *my, double top, double bottom)
{
	struct label labels[LABELS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < c->series_count && count < LABELS_MAX; i++) {
		const struct svg_point *end = last_point(&c->series[i]);

		if (end)
			labels[count++] = (struct label){ &c->series[i], place(my, end->y) + 4, 0 };
	}
	/* More than fit would lie on each other: the legend in the table has them. */
	if (count > (bottom - top) / LINE)
		count = (unsigned)((bottom - top) / LINE);
	spread(labels, count, top + 8, bottom + 2);
	for (unsigned i = 0; i < count; i++) {
		strbuf_printf(out, "<g class=\"c%u\"><title>", labels[i].series->color % SVG_COLORS);
		text_add(out, labels[i].series->label);
		strbuf_printf(out, "</title><text class=\"label\" x=\"%d\" y=\"%.1f\">", WIDTH - RIGHT + 9, labels[i].y);
		text_cut(out, labels[i].series->label, LABEL_MAX);
		strbuf_str(out, "</text></g>\n");
	}
}

static void add_events(struct strbuf *out, const struct svg_chart *c, const struct mapping *mx, double top, double bottom)
{
	for (unsigned i = 0; i < c->event_count; i++) {
		double x = place(mx, c->events[i].x);

		if (c->events[i].x < mx->min || c->events[i].x > mx->max)
			continue;
		strbuf_printf(out, "<g class=\"event%s\"><title>", c->events[i].strong ? " fault" : "");
		text_add(out, c->events[i].label);
		strbuf_printf(out, "</title><path d=\"M%.1f %.1fV%.1f\"/><path class=\"flag\" d=\"M%.1f %.1fl7 3.5l-7 3.5z\"/></g>\n", x, top,
			      bottom, x, top);
	}
}

void svg_chart(struct strbuf *out, const struct svg_chart *c)
{
	unsigned height = c->height ? c->height : HEIGHT, x_count, y_count;
	double top = TOP, bottom = height - BOTTOM, xs[TICKS_MAX], ys[TICKS_MAX];
	struct mapping mx, my;

	x_count = fit(&c->x, 6, &mx, xs);
	y_count = fit(&c->y, 5, &my, ys);
	mx.from = LEFT, mx.to = WIDTH - RIGHT;
	my.from = bottom, my.to = top;
	begin(out, "chart", c->title, WIDTH, height);
	y_axis(out, &c->y, &my, ys, y_count, LEFT, WIDTH - RIGHT);
	x_axis(out, &c->x, &mx, xs, x_count, top, bottom);
	if (c->stamp)
		text_at(out, "stamp", LEFT + 6, bottom - 7, "start", c->stamp);
	add_events(out, c, &mx, top, bottom);
	for (unsigned i = 0; i < c->series_count; i++)
		add_series(out, &c->series[i], &mx, &my);
	add_labels(out, c, &my, top, bottom);
	strbuf_str(out, "</svg>\n");
}

/* --- rows --- */

#define ROW 20
#define GAP 6
#define ROW_LEFT 168
#define ROW_LABEL_MAX 21
#define HEADING_MAX 56

void svg_rows(struct strbuf *out, const struct svg_rows *c)
{
	double ticks[TICKS_MAX], y = TOP, bottom = TOP;
	struct mapping mx;
	unsigned count;

	for (unsigned i = 0; i < c->count; i++)
		bottom += ROW + (c->rows[i].heading && i ? GAP : 0);
	count = fit(&c->x, 4, &mx, ticks);
	mx.from = ROW_LEFT, mx.to = WIDTH - 46;
	begin(out, "chart", c->title, WIDTH, (unsigned)bottom + BOTTOM);
	x_axis(out, &c->x, &mx, ticks, count, TOP, bottom);
	if (c->stamp)
		text_at(out, "stamp", mx.to, TOP - 3, "end", c->stamp);
	if (c->line > 0)
		line_at(out, "same", place(&mx, c->line), TOP, place(&mx, c->line), bottom);
	for (unsigned i = 0; i < c->count; i++) {
		const struct svg_row *r = &c->rows[i];
		double middle, x = place(&mx, r->value);

		y += r->heading && i ? GAP : 0;
		middle = y + ROW / 2.0;
		y += ROW;
		if (r->heading) {
			strbuf_printf(out, "<text class=\"heading\" x=\"4\" y=\"%.1f\">", middle + 4);
			text_cut(out, r->label, HEADING_MAX);
			strbuf_str(out, "</text>\n");
			continue;
		}
		strbuf_printf(out, "<g class=\"point c%u\"><title>", r->color % SVG_COLORS);
		text_add(out, r->title);
		strbuf_printf(out, "</title><text class=\"row\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", ROW_LEFT - 8, middle + 4);
		text_cut(out, r->label, ROW_LABEL_MAX);
		strbuf_str(out, "</text>");
		if (isnan(r->value)) {
			strbuf_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%.1f\">no value</text></g>\n", ROW_LEFT + 6, middle + 4);
			continue;
		}
		if (c->bars) {
			strbuf_printf(out, "<path class=\"bar\" d=\"M%.1f %.1fH%.1fv12H%.1fz\"/>", mx.from, middle - 6, x, mx.from);
		} else {
			if (r->high > r->low)
				strbuf_printf(out, "<path class=\"whisker\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv7M%.1f %.1fv7\"/>",
					      place(&mx, r->low), middle, place(&mx, r->high), place(&mx, r->low), middle - 3.5,
					      place(&mx, r->high), middle - 3.5);
			shape(out, r->color, x, middle);
		}
		strbuf_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%.1f\">%s</text></g>\n", WIDTH - 40, middle + 4,
			      num_rate(r->value).text);
	}
	strbuf_str(out, "</svg>\n");
}
