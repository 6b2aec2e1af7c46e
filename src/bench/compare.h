/* SPDX-License-Identifier: PostgreSQL */
/*
 * Compares measurements of A and B point by point: two runs of different times, or the variants of one run, whose
 * measurements are pairs. Pure; everything lives in the caller's arena and points into the runs.
 */
#ifndef LABCTL_BENCH_COMPARE_H
#define LABCTL_BENCH_COMPARE_H

#include "bench.h"
#include "stats.h"

/* What is compared of a measurement. */
struct compare_metric {
	const char *name;     /* "p99" */
	const char *title;    /* "99th percentile of latency" */
	bool lower_is_better;
	double (*of)(const struct bench_measure *m);
};
extern const struct compare_metric compare_metrics[]; /* tps first; ends with a zero row */
const struct compare_metric *compare_metric_find(const char *name); /* NULL = there is none */

struct compare_options {
	const struct compare_metric *metric; /* NULL: throughput in a closed loop, mean latency in an open one */
	double margin;                       /* for `equivalent`; 0 = 3 % */
	const char *name_a, *name_b;         /* in sentences; NULL = "A", "B" */
};

struct compare_point {
	const struct bench_point *point;     /* of A */
	const struct compare_metric *metric;
	unsigned failed;                     /* measurements left out because they failed; pairs, where one of both did */
	unsigned marks;                      /* of those that were used: enum bench_mark */
	struct stats_ratio ratio;            /* B / A */
	const char *text;                    /* "tpcb on primary, 8 clients: B is 1.12x A (1.08-1.16), faster" */
};

/* Something that was not the same. */
struct compare_difference {
	const char *where, *what;            /* "host", "kernel"; "spec", "scale" */
	unsigned also;                       /* so many more nodes differ in the same way */
	const char *a, *b;                   /* NULL = not there */
	bool grave;                          /* with it, the comparison does not say what it seems to */
};

struct compare {
	bool paired;
	const char *name_a, *name_b;
	double margin;
	struct compare_point *points; unsigned point_count;   /* that both have, in A's order */
	const char **only_a, **only_b; unsigned only_a_count, only_b_count; /* names of points */
	struct compare_difference *differences; unsigned difference_count;  /* the grave ones first; none for variants */
	const char **objections; unsigned objection_count;    /* why the comparison is meaningless: sentences */
	/* Of all points: slower if one is; else undecided if one is; else faster if one is; else equivalent. */
	enum stats_verdict verdict;
};

/* Unpaired. Compares also what is meaningless: the caller looks at .objections. */
void compare_runs(const struct bench_run *a, const struct bench_run *b, const struct compare_options *o, struct arena *arena,
		  struct compare *ret);
/* The pairs of a run with variants A and B: measurements with the same point and repeat. */
void compare_variants(const struct bench_run *run, const struct compare_options *o, struct arena *arena, struct compare *ret);

/* The comparison as one JSON object (docs/format/bench.md, Comparison). New reference. */
json_t *compare_json(const struct compare *c);

/* --- between the files of compare --- */

const char *compare_sentence(const struct compare *c, const struct compare_point *p, struct arena *a);
/* Fills differences and objections. */
void compare_circumstances(const struct bench_run *a, const struct bench_run *b, struct arena *arena, struct compare *c);

#endif
