/* SPDX-License-Identifier: PostgreSQL */
/*
 * A histogram of latencies that can be merged: log-linear buckets, of one microsecond each below 128 us, above with a
 * width of at most 1/64 of their beginning. Not thread-safe while it grows.
 */
#ifndef LABCTL_BENCH_HISTOGRAM_H
#define LABCTL_BENCH_HISTOGRAM_H

#include <jansson.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

struct histogram;

struct histogram *histogram_new(struct arena *a); /* empty; lives in @a */
/* What is below 0 or no number counts as 0; what is above 2^40 (12 days), as 2^40. */
void histogram_add(struct histogram *h, double us);
void histogram_merge(struct histogram *into, const struct histogram *from);
uint64_t histogram_count(const struct histogram *h);
/* The latency that the part @q (0..1) of all values does not exceed, us, to 1/128 (the middle of its bucket); 0 if it is empty. */
double histogram_quantile(const struct histogram *h, double q);
/* Calls @bucket for each bucket that is not empty, in ascending order: its bounds in us, and how many values it has. */
void histogram_each(const struct histogram *h, void (*bucket)(void *ctx, double from, double to, uint64_t count), void *ctx);

/* A list of pairs: number of the bucket and count. New reference. */
json_t *histogram_json(const struct histogram *h);
/* FAIL_LAB for anything that histogram_json() does not write. */
int histogram_read(const json_t *pairs, struct arena *a, struct histogram **ret, struct fail *e);

#endif
