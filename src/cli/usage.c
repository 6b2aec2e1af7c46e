/* SPDX-License-Identifier: PostgreSQL */
/* Usage errors in one line: the wrong word, the nearest known one, and the right form. */
#include <stdio.h>
#include <string.h>

#include "command_line.h"
#include "strbuf.h"
#include "suggest.h"

const char *usage_synopsis(const struct command *cmd, const char *path, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "labctl%s%s", *path ? " " : "", path);
	if (cmd->actions)
		strbuf_str(&text, cmd == &command_root ? " COMMAND" : " ACTION");
	for (const struct argument *arg = cmd->args; arg->name; arg++)
		strbuf_printf(&text, arg->optional ? " [%s]" : " %s", arg->name);
	for (const struct option_row *o = cmd->options; o && o->name; o++)
		strbuf_printf(&text, "%s--%s%s%s%s", o->required ? " " : " [", o->name, o->arg ? " " : "", o->arg ? o->arg : "",
			      o->required ? "" : "]");
	if (cmd->rest)
		strbuf_printf(&text, cmd->rest_optional ? " [-- %s]" : " -- %s", cmd->rest);
	return arena_strdup(a, strbuf_text(&text));
}

static int next_help(const struct line *l, struct fail *e)
{
	return fail_next(e, "labctl help%s%s", *l->path ? " " : "", l->path);
}

static const char *named(const struct line *l, const char *word)
{
	return arena_printf(l->arena, "%s%s%s", l->path, *l->path ? " " : "", word);
}

struct words { struct arena *arena; const char **items; unsigned count; };

static void add(struct words *w, const char *word)
{
	*arena_push(w->arena, w->items, w->count) = word;
}

static const char *nearest(struct words *w, const char *word)
{
	add(w, NULL);
	return suggest(word, w->items);
}

/* "create, bootstrap, destroy" */
static const char *action_list(const struct line *l)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	for (const struct command *const *cmd = l->cmd->actions; *cmd; cmd++)
		strbuf_printf(&text, "%s%s", cmd == l->cmd->actions ? "" : ", ", (*cmd)->name);
	return arena_strdup(l->arena, strbuf_text(&text));
}

int usage_unknown_command(const struct line *l, const char *word, struct fail *e)
{
	struct words known = { .arena = l->arena };
	const char *near;

	for (const struct command *const *cmd = l->cmd->actions; *cmd; cmd++)
		if (!(*cmd)->hidden)
			add(&known, (*cmd)->name);
	near = nearest(&known, word);
	if (near)
		fail(e, FAIL_USAGE, "unknown command '%s'; did you mean '%s'?", named(l, word), named(l, near));
	else if (*l->path)
		fail(e, FAIL_USAGE, "unknown command '%s'; known: %s", named(l, word), action_list(l));
	else
		fail(e, FAIL_USAGE, "unknown command '%s'", named(l, word));
	return next_help(l, e);
}

/* The command as it should be typed: surplus arguments go after "--", to the program on the node. */
static const char *typed(const struct line *l)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "labctl %s", l->path);
	for (unsigned i = 0; i < l->arg_count; i++)
		strbuf_printf(&text, "%s%s", i == command_args_max(l->cmd) ? " -- " : " ", l->args[i]);
	return arena_strdup(l->arena, strbuf_text(&text));
}

/* --- options --- */

struct owners { struct words words; const char *name; };

/* Finds the commands that take the option: "db create, db drop". */
static void find_owners(const struct command *cmd, const char *path, struct owners *o)
{
	const struct option_row *row = o->name[1] == '-' ? option_find(cmd->options, o->name + 2) :
							    option_letter(cmd->options, o->name[1]);

	if (row)
		add(&o->words, path);
	for (const struct command *const *next = cmd->actions; next && *next; next++)
		find_owners(*next, arena_printf(o->words.arena, "%s%s%s", path, *path ? " " : "", (*next)->name), o);
}

static bool add_option(void *known, const struct option_row *row)
{
	add(known, row->name);
	return false;
}

int usage_unknown_option(const struct line *l, const char *word, struct fail *e)
{
	struct owners owners = { { .arena = l->arena }, word };
	struct words known = { .arena = l->arena };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *near;

	find_owners(&command_root, "", &owners);
	if (*l->path && owners.words.count) {
		for (unsigned i = 0; i < owners.words.count; i++)
			strbuf_printf(&text, "%s%s", i ? ", " : "", owners.words.items[i]);
		fail(e, FAIL_USAGE, "%s takes no %s; it is an option of: %s", l->path, word, strbuf_text(&text));
		return next_help(l, e);
	}
	line_rows(l, add_option, &known);
	near = word[1] == '-' ? nearest(&known, word + 2) : NULL;
	strbuf_printf(&text, "unknown option '%s'%s%s", word, *l->path ? " of labctl " : "", l->path);
	if (near)
		strbuf_printf(&text, "; did you mean --%s?", near);
	else if (l->cmd->rest)
		strbuf_printf(&text, "; to pass it to the program: %s -- %s", typed(l), word);
	fail(e, FAIL_USAGE, "%s", strbuf_text(&text));
	return next_help(l, e);
}

/* --- arguments --- */

int usage_extra(const struct line *l, struct fail *e)
{
	unsigned max = command_args_max(l->cmd);
	const char *form;

	if (l->cmd->rest && !l->rest) {
		/* exec node1 uptime */
		form = typed(l);
	} else if (max == 0 && !(l->cmd->without & NO_LAB)) {
		/* status mylab */
		form = arena_printf(l->arena, "labctl -l %s %s", l->args[0], l->path);
	} else {
		fail(e, FAIL_USAGE, "unexpected argument '%s'; usage: %s", l->args[max], usage_synopsis(l->cmd, l->path, l->arena));
		return next_help(l, e);
	}
	fail(e, FAIL_USAGE, "unexpected argument '%s'; did you mean '%s'?", l->args[max], form);
	return next_help(l, e);
}

int usage_missing(const struct line *l, const char *what, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "missing %s", what);
	if (l->cmd == &command_root) {
		strbuf_str(&text, "; usage: labctl COMMAND");
	} else if (l->cmd->actions) {
		strbuf_printf(&text, ": %s", action_list(l));
	} else {
		strbuf_printf(&text, "; usage: %s", usage_synopsis(l->cmd, l->path, l->arena));
	}
	fail(e, FAIL_USAGE, "%s", strbuf_text(&text));
	return next_help(l, e);
}
