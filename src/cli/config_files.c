/* SPDX-License-Identifier: PostgreSQL */
/* The configuration files: where they are, and their values that are environment variables of programs. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "config.h"
#include "defaults.h"

#define SYSTEM_FILE "/etc/labctl/config.yaml"
#define USER_FILE "labctl/config.yaml"

static const char *set(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* XDG Base Directory Specification: a relative path is ignored. NULL = there is no home. */
static const char *user_file(struct cli *c)
{
	const char *dir = set("XDG_CONFIG_HOME"), *home = set("HOME");

	if (dir && *dir == '/')
		return arena_printf(c->arena, "%s/" USER_FILE, dir);
	return home && *home == '/' ? arena_printf(c->arena, "%s/.config/" USER_FILE, home) : NULL;
}

void config_paths(struct cli *c, struct config_path ret[CONFIG_FILES])
{
	const char *named = set("LABCTL_CONFIG");

	ret[0] = (struct config_path){ "system", named ? named : SYSTEM_FILE, named != NULL };
	ret[1] = (struct config_path){ "user", user_file(c), false };
}

static int read_one(struct cli *c, const struct config_path *p, struct config *config, const struct lab_options *o, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct stat st;

	if (!p->path || (!p->named && stat(p->path, &st) < 0))
		return 0;
	if (*p->path != '/')
		return fail(e, FAIL_USAGE, "LABCTL_CONFIG must be an absolute path");
	if (trusted_read(c, p->path, &text, e) < 0)
		return e->code == FAIL_CONFLICT ? fail_next(e, "check its contents, then take it over: chown root %1$s; chmod go-w %1$s", p->path) : -1;
	return config_read(config, strbuf_text(&text), text.len, p->path, o, e);
}

int config_load(struct cli *c, const struct config **ret, struct fail *e)
{
	struct config_path paths[CONFIG_FILES];
	struct config *config = config_new(c->arena);
	struct lab_options o = { 0 };

	if (c->config) {
		*ret = c->config;
		return 0;
	}
	load_find_stored(c, &o);
	config_paths(c, paths);
	for (unsigned i = 0; i < CONFIG_FILES; i++)
		if (read_one(c, &paths[i], config, &o, e) < 0)
			return -1;
	/* The programs that make images read the variable. */
	c->mirror_said = set("LABCTL_MIRROR");
	if (!c->mirror_said && config->mirror)
		setenv("LABCTL_MIRROR", config->mirror, 1);
	*ret = c->config = config;
	return 0;
}

int config_image(struct cli *c, const char **ret, struct fail *e)
{
	const struct config *config;

	if (config_load(c, &config, e) < 0)
		return -1;
	*ret = config->lab.image && !lab_boots_disk(&config->lab) ? config->lab.image : DEFAULT_IMAGE;
	return 0;
}
