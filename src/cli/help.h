/* SPDX-License-Identifier: PostgreSQL */
/* The command tables as text. */
#ifndef LABCTL_CLI_HELP_H
#define LABCTL_CLI_HELP_H

#include "arena.h"
#include "command.h"
#include "strbuf.h"

void help_overview(void);
void help_command(const struct command *cmd, const char *path, struct arena *a);
/* The COMMANDS and OPTIONS sections of labctl(1), in mdoc(7). */
void help_manual(struct strbuf *out, struct arena *a);

#endif
