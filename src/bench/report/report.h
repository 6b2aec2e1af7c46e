/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reports of benchmark runs. Pure: the same runs give the same bytes. A new format is a function and a row in report.c.
 */
#ifndef LABCTL_REPORT_REPORT_H
#define LABCTL_REPORT_REPORT_H

#include "bench.h"
#include "reference.h"
#include "strbuf.h"

struct report {
	const struct bench_run *const *runs; unsigned run_count; /* at least one */
	/*
	 * Where the directory of each run is, seen from the report's own: "" for the same, "../run2". For links to raw files.
	 * NULL = no links, or none for that run.
	 */
	const char *const *places;
	const struct reference *references; unsigned reference_count; /* published results; 0 = none */
};

struct report_format {
	const char *name;      /* "html" */
	const char *title;     /* one line for help */
	void (*print)(const struct report *r, struct strbuf *out);
};
extern const struct report_format report_formats[]; /* ends with a zero row; the first is the default */

const struct report_format *report_format(const char *name); /* NULL = unknown */

#endif
