/* SPDX-License-Identifier: PostgreSQL */
#include "image_store.h"

#include <ftw.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "cache.h"
#include "digest.h"
#include "file.h"
#include "image_file.h"
#include "proc.h"

DEFINE_AUTO(json_t *, json_decref)

/* --- the file `about`: one table for reading and writing --- */

static const struct field { const char *key; size_t offset; } fields[] = {
#define FIELD(name) { #name, offsetof(struct image_about, name) }
	FIELD(name), FIELD(release), FIELD(family), FIELD(source), FIELD(source_sha256), FIELD(boot), FIELD(seed), FIELD(made),
#undef FIELD
};

static const char **field_of(struct image_about *about, const struct field *f)
{
	return (const char **)(void *)((char *)about + f->offset);
}

static void read_about(const char *dir, struct arena *a, struct image_about *ret)
{
	auto_(json_decref) json_t *doc = json_load_file(arena_printf(a, "%s/about", dir), 0, NULL);

	for (size_t i = 0; doc && i < ARRAY_COUNT(fields); i++)
		*field_of(ret, &fields[i]) = arena_strdup(a, json_string_value(json_object_get(doc, fields[i].key)));
}

static int write_about(const char *dir, const struct image_about *about, struct arena *a, struct fail *e)
{
	auto_(json_decref) json_t *doc = json_pack("{s:i}", "v", 1);
	struct image_about copy = *about;
	time_t now = time(NULL);
	auto_(free) char *text = NULL;
	struct tm utc;
	char made[32];

	strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	copy.made = made;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		const char *value = *field_of(&copy, &fields[i]);

		if (value && json_object_set_new(doc, fields[i].key, json_string(value)) < 0)
			return fail(e, FAIL_OTHER, "%s: '%s' is not valid UTF-8", fields[i].key, value);
	}
	text = json_dumps(doc, JSON_INDENT(2));
	return file_write(arena_printf(a, "%s/about", dir), text, strlen(text), 0644, e);
}

/* --- find and list --- */

static int by_age(const void *a, const void *b)
{
	int64_t x = ((const struct stored *)a)->made_s, y = ((const struct stored *)b)->made_s;

	return (x > y) - (x < y);
}

int image_store_named(const struct image_env *env, struct arena *a, struct stored **ret, unsigned *ret_count, struct fail *e)
{
	struct stored *list = NULL;
	unsigned count, done = 0;
	struct image *images;

	if (image_list(env, a, &images, &count, e))
		return -1;
	for (unsigned i = 0; i < count; i++) {
		struct stored s = { .image = images[i], .current = true };
		struct stat st;

		read_about(images[i].dir, a, &s.about);
		s.made_s = stat(arena_printf(a, "%s/digest", images[i].dir), &st) ? 0 : st.st_mtime;
		if (s.about.name)
			*arena_push(a, list, done) = s;
	}
	if (done)
		qsort(list, done, sizeof *list, by_age);
	*ret = list;
	*ret_count = done;
	return 0;
}

int image_store_list(const struct image_env *env, struct arena *a, struct stored **ret, unsigned *ret_count, struct fail *e)
{
	struct stored *list = NULL;
	struct image *images;
	unsigned count, done = 0;

	if (image_list(env, a, &images, &count, e))
		return -1;
	for (unsigned i = 0; i < count; i++) {
		struct stored *s = arena_push(a, list, done);
		struct fail ignored = { 0 };
		struct image wanted;
		struct stat st;

		s->image = images[i];
		s->made_s = stat(arena_printf(a, "%s/digest", images[i].dir), &st) ? 0 : st.st_mtime;
		read_about(images[i].dir, a, &s->about);
		s->current = s->about.name || (image_find(env, images[i].name, a, &wanted, &ignored) == 0 &&
					       !strcmp(wanted.dir, images[i].dir));
	}
	*ret = list;
	*ret_count = done;
	return 0;
}

