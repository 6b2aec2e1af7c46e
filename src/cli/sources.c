/* SPDX-License-Identifier: PostgreSQL */
/* Where the source archive of a cluster comes from if the command line names none, and a file that replaces its download. */
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "file.h"
#include "image.h"
#include "recipe.h"

/* An image that was built while the host's apt had a source for the software has its package. */
static bool image_has_software(struct cli *c, const struct lab *lab)
{
	struct image_env env = { .cache_dir = c->cache_dir, .deadline_ms = CLOCK_NEVER,
				 .kickstart = arena_printf(c->arena, "%s/kickstart", library_dir(c->lib)) };
	const struct recipe *r = lab->cluster.recipe;
	struct fail ignored = { 0 };
	struct image image;
	glob_t found;
	bool has;

	if (!r || !r->image_file || lab_boots_disk(lab) || image_find(&env, lab->image, c->arena, &image, &ignored) < 0)
		return false;
	has = glob(arena_printf(c->arena, "%s%s", image.root, r->image_file), 0, NULL, &found) == 0;
	globfree(&found);
	return has;
}

int source_default(struct cli *c, struct lab *lab, struct fail *e)
{
	const struct config *config;

	if (lab->cluster.archive || image_has_software(c, lab))
		return 0;
	if (config_load(c, &config, e) < 0)
		return -1;
	return lab_default_source(lab, config, e);
}

/* Somebody else who can write in the working directory must not choose what root compiles. */
static bool is_usable(const char *path, bool named)
{
	struct fail why = { 0 };
	struct stat st, dir;
	auto_(close) int fd = -1;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (named)
		return true;
	if (trusted_check(path, &fd, &why) == 0 && stat(".", &dir) == 0 && (!(dir.st_mode & (S_IWGRP | S_IWOTH)) || dir.st_mode & S_ISVTX))
		return true;
	report_say("labctl: ./%s is not used: %s\n", path, *why.text ? why.text : "others can write in this directory");
	return false;
}

bool source_find(void *cli, const char *url, struct arena *a, const char **ret_path)
{
	const struct cli *c = cli;
	const char *dir = getenv("LABCTL_SOURCES");
	size_t len = strcspn(url, "?#");
	const char *slash = memrchr(url, '/', len), *name = slash ? arena_strndup(a, slash + 1, len - (size_t)(slash + 1 - url)) : "";
	const struct { const char *path; bool named; } places[] = {
		{ dir && *dir ? arena_printf(a, "%s/%s", dir, name) : NULL, true },
		{ name, false },
		{ arena_printf(a, "%s/downloads/%s", c->cache_dir, name), true },
	};

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		char full[PATH_MAX];

		if (!places[i].path || !is_usable(places[i].path, places[i].named) || !realpath(places[i].path, full))
			continue;
		*ret_path = arena_strdup(a, full);
		return true;
	}
	return false;
}
