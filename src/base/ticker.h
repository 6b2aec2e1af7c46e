/* SPDX-License-Identifier: PostgreSQL */
/* A thread that calls a function at a fixed period, for watching. */
#ifndef LABCTL_BASE_TICKER_H
#define LABCTL_BASE_TICKER_H

#include <stdbool.h>

#include "auto.h"

struct ticker;

/*
 * Calls @tick(@ctx) at once and then every @period_ms in a thread of its own, until it returns false. A call that takes
 * longer than the period delays the next ones. NULL if no thread can be created: there are no calls then.
 */
struct ticker *ticker_start(unsigned period_ms, bool (*tick)(void *ctx), void *ctx);
/* Calls @tick a last time, unless it returned false before, and waits for that. NULL is fine. */
void ticker_stop(struct ticker *t);
DEFINE_AUTO(struct ticker *, ticker_stop)

#endif