int image_store_find(const struct image_env *env, const char *word, struct arena *a, struct stored *ret, struct fail *e)
{
	const struct stored *best = NULL;
	struct stored *list;
	unsigned count;

	if (image_store_list(env, a, &list, &count, e))
		return -1;
	for (unsigned i = 0; i < count; i++) {
		const char *id = strrchr(list[i].image.dir, '/') + 1;

		if (strcmp(word, id) != 0 && strcmp(word, list[i].image.name) != 0)
			continue;
		if (!best || list[i].current > best->current ||
		    (list[i].current == best->current && list[i].made_s > best->made_s))
			best = &list[i];
	}
	if (!best) {
		fail(e, FAIL_NOT_FOUND, "no image '%s' in %s/images", word, env->cache_dir);
		return fail_next(e, "labctl image list");
	}
	*ret = *best;
	return 0;
}

static _Thread_local int64_t counted;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path, (void)type, (void)ftw;
	counted += st->st_blocks * 512ll;
	return 0;
}

int64_t image_store_bytes(const struct stored *s)
{
	counted = 0;
	nftw(s->image.dir, count_file, 32, FTW_PHYS | FTW_MOUNT);
	return counted;
}

/* --- import --- */

static int describe(const char *temp, const char *digest, const struct image_about *about, struct arena *a, struct fail *e)
{
	const char *line = arena_printf(a, "%s\n", digest);

	return file_write(arena_printf(a, "%s/digest", temp), line, strlen(line), 0644, e) || write_about(temp, about, a, e) ? -1 : 0;
}

int image_store_disk(const struct image_env *env, const char *path, const char *format, const struct image_about *about,
		     struct arena *a, struct image *ret_image, struct fail *e)
{
	const char *temp = cache_path(env->cache_dir, CACHE_IMAGE_NEW, about->name, a), *dir;
	const char *disk = arena_printf(a, "%s/disk.qcow2", temp);
	const char *const argv[] = { "qemu-img", "convert", "-q", "-W", "-f", format, "-O", "qcow2", path, disk, NULL };
	char digest[DIGEST_HEX];
	bool failed;

	if (file_remove_tree(temp, e) || file_mkdirs(temp, 0755, e))
		return -1;
	failed = proc_check(&(struct proc){ .argv = argv, .deadline_ms = env->deadline_ms, .cancel = env->cancel }, e) ||
		 digest_file(disk, digest, e) || describe(temp, digest, about, a, e);
	dir = failed ? NULL : cache_image(env->cache_dir, about->name, digest, a);
	if (cache_publish(temp, dir, failed, e))
		return -1;
	*ret_image = (struct image){ .name = about->name, .digest = arena_strdup(a, digest), .dir = dir,
				     .disk = arena_printf(a, "%s/disk.qcow2", dir) };
	return 0;
}

int image_store_import(const struct image_env *env, const char *path, const char *digest, const struct image_about *about,
		       struct arena *a, struct image *ret_image, bool *ret_made, struct fail *e)
{
	struct image_about copy = *about;
	struct fail no_code = { 0 };

	if (image_file_import(env, path, about->name, digest, a, ret_image, ret_made, e))
		return -1;
	copy.boot = image_file_check_bios(ret_image, &no_code) == 0 ? "bios" : "uefi";
	return write_about(ret_image->dir, &copy, a, e);
}

/* --- remove --- */

struct wish { bool (*used)(void *ctx, const struct stored *s); void *ctx; const struct stored *stored; };

static bool wish_used(void *ctx)
{
	const struct wish *w = ctx;

	return w->used && w->used(w->ctx, w->stored);
}

int image_store_remove(const struct image_env *env, const struct stored *s, bool (*used)(void *ctx, const struct stored *s),
		       void *ctx, struct fail *e)
{
	struct wish wish = { used, ctx, s };
	bool in_use;

	if (cache_remove_image(env->cache_dir, s->image.dir, wish_used, &wish, &in_use, e))
		return -1;
	if (!in_use)
		return 0;
	fail(e, FAIL_CONFLICT, "a lab has just started to use image '%s'", s->image.name);
	return fail_next(e, "labctl image show %s", s->image.name);
}
