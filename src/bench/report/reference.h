/* SPDX-License-Identifier: PostgreSQL */
/* Published results to show beside one's own, as factors with their sources. Pure. */
#ifndef LABCTL_REPORT_REFERENCE_H
#define LABCTL_REPORT_REFERENCE_H

#include "arena.h"
#include "fail.h"

struct reference {
	const char *what;     /* "Postgres-XC, DBT-1" */
	const char *of;       /* what the factor multiplies: "throughput of one server" */
	const char *source;
	unsigned servers;     /* 0 = their number was not what varied; otherwise drawn beside measured speed-ups */
	double factor;
};

/* Reads tuning/bench/reference.csv. FAIL_OTHER names the first line that is wrong. */
int reference_read(const char *text, struct arena *a, const struct reference **ret, unsigned *ret_count, struct fail *e);

#endif
