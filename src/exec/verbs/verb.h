/* SPDX-License-Identifier: PostgreSQL */
/*
 * Private to src/exec/verbs: what the verbs share. One function per verb (plan/step.h); the table is in verbs.c.
 */
#ifndef LABCTL_EXEC_VERB_H
#define LABCTL_EXEC_VERB_H

#include "images.h"
#include "nfs.h"
#include "outputs.h"
#include "runtime.h"
#include "secrets.h"
#include "sessions.h"
#include "sql.h"
#include "virt.h"
#include "xml.h"

#define VERB_FN(name) int name(struct run *r, enum step_state *ret_state, struct fail *e)

/* One function per row of VERBS (plan/step.h). */
#define VERB_PROTOTYPE(id, function, name, timeout, needs, text) VERB_FN(verb_##function);
VERBS(VERB_PROTOTYPE)
#undef VERB_PROTOTYPE

/* --- verbs.c --- */

static inline struct runtime *runtime_of(struct run *r)
{
	return run_context(r);
}

static inline enum step_state state_of(bool changed)
{
	return changed ? STEP_DONE : STEP_UNCHANGED;
}

/* --- verbs_host.c --- */

#define DATA_MARKER ".labctl-id"       /* in a data directory: "LAB_UUID NODE" */
#define DATA_ROOT_MARKER ".labctl-root" /* in a directory of data directories that labctl made: "LAB_UUID TOPMOST" */

/* The topmost directory on @path that does not exist. */
const char *topmost_missing(const char *path, struct arena *a);
/* The temporary name of a directory of data directories: until its marker is written, and again while it is removed. */
const char *data_root_aside(const char *topmost, const struct lab *lab, struct arena *a);
/* Names beside a data directory: the data of a snapshot that will replace it, and what it was before, until it is removed. */
const char *data_coming(const struct node *n, struct arena *a);
const char *data_going(const struct node *n, struct arena *a);
/* Removes temporary files of this marker, left by a labctl that was killed while it wrote the marker. */
void drop_torn_marks(const char *dir, const char *marker);

/* NFS parameters of the lab on this host, in @a. */
void nfs_of(struct runtime *rt, struct arena *a, struct nfs_lab *ret_nfs);
/* Name of the device that joins the lab's bridges on several hosts. */
const char *vxlan_device(const struct lab *lab, struct arena *a);
/* Name of the lab's network: from the step, else from the XML. */
int network_name(struct run *r, const char *xml, struct arena *a, const char **ret_name, struct fail *e);

/* --- verbs_script.c --- */

/* Runs a script with `bash -s` on the step's node and reads its ::lines. Replaces the placeholders of secrets. */
int run_script(struct run *r, const char *script, const char *log, bool *ret_changed, bool *ret_needed, struct fail *e);

#endif
