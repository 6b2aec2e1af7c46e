/* SPDX-License-Identifier: PostgreSQL */
/*
 * Connections and queries through libpq's asynchronous calls, so that nothing blocks past its deadline.
 * Speaks to PostgreSQL 9.1 (Postgres-XC 1.0) and later: simple query protocol, no settings newer than 9.0.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "sql_session.h"

#define CANCEL_LOOK_MS 100      /* how often a wait looks at the cancel flag */
#define STOP_GRACE_MS 2000      /* for the server to end a canceled query; then the connection is given up */
#define TRY_MS 5000             /* of one connection attempt while others may follow */
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 500
#define NOTICES_MAX_BYTES 16384
#define EVIDENCE_LINES 20

DEFINE_AUTO(PGresult *, PQclear)

struct sql {
	PGconn *conn;
	char name[160];
	const atomic_bool *cancel;
	struct strbuf notices;      /* of the running query */
	int64_t started_ms;
	bool broken;                /* a query was left running */
};

enum wait { WAIT_READY, WAIT_TIMEOUT, WAIT_CANCELED };

/* Seen while a server starts, stops or is full: worth another try. Everything else is an answer. */
static const char *const passing_states[] = { "57P03", "57P01", "57P02", "53300", NULL };

const char *sql_name(const struct sql *c)
{
	return c->name;
}

bool sql_canceled(const struct sql *c)
{
	return c->cancel && atomic_load(c->cancel);
}

static double elapsed_s(const struct sql *c)
{
	return (double)(clock_now_ms() - c->started_ms) / 1000;
}

static void notice_add(void *ctx, const PGresult *res)
{
	struct sql *c = ctx;
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY);

	if (text && c->notices.len < NOTICES_MAX_BYTES)
		strbuf_printf(&c->notices, "%s: %s\n", severity ? severity : "NOTICE", text);
}

static enum wait wait_socket(struct sql *c, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = PQsocket(c->conn), .events = events };

		if (sql_canceled(c))
			return WAIT_CANCELED;
		if (clock_left_ms(deadline_ms) == 0)
			return WAIT_TIMEOUT;
		if (poll(&p, 1, clock_poll_ms(deadline_ms, CANCEL_LOOK_MS)) > 0)
			return WAIT_READY;
	}
}

/* ---- connect ---- */

/*
 * libpq gives no SQLSTATE for a refused connection, but with verbose messages it stands in the text:
 * 'connection to server at "1.2.3.4", port 5432 failed: FATAL:  57P03: the database system is starting up\nLOCATION: ...'.
 * Keeps the first sentence. @ret_state is "" when the server said nothing.
 */
