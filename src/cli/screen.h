/* SPDX-License-Identifier: PostgreSQL */
/* A screen that is drawn again and again: status --watch, top. Main thread only. */
#ifndef LABCTL_CLI_SCREEN_H
#define LABCTL_CLI_SCREEN_H

#include "cli.h"

/*
 * Shows what @draw appends to its text, until Ctrl-C; then the terminal shows again what was there before. What does not fit
 * is cut: lines at the right, and lines at the bottom. A failure of @draw is shown in its place, and it is called again.
 * c->arena is another one in each call of @draw. Returns FAIL_CANCELED, the exit status, or -1 with FAIL_USAGE if standard output
 * is no terminal. @every_ms: pause between two calls.
 */
int screen_run(struct cli *c, unsigned every_ms, int (*draw)(void *ctx, struct strbuf *out, struct fail *e), void *ctx, struct fail *e);

#endif
