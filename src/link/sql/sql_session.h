/* SPDX-License-Identifier: PostgreSQL */
/* Shared by sql.c (open, close), sql_query.c (queries) and sql_blocks.c (SQL files); private to src/link/sql. */
#ifndef LABCTL_LINK_SQL_SESSION_H
#define LABCTL_LINK_SQL_SESSION_H

#include <libpq-fe.h>

#include "sql.h"

struct sql {
	PGconn *conn;
	char name[160];
	char ip[64];
	unsigned port;
	const atomic_bool *cancel;
	struct strbuf notices;      /* of the running query */
	int64_t started_ms;
	bool broken;                /* a query was left running */
	struct peer peer;
	int64_t asked_ms;           /* for peer_gone() */
	bool gone;                  /* the node is gone: do not retry */
};

/* Waits until the socket is ready for @events of poll(). */
enum sql_wait { WAIT_READY, WAIT_TIMEOUT, WAIT_CANCELED, WAIT_GONE };
enum sql_wait sql_wait(struct sql *c, short events, int64_t deadline_ms);

/* Seconds since the running connect or query began, for "after 1.2 s". */
double sql_elapsed_s(const struct sql *c);

/*
 * After a failure: rolls back a transaction that a batch left open, and reconnects (with the old parameters)
 * if the connection is lost. Returns 0 if there is nothing to do. FAIL_DB, FAIL_TIMEOUT, FAIL_CANCELED.
 */
int sql_restore(struct sql *c, int64_t deadline_ms, struct fail *e);

/* Sets the server's SQLSTATE and the cause that belongs to it. Returns -1. */
int sql_fail_state(struct fail *e, const char *state);
/* The node was switched off @during ("" or "connect: "): FAIL_DB, CAUSE_NODE_OFF. */
int sql_fail_gone(struct sql *c, const char *during, struct fail *e);

/* "node node3 (10.88.1.13:5432)", for failures. Owned by @c. */
const char *sql_name(const struct sql *c);

/* True if the run was canceled; for pauses between attempts. */
bool sql_canceled(const struct sql *c);
/* After a failure: true if the connection is lost and the node is gone. */
bool sql_gone(struct sql *c);

#endif
