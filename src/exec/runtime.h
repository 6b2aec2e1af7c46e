/* SPDX-License-Identifier: PostgreSQL */
/*
 * Everything a verb may touch: lab, library, paths, libvirt, SSH sessions (one per node, kept),
 * secrets. The place where plan/ and link/ meet; verbs.c is the table.
 */
#ifndef LABCTL_EXEC_RUNTIME_H
#define LABCTL_EXEC_RUNTIME_H

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

struct runtime;

struct runtime_options {
	const char *state_dir, *cache_dir;  /* absolute */
	const char *connect_uri;            /* NULL = by hypervisor */
	const struct library *lib;
	atomic_bool *cancel;
};

/* Cheap: connects to nothing until asked. @lab is borrowed and may be NULL (list, doctor). */
int runtime_open(const struct lab *lab, const struct runtime_options *o, struct runtime **ret_runtime, struct fail *e);
void runtime_close(struct runtime *rt);
DEFINE_AUTO(struct runtime *, runtime_close)

const struct paths *runtime_paths(const struct runtime *rt);
const struct lab *runtime_lab(const struct runtime *rt);
const struct library *runtime_library(const struct runtime *rt);
int runtime_virt(struct runtime *rt, struct virt **ret_virt, struct fail *e);      /* opened once, thread-safe */
/* Does its machine not run, as libvirt knows at once? *ret_state says how. False when libvirt cannot be asked. */
bool runtime_is_off(struct runtime *rt, const struct node *n, const char **ret_state);
/* The node's kept session, opened when needed; give it back with runtime_ssh_done(). One user at a time: others wait. */
int runtime_ssh(struct runtime *rt, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e);
/* The same with another limit for the login than what the hypervisor usually needs: for a second try on a busy host. */
int runtime_ssh_within(struct runtime *rt, const struct node *n, int64_t login_ms, int64_t deadline_ms, struct ssh **ret_ssh,
		       struct fail *e);
int runtime_try_ms(const struct runtime *rt); /* how long a login usually takes at most */
void runtime_ssh_done(struct runtime *rt, const struct node *n, bool broken);
/* @database NULL = the kind's. */
int runtime_sql(struct runtime *rt, const struct node *n, unsigned port, const char *database, bool wait, int64_t deadline_ms,
		struct sql **ret, struct fail *e);
/* Replace secret placeholders (payload.h); result in @out. */
int runtime_resolve(struct runtime *rt, const char *text, struct strbuf *out, struct fail *e);
int runtime_secret(struct runtime *rt, const char *name, char ret[64], struct fail *e);
int runtime_facts(struct runtime *rt, struct arena *a, struct facts *ret, struct fail *e);

/*
 * Take (or find again) the lab's subnet, put it on @lab (lab_set_subnet), which must be the lab of @rt, and save it.
 * Call it under state_lock(), before planning. FAIL_CONFLICT when the wanted subnet overlaps something.
 */
int runtime_lease(struct runtime *rt, struct lab *lab, struct fail *e);

extern const verb_fn verbs[VERB_COUNT];

#endif
