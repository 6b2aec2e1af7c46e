/* SPDX-License-Identifier: PostgreSQL */
/*
 * What reports say, computed once for every format: the repeats of each point with their intervals, curves over the number
 * of clients, ratios to a baseline, comparisons of A and B. Intervals and verdicts come from stats.h only. Everything lives
 * in one arena. Pure.
 */
#ifndef LABCTL_REPORT_VIEW_H
#define LABCTL_REPORT_VIEW_H

#include "bench.h"
#include "lab.h"
#include "stats.h"
#include "usl.h"

#define VIEW_LEVEL 0.95

/* A point of a run (and a variant of it), with all its measurements. */
struct view_point {
	const struct bench_run *run;
	unsigned run_index;
	const struct bench_point *point;
	const char *variant;                  /* "A", "B"; NULL = none */
	const char *series;                   /* what its curve is called: target, variant and run, as far as they differ */
	unsigned color;                       /* of the series */
	const struct bench_measure **measures; unsigned count; /* in the order of time; of a search its steps */
	const struct bench_measure *kept;     /* of a search: the step with the highest rate that kept the limit; NULL = none */
	unsigned ok, failed;                  /* measurements */
	unsigned marks;                       /* of any valid measurement */
	struct stats_summary tps, mean, p50, p95, p99, p999; /* over the valid measurements, of a search over .kept; latencies in us */
	double max;                           /* us */
	double client_cpu, client_cores;      /* means */
	struct histogram *histogram;          /* of all valid measurements; NULL = none */
	double seconds;                       /* measured in sum */
};

/* The closed-loop points of one series with one workload, by number of clients. */
struct view_curve {
	const char *workload, *series;
	unsigned color;
	const struct view_point **points; unsigned count;
	const struct view_point *best;        /* with the highest throughput; NULL = none is valid */
};

/* The same clients and target, another workload; or B and A of a paired comparison. */
struct view_ratio {
	const struct view_point *point, *base;
	struct stats_ratio ratio;             /* of mean latencies; of systems: throughput; of A and B: what compare.h takes */
	const char *metric, *text;            /* of A and B */
};

/* How throughput grows with the nodes of a role: the runs of `bench scale`. Of each run the point with the most throughput. */
struct view_scale {
	const char *workload, *target, *role;
	struct view_step { unsigned count; const struct view_point *point; struct stats_ratio ratio; /* to the first step */ } *steps; unsigned count;
	struct usl usl;
};

struct view_workload {
	const char *name, *title, *baseline;  /* of the first run that says something about it */
	int shards;
};

/* The mean of a track over all valid measurements of a point. */
struct view_track { const struct view_point *point; const char *node, *what; double mean, highest; };

struct view {
	struct arena *arena;
	const struct bench_run *const *runs; unsigned run_count;
	struct view_workload *workloads; unsigned workload_count;
	struct view_point *points; unsigned point_count;
	struct view_curve *curves; unsigned curve_count;
	struct view_ratio *costs; unsigned cost_count;         /* workloads with a baseline */
	struct view_ratio *pairs; unsigned pair_count;         /* B and A */
	struct view_scale *scales; unsigned scale_count;
	struct view_ratio *systems; unsigned system_count;     /* throughput of clusters and of plain PostgreSQL */
	unsigned reference_count;       /* published results that are shown */
	struct view_track *tracks; unsigned track_count;
	const char **series; unsigned series_count;
	unsigned measures, failed, empty;                      /* measurements; points without a valid one */
	unsigned marked[BENCH_MARK_COUNT];                     /* measurements with the mark */
	bool shared_host, closed_loop, open_loop;
};

/* Borrows the runs. */
void view_make(const struct bench_run *const *runs, unsigned count, struct arena *a, struct view *ret);
/* What tells a run from the others of the report: "citus", "4 datanodes". */
const char *view_run_label(const struct view *v, unsigned run_index);
/* Its row in v->workloads. */
const struct view_workload *view_workload(const struct view *v, const char *name);
/* True if nothing of it may be used. */
static inline bool view_is_empty(const struct view_point *p)
{
	return p->ok == 0;
}
/* Transactions are due at a given rate, instead of when the one before has ended. */
static inline bool view_is_open(const struct bench_point *p)
{
	return p->rate_tps > 0 || p->rate_percent || p->slo;
}
/* The rate at which transactions were due; NAN where it is not known. */
double view_rate(const struct view_point *p);

#endif
