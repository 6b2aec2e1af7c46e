/* SPDX-License-Identifier: PostgreSQL */
/*
 * Numbered rows, written while a lab is broken, and the check that follows: is everything there that was committed? Each
 * transaction writes two rows, which are on two servers of a distributed cluster as often as not, so that a commit of which only a
 * part took effect is found too.
 */
#ifndef LABCTL_BENCH_ROWS_H
#define LABCTL_BENCH_ROWS_H

#include <stdatomic.h>

#include "auto.h"
#include "outage.h"
#include "runtime.h"

struct rows;

/* @rate: transactions per second of all writers together. */
struct rows *rows_new(struct runtime *rt, unsigned writers, unsigned rate);
void rows_free(struct rows *w);
DEFINE_AUTO(struct rows *, rows_free)

/* Makes the empty table, in the kind's database (the recipe's .rows); one of an earlier run is dropped. */
int rows_create(struct rows *w, int64_t deadline_ms, struct fail *e);
int rows_drop(struct rows *w, int64_t deadline_ms, struct fail *e);

/* The start of the load: all times count from here. */
void rows_begin(struct rows *w);
/* Writes until @stop. One thread per @writer, 0.. */
void rows_write(struct rows *w, unsigned writer, const atomic_bool *stop);

/* All transactions in the order in which they ended, once the writers have returned; in @w. */
const struct tx *rows_all(struct rows *w, unsigned *ret_count);

/* Reads the table. */
int rows_verify(struct rows *w, int64_t deadline_ms, struct rows_check *ret, struct fail *e);

#endif
