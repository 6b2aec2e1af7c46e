/* SPDX-License-Identifier: PostgreSQL */
/* What is known before a takeover: what the servers say of themselves, and what only the old one has. Changes nothing. */
#ifndef LABCTL_CLI_COMMANDS_ASK_TAKEOVER_H
#define LABCTL_CLI_COMMANDS_ASK_TAKEOVER_H

#include "cli.h"

/* Asks all servers that have, or may take over, the role of the recipe's .takeover, in parallel. An entry per node in c->arena. */
void ask_standings(struct cli *c, struct runtime *rt, const struct lab *lab, const struct facts *facts, const struct standing **ret);
/*
 * Counts the transactions that @n committed and the server with the role has not: after @has bytes of WAL, or (0) after the
 * place where its history left that of @n. LOST_UNKNOWN if nobody can say. The lab of @rt is as after the takeover.
 */
int64_t ask_lost(struct runtime *rt, const struct node *n, uint64_t has);

#endif
