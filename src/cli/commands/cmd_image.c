/* SPDX-License-Identifier: PostgreSQL */
/* image: builds, imports, lists and removes the images that nodes boot from. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "clock.h"
#include "cli.h"
#include "config.h"
#include "complete.h"
#include "defaults.h"
#include "family.h"
#include "fetch.h"
#include "file.h"
#include "image_store.h"
#include "image_users.h"
#include "quote.h"
#include "suggest.h"

static void say_line(void *ctx, const char *line)
{
	struct cli *c = ctx;

	c->said_ms = clock_now_ms();
	report_say("%6.1fs  %s\n", (double)(clock_now_ms() - c->start_ms) / 1000, line);
}

/* Prints progress as often as progress.c reports running steps. */
static void say_far(void *ctx, const char *text)
{
	struct cli *c = ctx;

	if (!c->said_ms)
		c->said_ms = c->start_ms;
	if (clock_now_ms() - c->said_ms >= PROGRESS_BEAT_MS)
		say_line(c, text);
}

struct image_env image_env_of(struct cli *c)
{
	return (struct image_env){ .cache_dir = c->cache_dir, .line = say_line, .far = say_far, .line_ctx = c, .cancel = c->cancel,
				   .deadline_ms = clock_after_ms(c->timeout_ms),
				   .kickstart = arena_printf(c->arena, "%s/kickstart", library_dir(c->lib)) };
}

static json_t *users_of(struct cli *c, const struct stored *s, const struct image_user *users, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		if (image_user_of(&users[i], s))
			json_array_append_new(list, json_string(image_user_text(&users[i], c->arena)));
	return list;
}

/* --- showing --- */

static json_t *size_text(int64_t bytes)
{
	char text[32];

	snprintf(text, sizeof text, bytes >= 1 << 30 ? "%.1f GiB" : "%.0f MiB",
		 bytes >= 1 << 30 ? (double)bytes / (1 << 30) : (double)bytes / (1 << 20));
	return json_string(text);
}

static json_t *age_text(int64_t made_s)
{
	static const struct { int64_t seconds; const char *word; } units[] = {
		{ 86400, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" },
	};
	int64_t age = time(NULL) - made_s;
	size_t i = 0;
	char text[48];

	while (i + 1 < ARRAY_COUNT(units) && age < 2 * units[i].seconds)
		i++;
	snprintf(text, sizeof text, "%" PRId64 " %s", age / units[i].seconds, units[i].word);
	return json_string(text);
}

static json_t *row_of(struct cli *c, const struct stored *s, const struct image_user *users, unsigned user_count)
{
	const struct image_about *about = &s->about;
	const struct release *r = family_find(about->release ? about->release : s->image.name);
	int64_t bytes = image_store_bytes(s);
	json_t *row = json_pack("{s:s, s:s*, s:s*, s:s%, s:I, s:o, s:o, s:o, s:s, s:s, s:b}", "image", s->image.name,
				"release", about->release ? about->release : r ? r->name : NULL,
				"family", about->family ? about->family : r ? r->family->name : NULL,
				"digest", s->image.digest, (size_t)12, "bytes", (json_int_t)bytes, "size", size_text(bytes),
				"age", age_text(s->made_s), "labs", users_of(c, s, users, user_count), "dir", s->image.dir,
				"boot", about->boot ? about->boot : s->image.kernel ? "kernel" : s->image.disk ? "disk" : "-",
				"current", s->current);

	if (about->name)
		json_object_update_new(row, json_pack("{s:s*, s:s*, s:s*, s:s*}", "source", about->source, "sha256",
						      about->source_sha256, "seed", about->seed, "made", about->made));
	return row;
}

static int print_rows(struct cli *c, json_t *rows, struct fail *e)
{
	static const struct column columns[] = { { "image", "IMAGE", false }, { "release", "RELEASE", false },
						 { "family", "FAMILY", false }, { "digest", "DIGEST", false },
						 { "size", "SIZE", true }, { "age", "AGE", true }, { "labs", "LABS", false } };
	json_t *doc = json_pack("{s:i, s:O}", "v", 1, "images", rows);
	int r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);

	json_decref(doc);
	return r;
}

