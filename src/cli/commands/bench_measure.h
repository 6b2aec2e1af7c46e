/* SPDX-License-Identifier: PostgreSQL */
/* What `labctl bench run` and `bench ab` share: options of the specification, the lab's side, progress, the end. */
#ifndef LABCTL_CLI_BENCH_MEASURE_H
#define LABCTL_CLI_BENCH_MEASURE_H

#include "cli.h"
#include "run.h"
#include "spec.h"

struct bench_options { struct bench_words words; const char *out, *resume; bool keep; };

/* A lab that is measured, locked while it is open. */
struct bench_side {
	const char *lab_name;    /* NULL = the lab that -l or the working directory names */
	struct lab *lab;
	struct runtime *runtime;
	int lock;
	struct bench_variant variant;
};

struct bench_work {
	struct cli *c;
	const struct bench_options *said;
	struct bench_side sides[BENCH_VARIANTS]; unsigned side_count;
	int (*check)(const struct bench_work *w, struct fail *e); /* of the specification, before anything is done; NULL = none */
	struct bench_spec *spec;
	const char *dir;
	const char *scale_role; unsigned scale_count; /* bench.h */
	int64_t said_ms;
	unsigned failed;
};

/* The directory that -o or --resume names, else "bench-WHAT-TIME". */
int bench_choose_dir(struct cli *c, const struct bench_options *said, const char *what, const char **ret, struct fail *e);
/* Loads the labs and the specification. *ret_done: only the plan was shown (-n). */
int bench_open(struct bench_work *w, bool *ret_done, struct fail *e);
/*
 * Creates the run's database, measures, drops the database. FAIL_CANCELED and others name the command that continues;
 * measurements that failed are counted in w->failed only.
 */
int bench_measure_all(struct bench_work *w, struct fail *e);
void bench_close(struct bench_work *w);

#define BENCH_WORD(type, field) offsetof(type, common.words.field)
/* Rows of the options that both commands have; @type is the options struct, whose first member is struct bench_options common. */
#define BENCH_OPTIONS(type)                                                                                          \
	{ "out", 'o', .arg = "DIR", .complete = complete_directories, .at = offsetof(type, common.out),               \
	  .text = "directory for the run; bench-LAB-TIME by default" },                                               \
	{ "resume", .arg = "DIR", .complete = complete_directories, .at = offsetof(type, common.resume),              \
	  .text = "continue a run that was interrupted: measure what is missing" },                                   \
	{ "workloads", .arg = "NAMES", .at = BENCH_WORD(type, workloads), .text = "workloads, separated by commas" }, \
	{ "targets", .arg = "NAMES", .at = BENCH_WORD(type, targets),                                                 \
	  .text = "servers to load: a role (the first server), its plural (all), pgpool" },                           \
	{ "clients", .arg = "NUMBERS", .at = BENCH_WORD(type, clients), .text = "numbers of clients of the closed loop" }, \
	{ "repeats", .arg = "N", .at = BENCH_WORD(type, repeats), .text = "measurements of each point, or pairs" },   \
	{ "time", .arg = "TIME", .at = BENCH_WORD(type, time), .text = "length of a measurement" },                   \
	{ "warmup", .arg = "TIME", .at = BENCH_WORD(type, warmup), .text = "longest warm-up before a measurement" },  \
	{ "scale", .arg = "N", .at = BENCH_WORD(type, scale), .text = "size of the data; 1 = 100,000 accounts" },     \
	{ "reset", .arg = "HOW", .at = BENCH_WORD(type, reset), .text = "how to reset the data before a measurement" }, \
	{ "protocol", .arg = "NAME", .at = BENCH_WORD(type, protocol),                                                \
	  .text = "protocol of queries: simple, extended or prepared" },                                              \
	{ "from", .arg = "NODE", .complete = complete_nodes, .at = BENCH_WORD(type, from),                            \
	  .text = "where the clients run: host, or a node" },                                                         \
	{ "seed", .arg = "N", .at = BENCH_WORD(type, seed), .text = "seed of the random order" },                     \
	{ "keep-database", .at = offsetof(type, common.keep), .text = "keep the database labctl_bench at the end" }

#endif
