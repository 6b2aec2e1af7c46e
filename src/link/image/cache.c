/* SPDX-License-Identifier: PostgreSQL */
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"

/* What stands before and after the name. */
static const struct layout { const char *before, *after; } layout[CACHE_FILE_COUNT] = {
	[CACHE_IMAGES] = { "images", "" },
	[CACHE_IMAGE_NEW] = { "images/.", ".new" },
	[CACHE_IMAGE_INSTALL] = { "images/.", ".install" },
	[CACHE_IMAGE_LOG] = { "log/image-", ".log" },
	[CACHE_INSTALL_LOG] = { "log/install-", ".log" },
	[CACHE_INSTALL_SYSLOG] = { "log/install-", ".syslog" },
	[CACHE_BUILD_TAR] = { "builds/", ".tar" },
	[CACHE_BUILD_RECORD] = { "builds/", ".json" },
	[CACHE_BUILD_LOG] = { "log/build-", ".log" },
	[CACHE_BUILD_WORK] = { "tmp/build-", "" },
	[CACHE_DOWNLOAD] = { "downloads/", "" },
};

/* Temporary names in CACHE/images: ".NAME" or ".NAME-DIGEST12", and one of these. */
static const char *const temporary[] = { ".new", ".install", ".gone" };

const char *cache_path(const char *cache_dir, enum cache_file file, const char *name, struct arena *a)
{
	return arena_printf(a, "%s/%s%s%s", cache_dir, layout[file].before, name, layout[file].after);
}

const char *cache_image(const char *cache_dir, const char *name, const char *digest, struct arena *a)
{
	return arena_printf(a, "%s/images/%s-%.*s", cache_dir, name, CACHE_ID_LEN, digest);
}

bool cache_is_image(const char *entry, const char **ret_digest)
{
	const char *dash = strrchr(entry, '-');

	if (entry[0] == '.' || !dash || dash == entry || strlen(dash + 1) != CACHE_ID_LEN)
		return false;
	*ret_digest = dash + 1;
	return true;
}

/* --- locks --- */

static int lock(const char *cache_dir, const char *const *dirs, const char *file, const char *what, int64_t deadline_ms,
		int *ret_fd, struct arena *a, struct fail *e)
{
	for (; *dirs; dirs++)
		if (file_mkdirs(arena_printf(a, "%s/%s", cache_dir, *dirs), 0755, e))
			return -1;
	return file_lock(file, what, deadline_ms, ret_fd, e);
}

int cache_lock_image(const char *cache_dir, const char *name, const char *what, int64_t deadline_ms, int *ret_fd, struct fail *e)
{
	static const char *const dirs[] = { "images", "log", NULL };
	auto_(arena_free) struct arena *a = arena_new();

	return lock(cache_dir, dirs, arena_printf(a, "%s/images/.%s.lock", cache_dir, name), what, deadline_ms, ret_fd, a, e);
}

int cache_lock_build(const char *cache_dir, const char *key, int64_t deadline_ms, int *ret_fd, struct fail *e)
{
	static const char *const dirs[] = { "builds", "log", "tmp", NULL };
	auto_(arena_free) struct arena *a = arena_new();

	return lock(cache_dir, dirs, arena_printf(a, "%s/builds/%s.lock", cache_dir, key), "build", deadline_ms, ret_fd, a, e);
}

int cache_lock_download(const char *cache_dir, const char *name, int64_t deadline_ms, int *ret_fd, struct fail *e)
{
	static const char *const dirs[] = { "downloads", NULL };
	auto_(arena_free) struct arena *a = arena_new();

	return lock(cache_dir, dirs, arena_printf(a, "%s/downloads/%s.lock", cache_dir, name), "download", deadline_ms, ret_fd, a,
		    e);
}

/* --- images: publish and remove --- */

int cache_publish(const char *temp, const char *dir, bool failed, struct fail *e)
{
	struct fail ignored = { 0 };

	if (!failed && rename(temp, dir) == 0)
		return 0;
	if (!failed)
		fail_errno(e, FAIL_OTHER, "%s", dir);
	file_remove_tree(temp, &ignored);
	return -1;
}

int cache_remove_image(const char *cache_dir, const char *dir, bool (*used)(void *ctx), void *ctx, bool *ret_used,
		       struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *gone = arena_printf(a, "%s/images/.%s.gone", cache_dir, strrchr(dir, '/') + 1);

	*ret_used = false;
	if (file_remove_tree(gone, e))
		return -1;
	if (rename(dir, gone) && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "%s", dir);
	if (used && used(ctx) && rename(gone, dir) == 0) {
		*ret_used = true;
		return 0;
	}
	return file_remove_tree(gone, e);
}

/* Does a running labctl hold the lock of a temporary name? It is that of NAME, without DIGEST12. */
static bool in_use(const char *images, const char *entry, struct arena *a)
{
	const char *dot = strrchr(entry + 1, '.');
	size_t len = dot ? (size_t)(dot - entry) : 0;

	for (int with_id = 0; with_id < 2 && len; with_id++) {
		auto_(close) int fd = open(arena_printf(a, "%s/%.*s.lock", images, (int)len, entry), O_RDWR | O_CLOEXEC);

		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
			return true;
		len = len > CACHE_ID_LEN + 1 ? len - CACHE_ID_LEN - 1 : 0;
	}
	return false;
}

const char *const *cache_leftovers(const char *cache_dir, struct arena *a)
{
	const char *images = cache_path(cache_dir, CACHE_IMAGES, "", a), **list = NULL;
	DIR *dir = opendir(images);
	unsigned count = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');

		for (size_t i = 0; entry->d_name[0] == '.' && i < ARRAY_COUNT(temporary); i++)
			if (end > entry->d_name && !strcmp(end, temporary[i]) && !in_use(images, entry->d_name, a))
				*arena_push(a, list, count) = arena_printf(a, "%s/%s", images, entry->d_name);
	}
	if (dir)
		closedir(dir);
	*arena_push(a, list, count) = NULL;
	return list;
}

/* --- state directories --- */

void cache_claim(const char *cache_dir, const char *state_dir)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(free) char *path = realpath(state_dir, NULL);
	struct fail ignored = { 0 };
	char id[DIGEST_HEX];

	if (!path || file_mkdirs(arena_printf(a, "%s/users", cache_dir), 0755, &ignored))
		return;
	digest_text(path, strlen(path), id);
	(void)!symlink(path, arena_printf(a, "%s/users/%.*s", cache_dir, CACHE_ID_LEN, id)); /* usually it exists already */
}

const char *const *cache_states(const char *cache_dir, bool forget, struct arena *a)
{
	const char *users = arena_printf(a, "%s/users", cache_dir), **list = NULL;
	DIR *dir = opendir(users);
	struct dirent *entry;
	unsigned count = 0;

	while (dir && (entry = readdir(dir))) {
		const char *link = arena_printf(a, "%s/%s", users, entry->d_name);
		auto_(free) char *path = entry->d_name[0] == '.' ? NULL : realpath(link, NULL);

		if (path)
			*arena_push(a, list, count) = arena_strdup(a, path);
		else if (forget && entry->d_name[0] != '.' && errno == ENOENT)
			unlink(link);
	}
	if (dir)
		closedir(dir);
	*arena_push(a, list, count) = NULL;
	return list;
}
