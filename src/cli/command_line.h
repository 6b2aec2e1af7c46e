/* SPDX-License-Identifier: PostgreSQL */
/* A command line as far as it was read: for the parser, which goes on to the end, and for completion, which stops at the cursor. */
#ifndef LABCTL_CLI_COMMAND_LINE_H
#define LABCTL_CLI_COMMAND_LINE_H

#include "cli.h"
#include "command.h"

#define PATH_MAX_WORDS 3 /* "db", "create" */

struct given { const char *name, *what, *value; }; /* name of a row; as in failures: "--jobs"; NULL for switches */

struct line {
	struct arena *arena;
	const struct command *cmd;          /* the deepest one that was named; the root at first */
	const char *path;                   /* "", "db", "db create" */
	const struct option_row *pending;   /* the next word is its value */
	const char **args; unsigned arg_count;
	struct given *given; unsigned given_count;
	bool rest;                          /* "--" was read */
};

/* Reads one word. FAIL_USAGE. */
int line_read(struct line *l, const char *word, struct fail *e);
/* The rows that an option may be of here: the command's, and those of the actions it may become. */
typedef bool (*row_fn)(void *ctx, const struct option_row *row);
/* Calls @fn with each row that may stand here, until it returns true; that row, or NULL. */
const struct option_row *line_rows(const struct line *l, row_fn fn, void *ctx);

/* Puts what was given where it belongs: @c and the command's options struct. */
int line_apply(struct line *l, struct cli *c, struct fail *e);

/* --- usage.c: errors of usage, in one line each --- */

/* "labctl exec [NODES] -- COMMAND..." with the command's own options. */
const char *usage_synopsis(const struct command *cmd, const char *path, struct arena *a);
int usage_unknown_command(const struct line *l, const char *word, struct fail *e);
int usage_unknown_option(const struct line *l, const char *word, struct fail *e); /* "--frob" or "-Q" */
int usage_extra(const struct line *l, struct fail *e);   /* an argument too many */
int usage_missing(const struct line *l, const char *what, struct fail *e);

#endif
