/* SPDX-License-Identifier: PostgreSQL */
/* Limits of the kernel, and requests that exceed them. */
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capacity.h"

static void what_is_needed_is_compared(void **state)
{
	struct capacity has = { .inotify = 50, .memory_mib = 24000 };
	struct capacity need = { .inotify = 50, .memory_mib = 24000 };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(capacity_check(&need, &has, &e), 0);
	need.inotify = 97;
	assert_int_equal(capacity_check(&need, &has, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_non_null(strstr(e.text, "need 97 inotify instances, the kernel has 50 left"));
	assert_non_null(strstr(e.next, "sysctl -w fs.inotify.max_user_instances="));
	need = (struct capacity){ .memory_mib = 2 * 262144 };
	assert_int_equal(capacity_check(&need, &has, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_non_null(strstr(e.text, "need 524288 MiB of memory, this host has 24000 MiB"));
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* In a user namespace, which has its own limit: 0 = correct, 1 = wrong, 2 = no user namespaces on this host. */
static int in_a_small_namespace(void)
{
	struct fail e = { 0 };

	if (unshare(CLONE_NEWUSER) < 0 || !put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", "0 0 1") ||
	    !put("/proc/sys/user/max_inotify_instances", "3"))
		return 2;
	if (capacity_inotify(8) != 3 || capacity_of_host(2).inotify != 2)
		return 1;
	put("/proc/sys/user/max_inotify_instances", "0");
	fail(&e, FAIL_VIRT, "dnsmasq died");
	capacity_explain(&e);
	return strncmp(e.text, "the kernel has no inotify instance left", 39) || !strstr(e.text, "dnsmasq died");
}

static void what_is_left_is_found(void **state)
{
	struct fail e = { 0 };
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(in_a_small_namespace());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* a failure with another cause is not changed */
	assert_true(capacity_of_host(0).memory_mib > 0);
	fail(&e, FAIL_VIRT, "dnsmasq died");
	if (capacity_inotify(1)) {
		capacity_explain(&e);
		assert_string_equal(e.text, "dnsmasq died");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_needed_is_compared), cmocka_unit_test(what_is_left_is_found) };

	return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
