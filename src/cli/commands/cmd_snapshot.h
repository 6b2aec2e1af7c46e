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
/* Shows what snapshot_room_to_save() and snapshot_room_to_copy() say. */
void snapshot_say_room(const struct cli *c, const char *lines);
/* False and FAIL_SSH if a host of the lab does not answer. */
bool snapshot_heard_all(const struct lab *lab, const struct facts *facts, struct fail *e);

#endif
