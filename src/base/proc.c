/* SPDX-License-Identifier: PostgreSQL */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "file.h"

#define ERROR_KEPT_BYTES 8192u
#define LINE_MAX_BYTES 65536u /* the rest of a longer line is dropped */
#define TERM_GRACE_MS 2000
#define POLL_MS 100 /* longest delay until a cancel is seen */

extern char **environ;

struct child {
	const struct proc *p;
	pid_t pid;
	int in, out, err;           /* our ends of the pipes; -1 = closed or unused */
	size_t in_done;
	struct strbuf line, errors; /* unfinished line of stdout; last part of stderr */
};

static void child_close(struct child *c)
{
	int *ends[] = { &c->in, &c->out, &c->err };

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		if (*ends[i] >= 0)
			close(*ends[i]);
		*ends[i] = -1;
	}
	strbuf_clear(&c->line);
	strbuf_clear(&c->errors);
}

/* Search PATH before the fork: execvp() after it is not async-signal-safe in a threaded program. */
static int find_program(const char *name, char ret_path[4096])
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return snprintf(ret_path, 4096, "%s", name) < 4096 && access(name, X_OK) == 0 ? 0 : -1;
	for (const char *p = path && *path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"; *p;) {
		size_t len = strcspn(p, ":");

		if (snprintf(ret_path, 4096, "%.*s/%s", (int)len, p, name) < 4096 && access(ret_path, X_OK) == 0)
			return 0;
		p += len + (p[len] == ':');
	}
	/* labctl is often run by sudo or cron with a PATH without the system directories. */
	snprintf(ret_path, 4096, "/usr/sbin/%s", name);
	return access(ret_path, X_OK);
}

