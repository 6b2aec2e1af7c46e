/* SPDX-License-Identifier: PostgreSQL */
/* What a node and its hypervisor have printed. Asks the node's host, if that is another one. Any thread. */
#ifndef LABCTL_EXEC_NODE_CONSOLE_H
#define LABCTL_EXEC_NODE_CONSOLE_H

#include "runtime.h"
#include "strbuf.h"

#define CONSOLE_LINES 20u

struct console {
	const char *screen; /* the last lines of a machine's console */
	const char *log;    /* those of the hypervisor's log of the domain */
};
/* For messages about nodes that do not come up: what cannot be read is empty. In @a. */
void console_read(struct runtime *rt, const struct node *n, struct arena *a, struct console *ret);

/*
 * The last lines of the node's console; of a container, those of the journal in its root since @since_ms (0 = all of it), or what its
 * first process printed if that @ended before there was a journal.
 */
void console_evidence(struct runtime *rt, const struct node *n, int64_t since_ms, bool ended, struct strbuf *out);

/*
 * The whole lines that the console of a machine got after its byte @from (0 = all), the last @max_bytes at most, and how large its file is
 * now. The file of a machine that never started is empty. Of another host, what is not ASCII is '?'.
 */
#define CONSOLE_MAX_BYTES (1u << 20)
struct console_file { int64_t size, changed_ms; };
int console_text(struct runtime *rt, const struct node *n, int64_t from, uint32_t max_bytes, struct strbuf *out, struct console_file *ret,
		 struct fail *e);

#endif
