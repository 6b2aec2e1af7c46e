/* SPDX-License-Identifier: PostgreSQL */
/*
 * Preloaded into labctl (LD_PRELOAD): counts the calls that change something outside the process, and kills the process
 * with SIGKILL at one of them. labctl has no hook for this; the dynamic linker binds the calls to this library.
 *   LABCTL_KILL_LOG=FILE  writes a line for every passed point: number, call, object
 *   LABCTL_KILL_AT=N      SIGKILL at point N
 *   LABCTL_KILL_DURING=US delay into a call that another process carries out (4000)
 * A point is directly after each such call, and so directly before the next one of that thread. Calls that another process
 * carries out (libvirt, a node) have a second point in their middle. Calls that change nothing have none: failed calls, and
 * fsync(), which makes no difference to a killed process.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <libssh2.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t self; /* child processes of labctl do not count */
static long during_us;
static int log_fd = -1;
static unsigned long kill_at;
static atomic_ulong passed;

/* From here on this process is labctl. */
void kill_points_begin(void)
{
	const char *log = getenv("LABCTL_KILL_LOG"), *at = getenv("LABCTL_KILL_AT"), *during = getenv("LABCTL_KILL_DURING");

	if (log)
		log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	kill_at = at ? strtoul(at, NULL, 10) : 0;
	during_us = during ? strtol(during, NULL, 10) : 4000;
	self = getpid();
}

__attribute__((constructor)) static void begin_when_loaded(void)
{
	if (strcmp(program_invocation_short_name, "labctl") != 0)
		return; /* not timeout or env; kill-all calls this itself */
	unsetenv("LD_PRELOAD");
	kill_points_begin();
}

static void *late(void *unused)
{
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = during_us * 1000 }, NULL);
	kill(self, SIGKILL);
	return unused;
}

/* @during: from a thread, a little later, while the call is running. */
static void point(const char *call, const char *on, bool during)
{
	int saved = errno;
	unsigned long number;
	pthread_t thread;

	if (!self || getpid() != self)
		return;
	number = atomic_fetch_add(&passed, 1) + 1;
	if (log_fd >= 0)
		dprintf(log_fd, "%lu %s%s %s\n", number, during ? "during " : "", call, on ? on : "");
	if (number == kill_at) {
		if (!during || pthread_create(&thread, NULL, late, NULL) != 0)
			kill(self, SIGKILL);
	}
	errno = saved;
}

