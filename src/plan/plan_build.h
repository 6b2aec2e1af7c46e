/* SPDX-License-Identifier: PostgreSQL */
/* Shared by the builders of plans; private to plan/. */
#ifndef LABCTL_PLAN_PLAN_BUILD_H
#define LABCTL_PLAN_PLAN_BUILD_H

#include "plan.h"
#include "scope.h"

#define PLAN_ID_MAX 160 /* a rule or verb, '/', a DNS label or the name of a domain */
#define NETWORK_PREFIX "labctl-" /* prefix of the name of a lab's network */

/* Step "WHAT/NODE". */
struct step *plan_add_node(struct plan *p, enum verb verb, const struct node *n, const char *what, const char *title);
/* @s waits for "WHAT/NODE"; plan_after_nodes(): for that of every node of the lab. */
void plan_after_node(struct plan *p, struct step *s, const char *what, const char *node);
void plan_after_nodes(struct plan *p, struct step *s, const char *what);
/* @s, the newest step, waits for every step that no other waits for (plan.c); plan_after_host(): for every one on its own host. */
void plan_after_ends(struct plan *p, struct step *s);
void plan_after_host(struct plan *p, struct step *s);
/*
 * True when the payload of a step is made together with the plan; @added = number of steps of its kind before it. Always
 * in a lab of up to PAYLOAD_NODES_MAX nodes. In a larger one only for the first of a kind, to find mistakes in templates:
 * all texts together would grow with the square of the lab (each node's have a line for every other node).
 */
#define PAYLOAD_NODES_MAX 64
bool plan_wants_payload(const struct lab *lab, unsigned added);
/* A join per node with roles that waits for everything so far: "WHAT/NODE" is the base of the next rules. */
void plan_add_stage(struct plan *p, const char *what);
/* Steps that write the lab's record, and the inventory files for other programs after it. Returns that of the record. */
struct step *plan_add_record(struct plan *p);
/* From nothing, or from machines that are off, to tuned nodes: "tune/NODE" is the last step of each. */
struct machines {
	const bool *wanted;  /* per node; NULL = all */
	bool exist;          /* their disks and data must be there already */
	const char *after;   /* step that the first steps wait for, or NULL */
	const char *filled;  /* step after which their disks and data have contents that are not the image's, or NULL */
};
int plan_add_machines(struct plan *p, const struct library *lib, const struct machines *m, struct fail *e);
/* Step "tune/NODE" after "node.ready/NODE". @added as above. */
int plan_add_tuning(struct plan *p, const struct library *lib, struct scope_cache *cache, const struct node *n,
		    unsigned added, struct step **ret_step, struct fail *e);

/* plan_power.c. Steps that power the chosen machines off: "node.off/NODE". @after: step that they wait for, or NULL. */
void plan_add_offs(struct plan *p, const struct choice *what, const char *after);
/*
 * Steps that stop servers in order, then machines ("node.shutdown/NODE"). Sets roles[] to the servers that they stop: more than
 * the chosen ones, if these need it. @after: step that the first steps wait for, or NULL.
 */
int plan_add_stops(struct plan *p, const struct library *lib, const struct facts *facts, const struct choice *what,
		   const char *after, uint32_t *roles, struct fail *e);
/* Starts machines, then servers. @after: step that the first steps wait for, or NULL. @roles: the servers to start, per node. */
int plan_add_start(struct plan *p, const struct library *lib, const struct choice *what, const uint32_t *roles,
		   const char *after, struct fail *e);

#endif
