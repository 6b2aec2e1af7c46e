/* SPDX-License-Identifier: PostgreSQL */
/* link/nfs.h with a real nfs-ganesha in a private network namespace. */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "nfs.h"
#include "nfs_ganesha.h"
#include "private_server.h"

#define GATEWAY "10.88.200.1"
#define OTHER_GATEWAY "10.88.201.1"

static char dir[PRIVATE_PATH];
static char state_dir[PRIVATE_PATH + 16], data[2][PRIVATE_PATH + 32];
static struct strbuf conf, export_conf;

static int group_setup(void **state)
{
	const char *up[] = { "ip", "link", "set", "lo", "up", NULL };
	/* with loopback addresses only, ganesha finds none (AI_ADDRCONFIG) */
	const char *address[] = { "ip", "address", "add", GATEWAY "/24", "dev", "lo", NULL };
	const char *other[] = { "ip", "address", "add", OTHER_GATEWAY "/24", "dev", "lo", NULL };
	struct fail e = { 0 };

	(void)state;
	if (unshare(CLONE_NEWNET))
		private_die("unshare: %s (these tests need root)", strerror(errno));
	private_run(up);
	private_run(address);
	private_run(other);
	private_tmpdir(dir);
	snprintf(state_dir, sizeof state_dir, "%s/state", dir);
	for (int i = 0; i < 2; i++) {
		snprintf(data[i], sizeof data[i], "%s/data/node%d", dir, i + 1);
		assert_ok(file_mkdirs(data[i], 0755, &e), e);
	}
	assert_ok(file_read(SOURCE_DIR "/domains/ganesha.conf", 65536, &conf, &e), e);
	assert_ok(file_read(SOURCE_DIR "/domains/ganesha-export.conf", 65536, &export_conf, &e), e);
	return 0;
}

static int group_teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	strbuf_clear(&conf);
	strbuf_clear(&export_conf);
	return file_remove_tree(dir, &e);
}

static struct nfs_lab lab(const char *const *paths)
{
	return (struct nfs_lab){ .lab = "nfstest", .state_dir = state_dir, .bind_ip = GATEWAY, .subnet = "10.88.200.0/24",
				 .options = "rw,no_root_squash,sync", .paths = paths, .conf = strbuf_text(&conf),
				 .export_conf = strbuf_text(&export_conf) };
}

static long pid_of(void)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char path[PRIVATE_PATH + 64];
	struct fail e = { 0 };

	snprintf(path, sizeof path, "%s/ganesha.pid", state_dir);
	assert_ok(file_read(path, 64, &text, &e), e);
	return strtol(strbuf_text(&text), NULL, 10);
}

