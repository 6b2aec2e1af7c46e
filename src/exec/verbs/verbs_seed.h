/* SPDX-License-Identifier: PostgreSQL */
/* Seeds on their way to the node; inside exec/ only. */
#ifndef LABCTL_EXEC_VERBS_SEED_H
#define LABCTL_EXEC_VERBS_SEED_H

#include "payload.h"
#include "verb.h"

/* The files of a node's seed with the keys of the lab's record, in @a. */
int seed_of(struct runtime *rt, const struct node *n, struct arena *a, const struct payload_file **ret_files,
	    unsigned *ret_count, struct fail *e);
/* nodes/NODE/seed.tar, 0600. Sets *ret_changed when it was written; leaves it alone otherwise. */
int seed_write_tar(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e);
/* nodes/NODE/seed.iso, 0600, for lab_uses_cloud_init(). */
int seed_write_iso(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e);
/* The same files into the mounted root of a container, never following its symlinks out of it. */
int seed_write_root(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e);

/* --- verbs_cloud.c: nodes that boot by themselves --- */

/* What their console says when nothing will come of it any more: a sentence, or NULL. */
const char *cloud_hopeless(const char *console_log);
/* What the console says of a system that is up and lets nobody in, or NULL. */
const char *cloud_hint(const char *console_log);
/* Wait until cloud-init has finished; its errors are ours. */
int cloud_wait(struct run *r, struct ssh *s, struct fail *e);

#endif
