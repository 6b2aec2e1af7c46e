/* SPDX-License-Identifier: PostgreSQL */
#include "outage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"

#define WARM_MS 1000 /* connections are new, caches are cold */
#define STEP_MS 100  /* between two windows */

int tx_compare(const void *a, const void *b)
{
	const struct tx *x = a, *y = b;

	return x->ended_ms < y->ended_ms ? -1 : x->ended_ms > y->ended_ms;
}

static int time_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The 99th percentile of the times of those that were committed in [from, to); 0 = none was. */
static double p99_of(const struct tx *all, unsigned count, int64_t from, int64_t to, unsigned *ret_count)
{
	auto_(free) int64_t *times = calloc(count ? count : 1, sizeof *times);
	unsigned n = 0;

	if (!times)
		abort();
	for (unsigned i = 0; i < count; i++)
		if (all[i].outcome == TX_COMMITTED && all[i].ended_ms >= from && all[i].ended_ms < to)
			times[n++] = all[i].ended_ms - all[i].begun_ms;
	qsort(times, n, sizeof *times, time_compare);
	if (ret_count)
		*ret_count = n;
	return n ? (double)times[(unsigned)ceil(n * .99) - 1] : 0;
}

static void find_errors(const struct tx *all, unsigned count, int64_t fault_ms, int64_t end_ms, struct outage *o)
{
	int64_t last = fault_ms;

	for (unsigned i = 0; i < count; i++) {
		if (all[i].ended_ms < fault_ms)
			continue;
		if (all[i].outcome != TX_COMMITTED) {
			if (o->error_ms < 0)
				o->error_ms = all[i].ended_ms - fault_ms;
			continue;
		}
		if (all[i].ended_ms - last > o->gap_ms) {
			o->gap_ms = all[i].ended_ms - last;
			o->gap_at_ms = last - fault_ms;
		}
		last = all[i].ended_ms;
	}
	if (end_ms - last > o->gap_ms) {
		o->gap_ms = end_ms - last;
		o->gap_at_ms = last - fault_ms;
	}
}

/* Moves a window over the time from the fault on: the first one that is full again. A later fault may empty another one. */
static void find_recovery(const struct tx *all, unsigned count, int64_t fault_ms, int64_t end_ms, struct outage *o)
{
	double wanted = o->before_tps * OUTAGE_PART * OUTAGE_WINDOW_MS / 1000;
	unsigned first = 0, past = 0, inside = 0; /* all[first, past) is in the window; .inside of them were committed */

	for (int64_t from = fault_ms; from + OUTAGE_WINDOW_MS <= end_ms; from += STEP_MS) {
		for (; past < count && all[past].ended_ms < from + OUTAGE_WINDOW_MS; past++)
			inside += all[past].outcome == TX_COMMITTED;
		for (; first < past && all[first].ended_ms < from; first++)
			inside -= all[first].outcome == TX_COMMITTED;
		if (inside < wanted) {
			o->dropped = true;
		} else if (o->dropped) {
			o->recovered_ms = from - fault_ms;
			break;
		}
	}
}

void outage_measure(const struct tx *all, unsigned count, int64_t fault_ms, int64_t end_ms, struct outage *ret)
{
	unsigned before;

	*ret = (struct outage){ .error_ms = -1, .recovered_ms = -1 };
	ret->before_p99_ms = p99_of(all, count, WARM_MS, fault_ms, &before);
	if (fault_ms > WARM_MS)
		ret->before_tps = before * 1000. / (double)(fault_ms - WARM_MS);
	ret->after_p99_ms = p99_of(all, count, fault_ms, end_ms, NULL);
	find_errors(all, count, fault_ms, end_ms, ret);
	if (ret->before_tps > 0)
		find_recovery(all, count, fault_ms, end_ms, ret);
}
