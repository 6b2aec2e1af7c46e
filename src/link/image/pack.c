/* SPDX-License-Identifier: PostgreSQL */
#include "pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "arena.h"

DEFINE_AUTO(struct archive_entry *, archive_entry_free)

/* In the order of pack_suffixes. A filter that would run a program returns ARCHIVE_WARN: that counts as missing. */
static int (*const filters[])(struct archive *) = { archive_write_add_filter_zstd, archive_write_add_filter_gzip,
						    archive_write_add_filter_xz };
const char *const pack_suffixes[] = { ".tar.zst", ".tar.gz", ".tar.xz", NULL };
_Static_assert(ARRAY_COUNT(filters) + 1 == ARRAY_COUNT(pack_suffixes), "a filter for each suffix");

struct pack {
	struct arena *arena;
	const char *path, *made; /* .made: its name until it is complete */
	struct archive *to;
	int fd;
	bool finished;
};

static int suffix_of(const char *path)
{
	size_t len = strlen(path);

	for (int i = 0; pack_suffixes[i]; i++) {
		size_t suffix = strlen(pack_suffixes[i]);

		if (len > suffix && !strcmp(path + len - suffix, pack_suffixes[i]) && path[len - suffix - 1] != '/')
			return i;
	}
	return -1;
}

static int fail_archive(struct pack *p, struct fail *e)
{
	const char *text = archive_error_string(p->to);

	fail(e, FAIL_OTHER, "%s: %s", p->path, text ? text : "unknown reason");
	return archive_errno(p->to) > 0 ? fail_from_errno(e, archive_errno(p->to)) : -1;
}

static int begin(struct pack *p, int suffix, struct fail *e)
{
	struct stat st;

	if (lstat(p->path, &st) == 0)
		return fail(e, FAIL_CONFLICT, "%s exists", p->path);
	p->fd = open(p->made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", p->made);
	if (filters[suffix](p->to) != ARCHIVE_OK)
		return fail(e, FAIL_HOST, "libarchive of this host cannot write %s", pack_suffixes[suffix]);
	if (archive_write_set_format_pax_restricted(p->to) != ARCHIVE_OK || archive_write_open_fd(p->to, p->fd) != ARCHIVE_OK)
		return fail_archive(p, e);
	return 0;
}

int pack_new(const char *path, struct pack **ret_pack, struct fail *e)
{
	auto_(pack_free) struct pack *p = NULL;
	int suffix = suffix_of(path);

	if (suffix < 0) {
		fail(e, FAIL_USAGE, "%s: the name of an archive ends in %s, %s or %s", path, pack_suffixes[0], pack_suffixes[1],
		     pack_suffixes[2]);
		return -1;
	}
	p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->fd = -1;
	p->arena = arena_new();
	p->path = arena_strdup(p->arena, path);
	p->made = arena_printf(p->arena, "%s.%d", path, (int)getpid());
	p->to = archive_write_new();
	if (!p->to)
		abort();
	if (begin(p, suffix, e) < 0)
		return -1;
	*ret_pack = steal(p);
	return 0;
}

int pack_add(struct pack *p, const char *name, const char *text, size_t len, struct fail *e)
{
	auto_(archive_entry_free) struct archive_entry *m = archive_entry_new();

	if (!m)
		abort();
	archive_entry_set_pathname(m, name);
	archive_entry_set_mode(m, S_IFREG | 0644);
	archive_entry_set_mtime(m, time(NULL), 0);
	archive_entry_set_size(m, (la_int64_t)len);
	if (archive_write_header(p->to, m) < ARCHIVE_OK || archive_write_data(p->to, text, len) != (la_ssize_t)len)
		return fail_archive(p, e);
	return 0;
}

int pack_finish(struct pack *p, struct fail *e)
{
	if (archive_write_close(p->to) < ARCHIVE_OK)
		return fail_archive(p, e);
	/* link(2), since rename(2) would replace a file of that name */
	if (fsync(p->fd) < 0 || link(p->made, p->path) < 0)
		return fail_errno(e, errno == EEXIST ? FAIL_CONFLICT : FAIL_OTHER, "%s", p->path);
	unlink(p->made);
	p->finished = true;
	return 0;
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	archive_write_free(p->to);
	if (p->fd >= 0) {
		close(p->fd);
		if (!p->finished)
			unlink(p->made);
	}
	arena_free(p->arena);
	free(p);
}
