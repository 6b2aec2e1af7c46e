/* SPDX-License-Identifier: PostgreSQL */
/* What a run says, in sentences. Plain text, not escaped. Pure. */
#ifndef LABCTL_REPORT_WORDS_H
#define LABCTL_REPORT_WORDS_H

#include "text.h"
#include "view.h"

enum tone { TONE_PLAIN, TONE_GOOD, TONE_WARNING, TONE_BAD };

struct sentence { enum tone tone; const char *text; };

/* The most important first: comparisons, throughput, costs, then everything that limits what may be concluded. */
struct sentence *words_of(const struct view *v, unsigned *ret_count);

/* One point with its numbers: "tpcb, primary, 8 clients: 4,210 tps (4,050 to 4,380, 3 repeats); ..." */
const char *words_point(const struct view *v, const struct view_point *p);
/* "4,050 to 4,380"; "none" without an interval */
const char *words_interval(const struct view *v, const struct stats_summary *s, struct num (*number)(double));
/* "8 clients"; "8 clients at 70 % of the capacity", "8 clients, highest rate with p99=20ms" in an open loop */
const char *words_load(const struct view *v, const struct bench_point *p);
const char *words_ratio(const struct view *v, const struct stats_ratio *r); /* "1.84 (1.71 to 1.98)" */

#define SHARED_STAMP "shared host: not scale-out"
#define SHARED_TEXT \
	"Shared host: the nodes and the client need more cores than the host has. The figures compare configurations on this " \
	"host; how throughput grows with nodes says nothing about separate machines."
#define CLOSED_TEXT \
	"In a closed loop each client waits for an answer before it sends the next request. A server that stalls stalls its " \
	"clients too, so the high percentiles leave out most of what users would have waited."
#define OPEN_TEXT \
	"In an open loop requests are due at a given rate, and a latency counts from the time when its request was due."

/* What a mark means, by bit. */
extern const char *const words_marks[BENCH_MARK_COUNT];

#endif
