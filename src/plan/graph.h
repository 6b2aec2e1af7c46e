/* SPDX-License-Identifier: PostgreSQL */
/*
 * A lab as a drawing: its host, network, nodes, roles, and who connects to whom. graph_json() says what is there
 * (docs/format/bench.md, "Topology"); the formats draw such a document, also one that another labctl recorded with a
 * benchmark. Pure; thread-safe.
 */
#ifndef LABCTL_PLAN_GRAPH_H
#define LABCTL_PLAN_GRAPH_H

#include <jansson.h>

#include "lab.h"
#include "strbuf.h"

/* A new reference. Addresses are missing while the lab has no subnet, roles and edges while it has no cluster. */
json_t *graph_json(const struct lab *lab);

#endif
