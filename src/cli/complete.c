/* SPDX-License-Identifier: PostgreSQL */
/* What may stand at a place of the command line: one function for each kind of word. */
#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "command_line.h"
#include "completion.h"
#include "defaults.h"
#include "family.h"
#include "image_store.h"
#include "inventory.h"
#include "recipe.h"
#include "state.h"

void complete_add(struct completion *to, const char *word, const char *text)
{
	const char *typed = to->word;

	if (strncmp(word, typed, strlen(typed)) != 0)
		return;
	strbuf_printf(to->out, "%s%s", to->before, word);
	if (text && *text)
		strbuf_printf(to->out, "\t%s", text);
	strbuf_char(to->out, '\n');
}

static void add_all(struct completion *to, const char *const *words)
{
	for (; words && *words; words++)
		complete_add(to, *words, NULL);
}

void complete_files(struct completion *to)
{
	to->files = "files";
}

void complete_directories(struct completion *to)
{
	to->files = "directories";
}

void complete_labs(struct completion *to)
{
	const char *const *names;
	struct fail ignored = { 0 };

	if (state_labs(to->c->state_dir, to->c->arena, &names, &ignored) == 0)
		add_all(to, names);
}

const struct lab *complete_lab(struct completion *to)
{
	struct fail ignored = { 0 };

	if (!to->lab && load_existing(to->c, &to->lab, &ignored) < 0)
		to->lab = NULL;
	return to->lab;
}

void complete_nodes(struct completion *to)
{
	const struct lab *lab = complete_lab(to);
	const char *comma = strrchr(to->word, ',');

	/* The last of a list. */
	if (comma) {
		to->before = arena_printf(to->c->arena, "%s%.*s", to->before, (int)(comma + 1 - to->word), to->word);
		to->word = comma + 1;
	}
	for (unsigned i = 0; lab && i < lab->node_count; i++)
		complete_add(to, lab->nodes[i].name, lab->nodes[i].ip_text);
}

void complete_hosts(struct completion *to)
{
	const struct lab *lab = complete_lab(to);

	for (unsigned i = 1; lab && i < lab->host_count; i++)
		complete_add(to, lab->hosts[i].name, lab->hosts[i].ssh);
}

static void add_roles(struct completion *to, const char *kind)
{
	for (const struct role *r = recipe_find(kind)->roles; r->name; r++)
		complete_add(to, r->name, kind);
}

/* Roles of the lab's kind; of every kind if the lab has none. */
void complete_roles(struct completion *to)
{
	const struct lab *lab = complete_lab(to);

	if (lab && lab->cluster.recipe)
		add_roles(to, lab->cluster.recipe->kind);
	else
		for (const char *const *kind = recipe_kinds(); *kind; kind++)
			add_roles(to, *kind);
}

void complete_kinds(struct completion *to)
{
	for (const char *const *kind = recipe_kinds(); *kind; kind++)
		complete_add(to, *kind, recipe_find(*kind)->title);
}

void complete_templates(struct completion *to)
{
	const struct lab *lab = complete_lab(to);
	const struct database_template *t = lab && lab->cluster.recipe ? lab->cluster.recipe->templates : NULL;

	for (; t && t->word; t++)
		complete_add(to, t->word, NULL);
}

void complete_releases(struct completion *to)
{
	add_all(to, release_names);
}

void complete_hypervisors(struct completion *to)
{
	add_all(to, hypervisor_names);
}

void complete_formats(struct completion *to)
{
	for (const struct inventory_format *f = inventory_formats; f->name; f++)
		complete_add(to, f->name, f->title);
}

/* --- images --- */

static struct image_env env_of(const struct completion *to)
{
	return (struct image_env){ .cache_dir = to->c->cache_dir,
				   .kickstart = arena_printf(to->c->arena, "%s/kickstart", library_dir(to->c->lib)) };
}

void complete_recipes(struct completion *to)
{
	const struct image_env env = env_of(to);

	add_all(to, image_recipes(&env, to->c->arena));
}

void complete_stored_images(struct completion *to)
{
	const struct image_env env = env_of(to);
	struct fail ignored = { 0 };
	struct stored *list;
	unsigned count;

	if (image_store_list(&env, to->c->arena, &list, &count, &ignored) < 0)
		return;
	for (unsigned i = 0; i < count; i++)
		complete_add(to, list[i].image.name, list[i].about.release);
}

/* Images that are built when needed, and those installed or imported by name. */
void complete_images(struct completion *to)
{
	const struct image_env env = env_of(to);
	struct fail ignored = { 0 };
	struct stored *list;
	unsigned count;

	complete_files(to); /* a disk or an archive of a root tree */
	for (unsigned i = 0; i < RELEASE_COUNT; i++)
		if (releases[i].postgresql)
			complete_add(to, releases[i].name, NULL);
	if (image_store_named(&env, to->c->arena, &list, &count, &ignored) < 0)
		return;
	for (unsigned i = 0; i < count; i++)
		complete_add(to, list[i].image.name, list[i].about.release);
}

/* --- commands --- */

void complete_actions(struct completion *to, const struct command *of)
{
	for (const struct command *const *cmd = of->actions; cmd && *cmd; cmd++)
		if (!(*cmd)->hidden)
			complete_add(to, (*cmd)->name, (*cmd)->summary);
}

/* The arguments of `labctl help` are a command's own words. */
void complete_commands(struct completion *to)
{
	const struct command *of = &command_root;

	for (unsigned i = 0; of && i < to->line->arg_count; i++)
		of = command_find(of, to->line->args[i]);
	if (of)
		complete_actions(to, of);
}
