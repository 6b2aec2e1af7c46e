/* SPDX-License-Identifier: PostgreSQL */
/*
 * The transactions of a measurement, from pgbench's logs (-l): when each ended and how long it took. From them come exact
 * percentiles, the series per second and the measured time after the warm-up. Pure; not thread-safe while it grows.
 */
#ifndef LABCTL_BENCH_TXLOG_H
#define LABCTL_BENCH_TXLOG_H

#include "bench.h"
#include "outage.h"

struct txlog {
	struct txlog_item { int64_t end_us; float latency_us, lag_us; } *items; /* end_us: since the epoch */
	size_t count, room;
	struct txlog_failure { int64_t end_us; enum tx_outcome outcome; } *failures; size_t failed_count, failed_room; /* failed or skipped */
	size_t skipped;       /* of those: not started, because the schedule was too far behind */
	int64_t start_us;     /* of the first transaction; the series counts from here; 0 = there was none */
};

/*
 * Adds one line of a log. False if it is not one: the log of another program, or cut off. A line of pgbench is
 *   client transaction latency script second microsecond [lag] [retries]
 * where latency is a number, "failed" or "skipped" (words of --failures-detailed count as failed). Drivers that start again after a
 * failure add lines with "doubtful" (the connection broke) and "refused" (there was none).
 */
bool txlog_line(struct txlog *t, const char *line, bool has_lag);
/* Sorts by the time of the end and sets .start_us. Call it once, after the last line. */
void txlog_finish(struct txlog *t);
void txlog_clear(struct txlog *t);

/* Transactions per whole second since .start_us; the last second that is not whole is left out. In @a. */
double *txlog_seconds(const struct txlog *t, double length_s, struct arena *a, unsigned *ret_count);

/*
 * Fills in .seconds, .transactions, .failed, .tps, .latency, .lag_p99, .histogram and the series from the transactions that
 * ended from @from_s to @from_s + @length_s after the start.
 */
void txlog_measure(const struct txlog *t, double from_s, double length_s, struct arena *a, struct bench_measure *m);

/* All as outcomes, in the order of their ends, with times since @from_us; those that ended before it are left out. In @a. */
const struct tx *txlog_outcomes(const struct txlog *t, int64_t from_us, struct arena *a, unsigned *ret_count);

#endif
