/* SPDX-License-Identifier: PostgreSQL */
/* What the commands that go into nodes share. */
#ifndef LABCTL_CLI_CMD_NODE_H
#define LABCTL_CLI_CMD_NODE_H

#include "cli.h"

/*
 * What the node's shell is given. One word is a line for it, as ssh takes one: 'df -h | tail'. Several are a program and
 * its arguments, which it gets as they are here: each is quoted.
 */
char *node_command(const char *const *words, struct arena *a);

/*
 * A node that does not answer is mostly one that does not run: libvirt knows. True when it does not run: @e, whose cause
 * was the connection, says its state and the way back then, and is as it was where it runs or libvirt does not answer.
 */
bool node_explain_silence(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e);

#endif