bool proc_found(const char *program)
{
	char path[4096];

	return find_program(program, path) == 0;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

/*
 * Makes socket(AF_INET6, ...) fail with EAFNOSUPPORT and allows all else. No security boundary: programs of another
 * architecture have other system call numbers and are not filtered.
 */
static int forbid_ipv6(void)
{
	static const struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = ARRAY_COUNT(rules), .filter = (struct sock_filter *)(uintptr_t)rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/*
 * Makes @fds 0, 1 and 2. Moves them all above 2 first: if the caller had 0-2 closed, a pipe may have got one of these
 * numbers, and would be overwritten by its neighbour or keep close-on-exec, which dup2() to itself does not clear.
 */
static int take_streams(const int fds[3])
{
	int high[3];

	for (int i = 0; i < 3; i++)
		if ((high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) < 0)
			return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return -1;
	return 0;
}

/* After the fork: only async-signal-safe calls. Writes errno to @report when it cannot start. */
__attribute__((noreturn)) static void run_child(const struct proc *p, const char *path, const int fds[3],
						pid_t parent, int report)
{
	sigset_t none;
	int error;

	/* If the caller had 0-2 closed, the report pipe may have got one of these numbers: move it as well. */
	if (report < 3 && (report = fcntl(report, F_DUPFD_CLOEXEC, 3)) < 0)
		_exit(127);
	/* Die with labctl, however it ends: an orphan would collide with what the next labctl does. */
	if (!p->detach && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if ((p->detach ? setsid() : setpgid(0, 0)) < 0 && errno != EPERM)
		goto out;
	if (take_streams(fds) < 0)
		goto out;
	/* Close a library's connections at exec: a long-lived server would keep them open. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (p->chroot && (chroot(p->chroot) < 0 || chdir("/") < 0))
		goto out;
	if (p->dir && chdir(p->dir) < 0)
		goto out;
	if (p->no_ipv6)
		forbid_ipv6(); /* best effort: without seccomp in the kernel, IPv6 stays on */
	execve(path, (char *const *)(void *)p->argv, environ);
out:
	error = errno;
	(void)!write(report, &error, sizeof error);
	_exit(127);
}

static int open_pipe(int ret_ends[2], struct fail *e)
{
	return pipe2(ret_ends, O_CLOEXEC) < 0 ? fail_errno(e, FAIL_OTHER, "pipe") : 0;
}

static int start(struct child *c, struct fail *e)
{
	const struct proc *p = c->p;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, report[2] = { -1, -1 };
	auto_(close) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), log_fd = -1;
	bool want_out = p->out || p->line;
	char path[4096];
	pid_t self = getpid();
	int error = 0, r = -1;

	if (p->chroot)
		snprintf(path, sizeof path, "%s", p->argv[0]); /* absolute, inside the new root */
	else if (find_program(p->argv[0], path) < 0)
		return fail(e, FAIL_HOST, "%s: not installed", p->argv[0]);
	if (p->log_path) {
		log_fd = open(p->log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (log_fd < 0)
			return fail_errno(e, FAIL_OTHER, "%s", p->log_path);
	}
	if ((p->input && open_pipe(in, e) < 0) || (want_out && open_pipe(out, e) < 0) ||
	    (!p->log_path && open_pipe(err, e) < 0) || open_pipe(report, e) < 0)
		goto done;
	c->pid = fork();
	if (c->pid < 0) {
		fail_errno(e, FAIL_OTHER, "%s: fork", p->argv[0]);
		goto done;
	}
	if (c->pid == 0) {
		int fds[3] = { p->input ? in[0] : null_fd, want_out ? out[1] : log_fd >= 0 ? log_fd : null_fd,
			       log_fd >= 0 ? log_fd : err[1] };

		run_child(p, path, fds, self, report[1]);
	}
	close(report[1]);
	report[1] = -1;
	if (read(report[0], &error, sizeof error) == (ssize_t)sizeof error) {
		waitpid(c->pid, NULL, 0);
		errno = error;
		fail_errno(e, error == ENOENT ? FAIL_HOST : FAIL_OTHER, "%s", p->argv[0]);
		goto done;
	}
	if (!p->detach)
		setpgid(c->pid, c->pid); /* here too: either process may run first */
	c->in = in[1], c->out = out[0], c->err = err[0];
	in[1] = out[0] = err[0] = -1;
	if (c->in >= 0)
		fcntl(c->in, F_SETFL, O_NONBLOCK);
	r = 0;
done:
	for (int i = 0; i < 2; i++) {
		int ends[] = { in[i], out[i], err[i], report[i] };

		for (size_t k = 0; k < ARRAY_COUNT(ends); k++)
			if (ends[k] >= 0)
				close(ends[k]);
	}
	return r;
}

static void take_out(struct child *c, const char *data, size_t len)
{
	const struct proc *p = c->p;

	if (p->out && p->out->len < PROC_OUT_MAX_BYTES)
		strbuf_add(p->out, data, len);
	if (!p->line)
		return;
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (c->line.len < LINE_MAX_BYTES)
				strbuf_char(&c->line, data[i]);
			continue;
		}
		p->line(p->line_ctx, strbuf_text(&c->line));
		strbuf_truncate(&c->line, 0);
	}
}

static void take_err(struct child *c, const char *data, size_t len)
{
	if (c->errors.len > 2 * ERROR_KEPT_BYTES) {
		memmove(c->errors.text, c->errors.text + c->errors.len - ERROR_KEPT_BYTES, ERROR_KEPT_BYTES);
		strbuf_truncate(&c->errors, ERROR_KEPT_BYTES);
	}
	strbuf_add(&c->errors, data, len);
}

/* Reads what is available; closes @fd at end of file or on error. */
static void drain(struct child *c, int *fd, void (*take)(struct child *, const char *, size_t))
{
	char block[16384];
	ssize_t got = read(*fd, block, sizeof block);

	if (got > 0) {
		take(c, block, (size_t)got);
	} else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
		close(*fd);
		*fd = -1;
	}
}

