/* SPDX-License-Identifier: PostgreSQL */
#include "coproc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define END_MS 5000
#define POLL_MS 1000
#define ERRORS_BYTES 4096u

extern char **environ;

struct coproc {
	pid_t pid;
	int in, out, err;      /* its standard input and output; a file in memory with its errors */
	struct strbuf rest;    /* read, but not returned yet */
	size_t searched;       /* bytes of .rest without a newline */
};

/* Closes nothing: everything of ours is close-on-exec. */
static int spawn(const char *const *argv, int in, int out, int err, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	error = posix_spawnp(ret_pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int coproc_start(const char *const *argv, struct coproc **ret, struct fail *e)
{
	auto_(close) int child_in = -1, child_out = -1, in = -1, out = -1, err = memfd_create("errors", MFD_CLOEXEC);
	struct coproc *c;
	int ends[2], error;
	pid_t pid;

	if (err < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(e, FAIL_OTHER, "start %s", argv[0]);
	child_in = ends[0];
	in = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(e, FAIL_OTHER, "start %s", argv[0]);
	out = ends[0];
	child_out = ends[1];
	if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
		return fail_errno(e, FAIL_OTHER, "start %s", argv[0]);
	if ((error = spawn(argv, child_in, child_out, err, &pid))) {
		errno = error;
		return fail_errno(e, FAIL_HOST, "start %s", argv[0]);
	}
	if (!(c = calloc(1, sizeof *c)))
		abort();
	*c = (struct coproc){ .pid = pid, .in = in, .out = out, .err = err };
	in = out = err = -1;
	*ret = c;
	return 0;
}

static int send_all(struct coproc *c, const char *data, size_t len, int64_t deadline_ms, struct fail *e)
{
	while (len) {
		ssize_t put = write(c->in, data, len); /* labctl ignores SIGPIPE */
		struct pollfd poll_in = { .fd = c->in, .events = POLLOUT };

		if (put > 0) {
			data += put;
			len -= (size_t)put;
		} else if (put < 0 && errno != EAGAIN && errno != EINTR) {
			return fail_errno(e, FAIL_OTHER, "send");
		} else if (clock_left_ms(deadline_ms) == 0) {
			return fail(e, FAIL_TIMEOUT, "send: timed out");
		} else {
			poll(&poll_in, 1, clock_poll_ms(deadline_ms, POLL_MS));
		}
	}
	return 0;
}

int coproc_send(struct coproc *c, const char *line, int64_t deadline_ms, struct fail *e)
{
	return send_all(c, line, strlen(line), deadline_ms, e) < 0 ? -1 : send_all(c, "\n", 1, deadline_ms, e);
}

/* Moves the first line of what was read to @line; false if it has not ended yet. */
static bool take_line(struct coproc *c, struct strbuf *line)
{
	char *end = c->rest.len > c->searched ? memchr(c->rest.text + c->searched, '\n', c->rest.len - c->searched) : NULL;
	size_t len;

	c->searched = c->rest.len;
	if (!end)
		return false;
	len = (size_t)(end - c->rest.text);
	strbuf_truncate(line, 0);
	strbuf_add(line, c->rest.text, len);
	memmove(c->rest.text, end + 1, c->rest.len - len - 1);
	strbuf_truncate(&c->rest, c->rest.len - len - 1);
	c->searched = 0;
	return true;
}

int coproc_line(struct coproc *c, int64_t deadline_ms, struct strbuf *line, struct fail *e)
{
	char part[16384];

	while (!take_line(c, line)) {
		struct pollfd poll_out = { .fd = c->out, .events = POLLIN };
		ssize_t got;

		if (clock_left_ms(deadline_ms) == 0)
			return fail(e, FAIL_TIMEOUT, "no answer");
		if (poll(&poll_out, 1, clock_poll_ms(deadline_ms, POLL_MS)) <= 0)
			continue;
		got = read(c->out, part, sizeof part);
		if (got == 0)
			return fail(e, FAIL_NOT_FOUND, "the connection ended");
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return fail_errno(e, FAIL_OTHER, "receive");
		if (got > 0)
			strbuf_add(&c->rest, part, (size_t)got);
		if (c->rest.len > COPROC_LINE_MAX)
			return fail(e, FAIL_OTHER, "a line is longer than %u MiB", COPROC_LINE_MAX >> 20);
	}
	return 0;
}

char *coproc_errors(const struct coproc *c)
{
	char *text = calloc(1, ERRORS_BYTES + 1);

	if (!text)
		abort();
	if (pread(c->err, text, ERRORS_BYTES, 0) < 0)
		*text = '\0';
	return text;
}

void coproc_hang_up(struct coproc *c)
{
	if (c->in >= 0)
		close(c->in);
	c->in = -1;
}

void coproc_kill(struct coproc *c)
{
	kill(-c->pid, SIGKILL);
}

/* Waits, and leaves the process to coproc_end(): until then its id stays its own. */
static bool await_end(const struct coproc *c, int64_t wait_ms, siginfo_t *ret)
{
	int64_t deadline = clock_after_ms(wait_ms);

	for (;; clock_sleep_ms(10)) {
		*ret = (siginfo_t){ 0 };
		if (waitid(P_PID, (id_t)c->pid, ret, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
			return true;
		if (ret->si_pid)
			return true;
		if (clock_left_ms(deadline) == 0)
			return false;
	}
}

int coproc_status(const struct coproc *c, int64_t wait_ms)
{
	siginfo_t info;

	return await_end(c, wait_ms, &info) && info.si_code == CLD_EXITED ? info.si_status : -1;
}

void coproc_end(struct coproc *c)
{
	siginfo_t info;

	if (!c)
		return;
	coproc_hang_up(c);
	if (!await_end(c, END_MS, &info))
		kill(-c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->out);
	close(c->err);
	strbuf_clear(&c->rest);
	free(c);
}
