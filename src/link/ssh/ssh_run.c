/* SPDX-License-Identifier: PostgreSQL */
/*
 * Commands on an open session. Three rules of libssh2 shape the loop (each was a hang once):
 * a call that returned EAGAIN while sending must be repeated before any other call that may send;
 * block directions are valid only right after EAGAIN; a call may read the other stream's data
 * from the socket, so poll() is safe only after a pass that received nothing.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "quote.h"
#include "ssh_session.h"
#include "trace.h"

#define READ_BYTES 32768        /* one SSH packet of a channel */
#define EVIDENCE_LINES 20
#define SIGNAL_UNKNOWN 255

static const char PHASE_RUN[] = "run";

/* Names of RFC 4254, 6.10; numbers of Linux on all supported architectures. */
static const struct signal_name {
	const char *name;
	int number;
} signal_names[] = {
	{ "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "FPE", SIGFPE },   { "HUP", SIGHUP },   { "ILL", SIGILL },
	{ "INT", SIGINT },   { "KILL", SIGKILL }, { "PIPE", SIGPIPE }, { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV },
	{ "TERM", SIGTERM }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "BUS", SIGBUS },   { "XCPU", SIGXCPU },
	{ "TRAP", SIGTRAP }, { "SYS", SIGSYS },   { "XFSZ", SIGXFSZ },
};

struct exchange {
	struct ssh *s;
	const struct ssh_run *r;
	LIBSSH2_CHANNEL *channel;
	size_t sent;             /* bytes of the input sent so far */
	bool eof_sent;
	size_t out_bytes, err_bytes;
	struct strbuf partial;   /* stdout after the last newline, for .line */
	struct strbuf err_tail;  /* end of stderr, as evidence, if the caller does not take it */
	struct fail *e;
};

/* True if the last call stopped while sending and must be repeated before any other. */
static bool repeat_first(struct ssh *s)
{
	return libssh2_session_block_directions(s->session) & LIBSSH2_SESSION_BLOCK_OUTBOUND;
}

static int open_channel(struct exchange *u)
{
	struct ssh *s = u->s;
	int rc;

	while (!(u->channel = libssh2_channel_open_session(s->session))) {
		rc = libssh2_session_last_errno(s->session);
		if (rc != LIBSSH2_ERROR_EAGAIN)
			return ssh_fail_code(s, PHASE_RUN, rc, u->e);
		if (ssh_io_wait(s, PHASE_RUN, 0, u->r->deadline_ms, u->e) < 0)
			return -1;
	}
	return 0;
}

static int exec_command(struct exchange *u)
{
	const char *command = u->r->command;
	int rc;

	while ((rc = libssh2_channel_process_startup(u->channel, "exec", 4, command, (unsigned)strlen(command))) ==
	       LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(u->s, PHASE_RUN, 0, u->r->deadline_ms, u->e) < 0)
			return -1;
	return rc ? ssh_fail_code(u->s, PHASE_RUN, rc, u->e) : 0;
}

static void emit_lines(struct exchange *u, const char *data, size_t len)
{
	const char *newline;

	while ((newline = memchr(data, '\n', len))) {
		strbuf_add(&u->partial, data, (size_t)(newline - data));
		u->r->line(u->r->line_ctx, strbuf_text(&u->partial));
		strbuf_truncate(&u->partial, 0);
		len -= (size_t)(newline - data) + 1;
		data = newline + 1;
	}
	strbuf_add(&u->partial, data, len);
}

/* Keeps only the end of the output: enough for evidence. */
static void keep_tail(struct strbuf *b, const char *data, size_t len)
{
	const size_t room = 4096;

	if (b->len + len > 2 * room)
		strbuf_truncate(b, 0);
	strbuf_add(b, len > room ? data + len - room : data, len > room ? room : len);
}

