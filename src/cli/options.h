/* SPDX-License-Identifier: PostgreSQL */
/* The table of options, between options.c and command_line.c. */
#ifndef LABCTL_CLI_OPTIONS_H
#define LABCTL_CLI_OPTIONS_H

#include "cli.h"

#define OPTIONS_MAX 48

struct option_row {
	char key;             /* also the short option when .is_short */
	bool is_short;
	const char *name, *arg, *env, *text;
};

extern const struct option_row option_rows[]; /* ends with a zero row */

/* Is it a global option or one of @cmd, which may be NULL? */
bool option_taken(const struct cmd *cmd, char key);
/* @what names the option or the variable in failures; @value is NULL for options without argument. */
int option_apply(struct cli *c, char key, const char *what, const char *value, struct fail *e);
int options_environment(struct cli *c, struct fail *e);

#endif
