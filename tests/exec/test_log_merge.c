/* SPDX-License-Identifier: PostgreSQL */
/* Merging logs: the order of times, full queues, promises of streams that follow, silence, cancellation. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log_merge.h"

#define NEVER INT64_MAX

static void add(struct log_merge *m, unsigned stream, unsigned ms, const char *text)
{
	char time[24];

	snprintf(time, sizeof time, "2026-11-29 14:%02u:%02u.%03u", ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
	assert_true(log_merge_add(m, stream, time, "primary", text, strlen(text)));
}

static void promise(struct log_merge *m, unsigned stream, unsigned ms)
{
	char time[24];

	snprintf(time, sizeof time, "2026-11-29 14:%02u:%02u.%03u", ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
	log_merge_promise(m, stream, time);
}

static void take(struct log_merge *m, unsigned stream, const char *text)
{
	struct log_line *line = NULL;
	unsigned ignored;

	assert_int_equal(log_merge_next(m, NEVER, &line, &ignored), LOG_LINE);
	assert_string_equal(line->text, text);
	assert_int_equal(line->len, strlen(text));
	assert_int_equal(line->stream, stream);
	free(line);
}

static enum log_next next(struct log_merge *m, int64_t silent_ms, unsigned *ret_stream)
{
	struct log_line *line = NULL;
	enum log_next found = log_merge_next(m, silent_ms, &line, ret_stream);

	free(line);
	return found;
}

static void in_order(void **state)
{
	auto_(log_merge_free) struct log_merge *m = log_merge_new(3, NULL);
	unsigned stream;

	(void)state;
	add(m, 0, 10, "a");
	add(m, 0, 30, "b");
	add(m, 0, 30, "b, second line");
	add(m, 1, 20, "c");
	/* nobody knows yet what stream 2 has */
	assert_int_equal(next(m, NEVER, &stream), LOG_IDLE);
	add(m, 2, 5, "d");
	take(m, 2, "d");
	assert_int_equal(next(m, NEVER, &stream), LOG_IDLE);
	log_merge_end(m, 2);
	take(m, 0, "a");
	take(m, 1, "c");
	assert_int_equal(next(m, NEVER, &stream), LOG_IDLE);
	log_merge_end(m, 1);
	take(m, 0, "b");
	take(m, 0, "b, second line");
	assert_int_equal(next(m, NEVER, &stream), LOG_IDLE);
	log_merge_end(m, 0);
	assert_int_equal(next(m, NEVER, &stream), LOG_END);
	/* what was never taken is freed */
	add(m, 0, 1, "late");
}

/* Two threads of a stream's node write: the journal that is followed, and the servers' logs. */
static void own_lines_are_sorted(void **state)
{
	auto_(log_merge_free) struct log_merge *m = log_merge_new(1, NULL);

	(void)state;
	add(m, 0, 20, "2");
	add(m, 0, 40, "4");
	add(m, 0, 10, "1");
	add(m, 0, 30, "3");
	add(m, 0, 30, "3 again");
	take(m, 0, "1");
	take(m, 0, "2");
	take(m, 0, "3");
	take(m, 0, "3 again");
	take(m, 0, "4");
}

static void promises(void **state)
{
	auto_(log_merge_free) struct log_merge *m = log_merge_new(2, NULL);
	int64_t start;
	unsigned stream;

	(void)state;
	promise(m, 1, 100);
	add(m, 0, 100, "not later than the promise");
	take(m, 0, "not later than the promise");
	add(m, 0, 200, "later");
	assert_int_equal(next(m, NEVER, &stream), LOG_IDLE);
	add(m, 1, 150, "kept");
	take(m, 1, "kept");
	promise(m, 1, 200);
	take(m, 0, "later");
	/* a clock that is behind: nobody waits for long */
	start = clock_now_ms();
	add(m, 0, 500, "held");
	while (next(m, NEVER, &stream) == LOG_IDLE)
		promise(m, 1, 300);
	assert_in_range(clock_now_ms() - start, LOG_HOLD_MS - 10, LOG_HOLD_MS + 5000);
}

static void silence(void **state)
{
	auto_(log_merge_free) struct log_merge *m = log_merge_new(2, NULL);
	int64_t start = clock_now_ms();
	unsigned stream = 9;

	(void)state;
	add(m, 0, 1, "waits");
	while (next(m, 300, &stream) == LOG_IDLE)
		;
	assert_int_equal(stream, 1);
	assert_in_range(clock_now_ms() - start, 300, 5000);
	/* once; the caller ends the stream */
	assert_int_equal(next(m, 300, &stream), LOG_IDLE);
	log_merge_end(m, 1);
	take(m, 0, "waits");
}

struct writer { struct log_merge *m; unsigned stream, count; _Atomic unsigned added; bool ended_early; };

static void *write_lines(void *arg)
{
	struct writer *w = arg;
	char text[512], time[24];

	memset(text, 'x', sizeof text);
	for (unsigned i = 0; i < w->count; i++) {
		unsigned ms = i * 3 + w->stream;

		snprintf(time, sizeof time, "2026-11-29 14:%02u:%02u.%03u", ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
		if (!log_merge_add(w->m, w->stream, time, "s", text, sizeof text)) {
			w->ended_early = true;
			break;
		}
		atomic_fetch_add(&w->added, 1);
	}
	log_merge_end(w->m, w->stream);
	return NULL;
}

static void bounded(void **state)
{
	auto_(log_merge_free) struct log_merge *m = log_merge_new(3, NULL);
	struct writer w[3];
	pthread_t threads[3];
	struct log_line *line;
	char last[24] = "";
	unsigned stream, taken = 0, ahead = 0;
	enum log_next what;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		w[i] = (struct writer){ .m = m, .stream = i, .count = 4000 };
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &w[i]), 0);
	}
	while ((what = log_merge_next(m, NEVER, &line, &stream)) != LOG_END) {
		unsigned added = atomic_load(&w[0].added) + atomic_load(&w[1].added) + atomic_load(&w[2].added);

		if (what == LOG_IDLE)
			continue;
		assert_int_equal(what, LOG_LINE);
		assert_true(strcmp(last, line->time) <= 0);
		snprintf(last, sizeof last, "%s", line->time);
		free(line);
		taken++;
		ahead = added > taken + ahead ? added - taken : ahead;
	}
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(taken, 12000);
	/* each line takes more than its 512 bytes of the queue */
	assert_in_range(ahead, 1, 3 * (LOG_QUEUE_BYTES / 512 + 1));
}

static void canceled(void **state)
{
	atomic_bool cancel = false;
	auto_(log_merge_free) struct log_merge *m = log_merge_new(1, &cancel);
	struct writer w = { .m = m, .count = 100000 };
	pthread_t thread;
	unsigned stream;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_lines, &w), 0);
	while (next(m, NEVER, &stream) == LOG_IDLE)
		; /* the thread starts */
	atomic_store(&cancel, true);
	pthread_join(thread, NULL); /* it waits for room no longer */
	assert_true(w.ended_early);
	assert_int_equal(next(m, NEVER, &stream), LOG_CANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order), cmocka_unit_test(own_lines_are_sorted), cmocka_unit_test(promises),
		cmocka_unit_test(silence),  cmocka_unit_test(bounded),              cmocka_unit_test(canceled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
