/* SPDX-License-Identifier: PostgreSQL */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "strbuf.h"

#define CHUNK_BYTES (4u << 20) /* between two looks at the deadline */
#define PROGRESS_MS 1000
#define LINK_BUCKETS 1024u
#define XATTR_MAX (64u << 10)

DEFINE_AUTO(DIR *, closedir)

/* A file with several names: its first copy. */
struct linked { dev_t dev; ino_t ino; const char *path; struct linked *next; };

/* One run. Paths are relative to the topmost entry and used for messages, digests and hard links only. */
struct walk {
	const struct tree_copy *t; /* .to NULL = only look */
	struct arena *arena;
	struct strbuf list;        /* what the digest is made of */
	struct tree_sum sum;
	uint64_t copied;
	int64_t said_ms;
	dev_t dev;
	int top;                   /* directory of the copy's topmost entry */
	struct linked *links[LINK_BUCKETS];
	bool in_use;               /* entries may vanish */
	struct fail *e;
};

static int failed(struct walk *w, const char *path)
{
	if (errno == ENOSPC || errno == EDQUOT) {
		fail(w->e, FAIL_HOST, "no space is left for a copy of %s/%s", w->t->from, path);
		return -1;
	}
	return fail_errno(w->e, FAIL_OTHER, "%s %s/%s", w->t->to ? "copy" : "read", w->t->from, path);
}

static int may_go_on(struct walk *w)
{
	if (w->t->cancel && atomic_load(w->t->cancel))
		return fail(w->e, FAIL_CANCELED, "copy of %s canceled", w->t->from);
	if (clock_left_ms(w->t->deadline_ms) == 0)
		return fail(w->e, FAIL_TIMEOUT, "copy of %s: not done in time (%llu MiB are)", w->t->from,
			    (unsigned long long)w->copied >> 20);
	if (w->t->progress && clock_now_ms() - w->said_ms >= PROGRESS_MS) {
		w->said_ms = clock_now_ms();
		w->t->progress(w->t->ctx, w->copied);
	}
	return 0;
}

/* --- attributes --- */

/* The path of an entry of an open directory, for calls that know no directory descriptors. */
static const char *proc_path(int dir, const char *name, char ret[320])
{
	snprintf(ret, 320, "/proc/self/fd/%d/%s", dir, name);
	return ret;
}

static int copy_xattrs(int from, int to, const char *name, const char *to_name)
{
	char from_path[320], to_path[320];
	auto_(free) char *names = malloc(XATTR_MAX), *value = malloc(XATTR_MAX);
	ssize_t len, size;

	if (!names || !value)
		abort();
	proc_path(from, name, from_path);
	proc_path(to, to_name, to_path);
	len = llistxattr(from_path, names, XATTR_MAX);
	if (len < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (const char *n = names; n < names + len; n += strlen(n) + 1) {
		size = lgetxattr(from_path, n, value, XATTR_MAX);
		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0 || lsetxattr(to_path, n, value, (size_t)size, 0) < 0)
			return -1;
	}
	return 0;
}

/* The times of a directory are set when it is full. */
static int copy_attributes(int from, int to, const char *name, const char *to_name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	/* the mode after the owner, which takes setuid away */
	if (fchownat(to, to_name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(st->st_mode) && fchmodat(to, to_name, st->st_mode & 07777, 0) < 0) ||
	    copy_xattrs(from, to, name, to_name) < 0)
		return -1;
	return utimensat(to, to_name, times, AT_SYMLINK_NOFOLLOW);
}

/* --- contents --- */

static int copy_range(struct walk *w, int from, int to, off_t at, off_t end, const char *path)
{
	auto_(free) char *block = NULL;
	bool by_kernel = true;

	while (at < end) {
		size_t want = end - at > CHUNK_BYTES ? CHUNK_BYTES : (size_t)(end - at);
		off_t in = at, out = at;
		ssize_t got = by_kernel ? copy_file_range(from, &in, to, &out, want, 0) : -1;

		if (by_kernel && got < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS))
			by_kernel = false;
		if (!by_kernel) {
			if (!block && !(block = malloc(CHUNK_BYTES)))
				abort();
			got = pread(from, block, want, at);
			for (ssize_t put, done = 0; done < got; done += put)
				if ((put = pwrite(to, block + done, (size_t)(got - done), at + done)) <= 0)
					return failed(w, path);
		}
		if (got < 0)
			return failed(w, path);
		if (got == 0) /* it became shorter */
			break;
		at += got;
		w->copied += (uint64_t)got;
		if (may_go_on(w) < 0)
			return -1;
	}
	return 0;
}

