/* SPDX-License-Identifier: PostgreSQL */
/* The executor with fake verbs: random graphs, failure, timeout, cancel. Run it under TSan as well. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "executor.h"

#define STEPS 120
#define ROUNDS 60
#define NODES 5

/* What a fake step does; values in stage.acts. */
enum act { ACT_DONE, ACT_UNCHANGED, ACT_SKIP, ACT_FAIL, ACT_TIMEOUT, ACT_CANCEL_RUN, ACT_WAIT_CANCEL, ACT_COUNT };

struct stage {
	const struct plan *plan;
	unsigned patience;
	enum act acts[STEPS];
	atomic_int running, peak, started_early;
	atomic_int on_node[NODES], crowded; /* steps now running on each node; how often there was more than one */
	atomic_int ended[STEPS];
	atomic_bool cancel;
	unsigned jobs;
	/* set by the sink, which the executor never calls concurrently */
	unsigned events[STEPS][EVENT_FINISHED + 1];
	unsigned sink_inside, sink_overlaps, order_errors;
};

static int fake(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct stage *w = run_context(r);
	const struct step *step = run_step(r);
	unsigned me = (unsigned)(step - w->plan->steps);
	int now = atomic_fetch_add(&w->running, 1) + 1, peak = atomic_load(&w->peak), status = 0;

	while (now > peak && !atomic_compare_exchange_weak(&w->peak, &peak, now))
		;
	for (unsigned i = 0; i < step->after_count && !step->anyway; i++)
		if (!atomic_load(&w->ended[step->after[i]]))
			atomic_fetch_add(&w->started_early, 1);
	if (step->node && atomic_fetch_add(&w->on_node[step->node->index], 1))
		atomic_fetch_add(&w->crowded, 1);
	if (me % 7 == 0)
		clock_sleep_ms(me % 3);
	run_say(r, "step %u", me);
	switch (w->acts[me]) {
	case ACT_UNCHANGED: *ret_state = STEP_UNCHANGED; break;
	case ACT_SKIP: *ret_state = STEP_SKIPPED; run_note(r, "skipped: %u", me); break;
	case ACT_FAIL: status = fail(e, FAIL_REMOTE, "broken"); break;
	case ACT_TIMEOUT: status = fail(e, FAIL_TIMEOUT, "slow"); break;
	case ACT_CANCEL_RUN: atomic_store(&w->cancel, true); *ret_state = STEP_DONE; break;
	case ACT_WAIT_CANCEL:
		while (!atomic_load(run_cancel(r)) && clock_left_ms(run_deadline_ms(r)) > 0)
			clock_sleep_ms(1);
		status = atomic_load(run_cancel(r)) ? fail(e, FAIL_CANCELED, "canceled") : fail(e, FAIL_TIMEOUT, "late");
		break;
	default: *ret_state = STEP_DONE;
	}
	if (step->node)
		atomic_fetch_sub(&w->on_node[step->node->index], 1);
	atomic_store(&w->ended[me], 1);
	atomic_fetch_sub(&w->running, 1);
	return status;
}

static void watch(void *ctx, const struct event *ev)
{
	struct stage *w = ctx;

	if (w->sink_inside++)
		w->sink_overlaps++;
	w->events[ev->position][ev->kind]++;
	if (ev->kind == EVENT_FINISHED && w->events[ev->position][EVENT_STARTED] != (ev->result->start_ms != 0))
		w->order_errors++;
	w->sink_inside--;
}

static verb_fn table[VERB_COUNT];

/* A random graph; edges go from smaller to larger positions. Some steps belong to the host, the others to nodes. */
static struct plan random_plan(struct arena *a, unsigned *seed, unsigned count)
{
	static const struct node nodes[NODES] = { { 0 }, { .index = 1 }, { .index = 2 }, { .index = 3 }, { .index = 4 } };
	struct plan p = { .command = "test", .step_count = count, .arena = a };

	p.steps = arena_alloc(a, count * sizeof *p.steps);
	for (unsigned i = 0; i < count; i++) {
		struct step *s = &p.steps[i];

		s->id = arena_printf(a, "step/%u", i);
		s->verb = VERB_NODE_SCRIPT;
		s->node = i % NODES ? &nodes[i % NODES] : NULL;
		for (unsigned k = 0; i > 0 && k < (unsigned)rand_r(seed) % 4; k++)
			*arena_push(a, s->after, s->after_count) = (unsigned)rand_r(seed) % i;
	}
	return p;
}

