/* SPDX-License-Identifier: PostgreSQL */
/*
 * A benchmark run as data: docs/format/bench.md. A run has points (workload, target, clients or rate), each measured
 * several times. The runner writes a measurement when it ends; reports and comparisons read them, and nothing else.
 * Everything lives in one arena and is const after bench_read(). Latencies are in microseconds, times of day in
 * milliseconds since the epoch, rates in transactions per second.
 */
#ifndef LABCTL_BENCH_BENCH_H
#define LABCTL_BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "auto.h"
#include "fail.h"
#include "histogram.h"
#include "outage.h"

#define BENCH_VERSION 1 /* of the files of a run */

/* One thing to measure. Its name is unique in the run and the same in every run that measures the same: "tpcb/primary/8". */
struct bench_point {
	const char *name;
	const char *workload;
	const char *target;
	unsigned clients;
	double rate_tps;         /* open loop: the scheduled rate; 0 = closed loop */
	unsigned rate_percent;   /* the rate is this part of the capacity found by the closed loop; 0 = given as it is */
	const char *slo;         /* search of the highest rate that keeps "p99=20ms": each measurement is a step of it; or NULL */
};

enum bench_status {
	BENCH_OK,
	BENCH_FAILED,            /* no number of it may be used: .reason */
};

/* What a reader must know about a number that stands. Bits of .marks; words in bench_marks. */
enum bench_mark {
	BENCH_DRIFTS = 1,        /* throughput still changed when time was up */
	BENCH_SATURATED = 2,     /* the client, not the server, was the limit */
	BENCH_LATE = 4,          /* open loop: the schedule could not be kept */
	BENCH_MARK_COUNT = 3,
};
extern const char *const bench_marks[BENCH_MARK_COUNT + 1]; /* "drifts", "client-saturated", "behind-schedule"; NULL at the end */

struct bench_latency { double mean, stddev, p50, p95, p99, p999, max; }; /* us */

/* Per second of the measured time. Arrays have .seconds entries. */
struct bench_series {
	unsigned seconds;
	double *tps;
	double *latency;                 /* mean of the second, us; 0 = no transaction ended in it */
	struct bench_track {             /* "cpu" of a node or of the host: percent of one core */
		const char *node, *what;
		double *values;          /* -1 = not known */
	} *tracks; unsigned track_count;
	struct bench_event { double at; const char *what; bool fault; } *events; unsigned event_count; /* "checkpoint node3"; seconds since the start; .fault: a step of a scenario */
};

/* Differences over the measured time: "node3" "pg_stat_database.xact_commit" 12000. */
struct bench_counter { const char *node, *what; double value; };

struct bench_check { const char *name; bool ok; const char *text; };

/* What a scenario did to some transactions: to those of the driver, or to the numbered rows (rows.h). */
struct bench_outage {
	const char *of;                  /* "tpcb/primary/8", "numbered rows" */
	double fault_s;                  /* when the first fault began, in seconds of the series; all times count from there */
	struct outage times;
	struct rows_check rows;
	bool checked;                    /* the rows were read again; else .rows has outcomes only */
};

struct bench_measure {
	const struct bench_point *point;
	unsigned repeat;                 /* 1... */
	unsigned order;                  /* 1...: when it was measured */
	const char *variant;             /* "A" or "B" of a paired comparison; NULL otherwise */
	int64_t started_ms;
	double warmup_s, seconds;        /* discarded before, measured */
	double rate_tps;                 /* open loop: the scheduled rate; 0 = closed loop */
	enum bench_status status;
	const char *reason;              /* of BENCH_FAILED; else NULL */
	unsigned marks;
	bool kept_slo;                   /* of a search: this rate kept the limit */
	uint64_t transactions, failed;
	double tps;
	struct bench_latency latency;    /* exact, from the transaction logs; open loop: from the scheduled start */
	struct histogram *histogram;     /* the same latencies; NULL = none */
	double client_cpu;               /* cores that the driver used */
	double client_cores;             /* cores that it could use */
	double lag_p99;                  /* us behind the schedule; 0 in a closed loop */
	struct bench_series series;
	struct bench_counter *counters; unsigned counter_count;
	struct bench_check *checks; unsigned check_count;
	struct bench_outage *outages; unsigned outage_count; /* of a run under a scenario */
	const char *raw;                 /* directory of the drivers' output, relative to the run's */
};

struct bench_workload_info { const char *name, *title, *baseline; int shards; }; /* what a report says about a workload; .shards: touched by a transaction, -1 = all, 0 = not known */

struct bench_run {
	struct arena *arena;             /* owns everything below */
	const char *dir;
	const char *labctl;              /* version that measured */
	const char *lab, *kind;          /* "bench3", "pgxc" */
	int64_t started_ms;
	uint64_t seed;                   /* of the order */
	unsigned repeats;
	double time_s;                   /* wanted length of a measurement */
	const char *variants[2];         /* of a paired comparison: what A and B are; NULL otherwise */
	const char *scale_role;          /* run of `bench scale`: the role whose number varies, and the number; NULL otherwise */
	unsigned scale_count;
	const char *scenario;            /* run of `fault run --bench`: its file; NULL otherwise */
	unsigned cpu_quota;              /* of each node, percent of a core; 0 = none, or the labs of a comparison differ */
	bool shared_host;                /* nodes and client need more cores than the host has */
	struct bench_workload_info *workloads; unsigned workload_count;
	struct bench_point *points; unsigned point_count;
	struct bench_measure *measures; unsigned measure_count; /* in the order of time */
	json_t *spec;                    /* as asked, all defaults filled in */
	json_t *evidence;                /* section ("host", "node1", "lab") -> key -> text */
	json_t *topology;                /* nodes with address, roles, ports: for the drawing */
};

/*
 * Reads a run's directory. FAIL_NOT_FOUND: no run there; FAIL_LAB: damaged, or of another version. A last line that was
 * cut off by a crash is ignored.
 */
int bench_read(const char *dir, struct bench_run **ret, struct fail *e);
void bench_free(struct bench_run *run);
DEFINE_AUTO(struct bench_run *, bench_free)

/* Creates the directory and writes run.json, which is complete from then on. FAIL_CONFLICT if @run->dir exists and is not empty. */
int bench_create(const struct bench_run *run, struct fail *e);
/* Appends a measurement and waits for the disk. */
int bench_append(const struct bench_run *run, const struct bench_measure *m, struct fail *e);

/* The same as JSON: for --json and for tests. New references. */
json_t *bench_run_json(const struct bench_run *run);
json_t *bench_measure_json(const struct bench_measure *m);

#endif
