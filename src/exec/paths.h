/* SPDX-License-Identifier: PostgreSQL */
/*
 * Where things are on the host. STATE = $LABCTL_STATE or /var/lib/labctl, CACHE = $LABCTL_CACHE or /var/cache/labctl.
 *   STATE/lock  STATE/leases/  STATE/labs/NAME/{id,lab.yaml,bootstrapped,changing,protected,expires,faults.json,lock,journal.jsonl,id_ed25519,id_ed25519.pub,known_hosts,
 *     secrets/NAME,nodes/NODE/{host_key,host_key.pub,disk.qcow2,seed.img,console.log,upper,work,root},data/NODE,ganesha.*,
 *     bench,scenario.load}
 *   STATE/sources/DIGEST12-FILE (pins.h)
 *   CACHE/images/  CACHE/builds/  CACHE/downloads/  CACHE/log/  CACHE/users/ (the state directories that use this cache)
 */
#ifndef LABCTL_EXEC_PATHS_H
#define LABCTL_EXEC_PATHS_H

#include "arena.h"
#include "lab.h"

struct paths {
	const char *state, *cache;
	const char *lab;        /* STATE/labs/NAME */
	const char *lab_file;   /* the saved, resolved lab */
	const char *bootstrapped; /* an empty file, made before the first bootstrap changes any node */
	const char *id;         /* the lab's UUID: state_identify() */
	const char *lock, *journal, *key, *key_pub, *known_hosts, *secrets;
};

/* Allocates all paths in @a. With @lab_name NULL only state and cache are set. */
void paths_init(struct paths *p, const char *state, const char *cache, const char *lab_name, struct arena *a);
/* STATE/labs/NAME/nodes/NODE[/@file] */
const char *paths_node(const struct paths *p, const char *node, const char *file, struct arena *a);

#endif
