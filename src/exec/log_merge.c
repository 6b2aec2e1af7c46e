/* SPDX-License-Identifier: PostgreSQL */
#include "log_merge.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define WAIT_SLICE_MS 100 /* how often a wait checks the cancel flag */

struct stream {
	struct log_line *first, *last; /* in the order of time */
	size_t bytes;                  /* of the queue */
	char promised[24];             /* empty = nothing */
	int64_t heard_ms;              /* when it added or promised something last */
	bool ended, told;              /* .told: LOG_SILENT was returned */
};

struct log_merge {
	pthread_mutex_t lock;
	pthread_cond_t added, taken;
	const atomic_bool *cancel;
	struct stream *streams;
	unsigned count;
};

struct log_merge *log_merge_new(unsigned streams, const atomic_bool *cancel)
{
	struct log_merge *m = calloc(1, sizeof *m);

	if (!m || !(m->streams = calloc(streams ? streams : 1, sizeof *m->streams)))
		abort();
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->added, NULL);
	pthread_cond_init(&m->taken, NULL);
	m->cancel = cancel;
	m->count = streams;
	for (unsigned i = 0; i < streams; i++)
		m->streams[i].heard_ms = clock_now_ms();
	return m;
}

void log_merge_free(struct log_merge *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->count; i++)
		for (struct log_line *l = m->streams[i].first, *after; l; l = after) {
			after = l->after;
			free(l);
		}
	free(m->streams);
	pthread_cond_destroy(&m->added);
	pthread_cond_destroy(&m->taken);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static bool is_canceled(const struct log_merge *m)
{
	return m->cancel && atomic_load(m->cancel);
}

static void wait_a_little(struct log_merge *m, pthread_cond_t *on)
{
	int64_t until = clock_wall_ms() + WAIT_SLICE_MS;
	struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	pthread_cond_timedwait(on, &m->lock, &at);
}

/* --- for the streams --- */

/* Puts the line behind those that are not later. A stream's own lines mostly come in order: looks from the end. */
static void insert(struct stream *s, struct log_line *line)
{
	struct log_line *before = s->last;

	while (before && strcmp(before->time, line->time) > 0)
		before = before->before;
	line->before = before;
	line->after = before ? before->after : s->first;
	*(line->after ? &line->after->before : &s->last) = line;
	*(before ? &before->after : &s->first) = line;
	s->bytes += sizeof *line + line->len;
}

static void hear(struct stream *s)
{
	s->heard_ms = clock_now_ms();
	s->told = false;
}

bool log_merge_add(struct log_merge *m, unsigned stream, const char *time, const char *source, const char *text, size_t len)
{
	struct stream *s = &m->streams[stream];
	struct log_line *line = calloc(1, sizeof *line + len + 1);
	bool canceled;

	if (!line)
		abort();
	line->stream = stream;
	snprintf(line->time, sizeof line->time, "%s", time);
	snprintf(line->source, sizeof line->source, "%s", source);
	memcpy(line->text, text, len);
	line->len = len;
	line->added_ms = clock_now_ms();
	pthread_mutex_lock(&m->lock);
	while (!(canceled = is_canceled(m)) && s->bytes >= LOG_QUEUE_BYTES) {
		hear(s); /* it waits for us, not we for it */
		wait_a_little(m, &m->taken);
	}
	if (!canceled) {
		hear(s);
		insert(s, line);
		pthread_cond_signal(&m->added);
		line = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	free(line);
	return !canceled;
}

void log_merge_promise(struct log_merge *m, unsigned stream, const char *time)
{
	struct stream *s = &m->streams[stream];

	pthread_mutex_lock(&m->lock);
	hear(s);
	snprintf(s->promised, sizeof s->promised, "%s", time);
	pthread_cond_signal(&m->added);
	pthread_mutex_unlock(&m->lock);
}

void log_merge_end(struct log_merge *m, unsigned stream)
{
	pthread_mutex_lock(&m->lock);
	m->streams[stream].ended = true;
	pthread_cond_signal(&m->added);
	pthread_mutex_unlock(&m->lock);
}

/* --- for the one who takes --- */

/* The stream whose first line is the earliest, or NULL; of equal ones the first. */
static struct stream *earliest(struct log_merge *m)
{
	struct stream *found = NULL;

	for (struct stream *s = m->streams; s < m->streams + m->count; s++)
		if (s->first && (!found || strcmp(s->first->time, found->first->time) < 0))
			found = s;
	return found;
}

/* May this stream, which has no line now, still have one before @line? */
static bool may_be_earlier(const struct stream *s, const struct log_line *line, int64_t now_ms)
{
	if (s->first || s->ended || (*s->promised && strcmp(s->promised, line->time) >= 0))
		return false;
	return !*s->promised || now_ms - line->added_ms < LOG_HOLD_MS;
}

static struct log_line *take(struct stream *s)
{
	struct log_line *line = s->first;

	s->first = line->after;
	*(s->first ? &s->first->before : &s->last) = NULL;
	s->bytes -= sizeof *line + line->len;
	return line;
}

static bool all_ended(const struct log_merge *m)
{
	for (unsigned i = 0; i < m->count; i++)
		if (!m->streams[i].ended)
			return false;
	return true;
}

/* The first stream that has been silent for too long, and was not told yet; or NULL. */
static struct stream *silent(struct log_merge *m, int64_t silent_ms, int64_t now_ms)
{
	for (struct stream *s = m->streams; s < m->streams + m->count; s++)
		if (!s->ended && !s->first && !s->told && now_ms - s->heard_ms >= silent_ms)
			return s;
	return NULL;
}

static enum log_next look(struct log_merge *m, int64_t silent_ms, struct log_line **ret_line, unsigned *ret_stream)
{
	int64_t now_ms = clock_now_ms();
	struct stream *s = earliest(m), *quiet = silent(m, silent_ms, now_ms);

	if (is_canceled(m))
		return LOG_CANCELED;
	if (quiet) {
		quiet->told = true;
		*ret_stream = (unsigned)(quiet - m->streams);
		return LOG_SILENT;
	}
	if (!s)
		return all_ended(m) ? LOG_END : LOG_IDLE;
	for (struct stream *other = m->streams; other < m->streams + m->count; other++)
		if (may_be_earlier(other, s->first, now_ms))
			return LOG_IDLE;
	*ret_line = take(s);
	pthread_cond_broadcast(&m->taken);
	return LOG_LINE;
}

enum log_next log_merge_next(struct log_merge *m, int64_t silent_ms, struct log_line **ret_line, unsigned *ret_stream)
{
	enum log_next next;

	pthread_mutex_lock(&m->lock);
	next = look(m, silent_ms, ret_line, ret_stream);
	if (next == LOG_IDLE) {
		wait_a_little(m, &m->added);
		next = look(m, silent_ms, ret_line, ret_stream);
	}
	pthread_mutex_unlock(&m->lock);
	return next;
}
