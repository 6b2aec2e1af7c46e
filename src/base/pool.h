/* SPDX-License-Identifier: PostgreSQL */
/* A bounded number of threads for a known number of jobs. */
#ifndef LABCTL_BASE_POOL_H
#define LABCTL_BASE_POOL_H

/*
 * Calls @work(@ctx, i) once for every i below @count, in that order, from at most @workers threads at a time (0 counts as
 * 1), and returns when all have returned. Signals stay with the caller's thread, which only waits; it does the work itself
 * when no thread can be made. A job that shall end early has to look for that itself.
 */
void pool_run(unsigned count, unsigned workers, void (*work)(void *ctx, unsigned i), void *ctx);

#endif
