/* SPDX-License-Identifier: PostgreSQL */
/* Private to completion: what was typed, and the answer. */
#ifndef LABCTL_CLI_COMPLETION_H
#define LABCTL_CLI_COMPLETION_H

#include "cli.h"
#include "command_line.h"
#include "strbuf.h"

struct completion {
	struct cli *c;              /* with the global options typed so far */
	const struct line *line;    /* the words before the cursor's word */
	const char *before, *word;  /* the cursor's word in two parts: one kept as it is, one to complete */
	struct lab *lab;            /* loaded by complete_lab() */
	const char *files;          /* what the shell itself shall complete: "files", "directories"; NULL = nothing */
	struct strbuf *out;
};

/* The lab given by -l or the lab file, else the only one that exists; NULL if there is none or it cannot be read. */
const struct lab *complete_lab(struct completion *to);

#endif
