/* SPDX-License-Identifier: PostgreSQL */
/*
 * Child processes: no shell, own process group, deadline, output captured or sent
 * to a file. On deadline or cancel the group is killed (TERM, 2 s later KILL). A child also dies with the thread that
 * started it, unless .detach is set. Thread-safe.
 */
#ifndef LABCTL_BASE_PROC_H
#define LABCTL_BASE_PROC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fail.h"
#include "strbuf.h"

#define PROC_LOOK_MS 5000
#define PROC_OUT_MAX_BYTES (16u << 20) /* limit of .out; longer output is cut */

struct proc {
	const char *const *argv;      /* NULL-terminated; argv[0] searched in PATH */
	const char *dir;              /* working directory or NULL */
	const char *chroot;           /* root directory or NULL */
	const char *input;            /* text for stdin, or NULL = /dev/null */
	size_t input_len;
	struct strbuf *out;           /* stdout is appended here, or NULL = discarded */
	const char *log_path;         /* stderr (and stdout when .out and .line are NULL) appended here; NULL = kept for the error */
	void (*line)(void *ctx, const char *line); /* called for each line of stdout, cut at 64 KiB; or NULL */
	void (*look)(void *ctx);      /* called about every PROC_LOOK_MS while it runs, to report progress; or NULL */
	void *line_ctx;               /* argument of both */
	int64_t deadline_ms;          /* absolute (base/clock.h), or CLOCK_NEVER */
	const atomic_bool *cancel;    /* checked every 100 ms; may be NULL */
	bool no_ipv6;                 /* no IPv6 sockets for it and its children: as on a kernel without IPv6 */
	bool detach;                  /* new session: for daemons that outlive us (they must daemonise themselves) */
};

/*
 * Runs to the end. Returns 0 when the child exited, whatever its status (@ret_status 0..255,
 * 128+n for signal n). FAIL_TIMEOUT, FAIL_CANCELED, FAIL_HOST when the program is missing.
 */
int proc_run(const struct proc *p, int *ret_status, struct fail *e);

/* proc_run() that makes a non-zero status FAIL_OTHER, with the last lines of stderr or .log_path as evidence. */
int proc_check(const struct proc *p, struct fail *e);

/* True when the program is in PATH or in /usr/sbin. */
bool proc_found(const char *program);

#endif
