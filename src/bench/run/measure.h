/* SPDX-License-Identifier: PostgreSQL */
/* One measurement: reset the data, checkpoint, run the driver, read its logs, check the data. Private to the room. */
#ifndef LABCTL_BENCH_MEASURE_H
#define LABCTL_BENCH_MEASURE_H

#include "client.h"
#include "driver.h"
#include "servers.h"

struct bench_play;

struct measurer {
	struct runtime *rt;
	const struct bench_spec *spec;
	const struct bench_run *run;
	struct client *client;
	struct servers *servers;
	const char *database;
	const char *settings;            /* of each session, for libpq's `options`; NULL = none */
	const struct bench_play *play;   /* run.h; NULL = nothing happens meanwhile */
	const atomic_bool *cancel;
	void (*say)(void *ctx, const char *text); void *say_ctx; /* what is being done now */
};

/* The part of a point that is not in the run's data. */
struct measure_order {
	const struct bench_load *load;
	const char *script;              /* file in the client's directory */
	struct bench_target target;
	double warmup_s, rate_tps;
	uint64_t seed;
};

/*
 * Measures and fills in everything of @m but .point, .repeat, .order and .variant, which are given, and .kept_slo. A measurement
 * that failed is a result: BENCH_FAILED with a reason. Returns -1 only if it says nothing about the point: FAIL_CANCELED,
 * or the host cannot write its files.
 */
int measure_point(struct measurer *w, const struct measure_order *o, struct arena *a, struct bench_measure *m, struct fail *e);

/*
 * For `reset: template`: copies the database once all data are loaded; measure_point() then replaces it by the copy.
 * measure_drop_copy() removes the copy, as far as that is possible.
 */
int measure_make_copy(struct measurer *w, struct fail *e);
void measure_drop_copy(struct measurer *w);

/* Resets the data set of a workload and checks it; loads it first if @load. */
int measure_prepare(struct measurer *w, const struct workload *workload, bool load, struct fail *e);

/* play.c: the command of a load that goes on after errors, and a run of it while .play() plays. *ret_stopped_us: since the epoch. */
void play_command(const struct measurer *w, const struct driver *driver, const struct drive *drives, unsigned count, struct strbuf *out);
int play_run(struct measurer *w, const char *command, double warmup_s, struct strbuf *out, int64_t *ret_stopped_us, struct fail *e);

#endif
