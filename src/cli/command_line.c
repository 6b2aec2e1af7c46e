/* SPDX-License-Identifier: PostgreSQL */
/* The words of the command line: which is the command, which are options, which a mistake, and what was meant. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "suggest.h"

static int option_code(const struct option_row *row)
{
	return row->is_short ? row->key : 0x100 + row->key;
}

static const struct option_row *find_long(const struct cmd *cmd, const char *name, size_t len)
{
	const struct option_row *found = NULL;

	for (const struct option_row *o = option_rows; o->name; o++) {
		if (!option_taken(cmd, o->key) || strncmp(o->name, name, len) != 0)
			continue;
		if (strlen(o->name) == len)
			return o;
		found = found ? NULL : o;
	}
	return found;
}

static int unknown_option(const struct cmd *cmd, const char *word, struct fail *e)
{
	const char *known[OPTIONS_MAX + 2], *near;
	size_t count = 0, len = strcspn(word + 2, "=");
	char name[64];

	for (const struct option_row *o = option_rows; o->name; o++)
		if (option_taken(cmd, o->key))
			known[count++] = o->name;
	known[count++] = "help";
	known[count] = NULL;
	snprintf(name, sizeof name, "%.*s", (int)len, word + 2);
	near = suggest(name, known);
	fail(e, FAIL_USAGE, "unknown option '--%s'%s%s%s%s", name, cmd ? " of labctl " : "", cmd ? cmd->name : "",
	     near ? "; did you mean --" : "", near ? near : "");
	return fail_next(e, "labctl help%s%s", cmd ? " " : "", cmd ? cmd->name : "");
}

/* argp complains in several lines and words of its own: look at the words first. */
static int check_words(const struct cmd *cmd, int argc, char **argv, struct fail *e)
{
	for (int i = 1; i < argc; i++) {
		const char *w = argv[i];
		const struct option_row *row = NULL;
		bool value_here = false;

		if (w[0] != '-' || !w[1])
			continue;
		if (!strcmp(w, "--"))
			break;
		if (!strcmp(w, "--help") || !strcmp(w, "-h") || !strcmp(w, "-?") || !strcmp(w, "--usage"))
			continue;
		if (w[1] == '-') {
			size_t len = strcspn(w + 2, "=");

			row = find_long(cmd, w + 2, len);
			if (!row)
				return unknown_option(cmd, w, e);
			value_here = w[2 + len] == '=';
			if (value_here && !row->arg)
				return fail(e, FAIL_USAGE, "--%s takes no value", row->name);
		} else {
			for (const char *p = w + 1; *p; p++) {
				row = NULL;
				for (const struct option_row *o = option_rows; o->name; o++)
					if (o->is_short && o->key == *p && option_taken(cmd, *p))
						row = o;
				if (!row) {
					fail(e, FAIL_USAGE, "unknown option '-%c'%s%s", *p, cmd ? " of labctl " : "",
					     cmd ? cmd->name : "");
					return fail_next(e, "labctl help%s%s", cmd ? " " : "", cmd ? cmd->name : "");
				}
				value_here = row->arg && p[1];
				if (row->arg)
					break;
			}
		}
		if (row->arg && !value_here && (++i >= argc || !strcmp(argv[i], "--")))
			return fail(e, FAIL_USAGE, "--%s needs a value: %s", row->name, row->arg);
	}
	return 0;
}

struct parsing {
	struct cli *c;
	struct fail *e;
	bool help;
	const char **words; /* words of the command */
};

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct parsing *p = state->input;

	for (const struct option_row *o = option_rows; o->name; o++)
		if (key == option_code(o)) {
			char what[40];

			snprintf(what, sizeof what, "--%s", o->name);
			return option_apply(p->c, o->key, what, arg, p->e) < 0 ? EINVAL : 0;
		}
	if (key == 'h' || key == '?') {
		p->help = true;
		return 0;
	}
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	p->words[p->c->arg_count++] = arg;
	return 0;
}

