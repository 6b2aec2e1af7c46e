/* SPDX-License-Identifier: PostgreSQL */
/* Private to completion: what was typed, and the answer. */
#ifndef LABCTL_CLI_COMPLETION_H
#define LABCTL_CLI_COMPLETION_H

#include "cli.h"
#include "command_line.h"
#include "strbuf.h"

struct completion {
	struct cli *c;              /* with the global options that were typed */
	const struct line *line;    /* what stands before the cursor's word */
	const char *before, *word;  /* the cursor's word in two parts: kept as it is, completed */
	struct lab *lab;            /* once somebody asked for it */
	const char *files;          /* the shell's turn: "files", "directories"; NULL = not */
	struct strbuf *out;
};

/* The lab that -l, the lab file or the only one there is means; NULL when there is none that can be read. */
const struct lab *complete_lab(struct completion *to);

#endif
