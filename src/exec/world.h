/* SPDX-License-Identifier: PostgreSQL */
/*
 * Everything a verb may touch: lab, library, paths, libvirt, SSH sessions (one per node, kept),
 * secrets. The place where plan/ and link/ meet; verbs.c is the table.
 */
#ifndef LABCTL_EXEC_WORLD_H
#define LABCTL_EXEC_WORLD_H

#include <stdatomic.h>

#include "executor.h"
#include "image.h"
#include "library.h"
#include "nfs.h"
#include "paths.h"
#include "ssh.h"
#include "sql.h"
#include "virt.h"
#include "xml.h"

struct world;

struct world_options {
	const char *state_dir, *cache_dir;  /* absolute */
	const char *connect_uri;            /* NULL = by hypervisor */
	const struct library *lib;
	atomic_bool *cancel;
};

/* Cheap: connects to nothing until asked. @lab is borrowed and may be NULL (list, doctor). */
int world_open(const struct lab *lab, const struct world_options *o, struct world **ret_world, struct fail *e);
void world_close(struct world *w);
DEFINE_AUTO(struct world *, world_close)

const struct paths *world_paths(const struct world *w);
const struct lab *world_lab(const struct world *w);
const struct library *world_library(const struct world *w);
int world_virt(struct world *w, struct virt **ret_virt, struct fail *e);      /* opened once, thread-safe */
/* Does its machine not run, as libvirt knows at once? *ret_state says how. False when libvirt cannot be asked. */
bool world_is_off(struct world *w, const struct node *n, const char **ret_state);
/* The node's kept session, opened when needed; give it back with world_ssh_done(). One user at a time: others wait. */
int world_ssh(struct world *w, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e);
/* The same with another limit for the login than what the hypervisor usually needs: for a second try on a busy host. */
int world_ssh_within(struct world *w, const struct node *n, int64_t login_ms, int64_t deadline_ms, struct ssh **ret_ssh,
		     struct fail *e);
int world_try_ms(const struct world *w); /* how long a login usually takes at most */
void world_ssh_done(struct world *w, const struct node *n, bool broken);
/* @database NULL = the kind's. */
int world_sql(struct world *w, const struct node *n, unsigned port, const char *database, bool wait, int64_t deadline_ms,
	      struct sql **ret, struct fail *e);
/* Replace secret placeholders (payload.h); result in @out. */
int world_resolve(struct world *w, const char *text, struct strbuf *out, struct fail *e);
int world_secret(struct world *w, const char *name, char ret[64], struct fail *e);
int world_facts(struct world *w, struct arena *a, struct facts *ret, struct fail *e);

/*
 * Take (or find again) the lab's subnet, put it on @lab (lab_set_subnet), which must be the lab of this world, and save it.
 * Call it under state_lock(), before planning. FAIL_CONFLICT when the wanted subnet overlaps something.
 */
int world_lease(struct world *w, struct lab *lab, struct fail *e);

extern const verb_fn verbs[VERB_COUNT];

#endif
