/* SPDX-License-Identifier: PostgreSQL */
/* Steps of a recipe's rules; private to plan/. One table of rules at a time: the newest rules_add() is the one that counts. */
#ifndef LABCTL_PLAN_PLAN_RULES_H
#define LABCTL_PLAN_PLAN_RULES_H

#include "plan_build.h"
#include "recipe.h"

/* Which rules of the table: all; without those that make what is not there (USE_MAKE); only those of servers (USE_SERVER). */
enum rules_what { RULES_ALL, RULES_START, RULES_SERVERS };

struct rules {
	struct plan *plan;
	const struct recipe *recipe;
	const struct library *lib;
	struct scope_cache cache;
	const struct db_request *db; /* arguments of a task, or NULL */
	const struct node *gone;     /* the node that leaves, or NULL */
	enum rules_what what;
	const uint32_t *chosen;      /* per node: roles to make steps for; NULL = all. Rules that these bring run everywhere */
	const uint32_t *off;         /* per node: roles to make no steps for; NULL = none */
	bool changes;                /* a running cluster: rules that say so (.in_turn) run on one node after the other */
	bool anyway;                 /* a step also runs if those before it, on other nodes, failed */
	struct fail *e;
	/* set by rules_add() */
	const struct rule *rules;
	const char *base;            /* step that the first rules on a node wait for: "BASE/NODE" */
	struct known *known; unsigned known_count;
};

/*
 * Adds the instances of @rules; one that waits for nothing on its node waits for step "BASE/NODE", on a node that was not
 * chosen for "node.reach/NODE". The caller adds those steps.
 */
int rules_add(struct rules *b, const struct rule *rules, const char *base);
/* The steps of a bootstrap, for @b->recipe. @made: the plan has the steps of plan_add_machines(), up to the tuning. */
int plan_add_cluster(struct rules *b, bool made);
/* @s waits for every instance; rules_before_on(): for those on @n. */
void rules_before(struct rules *b, struct step *s);
void rules_before_on(struct rules *b, struct step *s, const struct node *n);
/* The roles that have an instance on @n. */
uint32_t rules_roles(const struct rules *b, const struct node *n);

#endif
