/* SPDX-License-Identifier: PostgreSQL */
/* The record of a lab: directory, saved lab file, lock, keys, secrets, known labs. */
#ifndef LABCTL_EXEC_STATE_H
#define LABCTL_EXEC_STATE_H

#include "lab.h"
#include "paths.h"
#include "strbuf.h"

/* Takes the lock of a lab (one writer). Waits until the deadline; then FAIL_CONFLICT names the process that holds it. */
int state_lock(const struct paths *p, const char *command, int64_t deadline_ms, int *ret_fd, struct fail *e);
/* Does a labctl hold the lock now? */
bool state_is_locked(const struct paths *p);
/* Under the lock: removes what state_lock() created, the lock included, if there is no lab. Leaves a lab as it is. */
void state_drop_empty(const struct paths *p);
/* Makes the key pair, host keys, known_hosts, and what state_save() writes; keeps those that exist. All 0600. */
int state_prepare(const struct paths *p, const struct lab *lab, bool *ret_changed, struct fail *e);
/*
 * Sets the lab's id: the recorded one; for a record older than ids, one derived from the name alone; else one derived from
 * the state directory and the name, so that a lab whose record is lost is found only from its own state directory.
 */
int state_identify(const struct paths *p, struct lab *lab, struct fail *e);
/* Saves the resolved lab (lab_print()), its id and missing secrets, each atomically; begins its lifetime (lifetime.h). */
int state_save(const struct paths *p, const struct lab *lab, bool *ret_changed, struct fail *e);
int state_remove(const struct paths *p, struct fail *e);
/* Is there a file @name in the directory of a node's server? It looks on the host, also while the machine is off. */
bool state_server_has(const struct lab *lab, const struct node *n, int role, const char *name);
/* A lab that `destroy` refuses: a file in its record. */
bool state_is_protected(const struct paths *p);
int state_protect(const struct paths *p, bool wanted, struct fail *e);
/* A change of a running cluster has begun and not ended: servers still restart one after the other. Also a file in the record. */
bool state_is_changing(const struct paths *p);
int state_set_changing(const struct paths *p, bool wanted, struct fail *e);
/* Names of the labs that have a record, sorted; NULL-terminated. */
int state_labs(const char *state_dir, struct arena *a, const char *const **ret_names, struct fail *e);
/* Replaces the value of a secret with a new random one. */
int state_renew_secret(const struct paths *p, const char *name, struct fail *e);
int state_secret(const struct paths *p, const char *name, char ret[64], struct fail *e);

/* Warnings of the last bootstrap, a part of the lab's record: "node3 node4: TEXT" per line; an empty text = none. */
int state_put_warnings(const struct paths *p, const char *lines, struct fail *e);
int state_warnings(const struct paths *p, struct strbuf *out, struct fail *e);

/* What a command began and has not ended, so that the same command can go on: a part of the record. */
#define UNFINISHED_ADD "joining"       /* names of the nodes that `node add` adds, "node4 node5" */
#define UNFINISHED_FAILOVER "failing"  /* name of the node from which another one takes over */
#define UNFINISHED_DESTROY "removing"  /* "destroy"; goes with the record */
#define UNFINISHED_COMMAND "unfinished" /* words of a command that leaves the cluster half changed until it ends, "switchover node3" */
int state_put_unfinished(const struct paths *p, const char *what, const char *names, struct fail *e); /* @names NULL: it has ended */
int state_unfinished(const struct paths *p, const char *what, struct strbuf *out, struct fail *e);     /* empty if there is none */

#endif
