/* SPDX-License-Identifier: PostgreSQL */
/* Images and built software, looked up or made once per run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "fetch.h"
#include "file.h"
#include "image_file.h"
#include "image_store.h"
#include "quote.h"
#include "recipe.h"
#include "runtime_private.h"
#include "unpack.h"

/* Digest of the image noted in the lab's record; false when there is none. */
static bool noted_digest(struct runtime *rt, char ret_digest[65])
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;

	return rt->paths.lab && file_read(arena_printf(rt->arena, "%s/image", rt->paths.lab), 4096, &text, &ignored) == 0 &&
	       sscanf(strbuf_text(&text), "%64s", ret_digest) == 1;
}

static void note_digest(struct runtime *rt, const char *digest)
{
	const char *line = arena_printf(rt->arena, "%s\n", digest);
	struct fail ignored;

	if (rt->paths.lab && file_exists(rt->paths.lab))
		file_write(arena_printf(rt->arena, "%s/image", rt->paths.lab), line, strlen(line), 0600, &ignored);
}

/* The noted image, when it is still in the cache. */
static bool pinned_image(struct runtime *rt, const struct image_env *env, const char *name, struct image *ret)
{
	struct image *all;
	unsigned count;
	struct fail ignored;
	char digest[65];

	if (strcmp(name, rt->lab->image) || !noted_digest(rt, digest) ||
	    image_list(env, rt->arena, &all, &count, &ignored) < 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(all[i].name, name) && !strcmp(all[i].digest, digest)) {
			*ret = all[i];
			return true;
		}
	return false;
}

static void say_progress(void *run, int64_t done_bytes, int64_t total_bytes)
{
	if (total_bytes > 0)
		run_say(run, "download: %lld of %lld MiB", (long long)(done_bytes >> 20), (long long)(total_bytes >> 20));
	else
		run_say(run, "download: %lld MiB", (long long)(done_bytes >> 20));
}

/* A disk that anybody made. With a digest that is known before, what is in the cache needs no source any more. */
static int find_disk(struct runtime *rt, const struct image_env *env, bool build, struct image *ret, bool *built,
		     struct fail *e)
{
	const struct lab *lab = rt->lab;
	struct fetch f = { .source = lab->image, .what = "image", .sha256 = lab->disk_image.sha256, .cache_dir = rt->paths.cache,
			   .progress = say_progress, .ctx = env->line_ctx, .cancel = env->cancel,
			   .deadline_ms = env->deadline_ms };
	const char *name = image_file_name(lab->image, rt->arena), *path, *known = lab->disk_image.sha256;
	char digest[65];
	bool noted = noted_digest(rt, digest);

	if (noted)
		known = digest;
	if (!known || !image_file_find(env, name, known, rt->arena, ret)) {
		if (!build) {
			fail(e, FAIL_NOT_FOUND, "image %s is not in the cache", quote_url(lab->image, rt->arena));
			return fail_next(e, "labctl -l %s create", lab->name);
		}
		if (fetch_archive(&f, rt->arena, &path, digest, e) < 0 ||
		    image_file_import(env, path, name, digest, rt->arena, ret, built, e) < 0)
			return *e->next ? -1 : fail_next(e, "check %s; then run labctl create again", quote_url(lab->image, rt->arena));
	}
	if (!noted || strcmp(digest, ret->digest))
		note_digest(rt, ret->digest);
	ret->name = lab->image; /* what it is looked up by here */
	return lab->disk_image.boot == BOOT_BIOS ? image_file_check_bios(ret, e) : 0;
}

/* The newest of that name; from then on the lab keeps to it. */
static int find_stored(struct runtime *rt, const struct image_env *env, const char *name, struct image *ret, struct fail *e)
{
	struct stored s;

	if (image_store_find(env, name, rt->arena, &s, e) < 0)
		return -1;
	*ret = s.image;
	note_digest(rt, ret->digest);
	return 0;
}

static int find_image(struct runtime *rt, const char *name, bool build, struct run *r, struct image *ret, bool *built,
		      struct fail *e)
{
	struct image_env env = { .cache_dir = rt->paths.cache, .line = say_line, .far = say_line, .line_ctx = r,
				 .kickstart = arena_printf(rt->arena, "%s/kickstart", library_dir(rt->o.lib)),
				 .cancel = run_cancel(r), .deadline_ms = run_deadline_ms(r) };
	bool of_lab = !strcmp(name, rt->lab->image);