int image_report(struct cli *c, const struct image *image, bool made, struct fail *e)
{
	struct image_env env = image_env_of(c);
	json_t *rows = json_array(), *row;
	struct image_user *users;
	struct stored s;
	unsigned count;
	int r = -1;

	if (image_store_find(&env, strrchr(image->dir, '/') + 1, c->arena, &s, e) == 0 &&
	    image_users(c, &env, &users, &count, e) == 0) {
		row = row_of(c, &s, users, count);
		json_object_set_new(row, "built", json_boolean(made));
		json_array_append_new(rows, row);
		r = print_rows(c, rows, e);
	}
	json_decref(rows);
	return r;
}

static int list(struct cli *c, struct fail *e)
{
	const struct image_env env = image_env_of(c);
	json_t *rows = json_array();
	struct stored *images;
	struct image_user *users;
	unsigned count, user_count;
	int r = -1;

	if (image_store_list(&env, c->arena, &images, &count, e) == 0 && image_users(c, &env, &users, &user_count, e) == 0) {
		for (unsigned i = 0; i < count; i++)
			json_array_append_new(rows, row_of(c, &images[i], users, user_count));
		r = print_rows(c, rows, e);
		if (!c->json && !count)
			report_say("no images in %s/images; create builds the ones it needs\n", c->cache_dir);
	}
	json_decref(rows);
	return r;
}

const struct command cmd_image_list = {
	.name = "list", .run = list, .without = NO_LAB | NO_LIBVIRT,
	.summary = "show the images: release, family, digest, size on disk, age, and which labs use them",
	.help = "Labs of other state directories are shown with the directory.",
};

static int show(struct cli *c, struct fail *e)
{
	const struct image_env env = image_env_of(c);
	struct image_user *users;
	const char *key;
	struct stored s;
	json_t *row, *value;
	unsigned count;
	int r = 0;

	if (image_store_find(&env, c->args[0], c->arena, &s, e) < 0 || image_users(c, &env, &users, &count, e) < 0)
		return -1;
	row = row_of(c, &s, users, count);
	if (c->json) {
		r = report_json(row, e);
	} else {
		json_object_foreach(row, key, value) {
			json_t *text = json_is_array(value) ? NULL : value;

			printf("%-8s", key);
			if (text)
				printf(" %s\n", json_is_string(text) ? json_string_value(text) : json_is_true(text) ? "yes" :
				       json_is_integer(text) ? arena_printf(c->arena, "%lld", json_integer_value(text)) : "no");
			for (size_t i = 0; !text && i < json_array_size(value); i++)
				printf(" %s", json_string_value(json_array_get(value, i)));
			if (!text)
				printf("\n");
		}
	}
	json_decref(row);
	return r;
}

const struct command cmd_image_show = {
	.name = "show", .run = show, .args = { { "NAME", .complete = complete_stored_images } }, .without = NO_LAB | NO_LIBVIRT,
	.summary = "show the details of one image",
	.help = "NAME-DIGEST selects one of several with the same name.",
};

/* --- making --- */

static int build(struct cli *c, struct fail *e)
{
	struct image_env env = image_env_of(c);
	const char *name;
	struct image image;
	bool built = false;

	if (config_image(c, &name, e) < 0)
		return -1;
	if (c->arg_count)
		name = c->args[0];
	if (c->dry_run) {
		printf("would build %s in %s/images unless it exists\n", name, c->cache_dir);
		return 0;
	}
	/* The user may have added a package source since the last build. */
	env.resolve = true;
	return image_build(&env, name, c->arena, &image, &built, e) < 0 ? -1 : image_report(c, &image, built, e);
}

