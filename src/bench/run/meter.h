/* SPDX-License-Identifier: PostgreSQL */
/*
 * Looks once a second, in a thread of its own, at what the host and the nodes use. Times are those of the wall clock, as in
 * the drivers' logs.
 */
#ifndef LABCTL_BENCH_METER_H
#define LABCTL_BENCH_METER_H

#include "auto.h"
#include "bench.h"
#include "runtime.h"

struct meter;

/* Starts to look. Without libvirt's answer it has only the host. */
struct meter *meter_start(struct runtime *rt);
/* Ends the thread. The samples stay until meter_free(). */
void meter_stop(struct meter *m);
void meter_free(struct meter *m);
DEFINE_AUTO(struct meter *, meter_free)

/* Adds tracks of the @seconds from @from_us (since the epoch) to the series: CPU of host and nodes in percent of a core. */
void meter_tracks(const struct meter *m, int64_t from_us, unsigned seconds, struct arena *a, struct bench_series *s);
/* Adds to the counters what host and nodes used in that time: CPU seconds, steal, bytes of disk and network. */
void meter_counters(const struct meter *m, int64_t from_us, unsigned seconds, struct arena *a, struct bench_counter **items,
		    unsigned *count);

#endif
