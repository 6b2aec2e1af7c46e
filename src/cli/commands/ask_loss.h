/* SPDX-License-Identifier: PostgreSQL */
/* What only one server has: what its removal loses, and what cannot be served while it is down. */
#ifndef LABCTL_CLI_ASK_LOSS_H
#define LABCTL_CLI_ASK_LOSS_H

#include "ask_roles.h"

/*
 * Asks the other servers what only @o->gone has; sets .lose and .loss. FAIL_CONFLICT, unless @force, if that is something that cannot be
 * moved away, because its server does not answer, or if nobody can say it.
 */
int ask_loss(struct cli *c, struct runtime *rt, const struct lab *has, bool force, const struct facts *facts, struct node_remove *o,
	     struct fail *e);

/*
 * A sentence about what cannot be served without @down, of @asked, which is not up; in c->arena. NULL = its role has nothing of
 * its own. Asks another server.
 */
const char *ask_unserved(struct cli *c, struct runtime *rt, const struct asked *asked, unsigned count, const struct asked *down);

#endif
