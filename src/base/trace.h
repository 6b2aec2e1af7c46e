/* SPDX-License-Identifier: PostgreSQL */
/*
 * LABCTL_TRACE prints the calls to libvirt, SSH and the databases with their times. Each call prints two lines, so that
 * a call that never returns shows as well:
 *   trace 1.204 ssh > node3: run sh
 *   trace 1.261 ssh < node3: run sh: status 0; 57.1 ms
 * The first number is the seconds since trace_start(). Without tracing a call costs one branch.
 *
 * Never trace a possible secret. Left out are the input of a script, parameters and literals of a query (trace_sql()),
 * arguments of a command (trace_program()) and the text of a failure; its code, cause and SQLSTATE are printed.
 *
 * Threads: call trace_start() before the first thread starts. A struct trace belongs to one call, and so to one thread.
 */
#ifndef LABCTL_BASE_TRACE_H
#define LABCTL_BASE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

#define TRACE_WHAT_MAX 256

enum trace_area { TRACE_LIBVIRT, TRACE_SSH, TRACE_SQL, TRACE_AREA_COUNT };

/* A running call; on its caller's stack. */
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
 * @words is a comma list of areas ("libvirt,ssh,sql"); NULL and "" trace nothing. @line is called from any thread with
 * each line, without a newline, and must make it safe to print, since nodes and servers choose some of its text. An
 * unknown word is FAIL_USAGE, and nothing is traced.
 */
int trace_start(const char *words, void (*line)(const char *text), struct fail *e);

/* A call begins: trace_begin(&t, TRACE_SSH, "%s: run %s", node, program). */
#define trace_begin(t, of, ...)                                 \
	do {                                                    \
		if (trace_on(of))                               \
			trace_enter(t, of, __VA_ARGS__);        \
	} while (0)
/* The call has ended. @e is its failure, or NULL; the rest is the format of its result, "" = "done". */
#define trace_end(t, of, e, ...)                                \
	do {                                                    \
		if (trace_on(of))                               \
			trace_leave(t, e, __VA_ARGS__);         \
	} while (0)
__attribute__((format(printf, 3, 4))) void trace_enter(struct trace *t, enum trace_area area, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void trace_leave(struct trace *t, const struct fail *e, const char *fmt, ...);

/* Writes the query on one line, cut at its first literal ("..." stands for the rest). Returns @ret. */
const char *trace_sql(const char *query, char ret[TRACE_WHAT_MAX]);
/* First word of a command, in @ret: "tail" of "tail -n 20 -- log", "PGPASSWORD" of "PGPASSWORD=x psql". Returns @ret. */
const char *trace_program(const char *command, char ret[TRACE_WHAT_MAX]);

#endif
