/* SPDX-License-Identifier: PostgreSQL */
/*
 * A program that runs beside us, and with which we exchange lines. It runs in its own process group, so that Ctrl-C does not reach it;
 * it must end by itself when its standard input ends. One thread may send while another one reads. First test to read:
 * tests/unit/test_coproc.c.
 */
#ifndef LABCTL_BASE_COPROC_H
#define LABCTL_BASE_COPROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "fail.h"
#include "strbuf.h"

#define COPROC_LINE_MAX (16u << 20)

struct coproc;

/* @argv[0] is searched in PATH. FAIL_HOST if it cannot be started. */
int coproc_start(const char *const *argv, struct coproc **ret, struct fail *e);
/* Sends @line and a newline. FAIL_TIMEOUT; FAIL_OTHER if the program reads no more. */
int coproc_send(struct coproc *c, const char *line, int64_t deadline_ms, struct fail *e);
/* The next line, without its newline. FAIL_TIMEOUT; FAIL_NOT_FOUND after the last one. */
int coproc_line(struct coproc *c, int64_t deadline_ms, struct strbuf *line, struct fail *e);
/* What the program has written to its standard error, as a string the caller frees. */
char *coproc_errors(const struct coproc *c);
/* Ends its input: it ends, and then coproc_line() does. */
void coproc_hang_up(struct coproc *c);
void coproc_kill(struct coproc *c); /* the same at once */
/* Its exit status, after coproc_line() failed with FAIL_NOT_FOUND; -1 = a signal ended it, or it did not end within @wait_ms. */
int coproc_status(const struct coproc *c, int64_t wait_ms);
/* Ends its input, waits up to 5 s for its end, then kills its process group. No other thread may use it. */
void coproc_end(struct coproc *c);
DEFINE_AUTO(struct coproc *, coproc_end)

#endif
