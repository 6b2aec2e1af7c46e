/* SPDX-License-Identifier: PostgreSQL */
/*
 * What transactions tell of an outage: when errors began, how long nothing was committed, when it was as fast as before.
 * Pure. First test to read: tests/unit/test_outage.c.
 */
#ifndef LABCTL_BENCH_OUTAGE_H
#define LABCTL_BENCH_OUTAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum tx_outcome {
	TX_COMMITTED, /* the server said so */
	TX_FAILED,    /* the server said that it failed */
	TX_DOUBTFUL,  /* no answer: it may be committed */
	TX_REFUSED,   /* no connection, so nothing was sent */
	TX_OUTCOMES,
};

struct tx {
	int64_t begun_ms, ended_ms; /* since the start of the load */
	uint32_t number;            /* of its writer, from 0; of TX_REFUSED without meaning */
	uint16_t writer;
	uint8_t outcome;
};

struct outage {
	double before_tps, before_p99_ms; /* committed before the fault; the first second is left out. 0 = nothing to compare with */
	double after_p99_ms;              /* committed from the fault on */
	int64_t error_ms;                 /* from the fault to the first error that follows it; -1 = none */
	int64_t gap_ms, gap_at_ms;        /* longest time without a commit from the fault on, and when it began, since the fault */
	bool dropped;                     /* did a whole window have less than OUTAGE_PART of .before_tps? */
	int64_t recovered_ms;             /* from the fault until OUTAGE_PART of it was there again; -1 = not seen */
};

/* What became of the transactions, and of their rows. */
struct rows_check {
	unsigned by_outcome[TX_OUTCOMES]; /* how many transactions */
	unsigned lost;            /* committed, and no row of it is there */
	unsigned torn;            /* one of the two rows is there */
	unsigned doubtful_there;  /* doubtful ones that are there */
	unsigned failed_there;    /* the server said that they failed, and they are there */
};

#define OUTAGE_PART .9
#define OUTAGE_WINDOW_MS 3000

/* @all in the order of .ended_ms. @fault_ms, @end_ms: since the start of the load. */
void outage_measure(const struct tx *all, unsigned count, int64_t fault_ms, int64_t end_ms, struct outage *ret);
/* For qsort(3): by .ended_ms. */
int tx_compare(const void *a, const void *b);

/* New objects: docs/format/scenario.md has their members. @checked: somebody looked at the rows. */
json_t *outage_json(const struct outage *o);
json_t *rows_check_json(const struct rows_check *k, bool checked);

#endif