static void feed(struct child *c)
{
	ssize_t put = write(c->in, c->p->input + c->in_done, c->p->input_len - c->in_done);

	if (put > 0)
		c->in_done += (size_t)put;
	if (c->in_done == c->p->input_len || (put < 0 && errno != EAGAIN && errno != EINTR)) {
		close(c->in);
		c->in = -1;
	}
}

/* TERM, a grace period, KILL: the whole group, so that grandchildren do not outlive the step. */
static void end_group(pid_t pid)
{
	int64_t grace = clock_after_ms(TERM_GRACE_MS);

	kill(-pid, SIGTERM);
	while (clock_left_ms(grace) > 0) {
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			kill(-pid, SIGKILL);
			return;
		}
		clock_sleep_ms(20);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Moves data until the child has exited. @ret_status as in proc_run(). */
static int pump(struct child *c, int *ret_status, struct fail *e)
{
	const struct proc *p = c->p;
	int64_t look = clock_after_ms(PROC_LOOK_MS);

	for (;;) {
		struct pollfd fds[3] = { { .fd = c->in, .events = POLLOUT }, { .fd = c->out, .events = POLLIN },
					 { .fd = c->err, .events = POLLIN } };
		bool open_ends = c->out >= 0 || c->err >= 0;
		int status;

		if (p->cancel && atomic_load(p->cancel)) {
			end_group(c->pid);
			return fail(e, FAIL_CANCELED, "%s: canceled", p->argv[0]);
		}
		if (clock_left_ms(p->deadline_ms) == 0) {
			end_group(c->pid);
			return fail(e, FAIL_TIMEOUT, "%s: timed out", p->argv[0]);
		}
		if (p->look && clock_left_ms(look) == 0) {
			p->look(p->line_ctx);
			look = clock_after_ms(PROC_LOOK_MS);
		}
		/* With both pipes closed only the exit is left to wait for: poll often. */
		poll(fds, 3, clock_poll_ms(p->deadline_ms, open_ends ? POLL_MS : 5));
		if (c->in >= 0 && fds[0].revents)
			feed(c);
		if (c->out >= 0 && fds[1].revents)
			drain(c, &c->out, take_out);
		if (c->err >= 0 && fds[2].revents)
			drain(c, &c->err, take_err);
		if (waitpid(c->pid, &status, WNOHANG) != c->pid)
			continue;
		/* Read what is left in the pipes, without waiting for grandchildren that hold them open. */
		for (int *ends[] = { &c->out, &c->err }, i = 0; i < 2; i++)
			while (*ends[i] >= 0 && poll(&(struct pollfd){ .fd = *ends[i], .events = POLLIN }, 1, 0) > 0)
				drain(c, ends[i], i ? take_err : take_out);
		if (p->line && c->line.len)
			p->line(p->line_ctx, strbuf_text(&c->line));
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		return 0;
	}
}

static int run(const struct proc *p, int *ret_status, char **ret_errors, struct fail *e)
{
	struct child c = { .p = p, .in = -1, .out = -1, .err = -1 };
	int r = start(&c, e);

	if (r == 0) {
		r = pump(&c, ret_status, e);
		if (r < 0)
			fail_evidence(e, strbuf_text(&c.errors), 15);
		else if (ret_errors)
			*ret_errors = strbuf_steal(&c.errors);
	}
	child_close(&c);
	return r;
}

int proc_run(const struct proc *p, int *ret_status, struct fail *e)
{
	return run(p, ret_status, NULL, e);
}

int proc_check(const struct proc *p, struct fail *e)
{
	auto_(free) char *errors = NULL;
	int status;

	if (run(p, &status, &errors, e) < 0)
		return -1;
	if (status == 0)
		return 0;
	fail(e, FAIL_OTHER, "%s: exit status %d", p->argv[0], status);
	if (p->log_path) {
		auto_(free) char *tail = file_tail(p->log_path, 15);

		fail_evidence(e, tail, 15);
		return fail_next(e, "less %s", p->log_path);
	}
	return fail_evidence(e, errors, 15);
}
