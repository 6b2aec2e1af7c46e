/* SPDX-License-Identifier: PostgreSQL */
/*
 * Sessions: connect, wait, close; nothing blocks past its deadline. Host keys and authentication are in
 * ssh_auth.c, commands in ssh_run.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "ssh_session.h"
#include "trace.h"

#define WAIT_PAUSE_MIN_MS 50    /* between two attempts of ssh_wait() */
#define WAIT_PAUSE_MAX_MS 200
#define CONNECT_SHARE 3         /* the TCP connection gets 1/3 of an attempt's time: SYN retries come after 1, 3, 7 s */

static const char PHASE_CONNECT[] = "connect";

/* libssh2's own texts explain little ("transport read"); these say what happened. */
static const struct reason {
	int rc;
	const char *text;
} reasons[] = {
	{ LIBSSH2_ERROR_BANNER_RECV, "the node closed the connection before its SSH banner" },
	{ LIBSSH2_ERROR_KEX_FAILURE, "no algorithm in common with the node (has its sshd a host key of the pinned type?)" },
	{ LIBSSH2_ERROR_SOCKET_DISCONNECT, "the node closed the connection" },
	{ LIBSSH2_ERROR_SOCKET_SEND, "the connection broke while sending" },
	{ LIBSSH2_ERROR_SOCKET_RECV, "the connection broke while receiving" },
	{ LIBSSH2_ERROR_AUTHENTICATION_FAILED, "the node refused the lab's key" },
	{ LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, "the node refused the lab's key" },
	{ LIBSSH2_ERROR_CHANNEL_FAILURE, "the node refused to open a channel or to run the command" },
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_rc;

static void library_init(void)
{
	library_rc = libssh2_init(0);
}

int ssh_fail(struct ssh *s, enum fail_code code, const char *phase, struct fail *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(e, code, "node %s (%s): ssh: %s: %s after %.1f s", s->node, s->ip, phase, text,
		    (double)(clock_now_ms() - s->started_ms) / 1000);
}

int ssh_fail_code(struct ssh *s, const char *phase, int rc, struct fail *e)
{
	const char *text = NULL;
	char *said = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
		if (reasons[i].rc == rc)
			text = reasons[i].text;
	if (!text && s->session && libssh2_session_last_error(s->session, &said, NULL, 0) == rc && said && *said)
		text = said;
	if (s->io_errno && s->io_errno != EPIPE)
		text = strerror(s->io_errno);
	if (s->io_errno == EPIPE && !text)
		text = "the node closed the connection";
	ssh_fail(s, FAIL_SSH, phase, e, "%s", text ? text : "libssh2 failed without a reason");
	return fail_from_errno(e, s->io_errno);
}

int ssh_io_wait(struct ssh *s, const char *phase, short events, int64_t deadline_ms, struct fail *e)
{
	if (!events) {
		int directions = libssh2_session_block_directions(s->session);

		events |= directions & LIBSSH2_SESSION_BLOCK_INBOUND ? POLLIN : 0;
		events |= directions & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0;
	}
	for (;;) {
		struct pollfd p = { .fd = s->fd, .events = events ? events : POLLIN };

		if (s->cancel && atomic_load(s->cancel)) {
			s->broken = true;
			return ssh_fail(s, FAIL_CANCELED, phase, e, "canceled");
		}
		if (clock_left_ms(deadline_ms) == 0) {
			s->broken = true;
			return ssh_fail(s, FAIL_TIMEOUT, phase, e, "no answer");
		}
		if (peer_gone(&s->peer, s->fd, &s->asked_ms)) {
			s->broken = true;
			ssh_fail(s, FAIL_SSH, phase, e, "the node stopped answering");
			return fail_cause(e, CAUSE_NODE_OFF);
		}
		if (poll(&p, 1, clock_poll_ms(deadline_ms, SSH_CANCEL_MS)) > 0)
			return 0; /* also for errors and hang-ups: the repeated libssh2 call reports them */
	}
}

/*
 * sshd holds small packets back until ours are acknowledged (Nagle) and the kernel delays our acknowledgements:
 * 40 ms per exchange. TCP_QUICKACK is not sticky, so it is armed again after every read that emptied the socket
 * (libssh2 reads the banner byte by byte).
 */
static ssize_t receive(libssh2_socket_t fd, void *buffer, size_t length, int flags, void **abstract)
{
	struct ssh *s = *abstract;
	ssize_t n = recv(fd, buffer, length, flags);
	int on = 1;

	if (n > 0) {
		s->received += (uint64_t)n;
		if ((size_t)n < length)
			setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
		return n;
	}
	if (n == 0) {
		s->io_errno = EPIPE;
		return 0;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return -EAGAIN;
	s->io_errno = errno;
	return -errno;
}

static socklen_t parse_address(const struct ssh_target *t, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, t->ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)t->port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, t->ip, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)t->port);
		return sizeof(*v6);
	}
	return 0;
}

