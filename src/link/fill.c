/* SPDX-License-Identifier: PostgreSQL */
#include "fill.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "arena.h"
#include "auto.h"

#define NAME ".labctl-full"
#define TRIES 100 /* each takes what is free, or half of what it tried before */

static const char *const needed[] = { "/", "/boot", "/dev/shm", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/var", "/var/cache", "/var/lib",
				      "/var/log", "/var/tmp", NULL };

static int same_as_any(const char *dir, dev_t device, const char *const *others, struct fail *e)
{
	struct stat st;

	for (; *others; others++)
		if (stat(*others, &st) == 0 && st.st_dev == device) {
			fail(e, FAIL_CONFLICT, "%s has no file system of its own: filling it would fill %s, which the host needs", dir, *others);
			return fail_next(e, "a lab whose data directories are on another one: data: {export_root: DIRECTORY} (lab(5))");
		}
	return 0;
}

int fill_check(const char *dir, const char *const *others, struct fail *e)
{
	struct statfs fs;
	struct stat st;

	if (stat(dir, &st) < 0 || statfs(dir, &fs) < 0)
		return fail_errno(e, FAIL_OTHER, "cannot look at %s", dir);
	if (same_as_any(dir, st.st_dev, needed, e) < 0 || same_as_any(dir, st.st_dev, others, e) < 0)
		return -1;
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return fail(e, FAIL_CONFLICT, "the file system of %s is in memory: filling it would fill the host's memory", dir);
	/* Of those that have subvolumes or layers, directories with devices of their own share their space with others. */
	if (fs.f_type != EXT4_SUPER_MAGIC && fs.f_type != XFS_SUPER_MAGIC) {
		fail(e, FAIL_CONFLICT, "%s is on a file system that may share its space with others; disk-full works on ext4 and xfs", dir);
		return fail_next(e, "data directories on an image file with ext4: docs/howto/break-it.md");
	}
	return 0;
}

int fill_up(const char *dir, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/" NAME, dir);
	auto_(close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	struct statfs fs;
	off_t step = 0;

	*ret_changed = false;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, FAIL_OTHER, "cannot make %s", path);
	syncfs(fd); /* what was written and has no blocks yet */
	for (unsigned i = 0; i < TRIES && fstatfs(fd, &fs) == 0 && fs.f_bavail; i++) {
		off_t there = (off_t)fs.f_bavail * fs.f_bsize;

		step = step && step < there ? step : there;
		if (fallocate(fd, 0, st.st_size, step) == 0) {
			st.st_size += step;
			step = 0;
			*ret_changed = true;
		} else if (errno != ENOSPC && errno != EINTR) {
			return fail_errno(e, FAIL_OTHER, "cannot fill the file system of %s", dir);
		} else if ((step /= 2) < fs.f_bsize) {
			break; /* its own tables take the rest */
		}
	}
	return 0;
}

int fill_free(const char *dir, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/" NAME, dir);

	*ret_changed = unlink(path) == 0;
	if (!*ret_changed && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "cannot remove %s", path);
	return 0;
}

bool fill_is_there(const char *dir)
{
	auto_(arena_free) struct arena *a = arena_new();

	return access(arena_printf(a, "%s/" NAME, dir), F_OK) == 0;
}
