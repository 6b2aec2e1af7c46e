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

/* The first node that @word and @role (NULL = any) name, as lab_select() reads them; NULL with its failure. */
const struct node *node_one(struct cli *c, const struct lab *lab, const char *word, const char *role, struct fail *e);

/* The node that the first argument names; FAIL_USAGE if it names several. */
int node_named(const struct cli *c, const struct lab *lab, const struct node **ret, struct fail *e);

/*
 * A node that does not answer is usually not running. Asks libvirt about it after a lost connection (the cause of @e).
 * Returns true if the node is not running, with its state and the next command in @e; else leaves @e as it was.
 */
bool node_explain_silence(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e);

#endif