static int run_stage(struct stage *w, const struct plan *p, int64_t deadline_ms, struct exec_report *rep, struct fail *e)
{
	struct event_sink sink = { .event = watch, .ctx = w };
	struct exec_options o = { .verbs = table, .context = w, .jobs = w->jobs, .deadline_ms = deadline_ms,
				  .patience = w->patience, .cancel = &w->cancel, .sinks = &sink, .sink_count = 1 };

	w->plan = p;
	return exec_run(p, &o, rep, e);
}

static bool good(enum step_state s)
{
	return s == STEP_DONE || s == STEP_UNCHANGED || s == STEP_SKIPPED;
}

/* Invariants after every run. */
static void check(const struct stage *w, const struct exec_report *rep)
{
	unsigned total = 0, started = 0;

	assert_int_equal(w->started_early, 0);
	assert_int_equal(w->crowded, 0);
	assert_int_equal(w->sink_overlaps, 0);
	assert_int_equal(w->order_errors, 0);
	assert_true((unsigned)w->peak <= w->jobs);
	for (unsigned i = 0; i < w->plan->step_count; i++) {
		const struct step_result *res = &rep->results[i];
		bool all_good = true;

		for (unsigned k = 0; k < w->plan->steps[i].after_count; k++) {
			const struct step_result *before = &rep->results[w->plan->steps[i].after[k]];

			all_good &= w->plan->steps[i].anyway || good(before->state);
			if (res->start_ms) /* one that runs anyway waits all the same */
				assert_true(res->start_ms >= before->end_ms);
		}
		assert_true(res->state > STEP_RUNNING && res->state < STEP_STATE_COUNT);
		assert_int_equal(w->events[i][EVENT_FINISHED], 1);
		assert_int_equal(w->events[i][EVENT_STARTED], res->start_ms != 0);
		if (res->start_ms) {
			assert_true(all_good);
			assert_true(res->end_ms >= res->start_ms);
			started++;
		}
		/* Exactly the steps whose prerequisites did not succeed are blocked, unless they were canceled first. */
		if (res->state == STEP_BLOCKED)
			assert_false(all_good);
		else if (!all_good)
			assert_int_equal(res->state, STEP_CANCELED);
	}
	for (unsigned i = 0; i < STEP_STATE_COUNT; i++)
		total += rep->counts[i];
	assert_int_equal(total, w->plan->step_count);
}

static void all_succeed(void **state)
{
	unsigned seed = 11;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct plan p = random_plan(a, &seed, 1 + (unsigned)rand_r(&seed) % STEPS);
		struct stage *w = arena_new_of(a, struct stage);
		struct exec_report rep;
		struct fail e = { 0 };

		w->jobs = 1 + round % 9;
		for (unsigned i = 0; i < STEPS; i++)
			w->acts[i] = (enum act)((unsigned)rand_r(&seed) % 3);
		assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), 0);
		assert_int_equal(e.code, FAIL_NONE);
		check(w, &rep);
		exec_report_clear(&rep);
	}
}

static void failures_block_descendants_only(void **state)
{
	unsigned seed = 12;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct plan p = random_plan(a, &seed, STEPS);
		struct stage *w = arena_new_of(a, struct stage);
		struct exec_report rep;
		struct fail e = { 0 };

		w->jobs = 1 + round % 9;
		for (unsigned i = 0; i < STEPS; i++)
			if (rand_r(&seed) % 12 == 0)
				w->acts[i] = rand_r(&seed) % 2 ? ACT_FAIL : ACT_TIMEOUT;
		w->acts[3] = ACT_FAIL;
		w->acts[0] = w->acts[1] = w->acts[2] = ACT_DONE;
		assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), -1);
		assert_true(e.code == FAIL_REMOTE || e.code == FAIL_TIMEOUT);
		assert_memory_equal(e.text, "step/", 5);
		check(w, &rep);
		for (unsigned i = 0; i < STEPS; i++)
			assert_true(rep.results[i].state != STEP_CANCELED);
		assert_int_equal(rep.results[3].state, STEP_FAILED);
		exec_report_clear(&rep);
	}
}

static int elsewhere(struct run *r, enum step_state *ret_state, struct fail *e)
{
	*ret_state = STEP_DONE;
	return run_step(r)->verb == VERB_HOST_OPEN && run_step(r)->host == 2 ? fail(e, FAIL_SSH, "no answer") : 0;
}

