/* SPDX-License-Identifier: PostgreSQL */
/* The load of a specification, and the files of a run, for `fault run --bench`. */
#ifndef LABCTL_CLI_COMMANDS_FAULT_BENCH_H
#define LABCTL_CLI_COMMANDS_FAULT_BENCH_H

#include "cli.h"
#include "run.h"

struct fault_bench {
	struct cli *c;
	struct runtime *rt;
	const struct bench_spec *spec; /* by fault_bench_read() */
	const char *dir;               /* of the run */
	/* Runs labctl with these words for the lab, NULL-terminated: it knows the lab as it is then, which a takeover may have changed. */
	int (*labctl)(void *ctx, const char *const *words, int64_t limit_ms, struct fail *e);
	void *ctx;
};

/* Reads the specification: one load, or FAIL_USAGE. Nothing is done. */
int fault_bench_read(struct fault_bench *b, const struct lab *lab, const char *file, const char *dir, struct fail *e);
/* Creates the database of the load, measures while @play plays, drops the database. A measurement that failed is no failure. */
int fault_bench_run(struct fault_bench *b, const struct bench_play *play, struct fail *e);

#endif
