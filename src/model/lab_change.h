/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a lab file wants otherwise than a lab that exists has it. Keys are compared as lab_print() prints them, so that a
 * new key of the lab file is compared without a line here; whatever lab_change.c does not list as applied is refused.
 * First test to read: tests/unit/test_change.c.
 */
#ifndef LABCTL_MODEL_LAB_CHANGE_H
#define LABCTL_MODEL_LAB_CHANGE_H

#include "lab.h"

struct lab_change {
	const char *key;         /* "cluster.settings.primary.work_mem", "nodes[node2].memory" */
	const char *has, *wanted; /* NULL = not set */
	bool refused;            /* it cannot change on a lab that exists */
};

/*
 * What @wanted leaves open is as @has has it: hypervisor, subnet, source archive, and the whole cluster where the lab
 * file names none. *wanted may be replaced by another lab. @state_dir as in struct lab_options.
 */
int lab_keep(const struct lab *has, struct lab **wanted, const char *state_dir, struct fail *e);

/*
 * Every difference, in the order of the lab file, in @a; none = *ret_count is 0. @bootstrapped: nodes have the cluster,
 * so that its ports, directories, names, roles... stay; before that all of `cluster:` may change. Pure.
 */
void lab_changes(const struct lab *has, const struct lab *wanted, bool bootstrapped, struct arena *a,
		 struct lab_change **ret, unsigned *ret_count);

/* FAIL_CONFLICT that names every refused one of @changes: "KEY has X, wanted Y"; 0 when there is none. */
int lab_changes_check(const struct lab *has, const char *file, const struct lab_change *changes, unsigned count,
		      struct fail *e);

/* "KEY has X, wanted Y" */
void lab_change_text(const struct lab_change *c, struct strbuf *out);

#endif