static void parse_connect_error(const char *raw, char ret_text[512], char ret_state[6])
{
	const char *start = strncmp(raw, "connection to", 13) ? NULL : strstr(raw, "failed: ");
	const char *mark;
	int severity_len = 0;

	start = start ? start + strlen("failed: ") : raw;
	ret_state[0] = '\0';
	mark = strstr(start, ":  ");
	if (mark && strcspn(start, "\n") > (size_t)(mark - start) &&
	    strspn(mark + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && mark[8] == ':') {
		severity_len = (int)(mark - start);
		snprintf(ret_state, 6, "%.5s", mark + 3);
		mark += 10;
		snprintf(ret_text, 512, "%.*s: %.*s (SQLSTATE %s)", severity_len, start, (int)strcspn(mark, "\n"), mark,
			 ret_state);
		return;
	}
	snprintf(ret_text, 512, "%.*s", (int)strcspn(start, "\n"), start);
}

static int connect_failed(struct sql *c, bool *ret_retry, struct fail *e)
{
	char text[512], state[6];

	parse_connect_error(PQerrorMessage(c->conn), text, state);
	*ret_retry = !state[0] && !PQconnectionNeedsPassword(c->conn);
	for (size_t i = 0; passing_states[i]; i++)
		*ret_retry |= !strcmp(state, passing_states[i]);
	return fail(e, FAIL_DB, "%s: sql: connect: %s after %.1f s", c->name, text, elapsed_s(c));
}

/* Drive PQconnectPoll() or PQresetPoll() to its end. */
static int connect_poll(struct sql *c, PostgresPollingStatusType (*step)(PGconn *), int64_t deadline_ms,
			bool *ret_retry, struct fail *e)
{
	PostgresPollingStatusType now = PGRES_POLLING_WRITING; /* as libpq says, before the first step */

	*ret_retry = true;
	while (now != PGRES_POLLING_OK) {
		enum wait got;

		if (now == PGRES_POLLING_FAILED || PQstatus(c->conn) == CONNECTION_BAD)
			return connect_failed(c, ret_retry, e);
		got = wait_socket(c, now == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms);
		if (got == WAIT_CANCELED)
			return fail(e, FAIL_CANCELED, "%s: sql: connect: canceled after %.1f s", c->name, elapsed_s(c));
		if (got == WAIT_TIMEOUT)
			return fail(e, FAIL_TIMEOUT, "%s: sql: connect: no answer after %.1f s", c->name, elapsed_s(c));
		now = step(c->conn);
	}
	PQsetnonblocking(c->conn, 1);
	c->broken = false;
	return 0;
}

static int connect_once(struct sql *c, const struct sql_target *t, int64_t deadline_ms, bool *ret_retry,
			struct fail *e)
{
	char port[16];
	/* prefer: one round trip more where the server has no TLS (Postgres-XC), encrypted where it has. */
	const char *const keys[] = { "hostaddr", "port", "user", "password", "dbname", "client_encoding",
				     "application_name", "gssencmode", "sslmode", "keepalives_idle",
				     "keepalives_interval", "keepalives_count", "tcp_user_timeout", NULL };
	const char *const values[] = { t->ip, port, t->user, t->password, t->database, "UTF8",
				       "labctl", "disable", "prefer", "10",
				       "10", "5", "60000", NULL };

	snprintf(port, sizeof(port), "%u", t->port);
	c->conn = PQconnectStartParams(keys, values, 0);
	if (!c->conn)
		abort();
	PQsetErrorVerbosity(c->conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(c->conn, notice_add, c);
	return connect_poll(c, PQconnectPoll, deadline_ms, ret_retry, e);
}

/* False when canceled meanwhile. */
static bool pause_for(const struct sql *c, int64_t pause_ms, int64_t deadline_ms)
{
	int64_t end_ms = clock_after_ms(pause_ms);

	if (end_ms > deadline_ms)
		end_ms = deadline_ms;
	while (clock_left_ms(end_ms) > 0 && !sql_canceled(c))
		clock_sleep_ms(clock_poll_ms(end_ms, CANCEL_LOOK_MS));
	return !sql_canceled(c);
}

int sql_open(const struct sql_target *t, bool wait, int64_t deadline_ms, struct sql **ret_sql, struct fail *e)
{
	auto_(sql_close) struct sql *c = calloc(1, sizeof(*c));
	int64_t pause_ms = PAUSE_MIN_MS;
	struct fail kept = { 0 };

	if (!c)
		abort();
	snprintf(c->name, sizeof(c->name), "node %s (%s:%u)", t->node, t->ip, t->port);
	c->cancel = t->cancel;
	c->started_ms = clock_now_ms();
	for (;;) {
		int64_t try_end_ms = wait && clock_left_ms(deadline_ms) > TRY_MS ? clock_after_ms(TRY_MS) : deadline_ms;
		struct fail last = { 0 };
		bool retry = false;

		if (connect_once(c, t, try_end_ms, &retry, &last) == 0)
			break;
		PQfinish(c->conn);
		c->conn = NULL;
		if (!kept.code || last.code != FAIL_TIMEOUT)
			kept = last; /* a last try that the deadline cut short says less than the one before */
		if (!wait || !retry || last.code == FAIL_CANCELED || clock_left_ms(deadline_ms) == 0) {
			*e = kept;
			if (wait && retry && kept.code == FAIL_DB)
				e->code = FAIL_TIMEOUT;
			return -1;
		}
		if (!pause_for(c, pause_ms, deadline_ms))
			return fail(e, FAIL_CANCELED, "%s: sql: connect: canceled after %.1f s", c->name, elapsed_s(c));
		pause_ms = pause_ms * 3 / 2 < PAUSE_MAX_MS ? pause_ms * 3 / 2 : PAUSE_MAX_MS;
	}
	*ret_sql = steal(c);
	return 0;
}

void sql_close(struct sql *c)
{
	if (!c)
		return;
	PQfinish(c->conn);
	strbuf_clear(&c->notices);
	free(c);
}

/* ---- stop a query ---- */

/* PQcancel() connects and waits without a deadline: it gets a thread that may outlive our patience. */
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

/* Ask the server to end the running query; waits at most STOP_GRACE_MS for the request to be delivered. */
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

/* Cancel and drain, so that the connection can be used again; else it is broken. */
static void stop_query(struct sql *c)
{
	int64_t end_ms = clock_after_ms(STOP_GRACE_MS);
	const atomic_bool *cancel = c->cancel;
	PGresult *res;

	c->broken = true;
	c->cancel = NULL; /* a canceled run still drains */
	request_stop(c);
	for (;;) {
		while (PQisBusy(c->conn))
			if (wait_socket(c, POLLIN, end_ms) != WAIT_READY || !PQconsumeInput(c->conn))
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
	return fail(e, FAIL_DB, "%s: sql: connection lost: %.*s after %.1f s", c->name, (int)strcspn(said, "\n"), said,
		    elapsed_s(c));
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
	return fail_evidence(e, strbuf_text(&c->notices), EVIDENCE_LINES);
}

static int fail_wait(struct sql *c, enum wait got, struct fail *e)
{
	double after_s = elapsed_s(c);

	stop_query(c);
	if (got == WAIT_CANCELED)
		return fail(e, FAIL_CANCELED, "%s: sql: canceled after %.1f s", c->name, after_s);
	return fail(e, FAIL_TIMEOUT, "%s: sql: no answer after %.1f s", c->name, after_s);
}

/* With @params by the extended protocol, one statement; without by the simple one, which takes a batch. */
static int send_query(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms, struct fail *e)
{
	int left, count = 0;

	while (params && params[count])
		count++;
	if (!(params ? PQsendQueryParams(c->conn, query, count, NULL, params, NULL, NULL, 0) : PQsendQuery(c->conn, query)))
		return fail_lost(c, e);
	while ((left = PQflush(c->conn)) > 0) {
		enum wait got = wait_socket(c, POLLIN | POLLOUT, deadline_ms);

		if (got != WAIT_READY)
			return fail_wait(c, got, e);
		if (!PQconsumeInput(c->conn))
			return fail_lost(c, e);
	}
	return left < 0 ? fail_lost(c, e) : 0;
}

/* Next result, NULL after the last. */
static int next_result(struct sql *c, int64_t deadline_ms, PGresult **ret, struct fail *e)
{
	while (PQisBusy(c->conn)) {
		enum wait got = wait_socket(c, POLLIN, deadline_ms);

		if (got != WAIT_READY)
			return fail_wait(c, got, e);
		if (!PQconsumeInput(c->conn))
			return fail_lost(c, e);
	}
	*ret = PQgetResult(c->conn);
	return 0;
}

/* Runs a batch to its end. *ret_rows = the last result that has rows (or could have); NULL when none. */
static int run_query(struct sql *c, const char *query, const char *const *params, int64_t deadline_ms,
		     PGresult **ret_rows, struct fail *e)
{
	auto_(PQclear) PGresult *rows = NULL;
	struct fail first = { 0 };

	c->started_ms = clock_now_ms();
	strbuf_truncate(&c->notices, 0);
	if (c->broken || PQstatus(c->conn) != CONNECTION_OK)
		return fail(e, FAIL_DB, "%s: sql: the connection ended with an earlier failure", c->name);
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
			c->broken = true; /* nobody here speaks that protocol: the connection is given up */
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

int sql_restore(struct sql *c, int64_t deadline_ms, struct fail *e)
{
	bool retry;

	c->started_ms = clock_now_ms();
	if (c->broken || PQstatus(c->conn) != CONNECTION_OK) {
		c->broken = true;
		if (!PQresetStart(c->conn))
			return connect_failed(c, &retry, e);
		return connect_poll(c, PQresetPoll, deadline_ms, &retry, e);
	}
	if (PQtransactionStatus(c->conn) == PQTRANS_IDLE)
		return 0;
	return sql_value(c, "ROLLBACK", deadline_ms, NULL, NULL, e);
}
