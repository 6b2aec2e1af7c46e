/* SPDX-License-Identifier: PostgreSQL */
/*
 * Where drivers run: on this host or on a node of the lab, in a directory of their own. Commands are shell text. One thread.
 */
#ifndef LABCTL_BENCH_CLIENT_H
#define LABCTL_BENCH_CLIENT_H

#include <stdatomic.h>

#include "auto.h"
#include "lab.h"
#include "runtime.h"
#include "strbuf.h"

struct client;

/* Makes the directory, of that name in the lab's. @node NULL = this host. */
int client_open(struct runtime *rt, const struct node *node, const char *name, const atomic_bool *cancel, struct client **ret, struct fail *e);
/* FAIL_HOST if the host or node lacks @program, of the Debian package @package. */
int client_needs(struct client *c, const char *program, const char *package, struct fail *e);
/* Removes the directory. */
void client_close(struct client *c);
DEFINE_AUTO(struct client *, client_close)

const char *client_name(const struct client *c); /* "host" or the node's name */
unsigned client_cores(const struct client *c);

/* Writes a file of the directory, mode 0600. */
int client_put(struct client *c, const char *name, const char *text, struct fail *e);
/*
 * Runs @command in the directory and appends what it prints to @out (may be NULL). @line (may be NULL) gets each line of its
 * standard output. FAIL_REMOTE with the end of standard error if it does not exit with 0.
 */
int client_run(struct client *c, const char *command, int64_t deadline_ms, void (*line)(void *ctx, const char *line), void *ctx,
	       struct strbuf *out, struct fail *e);
/* Calls @line for each line of the files that match the shell pattern @pattern, and appends them to the file @copy of this host. */
int client_read(struct client *c, const char *pattern, const char *copy, void (*line)(void *ctx, const char *line), void *ctx,
		int64_t deadline_ms, struct fail *e);
/* Sends a signal ("TERM") to what client_run() has running: the pids that the command wrote to files "pids*". */
void client_signal(struct client *c, const char *signal);

#endif
