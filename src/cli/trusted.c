/* SPDX-License-Identifier: PostgreSQL */
/*
 * Files that labctl finds by itself, such as ./labctl.yaml, may be anybody's. They are used only if nobody but root and the
 * caller can have written them, as git (safe.directory) and ssh (its configuration) do. A file that was named is trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"

/* Root, the caller, and the user who ran sudo. */
static bool is_trusted(uid_t owner)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_UID") : NULL;
	char *end = NULL;
	unsigned long uid = sudo && *sudo >= '0' && *sudo <= '9' ? strtoul(sudo, &end, 10) : 0;

	return owner == 0 || owner == geteuid() || (end && !*end && uid == owner);
}

static int check(const char *path, const struct stat *link, const struct stat *file, struct fail *e)
{
	if (!S_ISREG(file->st_mode))
		return fail(e, FAIL_USAGE, "%s is not a file", path);
	if (!is_trusted(link->st_uid) || !is_trusted(file->st_uid))
		return fail(e, FAIL_CONFLICT, "%s belongs to another user (uid %u)", path,
			    is_trusted(link->st_uid) ? file->st_uid : link->st_uid);
	if (file->st_mode & (S_IWGRP | S_IWOTH))
		return fail(e, FAIL_CONFLICT, "%s is writable by others (mode %04o)", path, file->st_mode & 07777);
	return 0;
}

int trusted_check(const char *path, int *ret_fd, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat link, file;

	if (fd < 0 || lstat(path, &link) < 0 || fstat(fd, &file) < 0)
		return fail_errno(e, errno == ENOENT || errno == ENOTDIR ? FAIL_NOT_FOUND : FAIL_OTHER, "%s", path);
	if (check(path, &link, &file, e) < 0)
		return -1;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int trusted_read(struct cli *c, const char *path, struct strbuf *out, struct fail *e)
{
	auto_(close) int fd = -1;

	/* Checks and reads through one descriptor: somebody else could replace the file in between. */
	if (trusted_check(path, &fd, e) < 0)
		return -1;
	if (file_read(arena_printf(c->arena, "/proc/self/fd/%d", fd), LAB_FILE_MAX_BYTES, out, e) < 0)
		return fail_wrap(e, "%s", path);
	return 0;
}
