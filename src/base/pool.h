/* SPDX-License-Identifier: PostgreSQL */
/* A bounded number of threads for a known number of jobs. */
#ifndef LABCTL_BASE_POOL_H
#define LABCTL_BASE_POOL_H

/*
 * Calls @work(@ctx, i) once for every i below @count, starting in that order, from at most @workers threads at a time
 * (0 counts as 1), and returns when all calls have returned. Only the caller's thread receives signals; it waits, or does
 * the work itself if no thread can be created. Nothing cancels a job: @work checks for that itself.
 */
void pool_run(unsigned count, unsigned workers, void (*work)(void *ctx, unsigned i), void *ctx);

#endif
