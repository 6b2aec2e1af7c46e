/* SPDX-License-Identifier: PostgreSQL */
/*
 * The database servers behind a benchmark: one connection to each, for statistics, checkpoints, settings. One thread.
 */
#ifndef LABCTL_BENCH_SERVERS_H
#define LABCTL_BENCH_SERVERS_H

#include "auto.h"
#include "bench.h"
#include "runtime.h"

struct servers;

/* Connections are opened when they are needed, to every server with SQL that keeps data (not the pooler). */
struct servers *servers_new(struct runtime *rt, const char *database);
void servers_free(struct servers *s);
DEFINE_AUTO(struct servers *, servers_free)

/* Runs blocks of SQL through the lab's entry server: the first with the kind's psql role. */
int servers_run(struct servers *s, const char *what, const char *blocks, int64_t deadline_ms, struct fail *e);
/* The same in the kind's own database. Closes all connections first, since those to the run's database may be in its way. */
int servers_administer(struct servers *s, const char *what, const char *blocks, int64_t deadline_ms, struct fail *e);
/* Waits until every server has the run's database: a standby gets a new one a moment later. */
int servers_wait(struct servers *s, int64_t deadline_ms, struct fail *e);
/* Runs a check there: rows of name, ok, text. */
int servers_check(struct servers *s, const char *query, struct arena *a, struct bench_check **ret, unsigned *ret_count,
		  int64_t deadline_ms, struct fail *e);
/* CHECKPOINT on all servers, at the same time. */
int servers_checkpoint(struct servers *s, int64_t deadline_ms, struct fail *e);

/* Statistics of all servers as they are now: pg_stat_database of the database and pg_stat_bgwriter. A server that does not answer has none. */
struct server_stats { struct bench_counter *items; unsigned count; };
void servers_stats(struct servers *s, struct arena *a, struct server_stats *ret);
/* What has changed from @before to @after; counters that have not are left out. */
void servers_difference(const struct server_stats *before, const struct server_stats *after, struct arena *a,
			struct bench_counter **ret, unsigned *ret_count);

/*
 * Calls @row for each row that each server returns, with its node. Returns false if no server understood the query. May be
 * called from another thread while none uses @s.
 */
bool servers_ask(struct servers *s, const char *query,
		 void (*row)(void *ctx, const struct node *n, const char *const *values), void *ctx);

/* How many sessions a server accepts; 0 if it does not say. */
int servers_session_limit(struct servers *s, const struct node *n, unsigned role, unsigned *ret, struct fail *e);
/*
 * Adds to @evidence, per node: version() and every setting that is not the default. FAIL_DB if a server does not use a
 * setting that the lab asks for: the text says which.
 */
int servers_evidence(struct servers *s, json_t *evidence, struct fail *e);

#endif
