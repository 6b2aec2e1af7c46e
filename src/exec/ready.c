/* SPDX-License-Identifier: PostgreSQL */
#include "ready.h"

#include <stdlib.h>
#include <string.h>

#include "auto.h"

static void *allocate(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p)
		abort();
	return p;
}

static void heap_put(struct ready *r, unsigned position)
{
	unsigned i = r->heap_count++;

	for (; i > 0 && r->heap[(i - 1) / 2] > position; i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = position;
}

/* The heap must not be empty. */
static unsigned heap_take(struct ready *r)
{
	unsigned first = r->heap[0], last = r->heap[--r->heap_count], i = 0;

	for (unsigned child; (child = 2 * i + 1) < r->heap_count; i = child) {
		if (child + 1 < r->heap_count && r->heap[child + 1] < r->heap[child])
			child++;
		if (last <= r->heap[child])
			break;
		r->heap[i] = r->heap[child];
	}
	r->heap[i] = last;
	return first;
}

/* Index (from 1) of the node whose session the step needs; 0 = none. */
static unsigned session_of(const struct step *s)
{
	return verb_needs[s->verb] & NEEDS_SESSION && s->node ? s->node->index : 0;
}

bool ready_take(struct ready *r, unsigned *ret_position)
{
	while (r->heap_count) {
		unsigned position = heap_take(r), node = session_of(&r->plan->steps[position]);

		if (!r->waiting[position]) /* canceled while it was parked */
			continue;
		if (r->in_use[node]) {
			r->parked_next[position] = r->parked[node];
			r->parked[node] = position + 1;
			continue;
		}
		r->in_use[node] = node != 0;
		r->waiting[position] = false;
		*ret_position = position;
		return true;
	}
	return false;
}

void ready_released(struct ready *r, unsigned position)
{
	unsigned node = session_of(&r->plan->steps[position]), next = r->parked[node];

	r->in_use[node] = false;
	r->parked[node] = 0;
	for (; next; next = r->parked_next[next - 1])
		heap_put(r, next - 1);
}

void ready_passed(struct ready *r, unsigned position)
{
	if (--r->waits[position] == 0 && r->waiting[position])
		heap_put(r, position);
}

void ready_ended(struct ready *r, unsigned position)
{
	for (unsigned i = r->next_start[position]; i < r->next_start[position + 1]; i++)
		ready_passed(r, r->next[i]);
}

void ready_init(struct ready *r, const struct plan *p)
{
	unsigned count = p->step_count, edges = 0, nodes = 0;
	auto_(free) unsigned *fill = allocate(count + 1, sizeof *fill);

	for (unsigned i = 0; i < count; i++)
		if (session_of(&p->steps[i]) > nodes)
			nodes = session_of(&p->steps[i]);
	*r = (struct ready){ .plan = p,
			     .waits = allocate(count, sizeof *r->waits),
			     .waiting = allocate(count, sizeof *r->waiting),
			     .heap = allocate(count, sizeof *r->heap),
			     .next_start = allocate(count + 1, sizeof *r->next_start),
			     .in_use = allocate(nodes + 1, sizeof *r->in_use),
			     .parked = allocate(nodes + 1, sizeof *r->parked),
			     .parked_next = allocate(count, sizeof *r->parked_next) };
	for (unsigned i = 0; i < count; i++) {
		const struct step *step = &p->steps[i];

		r->waits[i] = step->after_count;
		r->waiting[i] = true;
		edges += step->after_count;
		for (unsigned k = 0; k < step->after_count; k++)
			r->next_start[step->after[k] + 1]++;
	}
	for (unsigned i = 0; i < count; i++)
		r->next_start[i + 1] += r->next_start[i];
	memcpy(fill, r->next_start, (count + 1) * sizeof *fill);
	r->next = allocate(edges, sizeof *r->next);
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < p->steps[i].after_count; k++)
			r->next[fill[p->steps[i].after[k]]++] = i;
	for (unsigned i = 0; i < count; i++)
		if (r->waits[i] == 0)
			heap_put(r, i);
}

void ready_clear(struct ready *r)
{
	free(r->waits);
	free(r->waiting);
	free(r->heap);
	free(r->next_start);
	free(r->next);
	free(r->in_use);
	free(r->parked);
	free(r->parked_next);
	*r = (struct ready){ 0 };
}
