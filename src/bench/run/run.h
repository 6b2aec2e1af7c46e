/* SPDX-License-Identifier: PostgreSQL */
/*
 * Runs a benchmark: every point as often as the specification says, in random order; then open-loop points at parts of the
 * capacity found, and the search for the rate that keeps a latency limit. One thread; Ctrl-C keeps what was measured.
 */
#ifndef LABCTL_BENCH_RUN_H
#define LABCTL_BENCH_RUN_H

#include <stdatomic.h>

#include "runtime.h"
#include "spec.h"

struct tx;

struct bench_news {
	const char *doing;                   /* "tpcb/primary/8, repeat 2: checkpoint" */
	const struct bench_measure *measure; /* a measurement has ended; NULL = only .doing has changed */
	unsigned done, total;                /* measurements */
	double left_s;                       /* estimate */
};

#define BENCH_SEARCH_STEPS 6 /* measurements of the search for a rate */
#define BENCH_VARIANTS 2 /* of a paired comparison */

/* What is measured. A paired comparison has two: A and B. */
struct bench_variant {
	const char *name;              /* "A"; NULL if there is only one */
	const char *text;              /* what is different: "work_mem=64MB"; NULL if there is only one */
	struct runtime *rt;            /* its lab is measured */
	const char *passwords;         /* the lab's password file */
	const char *settings;          /* of each session, for libpq's `options`: "-c work_mem=64MB"; NULL = none */
	const struct bench_load *load; /* instead of the point's; NULL = the point's */
	const char *target;            /* the same */
};

/* What happens to the lab during a measurement: a scenario. It is measured once, with one point, as long as .play() takes. */
struct bench_play {
	const char *name;              /* bench.h: .scenario */
	void (*play)(void *ctx);
	/*
	 * Afterwards: adds events, outages and checks to @m. @load: what became of the driver's transactions, with times since @from_us (since the
	 * epoch), when the series began. *ret_reason, unless NULL: the measurement has failed.
	 */
	void (*tell)(void *ctx, int64_t from_us, const struct tx *load, unsigned count, struct arena *a, struct bench_measure *m, const char **ret_reason);
	void *ctx;
};
#define BENCH_PLAY_CLIENTS_MAX 64u /* each is a process */

struct bench_job {
	struct bench_variant variants[BENCH_VARIANTS]; unsigned variant_count; /* 1, or BENCH_VARIANTS */
	const struct bench_spec *spec;
	const char *dir;           /* of the run */
	bool resume;               /* continues the run there: measures what is missing */
	const char *database;      /* exists, may be filled with tables */
	const char *version;       /* of labctl */
	const char *scale_role; unsigned scale_count; /* of `bench scale`: bench.h */
	const struct bench_play *play; /* NULL = nothing happens */
	const atomic_bool *cancel;
	void (*news)(void *ctx, const struct bench_news *n); void *ctx;
};

/* How long a run will take, in seconds, without the loads. Pure. */
double bench_estimate(const struct bench_spec *s, unsigned variants, unsigned *ret_measurements);

/*
 * Returns 0 when every measurement was made, whether it succeeded or not. FAIL_CANCELED after Ctrl-C; others if the run cannot
 * start or continue. What was measured is in the directory in any case.
 */
int bench_execute(const struct bench_job *job, struct fail *e);

#endif
