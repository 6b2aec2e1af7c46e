/* SPDX-License-Identifier: PostgreSQL */
/*
 * LABCTL_TRACE: calls into libvirt, SSH and the databases, each with its time. A call is two lines, so that one that
 * never returns is seen too: "trace 1.204 ssh > node3: run sh" and "trace 1.261 ssh < node3: run sh: status 0; 57.1 ms".
 * The first number counts seconds from trace_start(). Without it a call costs one branch, and its words are not made.
 *
 * Never trace what may be a secret: no input of a script, no parameter or literal of a query (trace_sql()), of a command
 * no more than its program (trace_program()), of a failure no words, only its code, cause and SQLSTATE.
 *
 * Threads: trace_start() comes before the first thread; a struct trace belongs to one call, and so to one thread.
 */
#ifndef LABCTL_BASE_TRACE_H
#define LABCTL_BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

#define TRACE_WHAT_MAX 256

enum trace_area { TRACE_LIBVIRT, TRACE_SSH, TRACE_SQL, TRACE_AREA_COUNT };

/* A call that runs; on its caller's stack. */
struct trace {
	int64_t since_us;
	enum trace_area area;
	char what[TRACE_WHAT_MAX];
};

/* Bit i = area i is traced. Written by trace_start() only. */
extern unsigned trace_areas;

static inline bool trace_on(enum trace_area area)
{
	return __builtin_expect(trace_areas, 0) && trace_areas >> area & 1;
}

/*
 * @words is a comma list of areas ("libvirt,ssh,sql"); NULL and "" are none. @line gets each line, whole and without a
 * newline, from any thread; it must be ready for foreign text. FAIL_USAGE for an unknown word, then nothing is traced.
 */
int trace_start(const char *words, void (*line)(const char *text), struct fail *e);

/* The call begins: trace_begin(&t, TRACE_SSH, "%s: run %s", node, program). */
#define trace_begin(t, of, ...)                                 \
	do {                                                    \
		if (trace_on(of))                               \
			trace_enter(t, of, __VA_ARGS__);        \
	} while (0)
/* It has ended. @e is its failure, NULL when it succeeded; the rest says what came of it, "" when there is nothing to say. */
#define trace_end(t, of, e, ...)                                \
	do {                                                    \
		if (trace_on(of))                               \
			trace_leave(t, e, __VA_ARGS__);         \
	} while (0)
__attribute__((format(printf, 3, 4))) void trace_enter(struct trace *t, enum trace_area area, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void trace_leave(struct trace *t, const struct fail *e, const char *fmt, ...);

/* The query on one line up to its first literal, which is "...": returns @ret. */
const char *trace_sql(const char *query, char ret[TRACE_WHAT_MAX]);
/* The program of a shell command: "tail" of "tail -n 20 -- log", "PGPASSWORD" of "PGPASSWORD=x psql": returns @ret. */
const char *trace_program(const char *command, char ret[TRACE_WHAT_MAX]);

#endif