static void set_socket_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_QUICKACK, 1 },
		/* Notices a node that vanishes silently (switched off, packets dropped) before the deadline. */
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, PEER_PROBE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, PEER_PROBE_S },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_SILENT_MS },
	};

	for (size_t i = 0; i < ARRAY_COUNT(options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(options[i].value));
}

static int fail_connect(struct ssh *s, int error, struct fail *e)
{
	ssh_fail(s, FAIL_SSH, PHASE_CONNECT, e, "%s", strerror(error));
	return fail_from_errno(e, error);
}

static int connect_node(struct ssh *s, const struct ssh_target *t, int64_t deadline_ms, struct fail *e)
{
	struct sockaddr_storage address;
	socklen_t len = parse_address(t, &address);
	int error = 0;
	socklen_t error_len = sizeof(error);

	if (!len)
		return fail(e, FAIL_OTHER, "node %s: ssh: '%s' is not an IP address", t->node, t->ip);
	s->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return fail_connect(s, errno, e);
	set_socket_options(s->fd);
	if (connect(s->fd, (struct sockaddr *)&address, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return fail_connect(s, errno, e);
	if (ssh_io_wait(s, PHASE_CONNECT, POLLOUT, deadline_ms, e) < 0)
		return -1;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
		error = errno;
	return error ? fail_connect(s, error, e) : 0;
}

/*
 * Makes one attempt. *ret_final: the failure is definite and another attempt would not help soon:
 * another host key, key refused, a bad argument.
 */
static int open_once(const struct ssh_target *t, int64_t connect_deadline_ms, int64_t deadline_ms, bool *ret_final,
		     struct ssh **ret_ssh, struct fail *e)
{
	auto_(ssh_close) struct ssh *s = NULL;
	int rc = 0;

	*ret_final = true;
	if (pthread_once(&library_once, library_init) || library_rc)
		return fail(e, FAIL_OTHER, "libssh2_init failed (%d)", library_rc);
	if (access(t->private_key, R_OK) < 0)
		return fail_errno(e, FAIL_SSH, "node %s (%s): ssh: private key %s", t->node, t->ip, t->private_key);
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->fd = -1;
	s->node = strdup(t->node);
	s->ip = strdup(t->ip);
	s->cancel = t->cancel;
	s->peer = t->peer;
	s->started_ms = clock_now_ms();
	s->broken = true; /* no disconnect message before the handshake is complete */
	*ret_final = false;
	if (connect_node(s, t, connect_deadline_ms, e) < 0) {
		*ret_final = e->code == FAIL_OTHER;
		return -1;
	}
	s->session = libssh2_session_init_ex(NULL, NULL, NULL, s);
	if (!s->session || !s->node || !s->ip)
		abort();
	libssh2_session_set_blocking(s->session, 0);
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(s->session, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)receive);
#else
/* libssh2 before 1.11.1 passes callbacks as void *, which ISO C does not like. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
	libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_RECV, (void *)receive);
#pragma GCC diagnostic pop
#endif
	if (ssh_handshake(s, t, deadline_ms, e) < 0) {
		*ret_final = e->code == FAIL_OTHER || e->cause == CAUSE_HOST_KEY;
		return -1;
	}
	if (ssh_authenticate(s, t, deadline_ms, &rc, e) < 0) {
		*ret_final = rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED ||
			     rc == LIBSSH2_ERROR_FILE;
		return -1;
	}
	s->broken = false;
	*ret_ssh = steal(s);
	return 0;
}

static int try_open(const struct ssh_target *t, int64_t connect_deadline_ms, int64_t deadline_ms, bool *ret_final,
		    struct ssh **ret_ssh, struct fail *e)
{
	struct trace trace;
	int rc;

	trace_begin(&trace, TRACE_SSH, "%s: connect to %s:%u", t->node, t->ip, t->port);
	rc = open_once(t, connect_deadline_ms, deadline_ms, ret_final, ret_ssh, e);
	trace_end(&trace, TRACE_SSH, rc < 0 ? e : NULL, "%s", "");
	return rc;
}

int ssh_open(const struct ssh_target *t, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e)
{
	bool final;

	return try_open(t, deadline_ms, deadline_ms, &final, ret_ssh, e);
}

/* False when canceled. */
static bool pause_for(const struct ssh_target *t, int64_t pause_ms, int64_t deadline_ms)
{
	int64_t end_ms = clock_after_ms(pause_ms);

	if (end_ms > deadline_ms)
		end_ms = deadline_ms;
	while (clock_left_ms(end_ms) > 0) {
		if (t->cancel && atomic_load(t->cancel))
			return false;
		clock_sleep_ms(clock_poll_ms(end_ms, SSH_CANCEL_MS));
	}
	return !(t->cancel && atomic_load(t->cancel));
}

int ssh_wait(const struct ssh_target *t, int try_ms, int grace_ms, int64_t deadline_ms, struct ssh **ret_ssh,
	     struct fail *e)
{
	int64_t started_ms = clock_now_ms(), refused_ms = 0, pause_ms = WAIT_PAUSE_MIN_MS;
	unsigned tries = 0;
	struct fail last = { 0 }, kept = { 0 };

	for (;;) {
		int64_t try_end_ms = clock_after_ms(try_ms), connect_end_ms = clock_after_ms(try_ms / CONNECT_SHARE);
		bool final = false;

		if (try_end_ms > deadline_ms)
			try_end_ms = deadline_ms;
		if (connect_end_ms > try_end_ms)
			connect_end_ms = try_end_ms;
		tries++;
		if (try_open(t, connect_end_ms, try_end_ms, &final, ret_ssh, &last) == 0)
			return 0;
		if (last.code == FAIL_CANCELED || last.code == FAIL_OTHER)
			break;
		if (!kept.code || last.code != FAIL_TIMEOUT || clock_left_ms(deadline_ms) > 0)
			kept = last; /* a last attempt that the deadline cut short says less than the one before */
		/* The grace period starts at the first refusal, however long the node took to boot. */
		if (final && !refused_ms)
			refused_ms = clock_now_ms();
		if (final && clock_now_ms() - refused_ms >= grace_ms)
			break;
		if (!pause_for(t, pause_ms, deadline_ms))
			return fail(e, FAIL_CANCELED, "node %s (%s): ssh: canceled after %.1f s", t->node, t->ip,
				    (double)(clock_now_ms() - started_ms) / 1000);
		pause_ms = pause_ms * 3 / 2 < WAIT_PAUSE_MAX_MS ? pause_ms * 3 / 2 : WAIT_PAUSE_MAX_MS;
		if (clock_left_ms(deadline_ms) > 0)
			continue;
		return fail(e, FAIL_TIMEOUT, "node %s (%s): ssh: no session after %.1f s, %u tries; the last: %s", t->node,
			    t->ip, (double)(clock_now_ms() - started_ms) / 1000, tries, kept.text);
	}
	*e = last;
	return -1;
}

void ssh_set_cancel(struct ssh *s, const atomic_bool *cancel)
{
	s->cancel = cancel;
}

void ssh_close(struct ssh *s)
{
	if (!s)
		return;
	if (s->session) {
		if (!s->broken)
			libssh2_session_disconnect(s->session, "labctl is done"); /* once, without waiting: only a courtesy */
		/* After the shutdown, freeing channels cannot wait for the peer. */
		shutdown(s->fd, SHUT_RDWR);
		for (int i = 0; i < 1000 && libssh2_session_free(s->session) == LIBSSH2_ERROR_EAGAIN; i++)
			;
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s->node);
	free(s->ip);
	free(s);
}