static int parse_words(struct parsing *p, const struct cmd *cmd, int argc, char **argv)
{
	struct argp_option options[OPTIONS_MAX + 2];
	struct argp argp = { .options = options, .parser = parse_opt };
	unsigned flags = ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP;
	size_t count = 0;

	memset(options, 0, sizeof options);
	for (const struct option_row *o = option_rows; o->name; o++)
		if (option_taken(cmd, o->key))
			options[count++] = (struct argp_option){ o->name, option_code(o), o->arg, 0, "-", 0 };
	options[count++] = (struct argp_option){ "help", 'h', NULL, 0, "-", 0 };
	options[count] = (struct argp_option){ 0 };
	p->e->code = FAIL_NONE;
	if (argp_parse(&argp, argc, argv, flags, NULL, p) == 0)
		return 0;
	return p->e->code != FAIL_NONE ? -1 : fail(p->e, FAIL_USAGE, "the command line cannot be understood");
}

static int unknown_command(const char *word, struct fail *e)
{
	const char *known[32], *near;
	size_t count = 0;

	for (const struct cmd *cmd = cmds; cmd->name; cmd++)
		known[count++] = cmd->name;
	known[count] = NULL;
	near = suggest(word, known);
	fail(e, FAIL_USAGE, "unknown command '%s'%s%s%s", word, near ? "; did you mean '" : "", near ? near : "",
	     near ? "'?" : "");
	return fail_next(e, "labctl help");
}

/* Index of the first word that is neither a global option nor its value; @words when there is none. */
static int find_command(int words, char **argv)
{
	for (int i = 1; i < words; i++) {
		const struct option_row *row = NULL;
		const char *w = argv[i];

		if (w[0] != '-')
			return i;
		if (w[1] == '-' && !strchr(w, '='))
			row = find_long(NULL, w + 2, strlen(w + 2));
		for (const struct option_row *o = option_rows; w[1] != '-' && o->name; o++)
			if (o->is_short && o->key == w[1] && !w[2])
				row = o;
		if (row && row->arg)
			i++;
	}
	return words;
}

static int parse_command(struct cli *c, int words, char **argv, struct fail *e)
{
	struct parsing p = { .c = c, .e = e };

	p.words = arena_alloc(c->arena, (size_t)words * sizeof *p.words);
	if (check_words(c->cmd, words, argv, e) < 0 || parse_words(&p, c->cmd, words, argv) < 0)
		return -1;
	if (p.help) {
		options_help(c->cmd);
		return 1;
	}
	c->args = p.words;
	if (c->arg_count > c->cmd->args_max) {
		fail(e, FAIL_USAGE, "labctl %s: one word too many: '%s'", c->cmd->name, c->args[c->cmd->args_max]);
		return fail_next(e, "labctl help %s", c->cmd->name);
	}
	return 0;
}

int options_parse(struct cli *c, int argc, char **argv, struct fail *e)
{
	struct parsing p = { .c = c, .e = e };
	int words = 1, at;

	if (options_environment(c, e) < 0)
		return -1;
	while (words < argc && strcmp(argv[words], "--") != 0)
		words++;
	at = find_command(words, argv);
	if (check_words(NULL, at, argv, e) < 0 || parse_words(&p, NULL, at, argv) < 0)
		return -1;
	if (p.help) {
		options_overview();
		return 1;
	}
	if (at == words) {
		fail(e, FAIL_USAGE, "which command?");
		return fail_next(e, "labctl help");
	}
	c->cmd = cmd_find(argv[at]);
	if (!c->cmd)
		return unknown_command(argv[at], e);
	if (words < argc) {
		if (!c->cmd->takes_command)
			return fail(e, FAIL_USAGE, "labctl %s takes no '--'", c->cmd->name);
		c->rest = (const char *const *)argv + words + 1;
	}
	return parse_command(c, words - at, argv + at, e);
}
