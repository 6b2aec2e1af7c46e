/* SPDX-License-Identifier: PostgreSQL */
/* Health checks of the roles of a lab, in parallel: for status and wait. */
#ifndef LABCTL_CLI_ASK_ROLES_H
#define LABCTL_CLI_ASK_ROLES_H

#include "cli.h"
#include "facts.h"

struct asked {
	struct runtime *rt;
	const struct node *node;
	int role;             /* index of the role in the recipe and in the lab's placement */
	const char *blocked;  /* statement that counts sessions that have waited long for a lock; NULL = the kind has none */
	long blocked_count;
	/* statements for status (status_figures.h), NULL = none; their rows as lines, columns separated by tabs */
	const char *figures, *registered, *prepared;
	struct strbuf figure_lines, registered_lines, prepared_lines;
	bool registered_known;
	struct fail unknown;  /* why a statement of these, or .blocked, got no answer; no code = all did */
	char acts_as[32];     /* its actual role, if that has changed; else empty */
	const char *off;      /* why its machine is not running; NULL = it is */
	bool up;
	struct fail why;
};

/* Lists the roles of the lab's nodes, in the order of nodes, in c->arena; returns how many. */
unsigned ask_list(struct cli *c, struct runtime *rt, const struct lab *lab, const struct facts *facts, struct asked **ret);
/* Checks them all: .up, or .why not. */
void ask_all(struct asked *asked, unsigned count);
/* 0 if all roles are up; else FAIL_DB with what is not up and why, by node. */
int ask_judge(const struct lab *lab, const struct asked *asked, unsigned count, struct fail *e);
/* The text of a role's query; NULL = the recipe has none. */
const char *ask_query(const struct cli *c, const struct recipe *r, const char *role, const char *name);
const struct role_place *ask_place(const struct asked *q);
/* Why nothing is known of the node: its host does not answer. NULL = it does. */
const char *ask_silent(const struct facts *facts, const struct node *n);
const struct fact_domain *ask_domain(const struct facts *facts, const struct node *n); /* NULL: the node has none */

#endif
