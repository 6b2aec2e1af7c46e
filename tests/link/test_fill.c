/* SPDX-License-Identifier: PostgreSQL */
/* The file that takes what is free: in a file system of its own, mounted in a private namespace; refused where the host needs it. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fill.h"

static char dir[] = "/tmp/labctl-fill-XXXXXX", data[64], image[64];

static int set_up(void **state)
{
	char command[512];

	(void)state;
	if (!mkdtemp(dir) || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	snprintf(data, sizeof data, "%s/data", dir);
	snprintf(image, sizeof image, "%s/image", dir);
	snprintf(command, sizeof command, "chmod 755 %s && mkdir %s && truncate -s 64M %s && mkfs.ext4 -q -b 4096 %s && mount -o loop %s %s && chmod 1777 %s", dir, data,
		 image, image, image, data, data);
	return system(command) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	umount(data);
	unlink(image);
	rmdir(data);
	return rmdir(dir);
}

/* What a user other than root can write: 0, or what kept it. */
static int write_as_nobody(void)
{
	static char block[1 << 20];
	char path[80];
	int status;
	pid_t pid = fork();

	snprintf(path, sizeof path, "%s/more", data);
	if (pid == 0) {
		int fd;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(255);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		_exit(fd < 0 || write(fd, block, sizeof block) < (ssize_t)sizeof block || fsync(fd) < 0 ? (errno ? errno : ENOSPC) : 0);
	}
	waitpid(pid, &status, 0);
	unlink(path);
	return WEXITSTATUS(status);
}

static void test_fills_and_frees(void **state)
{
	static const char *const none[] = { NULL };
	struct fail e = { 0 };
	struct statvfs before, after;
	struct stat st;
	bool changed;

	(void)state;
	assert_int_equal(fill_check(data, none, &e), 0);
	assert_int_equal(write_as_nobody(), 0);
	assert_int_equal(statvfs(data, &before), 0);
	assert_int_equal(fill_up(data, &changed, &e), 0);
	assert_true(changed && fill_is_there(data));
	assert_int_equal(write_as_nobody(), ENOSPC);
	/* The file of the host that holds all this has not grown. */
	assert_int_equal(stat(image, &st), 0);
	assert_true(st.st_blocks * 512 < 24 << 20);
	assert_int_equal(fill_free(data, &changed, &e), 0);
	assert_true(changed && !fill_is_there(data));
	assert_int_equal(write_as_nobody(), 0);
	assert_int_equal(statvfs(data, &after), 0);
	assert_int_equal(after.f_bavail, before.f_bavail);
	assert_int_equal(fill_free(data, &changed, &e), 0);
	assert_false(changed);
}

static void test_refused(void **state)
{
	static const char *const none[] = { NULL };
	const char *const others[] = { data, NULL };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(fill_check("/tmp", none, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "no file system of its own"));
	assert_int_equal(fill_check(data, others, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_int_equal(fill_check("/nowhere", none, &e), -1);
	assert_int_equal(e.code, FAIL_OTHER);
	assert_int_equal(mount("none", data, "tmpfs", 0, "size=1m"), 0);
	assert_int_equal(fill_check(data, none, &e), -1);
	assert_non_null(strstr(e.text, "in memory"));
	umount(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_fills_and_frees), cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
