/* SPDX-License-Identifier: PostgreSQL */
/*
 * A lab as a drawing: its host, network, nodes, roles, and who connects to whom. graph_json() says what is there
 * (docs/format/bench.md, "Topology"); the formats draw such a document, also one that another labctl recorded with a
 * benchmark: nothing in it is trusted. Pure; thread-safe.
 */
#ifndef LABCTL_PLAN_GRAPH_H
#define LABCTL_PLAN_GRAPH_H

#include <jansson.h>

#include "lab.h"
#include "strbuf.h"

/* A new reference. Addresses are missing while the lab has no subnet, roles and edges while it has no cluster. */
json_t *graph_json(const struct lab *lab);

/* A new format is a function and a row in graph_text.c. */
struct graph_format {
	const char *name, *title;
	void (*print)(const json_t *graph, struct strbuf *out);
};
extern const struct graph_format graph_formats[]; /* ends with a zero row; the first is the default */

/* An <svg> for a page whose style sheet has graph_style and sets --bg, --fg, --dim, --line, --panel and --c0 to --c7. */
void graph_svg(const json_t *graph, struct strbuf *out);
/* The same as a file, which has its own colours, for light and dark. */
void graph_svg_file(const json_t *graph, struct strbuf *out);
extern const char graph_style[];

#endif
