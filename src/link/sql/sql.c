/* SPDX-License-Identifier: PostgreSQL */
/*
 * Connections through libpq's asynchronous calls, so that nothing blocks past its deadline; queries are in sql_query.c.
 * Speaks to PostgreSQL 9.1 (Postgres-XC 1.0) and later: simple query protocol, no settings newer than 9.0.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "sql_session.h"
#include "trace.h"

#define CANCEL_LOOK_MS 100      /* how often a wait checks the cancel flag */
#define TRY_MS 5000             /* limit of a connection attempt if others may follow */
#define TRY_AGAIN_MS 500        /* limit of a plain TCP connection, to find the errno that libpq hides */
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 500
#define NOTICES_MAX_BYTES 16384

/* SQLSTATEs of a server that is starting, stopping or full: worth a retry. All others are final. */
static const char *const passing_states[] = { "57P03", "57P01", "57P02", "53300", NULL };

const char *sql_name(const struct sql *c)
{
	return c->name;
}

bool sql_canceled(const struct sql *c)
{
	return c->cancel && atomic_load(c->cancel);
}

bool sql_broken(const struct sql *c)
{
	return c->broken || PQstatus(c->conn) != CONNECTION_OK;
}

bool sql_idle(struct sql *c)
{
	struct pollfd p = { .fd = PQsocket(c->conn), .events = POLLIN };

	c->started_ms = clock_now_ms();
	return !sql_broken(c) && PQtransactionStatus(c->conn) == PQTRANS_IDLE && poll(&p, 1, 0) == 0;
}

bool sql_gone(struct sql *c)
{
	if (!c->gone && c->peer.gone && sql_broken(c))
		c->gone = c->peer.gone(c->peer.ctx);
	return c->gone;
}

double sql_elapsed_s(const struct sql *c)
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

enum sql_wait sql_wait(struct sql *c, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = PQsocket(c->conn), .events = events };

		if (sql_canceled(c))
			return WAIT_CANCELED;
		if (clock_left_ms(deadline_ms) == 0)
			return WAIT_TIMEOUT;
		if (peer_gone(&c->peer, p.fd, &c->asked_ms)) {
			c->gone = true;
			return WAIT_GONE;
		}
		if (poll(&p, 1, clock_poll_ms(deadline_ms, CANCEL_LOOK_MS)) > 0)
			return WAIT_READY;
	}
}

/* ---- failures ---- */

static const struct { const char *state; enum fail_cause cause; } causes[] = {
	{ "53100", CAUSE_NO_SPACE }, /* disk_full */
	{ "55006", CAUSE_IN_USE },   /* object_in_use */
};

int sql_fail_state(struct fail *e, const char *state)
{
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	for (size_t i = 0; i < ARRAY_COUNT(causes); i++)
		if (!strcmp(causes[i].state, state))
			e->cause = causes[i].cause;
	return -1;
}

int sql_fail_gone(struct sql *c, const char *during, struct fail *e)
{
	fail(e, FAIL_DB, "%s: sql: %sthe node stopped answering after %.1f s", c->name, during, sql_elapsed_s(c));
	return fail_cause(e, CAUSE_NODE_OFF);
}

/* ---- connect ---- */

/*
 * libpq gives no SQLSTATE for a refused connection, but with verbose messages its text contains it:
 * 'connection to server at "1.2.3.4", port 5432 failed: FATAL:  57P03: the database system is starting up\nLOCATION: ...'.
 * Keeps the first sentence. @ret_state is "" if the server did not answer.
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
	fail(e, FAIL_DB, "%s: sql: connect: %s after %.1f s", c->name, text, sql_elapsed_s(c));
	/* libpq does not give the errno: try the port ourselves. */
	return state[0] ? sql_fail_state(e, state) : fail_from_errno(e, peer_try(c->ip, c->port, TRY_AGAIN_MS));
}

/* Calls PQconnectPoll() or PQresetPoll() until it is done. */
static int connect_steps(struct sql *c, PostgresPollingStatusType (*step)(PGconn *), int64_t deadline_ms,
			 bool *ret_retry, struct fail *e)
{
	PostgresPollingStatusType now = PGRES_POLLING_WRITING; /* the state before the first call, by libpq's documentation */

	*ret_retry = true;
	while (now != PGRES_POLLING_OK) {
		enum sql_wait got;

		if (now == PGRES_POLLING_FAILED || PQstatus(c->conn) == CONNECTION_BAD)
			return connect_failed(c, ret_retry, e);
		got = sql_wait(c, now == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms);
		if (got == WAIT_CANCELED)
			return fail(e, FAIL_CANCELED, "%s: sql: connect: canceled after %.1f s", c->name, sql_elapsed_s(c));
		if (got == WAIT_TIMEOUT)
			return fail(e, FAIL_TIMEOUT, "%s: sql: connect: no answer after %.1f s", c->name, sql_elapsed_s(c));
		if (got == WAIT_GONE)
			return sql_fail_gone(c, "connect: ", e);
		now = step(c->conn);
	}
	PQsetnonblocking(c->conn, 1);
	c->broken = false;
	return 0;
}

