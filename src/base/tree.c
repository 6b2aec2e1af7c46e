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
#include <unistd.h>

#include "clock.h"
#include "tree_walk.h"

DEFINE_AUTO(DIR *, closedir)

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
		return tree_failed(w, path);
	while ((errno = 0, entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			*arena_push(w->arena, *ret, *ret_count) = arena_strdup(w->arena, entry->d_name);
	if (errno)
		return tree_failed(w, path);
	if (*ret_count)
		qsort(*ret, *ret_count, sizeof **ret, by_name);
	return 0;
}

static int make_directory(struct walk *w, int to, const char *to_name, const char *path)
{
	struct stat there;

	if (w->pins >= 0 && fstatat(to, to_name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(there.st_mode))
			return 0;
		if (tree_remove_entry(w, to, to_name, path) < 0)
			return -1;
	}
	return mkdirat(to, to_name, 0700) < 0 ? tree_failed(w, path) : 0;
}

static bool is_among(const char *name, char *const *names, unsigned count)
{
	for (unsigned low = 0; low < count;) {
		unsigned middle = low + (count - low) / 2;
		int order = strcmp(name, names[middle]);

		if (!order)
			return true;
		if (order < 0)
			count = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* Of a directory that exists: what is not in the tree. */
static int remove_others(struct walk *w, int dir, const char *path, char *const *names, unsigned count)
{
	char **there;
	unsigned there_count;

	if (names_of(w, dir, path, &there, &there_count) < 0)
		return -1;
	for (unsigned i = 0; i < there_count; i++)
		if (!is_among(there[i], names, count) && tree_remove_entry(w, dir, there[i], path) < 0)
			return -1;
	return 0;
}

static int take_directory(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path)
{
	auto_(close) int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	unsigned count;
	char **names;

	if (in < 0)
		return w->in_use && errno == ENOENT ? 0 : tree_failed(w, path);
	if (to >= 0) {
		if (make_directory(w, to, to_name, path) < 0)
			return -1;
		if ((out = openat(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
			return tree_failed(w, path);
		if (w->top < 0)
			w->top = out;
	}
	if (names_of(w, in, path, &names, &count) < 0 || (w->pins >= 0 && remove_others(w, out, path, names, count) < 0))
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
	if (w->links_only && linkat(from, name, to, to_name, 0) < 0)
		return tree_failed(w, path);
	if (w->pins >= 0 && tree_place_pinned(w, to, to_name, path) < 0)
		return -1;
	if (S_ISLNK(st->st_mode) && tree_copy_symlink(w, from, to, name, to_name, path) < 0)
		return -1;
	strbuf_char(&w->list, '\n');
	if (to < 0 || S_ISLNK(st->st_mode) || w->links_only)
		return 0;
	if (S_ISREG(st->st_mode))
		return tree_copy_file(w, from, to, name, to_name, st, path);
	return w->pins < 0 && mknodat(to, to_name, st->st_mode, st->st_rdev) < 0 ? tree_failed(w, path) : 0;
}

static int take(struct walk *w, int from, int to, const char *name, const char *to_name, const char *path)
{
	struct stat st;
	int known;

	if (tree_may_go_on(w) < 0)
		return -1;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return w->in_use && errno == ENOENT ? 0 : tree_failed(w, path);
	if (!w->dev)
		w->dev = st.st_dev;
	if (st.st_dev != w->dev)
		return fail(w->e, FAIL_CONFLICT, "copy of %s: a file system is mounted at %s", w->t->from, path);
	list(w, &st, path);
	w->sum.files++;
	known = tree_link_again(w, to, to_name, &st, path);
	if (known) {
		strbuf_char(&w->list, '\n');
		return known < 0 ? -1 : 0;
	}
	w->sum.bytes += (uint64_t)st.st_blocks * 512;
	if (take_contents(w, from, to, name, to_name, &st, path) < 0)
		return -1;
	return to >= 0 && !w->links_only && tree_copy_attributes(from, to, name, to_name, &st) < 0 ? tree_failed(w, path) : 0;
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

enum how { COPY, LOOK_IN_USE, PIN };

static int run(const struct tree_copy *t, enum how how, struct tree_sum *ret, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct walk w = { .t = t, .arena = a, .top = -1, .said_ms = clock_now_ms(), .in_use = how == LOOK_IN_USE,
			  .links_only = how == PIN, .pins = -1, .e = e };
	auto_(close) int from = -1, to = -1, pins = -1;
	const char *name, *to_name = NULL;
	int r = -1;

	if (t->pins) {
		w.pins = pins = open(t->pins, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (pins < 0)
			return fail_errno(e, FAIL_OTHER, "%s", t->pins);
	}
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
	return run(t, COPY, ret, e);
}

int tree_restore(const struct tree_copy *t, struct tree_sum *ret, struct fail *e)
{
	return run(t, COPY, ret, e);
}

int tree_pin(const char *from, const char *to, struct tree_sum *ret, struct fail *e)
{
	return run(&(struct tree_copy){ .from = from, .to = to, .deadline_ms = CLOCK_NEVER }, PIN, ret, e);
}

int tree_look(const char *path, struct tree_sum *ret, struct fail *e)
{
	return run(&(struct tree_copy){ .from = path, .deadline_ms = CLOCK_NEVER }, COPY, ret, e);
}

int tree_size(const char *path, uint64_t *ret_bytes, struct fail *e)
{
	struct tree_sum sum;

	if (run(&(struct tree_copy){ .from = path, .deadline_ms = CLOCK_NEVER }, LOOK_IN_USE, &sum, e) < 0)
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
