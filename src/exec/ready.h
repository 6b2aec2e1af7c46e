/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which steps of a plan may start: a graph with counters, and a heap of the steps that wait for nothing. A node has one SSH
 * session, and the steps that need it run one at a time: a step that waited for it would use up its timeout and block a
 * worker. The caller locks.
 */
#ifndef LABCTL_EXEC_READY_H
#define LABCTL_EXEC_READY_H

#include "step.h"

struct ready {
	const struct plan *plan;
	unsigned *waits;                /* per step: predecessors that have not succeeded */
	unsigned *next_start, *next;    /* successors of step i: next[next_start[i] .. next_start[i+1]) */
	unsigned *heap; unsigned heap_count; /* of positions, smallest on top */
	bool *waiting;                  /* per step: neither started nor ended */
	bool *in_use;                   /* per node (struct node's index): a step is using its session */
	unsigned *parked, *parked_next; /* steps that wait only for a session, a linked list per node: position + 1, 0 = end */
};

void ready_init(struct ready *r, const struct plan *p);
void ready_clear(struct ready *r);
/* Takes the first step, in the plan's order, that may start now; false if there is none. */
bool ready_take(struct ready *r, unsigned *ret_position);
/* The step @position, taken before, has ended in some way: releases its node's session. */
void ready_released(struct ready *r, unsigned position);
/* The step @position succeeded: steps that waited only for it may start. */
void ready_ended(struct ready *r, unsigned position);
/* The step @position no longer waits for one of its predecessors, which ended in some way. */
void ready_passed(struct ready *r, unsigned position);

#endif
