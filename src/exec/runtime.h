/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a running command shares: its lab, its library, its paths, libvirt, and the parts with headers of their own
 * (sessions.h, secrets.h, outputs.h, images.h). It connects plan/ and link/. Any thread.
 */
#ifndef LABCTL_EXEC_RUNTIME_H
#define LABCTL_EXEC_RUNTIME_H

#include <stdatomic.h>

#include "executor.h"
#include "facts.h"
#include "library.h"
#include "paths.h"

struct fault;
struct hosts;
struct runtime;
struct sql;
struct virt;
struct virt_usage;

struct runtime_options {
	const char *state_dir, *cache_dir;  /* absolute */
	const char *connect_uri;            /* NULL = by hypervisor */
	unsigned host;                      /* which one of the lab's hosts this is: 0, except in `labctl host-run` */
	const struct library *lib;
	atomic_bool *cancel;
	/* Finds a file that has the archive of @url; NULL = no search. Any thread. */
	bool (*find_source)(void *ctx, const char *url, struct arena *a, const char **ret_path); void *ctx;
};

/* Cheap: opens connections only when they are first needed. @lab is borrowed and may be NULL (list, doctor). */
int runtime_open(const struct lab *lab, const struct runtime_options *o, struct runtime **ret_runtime, struct fail *e);
void runtime_close(struct runtime *rt);
DEFINE_AUTO(struct runtime *, runtime_close)

const struct paths *runtime_paths(const struct runtime *rt);
const struct lab *runtime_lab(const struct runtime *rt);
const struct library *runtime_library(const struct runtime *rt);
struct sessions *runtime_sessions(struct runtime *rt);
struct secrets *runtime_secrets(struct runtime *rt);
struct outputs *runtime_outputs(struct runtime *rt);
struct images *runtime_images(struct runtime *rt);
struct hosts *runtime_hosts(struct runtime *rt);
unsigned runtime_host(const struct runtime *rt); /* .host of its options */

int runtime_virt(struct runtime *rt, struct virt **ret_virt, struct fail *e);      /* opened once, thread-safe */
/* Of all hosts of the lab; one that does not answer is no failure, but in .silent. */
int runtime_facts(struct runtime *rt, struct arena *a, struct facts *ret, struct fail *e);
int runtime_own_facts(struct runtime *rt, struct arena *a, struct facts *ret, struct fail *e); /* of this host */
/*
 * What nodes use, as virt_usage(), on their hosts. Fails if libvirt of this host does; another one that does not answer is in @silent, the
 * first one, which may be NULL.
 */
int runtime_usage(struct runtime *rt, const struct node *const *nodes, unsigned count, struct virt_usage *ret, struct fail *silent, struct fail *e);
/* Which of the faults of links, data directories and space are in force on that host? */
int runtime_faults_held(struct runtime *rt, unsigned host, const struct fault *faults, unsigned count, bool *ret, struct fail *e);
/* State of the node's domain, on its host: as virt_domain_state() and virt_domain_stalled(); "unknown" and active if libvirt does not answer. */
const char *runtime_state(struct runtime *rt, const struct node *n, bool *ret_active, bool *ret_stalled);
/* True if libvirt says that the node is not running; *ret_state is its state then. False also if libvirt does not answer. */
bool runtime_is_off(struct runtime *rt, const struct node *n, const char **ret_state);
/* @database NULL = the kind's. */
int runtime_sql(struct runtime *rt, const struct node *n, unsigned port, const char *database, bool wait, int64_t deadline_ms,
		struct sql **ret, struct fail *e);
/* A session in the kind's database that an earlier step left, if it still works; else NULL. */
struct sql *runtime_sql_left(struct runtime *rt, const struct node *n, unsigned port);
void runtime_sql_leave(struct runtime *rt, const struct node *n, unsigned port, struct sql *sql);
/* Replaces the placeholders of secrets and outputs (payload.h); result in @out. */
int runtime_resolve(struct runtime *rt, const char *text, struct strbuf *out, struct fail *e);
/* Guards what several verbs create (the export root). */
void runtime_lock(struct runtime *rt);
void runtime_unlock(struct runtime *rt);

/*
 * Leases the lab's subnet (or finds its lease), sets it in @lab (lab_set_subnet), which must be the lab of @rt, and saves
 * it. Call it under state_lock(), before planning. FAIL_CONFLICT if the wanted subnet overlaps another one.
 */
int runtime_lease(struct runtime *rt, struct lab *lab, struct fail *e);

#endif
