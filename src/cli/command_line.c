/* SPDX-License-Identifier: PostgreSQL */
/* Parses the command line: commands, options, arguments, and mistakes in them. */
#include "command_line.h"
#include "defaults.h"

#include <stdlib.h>
#include <string.h>

/* --- which options may stand here --- */

static const struct option_row *rows_below(const struct command *cmd, row_fn fn, void *ctx)
{
	const struct option_row *found = NULL;

	for (const struct option_row *o = cmd->options; o && o->name; o++)
		if (fn(ctx, o))
			return o;
	for (const struct command *const *next = cmd->actions; next && *next && !found; next++)
		found = rows_below(*next, fn, ctx);
	return found;
}

const struct option_row *line_rows(const struct line *l, row_fn fn, void *ctx)
{
	for (const struct option_row *o = options_global; o->name; o++)
		if (fn(ctx, o))
			return o;
	return rows_below(l->cmd, fn, ctx);
}

struct wanted_name { const char *text; size_t len; const struct option_row *start; bool ambiguous; };

static bool is_wanted(void *ctx, const struct option_row *row)
{
	struct wanted_name *w = ctx;

	if (strncmp(row->name, w->text, w->len) != 0)
		return false;
	if (strlen(row->name) == w->len)
		return true;
	w->ambiguous = w->ambiguous || (w->start && strcmp(w->start->name, row->name) != 0);
	w->start = row;
	return false;
}

/* An option may be shortened to a unique prefix. */
static const struct option_row *find_long(const struct line *l, const char *text, size_t len)
{
	struct wanted_name w = { .text = text, .len = len };
	const struct option_row *found = line_rows(l, is_wanted, &w);

	return found ? found : w.ambiguous || !len ? NULL : w.start;
}

static bool has_letter(void *ctx, const struct option_row *row)
{
	return row->letter && row->letter == *(const char *)ctx;
}

/* --- one word --- */

static void give(struct line *l, const struct option_row *row, const char *value)
{
	*arena_push(l->arena, l->given, l->given_count) =
		(struct given){ row->name, arena_printf(l->arena, "--%s", row->name), value };
}

static int read_long(struct line *l, const char *word, struct fail *e)
{
	size_t len = strcspn(word + 2, "=");
	const struct option_row *row = find_long(l, word + 2, len);
	const char *value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;

	if (!row)
		return usage_unknown_option(l, arena_strndup(l->arena, word, 2 + len), e);
	if (value && !row->arg)
		return fail(e, FAIL_USAGE, "--%s takes no value", row->name);
	if (row->arg && !value)
		l->pending = row;
	else
		give(l, row, value);
	return 0;
}

/* After its name, a command's own letters come first: `labctl -f FILE logs -f`. */
static const struct option_row *find_letter(const struct line *l, char letter)
{
	const struct option_row *own = l->cmd->actions ? NULL : option_letter(l->cmd->options, letter);

	return own ? own : line_rows(l, has_letter, &letter);
}

static int read_letters(struct line *l, const char *word, struct fail *e)
{
	for (const char *p = word + 1; *p; p++) {
		const char letter = *p == '?' ? 'h' : *p;
		const struct option_row *row = find_letter(l, letter);

		if (!row)
			return usage_unknown_option(l, arena_printf(l->arena, "-%c", *p), e);
		if (row->arg && p[1]) {
			give(l, row, p + 1);
			return 0;
		}
		if (row->arg)
			l->pending = row;
		else
			give(l, row, NULL);
	}
	return 0;
}

static int read_argument(struct line *l, const char *word, struct fail *e)
{
	const struct command *next;

	if (!l->cmd->actions) {
		*arena_push(l->arena, l->args, l->arg_count) = word;
		return 0;
	}
	next = command_find(l->cmd, word);
	if (!next)
		return usage_unknown_command(l, word, e);
	l->cmd = next;
	l->path = arena_printf(l->arena, "%s%s%s", l->path, *l->path ? " " : "", word);
	return 0;
}

static int needs_value(const struct option_row *row, struct fail *e)
{
	return fail(e, FAIL_USAGE, "--%s needs a value: --%s %s", row->name, row->name, row->arg);
}

