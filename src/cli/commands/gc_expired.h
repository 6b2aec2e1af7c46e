/* SPDX-License-Identifier: PostgreSQL */
/* Labs with a lifetime (exec/lifetime.h), for commands that show or end it. */
#ifndef LABCTL_CLI_COMMANDS_GC_EXPIRED_H
#define LABCTL_CLI_COMMANDS_GC_EXPIRED_H

#include "cli.h"

/* `labctl gc --expired`: one line per lab that it removed or left. Fails as the first removal that failed. */
int gc_expired(struct cli *c, struct fail *e);
/* cmd_lab.c: destroys the lab if its lifetime is over; else FAIL_CONFLICT. Does not ask. */
int lab_destroy_expired(struct cli *c, const char *lab, struct fail *e);
/* "in 7h 59m", "over since 3m"; NULL = the lab lives until it is destroyed. "unknown" if its file is damaged. */
const char *lab_expires(struct cli *c, const char *lab);
/* Does a lab of this state directory end by itself, and when did labctl last write down what is left (seconds ago, -1 = unknown)? */
bool labs_expire(struct cli *c, int64_t *ret_seen_s);

#endif
