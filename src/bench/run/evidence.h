/* SPDX-License-Identifier: PostgreSQL */
/* What a run was measured on: host, nodes, lab. Texts by section and key, so that two runs can be compared line by line. */
#ifndef LABCTL_BENCH_EVIDENCE_H
#define LABCTL_BENCH_EVIDENCE_H

#include <jansson.h>

#include "runtime.h"

/* Adds the sections "host", "lab" and one per node. What cannot be found out is left out. FAIL_SSH... if a node does not answer. */
int evidence_collect(struct runtime *rt, const char *labctl_version, json_t *evidence, struct fail *e);
/*
 * True if all nodes together may use more processor time than the host has: their cores, or their quotas if those are less. A client on
 * the host needs a quarter of it.
 */
bool evidence_shared_host(const struct lab *lab, bool client_on_host);

#endif
