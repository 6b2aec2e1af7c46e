/* SPDX-License-Identifier: PostgreSQL */
/*
 * What to measure: a YAML file (docs/format/bench-spec.md), options of the command line, defaults. Built in an arena,
 * const afterwards. Pure.
 */
#ifndef LABCTL_BENCH_SPEC_H
#define LABCTL_BENCH_SPEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "bench.h"
#include "fail.h"
#include "lab.h"
#include "workload.h"

enum bench_reset { RESET_RELOAD, RESET_TEMPLATE, RESET_NONE, RESET_COUNT };
extern const char *const bench_reset_names[RESET_COUNT + 1]; /* "reload", "template", "none"; NULL at the end */
enum bench_protocol { PROTOCOL_SIMPLE, PROTOCOL_EXTENDED, PROTOCOL_PREPARED, PROTOCOL_COUNT };
extern const char *const bench_protocol_names[PROTOCOL_COUNT + 1]; /* pgbench's words; NULL at the end */

struct bench_rate { double tps; unsigned percent; }; /* one of both; percent of the capacity found */
struct bench_slo { double quantile; double limit_us; }; /* .99, 20000: p99=20ms; quantile 0 = none */

struct bench_spec {
	const char *file;                        /* for messages; NULL = none */
	struct bench_load { const struct workload *workload; const char *script; /* text of a script of the user's, expanded, or NULL */ const char *name; } *loads; /* .workload is never NULL: a script has one with its title and data set */
	unsigned load_count;
	const char **targets; unsigned target_count;  /* words of bench_targets() */
	unsigned *clients; unsigned client_count;     /* ascending */
	struct bench_rate *rates; unsigned rate_count;
	struct bench_slo slo;
	unsigned repeats;                        /* 1.. */
	unsigned repeats_max;                    /* more are added until .precision is reached; = repeats: none */
	double precision;                        /* wanted half width of the interval, as a part of the mean: 0.03 */
	double budget_s;                         /* stop adding repeats after this; 0 = no limit */
	double time_s;                           /* length of a measurement */
	double warmup_s;                         /* longest warm-up */
	unsigned scale;                          /* size of the data: of tpcb, branches */
	enum bench_reset reset;
	enum bench_protocol protocol;
	unsigned threads;                        /* of a driver; 0 = one per core of the client, at most one per client connection */
	const char *from;                        /* "host", the name of a node, or NULL = a client node if there is one, else the host */
	uint64_t seed;                           /* 0 = choose one */
	bool stop_on_failure;
};

/* Values from the command line; NULL / 0 = not given. They win over the file. Lists are comma-separated. */
struct bench_words {
	const char *workloads, *targets, *clients, *rates, *slo, *repeats, *time, *warmup, *scale, *reset, *protocol, *from, *seed;
};

/*
 * Reads @file (may be NULL), applies @words and the defaults, checks everything against the lab. All mistakes at once with
 * their lines: FAIL_LAB for those of the file, FAIL_USAGE for those of the command line.
 */
int bench_spec_load(const char *file, const struct bench_words *words, const struct lab *lab, const struct library *lib,
		    struct arena *a, struct bench_spec **ret, struct fail *e);
json_t *bench_spec_json(const struct bench_spec *s); /* with all defaults: `spec` of run.json. New reference. */

/*
 * Targets of a lab. "primary", "standby", "coordinator", "worker", "pgpool"...: the first server of that role;
 * "coordinators", "workers", "standbys"...: all of them at once. NULL-terminated list of the words that this lab has, the
 * default first.
 */
const char *const *bench_targets(const struct lab *lab, struct arena *a);
/* The nodes and the role behind such a word. FAIL_USAGE names the words that the lab has. */
struct bench_target { const char *word; unsigned role; const struct node **nodes; unsigned node_count; };
int bench_target_find(const struct lab *lab, const char *word, struct arena *a, struct bench_target *ret, struct fail *e);

/* The closed-loop points and the rates given in tps: every workload x target x clients. */
void bench_points(const struct bench_spec *s, struct arena *a, struct bench_point **ret, unsigned *ret_count);
/*
 * A random order of @points x @repeats from @seed: the same everywhere for the same numbers. Every repeat is a block that
 * has each point once, so that a slow change of the host meets all points alike. *ret[i] = index of the point.
 */
void bench_order(unsigned points, unsigned repeats, uint64_t seed, struct arena *a, unsigned **ret);

#endif
