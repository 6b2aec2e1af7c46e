/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the verbs share among themselves and with runtime.c; nobody outside exec/ includes this.
 * One function per verb (plan/step.h), the table is in verbs.c.
 */
#ifndef LABCTL_EXEC_VERBS_H
#define LABCTL_EXEC_VERBS_H

#include "runtime.h"

#define VERB_FN(name) int name(struct run *r, enum step_state *ret_state, struct fail *e)

VERB_FN(verb_join);
VERB_FN(verb_lab_prepare);
VERB_FN(verb_lab_record);
VERB_FN(verb_lab_files);
VERB_FN(verb_image_build);
VERB_FN(verb_net_create);
VERB_FN(verb_data_create);
VERB_FN(verb_nfs_serve);
VERB_FN(verb_node_disk);
VERB_FN(verb_node_start);
VERB_FN(verb_node_ready);
VERB_FN(verb_node_script);
VERB_FN(verb_node_sql);
VERB_FN(verb_source_build);
VERB_FN(verb_source_install);
VERB_FN(verb_node_stop);
VERB_FN(verb_node_remove);
VERB_FN(verb_nfs_stop);
VERB_FN(verb_net_remove);
VERB_FN(verb_data_remove);
VERB_FN(verb_lab_remove);

/* --- runtime.c, runtime_image.c --- */


/* Arguments of ssh_open() for a node, in @a. FAIL_NOT_FOUND when the lab's record has no host key of it. */
int runtime_target(struct runtime *rt, const struct node *n, const atomic_bool *cancel, struct arena *a,
		   struct ssh_target *ret_target, struct fail *e);
/* Where the pinned key is, when @e says that the node showed another one. */
void runtime_explain_key(struct runtime *rt, const struct node *n, struct fail *e);
/* How long one attempt to log in may take, by hypervisor, ms. */
/* The place of the node's session, its owner's until runtime_ssh_done(); *place may be NULL: not connected. */
int runtime_place(struct runtime *rt, const struct node *n, int64_t deadline_ms, struct ssh ***ret_place, struct fail *e);
/* Did this process start the domain? (What is ready at once was not necessarily up before.) */
void runtime_started(struct runtime *rt, const struct node *n);
bool runtime_was_started(struct runtime *rt, const struct node *n);

/*
 * The lab's image (name NULL) or another one, looked up once; built when missing and @build. The first image of a lab
 * is noted in its record, so that all its nodes have the same and a later `create` need not ask for apt's sources.
 */
int runtime_image(struct runtime *rt, const char *name, bool build, struct run *r, struct image *ret_image, bool *ret_built,
		  struct fail *e);
/* Archive of the built software: fetched and built when missing. Its name without ".tar" is its key. */
int runtime_software(struct runtime *rt, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e);
/* Guards what several verbs make together (the export root). */
void runtime_lock(struct runtime *rt);
void runtime_unlock(struct runtime *rt);

/* --- runtime_text.c --- */

/* Overwrites every known secret in @text with '*'. For what goes into notes, failures and the journal. */
void runtime_redact(struct runtime *rt, char *text);
void runtime_redact_fail(struct runtime *rt, struct fail *e);
/* Values that scripts tell each other through the run: the greatest told under a name is kept; 0 when none was. */
void runtime_tell(struct runtime *rt, const char *name, unsigned long long value);
unsigned long long runtime_value(struct runtime *rt, const char *name);

/* Visits the secrets read so far. */
void runtime_each_secret(struct runtime *rt, void (*each)(void *ctx, const char *value), void *ctx);

/* --- verbs.c --- */

static inline struct runtime *runtime_of(struct run *r)
{
	return run_context(r);
}

static inline enum step_state state_of(bool changed)
{
	return changed ? STEP_DONE : STEP_UNCHANGED;
}

/* run_say() as a line callback; the context is the run. */
void say_line(void *run, const char *line);

/* --- verbs_host.c --- */

#define DATA_MARKER ".labctl-id"       /* in a data directory: "LAB_UUID NODE" */
#define DATA_ROOT_MARKER ".labctl-root" /* in a directory of data directories that labctl made: "LAB_UUID TOPMOST" */

/* The highest directory above (or at) @path that does not exist. */
const char *topmost_missing(const char *path, struct arena *a);
/* What a directory of data directories is called until its mark is in it, and again from when it goes. */
const char *data_root_aside(const char *topmost, const struct lab *lab, struct arena *a);
/* Takes away what a labctl that was killed while it wrote this mark left beside it. */
void drop_torn_marks(const char *dir, const char *marker);

/* NFS parameters of the lab, in @a. */
void nfs_of(struct runtime *rt, struct arena *a, struct nfs_lab *ret_nfs);
/* Name of the lab's network: of the step, else of the XML. */
int network_name(struct run *r, const char *xml, struct arena *a, const char **ret_name, struct fail *e);

/* --- verbs_script.c --- */

/* Run a script for `bash -s` on the step's node and read its ::lines; secrets are resolved here. */
int run_script(struct run *r, const char *script, const char *log, bool *ret_changed, bool *ret_needed, struct fail *e);

#endif
