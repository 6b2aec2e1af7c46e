/* SPDX-License-Identifier: PostgreSQL */
/* One entry of a tree: its attributes, its contents, and what there is in its place. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "tree_walk.h"

#define CHUNK_BYTES (4u << 20) /* between two looks at the deadline */
#define PROGRESS_MS 1000
#define XATTR_MAX (64u << 10)

int tree_failed(struct walk *w, const char *path)
{
	if (errno == ENOSPC || errno == EDQUOT) {
		fail(w->e, FAIL_HOST, "no space is left for a copy of %s/%s", w->t->from, path);
		return -1;
	}
	return fail_errno(w->e, FAIL_OTHER, "%s %s/%s", w->t->to ? "copy" : "read", w->t->from, path);
}

int tree_may_go_on(struct walk *w)
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
int tree_copy_attributes(int from, int to, const char *name, const char *to_name, const struct stat *st)
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
					return tree_failed(w, path);
		}
		if (got < 0)
			return tree_failed(w, path);
		if (got == 0) /* it became shorter */
			break;
		at += got;
		w->copied += (uint64_t)got;
		if (tree_may_go_on(w) < 0)
			return -1;
	}
	return 0;
}

static int copy_contents(struct walk *w, int from, int to, off_t size, const char *path)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (ftruncate(to, size) < 0)
		return tree_failed(w, path);
	for (off_t at = 0; at < size;) {
		off_t data = lseek(from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO) /* the rest is a hole */
			break;
		hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return tree_failed(w, path);
		if (copy_range(w, from, to, data, hole, path) < 0)
			return -1;
		at = hole;
	}
	return 0;
}

int tree_copy_file(struct walk *w, int from, int to, const char *name, const char *to_name, const struct stat *st,
		     const char *path)
{
	int flags = w->pins >= 0 ? O_TRUNC : O_CREAT | O_EXCL;
	auto_(close) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	auto_(close) int out = openat(to, to_name, O_WRONLY | flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	return in < 0 || out < 0 ? tree_failed(w, path) : copy_contents(w, in, out, st->st_size, path);
}

/* --- tree_restore(): what is there already --- */

/* Removes an entry, with all below it, that has no place in the tree. */
int tree_remove_entry(struct walk *w, int dir, const char *name, const char *path)
{
	char at[320];

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return tree_failed(w, path);
	return file_remove_tree(proc_path(dir, name, at), w->e);
}

/* Puts the file that @path was in the place of whatever has its name. */
int tree_place_pinned(struct walk *w, int to, const char *to_name, const char *path)
{
	struct stat pinned, there;

	if (fstatat(w->pins, path, &pinned, AT_SYMLINK_NOFOLLOW) < 0)
		return tree_failed(w, path);
	if (fstatat(to, to_name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
		if (there.st_ino == pinned.st_ino && there.st_dev == pinned.st_dev)
			return 0;
		if (tree_remove_entry(w, to, to_name, path) < 0)
			return -1;
	}
	return linkat(w->pins, path, to, to_name, 0) < 0 ? tree_failed(w, path) : 0;
}

int tree_copy_symlink(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path)
{
	char target[4096];
	ssize_t len = readlinkat(from, name, target, sizeof target - 1);

	if (len < 0)
		return w->in_use && errno == ENOENT ? 0 : tree_failed(w, path);
	target[len] = '\0';
	strbuf_printf(&w->list, " > %s", target);
	return to >= 0 && w->pins < 0 && !w->links_only && symlinkat(target, to, to_name) < 0 ? tree_failed(w, path) : 0;
}

/* 1: @path is another name of a file that was copied already, and is linked to it; 0: it is the first. */
int tree_link_again(struct walk *w, int to, const char *to_name, const struct stat *st, const char *path)
{
	struct linked **at = &w->links[(st->st_ino ^ st->st_dev) % LINK_BUCKETS], *l;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	for (l = *at; l; l = l->next)
		if (l->ino == st->st_ino && l->dev == st->st_dev) {
			if (w->pins >= 0)
				return tree_place_pinned(w, to, to_name, path) < 0 ? -1 : 1;
			return to >= 0 && linkat(w->top, l->path, to, to_name, 0) < 0 ? tree_failed(w, path) : 1;
		}
	l = arena_new_of(w->arena, struct linked);
	*l = (struct linked){ st->st_dev, st->st_ino, arena_strdup(w->arena, path), *at };
	*at = l;
	return 0;
}
