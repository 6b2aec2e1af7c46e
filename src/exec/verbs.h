/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the verbs share among themselves and with world.c; nobody outside exec/ includes this.
 * One function per verb (plan/step.h), the table is in verbs.c.
 */
#ifndef LABCTL_EXEC_VERBS_H
#define LABCTL_EXEC_VERBS_H

#include "world.h"

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

/* --- world.c, world_image.c --- */


/* Arguments of ssh_open() for a node, in @a. FAIL_NOT_FOUND when the lab's record has no host key of it. */
int world_target(struct world *w, const struct node *n, const atomic_bool *cancel, struct arena *a,
		 struct ssh_target *ret_target, struct fail *e);
/* Where the pinned key is, when @e says that the node showed another one. */
void world_explain_key(struct world *w, const struct node *n, struct fail *e);
/* How long one attempt to log in may take, by hypervisor, ms. */
/* The place of the node's session, its owner's until world_ssh_done(); *place may be NULL: not connected. */
int world_place(struct world *w, const struct node *n, int64_t deadline_ms, struct ssh ***ret_place, struct fail *e);
/* Did this process start the domain? (What is ready at once was not necessarily up before.) */
void world_started(struct world *w, const struct node *n);
bool world_was_started(struct world *w, const struct node *n);

/*
 * The lab's image (name NULL) or another one, looked up once; built when missing and @build. The first image of a lab
 * is noted in its record, so that all its nodes have the same and a later `create` need not ask for apt's sources.
 */
int world_image(struct world *w, const char *name, bool build, struct run *r, struct image *ret_image, bool *ret_built,
		struct fail *e);
/* Archive of the built software: fetched and built when missing. Its name without ".tar" is its key. */
int world_software(struct world *w, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e);
/* Guards what several verbs make together (the export root). */
void world_lock(struct world *w);
void world_unlock(struct world *w);

/* --- world_text.c --- */

/* Overwrites every known secret in @text with '*'. For what goes into notes, failures and the journal. */
void world_redact(struct world *w, char *text);
void world_redact_fail(struct world *w, struct fail *e);
/* Values that scripts tell each other through the run: the greatest told under a name is kept; 0 when none was. */
void world_tell(struct world *w, const char *name, unsigned long long value);
unsigned long long world_value(struct world *w, const char *name);

/* Visits the secrets read so far. */
void world_each_secret(struct world *w, void (*each)(void *ctx, const char *value), void *ctx);

/* --- verbs.c --- */

static inline struct world *world_of(struct run *r)
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
void nfs_of(struct world *w, struct arena *a, struct nfs_lab *ret_nfs);
/* Name of the lab's network: of the step, else of the XML. */
int network_name(struct run *r, const char *xml, struct arena *a, const char **ret_name, struct fail *e);

/* --- verbs_script.c --- */

/* Run a script for `bash -s` on the step's node and read its ::lines; secrets are resolved here. */
int run_script(struct run *r, const char *script, const char *log, bool *ret_changed, bool *ret_needed, struct fail *e);

#endif
