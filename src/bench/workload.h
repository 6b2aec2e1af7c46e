/* SPDX-License-Identifier: PostgreSQL */
/*
 * Workloads as const tables. A data set is a group of tables, in a schema of its own, that several workloads use:
 * tuning/bench/FILES.{load,fill,reset,check}.sql. A workload is a pgbench script: tuning/bench/NAME.sql. Either may have
 * a file for one kind of cluster instead: tuning/bench/STEM.KIND.sql. Pure.
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
	const char *files;     /* stem of its files in tuning/bench: both layouts of tpcb share "tpcb" */
};

struct workload {
	const char *name;      /* "tpcb" */
	const char *title;     /* one line for reports: "TPC-B-like, distributed by branch" */
	const char *dataset;   /* NULL = needs no table */
	const char *kinds;     /* space-separated */
	const char *baseline;  /* workload whose latency this one's is divided by: the cost of two-phase commit; or NULL */
	int shards;            /* touched by one transaction at most, in a cluster that has shards; -1 = all; 0 = none */
	bool writes;
	const char *driver;    /* "sysbench": the script is Lua, in tuning/bench/NAME.lua; NULL = pgbench */
};

extern const struct workload workloads[]; /* ends with a zero row */
extern const struct dataset datasets[];

const struct workload *workload_find(const char *name);
const struct dataset *dataset_find(const char *name);
bool workload_has_kind(const char *kinds, const char *kind);
int workload_shards(const struct workload *w, const char *kind); /* .shards, but 1 for postgres: it has no shards */
void dataset_schema(const struct dataset *d, char ret_schema[64]); /* "labctl_tpcb_key": the load drops and creates it */

/*
 * Texts, expanded (docs/format/bench-spec.md has the names). *ret is allocated in @a. Load and reset are blocks of SQL as
 * docs/format/sql.md describes; the reset does nothing if the rows are as after the load. The check is one statement that
 * returns rows (name text, ok boolean, text text).
 */
enum dataset_file { DATASET_LOAD, DATASET_RESET, DATASET_CHECK };
int dataset_text(const struct library *lib, const struct dataset *d, enum dataset_file file, const char *kind, unsigned scale,
		 struct arena *a, const char **ret, struct fail *e);
int workload_script(const struct library *lib, const struct workload *w, const char *kind, unsigned scale, struct arena *a,
		    const char **ret, struct fail *e);
/* The same for a script of the user's, called @what in failures; @d may be NULL. */
int workload_expand(const char *what, const char *script, const struct dataset *d, const char *kind, unsigned scale, struct arena *a,
		    const char **ret, struct fail *e);

#endif
