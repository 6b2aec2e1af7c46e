/* SPDX-License-Identifier: PostgreSQL */
/* What the builders of plans share. Nobody outside plan/ includes this. */
#ifndef LABCTL_PLAN_PLAN_BUILD_H
#define LABCTL_PLAN_PLAN_BUILD_H

#include "plan.h"
#include "scope.h"

#define PLAN_ID_MAX 160 /* a rule or verb, '/', a DNS label or the name of a domain */
#define NETWORK_PREFIX "labctl-" /* of the name of a lab's network */

/* Step "WHAT/NODE". */
struct step *plan_add_node(struct plan *p, enum verb verb, const struct node *n, const char *what, const char *title);
/* @s waits for "WHAT/NODE"; for that of every node of the lab. */
void plan_after_node(struct plan *p, struct step *s, const char *what, const char *node);
void plan_after_nodes(struct plan *p, struct step *s, const char *what);
/* @s, the newest step, waits for every other one that nothing waits for yet. plan.c */
void plan_after_ends(struct plan *p, struct step *s);
/*
 * Is the payload of a step made with the plan, when @added steps of its kind were added before? In a lab of up to
 * PAYLOAD_NODES_MAX nodes always; in a larger one only the first of a kind, which finds what is wrong with a
 * template: all texts together would grow with the square of the lab (each node's hold a line for every other node).
 */
#define PAYLOAD_NODES_MAX 64
bool plan_wants_payload(const struct lab *lab, unsigned added);
/* Step "tune/NODE" after "node.ready/NODE". @added as above. */
int plan_add_tuning(struct plan *p, const struct library *lib, struct scope_cache *cache, const struct node *n,
		    unsigned added, struct step **ret_step, struct fail *e);

#endif
