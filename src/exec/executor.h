/* SPDX-License-Identifier: PostgreSQL */
/*
 * Runs a plan: ready queue, bounded workers, deadlines, cancel, failure policy.
 * Knows verbs only as a table, so tests run random graphs with fake verbs.
 * A step ends as done, unchanged, failed, timeout, canceled, blocked (a step it waits for
 * did not succeed) or skipped (its verb says it does not apply). Blocked steps do not count as failures.
 * First test to read: tests/exec/test_executor.c.
 */
#ifndef LABCTL_EXEC_EXECUTOR_H
#define LABCTL_EXEC_EXECUTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fail.h"
#include "step.h"
#include "strbuf.h"

enum step_state {
	STEP_WAITING, STEP_RUNNING, /* not final */
	STEP_DONE, STEP_UNCHANGED, STEP_FAILED, STEP_TIMEOUT, STEP_CANCELED, STEP_BLOCKED, STEP_SKIPPED,
	STEP_STATE_COUNT
};
extern const char *const step_state_names[STEP_STATE_COUNT];

/* What a verb reports about its run. Owned by the executor; one per step. */
struct step_result {
	enum step_state state;
	int64_t start_ms, end_ms;   /* clock_now_ms(); 0 = never started */
	struct strbuf notes;        /* "changed X", "skipped Y: why", one per line: shown with -v and in JSON */
	struct strbuf warnings;     /* one per line: always shown, also in JSON, and by `status` until the next bootstrap */
	struct fail fail;           /* when failed, timeout, canceled */
};

struct run; /* one execution of a step, as its verb sees it */

/* Reports what the step is doing right now, shown live ("boot: waiting for sshd"). Thread-safe. */
__attribute__((format(printf, 2, 3))) void run_say(struct run *r, const char *fmt, ...);
/* run_say() as a line callback, with the run as its context. */
void run_say_line(void *run, const char *line);
/* Appends a line to the notes. */
__attribute__((format(printf, 2, 3))) void run_note(struct run *r, const char *fmt, ...);
/* Appends a line to the warnings: the step works, but the user must know something. */
__attribute__((format(printf, 2, 3))) void run_warn(struct run *r, const char *fmt, ...);
const struct step *run_step(const struct run *r);
void *run_context(const struct run *r);        /* exec_options.context */
int64_t run_deadline_ms(const struct run *r);  /* absolute, of this step */
const atomic_bool *run_cancel(const struct run *r);

/*
 * Runs the step, probing first. Returns 0 and sets *ret_state to STEP_DONE, STEP_UNCHANGED or STEP_SKIPPED; else -1.
 * FAIL_TIMEOUT becomes STEP_TIMEOUT, FAIL_CANCELED becomes STEP_CANCELED.
 */
typedef int (*verb_fn)(struct run *r, enum step_state *ret_state, struct fail *e);

struct event {
	enum { EVENT_STARTED, EVENT_SAID, EVENT_NOTED, EVENT_FINISHED } kind;
	const struct step *step;
	unsigned position;                 /* in the plan */
	const char *text;                  /* EVENT_SAID, EVENT_NOTED */
	const struct step_result *result;  /* EVENT_FINISHED */
	int64_t at_ms;
};
/* Called from workers, one at a time (the executor holds a lock): must be quick and must not call back. */
struct event_sink {
	void (*event)(void *ctx, const struct event *ev);
	void *ctx;
};

struct exec_options {
	const verb_fn *verbs;           /* VERB_COUNT entries */
	verb_fn away;                   /* runs steps of other hosts; NULL = there are none */
	void *context;
	unsigned jobs;                  /* workers, >= 1 */
	int64_t deadline_ms;            /* of the whole run (--timeout), CLOCK_NEVER */
	unsigned patience;              /* multiplies the time that each step may take; 0 = 1 */
	atomic_bool *cancel;            /* set by Ctrl-C: start no more steps, cancel the running ones */
	const struct event_sink *sinks; unsigned sink_count;
};

struct exec_report {
	struct step_result *results;    /* one per step of the plan; exec_report_clear() frees */
	unsigned result_count;
	unsigned counts[STEP_STATE_COUNT]; /* joins do nothing, and are not counted */
	int64_t start_ms, end_ms;
};

/*
 * Returns 0 when every step is done, unchanged or skipped; else -1 with the first cause in @e (FAIL_CANCELED when
 * interrupted; FAIL_PARTIAL for a plan that is good in parts). @rep is filled in both cases. A failed step blocks the
 * steps that wait for it, unless they run anyway (but see .gate of struct step); all others go on.
 */
int exec_run(const struct plan *p, const struct exec_options *o, struct exec_report *rep, struct fail *e);
void exec_report_clear(struct exec_report *rep);

#endif
