/* SPDX-License-Identifier: PostgreSQL */
/* Private to the HTML report: its parts. */
#ifndef LABCTL_REPORT_PAGE_H
#define LABCTL_REPORT_PAGE_H

#include "report.h"
#include "svg.h"
#include "text.h"
#include "view.h"
#include "words.h"

struct page { const struct report *report; const struct view *view; struct strbuf *out; unsigned tables; };

extern const char page_style[], page_script[];

/* A table that can be sorted. Cells are written between table_row() and table_row(); numbers have their plain value too. */
void table_begin(struct page *p, const char *caption, const char *const *titles, unsigned numbers_from);
void table_row(struct page *p, const char *class);
void table_text(struct page *p, const char *text);
void table_number(struct page *p, double v, struct num shown);
void table_end(struct page *p);
void details_begin(struct page *p, const char *summary);
void details_end(struct page *p);

void page_workloads(struct page *p);
void page_costs(struct page *p);
void page_pairs(struct page *p);
void page_scale(struct page *p);
void page_references(struct page *p);
void page_cpu(struct page *p);
void page_time(struct page *p);
/* Its parts: throughput and latency per second of a point, and what happened meanwhile. */
void page_series(struct page *p, const struct view_point *vp);
void page_events(struct page *p, const struct view_point *vp);
void page_outage(struct page *p);
void page_failures(struct page *p);
void page_evidence(struct page *p);

/* The link to the output of a measurement, or "". */
void page_raw(struct page *p, unsigned run_index, const struct bench_measure *m);

#endif
