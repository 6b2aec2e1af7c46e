/* SPDX-License-Identifier: PostgreSQL */
/* What a scenario did to the transactions of a run. */
#include <math.h>

#include "page.h"

/* A time in seconds; @ms < 0: there was none. */
static void seconds_cell(struct page *p, bool known, int64_t ms)
{
	double s = (double)ms / 1000;

	table_number(p, known && ms >= 0 ? s : NAN, num_plain(s));
}

static void count_cell(struct page *p, bool known, unsigned n)
{
	table_number(p, known ? n : NAN, num_count(n));
}

static void row(struct page *p, const struct bench_outage *o)
{
	table_row(p, o->checked && (o->rows.lost || o->rows.torn || o->rows.failed_there) ? "bad" : NULL);
	table_text(p, o->of);
	count_cell(p, o->checked, o->rows.lost);
	count_cell(p, o->checked, o->rows.torn);
	count_cell(p, o->checked, o->rows.failed_there);
	for (unsigned i = 0; i < TX_OUTCOMES; i++)
		count_cell(p, true, o->rows.by_outcome[i]);
	table_number(p, o->times.before_tps, num_rate(o->times.before_tps));
	seconds_cell(p, true, o->times.error_ms);
	seconds_cell(p, true, o->times.gap_ms);
	seconds_cell(p, true, o->times.gap_at_ms);
	seconds_cell(p, o->times.dropped, o->times.recovered_ms);
	table_number(p, o->times.before_p99_ms, num_ms(o->times.before_p99_ms * 1000));
	table_number(p, o->times.after_p99_ms, num_ms(o->times.after_p99_ms * 1000));
	strbuf_str(p->out, "</tr>");
}

void page_outage(struct page *p)
{
	static const char *const titles[] = { "transactions", "lost", "in part", "there, but failed", "committed", "failed", "doubtful",
					      "without a server", "tps before", "first error, s", "longest gap, s", "gap from, s", "90 % again, s",
					      "p99 ms before", "p99 ms since", NULL };

	strbuf_str(p->out, "<p class=\"note\">Times count from the first fault: to the first transaction that was not committed, the longest time without "
			   "a commit and when it began, and the time until three seconds had 90 % of the throughput before, if they ever had less. "
			   "Doubtful: the connection broke before the answer. Lost: committed, and not there in the end; only numbered rows are "
			   "counted again.</p>\n");
	table_begin(p, "What the scenario did to the transactions", titles, 1);
	for (unsigned i = 0; i < p->view->run_count; i++)
		for (unsigned k = 0; k < p->view->runs[i]->measure_count; k++)
			for (unsigned n = 0; n < p->view->runs[i]->measures[k].outage_count; n++)
				row(p, &p->view->runs[i]->measures[k].outages[n]);
	table_end(p);
	for (unsigned i = 0; i < p->view->point_count; i++)
		if (p->view->points[i].count && p->view->points[i].measures[0]->outage_count) {
			strbuf_str(p->out, "<div class=\"charts\">\n");
			page_series(p, &p->view->points[i]);
			strbuf_str(p->out, "</div>\n");
			page_events(p, &p->view->points[i]);
		}
}
