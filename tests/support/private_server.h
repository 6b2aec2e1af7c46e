/* SPDX-License-Identifier: PostgreSQL */
/* For link tests: a temporary directory, free ports, child processes that die with the test, a private sshd. */
#ifndef LABCTL_TESTS_PRIVATE_SERVER_H
#define LABCTL_TESTS_PRIVATE_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "fail.h"
#include "file.h"
#include "proc.h"
#include "strbuf.h"

#define PRIVATE_PATH 256

/* Include cmocka.h first. */
#define assert_ok(call, e) \
	do { \
		if ((call) < 0) { \
			print_error("%s\n%s\n", (e).text, (e).evidence); \
			_fail(__FILE__, __LINE__); \
		} \
	} while (0)

#define assert_has(text, part) \
	do { \
		if (!strstr((text), (part))) { \
			print_error("no '%s' in: %s\n", (part), (text)); \
			_fail(__FILE__, __LINE__); \
		} \
	} while (0)

__attribute__((noreturn, format(printf, 1, 2))) static inline void private_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* A listening socket on a free port of 127.0.0.1. */
static inline int private_listen(int backlog, unsigned *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, backlog) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		private_die("listen: %s", strerror(errno));
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* A port that is free now. */
static inline unsigned private_port(void)
{
	unsigned port;

	close(private_listen(1, &port));
	return port;
}

static inline void private_tmpdir(char ret[PRIVATE_PATH])
{
	const char *base = getenv("TMPDIR");

	snprintf(ret, PRIVATE_PATH, "%s/labctl-test-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(ret) || chmod(ret, 0755) < 0)
		private_die("%s: %s", ret, strerror(errno));
}

/* Run a program to its end; exits if it fails. */
static inline void private_run(const char *const *argv)
{
	struct fail e = { 0 };
	struct proc p = { .argv = argv, .deadline_ms = clock_after_ms(120000) };

	if (proc_check(&p, &e) < 0)
		private_die("%s\n%s", e.text, e.evidence);
}

/* Start a server as @uid, output to @log; it is killed when the test dies. */
static inline pid_t private_spawn(const char *const *argv, uid_t uid, gid_t gid, const char *log)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!freopen("/dev/null", "r", stdin) || !freopen(log, "a", stdout) || dup2(1, 2) < 0)
		_exit(126);
	if (geteuid() == 0 && uid && (setgid(gid) < 0 || setuid(uid) < 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* again, because setuid() clears it */
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

static inline void private_stop(pid_t *pid, int sig)
{
	if (*pid > 0) {
		kill(*pid, sig);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static inline void private_write(const char *path, mode_t mode, const char *text)
{
	struct fail e = { 0 };

	if (file_write(path, text, strlen(text), mode, &e) < 0)
		private_die("%s", e.text);
}

/* ---- sshd ---- */

struct private_sshd {
	char dir[PRIVATE_PATH];
	char user_key[PRIVATE_PATH + 16], wrong_key[PRIVATE_PATH + 16];
	char *host_pub, *other_pub;  /* the server's key, and another one */
	const char *user;
	unsigned port;
	pid_t pid;
};

static inline void private_keygen(const char *path)
{
	const char *argv[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path, NULL };

	private_run(argv);
}

static inline void private_sshd_start(struct private_sshd *d)
{
	char conf[PRIVATE_PATH + 16], log[PRIVATE_PATH + 16];
	const char *argv[] = { "/usr/sbin/sshd", "-D", "-e", "-f", conf, NULL };

	snprintf(conf, sizeof(conf), "%s/sshd_config", d->dir);
	snprintf(log, sizeof(log), "%s/sshd.log", d->dir);
	d->pid = private_spawn(argv, 0, 0, log);
}

/* Makes keys and configuration; does not start it. */
static inline void private_sshd_prepare(struct private_sshd *d)
{
	auto_(strbuf_clear) struct strbuf conf = { 0 }, pub = { 0 }, other = { 0 };
	char path[PRIVATE_PATH + 32], auth[PRIVATE_PATH + 32];
	struct fail e = { 0 };

	private_tmpdir(d->dir);
	d->user = getpwuid(geteuid())->pw_name;
	d->port = private_port();
	snprintf(d->user_key, sizeof(d->user_key), "%s/user", d->dir);
	snprintf(d->wrong_key, sizeof(d->wrong_key), "%s/wrong", d->dir);
	private_keygen(d->user_key);
	private_keygen(d->wrong_key);
	snprintf(path, sizeof(path), "%s/host", d->dir);
	private_keygen(path);
	snprintf(path, sizeof(path), "%s/host.pub", d->dir);
	snprintf(auth, sizeof(auth), "%s/wrong.pub", d->dir);
	if (file_read(path, 4096, &pub, &e) < 0 || file_read(auth, 4096, &other, &e) < 0)
		private_die("%s", e.text);
	d->host_pub = strbuf_steal(&pub);
	d->other_pub = strbuf_steal(&other);
	snprintf(auth, sizeof(auth), "%s/user.pub", d->dir);
	strbuf_printf(&conf,
		      "ListenAddress 127.0.0.1\nPort %u\nHostKey %s/host\nPidFile none\nAuthorizedKeysFile %s\n"
		      "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n"
		      "KbdInteractiveAuthentication no\nMaxStartups 100\nPrintMotd no\n",
		      d->port, d->dir, auth);
	snprintf(path, sizeof(path), "%s/sshd_config", d->dir);
	private_write(path, 0600, strbuf_text(&conf));
	mkdir("/run/sshd", 0755); /* sshd requires this empty directory */
}

static inline void private_sshd_remove(struct private_sshd *d)
{
	struct fail e = { 0 };

	private_stop(&d->pid, SIGTERM);
	file_remove_tree(d->dir, &e);
	free(d->host_pub);
	free(d->other_pub);
}

#endif