static int copy_contents(struct walk *w, int from, int to, off_t size, const char *path)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (ftruncate(to, size) < 0)
		return failed(w, path);
	for (off_t at = 0; at < size;) {
		off_t data = lseek(from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO) /* the rest is a hole */
			break;
		hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return failed(w, path);
		if (copy_range(w, from, to, data, hole, path) < 0)
			return -1;
		at = hole;
	}
	return 0;
}

static int copy_file(struct walk *w, int from, int to, const char *name, const char *to_name, const struct stat *st,
		     const char *path)
{
	auto_(close) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_(close) int out = openat(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return in < 0 || out < 0 ? failed(w, path) : copy_contents(w, in, out, st->st_size, path);
}

static int copy_symlink(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path)
{
	char target[4096];
	ssize_t len = readlinkat(from, name, target, sizeof target - 1);

	if (len < 0)
		return w->in_use && errno == ENOENT ? 0 : failed(w, path);
	target[len] = '\0';
	strbuf_printf(&w->list, " > %s", target);
	return to >= 0 && symlinkat(target, to, to_name) < 0 ? failed(w, path) : 0;
}

/* 1: @path is another name of a file that was copied already, and is linked to it; 0: it is the first. */
static int link_again(struct walk *w, int to, const char *to_name, const struct stat *st, const char *path)
{
	struct linked **at = &w->links[(st->st_ino ^ st->st_dev) % LINK_BUCKETS], *l;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	for (l = *at; l; l = l->next)
		if (l->ino == st->st_ino && l->dev == st->st_dev)
			return to >= 0 && linkat(w->top, l->path, to, to_name, 0) < 0 ? failed(w, path) : 1;
	l = arena_new_of(w->arena, struct linked);
	*l = (struct linked){ st->st_dev, st->st_ino, arena_strdup(w->arena, path), *at };
	*at = l;
	return 0;
}

/* --- the tree --- */

static int take(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path);

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that the digest does not depend on the file system. */
static int names_of(struct walk *w, int dir, const char *path, char ***ret, unsigned *ret_count)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_(closedir) DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	*ret = NULL;
	*ret_count = 0;
	if (!d)
		return failed(w, path);
	while ((errno = 0, entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			*arena_push(w->arena, *ret, *ret_count) = arena_strdup(w->arena, entry->d_name);
	if (errno)
		return failed(w, path);
	if (*ret_count)
		qsort(*ret, *ret_count, sizeof **ret, by_name);
	return 0;
}

static int take_directory(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path)
{
	auto_(close) int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	unsigned count;
	char **names;

	if (in < 0)
		return w->in_use && errno == ENOENT ? 0 : failed(w, path);
	if (to >= 0) {
		if (mkdirat(to, to_name, 0700) < 0 ||
		    (out = openat(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
			return failed(w, path);
		if (w->top < 0)
			w->top = out;
	}
	if (names_of(w, in, path, &names, &count) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		auto_(strbuf_clear) struct strbuf below = { 0 };

		strbuf_printf(&below, "%s%s%s", path, *path ? "/" : "", names[i]);
		if (take(w, in, out, names[i], names[i], strbuf_text(&below)) < 0)
			return -1;
	}
	return 0;
}

static void list(struct walk *w, const struct stat *st, const char *path)
{
	/* sizes and times of directories differ between equal trees */
	strbuf_printf(&w->list, "%zu %s %o %u %u", strlen(path), path, st->st_mode, st->st_uid, st->st_gid);
	if (S_ISREG(st->st_mode))
		strbuf_printf(&w->list, " %lld %lld.%ld", (long long)st->st_size, (long long)st->st_mtim.tv_sec,
			      st->st_mtim.tv_nsec);
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		strbuf_printf(&w->list, " %llu", (unsigned long long)st->st_rdev);
}

/* What @path is and has. @to < 0: it is not copied. */
static int take_contents(struct walk *w, int from, int to, const char *name, const char *to_name, const struct stat *st,
			 const char *path)
{
	if (S_ISDIR(st->st_mode)) {
		strbuf_char(&w->list, '\n');
		return take_directory(w, from, to, name, to_name, path);
	}
	if (S_ISLNK(st->st_mode) && copy_symlink(w, from, to, name, to_name, path) < 0)
		return -1;
	strbuf_char(&w->list, '\n');
	if (to < 0 || S_ISLNK(st->st_mode))
		return 0;
	if (S_ISREG(st->st_mode))
		return copy_file(w, from, to, name, to_name, st, path);
	return mknodat(to, to_name, st->st_mode, st->st_rdev) < 0 ? failed(w, path) : 0;
}

static int take(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path)
{
	struct stat st;
	int known;

	if (may_go_on(w) < 0)
		return -1;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return w->in_use && errno == ENOENT ? 0 : failed(w, path);
	if (!w->dev)
		w->dev = st.st_dev;
	if (st.st_dev != w->dev)
		return fail(w->e, FAIL_CONFLICT, "copy of %s: a file system is mounted at %s", w->t->from, path);
	list(w, &st, path);
	w->sum.files++;
	known = link_again(w, to, to_name, &st, path);
	if (known) {
		strbuf_char(&w->list, '\n');
		return known < 0 ? -1 : 0;
	}
	w->sum.bytes += (uint64_t)st.st_blocks * 512;
	if (take_contents(w, from, to, name, to_name, &st, path) < 0)
		return -1;
	return to >= 0 && copy_attributes(from, to, name, to_name, &st) < 0 ? failed(w, path) : 0;
}

/* Opens the directory of @path; *ret_name is its last part. */
static int open_parent(struct walk *w, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash ? arena_strndup(w->arena, path, slash == path ? 1 : (size_t)(slash - path)) : ".";
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*ret_name = slash ? slash + 1 : path;
	return fd < 0 ? fail_errno(w->e, FAIL_OTHER, "%s", dir) : fd;
}

static int run(const struct tree_copy *t, bool in_use, struct tree_sum *ret, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct walk w = { .t = t, .arena = a, .top = -1, .said_ms = clock_now_ms(), .in_use = in_use, .e = e };
	auto_(close) int from = -1, to = -1;
	const char *name, *to_name = NULL;
	int r = -1;

	from = open_parent(&w, t->from, &name);
	if (from >= 0 && (!t->to || (to = open_parent(&w, t->to, &to_name)) >= 0))
		r = take(&w, from, to, name, to_name, "");
	if (r == 0) {
		digest_text(strbuf_text(&w.list), w.list.len, w.sum.digest);
		*ret = w.sum;
	}
	strbuf_clear(&w.list);
	return r;
}

int tree_copy(const struct tree_copy *t, struct tree_sum *ret, struct fail *e)
{
	return run(t, false, ret, e);
}

int tree_look(const char *path, struct tree_sum *ret, struct fail *e)
{
	return run(&(struct tree_copy){ .from = path, .deadline_ms = CLOCK_NEVER }, false, ret, e);
}

int tree_size(const char *path, uint64_t *ret_bytes, struct fail *e)
{
	struct tree_sum sum;

	if (run(&(struct tree_copy){ .from = path, .deadline_ms = CLOCK_NEVER }, true, &sum, e) < 0)
		return -1;
	*ret_bytes = sum.bytes;
	return 0;
}

bool tree_same_system(const char *a, const char *b)
{
	struct stat st_a, st_b;

	return stat(a, &st_a) == 0 && stat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev;
}

bool tree_can_share(const char *from, const char *to)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *names[] = { arena_printf(a, "%s/.labctl-share-%d-a", to, (int)getpid()),
				arena_printf(a, "%s/.labctl-share-%d-b", to, (int)getpid()) };
	bool shares = false;
	int fd[2];

	if (!tree_same_system(from, to))
		return false;
	for (int i = 0; i < 2; i++)
		fd[i] = open(names[i], O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	shares = fd[0] >= 0 && fd[1] >= 0 && write(fd[0], "x", 1) == 1 && ioctl(fd[1], FICLONE, fd[0]) == 0;
	for (int i = 0; i < 2; i++) {
		close_auto(&fd[i]);
		unlink(names[i]);
	}
	return shares;
}

int tree_sync(const char *path, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? fail_errno(e, FAIL_OTHER, "write %s to the disk", path) : 0;
}
