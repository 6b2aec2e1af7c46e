/* SPDX-License-Identifier: PostgreSQL */
#include "images.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build.h"
#include "cache.h"
#include "defaults.h"
#include "family.h"
#include "fetch.h"
#include "file.h"
#include "image_file.h"
#include "image_store.h"
#include "pins.h"
#include "quote.h"
#include "recipe.h"
#include "unpack.h"

struct images {
	struct images_env env;
	pthread_mutex_t lock;        /* guards everything below; held while an image or the software is built */
	struct arena *arena;
	struct image found[4];
	unsigned found_count;
	const char *software;        /* images_software() */
	bool keep_build;
	const char *kept;            /* images_kept_build() */
};

struct images *images_new(const struct images_env *env)
{
	struct images *m = calloc(1, sizeof *m);

	if (!m)
		abort();
	m->env = *env;
	m->arena = arena_new();
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void images_free(struct images *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	arena_free(m->arena);
	free(m);
}

/* Reads the digest of the image from the lab's record; false if there is none. */
static bool noted_digest(struct images *m, char ret_digest[65])
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;

	return m->env.paths->lab && file_read(arena_printf(m->arena, "%s/image", m->env.paths->lab), 4096, &text, &ignored) == 0 &&
	       sscanf(strbuf_text(&text), "%64s", ret_digest) == 1;
}

static void note_digest(struct images *m, const char *digest)
{
	const char *line = arena_printf(m->arena, "%s\n", digest);
	struct fail ignored;

	if (m->env.paths->lab && file_exists(m->env.paths->lab))
		file_write(arena_printf(m->arena, "%s/image", m->env.paths->lab), line, strlen(line), 0600, &ignored);
}

