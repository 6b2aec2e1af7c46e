/* SPDX-License-Identifier: PostgreSQL */
/* Queries on an open connection: send, wait, cancel at the deadline. */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "sql_session.h"
#include "trace.h"

#define STOP_GRACE_MS 2000      /* for the server to end a canceled query; then the connection is given up */
#define EVIDENCE_LINES 20

DEFINE_AUTO(PGresult *, PQclear)

/* ---- stop a query ---- */

/* PQcancel() has no deadline: it runs in a thread of its own that may outlive the caller's wait. */
struct stop {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	PGcancel *handle;
	unsigned owners;
	bool done;
};

static void stop_release(struct stop *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->owners == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	PQfreeCancel(s->handle);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void *stop_main(void *ctx)
{
	struct stop *s = ctx;
	char ignored[256];

	PQcancel(s->handle, ignored, sizeof(ignored));
	pthread_mutex_lock(&s->lock);
	s->done = true;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	stop_release(s);
	return NULL;
}

/* Asks the server to end the running query; waits at most STOP_GRACE_MS until the request is delivered. */
static void request_stop(struct sql *c)
{
	PGcancel *handle = PQgetCancel(c->conn);
	struct stop *s = handle ? calloc(1, sizeof(*s)) : NULL;
	pthread_condattr_t monotonic;
	pthread_t thread;
	struct timespec end;

	if (!s) {
		PQfreeCancel(handle);
		return;
	}
	s->handle = handle;
	s->owners = 2;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&thread, NULL, stop_main, s)) {
		stop_release(s);
		stop_release(s);
		return;
	}
	pthread_detach(thread);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += STOP_GRACE_MS / 1000;
	pthread_mutex_lock(&s->lock);
	while (!s->done && pthread_cond_timedwait(&s->ended, &s->lock, &end) == 0)
		;
	pthread_mutex_unlock(&s->lock);
	stop_release(s);
}

/* Cancels the query and reads its results, so that the connection can be used again; else marks it broken. */
static void stop_query(struct sql *c)
{
	int64_t end_ms = clock_after_ms(STOP_GRACE_MS);
	const atomic_bool *cancel = c->cancel;
	PGresult *res;

	c->broken = true;
	c->cancel = NULL; /* read the results even if the run is canceled */
	request_stop(c);
	for (;;) {
		while (PQisBusy(c->conn))
			if (sql_wait(c, POLLIN, end_ms) != WAIT_READY || !PQconsumeInput(c->conn))
				goto out;
		res = PQgetResult(c->conn);
		if (!res)
			break;
		if (PQresultStatus(res) == PGRES_COPY_IN || PQresultStatus(res) == PGRES_COPY_OUT) {
			PQclear(res);
			goto out;
		}
		PQclear(res);
	}
	c->broken = PQstatus(c->conn) != CONNECTION_OK;
out:
	c->cancel = cancel;
}

/* ---- query ---- */

static int fail_lost(struct sql *c, struct fail *e)
{
	const char *said = PQerrorMessage(c->conn);

	c->broken = true;
	fail(e, FAIL_DB, "%s: sql: connection lost: %.*s after %.1f s", c->name, (int)strcspn(said, "\n"), said,
	     sql_elapsed_s(c));
	return fail_cause(e, CAUSE_LOST);
}

static int fail_result(struct sql *c, const PGresult *res, struct fail *e)
{
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);

	if (!text || !state)
		return fail_lost(c, e);
	fail(e, FAIL_DB, "%s: sql: %s (SQLSTATE %s)%s%s%s%s", c->name, text, state, detail ? "; " : "",
	     detail ? detail : "", hint ? "; " : "", hint ? hint : "");
	e->said = (unsigned short)(strlen(c->name) + strlen(": sql: "));
	sql_fail_state(e, state);
	return fail_evidence(e, strbuf_text(&c->notices), EVIDENCE_LINES);
}

static int fail_wait(struct sql *c, enum sql_wait got, struct fail *e)
{
	double after_s = sql_elapsed_s(c);

	if (got == WAIT_GONE) {
		c->broken = true;
		return sql_fail_gone(c, "", e);
	}
	stop_query(c);
	if (got == WAIT_CANCELED)
		return fail(e, FAIL_CANCELED, "%s: sql: canceled after %.1f s", c->name, after_s);
	return fail(e, FAIL_TIMEOUT, "%s: sql: no answer after %.1f s", c->name, after_s);
}