/* Steps of other hosts go to .away. Of a host that cannot be reached none runs, not even anyway; the others do. */
static void steps_of_other_hosts(void **state)
{
	unsigned first[] = { 0 }, second[] = { 1 };
	struct step steps[] = {
		{ .id = "host.open/b", .verb = VERB_HOST_OPEN, .host = 1 },
		{ .id = "host.open/c", .verb = VERB_HOST_OPEN, .host = 2 },
		{ .id = "off/b", .verb = VERB_NODE_OFF, .host = 1, .after = first, .after_count = 1 },
		{ .id = "off/c", .verb = VERB_NODE_OFF, .host = 2, .anyway = true, .after = second, .after_count = 1 },
		{ .id = "here", .verb = VERB_NODE_SCRIPT, .anyway = true, .after = second, .after_count = 1 },
	};
	struct plan p = { .command = "test", .steps = steps, .step_count = ARRAY_COUNT(steps), .partial = true };
	struct stage w = { .jobs = 2, .plan = &p };
	struct exec_options o = { .verbs = table, .away = elsewhere, .context = &w, .jobs = 2, .deadline_ms = CLOCK_NEVER };
	struct exec_report rep;
	struct fail e = { 0 };

	(void)state;
	table[VERB_NODE_SCRIPT] = fake;
	assert_int_equal(exec_run(&p, &o, &rep, &e), -1);
	assert_int_equal(e.code, FAIL_PARTIAL);
	assert_string_equal(e.text, "host.open/c: no answer");
	assert_int_equal(rep.results[2].state, STEP_DONE);
	assert_int_equal(rep.results[3].state, STEP_BLOCKED);
	assert_int_equal(rep.results[4].state, STEP_DONE);
	exec_report_clear(&rep);
}

/* Steps that run anyway: after the failed ones, and their own successors go on. */
static void some_steps_run_anyway(void **state)
{
	unsigned seed = 16;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct plan p = random_plan(a, &seed, STEPS);
		struct stage *w = arena_new_of(a, struct stage);
		struct exec_report rep;
		struct fail e = { 0 };

		p.partial = round % 2;
		w->jobs = 1 + round % 9;
		for (unsigned i = 0; i < STEPS; i++) {
			p.steps[i].anyway = rand_r(&seed) % 3 == 0;
			if (rand_r(&seed) % 6 == 0)
				w->acts[i] = rand_r(&seed) % 2 ? ACT_FAIL : ACT_TIMEOUT;
		}
		w->acts[3] = ACT_FAIL;
		assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), -1);
		assert_int_equal(e.code == FAIL_PARTIAL, p.partial);
		check(w, &rep);
		for (unsigned i = 0; i < STEPS; i++)
			if (p.steps[i].anyway)
				assert_true(rep.results[i].start_ms != 0);
		exec_report_clear(&rep);
	}
}

/* Behind a gate that stays closed, because a step before it failed, nothing runs; what does not wait for it does. */
static void a_closed_gate_stops_all(void **state)
{
	unsigned first[] = { 0 }, gate[] = { 1 }, chain[] = { 2, 3 }, both[] = { 0, 1 };
	struct step steps[] = {
		{ .id = "room", .verb = VERB_NODE_SCRIPT },
		{ .id = "gate", .verb = VERB_JOIN, .gate = true, .after = first, .after_count = 1 },
		{ .id = "off", .verb = VERB_NODE_SCRIPT, .anyway = true, .after = gate, .after_count = 1 },
		{ .id = "stop", .verb = VERB_NODE_SCRIPT, .after = gate, .after_count = 1 },
		{ .id = "start", .verb = VERB_NODE_SCRIPT, .anyway = true, .after = both, .after_count = 2 },
		{ .id = "free", .verb = VERB_NODE_SCRIPT, .anyway = true, .after = first, .after_count = 1 },
		{ .id = "end", .verb = VERB_NODE_SCRIPT, .anyway = true, .after = chain, .after_count = 2 },
	};
	static const enum step_state failed[] = { STEP_FAILED, STEP_BLOCKED, STEP_BLOCKED, STEP_BLOCKED, STEP_BLOCKED, STEP_DONE, STEP_DONE };
	struct plan p = { .command = "test", .steps = steps, .step_count = ARRAY_COUNT(steps) };

	(void)state;
	for (unsigned open = 0; open < 2; open++) {
		struct stage w = { .jobs = 3, .acts = { open ? ACT_DONE : ACT_FAIL } };
		struct exec_report rep;
		struct fail e = { 0 };

		assert_int_equal(run_stage(&w, &p, CLOCK_NEVER, &rep, &e), open ? 0 : -1);
		for (unsigned i = 0; i < ARRAY_COUNT(failed); i++)
			assert_int_equal(rep.results[i].state, open ? STEP_DONE : failed[i]);
		exec_report_clear(&rep);
	}
}

