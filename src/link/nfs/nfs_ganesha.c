/* SPDX-License-Identifier: PostgreSQL */
/* nfs-ganesha, one per lab. We recognize ours by the path of its configuration file on its command line. */
#include "nfs_ganesha.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "exports.h"
#include "file.h"
#include "nfs_order.h"
#include "proc.h"
#include "template.h"

/* It usually ends within 10 ms; its data are in the host's page cache, so KILL loses nothing. */
#define TERM_WAIT_MS 700
#define PATIENCE_MS 2000 /* how long to wait for a port that another lab's server has taken by mistake */
#define BIND_TRIES 5
/* ganesha_settle(): this many looks in a row, so long after each other, must find it idle. */
#define IDLE_LOOKS 4
#define IDLE_POLL_MS 50

struct conf_scope {
	const struct nfs_lab *l;
	const char *recovery_dir;
	const char *path;
	char export_id[16];
	bool io_flusher; /* the server knows Allow_Set_Io_Flusher_Fail */
};

static const char *conf_value(void *ctx, const char *name)
{
	struct conf_scope *s = ctx;
	const char *o = s->l->options;
	const struct { const char *name, *value; } rows[] = {
		{ "lab", s->l->lab },
		{ "gateway", s->l->bind_ip },
		{ "subnet", s->l->subnet },
		{ "recovery_dir", s->recovery_dir },
		{ "export_id", s->export_id },
		{ "io_flusher", s->io_flusher ? "true" : "" },
		{ "path", s->path },
		/* guests mount the same path with either server */
		{ "pseudo", s->path },
		{ "access", exports_have_option(o, "rw") ? "RW" : "RO" },
		{ "squash", exports_have_option(o, "all_squash")	      ? "All_Squash"
			    : exports_have_option(o, "no_root_squash") ? "No_Root_Squash"
							      : "Root_Squash" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].value;
	return NULL;
}

/* The major version, 0 if the server does not print it. */
static unsigned ganesha_version(int64_t deadline_ms)
{
	const char *const argv[] = { "ganesha.nfsd", "-v", NULL };
	auto_(strbuf_clear) struct strbuf said = { 0 };
	struct fail ignored = { 0 };
	unsigned version = 0;

	if (proc_check(&(struct proc){ .argv = argv, .out = &said, .deadline_ms = deadline_ms }, &ignored) == 0)
		sscanf(strbuf_text(&said), "NFS-Ganesha Release = V%u", &version);
	return version;
}

static int conf_text(const struct nfs_lab *l, const char *recovery_dir, int64_t deadline_ms, struct strbuf *out,
		     struct fail *e)
{
	struct conf_scope s = { .l = l, .recovery_dir = recovery_dir, .io_flusher = ganesha_version(deadline_ms) >= 6 };
	const struct template_scope scope = { .value = conf_value, .ctx = &s };

	if (template_expand("domains/ganesha.conf", l->conf, QUOTE_RAW, &scope, out, e))
		return -1;
	for (unsigned i = 0; l->paths[i]; i++) {
		s.path = l->paths[i];
		if (strpbrk(s.path, "\"\n\\"))
			return fail(e, FAIL_OTHER, "'%s': this path cannot be exported", s.path);
		snprintf(s.export_id, sizeof s.export_id, "%u", i + 1);
		strbuf_char(out, '\n');
		if (template_expand("domains/ganesha-export.conf", l->export_conf, QUOTE_RAW, &scope, out, e))
			return -1;
	}
	return 0;
}

/* True if @pid is a ganesha that was started with our configuration file. A zombie has no command line. */
static bool is_ganesha(long pid, const char *conf)
{
	char path[64], line[8192];
	auto_(close) int fd = -1;
	ssize_t len;

	snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
	if (len <= 0)
		return false;
	line[len] = '\0';
	if (!strstr(line, "ganesha.nfsd"))
		return false;
	for (char *word = line; word < line + len; word += strlen(word) + 1)
		if (strcmp(word, conf) == 0)
			return true;
	return false;
}

/* The pid of the lab's ganesha, or 0. Tries the pid file first, then all processes. */
static long find_ganesha(const struct nfs_lab *l, struct arena *a)
{
	const char *conf = arena_printf(a, "%s/ganesha.conf", l->state_dir);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };
	struct dirent *entry;
	long pid = 0, found = 0;
	DIR *dir;

	if (file_read(arena_printf(a, "%s/ganesha.pid", l->state_dir), 64, &text, &ignored) == 0)
		pid = strtol(strbuf_text(&text), NULL, 10);
	if (pid > 1 && is_ganesha(pid, conf))
		return pid;
	dir = opendir("/proc");
	while (dir && !found && (entry = readdir(dir))) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid > 1 && is_ganesha(pid, conf))
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* A pidfd becomes readable when the last thread has ended, which may be long after the command line is gone. */
static bool ended(int pidfd, int64_t deadline_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, clock_poll_ms(deadline_ms, TERM_WAIT_MS)) > 0;
}

/*
 * What a kernel keeps of connections whose other ends are off, for a minute: a machine that goes on from its memory comes back with the same
 * ports and other sequence numbers, and such a socket neither takes nor resets its requests. A kernel that cannot do this keeps it waiting.
 */