/* With @params: one statement, by the extended protocol; without: a batch, by the simple protocol. */
static int send_query(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms, struct fail *e)
{
	int left, count = 0;

	while (params && params[count])
		count++;
	if (!(params ? PQsendQueryParams(c->conn, query, count, NULL, params, NULL, NULL, 0) : PQsendQuery(c->conn, query)))
		return fail_lost(c, e);
	while ((left = PQflush(c->conn)) > 0) {
		enum sql_wait got = sql_wait(c, POLLIN | POLLOUT, deadline_ms);

		if (got != WAIT_READY)
			return fail_wait(c, got, e);
		if (!PQconsumeInput(c->conn))
			return fail_lost(c, e);
	}
	return left < 0 ? fail_lost(c, e) : 0;
}

/* Reads the next result; NULL after the last. */
static int next_result(struct sql *c, int64_t deadline_ms, PGresult **ret, struct fail *e)
{
	while (PQisBusy(c->conn)) {
		enum sql_wait got = sql_wait(c, POLLIN, deadline_ms);

		if (got != WAIT_READY)
			return fail_wait(c, got, e);
		if (!PQconsumeInput(c->conn))
			return fail_lost(c, e);
	}
	*ret = PQgetResult(c->conn);
	return 0;
}

/* Runs a batch to its end. *ret_rows = the last result that has rows (or could have); NULL if none. */
static int run_batch(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms,
		     PGresult **ret_rows, struct fail *e)
{
	auto_(PQclear) PGresult *rows = NULL;
	struct fail first = { 0 };

	c->started_ms = clock_now_ms();
	strbuf_truncate(&c->notices, 0);
	if (sql_broken(c))
		return fail(e, FAIL_DB, "%s: sql: the connection was closed after an earlier failure", c->name);
	if (send_query(c, query, params, deadline_ms, e) < 0)
		return -1;
	for (;;) {
		PGresult *res = NULL;
		ExecStatusType status;

		if (next_result(c, deadline_ms, &res, e) < 0)
			return -1;
		if (!res)
			break;
		status = PQresultStatus(res);
		if (status == PGRES_TUPLES_OK) {
			PQclear(rows);
			rows = res;
			continue;
		}
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
			c->broken = true; /* COPY is not supported here: give up the connection */
			fail(&first, FAIL_DB, "%s: sql: COPY from or to the client is not supported", c->name);
			PQclear(res);
			break;
		}
		if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !first.code)
			fail_result(c, res, &first);
		PQclear(res);
	}
	if (first.code) {
		*e = first;
		return -1;
	}
	*ret_rows = steal(rows);
	return 0;
}

static int run_query(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms,
		     PGresult **ret_rows, struct fail *e)
{
	char text[TRACE_WHAT_MAX];
	struct trace trace;
	int rc;

	trace_begin(&trace, TRACE_SQL, "%s: %s", c->name, trace_sql(query, text));
	rc = run_batch(c, query, params, deadline_ms, ret_rows, e);
	trace_end(&trace, TRACE_SQL, rc < 0 ? e : NULL, "%d rows", rc == 0 && *ret_rows ? PQntuples(*ret_rows) : 0);
	return rc;
}

int sql_value(struct sql *c, const char *query, int64_t deadline_ms, struct strbuf *out, int *ret_rows, struct fail *e)
{
	auto_(PQclear) PGresult *rows = NULL;

	if (run_query(c, query, NULL, deadline_ms, &rows, e) < 0)
		return -1;
	if (out && rows && PQntuples(rows) > 0 && PQnfields(rows) > 0)
		strbuf_add(out, PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0));
	if (ret_rows)
		*ret_rows = rows ? PQntuples(rows) : 0;
	return 0;
}

int sql_rows(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms,
	     void (*row)(void *ctx, int columns, const char *const *names, const char *const *values), void *ctx,
	     struct fail *e)
{
	auto_(PQclear) PGresult *rows = NULL;
	auto_(free) const char **values = NULL, **names = NULL;
	int columns;

	if (run_query(c, query, params, deadline_ms, &rows, e) < 0)
		return -1;
	columns = rows ? PQnfields(rows) : 0;
	values = calloc((size_t)columns + 1, sizeof(*values));
	names = calloc((size_t)columns + 1, sizeof(*names));
	if (!values || !names)
		abort();
	for (int j = 0; j < columns; j++)
		names[j] = PQfname(rows, j);
	for (int i = 0; rows && i < PQntuples(rows); i++) {
		for (int j = 0; j < columns; j++)
			values[j] = PQgetisnull(rows, i, j) ? NULL : PQgetvalue(rows, i, j);
		row(ctx, columns, names, values);
	}
	return 0;
}
