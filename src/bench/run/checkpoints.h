/* SPDX-License-Identifier: PostgreSQL */
/*
 * When the servers began checkpoints, from a thread that asks once a second (pg_control_checkpoint(), PostgreSQL 9.6 and
 * later). It uses the connections of @servers, so nothing else may until checkpoints_stop().
 */
#ifndef LABCTL_BENCH_CHECKPOINTS_H
#define LABCTL_BENCH_CHECKPOINTS_H

#include "servers.h"

struct checkpoints;

struct checkpoints *checkpoints_start(struct servers *servers);
void checkpoints_stop(struct checkpoints *c);
void checkpoints_free(struct checkpoints *c);
DEFINE_AUTO(struct checkpoints *, checkpoints_free)

/* Adds an event "checkpoint NODE" for each checkpoint from @from_us (since the epoch) on, for @seconds. */
void checkpoints_events(const struct checkpoints *c, int64_t from_us, unsigned seconds, struct arena *a, struct bench_series *s);

#endif
