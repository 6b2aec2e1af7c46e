/* SPDX-License-Identifier: PostgreSQL */
/*
 * The differences between an existing lab and its lab file. Keys are compared as lab_print() prints them, so that a new
 * key of the lab file needs no line here. A change of a key that lab_change.c does not list as applied is refused.
 * First test to read: tests/unit/test_change.c.
 */
#ifndef LABCTL_MODEL_LAB_CHANGE_H
#define LABCTL_MODEL_LAB_CHANGE_H

#include "lab.h"

struct lab_change {
	const char *key;         /* "cluster.settings.primary.work_mem", "nodes[node2].memory" */
	const char *has, *wanted; /* NULL = not set */
	bool refused;            /* cannot change on an existing lab */
};

/*
 * Copies into @wanted what its file does not set and @has has: hypervisor, subnet, source archive and users, or the whole
 * cluster when the file names none. May free *wanted and replace it. @state_dir as in struct lab_options.
 */
int lab_keep(const struct lab *has, struct lab **wanted, const char *state_dir, struct fail *e);

/*
 * All differences in the order of the lab file, allocated in @a; *ret_count is 0 when there are none. @bootstrapped: the
 * nodes have the cluster, so its ports, directories, names, roles... cannot change; before that all of `cluster:` can. Pure.
 */
void lab_changes(const struct lab *has, const struct lab *wanted, bool bootstrapped, struct arena *a,
		 struct lab_change **ret, unsigned *ret_count);

/* FAIL_CONFLICT that lists the refused ones of @changes, "KEY has X, wanted Y"; 0 when none is refused. */
int lab_changes_check(const struct lab *has, const char *file, const struct lab_change *changes, unsigned count,
		      struct fail *e);

/* "KEY has X, wanted Y" */
void lab_change_text(const struct lab_change *c, struct strbuf *out);

#endif
