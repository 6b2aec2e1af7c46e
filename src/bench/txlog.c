/* SPDX-License-Identifier: PostgreSQL */
#include "txlog.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 12

static void *more(void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 4096;
	items = realloc(items, *room * size);
	if (!items)
		abort();
	return items;
}

static bool number(const char *text, int64_t max, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	*ret = n;
	return end != text && (*end == '\0' || *end == '.') && errno == 0 && n >= 0 && n <= max;
}

static enum tx_outcome outcome_of(const char *word)
{
	return !strcmp(word, "doubtful") ? TX_DOUBTFUL : !strcmp(word, "refused") ? TX_REFUSED : TX_FAILED;
}

bool txlog_line(struct txlog *t, const char *line, bool has_lag)
{
	char copy[256], *field[FIELDS_MAX], *rest = copy, *word;
	int64_t latency, second, us, lag = 0, end;
	unsigned count = 0;

	if (strlen(line) >= sizeof copy)
		return false;
	memcpy(copy, line, strlen(line) + 1);
	while ((word = strsep(&rest, " ")) && count < FIELDS_MAX)
		if (*word)
			field[count++] = word;
	if (count < 6 + (unsigned)has_lag || !number(field[4], INT64_MAX / 2000000, &second) || !number(field[5], 999999, &us))
		return false;
	end = second * 1000000 + us;
	if (field[2][0] < '0' || field[2][0] > '9') {
		t->failures = more(t->failures, t->failed_count, &t->failed_room, sizeof *t->failures);
		t->failures[t->failed_count++] = (struct txlog_failure) { end, outcome_of(field[2]) };
		t->skipped += !strcmp(field[2], "skipped");
		return true;
	}
	if (!number(field[2], INT64_MAX, &latency) || (has_lag && !number(field[6], INT64_MAX, &lag)))
		return false;
	t->items = more(t->items, t->count, &t->room, sizeof *t->items);
	t->items[t->count++] = (struct txlog_item) { end, (float)latency, (float)lag };
	return true;
}

static int by_end(const void *a, const void *b)
{
	const struct txlog_item *x = a, *y = b;

	return x->end_us < y->end_us ? -1 : x->end_us > y->end_us;
}

void txlog_finish(struct txlog *t)
{
	t->start_us = t->failed_count ? t->failures[0].end_us : INT64_MAX;
	if (t->count)
		qsort(t->items, t->count, sizeof *t->items, by_end);
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].end_us - (int64_t)t->items[i].latency_us < t->start_us)
			t->start_us = t->items[i].end_us - (int64_t)t->items[i].latency_us;
	for (size_t i = 0; i < t->failed_count; i++)
		if (t->failures[i].end_us < t->start_us)
			t->start_us = t->failures[i].end_us;
	if (!t->count && !t->failed_count)
		t->start_us = 0;
}

void txlog_clear(struct txlog *t)
{
	free(t->items);
	free(t->failures);
	*t = (struct txlog) { 0 };
}

double *txlog_seconds(const struct txlog *t, double length_s, struct arena *a, unsigned *ret_count)
{
	unsigned count = length_s < 1 ? 0 : (unsigned)length_s;
	double *seconds = arena_alloc(a, (count ? count : 1) * sizeof *seconds);

	for (size_t i = 0; i < t->count; i++) {
		int64_t second = (t->items[i].end_us - t->start_us) / 1000000;

		if (second < count)
			seconds[second]++;
	}
	*ret_count = count;
	return seconds;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

/* The smallest value that the part @q of all does not exceed: exact, no interpolation. */
static double at(const float *sorted, size_t count, double q)
{
	size_t rank = (size_t)ceil(q * (double)count);

	return count ? (double)sorted[rank ? rank - 1 : 0] : 0;
}

static void set_latency(const float *sorted, size_t count, struct bench_latency *ret)
{
	double mean = 0, squares = 0;

	/* Welford: the squares of microseconds would lose digits. */
	for (size_t i = 0; i < count; i++) {
		double delta = (double)sorted[i] - mean;

		mean += delta / (double)(i + 1);
		squares += delta * ((double)sorted[i] - mean);
	}
	*ret = (struct bench_latency) { .mean = mean, .stddev = count > 1 ? sqrt(squares / (double)(count - 1)) : 0,
					.p50 = at(sorted, count, .5), .p95 = at(sorted, count, .95),
					.p99 = at(sorted, count, .99), .p999 = at(sorted, count, .999),
					.max = at(sorted, count, 1) };
}

void txlog_measure(const struct txlog *t, double from_s, double length_s, struct arena *a, struct bench_measure *m)
{
	int64_t from = t->start_us + (int64_t)(from_s * 1e6), to = from + (int64_t)(length_s * 1e6);
	struct bench_series *s = &m->series;
	float *values = malloc((t->count ? t->count : 1) * sizeof *values);
	size_t count = 0;

	if (!values)
		abort();
	s->seconds = (unsigned)length_s;
	s->tps = arena_alloc(a, (s->seconds + 1) * sizeof *s->tps);
	s->latency = arena_alloc(a, (s->seconds + 1) * sizeof *s->latency);
	m->histogram = histogram_new(a);
	for (size_t i = 0; i < t->count; i++) {
		const struct txlog_item *x = &t->items[i];
		int64_t second = (x->end_us - from) / 1000000;

		if (x->end_us < from || x->end_us >= to)
			continue;
		values[count++] = x->latency_us;
		histogram_add(m->histogram, (double)x->latency_us);
		if (second < s->seconds) {
			s->tps[second]++;
			s->latency[second] += (double)x->latency_us;
		}
	}
	for (unsigned i = 0; i < s->seconds; i++)
		s->latency[i] = s->tps[i] > 0 ? s->latency[i] / s->tps[i] : 0;
	qsort(values, count, sizeof *values, by_size);
	set_latency(values, count, &m->latency);
	m->warmup_s = from_s;
	m->seconds = length_s;
	m->transactions = count;
	m->tps = length_s > 0 ? (double)count / length_s : 0;
	m->failed = 0;
	for (size_t i = 0; i < t->failed_count; i++)
		m->failed += t->failures[i].end_us >= from && t->failures[i].end_us < to;
	count = 0;
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].end_us >= from && t->items[i].end_us < to)
			values[count++] = t->items[i].lag_us;
	qsort(values, count, sizeof *values, by_size);
	m->lag_p99 = at(values, count, .99);
	free(values);
}

const struct tx *txlog_outcomes(const struct txlog *t, int64_t from_us, struct arena *a, unsigned *ret_count)
{
	struct tx *all = arena_alloc(a, (t->count + t->failed_count + 1) * sizeof *all);
	unsigned count = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct txlog_item *x = &t->items[i];

		if (x->end_us >= from_us)
			all[count++] = (struct tx){ .begun_ms = (x->end_us - (int64_t)x->latency_us - from_us) / 1000,
						    .ended_ms = (x->end_us - from_us) / 1000, .outcome = TX_COMMITTED };
	}
	for (size_t i = 0; i < t->failed_count; i++) {
		int64_t at_ms = (t->failures[i].end_us - from_us) / 1000;

		if (t->failures[i].end_us >= from_us)
			all[count++] = (struct tx){ .begun_ms = at_ms, .ended_ms = at_ms, .outcome = (uint8_t)t->failures[i].outcome };
	}
	qsort(all, count, sizeof *all, tx_compare);
	*ret_count = count;
	return all;
}
