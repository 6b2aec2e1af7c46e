/* SPDX-License-Identifier: PostgreSQL */
/*
 * Workloads as const tables. A data set is a group of tables that several workloads use; it has SQL files per kind of
 * cluster: tuning/bench/DATASET/KIND.{load,reset,check}.sql. A workload is a pgbench script: tuning/bench/NAME.sql,
 * or tuning/bench/NAME.KIND.sql for a kind whose SQL differs. Pure.
 */
#ifndef LABCTL_BENCH_WORKLOAD_H
#define LABCTL_BENCH_WORKLOAD_H

#include <stdbool.h>

#include "arena.h"
#include "fail.h"
#include "library.h"
#include "strbuf.h"

struct dataset {
	const char *name;      /* "tpcb-branch": tables of pgbench, distributed by branch */
	const char *title;
	const char *kinds;     /* space-separated kinds that have it */
};

struct workload {
	const char *name;      /* "tpcb" */
	const char *title;     /* one line for reports: "TPC-B-like, distributed by branch" */
	const char *dataset;   /* NULL = needs no table */
	const char *kinds;     /* space-separated */
	const char *baseline;  /* workload whose latency this one's is divided by: the cost of two-phase commit; or NULL */
	int shards;            /* touched by one transaction; -1 = all; 0 = none */
	bool writes;
};

extern const struct workload workloads[]; /* ends with a zero row */
extern const struct dataset datasets[];

const struct workload *workload_find(const char *name);
const struct dataset *dataset_find(const char *name);
bool workload_has_kind(const char *kinds, const char *kind);

/*
 * Texts, expanded: @{scale}, @{dataset}, @{user}, @{shards}... (docs/format/bench-spec.md). *ret is allocated in @a.
 * Blocks of SQL as docs/format/sql.md describes; the check is one statement that returns rows (name text, ok boolean, text text).
 */
enum dataset_file { DATASET_LOAD, DATASET_RESET, DATASET_CHECK };
int dataset_text(const struct library *lib, const struct dataset *d, enum dataset_file file, const char *kind, unsigned scale,
		 struct arena *a, const char **ret, struct fail *e);
int workload_script(const struct library *lib, const struct workload *w, const char *kind, unsigned scale, struct arena *a,
		    const char **ret, struct fail *e);

#endif
