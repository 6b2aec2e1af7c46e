/* SPDX-License-Identifier: PostgreSQL */
#include "image_users.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "file.h"

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Finds labs even if nothing but the image's digest is left of their record. */
static int labs_of(struct cli *c, const char *state_dir, bool ours, struct image_user **users, unsigned *count, struct fail *e)
{
	const char *path = arena_printf(c->arena, "%s/labs", state_dir);
	struct dirent **entries;
	int found = scandir(path, &entries, visible, alphasort);

	if (found < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_errno(e, FAIL_OTHER, "%s", path);
	for (int i = 0; i < found; i++) {
		struct image_user u = { .lab = arena_strdup(c->arena, entries[i]->d_name), .state = ours ? NULL : state_dir };
		auto_(strbuf_clear) struct strbuf note = { 0 };
		auto_(lab_free) struct lab *lab = NULL;
		struct fail ignored = { 0 };
		struct paths paths;

		free(entries[i]);
		paths_init(&paths, state_dir, c->cache_dir, u.lab, c->arena);
		if (file_read(arena_printf(c->arena, "%s/image", paths.lab), 4096, &note, &ignored) == 0)
			u.digest = arena_strndup(c->arena, strbuf_text(&note), strcspn(strbuf_text(&note), " \n"));
		else if (lab_load(paths.lab_file, &(struct lab_options){ .state_dir = state_dir }, &lab, &ignored) == 0)
			u.image = arena_strdup(c->arena, lab->image);
		if (u.digest || u.image)
			*arena_push(c->arena, *users, *count) = u;
	}
	free(entries);
	return 0;
}

int image_users(struct cli *c, const struct image_env *env, struct image_user **ret, unsigned *ret_count, struct fail *e)
{
	const char *const *states = cache_states(env->cache_dir, false, c->arena);
	auto_(free) char *own = realpath(c->state_dir, NULL);

	*ret = NULL;
	*ret_count = 0;
	if (labs_of(c, c->state_dir, true, ret, ret_count, e) < 0)
		return -1;
	for (; *states; states++)
		if ((!own || strcmp(*states, own) != 0) && labs_of(c, *states, false, ret, ret_count, e) < 0)
			return -1;
	return 0;
}

bool image_user_of(const struct image_user *u, const struct stored *s)
{
	return u->digest ? !strcmp(u->digest, s->image.digest) : !strcmp(u->image, s->image.name);
}

const char *image_user_text(const struct image_user *u, struct arena *a)
{
	return u->state ? arena_printf(a, "%s (%s)", u->lab, u->state) : u->lab;
}

bool image_is_used(void *ctx, const struct stored *s)
{
	struct cli *c = ctx;
	const struct image_env env = { .cache_dir = c->cache_dir };
	struct fail unknown = { 0 };
	struct image_user *users;
	unsigned count;

	if (image_users(c, &env, &users, &count, &unknown) < 0)
		return true;
	for (unsigned i = 0; i < count; i++)
		if (image_user_of(&users[i], s))
			return true;
	return false;
}
