/* SPDX-License-Identifier: PostgreSQL */
/* What sql_blocks.c needs of sql.c beyond sql.h; private to link/. */
#ifndef LABCTL_LINK_SQL_SESSION_H
#define LABCTL_LINK_SQL_SESSION_H

#include "sql.h"

/*
 * After a failure: leave a transaction that a batch left open, and connect again (with the old parameters)
 * when the connection is gone. Nothing to do is success. FAIL_DB, FAIL_TIMEOUT, FAIL_CANCELED.
 */
int sql_restore(struct sql *c, int64_t deadline_ms, struct fail *e);

/* "node node3 (10.88.1.13:5432)", for failures. Owned by @c. */
const char *sql_name(const struct sql *c);

/* For pauses between tries. */
bool sql_canceled(const struct sql *c);

#endif
