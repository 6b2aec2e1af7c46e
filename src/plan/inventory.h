/* SPDX-License-Identifier: PostgreSQL */
/*
 * The description of a lab for other programs: psql, JDBC, Ansible, ssh, a resolver, jq. Pure: text made of the lab and
 * the paths of its keys, with secrets as placeholders (payload.h). A new format is a function and a row in inventory.c.
 */
#ifndef LABCTL_PLAN_INVENTORY_H
#define LABCTL_PLAN_INVENTORY_H

#include "lab.h"
#include "strbuf.h"

#define INVENTORY_DIR "inventory" /* below the lab's directory */

/* Absolute paths on the host. */
struct inventory_where { const char *dir, *key, *known_hosts; };

/* A role that answers SQL, on one node. */
struct endpoint {
	const struct node *node;
	int role;
	const char *port;
	const char *const *services; unsigned service_count; /* its names, the simplest first: "lab", "lab-node1", "lab-primary" */
};

struct inventory {
	const struct lab *lab;
	const struct inventory_where *where;
	struct arena *arena;
	struct endpoint *endpoints; unsigned endpoint_count; /* by node, then in the recipe's order */
	const struct endpoint *usual;                        /* where `labctl psql` connects; NULL = no database */
};

struct inventory_format {
	const char *name, *file;
	unsigned mode;           /* 0600 if it contains a password */
	const char *title;
	void (*print)(const struct inventory *inv, struct strbuf *out);
};

extern const struct inventory_format inventory_formats[]; /* ends with a zero row */

/* *ret borrows @lab and @where; the rest is allocated in @a. */
void inventory_make(const struct lab *lab, const struct inventory_where *where, struct arena *a, struct inventory *ret);
const char *inventory_path(const struct inventory *inv, const char *format); /* NULL = no such format */

#endif
