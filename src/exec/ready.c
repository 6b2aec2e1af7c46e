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

bool ready_take(struct ready *r, unsigned *ret_position)
{
	unsigned last, i = 0;

	if (!r->heap_count)
		return false;
	*ret_position = r->heap[0];
	r->waiting[r->heap[0]] = false;
	last = r->heap[--r->heap_count];
	for (unsigned child; (child = 2 * i + 1) < r->heap_count; i = child) {
		if (child + 1 < r->heap_count && r->heap[child + 1] < r->heap[child])
			child++;
		if (last <= r->heap[child])
			break;
		r->heap[i] = r->heap[child];
	}
	r->heap[i] = last;
	return true;
}

void ready_ended(struct ready *r, unsigned position)
{
	for (unsigned i = r->next_start[position]; i < r->next_start[position + 1]; i++)
		if (--r->waits[r->next[i]] == 0 && r->waiting[r->next[i]])
			heap_put(r, r->next[i]);
}

void ready_init(struct ready *r, const struct plan *p)
{
	unsigned count = p->step_count, edges = 0;
	auto_(free) unsigned *fill = allocate(count + 1, sizeof *fill);

	*r = (struct ready){ .count = count,
			     .waits = allocate(count, sizeof *r->waits),
			     .waiting = allocate(count, sizeof *r->waiting),
			     .heap = allocate(count, sizeof *r->heap),
			     .next_start = allocate(count + 1, sizeof *r->next_start) };
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
	*r = (struct ready){ 0 };
}