static int connect_poll(struct sql *c, PostgresPollingStatusType (*step)(PGconn *), int64_t deadline_ms,
			bool *ret_retry, struct fail *e)
{
	struct trace trace;
	int rc;

	trace_begin(&trace, TRACE_SQL, "%s: connect to database %s as %s", c->name, PQdb(c->conn), PQuser(c->conn));
	rc = connect_steps(c, step, deadline_ms, ret_retry, e);
	trace_end(&trace, TRACE_SQL, rc < 0 ? e : NULL, "%s", "");
	return rc;
}

static int connect_once(struct sql *c, const struct sql_target *t, int64_t deadline_ms, bool *ret_retry,
			struct fail *e)
{
	char port[16], probe_s[16], silent_ms[16];
	/* prefer: encrypted if the server has TLS, one more round trip if not (Postgres-XC). */
	const char *const keys[] = { "hostaddr", "port", "user", "password", "dbname", "client_encoding",
				     "application_name", "gssencmode", "sslmode", "keepalives_idle",
				     "keepalives_interval", "keepalives_count", "tcp_user_timeout", NULL };
	const char *const values[] = { t->ip, port, t->user, t->password, t->database, "UTF8",
				       "labctl", "disable", "prefer", probe_s,
				       probe_s, "5", silent_ms, NULL };

	snprintf(port, sizeof(port), "%u", t->port);
	snprintf(probe_s, sizeof(probe_s), "%d", PEER_PROBE_S);
	snprintf(silent_ms, sizeof(silent_ms), "%d", PEER_SILENT_MS);
	c->conn = PQconnectStartParams(keys, values, 0);
	if (!c->conn)
		abort();
	PQsetErrorVerbosity(c->conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(c->conn, notice_add, c);
	return connect_poll(c, PQconnectPoll, deadline_ms, ret_retry, e);
}

/* True if the port stays closed: a server that starts or restarts opens it at once, before any recovery. */
static bool stays_refused(const struct fail *last, int64_t *refused_ms)
{
	if (last->cause != CAUSE_REFUSED)
		*refused_ms = 0;
	else if (!*refused_ms)
		*refused_ms = clock_now_ms();
	return *refused_ms && clock_now_ms() - *refused_ms >= SQL_REFUSED_MS;
}

/* False if canceled meanwhile. */
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
	int64_t pause_ms = PAUSE_MIN_MS, refused_ms = 0;
	struct fail kept = { 0 };

	if (!c)
		abort();
	snprintf(c->name, sizeof(c->name), "node %s (%s:%u)", t->node, t->ip, t->port);
	snprintf(c->ip, sizeof(c->ip), "%s", t->ip);
	c->port = t->port;
	c->cancel = t->cancel;
	c->peer = t->peer;
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
			kept = last; /* a last attempt that the deadline cut short says less than the one before */
		if (!wait || !retry || last.code == FAIL_CANCELED || clock_left_ms(deadline_ms) == 0 ||
		    stays_refused(&last, &refused_ms) || sql_gone(c)) {
			*e = kept;
			if (wait && retry && kept.code == FAIL_DB && clock_left_ms(deadline_ms) == 0)
				e->code = FAIL_TIMEOUT;
			return -1;
		}
		if (!pause_for(c, pause_ms, deadline_ms))
			return fail(e, FAIL_CANCELED, "%s: sql: connect: canceled after %.1f s", c->name, sql_elapsed_s(c));
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

int sql_restore(struct sql *c, int64_t deadline_ms, struct fail *e)
{
	bool retry;

	c->started_ms = clock_now_ms();
	if (sql_broken(c)) {
		c->broken = true;
		if (!PQresetStart(c->conn))
			return connect_failed(c, &retry, e);
		return connect_poll(c, PQresetPoll, deadline_ms, &retry, e);
	}
	if (PQtransactionStatus(c->conn) == PQTRANS_IDLE)
		return 0;
	return sql_value(c, "ROLLBACK", deadline_ms, NULL, NULL, e);
}