static void take_output(struct exchange *u, bool is_err, const char *data, size_t len)
{
	struct strbuf *wanted = is_err ? u->r->err : u->r->out;

	*(is_err ? &u->err_bytes : &u->out_bytes) += len;
	if (wanted)
		strbuf_add(wanted, data, len);
	else if (is_err)
		keep_tail(&u->err_tail, data, len);
	if (!is_err && u->r->line)
		emit_lines(u, data, len);
	if (u->r->data)
		u->r->data(u->r->data_ctx, is_err, data, len);
}

/* Reads one stream until nothing is left. Sets *moved if it read anything. */
static int pump_out(struct exchange *u, bool is_err, bool *moved)
{
	char data[READ_BYTES];
	size_t total;
	ssize_t n;

	for (;;) {
		n = libssh2_channel_read_ex(u->channel, is_err ? SSH_EXTENDED_DATA_STDERR : 0, data, sizeof(data));
		if (n == LIBSSH2_ERROR_EAGAIN && repeat_first(u->s)) {
			if (ssh_io_wait(u->s, PHASE_RUN, POLLOUT, u->r->deadline_ms, u->e) < 0)
				return -1;
			continue;
		}
		if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
			return 0;
		if (n < 0)
			return ssh_fail_code(u->s, PHASE_RUN, (int)n, u->e);
		*moved = true;
		total = (is_err ? u->err_bytes : u->out_bytes) + (size_t)n;
		if (total > SSH_OUT_MAX_BYTES && !(u->r->data && !u->r->out && !u->r->err))
			return ssh_fail(u->s, FAIL_SSH, PHASE_RUN, u->e, "the command printed more than %u MiB on %s",
					SSH_OUT_MAX_BYTES >> 20, is_err ? "stderr" : "stdout");
		take_output(u, is_err, data, (size_t)n);
		if (u->s->cancel && atomic_load(u->s->cancel))
			return ssh_fail(u->s, FAIL_CANCELED, PHASE_RUN, u->e, "canceled");
		if (clock_left_ms(u->r->deadline_ms) == 0)
			return ssh_fail(u->s, FAIL_TIMEOUT, PHASE_RUN, u->e, "the command timed out");
	}
}

