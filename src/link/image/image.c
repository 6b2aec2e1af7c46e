/* SPDX-License-Identifier: PostgreSQL */
/*
 * Images: CACHE/images/NAME-DIGEST12 with root/, disk.qcow2, vmlinuz, initrd.img, packages.txt, and two files of labctl:
 *   digest   SHA-256 of the output of `build-image --print` at the time of the build: the image's address
 *   recipe   SHA-256 of the recipe's own files: shows, without asking apt, that the image is of the current recipe
 * A recipe with a file `base` extends the recipe that the file names: it is the tree of that one plus its own packages,
 * without a disk or a kernel. The file `releases` says of which recipes there is an image for each release.
 */
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "digest.h"
#include "file.h"
#include "look.h"
#include "proc.h"
#include "suggest.h"

#define BUILD_NEEDS_BYTES (4ll << 30)

/* The recipe directories of an image, each before its base. An image with a base has only a tree. */
struct recipe_dirs {
	const char **dirs;
	unsigned count;
	const char *release, *row;   /* the name in `releases` and its line; NULL if the recipe is for one release */
};

static bool is_recipe(const char *dir, struct arena *a)
{
	return file_exists(arena_printf(a, "%s/packages", dir));
}

/* First word of a small file, in @a, or NULL. */
static const char *word_of(const char *dir, const char *file, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };

	if (file_read(arena_printf(a, "%s/%s", dir, file), 4096, &text, &ignored))
		return NULL;
	return arena_strndup(a, strbuf_text(&text), strcspn(strbuf_text(&text), " \n"));
}

/* A row of `releases`: images whose names begin with .name are made of the recipes that begin with .recipe. */
struct release_row { const char *name, *recipe, *line; };

static unsigned read_releases(const struct image_env *env, struct arena *a, struct release_row **ret)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail none = { 0 };
	unsigned count = 0;
	size_t len;

	*ret = NULL;
	if (file_read(arena_printf(a, "%s/releases", env->kickstart), 1 << 16, &text, &none))
		return 0;
	for (const char *line = strbuf_text(&text); *line; line += len + (line[len] == '\n')) {
		size_t name_len = strcspn(line, " \n"), recipe_at = name_len + strspn(line + name_len, " ");

		len = strcspn(line, "\n");
		if (*line == '#' || recipe_at >= len)
			continue;
		*arena_push(a, *ret, count) =
			(struct release_row){ arena_strndup(a, line, name_len),
					      arena_strndup(a, line + recipe_at, strcspn(line + recipe_at, " \n")),
					      arena_strndup(a, line, len) };
	}
	return count;
}

/* What follows @word in @name: "" or "-build"; NULL if @name does not begin with it. */
static const char *after_word(const char *name, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(name, word, len) && (!name[len] || name[len] == '-') ? name + len : NULL;
}

static const char *recipe_name(const struct image_env *env, const char *image, struct arena *a, struct recipe_dirs *ret)
{
	struct release_row *rows;
	unsigned count = read_releases(env, a, &rows);

	for (unsigned i = 0; i < count; i++) {
		const char *rest = after_word(image, rows[i].name);

		if (!rest)
			continue;
		ret->release = rows[i].name;
		ret->row = rows[i].line;
		return arena_printf(a, "%s%s", rows[i].recipe, rest);
	}
	return image;
}

static bool can_be_built(const struct image_env *env, const char *image, struct arena *a)
{
	for (const char *const *name = image_recipes(env, a); *name; name++)
		if (!strcmp(*name, image))
			return true;
	return false;
}

static int find_recipe(const struct image_env *env, const char *name, struct arena *a, struct recipe_dirs *ret,
		       struct fail *e)
{
	const char *of = name, *dir, *near;
	bool known = can_be_built(env, of, a);

