/* SPDX-License-Identifier: PostgreSQL */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "quote.h"

DEFINE_AUTO(struct archive *, archive_read_free)
DEFINE_AUTO(struct archive *, archive_write_free)

/* An archive being unpacked; belongs to one thread at a time. */
struct unpack {
	const char *archive, *dir; /* .dir NULL: check only */
	const atomic_bool *cancel;
	int64_t deadline_ms;
	struct arena *a;
	const char *top;
	struct fail *e;
	int fd, result;
	unsigned members;
	uint64_t bytes;
	char block[64u << 10];
};

/* --- what a source archive may contain --- */

static bool has_dotdot(const char *path)
{
	for (const char *p = path, *end; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, "/");
		if (end - p == 2 && p[0] == '.' && p[1] == '.')
			return true;
	}
	return false;
}

/* True if the target of the link @name is below the top directory, judged by names only. */
static bool stays_below(const char *name, const char *target)
{
	int depth = 0;

	for (const char *p = name; (p = strchr(p, '/')); p++)
		depth += p > name && p[-1] != '.' && p[-1] != '/';
	if (*target == '/')
		return false;
	for (const char *p = target, *end; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, "/");
		if (end - p == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (end > p && !(end - p == 1 && *p == '.'))
			depth++;
		if (depth < 1)
			return false;
	}
	return true;
}

/* Checks one name of the archive; *top is the directory that all names share. */
static int check_name(const char *archive, const char *name, struct arena *a, const char **top, struct fail *e)
{
	const char *end;

	if (name[0] == '/')
		return fail(e, FAIL_OTHER, "archive %s contains the absolute path %s", archive, name);
	if (has_dotdot(name))
		return fail(e, FAIL_OTHER, "archive %s contains a path that leads out of it: %s", archive, name);
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	if (!*name || strcmp(name, ".") == 0)
		return 0;
	end = name + strcspn(name, "/");
	if (!*top)
		*top = arena_strndup(a, name, (size_t)(end - name));
	else if (strlen(*top) != (size_t)(end - name) || strncmp(*top, name, (size_t)(end - name)) != 0)
		return fail(e, FAIL_OTHER, "archive %s is not a source archive: it has more than one top directory (%s, %.*s)",
			    archive, *top, (int)(end - name), name);
	return 0;
}

/* Checks a member: only files, directories and links between them are allowed. */
static int check_member(const char *archive, struct archive_entry *m, struct arena *a, const char **top, struct fail *e)
{
	const char *name = archive_entry_pathname(m), *soft = archive_entry_symlink(m), *hard = archive_entry_hardlink(m);
	mode_t type = archive_entry_filetype(m);

	if (!name)
		return fail(e, FAIL_OTHER, "archive %s: has a member whose name cannot be read", archive);
	if (!hard && type != AE_IFREG && type != AE_IFDIR && (type != AE_IFLNK || !soft))
		return fail(e, FAIL_OTHER, "archive %s: member %s is not a file, directory or link", archive, name);
	if (check_name(archive, name, a, top, e))
		return -1;
	if (hard ? *hard == '/' || has_dotdot(hard) : soft && !stays_below(name, soft))
		return fail(e, FAIL_OTHER, "archive %s contains a link that leads out of it: %s -> %s", archive, name,
			    hard ? hard : soft);
	return 0;
}

/* Checks the limit, before @more bytes that follow or are announced. */
static int check_size(struct unpack *u, uint64_t more)
{
	if (u->members > UNPACK_MAX_MEMBERS)
		return fail(u->e, FAIL_OTHER, "archive %s contains more than %u members", u->archive, UNPACK_MAX_MEMBERS);
	if (more > UNPACK_MAX_BYTES - u->bytes)
		return fail(u->e, FAIL_OTHER, "archive %s: is larger than %llu GiB when unpacked", u->archive,
			    UNPACK_MAX_BYTES >> 30);
	return 0;
}

