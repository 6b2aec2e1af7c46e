/* SPDX-License-Identifier: PostgreSQL */
/*
 * libpq: connect with deadlines, run blocks of SQL with guards (docs/format/sql.md).
 * Only sql*.c include libpq-fe.h, through sql_session.h. A connection belongs to one thread at a time.
 */
#ifndef LABCTL_LINK_SQL_H
#define LABCTL_LINK_SQL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "auto.h"
#include "fail.h"
#include "peer.h"
#include "strbuf.h"

struct sql;

struct sql_target {
	const char *node, *ip;   /* node: for messages */
	unsigned port;
	const char *user, *password, *database;
	const atomic_bool *cancel;
	struct peer peer;
};

/*
 * Connects without blocking past @deadline_ms (PQconnectStart + poll). With @wait, retries while the server is starting
 * up or does not answer, until the deadline or until the node is gone; gives up on a port that stays closed after
 * SQL_REFUSED_MS. FAIL_DB with the server's message, FAIL_TIMEOUT.
 */
#define SQL_REFUSED_MS 10000
int sql_open(const struct sql_target *t, bool wait, int64_t deadline_ms, struct sql **ret_sql, struct fail *e);
void sql_close(struct sql *c);
/* True if the connection is lost. */
bool sql_broken(const struct sql *c);
/* True if it waits for the next statement: not lost, nothing open, and the server has sent nothing since, such as its end. */
bool sql_idle(struct sql *c);
/* Did a connection that a server needs fail, so that what is safe to run again may succeed? It may have taken effect. */
bool sql_connection_failed(const struct fail *e);
DEFINE_AUTO(struct sql *, sql_close)

/* Appends the first column of the first row to @out; *ret_rows = 0: there is none. PQcancel and poll enforce the deadline. */
int sql_value(struct sql *c, const char *query, int64_t deadline_ms, struct strbuf *out, int *ret_rows, struct fail *e);

/*
 * Calls @row for each row, with the names of the columns; SQL's NULL is NULL. @params are the texts for $1..., ending
 * with NULL, or NULL if the query has none; they never become part of the statement.
 */
int sql_rows(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms,
	     void (*row)(void *ctx, int columns, const char *const *names, const char *const *values), void *ctx,
	     struct fail *e);

/*
 * Runs blocks (docs/format/sql.md): each starts with lines "--@ run|if Q|unless Q|expect V|try SECONDS|after-change|quiet"
 * followed by one statement batch. *ret_changed = a block ran that is not quiet and does more than expect. @what names
 * the file in failures. A failed batch leaves no open transaction; a lost connection is reopened only within a "try".
 */
int sql_blocks(struct sql *c, const char *what, const char *blocks, int64_t deadline_ms, bool *ret_changed,
	       struct fail *e);

#endif
