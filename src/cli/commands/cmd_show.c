/* SPDX-License-Identifier: PostgreSQL */
/* plan, render: show what labctl would do. They change nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "complete.h"
#include "file.h"
#include "plural.h"
#include "recipe.h"

struct plan_words {
	struct lab_words lab; /* first: rows of lab_words are shared */
	bool dot;
};
#define OPTION_DOT { "dot", .at = offsetof(struct plan_words, dot), .text = "print the graph for Graphviz" }

static int show_plan(struct cli *c, const struct lab *lab, const struct plan *p, struct fail *e)
{
	const struct plan_words *said = c->options;
	auto_(strbuf_clear) struct strbuf text = { 0 };

	load_say_changes(c, lab);
	if (!said->dot || c->json)
		return run_show(c, p, e);
	plan_print_dot(p, &text);
	fputs(strbuf_text(&text), stdout);
	return 0;
}

static int show_create(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	struct plan_words *said = c->options;

	if ((c->arg_count && parse_count(c->args[0], &said->lab.node_count, e) < 0) ||
	    load_to_create(c, &said->lab, &lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0)
		return -1;
	cli_say_capacity(c, lab);
	return show_plan(c, lab, p, e);
}

static const struct option_row create_options[] = { OPTION_IMAGE, OPTION_DOT, { 0 } };

const struct command cmd_plan_create = {
	.name = "create", .run = show_create, .args = { { "N", .optional = true } },
	.options = create_options, .options_size = sizeof(struct plan_words),
	.summary = "show the steps of create",
};

static int show_bootstrap(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(strbuf_clear) struct strbuf kinds = { 0 };
	struct plan_words *said = c->options;

	said->lab.kind = c->arg_count ? c->args[0] : NULL;
	if (load_for_show(c, true, &said->lab, &lab, e) < 0)
		return -1;
	if (!lab->cluster.recipe) {
		recipe_list(&kinds);
		return fail(e, FAIL_USAGE, "missing kind of cluster (%s): labctl plan bootstrap KIND", kinds.text);
	}
	return load_plan_bootstrap(c, lab, &p, e) < 0 ? -1 : show_plan(c, lab, p, e);
}

static const struct option_row bootstrap_options[] = { OPTION_SOURCE, OPTION_DOT, { 0 } };

const struct command cmd_plan_bootstrap = {
	.name = "bootstrap", .run = show_bootstrap, .args = { { "KIND", .optional = true, .complete = complete_kinds } },
	.options = bootstrap_options, .options_size = sizeof(struct plan_words),
	.summary = "show the steps of bootstrap",
};

static int show_destroy(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	const struct plan_words *said = c->options;
	struct destroy_options o = { 0 };
	struct facts facts = { 0 };

	if (load_for_show(c, false, &said->lab, &lab, e) < 0 || plan_destroy(lab, &facts, &o, &p, e) < 0)
		return -1;
	return show_plan(c, lab, p, e);
}

static const struct option_row destroy_options[] = { OPTION_DOT, { 0 } };

const struct command cmd_plan_destroy = {
	.name = "destroy", .run = show_destroy, .options = destroy_options, .options_size = sizeof(struct plan_words),
	.summary = "show the steps of destroy",
};

const struct command cmd_plan = {
	.name = "plan", .actions = commands_plan,
	.summary = "show the steps of a command",
	.help =
	"Prints what the command would do, in order, as text, with --json as one document, with --dot as a graph.\n\n"
	"  labctl plan create 8\n"
	"  labctl plan bootstrap pgxc --dot | dot -Tsvg > plan.svg",
};

struct render_words {
	struct lab_words lab; /* first: rows of lab_words are shared */
	const char *out;
};

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

static int render(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	struct rendered *files;
	struct render_words *said = c->options;
	unsigned count;

	said->lab.kind = c->arg_count ? c->args[0] : NULL;
	if (load_for_show(c, true, &said->lab, &lab, e) < 0)
		return -1;
	load_say_changes(c, lab);
	if (plan_render(lab, c->lib, c->arena, &files, &count, e) < 0 || check_empty(said->out, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		const char *path = arena_printf(c->arena, "%s/%s", said->out, files[i].path);
		const char *dir = arena_strndup(c->arena, path, (size_t)(strrchr(path, '/') - path));

		if (file_mkdirs(dir, 0755, e) < 0 ||
		    file_write(path, files[i].text, strlen(files[i].text), files[i].mode, e) < 0)
			return -1;
	}
	if (c->json) {
		json_t *doc = json_pack("{s:i, s:s, s:s, s:i}", "v", 1, "lab", lab->name, "out", said->out, "files", (int)count);
		int r = report_json(doc, e);

		json_decref(doc);
		return r;
	}
	printf("%u file%s in %s (manifest.json lists them)\n", count, plural(count), said->out);
	return 0;
}

static const struct option_row render_options[] = {
	OPTION_SOURCE,
	{ "out", 'o', .arg = "DIR", .required = true, .complete = complete_directories, .at = offsetof(struct render_words, out),
	  .text = "directory to write to; must be empty or missing" },
	{ 0 },
};

const struct command cmd_render = {
	.name = "render", .run = render, .args = { { "KIND", .optional = true, .complete = complete_kinds } },
	.options = render_options, .options_size = sizeof(struct render_words),
	.summary = "write every file, script and statement to a directory",
	.help =
	"Writes to DIR everything that labctl would install: XML and exports of the host, files, scripts and SQL of "
	"every node, with placeholders for secrets. Changes nothing else.",
};
