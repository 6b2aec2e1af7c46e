/* SPDX-License-Identifier: PostgreSQL */
/* What the commands that go into nodes share. */
#ifndef LABCTL_CLI_CMD_NODE_H
#define LABCTL_CLI_CMD_NODE_H

#include "cli.h"

/* Words of a command line as ssh joins them: with blanks, for the remote shell. */
char *node_join(const char *const *words, struct arena *a);

/*
 * A node that does not answer is mostly one that does not run: libvirt knows. Adds its state and the way back to @e,
 * whose cause was the connection; says nothing more where libvirt does not answer.
 */
int node_explain_silence(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e);

#endif
