/* SPDX-License-Identifier: PostgreSQL */
/*
 * Charts as SVG: text that a browser draws, that CSS colours (page_style.c) and that tests read in the DOM. Every point
 * has a <title> with its numbers. Colours are numbers of the page's palette; series differ by the shape of their points
 * too. Pure.
 */
#ifndef LABCTL_REPORT_SVG_H
#define LABCTL_REPORT_SVG_H

#include <stdbool.h>

#include "strbuf.h"
#include "text.h"

#define SVG_COLORS 8

enum svg_scale {
	SVG_LINEAR,
	SVG_LOG,
	SVG_NINES, /* parts of all values: 0, 0.9, 0.99, 0.999 have the same distance */
};

struct svg_axis {
	const char *title;
	enum svg_scale scale;
	double min, max;                    /* of the data; linear axes from zero have .min = 0 */
	struct num (*number)(double v);     /* text of a tick */
	const double *ticks; unsigned tick_count; /* NULL = round numbers are chosen */
};

struct svg_point {
	double x, y;
	double low, high;                   /* whiskers, if .low < .high */
	const char *title;                  /* all its numbers; NULL = no point is drawn, only the line goes through */
	bool marked;                        /* hollow: something must be known about it */
	bool failed;                        /* a cross at the bottom; has no y */
};

struct svg_series { const char *label; unsigned color; const struct svg_point *points; unsigned count; };

struct svg_event { double x; const char *label; bool strong; };

struct svg_chart {
	const char *title;                  /* for screen readers */
	const char *stamp;                  /* on the picture itself; NULL = none */
	struct svg_axis x, y;
	const struct svg_series *series; unsigned series_count;
	const struct svg_event *events; unsigned event_count;
	unsigned height;                    /* 0 = the usual one */
};

void svg_chart(struct strbuf *out, const struct svg_chart *c);

/* A number per row, as a dot with whiskers, or as a bar from zero. */
struct svg_row { const char *label; double value, low, high; const char *title; unsigned color; bool heading; /* a label above other rows */ };
struct svg_rows {
	const char *title, *stamp;
	struct svg_axis x;
	bool bars;
	double line;                        /* a vertical line where nothing differs; used if not 0 */
	const struct svg_row *rows; unsigned count;
};
void svg_rows(struct strbuf *out, const struct svg_rows *c);

/* Round numbers from about @min to about @max, at most @room of them; returns how many. For tests too. */
unsigned svg_ticks(enum svg_scale scale, double min, double max, unsigned wanted, double *ticks, unsigned room);

#endif