	for (unsigned i = 0; i < rt->image_count; i++)
		if (!strcmp(rt->images[i].name, name)) {
			*ret = rt->images[i];
			return 0;
		}
	if (of_lab && rt->lab->disk_image.stored) {
		if (!pinned_image(rt, &env, name, ret) && find_stored(rt, &env, name, ret, e) < 0)
			return -1;
	} else if (of_lab && lab_boots_disk(rt->lab)) {
		if (find_disk(rt, &env, build, ret, built, e) < 0)
			return -1;
	} else if (!pinned_image(rt, &env, name, ret)) {
		if ((build ? image_build(&env, name, rt->arena, ret, built, e) :
			     image_find(&env, name, rt->arena, ret, e)) < 0)
			return -1;
		if (of_lab)
			note_digest(rt, ret->digest);
	}
	/* Before any node stands on it, so that whoever clears the cache knows of this state directory too. */
	if (of_lab && rt->paths.lab)
		image_store_claim(&env, rt->paths.state);
	if (rt->image_count < ARRAY_COUNT(rt->images))
		rt->images[rt->image_count++] = *ret;
	return 0;
}

int runtime_image(struct runtime *rt, const char *name, bool build, struct run *r, struct image *ret_image, bool *ret_built,
		  struct fail *e)
{
	struct image image;
	bool built = false;
	int status;

	pthread_mutex_lock(&rt->image_lock);
	status = find_image(rt, name ? name : rt->lab->image, build, r, &image, &built, e);
	pthread_mutex_unlock(&rt->image_lock);
	if (status < 0)
		return -1;
	*ret_image = image;
	if (ret_built)
		*ret_built = built;
	return 0;
}

/* What the build says: adaptations are kept as notes, everything else is what happens right now. */
static void build_line(void *run, const char *line)
{
	if (!strncmp(line, "::adapt ", 8))
		run_note(run, "adapted: %s", line + 8);
	else
		run_say(run, "%s", strncmp(line, "::step ", 7) ? line : line + 7);
}

static int find_software(struct runtime *rt, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e)
{
	const struct cluster *c = &rt->lab->cluster;
	const struct recipe *recipe = c->recipe;
	struct fetch f = { .source = c->archive, .sha256 = c->sha256, .cache_dir = rt->paths.cache, .progress = say_progress,
			   .ctx = r, .cancel = run_cancel(r), .deadline_ms = run_deadline_ms(r) };
	struct build b = { .cache_dir = rt->paths.cache, .prefix = recipe->build_prefix, .link = c->prefix,
			   .configure = c->configure ? c->configure : recipe->configure,
			   .line = build_line, .ctx = r, .cancel = run_cancel(r), .deadline_ms = run_deadline_ms(r) };
	/* What a disk holds that anybody made is not known: software for it is built in the user land we know. */
	const char *user_land = lab_boots_disk(rt->lab) ? "debian12" : rt->lab->image, *name, *top;
	struct fail missing = { 0 };
	struct image image;
	char sha256[65];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	/* One more than processors: some compiler always waits for the disk. */
	b.jobs = processors > 0 ? (unsigned)processors + 1 : 2;
	if (!c->archive) {
		fail(e, FAIL_USAGE, "kind '%s' is built from a source archive: missing --source", recipe->kind);
		return fail_next(e, "labctl bootstrap %s --source FILE|URL", recipe->kind);
	}
	run_say(r, "archive %s", quote_url(c->archive, rt->arena));
	name = arena_printf(rt->arena, "%s-%s", user_land, recipe->build_image);
	if (fetch_archive(&f, rt->arena, &b.archive, sha256, e) < 0)
		return -1;
	/* No image is made for an archive that build_software() would refuse. */
	if (find_image(rt, name, false, r, &image, ret_built, &missing) < 0 &&
	    (unpack_check(b.archive, b.cancel, b.deadline_ms, rt->arena, &top, e) < 0 ||
	     find_image(rt, name, true, r, &image, ret_built, e) < 0))
		return -1;
	b.image = &image;
	b.archive_sha256 = sha256;
	b.script = library_text(rt->o.lib, recipe->build);
	if (recipe->build_extra) {
		b.extra = library_text(rt->o.lib, recipe->build_extra);
		b.extra_name = strrchr(recipe->build_extra, '/') + 1;
	}
	if (!b.script || (recipe->build_extra && !b.extra))
		return fail(e, FAIL_OTHER, "labctl's data files lack %s", b.script ? recipe->build_extra : recipe->build);
	b.patches = c->patches;
	b.patch_count = c->patch_count;
	for (unsigned i = 0; i < c->place_count; i++)
		if (recipe->build_port && !strcmp(c->places[i].role, recipe->build_port))
			b.port = c->places[i].port;
	*ret_built = false;
	return build_software(&b, rt->arena, ret_tar, ret_built, e);
}

int runtime_software(struct runtime *rt, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e)
{
	bool built = false;
	int status = 0;

	if (!rt->lab->cluster.recipe || !rt->lab->cluster.recipe->build)
		return fail(e, FAIL_OTHER, "lab '%s' has no cluster built from source", rt->lab->name);
	pthread_mutex_lock(&rt->image_lock);
	if (!rt->software)
		status = find_software(rt, r, &rt->software, &built, e);
	if (status == 0) {
		*ret_tar = rt->software;
		if (ret_built)
			*ret_built = built;
	}
	pthread_mutex_unlock(&rt->image_lock);
	return status;
}
