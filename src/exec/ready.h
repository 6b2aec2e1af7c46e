/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which steps of a plan may start: a graph with counters, and a heap of what waits for nothing. A node has one SSH session:
 * of the steps that need it one runs at a time, so that none waits for it with its own time and a worker. No lock of its own.
 */
#ifndef LABCTL_EXEC_READY_H
#define LABCTL_EXEC_READY_H

#include "step.h"

struct ready {
	const struct plan *plan;
	unsigned *waits;                /* per step: predecessors that have not ended well */
	unsigned *next_start, *next;    /* successors of step i: next[next_start[i] .. next_start[i+1]) */
	unsigned *heap; unsigned heap_count; /* of positions, the smallest on top */
	bool *waiting;                  /* per step: not started and not ended */
	bool *in_use;                   /* per node (struct node's index): a step has its session */
	unsigned *parked, *parked_next; /* steps that wait for nothing but a session, a list per node: position + 1, 0 = end */
};

void ready_init(struct ready *r, const struct plan *p);
void ready_clear(struct ready *r);
/* Takes the first step in the plan's order that may start: false when there is none now. */
bool ready_take(struct ready *r, unsigned *ret_position);
/* @position, which was taken, has ended in whatever way: others may have its node's session. */
void ready_released(struct ready *r, unsigned position);
/* @position ended well: what waited for nothing else may start. */
void ready_ended(struct ready *r, unsigned position);

#endif
