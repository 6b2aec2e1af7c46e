/* SPDX-License-Identifier: PostgreSQL */
/*
 * Merges the lines of many streams, in the order of their times, while they are written. Each stream belongs to a thread, which
 * waits while LOG_QUEUE_BYTES of its lines are not taken yet: so memory is bounded, and so is what is on its way. One
 * thread takes the lines. Times are texts of one form, and are compared as such (plan/log_script.h).
 *
 * A line is taken when no other stream can have an earlier one: it has a later line, has ended, or has promised. Streams that
 * follow their logs promise again and again; since clocks differ, nobody waits longer than LOG_HOLD_MS for such a promise.
 */
#ifndef LABCTL_EXEC_LOG_MERGE_H
#define LABCTL_EXEC_LOG_MERGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"

#define LOG_QUEUE_BYTES (64u << 10) /* of a stream */
#define LOG_HOLD_MS 3000
#define LOG_SOURCE_MAX 32

struct log_merge;

struct log_line {
	struct log_line *before, *after; /* private */
	int64_t added_ms;                /* private */
	unsigned stream;
	char time[24], source[LOG_SOURCE_MAX];
	size_t len;
	char text[];                     /* ends with NUL, which .len does not count */
};

/* @cancel may be NULL. Aborts if out of memory. */
struct log_merge *log_merge_new(unsigned streams, const atomic_bool *cancel);
void log_merge_free(struct log_merge *m);
DEFINE_AUTO(struct log_merge *, log_merge_free)

/* For the thread of a stream. False if the program is to end: nobody takes lines any more. A source's name may be cut. */
bool log_merge_add(struct log_merge *m, unsigned stream, const char *time, const char *source, const char *text, size_t len);
/* No line before @time will follow (it may, but then it is late). The first promise says that the stream now follows. */
void log_merge_promise(struct log_merge *m, unsigned stream, const char *time);
void log_merge_end(struct log_merge *m, unsigned stream);

enum log_next {
	LOG_LINE,     /* *ret_line is the caller's: free() */
	LOG_IDLE,     /* nothing to take now; the caller may flush its output and calls again. Comes after 100 ms at most */
	LOG_SILENT,   /* *ret_stream has neither added nor promised anything for a long time; once for each silence */
	LOG_END,      /* all streams have ended */
	LOG_CANCELED,
};
/* @silent_ms: how long a stream may be silent while it is being waited for. */
enum log_next log_merge_next(struct log_merge *m, int64_t silent_ms, struct log_line **ret_line, unsigned *ret_stream);

#endif