const struct command cmd_image_build = {
	.name = "build", .run = build, .args = { { "NAME", .optional = true, .complete = complete_recipes } }, .without = NO_LAB | NO_LIBVIRT,
	.summary = "build an image from its recipe",
	.help = "debian12 is the default image of a lab, debian13 has PostgreSQL 17; debian12-build and debian13-build have compilers "
	"for building from source.",
};

int image_name_check(const char *name, struct fail *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";

	if (!*name || strspn(name, allowed) != strlen(name) || strlen(name) > 60 || strchr("-._", *name))
		return fail(e, FAIL_USAGE, "'%s' is not a valid image name: use lowercase letters, digits, - . _ (60 at most)",
			    name);
	return 0;
}

void image_download(void *ctx, int64_t done_bytes, int64_t total_bytes)
{
	char text[80];

	if (total_bytes > 0)
		snprintf(text, sizeof text, "download: %lld of %lld MiB", (long long)(done_bytes >> 20),
			 (long long)(total_bytes >> 20));
	else
		snprintf(text, sizeof text, "download: %lld MiB", (long long)(done_bytes >> 20));
	say_far(ctx, text);
}

/* The release, by the image's new name, else by the name of its source. */
static const struct release *release_of(const char *name, const char *source)
{
	const struct release *r = family_find(name);
	const char *slash = strrchr(source, '/');

	r = r ? r : family_guess(name);
	return r ? r : family_guess(slash ? slash + 1 : source);
}

struct import_words { const char *sha256, *release; };

static int import(struct cli *c, struct fail *e)
{
	const struct import_words *said = c->options;
	const struct image_env env = image_env_of(c);
	struct image_about about = { .name = c->args[0], .source = quote_url(c->args[1], c->arena), .seed = "nocloud" };
	struct fetch f = { .source = c->args[1], .what = "image", .sha256 = said->sha256, .cache_dir = c->cache_dir,
			   .progress = image_download, .ctx = c, .cancel = c->cancel, .deadline_ms = env.deadline_ms };
	const struct release *r = said->release ? family_find(said->release) : release_of(c->args[0], c->args[1]);
	struct image image;
	const char *path;
	bool made = false;
	char sha256[65];

	if (image_name_check(about.name, e) < 0)
		return -1;
	if (said->release && !r)
		return suggest_fail(e, "--release: unknown release", said->release, release_names);
	if (r) {
		about.release = r->name;
		about.family = r->family->name;
	}
	if (c->dry_run) {
		printf("would import %s into %s/images as %s\n", quote_url(c->args[1], c->arena), c->cache_dir, about.name);
		return 0;
	}
	if (fetch_archive(&f, c->arena, &path, sha256, e) < 0)
		return -1;
	about.source_sha256 = sha256;
	if (!strstr(about.source, "://"))
		about.source = path; /* absolute */
	return image_store_import(&env, path, sha256, &about, c->arena, &image, &made, e) < 0 ? -1 :
	       image_report(c, &image, made, e);
}

static const struct option_row import_options[] = {
	{ "sha256", .arg = "DIGEST", .at = offsetof(struct import_words, sha256), .text = "expected digest of the file" },
	{ "release", .arg = "RELEASE", .complete = complete_releases, .at = offsetof(struct import_words, release),
	  .text = "release on the disk, if its name does not tell" },
	{ 0 },
};

const struct command cmd_image_import = {
	.name = "import", .run = import, .args = { { .name = "NAME" }, { "FILE|URL", .complete = complete_files } },
	.options = import_options, .options_size = sizeof(struct import_words), .without = NO_LAB | NO_LIBVIRT,
	.summary = "import an x86_64 disk image that was made elsewhere",
	.help = "The release is taken from --release, from NAME or from the name of the file.",
};

/* --- removing --- */