	*ret = (struct recipe_dirs){ 0 };
	for (name = recipe_name(env, of, a, ret); name; name = word_of(dir, "base", a)) {
		dir = arena_printf(a, "%s/%s", env->kickstart, name);
		if (!known || !is_recipe(dir, a)) {
			name = ret->count ? name : of;
			near = suggest(name, image_recipes(env, a));
			return fail(e, FAIL_NOT_FOUND, "image '%s': there is no recipe '%s' in %s%s%s%s", of, name,
				    env->kickstart, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
		}
		for (unsigned i = 0; i < ret->count; i++)
			if (strcmp(ret->dirs[i], dir) == 0)
				return fail(e, FAIL_OTHER, "image '%s': recipe '%s' is based on itself (see the files named base in %s)",
					    of, name, env->kickstart);
		*arena_push(a, ret->dirs, ret->count) = dir;
	}
	return 0;
}

/* --- digest of a recipe's files --- */

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int add_files(const char *dir, struct arena *a, struct strbuf *out, struct fail *e)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, not_dots, alphasort), result = 0;

	if (count < 0)
		return fail_errno(e, FAIL_OTHER, "%s", dir);
	for (int i = 0; i < count; i++) {
		const char *path = arena_printf(a, "%s/%s", dir, entries[i]->d_name);
		char sha256[DIGEST_HEX];
		struct stat st;

		if (!result && stat(path, &st))
			result = fail_errno(e, FAIL_OTHER, "%s", path);
		if (!result && S_ISDIR(st.st_mode)) {
			strbuf_printf(out, "directory %s\n", entries[i]->d_name);
			result = add_files(path, a, out, e);
			strbuf_str(out, "end\n");
		} else if (!result && S_ISREG(st.st_mode)) {
			result = digest_file(path, sha256, e);
			strbuf_printf(out, "file %s %o %s\n", entries[i]->d_name, (unsigned)st.st_mode & 07777, sha256);
		}
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int recipe_digest(const struct image_env *env, const struct recipe_dirs *r, struct arena *a,
			 char ret_hex[DIGEST_HEX], struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *disk_size = getenv("LABCTL_DISK_SIZE");
	char script[DIGEST_HEX];

	if (digest_file(arena_printf(a, "%s/build-image", env->kickstart), script, e))
		return -1;
	strbuf_printf(&text, "build-image %s\ndisk-size %s\n%s\n", script, disk_size ? disk_size : "", r->row ? r->row : "");
	for (unsigned i = 0; i < r->count; i++)
		if (add_files(r->dirs[i], a, &text, e))
			return -1;
	digest_text(text.text, text.len, ret_hex);
	return 0;
}

/* --- the cache --- */

static const char *member(const char *dir, const char *name, struct arena *a)
{
	const char *path = arena_printf(a, "%s/%s", dir, name);

	return file_exists(path) ? path : NULL;
}

/* Reads the directory @entry of CACHE/images; false if it is not a complete image. */
static bool read_image(const struct image_env *env, const char *entry, struct arena *a, struct image *ret)
{
	const char *digest, *dir;

	if (!cache_is_image(entry, &digest))
		return false;
	dir = arena_printf(a, "%s/%s", cache_path(env->cache_dir, CACHE_IMAGES, "", a), entry);
	*ret = (struct image){
		.name = arena_strndup(a, entry, (size_t)(digest - 1 - entry)),
		.digest = word_of(dir, "digest", a),
		.dir = dir,
		.root = member(dir, "root", a),
		.disk = member(dir, "disk.qcow2", a),
		.kernel = member(dir, IMAGE_KERNEL, a),
		.initrd = member(dir, IMAGE_INITRD, a),
	};
	return ret->digest && strlen(ret->digest) == DIGEST_HEX - 1 && strncmp(ret->digest, digest, CACHE_ID_LEN) == 0 &&
	       (ret->root || ret->disk);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct image *)a)->dir, ((const struct image *)b)->dir);
}

