/* SPDX-License-Identifier: PostgreSQL */
/* Private to plan_snapshot*.c. Snapshots of machines that run: the lab stands still, and goes on from what was saved. */
#ifndef LABCTL_PLAN_SNAPSHOT_LIVE_H
#define LABCTL_PLAN_SNAPSHOT_LIVE_H

#include "plan_build.h"

/* Steps "WHAT/NODE" and "WHAT" about the snapshot @name. */
struct step *snapshot_add_node(struct plan *p, enum verb verb, unsigned i, const char *name, const char *title);
struct step *snapshot_add(struct plan *p, enum verb verb, const char *name, const char *title);

/* Up to the copies: "snapshot.copy/NODE" are the last steps that read what the nodes have. */
void snapshot_add_freeze(struct plan *p, const struct snapshot_plan *o);
/*
 * Lets all nodes go on, after the step @after: network and NFS server, memory, processors. @anyway: also if steps before it failed.
 * @record: the verb that is told when all have their memory, before the first one runs; VERB_JOIN = none. "node.resume/NODE" are
 * the last steps.
 */
void snapshot_add_thaw(struct plan *p, const struct snapshot_plan *o, const char *after, bool anyway, enum verb record);
/* The nodes' clocks, and the checks of a start. */
int snapshot_add_checks(struct plan *p, const struct library *lib, const struct snapshot_plan *o, struct fail *e);

#endif