static int rm(struct cli *c, struct fail *e)
{
	const struct image_env env = image_env_of(c);
	auto_(strbuf_clear) struct strbuf labs = { 0 };
	const struct image_user *first = NULL;
	struct image_user *users;
	struct stored s;
	unsigned count;

	if (image_store_find(&env, c->args[0], c->arena, &s, e) < 0 || image_users(c, &env, &users, &count, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		if (!image_user_of(&users[i], &s))
			continue;
		strbuf_printf(&labs, "%s%s", first ? ", " : "", image_user_text(&users[i], c->arena));
		first = first ? first : &users[i];
	}
	if (first) {
		fail(e, FAIL_CONFLICT, "image '%s' is in use by %s", c->args[0], labs.text);
		return fail_next(e, "%s%s%slabctl -l %s destroy", first->state ? "LABCTL_STATE=" : "",
				 first->state ? first->state : "", first->state ? " " : "", first->lab);
	}
	if (c->dry_run) {
		printf("would remove %s\n", s.image.dir);
		return 0;
	}
	if (report_confirm(c, s.image.dir, s.image.name, e) < 0 || image_store_remove(&env, &s, image_is_used, c, e) < 0)
		return -1;
	report_say("removed %s\n", s.image.dir);
	return 0;
}

const struct command cmd_image_rm = {
	.name = "rm", .run = rm, .args = { { "NAME", .complete = complete_stored_images } }, .without = NO_LAB | NO_LIBVIRT,
	.summary = "remove an image, unless a lab uses it",
};

/* Removes images that no lab uses and no name or current recipe refers to, and leftovers of killed commands. */
static int gc(struct cli *c, struct fail *e)
{
	const struct image_env env = image_env_of(c);
	const char *const *left = cache_leftovers(env.cache_dir, c->arena);
	struct stored *images, **unused = NULL;
	unsigned count, user_count, unused_count = 0;
	json_t *rows = json_array();
	struct image_user *users;
	int r = -1;

	if (!c->dry_run)
		cache_states(env.cache_dir, true, c->arena);
	if (image_store_list(&env, c->arena, &images, &count, e) < 0 || image_users(c, &env, &users, &user_count, e) < 0)
		goto out;
	for (unsigned i = 0; i < count; i++) {
		json_t *row = images[i].current ? NULL : row_of(c, &images[i], users, user_count);

		if (row && json_array_size(json_object_get(row, "labs")) == 0) {
			json_array_append(rows, row);
			*arena_push(c->arena, unused, unused_count) = &images[i];
		}
		json_decref(row);
	}
	if (print_rows(c, rows, e) < 0)
		goto out;
	for (unsigned i = 0; left[i]; i++)
		report_say("left by an interrupted run: %s\n", left[i]);
	if (!c->json && !unused_count && !left[0])
		report_say("nothing to remove\n");
	if (c->dry_run || (!unused_count && !left[0])) {
		r = 0;
		goto out;
	}
	r = report_confirm(c, "the images above", "remove", e);
	for (unsigned i = 0; r == 0 && i < unused_count; i++)
		r = image_store_remove(&env, unused[i], image_is_used, c, e);
	for (unsigned i = 0; r == 0 && left[i]; i++)
		r = file_remove_tree(left[i], e);
out:
	json_decref(rows);
	return r;
}

const struct command cmd_image_gc = {
	.name = "gc", .run = gc, .without = NO_LAB | NO_LIBVIRT,
	.summary = "remove images that no lab uses and no current recipe builds, and leftovers of interrupted runs",
	.help = "Images that were installed or imported by name are kept. -n shows what would be removed.",
};

const struct command cmd_image = {
	.name = "image", .actions = commands_image, .without = NO_LAB | NO_LIBVIRT,
	.summary = "build, install, import, list and remove the images that nodes boot from",
	.help =
	"See docs/howto/images.md.\n\n"
	"  labctl image build                  debian12, the default image of a lab\n"
	"  labctl image build debian12-build   with compilers, for building from source\n"
	"  labctl image install rocky9 --kickstart el9 --media Rocky-9-x86_64-dvd.iso\n"
	"  labctl image install deb12 --kickstart debian12 --media netboot\n"
	"  labctl image import alma9 https://.../AlmaLinux-9-GenericCloud.qcow2 --sha256 DIGEST\n"
	"  labctl image gc -n                  show what would be removed",
};
