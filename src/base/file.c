/* SPDX-License-Identifier: PostgreSQL */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"

DEFINE_AUTO(DIR *, closedir)

int file_read(const char *path, size_t max_bytes, struct strbuf *out, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char block[16384];
	ssize_t got;

	if (fd < 0)
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "%s", path);
	while ((got = read(fd, block, sizeof block)) > 0) {
		if (text.len + (size_t)got > max_bytes)
			return fail(e, FAIL_OTHER, "%s: larger than %zu bytes", path, max_bytes);
		strbuf_add(&text, block, (size_t)got);
	}
	if (got < 0)
		return fail_errno(e, FAIL_OTHER, "read %s", path);
	strbuf_add(out, strbuf_text(&text), text.len);
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf temp = { 0 };
	auto_(close) int fd = -1;

	/* A fixed name: the next writer replaces what a killed one left. Whoever writes holds the file's lock. */
	strbuf_printf(&temp, "%s.new", path);
	unlink(temp.text);
	fd = open(temp.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "write %s", path);
	if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temp.text, path) < 0) {
		fail_errno(e, FAIL_OTHER, "write %s", path);
		unlink(temp.text);
		return -1;
	}
	return 0;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int file_mkdirs(const char *path, mode_t mode, struct fail *e)
{
	auto_(free) char *copy = strdup(path);

	if (!copy)
		abort();
	for (char *p = copy + 1;; p++) {
		char kept = *p;

		if (kept != '/' && kept != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return fail_errno(e, FAIL_OTHER, "make directory %s", copy);
		*p = kept;
		if (kept == '\0')
			break;
	}
	return 0;
}

static int check_one(const char *path, bool last, struct fail *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return fail(e, FAIL_CONFLICT, "%s is not a directory", path);
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		fail(e, FAIL_CONFLICT, "%s belongs to user %u, who could change its contents", path, (unsigned)st.st_uid);
		return fail_next(e, "ls -la %s; if its contents are yours: chown root %s", path, path);
	}
	/* In a sticky directory (/tmp) others cannot replace our entry, but could create the last one first. */
	if ((st.st_mode & 022) && (last || !(st.st_mode & S_ISVTX))) {
		fail(e, FAIL_CONFLICT, "%s is writable by others, who could change its contents", path);
		return fail_next(e, "ls -la %s; if its contents are yours: chmod go-w %s", path, path);
	}
	return 0;
}

int file_check_dir(const char *path, struct fail *e)
{
	auto_(free) char *copy = strdup(path), *real = NULL;
	bool last = true;

	if (!copy)
		abort();
	while (!(real = realpath(copy, NULL))) {
		char *slash = strrchr(copy, '/');

		if (errno != ENOENT || !slash)
			return fail_errno(e, FAIL_OTHER, "%s", path);
		slash[slash == copy] = '\0';
		last = false;
	}
	for (;; last = false) {
		char *slash = strrchr(real, '/');

		if (check_one(real, last, e) < 0)
			return -1;
		if (slash == real && !slash[1])
			return 0;
		slash[slash == real] = '\0';
	}
}

/* Empties the directory @fd (closed here) on device @dev; @path is for messages. */
static int empty_directory(int fd, dev_t dev, const char *path, struct fail *e)
{
	auto_(closedir) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close(fd);
		return fail_errno(e, FAIL_OTHER, "read directory %s", path);
	}
	while ((entry = readdir(dir))) {
		auto_(strbuf_clear) struct strbuf below = { 0 };
		struct stat st;
		int sub;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		strbuf_printf(&below, "%s/%s", path, entry->d_name);
		if (unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		/* EISDIR on Linux, EPERM by POSIX: it is a directory. */
		if (errno != EISDIR && errno != EPERM)
			return fail_errno(e, FAIL_OTHER, "remove %s", below.text);
		sub = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0 || fstat(sub, &st) < 0) {
			fail_errno(e, FAIL_OTHER, "remove %s", below.text);
			if (sub >= 0)
				close(sub);
			return -1;
		}
		if (st.st_dev != dev) {
			close(sub);
			return fail(e, FAIL_CONFLICT, "remove %s: a file system is mounted there", below.text);
		}
		if (empty_directory(sub, dev, below.text, e) < 0)
			return -1;
		if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return fail_errno(e, FAIL_OTHER, "remove %s", below.text);
	}
	return 0;
}

