/* SPDX-License-Identifier: PostgreSQL */
#include "executor.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "clock.h"
#include "plural.h"
#include "pool.h"
#include "ready.h"

const char *const step_state_names[STEP_STATE_COUNT] = {
	"waiting", "running", "done", "unchanged", "failed", "timeout", "canceled", "blocked", "skipped",
};

/*
 * Two locks, never held together: .lock guards the queue and the counters and is held only briefly; .sink_lock
 * serialises the sinks. Only the worker that runs or ends a step writes its result; it is read after the threads are joined.
 */
struct engine {
	const struct plan *plan;
	const struct exec_options *o;
	struct exec_report *rep;
	pthread_mutex_t lock, sink_lock;
	pthread_cond_t changed;
	struct ready ready;             /* the worker that runs a step owns its result; the lock guards results of waiting steps */
	unsigned left;                  /* steps that are not in a final state */
	bool has_cause; unsigned cause; /* failed or timed-out step that ended first */
};

struct run {
	struct engine *en;
	unsigned position;
	int64_t deadline_ms;
};

static void *allocate(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p)
		abort();
	return p;
}

static void emit(struct engine *en, const struct event *ev)
{
	pthread_mutex_lock(&en->sink_lock);
	for (unsigned i = 0; i < en->o->sink_count; i++)
		if (en->o->sinks[i].event)
			en->o->sinks[i].event(en->o->sinks[i].ctx, ev);
	pthread_mutex_unlock(&en->sink_lock);
}

static void emit_finished(struct engine *en, unsigned position)
{
	emit(en, &(struct event){ .kind = EVENT_FINISHED, .step = &en->plan->steps[position], .position = position,
				  .result = &en->rep->results[position], .at_ms = clock_now_ms() });
}

__attribute__((format(printf, 3, 0))) static void emit_text(struct run *r, bool note, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof text, fmt, args);
	emit(r->en, &(struct event){ .kind = note ? EVENT_NOTED : EVENT_SAID, .step = run_step(r),
				     .position = r->position, .text = text, .at_ms = clock_now_ms() });
	if (note)
		strbuf_printf(&r->en->rep->results[r->position].notes, "%s\n", text);
}

void run_say(struct run *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_text(r, false, fmt, args);
	va_end(args);
}

void run_say_line(void *run, const char *line)
{
	run_say(run, "%s", line);
}

void run_note(struct run *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit_text(r, true, fmt, args);
	va_end(args);
}