static void end_connections(const struct nfs_lab *l)
{
	char from[80];
	int status;
	struct fail ignored = { 0 };
	const char *const argv[] = { "ss", "-Hn4tK", "state", "connected", "src", from, NULL };

	snprintf(from, sizeof from, "%s:%d", l->bind_ip, NFS_PORT);
	proc_run(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(5000) }, &status, &ignored);
}

int ganesha_stop(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *conf = arena_printf(a, "%s/ganesha.conf", l->state_dir);
	long pid = find_ganesha(l, a);
	auto_(close) int pidfd = pid ? pidfd_open((pid_t)pid, 0) : -1;

	/* check again with the pidfd open: the number cannot be reused now */
	if (pidfd >= 0 && is_ganesha(pid, conf)) {
		pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
		if (!ended(pidfd, deadline_ms)) {
			pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
			if (!ended(pidfd, clock_after_ms(5000)) && !ended(pidfd, clock_after_ms(5000)))
				return fail(e, FAIL_TIMEOUT, "NFS server of lab '%s': process %ld does not stop", l->lab, pid);
		}
	}
	end_connections(l);
	unlink(arena_printf(a, "%s/ganesha.pid", l->state_dir));
	return file_remove_tree(arena_printf(a, "%s/recovery", l->state_dir), e);
}

static int ganesha_fail(const struct nfs_lab *l, const char *log, enum fail_code code, const char *what, struct fail *e)
{
	auto_(free) char *tail = file_tail(log, 12);

	fail(e, code, "NFS server of lab '%s': %s; its log is %s", l->lab, what, log);
	return fail_evidence(e, tail, 12);
}

/* Waits until our ganesha answers, and checks afterwards that it is alive: another server might have answered. */
static int ganesha_wait(const struct nfs_lab *l, const char *log, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	int64_t started_until = clock_after_ms(3000);

	for (;;) {
		bool alive = find_ganesha(l, a) != 0;

		if (alive && nfs_answers(l->bind_ip) && find_ganesha(l, a))
			return 0;
		if (!alive && !clock_left_ms(started_until))
			return ganesha_fail(l, log, FAIL_HOST, "nfs-ganesha ended", e);
		if (!clock_left_ms(deadline_ms))
			return ganesha_fail(l, log, FAIL_TIMEOUT, "does not answer on port 2049", e);
		clock_sleep_ms(20);
	}
}

/* --- the address it is bound to --- */

static bool has_ipv6_address(void)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && i->ifa_addr->sa_family == AF_INET6 && !(i->ifa_flags & IFF_LOOPBACK);
	freeifaddrs(all);
	return found;
}