int image_list(const struct image_env *env, struct arena *a, struct image **ret, unsigned *ret_count, struct fail *e)
{
	const char *path = cache_path(env->cache_dir, CACHE_IMAGES, "", a);
	struct image *list = NULL, image;
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned count = 0;

	if (!dir && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	while (dir && (entry = readdir(dir)))
		if (read_image(env, entry->d_name, a, &image))
			*arena_push(a, list, count) = image;
	if (dir)
		closedir(dir);
	if (count)
		qsort(list, count, sizeof *list, by_name);
	*ret = list;
	*ret_count = count;
	return 0;
}

int image_find(const struct image_env *env, const char *name, struct arena *a, struct image *ret_image, struct fail *e)
{
	const struct image *best = NULL;
	struct recipe_dirs recipe;
	char wanted[DIGEST_HEX];
	int64_t best_ns = 0, ns;
	struct image *list;
	unsigned count;

	if (find_recipe(env, name, a, &recipe, e) || recipe_digest(env, &recipe, a, wanted, e) ||
	    image_list(env, a, &list, &count, e))
		return -1;
	for (unsigned i = 0; i < count; i++) {
		const char *of = strcmp(list[i].name, name) == 0 ? word_of(list[i].dir, "recipe", a) : NULL;
		struct stat st;

		if (!of || strcmp(of, wanted) != 0 || stat(list[i].dir, &st))
			continue;
		/* of the same recipe, prefer the newest packages */
		ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec;
		if (!best || ns > best_ns) {
			best = &list[i];
			best_ns = ns;
		}
	}
	if (!best) {
		fail(e, FAIL_NOT_FOUND, "image '%s': not built yet", name);
		return fail_next(e, "labctl image build %s", name);
	}
	*ret_image = *best;
	return 0;
}

static int recipe_dir_filter(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int by_word(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *image_recipes(const struct image_env *env, struct arena *a)
{
	struct dirent **entries;
	int count = scandir(env->kickstart, &entries, recipe_dir_filter, alphasort);
	unsigned name_count = 0, row_count, before;
	struct release_row *rows;
	const char **names = NULL;

	row_count = read_releases(env, a, &rows);
	for (int i = 0; i < count; i++) {
		const char *recipe = arena_strdup(a, entries[i]->d_name), *rest;

		free(entries[i]);
		if (!is_recipe(arena_printf(a, "%s/%s", env->kickstart, recipe), a))
			continue;
		before = name_count;
		for (unsigned k = 0; k < row_count; k++)
			if ((rest = after_word(recipe, rows[k].recipe)))
				*arena_push(a, names, name_count) = arena_printf(a, "%s%s", rows[k].name, rest);
		if (name_count == before)
			*arena_push(a, names, name_count) = recipe;
	}
	if (name_count)
		qsort(names, name_count, sizeof *names, by_word);
	if (count >= 0)
		free(entries);
	*arena_push(a, names, name_count) = NULL;
	return names;
}

/* --- building --- */

/* The command line of build-image with @option (or NULL), the recipes and @out_dir (or NULL). */
static const char *const *script_argv(const struct image_env *env, const struct recipe_dirs *r, const char *option,
				      const char *out_dir, struct arena *a)
{
	static const char *const told[] = { "setpriv", "--pdeathsig", "TERM", "--" };
	const char **argv = NULL;
	unsigned count = 0;

	/* If labctl is killed, the script gets a signal and stops what it started. */
	for (size_t i = 0; out_dir && i < ARRAY_COUNT(told); i++)
		*arena_push(a, argv, count) = told[i];
	*arena_push(a, argv, count) = "bash";
	*arena_push(a, argv, count) = arena_printf(a, "%s/build-image", env->kickstart);
	if (r->count > 1)
		*arena_push(a, argv, count) = "--tree";
	if (option)
		*arena_push(a, argv, count) = option;
	if (r->release) {
		*arena_push(a, argv, count) = "--release";
		*arena_push(a, argv, count) = r->release;
	}
	for (unsigned i = r->count; i-- > 0;)
		*arena_push(a, argv, count) = r->dirs[i];
	if (out_dir)
		*arena_push(a, argv, count) = out_dir;
	*arena_push(a, argv, count) = NULL;
	return argv;
}

static int address(const struct image_env *env, const struct recipe_dirs *r, struct arena *a, char ret_hex[DIGEST_HEX],
		   struct fail *e)
{
	auto_(strbuf_clear) struct strbuf inputs = { 0 };

	if (proc_check(&(struct proc){ .argv = script_argv(env, r, "--print", NULL, a),
				       .out = &inputs,
				       .deadline_ms = env->deadline_ms,
				       .cancel = env->cancel },
		       e))
		return -1;
	digest_text(strbuf_text(&inputs), inputs.len, ret_hex);
	return 0;
}

/* Fails at once if the mirror is unreachable (in a sandbox): apt would retry for half a minute. */
static int check_mirror(const char *name, struct fail *e)
{
	const char *sandbox = getenv("LABCTL_SANDBOX"), *mirror = getenv("LABCTL_MIRROR");

	if (!sandbox || !*sandbox || (mirror && strncmp(mirror, "file:", 5) == 0))
		return 0;
	fail(e, FAIL_NOT_FOUND, "image '%s': not built yet, and the sandbox '%s' cannot reach a mirror", name, sandbox);
	return fail_next(e, "labctl image build %s, outside the sandbox", name);
}

struct building { const struct image_env *env; const char *out_dir; };

static void building_line(void *ctx, const char *line)
{
	const struct building *b = ctx;

	if (b->env->line)
		b->env->line(b->env->line_ctx, line);
}

static void building_look(void *ctx)
{
	const struct building *b = ctx;
	char text[120];

	if (b->env->far && look_image(b->out_dir, text, sizeof text))
		b->env->far(b->env->line_ctx, text);
}

static int run_script(const struct image_env *env, const struct recipe_dirs *r, const char *name, const char *out_dir,
		      struct arena *a, struct fail *e)
{
	const char *log = cache_path(env->cache_dir, CACHE_IMAGE_LOG, name, a);
	int64_t space = file_space_bytes(env->cache_dir);
	struct building b = { .env = env, .out_dir = out_dir };

	if (space >= 0 && space < BUILD_NEEDS_BYTES)
		return fail(e, FAIL_HOST, "image '%s': %s has %lld MiB left, a build needs %lld", name, env->cache_dir,
			    (long long)space >> 20, BUILD_NEEDS_BYTES >> 20);
	unlink(log);
	if (proc_check(&(struct proc){ .argv = script_argv(env, r, NULL, out_dir, a),
				       .log_path = log,
				       .line = building_line,
				       .look = building_look,
				       .line_ctx = &b,
				       .deadline_ms = env->deadline_ms,
				       .cancel = env->cancel },
		       e)) {
		if (e->code == FAIL_CANCELED || e->code == FAIL_TIMEOUT)
			return fail_wrap(e, "image '%s'", name);
		fail_wrap(e, "image '%s': build failed", name);
		if (e->cause == CAUSE_UNREACHABLE)
			return fail_next(e, "labctl image build %s where apt's sources can be reached; log: %s",
					 name, log);
		return fail_next(e, "less %s", log);
	}
	return 0;
}

static int write_word(const char *dir, const char *file, const char *word, struct arena *a, struct fail *e)
{
	const char *text = arena_printf(a, "%s\n", word);

	return file_write(arena_printf(a, "%s/%s", dir, file), text, strlen(text), 0644, e);
}

/* The image's lock is held: whatever is at @temp was left by a killed build. */
static int build_locked(const struct image_env *env, const char *name, struct arena *a, struct fail *e)
{
	const char *temp = cache_path(env->cache_dir, CACHE_IMAGE_NEW, name, a), *dir;
	char recipe_hex[DIGEST_HEX], digest[DIGEST_HEX];
	struct recipe_dirs r;
	bool failed;

	if (find_recipe(env, name, a, &r, e) || recipe_digest(env, &r, a, recipe_hex, e) ||
	    address(env, &r, a, digest, e))
		return -1;
	dir = cache_image(env->cache_dir, name, digest, a);
	if (file_remove_tree(temp, e))
		return -1;
	if (member(dir, "root", a)) /* same inputs, but the recipe's files have moved or have other modes */
		return write_word(dir, "digest", digest, a, e) || write_word(dir, "recipe", recipe_hex, a, e) ? -1 : 0;
	failed = check_mirror(name, e) || run_script(env, &r, name, temp, a, e) ||
		 write_word(temp, "digest", digest, a, e) || write_word(temp, "recipe", recipe_hex, a, e);
	return cache_publish(temp, dir, failed, e);
}

/* Host users must not run the tree's setuid programs. Nodes are not affected: an overlay's / has the mode of its upper. */
static int close_tree(const struct image *image, struct fail *e)
{
	return image->root && chmod(image->root, 0700) ? fail_errno(e, FAIL_OTHER, "%s", image->root) : 0;
}

int image_build(const struct image_env *env, const char *name, struct arena *a, struct image *ret_image, bool *ret_built,
		struct fail *e)
{
	struct fail missing = { 0 };
	auto_(close) int lock = -1;
	struct recipe_dirs recipe;
	char digest[DIGEST_HEX];

	*ret_built = false;
	/* Check without the lock first: a complete image needs none. */
	if (!env->resolve && image_find(env, name, a, ret_image, &missing) == 0)
		return close_tree(ret_image, e);
	if (find_recipe(env, name, a, &recipe, e) ||
	    cache_lock_image(env->cache_dir, name, "image build", env->deadline_ms, &lock, e))
		return -1;
	if (image_find(env, name, a, ret_image, &missing) == 0) {
		if (env->resolve && address(env, &recipe, a, digest, e))
			return -1;
		if (!env->resolve || strcmp(digest, ret_image->digest) == 0)
			return close_tree(ret_image, e);
	} else if (missing.code != FAIL_NOT_FOUND) {
		*e = missing;
		return -1;
	}
	if (build_locked(env, name, a, e) || image_find(env, name, a, ret_image, e))
		return -1;
	*ret_built = true;
	return close_tree(ret_image, e);
}