/* Name of an open file, for the log. */
static const char *name_of(int fd, char path[256])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, 255);
	path[len > 0 ? len : 0] = '\0';
	return path;
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* Defines TYPE NAME(PARAMETERS): calls the real one; a point if WORKED. */
#define EFFECT(type, name, parameters, arguments, worked, on) \
	type name parameters \
	{ \
		type r = REAL(name) arguments; \
		if (worked) \
			point(#name, on, false); \
		return r; \
	}
/* The same, with a point in the middle, too. */
#define LONG_EFFECT(type, name, parameters, arguments, worked, on) \
	type name parameters \
	{ \
		type r; \
		point(#name, on, true); \
		r = REAL(name) arguments; \
		if (worked) \
			point(#name, on, false); \
		return r; \
	}

/* --- files --- */

EFFECT(int, mkdir, (const char *path, mode_t mode), (path, mode), r == 0, path)
EFFECT(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), r == 0, path)
EFFECT(int, rename, (const char *from, const char *to), (from, to), r == 0, to)
EFFECT(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), r == 0, to)
EFFECT(int, unlink, (const char *path), (path), r == 0, path)
EFFECT(int, rmdir, (const char *path), (path), r == 0, path)
EFFECT(int, chmod, (const char *path, mode_t mode), (path, mode), r == 0, path)
EFFECT(int, mkostemp, (char *path, int flags), (path, flags), r >= 0, path)
EFFECT(int, mkstemp, (char *path), (path), r >= 0, path)

/* Removal of a tree: points after 1, 4, 16, 64 ... consecutive files. */
int unlinkat(int dir, const char *path, int flags)
{
	static atomic_ulong last, row;
	int r = REAL(unlinkat)(dir, path, flags);

	if (r == 0) {
		unsigned long in_row = atomic_load(&last) == atomic_load(&passed) ? atomic_fetch_add(&row, 1) + 1 : 1;

		atomic_store(&row, in_row);
		if (__builtin_popcountl(in_row) == 1 && __builtin_ctzl(in_row) % 2 == 0)
			point("unlinkat", path, false);
		atomic_store(&last, atomic_load(&passed));
	}
	return r;
}

EFFECT(int, mount, (const char *what, const char *path, const char *type, unsigned long flags, const void *data),
       (what, path, type, flags, data), r == 0, path)
EFFECT(int, umount2, (const char *path, int flags), (path, flags), r == 0, path)

#define FD_EFFECT(type, name, parameters, arguments) \
	type name parameters \
	{ \
		type r = REAL(name) arguments; \
		char path[256]; \
		if (r >= 0 && is_file(fd)) \
			point(#name, name_of(fd, path), false); \
		return r; \
	}
FD_EFFECT(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
FD_EFFECT(int, fchmod, (int fd, mode_t mode), (fd, mode))
FD_EFFECT(int, ftruncate, (int fd, off_t len), (fd, len))
FD_EFFECT(ssize_t, copy_file_range, (int from, off_t *at, int fd, off_t *to, size_t len, unsigned flags),
	  (from, at, fd, to, len, flags))

#define OPEN(name, parameters, arguments) \
	int name parameters \
	{ \
		mode_t mode = 0; \
		va_list rest; \
		int r; \
		va_start(rest, flags); \
		if (flags & O_CREAT) \
			mode = va_arg(rest, mode_t); \
		va_end(rest); \
		r = REAL(name) arguments; \
		if (r >= 0 && flags & O_CREAT) \
			point(#name, path, false); \
		return r; \
	}
OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))

/* --- processes --- */

EFFECT(pid_t, fork, (void), (), r > 0, NULL)
EFFECT(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), r > 0, NULL)

/* --- libvirt --- */

LONG_EFFECT(virDomainPtr, virDomainDefineXMLFlags, (virConnectPtr c, const char *xml, unsigned flags), (c, xml, flags), r,
	    NULL)
LONG_EFFECT(int, virDomainCreate, (virDomainPtr d), (d), r == 0, REAL(virDomainGetName)(d))
LONG_EFFECT(int, virDomainSuspend, (virDomainPtr d), (d), r == 0, REAL(virDomainGetName)(d))
LONG_EFFECT(int, virDomainResume, (virDomainPtr d), (d), r == 0, REAL(virDomainGetName)(d))
LONG_EFFECT(int, virDomainSaveFlags, (virDomainPtr d, const char *to, const char *xml, unsigned flags), (d, to, xml, flags), r == 0, to)
LONG_EFFECT(int, virDomainRestoreFlags, (virConnectPtr c, const char *from, const char *xml, unsigned flags), (c, from, xml, flags),
	    r == 0, from)
LONG_EFFECT(int, virDomainDestroy, (virDomainPtr d), (d), r == 0, REAL(virDomainGetName)(d))
LONG_EFFECT(int, virDomainUndefineFlags, (virDomainPtr d, unsigned flags), (d, flags), r == 0, REAL(virDomainGetName)(d))
LONG_EFFECT(int, virDomainSendProcessSignal, (virDomainPtr d, long long pid, unsigned number, unsigned flags),
	    (d, pid, number, flags), r == 0, REAL(virDomainGetName)(d))
LONG_EFFECT(virNetworkPtr, virNetworkDefineXML, (virConnectPtr c, const char *xml), (c, xml), r, NULL)
LONG_EFFECT(int, virNetworkCreate, (virNetworkPtr n), (n), r == 0, REAL(virNetworkGetName)(n))
LONG_EFFECT(int, virNetworkDestroy, (virNetworkPtr n), (n), r == 0, REAL(virNetworkGetName)(n))
LONG_EFFECT(int, virNetworkUndefine, (virNetworkPtr n), (n), r == 0, REAL(virNetworkGetName)(n))

/* --- nodes --- */

/* A script was sent completely and is running. */
int libssh2_channel_send_eof(LIBSSH2_CHANNEL *channel)
{
	int r = REAL(libssh2_channel_send_eof)(channel);

	if (r == 0) {
		point("libssh2_channel_send_eof", NULL, false);
		point("script", NULL, true);
	}
	return r;
}
EFFECT(int, libssh2_channel_process_startup,
       (LIBSSH2_CHANNEL * channel, const char *request, unsigned request_len, const char *message, unsigned message_len),
       (channel, request, request_len, message, message_len), r == 0, NULL)
EFFECT(int, libssh2_channel_wait_closed, (LIBSSH2_CHANNEL * channel), (channel), r == 0, NULL)

EFFECT(int, PQsendQuery, (PGconn * c, const char *query), (c, query), r == 1, NULL)
EFFECT(PGresult *, PQgetResult, (PGconn * c), (c), r, NULL)
