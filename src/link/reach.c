/* SPDX-License-Identifier: PostgreSQL */
#include "reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "proc.h"

#define ANSWER_MS 3500 /* the kernel repeats its first packet after 1 and 3 s */
#define PROGRAM_MS 10000
#define INSIDE "eth0"

/* --- inside: only calls that are allowed after fork() in a program with threads --- */

static bool set_address(int fd, unsigned long request, uint32_t address)
{
	struct ifreq r = { .ifr_name = INSIDE };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };

	memcpy(&r.ifr_addr, &in, sizeof in);
	return ioctl(fd, request, &r) == 0;
}

static bool link_up(int fd)
{
	struct ifreq r = { .ifr_name = INSIDE, .ifr_flags = IFF_UP };

	return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

/* 0 = connected, else an errno. */
static int connect_from(const struct reach_from *from)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)from->port), .sin_addr.s_addr = htonl(from->to) };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof error;

	if (fd < 0 || !set_address(fd, SIOCSIFADDR, from->ip) || !set_address(fd, SIOCSIFNETMASK, UINT32_MAX << (32 - from->prefix_len)) ||
	    !link_up(fd))
		return EBADF;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, ANSWER_MS) != 1)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static void inside(const struct reach_from *from, int say, int hear)
{
	int error = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0)
		error = errno;
	if (write(say, &error, sizeof error) != sizeof error || error || read(hear, &error, sizeof error) != sizeof error)
		_exit(1);
	error = connect_from(from);
	_exit(write(say, &error, sizeof error) == sizeof error ? 0 : 1);
}

/* --- outside --- */

static int ip_link(const char *const *argv, struct fail *e)
{
	return proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(PROGRAM_MS) }, e);
}

/* A pair of links: one end in the namespace of @pid, the other on the bridge. */
static int connect_link(const struct reach_from *from, const char *name, pid_t pid, struct fail *e)
{
	char number[16];
	const char *const add[] = { "ip", "link", "add", name, "type", "veth", "peer", "name", INSIDE, "netns", number, NULL };
	const char *const up[] = { "ip", "link", "set", name, "master", from->bridge, "up", NULL };

	snprintf(number, sizeof number, "%d", (int)pid);
	return ip_link(add, e) < 0 || ip_link(up, e) < 0 ? -1 : 0;
}

static int hear(int fd, int *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ANSWER_MS + PROGRAM_MS) == 1 && read(fd, ret, sizeof *ret) == sizeof *ret ? 0 : -1;
}

static int ask(const struct reach_from *from, pid_t pid, int from_child, int to_child, int *ret_error, struct fail *e)
{
	char name[IFNAMSIZ];
	const char *const del[] = { "ip", "link", "delete", name, NULL };
	struct fail ignored = { 0 };
	int error = 0, r;

	if (hear(from_child, &error) < 0 || error)
		return fail(e, FAIL_HOST, "cannot make a network namespace: %s", strerror(error ? error : EIO));
	snprintf(name, sizeof name, "%.14sp", from->bridge);
	ip_link(del, &ignored); /* of a labctl that was killed just before */
	r = connect_link(from, name, pid, e);
	if (r == 0 && (write(to_child, &error, sizeof error) != sizeof error || hear(from_child, ret_error) < 0))
		r = fail(e, FAIL_HOST, "the connection from bridge %s was not tried in time", from->bridge);
	ip_link(del, &ignored);
	if (r < 0)
		e->code = FAIL_HOST;
	return r;
}

static enum reach meaning(int error)
{
	return error == 0 ? REACH_OPEN : error == ETIMEDOUT ? REACH_DROPPED : REACH_REJECTED;
}

int reach_try(const struct reach_from *from, enum reach *ret, struct fail *e)
{
	int up[2], down[2], error = 0, r;
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) < 0)
		return fail_errno(e, FAIL_HOST, "pipe");
	if (pipe2(down, O_CLOEXEC) < 0) {
		close(up[0]);
		close(up[1]);
		return fail_errno(e, FAIL_HOST, "pipe");
	}
	pid = fork();
	if (pid == 0)
		inside(from, up[1], down[0]);
	close(up[1]);
	close(down[0]);
	r = pid < 0 ? fail_errno(e, FAIL_HOST, "fork") : ask(from, pid, up[0], down[1], &error, e);
	close(up[0]);
	close(down[1]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r == 0 && error == EBADF)
		r = fail(e, FAIL_HOST, "cannot set an address in a network namespace");
	*ret = meaning(error);
	return r;
}