int line_read(struct line *l, const char *word, struct fail *e)
{
	if (l->rest)
		return 0;
	if (l->pending) {
		if (!strcmp(word, "--"))
			return needs_value(l->pending, e);
		give(l, l->pending, word);
		l->pending = NULL;
		return 0;
	}
	if (!strcmp(word, "--")) {
		l->rest = true;
		return 0;
	}
	if (word[0] != '-' || !word[1])
		return read_argument(l, word, e);
	return word[1] == '-' ? read_long(l, word, e) : read_letters(l, word, e);
}

/* --- all of them --- */

static int apply(struct cli *c, const struct option_row *row, const char *what, const char *value, struct fail *e)
{
	bool global = row >= options_global && option_find(options_global, row->name) == row;
	option_fn set = row->set ? row->set : row->arg ? option_text : option_switch;

	return set((global ? (char *)c : (char *)c->options) + row->at, what, value, e);
}

static int apply_environment(struct cli *c, const struct option_row *rows, struct fail *e)
{
	for (; rows && rows->name; rows++) {
		const char *value = rows->env ? getenv(rows->env) : NULL;

		if (value && *value && apply(c, rows, rows->env, value, e) < 0)
			return -1;
	}
	return 0;
}

int line_apply(struct line *l, struct cli *c, struct fail *e)
{
	c->cmd = l->cmd;
	c->path = l->path;
	c->options = arena_alloc(l->arena, l->cmd->options_size + 1);
	if (apply_environment(c, options_global, e) < 0 || apply_environment(c, l->cmd->options, e) < 0)
		return -1;
	for (unsigned i = 0; i < l->given_count; i++) {
		const struct given *g = &l->given[i];
		const struct option_row *row = option_find(options_global, g->name);

		row = row ? row : option_find(l->cmd->options, g->name);
		/* The option was given before the action, and belongs to another action. */
		if (!row)
			return usage_unknown_option(l, g->what, e);
		if (apply(c, row, g->what, g->value, e) < 0)
			return -1;
	}
	return 0;
}

static int set_directories(struct cli *c, struct fail *e)
{
	const char *state = getenv("LABCTL_STATE"), *cache = getenv("LABCTL_CACHE");

	c->state_dir = state && *state ? state : DEFAULT_STATE_DIR;
	c->cache_dir = cache && *cache ? cache : DEFAULT_CACHE_DIR;
	if (*c->state_dir != '/' || *c->cache_dir != '/')
		return fail(e, FAIL_USAGE, "LABCTL_STATE and LABCTL_CACHE must be absolute paths");
	return 0;
}

static bool was_given(const struct line *l, const char *name)
{
	for (unsigned i = 0; i < l->given_count; i++)
		if (!strcmp(l->given[i].name, name))
			return true;
	return false;
}

/* Checks that nothing required is missing and nothing is superfluous. */
static int check_complete(const struct line *l, const char *const *rest, struct fail *e)
{
	const struct command *cmd = l->cmd;

	if (cmd->actions)
		return usage_missing(l, cmd == &command_root ? "command" : "action", e);
	if (l->rest && !cmd->rest)
		return fail(e, FAIL_USAGE, "%s takes no '--'; usage: %s", l->path, usage_synopsis(cmd, l->path, l->arena));
	if (l->arg_count > command_args_max(cmd))
		return usage_extra(l, e);
	if (l->arg_count < command_args_min(cmd))
		return usage_missing(l, cmd->args[l->arg_count].name, e);
	if (cmd->rest && !cmd->rest_optional && !(rest && rest[0]))
		return usage_missing(l, "command after '--'", e);
	for (const struct option_row *o = cmd->options; o && o->name; o++)
		if (o->required && !was_given(l, o->name))
			return usage_missing(l, arena_printf(l->arena, "--%s %s", o->name, o->arg), e);
	return 0;
}

int command_line_parse(struct cli *c, int argc, char **argv, struct fail *e)
{
	struct line l = { .arena = c->arena, .cmd = &command_root, .path = "" };
	int i;

	if (set_directories(c, e) < 0)
		return -1;
	for (i = 1; i < argc && !l.rest; i++)
		if (line_read(&l, argv[i], e) < 0)
			return -1;
	if (l.pending)
		return needs_value(l.pending, e);
	if (line_apply(&l, c, e) < 0)
		return -1;
	c->rest = l.rest ? (const char *const *)argv + i : NULL;
	c->args = l.args;
	c->arg_count = l.arg_count;
	if (c->version) {
		c->cmd = command_find(&command_root, "version");
		return 0;
	}
	return c->help ? 0 : check_complete(&l, c->rest, e);
}