int file_remove_tree(const char *path, struct fail *e)
{
	struct stat st;
	int fd;

	if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fail_errno(e, FAIL_OTHER, "remove %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (empty_directory(fd, st.st_dev, path, e) < 0)
		return -1;
	if (rmdir(path) < 0 && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "remove %s", path);
	return 0;
}

int file_lock(const char *path, const char *what, int64_t deadline_ms, int *ret_fd, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	auto_(strbuf_clear) struct strbuf holder = { 0 };
	struct stat held, named;

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "lock %s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		struct fail ignored;

		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail_errno(e, FAIL_OTHER, "lock %s", path);
		if (clock_left_ms(deadline_ms) == 0) {
			if (file_read(path, 4096, &holder, &ignored) < 0 || holder.len == 0)
				strbuf_str(&holder, "somebody");
			return fail(e, FAIL_CONFLICT, "%s is held by %s", path, holder.text);
		}
		clock_sleep_ms(clock_poll_ms(deadline_ms, 50));
	}
	/* A lock's owner may remove its file. If that happened while we waited, we locked a deleted file: try again. */
	if (fstat(fd, &held) < 0 || stat(path, &named) < 0 || held.st_ino != named.st_ino || held.st_dev != named.st_dev)
		return file_lock(path, what, deadline_ms, ret_fd, e);
	strbuf_printf(&holder, "process %d (%s)", (int)getpid(), what);
	/* For the message of a process that waits. Errors are ignored: on a full disk the message just names no holder. */
	(void)!(ftruncate(fd, 0) == 0 && write_all(fd, holder.text, holder.len) == 0);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int file_end(const char *path, size_t max_bytes, struct strbuf *out, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	auto_(free) char *text = NULL;
	const char *start, *newline;
	off_t from = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fail(e, FAIL_OTHER, "%s: is not a file", path);
	if (st.st_size > (off_t)max_bytes)
		from = st.st_size - (off_t)max_bytes;
	text = malloc((size_t)(st.st_size - from) + 1);
	if (!text)
		abort();
	got = pread(fd, text, (size_t)(st.st_size - from), from);
	if (got < 0)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	start = text;
	if (from && (newline = memchr(text, '\n', (size_t)got)))
		start = newline + 1;
	strbuf_add(out, start, (size_t)(text + got - start));
	return 0;
}

char *file_tail(const char *path, unsigned line_max)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum { TAIL_BYTES = 64 << 10 };
	struct stat st;
	struct fail lines = { 0 };
	char *text;
	ssize_t got = 0;

	text = calloc(1, TAIL_BYTES + 1);
	if (!text)
		abort();
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		got = pread(fd, text, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
	for (ssize_t i = 0; i < got; i++)
		if (text[i] == '\0')
			text[i] = '?';
	text[got > 0 ? got : 0] = '\0';
	fail_evidence(&lines, text, line_max);
	memcpy(text, lines.evidence, strlen(lines.evidence) + 1);
	return text;
}

int64_t file_space_bytes(const char *path)
{
	auto_(free) char *copy = strdup(path);
	struct statvfs fs;

	if (!copy)
		abort();
	while (statvfs(copy, &fs) < 0) {
		char *slash = strrchr(copy, '/');

		if (!slash)
			return -1;
		slash[slash == copy] = '\0';
		if (slash == copy && statvfs(copy, &fs) < 0)
			return -1;
	}
	return (int64_t)fs.f_bfree * (int64_t)fs.f_frsize;
}
