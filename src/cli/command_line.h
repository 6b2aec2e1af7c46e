/* SPDX-License-Identifier: PostgreSQL */
/* A command line, parsed word by word: the parser reads all of it, completion stops at the cursor. */
#ifndef LABCTL_CLI_COMMAND_LINE_H
#define LABCTL_CLI_COMMAND_LINE_H

#include "cli.h"
#include "command.h"

#define PATH_MAX_WORDS 3 /* "db", "create" */

struct given { const char *name, *what, *value; }; /* the row's name; the name for failures: "--jobs"; NULL for switches */

struct line {
	struct arena *arena;
	const struct command *cmd;          /* the deepest one named so far; the root at first */
	const char *path;                   /* "", "db", "db create" */
	const struct option_row *pending;   /* option whose value is the next word */
	const char **args; unsigned arg_count;
	struct given *given; unsigned given_count;
	bool rest;                          /* "--" was read */
};

/* Reads one word. FAIL_USAGE. */
int line_read(struct line *l, const char *word, struct fail *e);
/* Callback for the option rows that are valid here: those of the command and of all actions below it. */
typedef bool (*row_fn)(void *ctx, const struct option_row *row);
/* Calls @fn with each valid row until it returns true; returns that row, or NULL. */
const struct option_row *line_rows(const struct line *l, row_fn fn, void *ctx);

/* Stores the given options in @c and in the command's options struct. */
int line_apply(struct line *l, struct cli *c, struct fail *e);

/* --- usage.c: errors of usage, in one line each --- */

/* "labctl exec [NODES] -- COMMAND..." with the command's own options. */
const char *usage_synopsis(const struct command *cmd, const char *path, struct arena *a);
int usage_unknown_command(const struct line *l, const char *word, struct fail *e);
int usage_unknown_option(const struct line *l, const char *word, struct fail *e); /* "--frob" or "-Q" */
int usage_extra(const struct line *l, struct fail *e);   /* one argument too many */
int usage_missing(const struct line *l, const char *what, struct fail *e);

#endif
