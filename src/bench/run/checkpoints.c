/* SPDX-License-Identifier: PostgreSQL */
#include "checkpoints.h"

#include <stdlib.h>

#include "ticker.h"

#define PERIOD_MS 1000
#define QUERY "select (extract(epoch from checkpoint_time) * 1000000)::bigint from pg_control_checkpoint()"

struct seen { const struct node *node; int64_t at_us; };

struct checkpoints {
	struct arena *arena;
	struct servers *servers;
	struct seen *seen; unsigned count;
	struct ticker *ticker;
};

static void row(void *ctx, const struct node *n, const char *const *values)
{
	struct checkpoints *c = ctx;
	int64_t at_us = values[0] ? strtoll(values[0], NULL, 10) : 0;

	for (unsigned i = 0; i < c->count; i++)
		if (c->seen[i].node == n && c->seen[i].at_us == at_us)
			return;
	*arena_push(c->arena, c->seen, c->count) = (struct seen) { n, at_us };
}

/* Stops at once if no server has this function. */
static bool look(void *ctx)
{
	struct checkpoints *c = ctx;

	return servers_ask(c->servers, QUERY, row, c);
}

struct checkpoints *checkpoints_start(struct servers *servers)
{
	struct arena *a = arena_new();
	struct checkpoints *c = arena_new_of(a, struct checkpoints);

	c->arena = a;
	c->servers = servers;
	c->ticker = ticker_start(PERIOD_MS, look, c);
	return c;
}

void checkpoints_stop(struct checkpoints *c)
{
	ticker_stop(steal(c->ticker));
}

void checkpoints_free(struct checkpoints *c)
{
	checkpoints_stop(c);
	arena_free(c->arena);
}

void checkpoints_events(const struct checkpoints *c, int64_t from_us, unsigned seconds, struct arena *a, struct bench_series *s)
{
	for (unsigned i = 0; i < c->count; i++) {
		double at = (double)(c->seen[i].at_us - from_us) / 1e6;

		if (at >= 0 && at < seconds)
			*arena_push(a, s->events, s->event_count) = (struct bench_event) {
				.at = at, .what = arena_printf(a, "checkpoint %s", c->seen[i].node->name) };
	}
}
