/* SPDX-License-Identifier: PostgreSQL */
/*
 * A scenario: what happens to a lab, and when (docs/format/scenario.md). Read as strictly as a lab file. Pure.
 * First test to read: tests/unit/test_scenario.c.
 */
#ifndef LABCTL_MODEL_SCENARIO_H
#define LABCTL_MODEL_SCENARIO_H

#include "lab.h"

#define SCENARIO_STEPS_MAX 200u
#define SCENARIO_WRITERS_MAX 64u

/* One thing that a step can do: the words of labctl that come before and after the step's own. */
struct scenario_act {
	const char *key;            /* in the file: "inject" */
	const char *const *before;  /* NULL-terminated */
	bool whole;                 /* the value is one word, such as SQL */
};
extern const struct scenario_act scenario_acts[]; /* ends with a zero row */

struct scenario_step {
	int64_t at_ms;              /* since the start; -1 = when the step before it has ended */
	const struct scenario_act *act;
	const char *text;           /* the value: "kill 1 -r primary" */
	const char *const *words;   /* of labctl, with .act's; NULL-terminated */
	const char *expect;         /* what `sql` must print; NULL = anything */
	unsigned status;            /* exit status that is expected */
	int64_t timeout_ms;
};

struct scenario {
	struct lab lab;             /* only its arena and file; first, since the tables have offsets in it */
	const char *kind;           /* of a cluster; NULL = any */
	unsigned writers, rate;     /* of the load; rate: transactions per second of all writers */
	unsigned may_lose;          /* transactions that were committed, and need not be there in the end */
	struct scenario_step *steps; unsigned step_count;
};

/* @file names it in messages. FAIL_LAB with all problems and their lines. It lives in @a. */
int scenario_parse(const char *text, size_t len, const char *file, struct arena *a, struct scenario **ret, struct fail *e);

#endif