/* Sends the input, then EOF. If the command closed its stdin early, that is not a failure. */
static int pump_in(struct exchange *u, bool *moved)
{
	const char *input = u->r->input;
	size_t len = input ? u->r->input_len : 0;
	ssize_t n;

	while (u->sent < len && !libssh2_channel_eof(u->channel)) {
		n = libssh2_channel_write(u->channel, input + u->sent, len - u->sent);
		if (n == LIBSSH2_ERROR_EAGAIN && repeat_first(u->s)) {
			if (ssh_io_wait(u->s, PHASE_RUN, POLLOUT, u->r->deadline_ms, u->e) < 0)
				return -1;
			continue;
		}
		if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
			return 0; /* the window is full: the node must read first */
		if (n == LIBSSH2_ERROR_CHANNEL_CLOSED || n == LIBSSH2_ERROR_CHANNEL_EOF_SENT)
			u->sent = len;
		else if (n < 0)
			return ssh_fail_code(u->s, PHASE_RUN, (int)n, u->e);
		else
			u->sent += (size_t)n;
		*moved = true;
	}
	if (u->eof_sent || (u->sent < len && !libssh2_channel_eof(u->channel)))
		return 0;
	while ((n = libssh2_channel_send_eof(u->channel)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(u->s, PHASE_RUN, POLLOUT, u->r->deadline_ms, u->e) < 0)
			return -1;
	u->eof_sent = true;
	*moved = true;
	return 0;
}

static int pump(struct exchange *u)
{
	for (;;) {
		uint64_t received = u->s->received;
		bool moved = false;

		if (pump_in(u, &moved) < 0 || pump_out(u, false, &moved) < 0 || pump_out(u, true, &moved) < 0)
			return -1;
		if (moved || u->s->received != received)
			continue;
		if (libssh2_channel_eof(u->channel))
			return 0;
		if (ssh_io_wait(u->s, PHASE_RUN, POLLIN, u->r->deadline_ms, u->e) < 0)
			return -1;
	}
}

/* libssh2_channel_get_exit_status() is 0 for a command that was killed by a signal: check for a signal first. */
static int exit_status(struct exchange *u)
{
	char *name = NULL;
	size_t len = 0;
	int status = SIGNAL_UNKNOWN;

	libssh2_channel_get_exit_signal(u->channel, &name, &len, NULL, NULL, NULL, NULL);
	if (!name)
		return libssh2_channel_get_exit_status(u->channel) & 0xff;
	for (size_t i = 0; i < ARRAY_COUNT(signal_names); i++) {
		size_t known = strlen(signal_names[i].name);

		if (len >= known && !strncmp(name, signal_names[i].name, known) && (len == known || name[known] == '@'))
			status = 128 + signal_names[i].number;
	}
	libssh2_free(u->s->session, name);
	return status;
}

/* The exit status is valid only after the node has closed the channel too. */
static int finish(struct exchange *u, int *ret_status)
{
	int rc;

	while ((rc = libssh2_channel_wait_closed(u->channel)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(u->s, PHASE_RUN, 0, u->r->deadline_ms, u->e) < 0)
			return -1;
	if (rc)
		return ssh_fail_code(u->s, PHASE_RUN, rc, u->e);
	*ret_status = exit_status(u);
	while ((rc = libssh2_channel_free(u->channel)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(u->s, PHASE_RUN, 0, u->r->deadline_ms, u->e) < 0)
			return -1;
	u->channel = NULL;
	if (u->r->line && u->partial.len)
		u->r->line(u->r->line_ctx, strbuf_text(&u->partial));
	return 0;
}

static int run_once(struct ssh *s, const struct ssh_run *r, int *ret_status, struct fail *e)
{
	struct exchange u = { .s = s, .r = r, .e = e };
	int rc = -1, status = 0;

	s->started_ms = clock_now_ms();
	if (s->broken)
		return ssh_fail(s, FAIL_SSH, PHASE_RUN, e, "the session was closed after an earlier failure");
	if (open_channel(&u) == 0 && exec_command(&u) == 0) {
		rc = pump(&u) < 0 ? -1 : finish(&u, &status);
		if (rc < 0 && e->code == FAIL_TIMEOUT)
			ssh_fail(s, FAIL_TIMEOUT, PHASE_RUN, e, "the command timed out");
	}
	if (rc == 0) {
		*ret_status = status;
	} else {
		/* A call on the channel is incomplete: ssh_close() frees the channel with the session. */
		s->broken = true;
		fail_evidence(e, strbuf_text(r->err ? r->err : &u.err_tail), EVIDENCE_LINES);
	}
	strbuf_clear(&u.partial);
	strbuf_clear(&u.err_tail);
	return rc;
}

int ssh_run(struct ssh *s, const struct ssh_run *r, int *ret_status, struct fail *e)
{
	char program[TRACE_WHAT_MAX];
	struct trace trace;
	int rc;

	trace_begin(&trace, TRACE_SSH, "%s: run %s, %zu bytes of input", s->node, trace_program(r->command, program),
		    r->input_len);
	rc = run_once(s, r, ret_status, e);
	trace_end(&trace, TRACE_SSH, rc < 0 ? e : NULL, "status %d", rc < 0 ? 0 : *ret_status);
	return rc;
}

/* Opens and closes an empty channel: sshd itself must answer, not only the node's kernel. */
bool ssh_alive(struct ssh *s, int64_t deadline_ms)
{
	struct fail ignored = { 0 };
	struct ssh_run r = { .deadline_ms = deadline_ms };
	struct exchange u = { .s = s, .r = &r, .e = &ignored };
	int rc;

	s->started_ms = clock_now_ms();
	if (s->broken)
		return false;
	if (open_channel(&u) < 0) {
		s->broken = true;
		return false;
	}
	while ((rc = libssh2_channel_free(u.channel)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(s, PHASE_RUN, 0, deadline_ms, &ignored) < 0)
			return false;
	s->broken = rc != 0;
	return rc == 0;
}