/* A plan of which nothing was done failed, in no part. */
static void nothing_done_is_not_partial(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	unsigned seed = 17;
	struct plan p = random_plan(a, &seed, 2);
	struct stage *w = arena_new_of(a, struct stage);
	struct exec_report rep;
	struct fail e = { 0 };

	(void)state;
	p.partial = true;
	p.steps[1].verb = VERB_JOIN;
	p.steps[1].anyway = true;
	w->jobs = 1;
	w->acts[0] = ACT_FAIL;
	assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), -1);
	assert_int_equal(e.code, FAIL_REMOTE);
	exec_report_clear(&rep);
}

static void cancel_in_the_middle(void **state)
{
	unsigned seed = 13;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct plan p = random_plan(a, &seed, STEPS);
		struct stage *w = arena_new_of(a, struct stage);
		struct exec_report rep;
		struct fail e = { 0 };

		w->jobs = 2 + round % 7;
		w->acts[20] = ACT_CANCEL_RUN;
		/* On cancel, running steps are told and waiting ones are not started. */
		w->acts[19] = w->acts[40] = ACT_WAIT_CANCEL;
		p.steps[20].after_count = 0;
		assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), -1);
		assert_int_equal(e.code, FAIL_CANCELED);
		assert_true(rep.counts[STEP_CANCELED] > 0);
		check(w, &rep);
		exec_report_clear(&rep);
	}
}

static void deadlines_end_steps(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	unsigned seed = 14;
	struct plan p = random_plan(a, &seed, 4);
	struct stage *w = arena_new_of(a, struct stage);
	struct exec_report rep;
	struct fail e = { 0 };
	int64_t start = clock_now_ms();

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		p.steps[i].after_count = 0;
	w->jobs = 1;
	w->acts[0] = w->acts[1] = ACT_WAIT_CANCEL;
	p.steps[0].timeout_ms = 30;
	p.steps[1].timeout_ms = 60000;
	assert_int_equal(run_stage(w, &p, clock_after_ms(120), &rep, &e), -1);
	assert_true(clock_now_ms() - start < 5000);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_memory_equal(e.text, "step/0: ", 8);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rep.results[i].state, STEP_TIMEOUT);
	/* Not started, because the time of the run was over. */
	assert_int_equal(rep.results[2].start_ms, 0);
	assert_int_equal(rep.results[3].start_ms, 0);
	exec_report_clear(&rep);
}

static void patience_multiplies_the_time_of_a_step(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	unsigned seed = 16;
	struct plan p = random_plan(a, &seed, 1);
	struct stage *w = arena_new_of(a, struct stage);
	struct exec_report rep;
	struct fail e = { 0 };
	int64_t start = clock_now_ms();

	(void)state;
	w->jobs = 1;
	w->patience = 10;
	w->acts[0] = ACT_WAIT_CANCEL;
	p.steps[0].timeout_ms = 30;
	assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), -1);
	assert_int_equal(rep.results[0].state, STEP_TIMEOUT);
	assert_true(clock_now_ms() - start >= 300);
	exec_report_clear(&rep);
}

static void lowest_position_first(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	unsigned seed = 15;
	struct plan p = random_plan(a, &seed, STEPS);
	struct stage *w = arena_new_of(a, struct stage);
	struct exec_report rep;
	struct fail e = { 0 };

	(void)state;
	w->jobs = 1;
	assert_int_equal(run_stage(w, &p, CLOCK_NEVER, &rep, &e), 0);
	for (unsigned i = 1; i < STEPS; i++)
		assert_true(rep.results[i].start_ms >= rep.results[i - 1].end_ms);
	assert_string_equal(strbuf_text(&rep.results[0].notes), "");
	exec_report_clear(&rep);
}

static void empty_plan(void **state)
{
	struct plan p = { .command = "test" };
	struct stage w = { .jobs = 4 };
	struct exec_report rep;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(run_stage(&w, &p, CLOCK_NEVER, &rep, &e), 0);
	exec_report_clear(&rep);
	exec_report_clear(&rep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_succeed),
		cmocka_unit_test(failures_block_descendants_only),
		cmocka_unit_test(some_steps_run_anyway), cmocka_unit_test(steps_of_other_hosts),
		cmocka_unit_test(a_closed_gate_stops_all),
		cmocka_unit_test(nothing_done_is_not_partial),
		cmocka_unit_test(cancel_in_the_middle),
		cmocka_unit_test(deadlines_end_steps),
		cmocka_unit_test(patience_multiplies_the_time_of_a_step),
		cmocka_unit_test(lowest_position_first),
		cmocka_unit_test(empty_plan),
	};

	for (unsigned i = 0; i < VERB_COUNT; i++)
		table[i] = fake;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