static int check_time(struct unpack *u)
{
	if (u->cancel && atomic_load(u->cancel))
		return fail(u->e, FAIL_CANCELED, "canceled");
	if (clock_now_ms() >= u->deadline_ms)
		return fail(u->e, FAIL_TIMEOUT, "archive %s: timed out while it was unpacked", u->archive);
	return 0;
}

/* --- reading and writing --- */

static la_ssize_t read_more(struct archive *from, void *ctx, const void **ret_block)
{
	struct unpack *u = ctx;
	ssize_t len;

	if (check_time(u)) {
		archive_set_error(from, ECANCELED, "stopped");
		return -1;
	}
	*ret_block = u->block;
	len = read(u->fd, u->block, sizeof u->block);
	if (len < 0)
		archive_set_error(from, errno, "%s", strerror(errno));
	return len;
}

/* For zip archives, whose directory is at the end. */
static la_int64_t seek_to(struct archive *from, void *ctx, la_int64_t offset, int whence)
{
	const struct unpack *u = ctx;
	off_t at = lseek(u->fd, offset, whence);

	(void)from;
	return at < 0 ? ARCHIVE_FATAL : at;
}

/* Enables only the formats of source archives, and no filter that runs a program. */
static struct archive *open_archive(struct unpack *u)
{
	struct archive *from = archive_read_new();

	if (!from)
		return NULL;
	archive_read_support_filter_gzip(from);
	archive_read_support_filter_bzip2(from);
	archive_read_support_filter_xz(from);
	archive_read_support_filter_lzma(from);
	archive_read_support_filter_zstd(from);
	archive_read_support_filter_compress(from);
	archive_read_support_format_tar(from);
	archive_read_support_format_zip(from);
	archive_read_set_read_callback(from, read_more);
	archive_read_set_seek_callback(from, seek_to);
	archive_read_set_callback_data(from, u);
	return from;
}

/* @verb: "read", "written". Keeps the failure of the callback that stopped it. */
static int say_error(struct unpack *u, struct archive *which, const char *verb)
{
	const char *text = archive_error_string(which);

	if (u->e->code)
		return -1;
	fail(u->e, FAIL_OTHER, "archive %s: cannot be %s: %s", u->archive, verb, text ? text : "unknown reason");
	return archive_errno(which) > 0 ? fail_from_errno(u->e, archive_errno(which)) : -1;
}

static int write_data(struct unpack *u, struct archive *from, struct archive *to)
{
	const void *block;
	la_int64_t at;
	size_t len;
	int r;

	while ((r = archive_read_data_block(from, &block, &len, &at)) == ARCHIVE_OK) {
		if (check_time(u) || check_size(u, len))
			return -1;
		u->bytes += len;
		if (to && archive_write_data_block(to, block, len, at) < ARCHIVE_OK)
			return say_error(u, to, "written");
	}
	return r == ARCHIVE_EOF ? 0 : say_error(u, from, "read");
}

static int write_member(struct unpack *u, struct archive *from, struct archive *to, struct archive_entry *m)
{
	la_int64_t said = archive_entry_size(m);

	u->members++;
	if (check_time(u) || check_member(u->archive, m, u->a, &u->top, u->e) || check_size(u, said > 0 ? (uint64_t)said : 0))
		return -1;
	/* refuses to write through any symbolic link */
	if (to && archive_write_header(to, m) < ARCHIVE_OK)
		return say_error(u, to, "written");
	if (write_data(u, from, to))
		return -1;
	return to && archive_write_finish_entry(to) < ARCHIVE_OK ? say_error(u, to, "written") : 0;
}

