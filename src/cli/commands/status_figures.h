/* SPDX-License-Identifier: PostgreSQL */
/* What `labctl status` says of servers that work: how far they are behind, what their data use, whom they know. */
#ifndef LABCTL_CLI_STATUS_FIGURES_H
#define LABCTL_CLI_STATUS_FIGURES_H

#include "ask_roles.h"

/* Before ask_all(): asks these servers also for their figures, where the kind's recipe has queries for them. */
void figures_want(struct cli *c, const struct lab *lab, struct asked *asked, unsigned count);
/* After it: adds the figures of a server to its row. Those that another server knows of it are found by its name in the cluster. */
void figures_add(const struct lab *lab, const struct asked *asked, unsigned count, const struct asked *of, json_t *row);
/* Adds to a node's row, for people, "lag" and "data": what its @services have together. Nothing if they have none. */
void figures_sum(const json_t *services, json_t *row);
/* Sentences about servers of a role that know other nodes than the first of them; an empty list if all know the same. */
json_t *figures_drift(const struct asked *asked, unsigned count);
/* Sentences about transactions that were prepared minutes ago, each with the command that ends it; an empty list if there are none. */
json_t *figures_prepared(const struct lab *lab, const struct asked *asked, unsigned count);
/* Sentences about servers that work, but did not answer for all of that; an empty list if all did. */
json_t *figures_unknown(const struct asked *asked, unsigned count);
void figures_clear(struct asked *asked, unsigned count);

#endif
