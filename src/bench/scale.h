/* SPDX-License-Identifier: PostgreSQL */
/*
 * How throughput grows with the number of servers of a role: the runs of `bench scale`, one for each number. Pure;
 * everything lives in the caller's arena and points into the runs.
 */
#ifndef LABCTL_BENCH_SCALE_H
#define LABCTL_BENCH_SCALE_H

#include "bench.h"
#include "stats.h"
#include "usl.h"

struct scale_step {
	unsigned count;                 /* servers */
	struct stats_summary tps;
	struct stats_ratio speedup;     /* throughput divided by that of the first step, unpaired; exactly 1 for the first */
	double linear;                  /* what the speed-up would be if throughput grew as the number does */
};

struct scale_curve {
	const struct bench_point *point;                  /* of the first run */
	struct scale_step *steps; unsigned step_count;    /* ascending; only steps with a measurement that stands */
	struct usl usl;                                   /* over all measurements that stand */
	const char *text;                                 /* the result in a sentence or two */
};

struct scale {
	const char *role;
	bool shared_host;               /* of at least one run: then it is no statement about scale-out */
	struct scale_curve *curves; unsigned curve_count; /* of the points in a closed loop that every run has */
};

/*
 * @runs in any order. FAIL_USAGE: fewer than 2 runs, a run that is not of `bench scale`, different roles, or a number that
 * two runs have.
 */
int scale_of(const struct bench_run *const *runs, unsigned count, struct arena *a, struct scale *ret, struct fail *e);

/* What the curve shows about more than was measured, and what it does not show: the end of a sentence. @what: "datanodes". */
const char *scale_conclusion(const struct usl *u, const char *what, struct arena *a);

#endif
