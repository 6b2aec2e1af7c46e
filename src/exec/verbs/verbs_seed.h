/* SPDX-License-Identifier: PostgreSQL */
/* Delivers seeds to nodes; private to src/exec/verbs. */
#ifndef LABCTL_EXEC_VERBS_SEED_H
#define LABCTL_EXEC_VERBS_SEED_H

#include "payload.h"
#include "verb.h"

/* Makes the files of a node's seed, with the keys of the lab's record, in @a. */
int seed_of(struct runtime *rt, const struct node *n, struct arena *a, const struct payload_file **ret_files,
	    unsigned *ret_count, struct fail *e);
/* Writes nodes/NODE/seed.img, 0600, if its contents change; *ret_changed says whether. */
int seed_write_tar(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e);
/* Writes nodes/NODE/seed.iso, 0600, for lab_uses_cloud_init(). */
int seed_write_iso(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e);
/* Writes the same files into the mounted root of a container; its symlinks cannot lead outside. */
int seed_write_root(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e);

/* --- verbs_cloud.c: nodes that boot a user-supplied disk --- */

/* Why the node will never come up, by the last lines of its console: a sentence, or NULL. */
const char *cloud_hopeless(const char *screen);
/* Why a running system may refuse logins, by the same lines, or NULL. */
const char *cloud_hint(const char *screen);
/* Waits until cloud-init has finished; fails if it reports errors. */
int cloud_wait(struct run *r, struct ssh *s, struct fail *e);

#endif