/* Finds the image with the recorded digest, if it is still in the cache. */
static bool pinned_image(struct images *m, const struct image_env *env, const char *name, struct image *ret)
{
	struct image *all;
	unsigned count;
	struct fail ignored;
	char digest[65];

	if (strcmp(name, m->env.lab->image) || !noted_digest(m, digest) ||
	    image_list(env, m->arena, &all, &count, &ignored) < 0)
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

const char *images_cache_name(const struct lab *lab, struct arena *a)
{
	return lab_boots_disk(lab) && !lab->disk_image.stored ? image_file_name(lab->image, a) : lab->image;
}

/* Finds a user-supplied disk image. If the digest is known in advance, a cached copy is used without its source. */
static int find_disk(struct images *m, const struct image_env *env, bool build, struct image *ret, bool *built,
		     struct fail *e)
{
	const struct lab *lab = m->env.lab;
	struct fetch f = { .source = lab->image, .what = "image", .sha256 = lab->disk_image.sha256, .cache_dir = m->env.paths->cache,
			   .progress = say_progress, .ctx = env->line_ctx, .cancel = env->cancel,
			   .deadline_ms = env->deadline_ms };
	const char *name = image_file_name(lab->image, m->arena), *path, *known = lab->disk_image.sha256;
	char digest[65];
	bool noted = noted_digest(m, digest);

	if (noted)
		known = digest;
	if (!known || !image_file_find(env, name, known, m->arena, ret)) {
		if (!build) {
			fail(e, FAIL_NOT_FOUND, "image %s is not in the cache", quote_url(lab->image, m->arena));
			return fail_next(e, "labctl -l %s create", lab->name);
		}
		if (fetch_archive(&f, m->arena, &path, digest, e) < 0 ||
		    image_file_import(env, path, name, digest, m->arena, ret, built, e) < 0)
			return *e->next ? -1 : fail_next(e, "check %s; then run labctl create again", quote_url(lab->image, m->arena));
	}
	if (!noted || strcmp(digest, ret->digest))
		note_digest(m, ret->digest);
	ret->name = lab->image; /* the callers look images up by this name */
	return lab->disk_image.boot == BOOT_BIOS ? image_file_check_bios(ret, e) : 0;
}

/* Finds the newest image of that name; from then on the lab keeps using it. */
static int find_stored(struct images *m, const struct image_env *env, const char *name, struct image *ret, struct fail *e)
{
	struct stored s;

	if (image_store_find(env, name, m->arena, &s, e) < 0)
		return -1;
	*ret = s.image;
	note_digest(m, ret->digest);
	return 0;
}

static int find_image(struct images *m, const char *name, bool build, struct run *r, struct image *ret, bool *built,
		      struct fail *e)
{
	struct image_env env = { .cache_dir = m->env.paths->cache, .line = run_say_line, .far = run_say_line, .line_ctx = r,
				 .kickstart = arena_printf(m->arena, "%s/kickstart", library_dir(m->env.library)),
				 .cancel = run_cancel(r), .deadline_ms = run_deadline_ms(r) };
	bool of_lab = !strcmp(name, m->env.lab->image);

	for (unsigned i = 0; i < m->found_count; i++)
		if (!strcmp(m->found[i].name, name)) {
			*ret = m->found[i];
			return 0;
		}
	if (of_lab && m->env.lab->disk_image.stored) {
		if (!pinned_image(m, &env, name, ret) && find_stored(m, &env, name, ret, e) < 0)
			return -1;
	} else if (of_lab && lab_boots_disk(m->env.lab)) {
		if (find_disk(m, &env, build, ret, built, e) < 0)
			return -1;
	} else if (!pinned_image(m, &env, name, ret)) {
		if ((build ? image_build(&env, name, m->arena, ret, built, e) :
			     image_find(&env, name, m->arena, ret, e)) < 0)
			return -1;
		if (of_lab)
			note_digest(m, ret->digest);
	}
	/* Before any node uses the image: a later `image gc` must know that this state directory uses the cache. */
	if (of_lab && m->env.paths->lab)
		cache_claim(env.cache_dir, m->env.paths->state);
	if (m->found_count < ARRAY_COUNT(m->found))
		m->found[m->found_count++] = *ret;
	return 0;
}

int images_find(struct images *m, const char *name, bool build, struct run *r, struct image *ret_image, bool *ret_built,
		  struct fail *e)
{
	struct image image;
	bool built = false;
	int status;

	pthread_mutex_lock(&m->lock);
	status = find_image(m, name ? name : m->env.lab->image, build, r, &image, &built, e);
	pthread_mutex_unlock(&m->lock);
	if (status < 0)
		return -1;
	*ret_image = image;
	if (ret_built)
		*ret_built = built;
	return 0;
}

struct build_listener { struct images *images; struct run *run; };

/* Adaptations become notes; everything else is shown as the current progress. */
static void build_line(void *listener, const char *line)
{
	const struct build_listener *l = listener;

	if (!strncmp(line, "::adapt ", 8))
		run_note(l->run, "adapted: %s", line + 8);
	else if (!strncmp(line, "::kept ", 7))
		l->images->kept = arena_strdup(l->images->arena, line + 7);
	else
		run_say(l->run, "%s", strncmp(line, "::step ", 7) ? line : line + 7);
}

/* The two ways to hand over an archive that cannot be downloaded. */
static int next_hand_over(const struct images *m, const char *url, struct fail *e)
{
	const char *shown = quote_url(url, m->arena), *slash = strrchr(shown, '/');

	return fail_next(e, "put %s (%s) into this directory or $LABCTL_SOURCES and run the same command again; "
			 "or labctl bootstrap %s --source FILE", slash + 1, shown, m->env.lab->cluster.recipe->kind);
}

/* The archive, by path, by URL, or a file with the name of the URL's; what a URL gave first is what it must give later. */
static int get_archive(struct images *m, struct run *r, const char **ret_path, char ret_sha256[65], struct fail *e)
{
	const struct cluster *c = &m->env.lab->cluster;
	bool url = strstr(c->archive, "://"), pinned = false;
	const char *pin = url ? pin_path(m->env.paths->state, c->archive, m->arena) : NULL;
	struct fetch f = { .source = c->archive, .sha256 = c->sha256, .cache_dir = m->env.paths->cache, .progress = say_progress,
			   .ctx = r, .cancel = run_cancel(r), .deadline_ms = run_deadline_ms(r) };
	char first[65];

	if (pin && !f.sha256) {
		if (pin_read(pin, first, &pinned, e) < 0)
			return -1;
		if (pinned) {
			f.sha256 = first;
			f.pin = pin;
		}
	}
	if (url && m->env.find_source && m->env.find_source(m->env.ctx, c->archive, m->arena, &f.source))
		run_note(r, "%s is used instead of %s", f.source, quote_url(c->archive, m->arena));
	run_say(r, "archive %s", quote_url(f.source, m->arena));
	if (fetch_archive(&f, m->arena, ret_path, ret_sha256, e) < 0) {
		if (url && f.source == c->archive &&
		    (e->cause == CAUSE_UNREACHABLE || e->cause == CAUSE_REFUSED || e->code == FAIL_NOT_FOUND))
			next_hand_over(m, c->archive, e);
		return -1;
	}
	return pin && !f.sha256 ? pin_write(pin, c->archive, ret_sha256, m->arena, e) : 0;
}

static int find_software(struct images *m, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e)
{
	const struct cluster *c = &m->env.lab->cluster;
	const struct recipe *recipe = c->recipe;
	struct build_listener listener = { m, r };
	struct build b = { .cache_dir = m->env.paths->cache, .product = recipe->product, .prefix = recipe->build_prefix, .link = c->prefix,
			   .configure = c->configure ? c->configure : recipe->configure,
			   .keep = m->keep_build, .line = build_line, .ctx = &listener, .cancel = run_cancel(r),
			   .deadline_ms = run_deadline_ms(r) };
	/* A user-supplied disk: its software is built in labctl's image of its release, or else in the one with the oldest libraries. */
	const struct release *release = m->env.lab->release->postgresql ? m->env.lab->release : &releases[RELEASE_DEBIAN12];
	const char *name, *top;
	struct fail missing = { 0 };
	struct image image;
	char sha256[65];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	/* One more than processors: one compiler is usually waiting for the disk. */
	b.jobs = processors > 0 ? (unsigned)processors + 1 : 2;
	if (!c->archive) {
		fail(e, FAIL_USAGE, "kind '%s' is built from a source archive: missing --source", recipe->kind);
		return fail_next(e, "labctl bootstrap %s --source FILE|URL", recipe->kind);
	}
	name = arena_printf(m->arena, "%s-%s", release->name, recipe->build_image);
	if (get_archive(m, r, &b.archive, sha256, e) < 0)
		return -1;
	/* Builds no image for an archive that build_software() would refuse. */
	if (find_image(m, name, false, r, &image, ret_built, &missing) < 0 &&
	    (unpack_check(b.archive, b.cancel, b.deadline_ms, m->arena, &top, e) < 0 ||
	     find_image(m, name, true, r, &image, ret_built, e) < 0))
		return -1;
	b.image = &image;
	b.archive_sha256 = sha256;
	b.script = library_text(m->env.library, recipe->build);
	if (recipe->build_extra) {
		b.extra = library_text(m->env.library, recipe->build_extra);
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
	return build_software(&b, m->arena, ret_tar, ret_built, e);
}

void images_keep_build(struct images *m)
{
	m->keep_build = true;
}

const char *images_kept_build(struct images *m)
{
	return m->kept;
}

int images_software(struct images *m, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e)
{
	bool built = false;
	int status = 0;

	if (!m->env.lab->cluster.recipe || !m->env.lab->cluster.recipe->build)
		return fail(e, FAIL_OTHER, "lab '%s' has no cluster built from source", m->env.lab->name);
	pthread_mutex_lock(&m->lock);
	if (!m->software)
		status = find_software(m, r, &m->software, &built, e);
	if (status == 0) {
		*ret_tar = m->software;
		if (ret_built)
			*ret_built = built;
	}
	pthread_mutex_unlock(&m->lock);
	return status;
}
