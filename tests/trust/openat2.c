/* SPDX-License-Identifier: PostgreSQL */
/*
 * openat2() for a program under a valgrind that does not support it (3.19 returns ENOSYS). Child processes run without
 * valgrind, so one of them makes the call and passes the file descriptor back. This file is both the library that is
 * loaded before the C library's syscall() (-shared) and that child (-DCHILD), OPENAT2_CHILD.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIVE_FD 1 /* in the child: the socket for the file descriptor */
#define DIR_FD 0

union control { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; };

#ifdef CHILD
/* argv: PATH FLAGS MODE RESOLVE */
int main(int argc, char **argv)
{
	struct open_how how = { 0 };
	union control control = { 0 };
	int error = 0, fd;
	struct iovec text = { &error, sizeof error };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1 };

	if (argc != 5)
		return 2;
	how.flags = strtoull(argv[2], NULL, 10);
	how.mode = strtoull(argv[3], NULL, 10);
	how.resolve = strtoull(argv[4], NULL, 10);
	fd = (int)syscall(SYS_openat2, DIR_FD, argv[1], &how, sizeof how);
	if (fd < 0) {
		error = errno;
	} else {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	}
	return sendmsg(GIVE_FD, &m, 0) < 0;
}
#else
static int receive(int from, int *ret_error)
{
	union control control = { 0 };
	struct iovec text = { ret_error, sizeof *ret_error };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = control.bytes,
			    .msg_controllen = sizeof control.bytes };
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) != sizeof *ret_error)
		*ret_error = EIO;
	else if (CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static long openat2(int dir, const char *path, const struct open_how *how)
{
	char flags[24], mode[24], resolve[24];
	char *argv[] = { getenv("OPENAT2_CHILD"), (char *)path, flags, mode, resolve, NULL }, *env[] = { NULL };
	posix_spawn_file_actions_t actions;
	int pair[2], fd = -1, error;
	pid_t pid;

	snprintf(flags, sizeof flags, "%llu", (unsigned long long)how->flags);
	snprintf(mode, sizeof mode, "%llu", (unsigned long long)how->mode);
	snprintf(resolve, sizeof resolve, "%llu", (unsigned long long)how->resolve);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, dir, DIR_FD);
	posix_spawn_file_actions_adddup2(&actions, pair[1], GIVE_FD);
	error = posix_spawn(&pid, argv[0], &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	if (!error) {
		fd = receive(pair[0], &error);
		waitpid(pid, NULL, 0);
	}
	close(pair[0]);
	errno = error;
	return fd;
}

long syscall(long number, ...)
{
	long a[6], (*next)(long, ...);
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_openat2)
		return openat2((int)a[0], (const char *)a[1], (const struct open_how *)a[2]);
	next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#endif
