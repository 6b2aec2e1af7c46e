/* SPDX-License-Identifier: PostgreSQL */
/* plan, render: windows on what labctl would do. They touch nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "file.h"
#include "recipe.h"
#include "suggest.h"

int cmd_plan(struct cli *c, struct fail *e)
{
	static const char *const words[] = { "create", "bootstrap", "destroy", NULL };
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	const char *which = c->arg_count ? c->args[0] : NULL, *more = c->arg_count > 1 ? c->args[1] : NULL, *near;
	struct destroy_options o = { 0 };
	struct facts facts = { 0 };
	unsigned node_count = 0;

	if (!which) {
		fail(e, FAIL_USAGE, "which plan: create, bootstrap or destroy?");
		return fail_next(e, "labctl help plan");
	}
	if (!strcmp(which, "create")) {
		if ((more && parse_count(more, &node_count, e) < 0) || load_to_create(c, node_count, &lab, e) < 0 ||
		    plan_create(lab, c->lib, &p, e) < 0)
			return -1;
	} else if (!strcmp(which, "bootstrap")) {
		if (load_for_show(c, true, more, &lab, e) < 0)
			return -1;
		if (!lab->cluster.recipe)
			return fail(e, FAIL_USAGE, "which kind of cluster? labctl plan bootstrap citus|pgxc|postgres");
		if (plan_bootstrap(lab, c->lib, &p, e) < 0)
			return -1;
	} else if (!strcmp(which, "destroy")) {
		if (more)
			return fail(e, FAIL_USAGE, "labctl plan destroy: one word too many: '%s'", more);
		if (load_for_show(c, false, NULL, &lab, e) < 0 || plan_destroy(lab, &facts, &o, &p, e) < 0)
			return -1;
	} else {
		near = suggest(which, words);
		return fail(e, FAIL_USAGE, "no plan for '%s'%s%s%s (create, bootstrap, destroy)", which,
			    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	load_say_changes(c, lab);
	return run_show(c, p, e);
}

static int check_empty(const char *path, struct fail *e)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool empty = true;

	if (!dir)
		return errno == ENOENT ? 0 : fail_errno(e, FAIL_OTHER, "%s", path);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	closedir(dir);
	return empty ? 0 : fail(e, FAIL_CONFLICT, "%s is not empty: give --out a new directory", path);
}

int cmd_render(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	struct rendered *files;
	unsigned count;

	if (!c->out)
		return fail(e, FAIL_USAGE, "labctl render: where to? Give --out DIR");
	if (load_for_show(c, true, c->arg_count ? c->args[0] : NULL, &lab, e) < 0)
		return -1;
	load_say_changes(c, lab);
	if (plan_render(lab, c->lib, c->arena, &files, &count, e) < 0 || check_empty(c->out, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		const char *path = arena_printf(c->arena, "%s/%s", c->out, files[i].path);
		const char *dir = arena_strndup(c->arena, path, (size_t)(strrchr(path, '/') - path));

		if (file_mkdirs(dir, 0755, e) < 0 ||
		    file_write(path, files[i].text, strlen(files[i].text), files[i].mode, e) < 0)
			return -1;
	}
	if (c->json) {
		json_t *doc = json_pack("{s:i, s:s, s:s, s:i}", "v", 1, "lab", lab->name, "out", c->out, "files", (int)count);
		int r = report_json(doc, e);

		json_decref(doc);
		return r;
	}
	printf("%u files in %s (manifest.json lists them)\n", count, c->out);
	return 0;
}
