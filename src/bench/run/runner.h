/* SPDX-License-Identifier: PostgreSQL */
/* What the files of the runner share. A paired comparison has two sides, which take turns; else there is one. */
#ifndef LABCTL_BENCH_RUNNER_H
#define LABCTL_BENCH_RUNNER_H

#include "measure.h"
#include "run.h"

#define LEVEL .95 /* of intervals */

struct side {
	const struct bench_variant *variant;
	const struct lab *lab;
	struct client *client;
	struct servers *servers;
	struct measurer measurer;
};

struct runner {
	const struct bench_job *job;
	const struct bench_spec *spec;
	struct side sides[BENCH_VARIANTS]; unsigned side_count;
	struct bench_run *run;      /* the run as it is on the disk, with what this process has measured */
	double *warmup_s;           /* per point: longer after a repeat that still drifted */
	unsigned done, total, order;
	int64_t start_ms;
	const char *doing;          /* "tpcb/primary/8, repeat 2" */
};

typedef bool (*keeps_fn)(const struct runner *r, const struct bench_measure *m);

/*
 * Measures a repeat of a point on a side, unless a run that is resumed has it. *ret is the measurement, valid until the next
 * one. @keeps (may be NULL) decides .kept_slo.
 */
int runner_measure(struct runner *r, unsigned side, unsigned point, unsigned repeat, double rate_tps, keeps_fn keeps,
		   const struct bench_measure **ret, struct fail *e);

/* loops.c */
int runner_blocks(struct runner *r, struct fail *e);  /* the closed loop and fixed rates, .repeats times */
int runner_more(struct runner *r, struct fail *e);    /* more repeats where the interval is too wide */
int runner_rates(struct runner *r, struct fail *e);   /* open loop at parts of the capacity */
int runner_search(struct runner *r, struct fail *e);  /* the highest rate that keeps the limit */
int runner_pairs(struct runner *r, struct fail *e);   /* A and B in turn, in blocks */

#endif