static int write_members(struct unpack *u)
{
	auto_(archive_read_free) struct archive *from = open_archive(u);
	auto_(archive_write_free) struct archive *to = u->dir ? archive_write_disk_new() : NULL;
	struct archive_entry *m;
	int r;

	if (!from || (u->dir && !to))
		return fail(u->e, FAIL_OTHER, "out of memory");
	if (to)
		archive_write_disk_set_options(to, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
							   ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	if (archive_read_open1(from) < ARCHIVE_WARN)
		return say_error(u, from, "read");
	while ((r = archive_read_next_header(from, &m)) == ARCHIVE_OK || r == ARCHIVE_WARN)
		if (write_member(u, from, to, m))
			return -1;
	if (r != ARCHIVE_EOF)
		return say_error(u, from, "read");
	/* sets times and modes of directories */
	if (to && archive_write_close(to) < ARCHIVE_OK)
		return say_error(u, to, "written");
	return u->top ? 0 : fail(u->e, FAIL_OTHER, "archive %s: is empty", u->archive);
}

/*
 * Runs in a thread with its own umask and working directory: libarchive sets the umask for a moment, and checks links only
 * below the working directory. Names are bytes, or UTF-8 if the archive says so, whatever the user's locale.
 */
static void *unpack_main(void *ctx)
{
	struct unpack *u = ctx;
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);

	if (utf8)
		uselocale(utf8);
	if (u->dir && (unshare(CLONE_FS) || chdir(u->dir)))
		u->result = fail_errno(u->e, FAIL_OTHER, "%s", u->dir);
	else
		u->result = write_members(u);
	uselocale(LC_GLOBAL_LOCALE);
	if (utf8)
		freelocale(utf8);
	return NULL;
}

int unpack_archive(const char *archive, const char *dir, const atomic_bool *cancel, int64_t deadline_ms, struct arena *a,
		   const char **ret_top, struct fail *e)
{
	auto_(close) int fd = open(archive, O_RDONLY | O_CLOEXEC);
	auto_(free) struct unpack *u = calloc(1, sizeof *u);
	pthread_t thread;
	int error;

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "archive %s: cannot be read", archive);
	if (!u)
		return fail(e, FAIL_OTHER, "out of memory");
	*e = (struct fail){ 0 };
	*u = (struct unpack){ .archive = archive, .dir = dir, .cancel = cancel, .deadline_ms = deadline_ms, .a = a, .e = e,
			      .fd = fd };
	error = pthread_create(&thread, NULL, unpack_main, u);
	if (error) {
		fail(e, FAIL_OTHER, "archive %s: no thread: %s", archive, strerror(error));
		return fail_from_errno(e, error);
	}
	pthread_join(thread, NULL);
	/* Names are untrusted: remove newlines and terminal controls. */
	quote_tame(e->text, strlen(e->text));
	for (char *c = e->text; (c = strpbrk(c, "\n\r\t"));)
		*c = '?';
	*ret_top = u->top;
	return u->result;
}

int unpack_check(const char *archive, const atomic_bool *cancel, int64_t deadline_ms, struct arena *a, const char **ret_top,
		 struct fail *e)
{
	return unpack_archive(archive, NULL, cancel, deadline_ms, a, ret_top, e);
}

int unpack_opens(const char *archive, struct fail *e)
{
	auto_(close) int fd = open(archive, O_RDONLY | O_CLOEXEC);
	auto_(free) struct unpack *u = calloc(1, sizeof *u);
	auto_(archive_read_free) struct archive *from = NULL;
	struct archive_entry *m;
	const char *why;

	if (fd < 0)
		return fail_errno(e, FAIL_NOT_FOUND, "source archive %s", archive);
	if (!u)
		return fail(e, FAIL_OTHER, "out of memory");
	*u = (struct unpack){ .archive = archive, .deadline_ms = CLOCK_NEVER, .e = e, .fd = fd };
	from = open_archive(u);
	if (!from)
		return fail(e, FAIL_OTHER, "out of memory");
	if (archive_read_open1(from) >= ARCHIVE_WARN && archive_read_next_header(from, &m) >= ARCHIVE_WARN)
		return 0;
	if (e->code)
		return -1;
	why = archive_error_string(from);
	return fail(e, FAIL_USAGE, "source archive %s: is no archive that labctl reads (tar or zip): %s", archive, why ? why : "it is empty");
}