/* True if a descriptor of @pid refers to the socket with this inode. */
static bool has_socket(long pid, unsigned long inode, struct arena *a)
{
	const char *path = arena_printf(a, "/proc/%ld/fd", pid), *wanted = arena_printf(a, "socket:[%lu]", inode);
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		char target[64];
		ssize_t len = readlink(arena_printf(a, "%s/%s", path, entry->d_name), target, sizeof target - 1);

		target[len > 0 ? len : 0] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* True when @pid listens on port 2049 of every address. Source: proc(5), /proc/net/tcp. */
static bool listens_everywhere(long pid, struct arena *a)
{
	static const char *const tables[] = { "/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6" };
	bool found = false;

	for (size_t i = 0; i < ARRAY_COUNT(tables) && !found; i++) {
		FILE *file = fopen(tables[i], "re");
		char line[512], address[40];
		unsigned port, state;
		unsigned long inode;

		while (file && !found && fgets(line, sizeof line, file))
			found = sscanf(line, "%*s %39[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", address, &port, &state,
				       &inode) == 4 &&
				port == 2049 && state == 0x0a && strspn(address, "0") == strlen(address) &&
				has_socket(pid, inode, a);
		if (file)
			fclose(file);
	}
	return found;
}

static int ganesha_start(const struct nfs_lab *l, const char *conf, const char *log, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *pid = arena_printf(a, "%s/ganesha.pid", l->state_dir);
	/* A scope of its own: else systemd ends it with the session of the user, before the machines (nfs_order.c). */
	const char *const argv[] = { "systemd-run", "--scope", "--quiet", "--collect", "-p", "Before=libvirt-guests.service",
				     arena_printf(a, "--description=NFS server of labctl's lab %s", l->lab),
				     "ganesha.nfsd", "-f", conf, "-p", pid, "-L", log, NULL };
	bool scope = nfs_has_systemd() && proc_found("systemd-run");

	/* Another lab's server that is just starting may answer here for a moment: see below. */
	for (int64_t patience = clock_after_ms(PATIENCE_MS); nfs_answers(l->bind_ip); clock_sleep_ms(500)) {
		if (clock_left_ms(patience) > 0 && clock_left_ms(deadline_ms) > 0)
			continue;
		fail(e, FAIL_CONFLICT, "NFS server of lab '%s': another server listens on %s:2049", l->lab, l->bind_ip);
		return fail_next(e, "ss -ltnp sport = :2049");
	}
	/* ganesha needs both directories */
	if (file_mkdirs("/run/ganesha", 0755, e) ||
	    file_mkdirs(arena_printf(a, "%s/recovery", l->state_dir), 0755, e))
		return -1;
	unlink(pid);
	if (proc_check(&(struct proc){ .argv = scope ? argv : argv + 7, .log_path = log, .detach = true, .no_ipv6 = !has_ipv6_address(),
				       .deadline_ms = deadline_ms }, e))
		return fail_wrap(e, "NFS server of lab '%s'", l->lab);
	return ganesha_wait(l, log, deadline_ms, e);
}

/*
 * ganesha 4 looks up Bind_addr as an IPv6 address if the host has one besides ::1, else as an IPv4 address, but opens an
 * IPv6 socket if the kernel has IPv6. If the two do not match, it silently binds every address, and no second lab gets
 * the port. So it is started without IPv6 sockets if the host has no IPv6 address. Addresses come and go with other labs'
 * machines: check what it bound, and start it again if that is wrong.
 */
static int ganesha_start_bound(const struct nfs_lab *l, const char *conf, const char *log, int64_t deadline_ms,
			       struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	for (int tries = 0; tries < BIND_TRIES; tries++) {
		if (ganesha_start(l, conf, log, deadline_ms, e))
			return -1;
		if (!listens_everywhere(find_ganesha(l, a), a))
			return 0;
		if (ganesha_stop(l, deadline_ms, e))
			return -1;
	}
	return ganesha_fail(l, log, FAIL_HOST, "nfs-ganesha listens on every address instead of the lab's gateway", e);
}

int ganesha_serve(const struct nfs_lab *l, int64_t deadline_ms, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *conf = arena_printf(a, "%s/ganesha.conf", l->state_dir);
	const char *log = arena_printf(a, "%s/ganesha.log", l->state_dir);

	if (conf_text(l, arena_printf(a, "%s/recovery", l->state_dir), deadline_ms, &text, e))
		return -1;
	if (nfs_same_text(conf, &text) && find_ganesha(l, a)) {
		if (ganesha_wait(l, log, deadline_ms, e))
			return -1;
		*ret_changed = false;
		return 0;
	}
	/* Its reload on HUP adds exports, but keeps removed ones and the address: restart it instead. */
	if (ganesha_stop(l, deadline_ms, e) || file_mkdirs(l->state_dir, 0755, e) ||
	    file_write(conf, text.text, text.len, 0600, e) || ganesha_start_bound(l, conf, log, deadline_ms, e))
		return -1;
	*ret_changed = true;
	return 0;
}

bool ganesha_serving(const struct nfs_lab *l)
{
	auto_(arena_free) struct arena *a = arena_new();

	return find_ganesha(l, a) && nfs_answers(l->bind_ip);
}

/* --- idle --- */

/* Bytes that wait in its connections with clients, in either direction. Source: proc(5), /proc/net/tcp. */
static bool connections_wait(const char *ip)
{
	static const char *const tables[] = { "/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6" };
	char wanted[9];
	bool waits = false;

	snprintf(wanted, sizeof wanted, "%08X", inet_addr(ip));
	for (size_t i = 0; i < ARRAY_COUNT(tables) && !waits; i++) {
		FILE *file = fopen(tables[i], "re");
		char line[512], address[40];
		unsigned port, state, sent, received;

		while (file && !waits && fgets(line, sizeof line, file))
			waits = sscanf(line, "%*s %39[0-9A-F]:%x %*s %x %x:%x", address, &port, &state, &sent, &received) == 5 &&
				port == NFS_PORT && state == 0x01 && strlen(address) >= 8 &&
				!strcmp(address + strlen(address) - 8, wanted) && (sent || received);
		if (file)
			fclose(file);
	}
	return waits;
}

/* Does one of its threads run, or wait for a disk? */
static bool threads_work(long pid, struct arena *a)
{
	const char *path = arena_printf(a, "/proc/%ld/task", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool work = false;

	while (dir && !work && (entry = readdir(dir))) {
		auto_(strbuf_clear) struct strbuf text = { 0 };
		struct fail ignored = { 0 };
		const char *end;

		if (*entry->d_name == '.' || file_read(arena_printf(a, "%s/%s/stat", path, entry->d_name), 4096, &text, &ignored) < 0)
			continue;
		end = strrchr(strbuf_text(&text), ')');
		work = end && (!strncmp(end, ") R", 3) || !strncmp(end, ") D", 3));
	}
	if (dir)
		closedir(dir);
	return work;
}

int ganesha_settle(const struct nfs_lab *l, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	long pid = find_ganesha(l, a);

	for (int idle = 0; pid && idle < IDLE_LOOKS; clock_sleep_ms(IDLE_POLL_MS)) {
		idle = connections_wait(l->bind_ip) || threads_work(pid, a) ? 0 : idle + 1;
		if (clock_left_ms(deadline_ms) == 0)
			return fail(e, FAIL_TIMEOUT, "NFS server of lab '%s': it does not finish its requests", l->lab);
	}
	return 0;
}
