/* SPDX-License-Identifier: PostgreSQL */
#include "iso.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "quote.h"

DEFINE_AUTO(struct archive *, archive_read_free)
DEFINE_AUTO(struct archive *, archive_write_free)
DEFINE_AUTO(struct archive_entry *, archive_entry_free)

#define BLOCK_BYTES (256u << 10)

/* @code unless the library knows an errno. Names of a foreign medium are in its texts. */
static int fail_archive(struct fail *e, enum fail_code code, struct archive *which, const char *path)
{
	const char *text = archive_error_string(which);

	fail(e, code, "%s: %s", path, text ? text : "unknown reason");
	quote_tame(e->text, strlen(e->text));
	return archive_errno(which) > 0 ? fail_from_errno(e, archive_errno(which)) : -1;
}

/* --- writing --- */

static int add_file(struct archive *to, const struct iso_file *f, const char *path, struct fail *e)
{
	auto_(archive_entry_free) struct archive_entry *m = archive_entry_new();
	size_t len = strlen(f->text);

	archive_entry_set_pathname(m, f->name);
	archive_entry_set_mode(m, S_IFREG | 0444);
	archive_entry_set_size(m, (la_int64_t)len);
	if (archive_write_header(to, m) < ARCHIVE_OK || archive_write_data(to, f->text, len) != (la_ssize_t)len)
		return fail_archive(e, FAIL_OTHER, to, path);
	return 0;
}

/* Joliet and Rock Ridge, which the library writes unasked: lower case, dashes and four letters after a dot survive. */
static int write_volume(const char *path, const char *label, const struct iso_file *files, unsigned count, struct fail *e)
{
	auto_(close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	auto_(archive_write_free) struct archive *to = archive_write_new();

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	if (archive_write_set_format_iso9660(to) < ARCHIVE_OK ||
	    archive_write_set_format_option(to, "iso9660", "volume-id", label) < ARCHIVE_OK ||
	    archive_write_open_fd(to, fd) < ARCHIVE_OK)
		return fail_archive(e, FAIL_OTHER, to, path);
	for (unsigned i = 0; i < count; i++)
		if (add_file(to, &files[i], path, e))
			return -1;
	return archive_write_close(to) < ARCHIVE_OK ? fail_archive(e, FAIL_OTHER, to, path) : 0;
}

int iso_write(const char *path, const char *label, const struct iso_file *files, unsigned count, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *made = arena_printf(a, "%s.new", path);
	int r;

	unlink(made);
	r = write_volume(made, label, files, count, e);
	if (!r && rename(made, path))
		r = fail_errno(e, FAIL_OTHER, "%s", path);
	if (r)
		unlink(made);
	return r;
}

/* --- reading --- */

static int check_time(const char *iso, const atomic_bool *cancel, int64_t deadline_ms, struct fail *e)
{
	if (cancel && atomic_load(cancel))
		return fail(e, FAIL_CANCELED, "canceled");
	return clock_now_ms() < deadline_ms ? 0 : fail(e, FAIL_TIMEOUT, "%s: timed out while it was read", iso);
}

static int copy_data(struct archive *from, const char *iso, const char *to, const atomic_bool *cancel, int64_t deadline_ms,
		     struct fail *e)
{
	auto_(close) int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const void *block;
	la_int64_t at;
	size_t len;
	int r;

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", to);
	while ((r = archive_read_data_block(from, &block, &len, &at)) == ARCHIVE_OK) {
		if (check_time(iso, cancel, deadline_ms, e))
			return -1;
		if (pwrite(fd, block, len, at) != (ssize_t)len)
			return fail_errno(e, FAIL_OTHER, "%s", to);
	}
	return r == ARCHIVE_EOF ? 0 : fail_archive(e, FAIL_HOST, from, iso);
}

int iso_extract(const char *iso, const char *member, const char *to, const atomic_bool *cancel, int64_t deadline_ms,
		struct fail *e)
{
	auto_(archive_read_free) struct archive *from = archive_read_new();
	auto_(arena_free) struct arena *a = arena_new();
	const char *first = NULL;
	struct archive_entry *m;
	int r;

	archive_read_support_format_iso9660(from);
	if (archive_read_open_filename(from, iso, BLOCK_BYTES) < ARCHIVE_WARN)
		return fail_archive(e, FAIL_HOST, from, iso);
	while ((r = archive_read_next_header(from, &m)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (check_time(iso, cancel, deadline_ms, e))
			return -1;
		if (!archive_entry_pathname(m) || strcmp(archive_entry_pathname(m), member) != 0)
			continue;
		/* Equal files may share their data on a medium; libarchive returns the data once, under the first name. */
		if (archive_entry_hardlink(m))
			first = arena_strdup(a, archive_entry_hardlink(m));
		else if (archive_entry_filetype(m) == AE_IFREG)
			return copy_data(from, iso, to, cancel, deadline_ms, e);
		break;
	}
	if (first && strcmp(first, member) != 0)
		return iso_extract(iso, first, to, cancel, deadline_ms, e);
	if (r == ARCHIVE_FATAL)
		return fail_archive(e, FAIL_HOST, from, iso);
	return fail(e, FAIL_NOT_FOUND, "%s does not contain %s", iso, member);
}
