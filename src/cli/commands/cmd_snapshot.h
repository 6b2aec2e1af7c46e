/* SPDX-License-Identifier: PostgreSQL */
/* Shared by the actions of `labctl snapshot`. */
#ifndef LABCTL_CLI_CMD_SNAPSHOT_H
#define LABCTL_CLI_CMD_SNAPSHOT_H

#include "cli.h"
#include "snapshots.h"

/* FAIL_USAGE if @name cannot be the name of a snapshot. */
int snapshot_check_name(const char *name, struct fail *e);
void complete_snapshots(struct completion *to);
void complete_all_snapshots(struct completion *to); /* "LAB@SNAPSHOT" */
/* `create --from`: the lab that -l names, of another lab's snapshot. */
int create_from(struct cli *c, struct fail *e);
/*
 * `create --warm` of @lab, as it will be: if it exists, is off and has live snapshots that equal it, restores the newest one. Else says
 * why not and changes nothing.
 */
int create_warm(struct cli *c, const struct lab *lab, bool *ret_restored, struct fail *e);
/* `snapshot restore @name` as a part of @c. */
int snapshot_restore_part(struct cli *c, const char *lab, const char *name, struct fail *e);
/* All nodes, and all servers if the lab has a cluster; @said repeats the command. */
int snapshot_choice(struct cli *c, const struct lab *lab, bool cluster, const char *said, struct choice *ret, struct fail *e);
/* FAIL_CONFLICT if faults are in force. */
int snapshot_check_faults(struct cli *c, const struct lab *lab, struct runtime *rt, const struct facts *facts, struct fail *e);
/*
 * Is there room in the directory @to for a copy of @bytes from the directory @from, and @memory_bytes that share nothing? Says what
 * is needed. FAIL_HOST if it is short.
 */
int snapshot_check_space(struct cli *c, const char *lab, const char *from, const char *to, uint64_t bytes, uint64_t memory_bytes,
			 struct fail *e);

#endif
