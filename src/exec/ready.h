/* SPDX-License-Identifier: PostgreSQL */
/* Which steps of a plan may start: a graph with counters, and a heap of what waits for nothing. No lock of its own. */
#ifndef LABCTL_EXEC_READY_H
#define LABCTL_EXEC_READY_H

#include "step.h"

struct ready {
	unsigned count;                 /* steps of the plan */
	unsigned *waits;                /* per step: predecessors that have not ended well */
	unsigned *next_start, *next;    /* successors of step i: next[next_start[i] .. next_start[i+1]) */
	unsigned *heap; unsigned heap_count; /* of positions, the smallest on top */
	bool *waiting;                  /* per step: not started and not ended */
};

void ready_init(struct ready *r, const struct plan *p);
void ready_clear(struct ready *r);
/* Takes the first step in the plan's order that may start: false when there is none now. */
bool ready_take(struct ready *r, unsigned *ret_position);
/* @position ended well: what waited for nothing else may start. */
void ready_ended(struct ready *r, unsigned position);

#endif
