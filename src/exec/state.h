/* SPDX-License-Identifier: PostgreSQL */
/* The record of a lab: directory, saved lab file, lock, keys, secrets, known labs. */
#ifndef LABCTL_EXEC_STATE_H
#define LABCTL_EXEC_STATE_H

#include "lab.h"
#include "paths.h"
#include "strbuf.h"

/* One writer per lab: waits until the deadline, then FAIL_CONFLICT that says who holds it. */
int state_lock(const struct paths *p, const char *command, int64_t deadline_ms, int *ret_fd, struct fail *e);
/* Under the lock: takes away what state_lock() made where no lab came of it, lock included. A lab stays as it is. */
void state_drop_empty(const struct paths *p);
/* Key pair, host keys, known_hosts, secrets, lab.yaml: made when missing, kept when there. All 0600. */
int state_prepare(const struct paths *p, const struct lab *lab, bool *ret_changed, struct fail *e);
/*
 * Puts the lab's id on it: the record's; that of the name alone where the record is older than ids; else what the state
 * directory and the name give, so that a lab whose record is lost is found again from its own state directory only.
 */
int state_identify(const struct paths *p, struct lab *lab, struct fail *e);
/* Save the resolved lab (lab_print) and its id, each atomically. */
int state_save(const struct paths *p, const struct lab *lab, bool *ret_changed, struct fail *e);
int state_remove(const struct paths *p, struct fail *e);
/* Names of the labs that have a record, sorted; NULL-terminated. */
int state_labs(const char *state_dir, struct arena *a, const char *const **ret_names, struct fail *e);
/* A new value for a secret, whatever it was. */
int state_renew_secret(const struct paths *p, const char *name, struct fail *e);
int state_secret(const struct paths *p, const char *name, char ret[64], struct fail *e);

/* Warnings of the last bootstrap, "node3 node4: TEXT" per line; none = an empty text: part of the lab's record. */
int state_put_warnings(const struct paths *p, const char *lines, struct fail *e);
int state_warnings(const struct paths *p, struct strbuf *out, struct fail *e);

#endif
