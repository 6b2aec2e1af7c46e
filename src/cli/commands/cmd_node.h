/* SPDX-License-Identifier: PostgreSQL */
/* Shared by commands that log in to nodes. */
#ifndef LABCTL_CLI_CMD_NODE_H
#define LABCTL_CLI_CMD_NODE_H

#include "cli.h"

/*
 * Makes the command line for the node's shell, in @a. A single word is passed as it is, as ssh does: 'df -h | tail'. Of
 * several words, a program and its arguments, each is quoted.
 */
char *node_command(const char *const *words, struct arena *a);

/*
 * A node that does not answer is usually not running. Asks libvirt about it after a lost connection (the cause of @e).
 * Returns true if the node is not running, with its state and the next command in @e; else leaves @e as it was.
 */
bool node_explain_silence(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e);

#endif