static void ganesha_serves_and_stops(void **state)
{
	const char *one[] = { data[0], NULL }, *two[] = { data[0], data[1], NULL };
	struct nfs_lab l = lab(one);
	struct fail e = { 0 };
	bool changed = false;
	char path[PRIVATE_PATH + 64];
	int64_t before;
	long pid;

	(void)state;
	if (!proc_found("ganesha.nfsd"))
		skip();
	assert_false(nfs_serving(&l, NFS_KIND_GANESHA));
	assert_ok(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	assert_true(changed);
	assert_true(nfs_serving(&l, NFS_KIND_GANESHA));
	pid = pid_of();
	assert_ok(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	assert_false(changed);
	assert_int_equal(pid, pid_of());
	/* the server is found without its pid file */
	snprintf(path, sizeof path, "%s/ganesha.pid", state_dir);
	unlink(path);
	assert_ok(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	assert_false(changed);
	/* changed exports restart the server */
	l = lab(two);
	assert_ok(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	assert_true(changed);
	assert_int_not_equal(pid, pid_of());
	before = clock_now_ms();
	assert_ok(nfs_stop(&l, clock_after_ms(10000), &e), e);
	print_message("stopped in %d ms\n", (int)(clock_now_ms() - before));
	assert_false(nfs_serving(&l, NFS_KIND_GANESHA));
	assert_ok(nfs_stop(&l, clock_after_ms(10000), &e), e);
	assert_int_equal(e.code, FAIL_NONE);
}

/* ganesha 6 without CAP_SYS_RESOURCE: a script that behaves like it and starts this host's server, perhaps version 4. */
static void version_6_may_lack_a_capability(void **state)
{
	static const char fake[] =
		"#!/bin/sh\n"
		"if [ \"$1\" = -v ]; then echo 'NFS-Ganesha Release = V6.5'; exit; fi\n"
		"grep -q 'Allow_Set_Io_Flusher_Fail = true;' \"$2\" || { echo 'Failed to PR_SET_IO_FLUSHER' >&2; exit 2; }\n"
		"sed -i /Allow_Set_Io_Flusher_Fail/d \"$2\"\n"
		"PATH=${PATH#*:} exec ganesha.nfsd \"$@\"\n";
	const char *one[] = { data[0], NULL };
	struct nfs_lab l = lab(one);
	struct fail e = { 0 };
	auto_(free) char *before = strdup(getenv("PATH"));
	char path[4096];
	bool changed;

	(void)state;
	if (!proc_found("ganesha.nfsd"))
		skip();
	snprintf(path, sizeof path, "%s/bin", dir);
	assert_ok(file_mkdirs(path, 0755, &e), e);
	snprintf(path, sizeof path, "%s/bin/ganesha.nfsd", dir);
	private_write(path, 0755, fake);
	snprintf(path, sizeof path, "%s/bin:%s", dir, before);
	setenv("PATH", path, 1);
	assert_ok(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	setenv("PATH", before, 1);
	assert_ok(nfs_stop(&l, clock_after_ms(10000), &e), e);
}

/* Is a socket of this network namespace bound to port 2049 of all addresses? */
static bool wildcard_is_bound(void)
{
	static const char *const tables[] = { "/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6" };

	for (int i = 0; i < 2; i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };
		struct fail e = { 0 };

		assert_ok(file_read(tables[i], 1u << 20, &text, &e), e);
		if (strstr(strbuf_text(&text), "00000000:0801"))
			return true;
	}
	return false;
}

static void two_servers(void)
{
	const char *one[] = { data[0], NULL }, *two[] = { data[1], NULL };
	struct nfs_lab a = lab(one), b = lab(two);
	char other_state[PRIVATE_PATH + 16];
	struct fail e = { 0 };
	bool changed;

	snprintf(other_state, sizeof other_state, "%s/other", dir);
	b.lab = "nfsother", b.state_dir = other_state, b.bind_ip = OTHER_GATEWAY, b.subnet = "10.88.201.0/24";
	assert_ok(nfs_serve(&a, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	assert_false(wildcard_is_bound());
	assert_false(nfs_answers(OTHER_GATEWAY));
	assert_ok(nfs_serve(&b, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), e);
	assert_true(nfs_serving(&a, NFS_KIND_GANESHA) && nfs_serving(&b, NFS_KIND_GANESHA));
	assert_ok(nfs_stop(&a, clock_after_ms(10000), &e), e);
	assert_true(nfs_serving(&b, NFS_KIND_GANESHA));
	assert_ok(nfs_stop(&b, clock_after_ms(10000), &e), e);
}

/* The kernel has IPv6 but only the address ::1: then ganesha would bind the wildcard address. */
static void two_labs_have_a_server_each(void **state)
{
	(void)state;
	if (!proc_found("ganesha.nfsd"))
		skip();
	two_servers();
}

/* With another IPv6 address, ganesha would bind the wildcard address unless it has an IPv6 socket. */
static void two_labs_beside_an_ipv6_address(void **state)
{
	const char *link[] = { "ip", "link", "add", "six0", "type", "bridge", NULL };
	const char *up[] = { "ip", "link", "set", "six0", "up", NULL };
	const char *address[] = { "ip", "address", "add", "fd00:88::1/64", "dev", "six0", NULL };
	const char *gone[] = { "ip", "link", "del", "six0", NULL };

	(void)state;
	if (!proc_found("ganesha.nfsd") || access("/proc/net/if_inet6", F_OK) != 0)
		skip();
	private_run(link);
	private_run(up);
	private_run(address);
	two_servers();
	private_run(gone);
}

static void another_server_is_a_conflict(void **state)
{
	const char *one[] = { data[0], NULL };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(2049),
				       .sin_addr.s_addr = inet_addr(GATEWAY) };
	struct nfs_lab l = lab(one);
	struct fail e = { 0 };
	bool changed;
	auto_(close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address) | listen(fd, 5), 0);
	assert_int_equal(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(20000), &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_ok(nfs_stop(&l, clock_after_ms(10000), &e), e);
}

/* A pid file with another process's id: that process is not stopped. */
static void only_our_process_is_stopped(void **state)
{
	const char *none[] = { NULL };
	struct nfs_lab l = lab(none);
	char path[PRIVATE_PATH + 64], text[32];
	struct fail e = { 0 };

	(void)state;
	assert_ok(file_mkdirs(state_dir, 0755, &e), e);
	snprintf(path, sizeof path, "%s/ganesha.pid", state_dir);
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	private_write(path, 0644, text);
	assert_ok(nfs_stop(&l, clock_after_ms(5000), &e), e);
	assert_false(file_exists(path));
}

/* The kernel's server in a child with an /etc of its own: a program that answers like exportfs, a port that is open. */
static void in_a_private_etc(bool made_by_others)
{
	const char *one[] = { data[0], NULL };
	char path[PRIVATE_PATH + 64], text[PRIVATE_PATH + 256];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(2049), .sin_addr.s_addr = htonl(INADDR_ANY) };
	struct nfs_lab l = lab(one);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	bool changed = false;
	struct fail e = { 0 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		snprintf(path, sizeof path, "%s/exportfs", dir);
		snprintf(text, sizeof text, "#!/bin/sh\n[ \"$1\" != -s ] || [ ! -e /etc/exports.d/labctl-nfstest.exports ] || "
			 "echo '%s  10.88.200.0/24(rw)'\n", data[0]);
		private_write(path, 0755, text);
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/etc", "tmpfs", 0, NULL) ||
		    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, (struct sockaddr *)&address, sizeof address) ||
		    listen(fd, 5))
			_exit(2);
		snprintf(text, sizeof text, "%s:/usr/bin:/bin", dir);
		setenv("PATH", text, 1);
		if (made_by_others && mkdir("/etc/exports.d", 0755))
			_exit(3);
		if (nfs_serve(&l, NFS_KIND_KERNEL, clock_after_ms(10000), &changed, &e) || !changed || !nfs_serving(&l, NFS_KIND_KERNEL) ||
		    nfs_stop(&l, clock_after_ms(10000), &e) || nfs_serving(&l, NFS_KIND_KERNEL))
			private_die("%s", e.text);
		_exit(file_exists("/etc/exports.d") == made_by_others ? 0 : 4);
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(WIFEXITED(status));
}

static void only_our_exports_directory_is_removed(void **state)
{
	(void)state;
	in_a_private_etc(false);
	in_a_private_etc(true);
}

static void failures_are_named(void **state)
{
	const char *missing[] = { "/nonexistent/data", NULL }, *one[] = { data[0], NULL };
	struct nfs_lab l = lab(missing);
	struct fail e = { 0 };
	const char *why = NULL;
	bool changed;

	(void)state;
	assert_int_equal(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(5000), &changed, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_has(e.text, "/nonexistent/data");
	l = lab(one);
	assert_int_equal(nfs_serve(&l, NFS_KIND_NONE, clock_after_ms(5000), &changed, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	/* an address that this host does not have: ganesha exits, and its log has the reason */
	if (proc_found("ganesha.nfsd")) {
		l.bind_ip = "192.0.2.1";
		assert_int_equal(nfs_serve(&l, NFS_KIND_GANESHA, clock_after_ms(10000), &changed, &e), -1);
		assert_has(e.text, "ganesha.log");
		assert_ok(nfs_stop(&l, clock_after_ms(5000), &e), e);
	}
	nfs_probe(&why);
	assert_non_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ganesha_serves_and_stops),
		cmocka_unit_test(version_6_may_lack_a_capability),
		cmocka_unit_test(two_labs_have_a_server_each),
		cmocka_unit_test(two_labs_beside_an_ipv6_address),
		cmocka_unit_test(another_server_is_a_conflict),
		cmocka_unit_test(only_our_process_is_stopped),
		cmocka_unit_test(only_our_exports_directory_is_removed),
		cmocka_unit_test(failures_are_named),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
