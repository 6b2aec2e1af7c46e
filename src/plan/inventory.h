/* SPDX-License-Identifier: PostgreSQL */
/*
 * What other programs read about a lab: psql, JDBC, Ansible, ssh, a resolver, jq. Pure: the lab and where its
 * keys are -> text, with secrets as placeholders (payload.h). A new format is a function and its row in inventory.c.
 */
#ifndef LABCTL_PLAN_INVENTORY_H
#define LABCTL_PLAN_INVENTORY_H

#include "lab.h"
#include "strbuf.h"

#define INVENTORY_DIR "inventory" /* in the lab's directory */

/* Paths of the host, absolute. */
struct inventory_where { const char *dir, *key, *known_hosts; };

/* A role that answers SQL, on one node. */
struct endpoint {
	const struct node *node;
	int role;
	const char *port;
	const char *const *services; unsigned service_count; /* its names, the plainest first: "lab", "lab-node1", "lab-primary" */
};

struct inventory {
	const struct lab *lab;
	const struct inventory_where *where;
	struct arena *arena;
	struct endpoint *endpoints; unsigned endpoint_count; /* by node, then in the recipe's order */
	const struct endpoint *usual;                        /* where `labctl psql` goes, called as the lab; NULL = no database */
};

struct inventory_format {
	const char *name, *file;
	unsigned mode;           /* 0600 where a password is inside */
	const char *title;
	void (*print)(const struct inventory *inv, struct strbuf *out);
};

extern const struct inventory_format inventory_formats[]; /* ends with a zero row */

/* All is @a's or borrowed. */
void inventory_make(const struct lab *lab, const struct inventory_where *where, struct arena *a, struct inventory *ret);
const char *inventory_path(const struct inventory *inv, const char *format); /* NULL when there is none of that name */

#endif