void run_warn(struct run *r, const char *fmt, ...)
{
	struct strbuf *all = &r->en->rep->results[r->position].warnings;
	auto_(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	strbuf_printf(all, "%s\n", text);
}

const struct step *run_step(const struct run *r)
{
	return &r->en->plan->steps[r->position];
}

void *run_context(const struct run *r)
{
	return r->en->o->context;
}

int64_t run_deadline_ms(const struct run *r)
{
	return r->deadline_ms;
}

const atomic_bool *run_cancel(const struct run *r)
{
	return r->en->o->cancel;
}

static bool canceled(const struct engine *en)
{
	return en->o->cancel && atomic_load(en->o->cancel);
}

/* Ends @position without running it; the lock is held. Appends it to @list: the caller emits the events after unlocking. */
static void end_unstarted(struct engine *en, unsigned position, enum step_state state, unsigned *list, unsigned *count)
{
	en->rep->results[position].state = state;
	en->ready.waiting[position] = false;
	en->left--;
	list[(*count)++] = position;
}

/* After a gate nothing runs anyway. Nor on a host that cannot be reached: its failure is said once. */
static bool cut_off(const struct plan *p, unsigned failed, unsigned next)
{
	const struct step *s = &p->steps[failed];

	return s->gate || (s->verb == VERB_HOST_OPEN && s->host == p->steps[next].host);
}

/*
 * Blocks every step that depends on @failed, directly or indirectly, except through one that runs anyway. Appends to @list,
 * which has room for every step.
 */
static void block_after(struct engine *en, unsigned failed, unsigned *list, unsigned *count)
{
	unsigned from = *count;

	for (unsigned at = failed;; at = list[from++]) {
		for (unsigned i = en->ready.next_start[at]; i < en->ready.next_start[at + 1]; i++) {
			unsigned next = en->ready.next[i];
			struct step_result *res = &en->rep->results[next];

			if (en->plan->steps[next].anyway && !cut_off(en->plan, at, next)) {
				ready_passed(&en->ready, next);
				continue;
			}
			if (!en->ready.waiting[next])
				continue;
			end_unstarted(en, next, STEP_BLOCKED, list, count);
			strbuf_printf(&res->notes, "waits for %s\n", en->plan->steps[failed].id);
		}
		if (from == *count)
			break;
	}
}

/* Interrupted: cancels every step that has not started. */
static void cancel_waiting(struct engine *en, unsigned *list, unsigned *count)
{
	for (unsigned i = 0; i < en->plan->step_count; i++) {
		struct step_result *res = &en->rep->results[i];

		if (!en->ready.waiting[i])
			continue;
		end_unstarted(en, i, STEP_CANCELED, list, count);
		fail(&res->fail, FAIL_CANCELED, "not started: interrupted");
	}
	en->ready.heap_count = 0;
}

static bool succeeded(enum step_state state)
{
	return state == STEP_DONE || state == STEP_UNCHANGED || state == STEP_SKIPPED;
}

static void end_step(struct engine *en, unsigned position, unsigned *list, unsigned *count)
{
	enum step_state state = en->rep->results[position].state;

	en->left--;
	ready_released(&en->ready, position);
	if ((state == STEP_FAILED || state == STEP_TIMEOUT) && !en->has_cause) {
		en->has_cause = true;
		en->cause = position;
	}
	if (!succeeded(state)) {
		block_after(en, position, list, count);
		return;
	}
	ready_ended(&en->ready, position);
}

static void run_verb(struct engine *en, struct run *r, struct step_result *res)
{
	const struct step *step = run_step(r);
	enum step_state state = STEP_DONE;
	verb_fn verb = (unsigned)step->verb < VERB_COUNT ? en->o->verbs[step->verb] : NULL;
	int status;

	emit(en, &(struct event){ .kind = EVENT_STARTED, .step = step, .position = r->position, .at_ms = res->start_ms });
	if (step->host && en->o->away)
		verb = en->o->away;
	if (!verb)
		status = fail(&res->fail, FAIL_OTHER, "there is no verb %d", (int)step->verb);
	else
		status = verb(r, &state, &res->fail);
	if (status == 0)
		res->state = succeeded(state) ? state : STEP_DONE;
	else if (res->fail.code == FAIL_TIMEOUT)
		res->state = STEP_TIMEOUT;
	else if (res->fail.code == FAIL_CANCELED)
		res->state = STEP_CANCELED;
	else
		res->state = STEP_FAILED;
}

/* Runs one step; its result is final afterwards. No lock is held. */
static void run_one(struct engine *en, unsigned position)
{
	struct step_result *res = &en->rep->results[position];
	int64_t timeout_ms = en->plan->steps[position].timeout_ms * (en->o->patience ? en->o->patience : 1);
	int64_t own = timeout_ms > 0 ? clock_after_ms(timeout_ms) : CLOCK_NEVER;
	struct run r = { .en = en, .position = position,
			 .deadline_ms = own < en->o->deadline_ms ? own : en->o->deadline_ms };

	if (clock_left_ms(en->o->deadline_ms) == 0) {
		/* No time left: the verb would only time out at once. */
		res->state = STEP_TIMEOUT;
		fail(&res->fail, FAIL_TIMEOUT, "not started: the run timed out (--timeout)");
	} else {
		res->start_ms = clock_now_ms();
		run_verb(en, &r, res);
		res->end_ms = clock_now_ms();
	}
	emit_finished(en, position);
}

static void work(void *ctx, unsigned worker)
{
	struct engine *en = ctx;
	auto_(free) unsigned *list = allocate(en->plan->step_count, sizeof *list);

	(void)worker;
	pthread_mutex_lock(&en->lock);
	while (en->left > 0) {
		unsigned count = 0, position;

		if (canceled(en)) {
			cancel_waiting(en, list, &count);
		} else if (ready_take(&en->ready, &position)) {
			en->rep->results[position].state = STEP_RUNNING;
			pthread_mutex_unlock(&en->lock);
			run_one(en, position);
			pthread_mutex_lock(&en->lock);
			end_step(en, position, list, &count);
			pthread_cond_broadcast(&en->changed);
		}
		if (count > 0) {
			pthread_cond_broadcast(&en->changed);
			pthread_mutex_unlock(&en->lock);
			for (unsigned i = 0; i < count; i++)
				emit_finished(en, list[i]);
			pthread_mutex_lock(&en->lock);
		} else if (en->left > 0 && (en->ready.heap_count == 0 || canceled(en))) {
			/* Other steps are running, and each broadcasts when it ends. If none ran, left would be 0. */
			pthread_cond_wait(&en->changed, &en->lock);
		}
	}
	pthread_mutex_unlock(&en->lock);
}

static void engine_init(struct engine *en)
{
	pthread_mutex_init(&en->lock, NULL);
	pthread_mutex_init(&en->sink_lock, NULL);
	pthread_cond_init(&en->changed, NULL);
	en->left = en->plan->step_count;
	ready_init(&en->ready, en->plan);
}

static void engine_clear(struct engine *en)
{
	ready_clear(&en->ready);
	pthread_cond_destroy(&en->changed);
	pthread_mutex_destroy(&en->sink_lock);
	pthread_mutex_destroy(&en->lock);
}

/* Derives the failure of the whole run from its results. */
static int conclude(const struct engine *en, struct fail *e)
{
	const struct exec_report *rep = en->rep;
	unsigned good = rep->counts[STEP_DONE] + rep->counts[STEP_UNCHANGED] + rep->counts[STEP_SKIPPED], all = 0;

	for (unsigned state = 0; state < STEP_STATE_COUNT; state++)
		all += rep->counts[state];
	if (good == all)
		return 0;
	if (en->has_cause && !(canceled(en) && rep->counts[STEP_CANCELED])) {
		*e = rep->results[en->cause].fail;
		if (en->plan->partial && good)
			e->code = FAIL_PARTIAL;
		return fail_wrap(e, "%s", en->plan->steps[en->cause].id);
	}
	fail(e, FAIL_CANCELED, "interrupted: %u of %u step%s did not run to the end", all - good, all, plural(all));
	return fail_next(e, "labctl -l %s %s    (%s)", en->plan->lab ? en->plan->lab->name : "NAME", en->plan->command,
			 good ? "continues where this one stopped" : "begins again");
}

int exec_run(const struct plan *p, const struct exec_options *o, struct exec_report *rep, struct fail *e)
{
	struct engine en = { .plan = p, .o = o, .rep = rep };
	unsigned jobs = o->jobs ? o->jobs : 1, workers = jobs < p->step_count ? jobs : p->step_count;
	int status;

	*rep = (struct exec_report){ .start_ms = clock_now_ms(),
				     .results = allocate(p->step_count, sizeof *rep->results) };
	rep->result_count = p->step_count;
	engine_init(&en);
	pool_run(workers, workers, work, &en);
	rep->end_ms = clock_now_ms();
	for (unsigned i = 0; i < p->step_count; i++)
		rep->counts[rep->results[i].state] += p->steps[i].verb != VERB_JOIN;
	status = conclude(&en, e);
	engine_clear(&en);
	return status;
}

void exec_report_clear(struct exec_report *rep)
{
	for (unsigned i = 0; rep->results && i < rep->result_count; i++) {
		strbuf_clear(&rep->results[i].notes);
		strbuf_clear(&rep->results[i].warnings);
	}
	free(rep->results);
	*rep = (struct exec_report){ 0 };
}
