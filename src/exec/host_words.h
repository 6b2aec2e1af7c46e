/* SPDX-License-Identifier: PostgreSQL */
/*
 * What labctl and `labctl host-run` on another host say to each other: a JSON object per line. First test to read: tests/exec/test_hosts.c.
 *
 *   to the host                                        from the host
 *   {"hello": VERSION, "data", "host", "lab", "uuid",  {"hello": VERSION, "exports": DIRECTORY of the nodes' data}
 *    "record", "master"}                               or {"fail": FAIL}, the end
 *   {"ask": N, "keep": {FILE: TEXT}}                   {"answer": N} or {"answer": N, "fail": FAIL}
 *   {"ask": N, "run": VERB, "id", "node", "subject",   {"about": N, "said"|"noted": TEXT}...
 *    "timeout_ms"}                                     {"answer": N, "state", "warnings", "fail"}
 *   {"ask": N, "facts": true}                          {"answer": N, "domains", "networks"}
 *   {"ask": N, "domain": NAME}                         {"answer": N, "state", "active", "stalled"}
 *   {"ask": N, "console": NODE}                        {"answer": N, "screen", "log"}
 *   {"ask": N, "evidence": NODE, "since_ms", "ended"}  {"answer": N, "text"}
 *   {"ask": N, "printed": NODE, "from", "max"}         {"answer": N, "text", "size", "changed_ms"}: of the console's file
 *   {"ask": N, "usage": [DOMAIN...]}                   {"answer": N, "used": [...]}
 *   {"ask": N, "objects": true}                        {"answer": N, "objects": [{"name", "state", "xml"}...]}
 *   {"ask": N, "faults": true}                         {"answer": N, "held": [ID...]}
 *   {"ask": N, "snapshot": NAME}                       {"answer": N, "manifest": TEXT}
 *   {"ask": N, "image": NAME, "digest"}                {"answer": N} if it is there; else {"answer": N, "put": DIRECTORY},
 *   {"ask": N, "placed": NAME, "digest"}               where ssh then unpacks it; {"answer": N}
 *   {"cancel": true}                                   nothing
 *
 * Private keys are in "keep" only: never in arguments, never in a log. Plans are not sent: a step on another host is a verb, a node
 * of the record that both have, and a subject.
 */
#ifndef LABCTL_EXEC_HOST_WORDS_H
#define LABCTL_EXEC_HOST_WORDS_H

#include <jansson.h>

#include "auto.h"
#include "executor.h"
#include "facts.h"
#include "library.h"

struct virt_usage;

DEFINE_AUTO(json_t *, json_decref)

/* The program and its data files (library_digest()) must be the same on both sides. */
extern const char host_version[];

json_t *host_fail_json(const struct fail *e);
/* Sets @e; a failure without words becomes FAIL_OTHER. Returns -1. */
int host_fail_read(const json_t *o, struct fail *e);

void host_facts_json(const struct facts *f, json_t *o);
/* Appends those of host number @host, in @a. */
void host_facts_read(const json_t *o, unsigned host, struct arena *a, struct facts *f);

json_t *host_usage_json(const struct virt_usage *u);
void host_usage_read(const json_t *o, struct virt_usage *u); /* not known without @o */

/* STEP_FAILED if there is no such word. */
enum step_state host_state_read(const char *word);
enum verb host_verb_read(const char *name); /* VERB_COUNT = none */

#endif
