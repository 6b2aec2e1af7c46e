/* SPDX-License-Identifier: PostgreSQL */
/*
 * What an installer's serial console says: how far it is, and whether it asks, fails, starts over or switches off.
 * Text in, verdict out; no clock, no machine. First test to read: tests/link/test_install.c.
 */
#ifndef LABCTL_LINK_CONSOLE_H
#define LABCTL_LINK_CONSOLE_H

#include <stdint.h>

#include "strbuf.h"

/* A later one is worse: an installer that has failed and switches the machine off has failed. */
enum console_state {
	CONSOLE_RUNS,
	CONSOLE_ASKS,     /* a question, with nothing after it so far */
	CONSOLE_OFF,
	CONSOLE_RESTARTS,
	CONSOLE_HALTS,    /* the system ended without switching the machine off */
	CONSOLE_STARTS_OVER,
	CONSOLE_FAILS,    /* the installer says so */
	CONSOLE_PANICS,   /* the kernel does */
};

#define CONSOLE_SEEN 256

struct console {
	enum console_state state;
	char progress[120];          /* last line that means something: "Installing the base system 40%" */
	unsigned news;               /* lines that were none of the last CONSOLE_SEEN ones, numbers aside; bars that grew */
	struct strbuf text;          /* plain lines, the last few KiB: evidence */
	struct strbuf notes;         /* what our own scripts in the installer say, a line each: taken and emptied by the caller */
	/* private */
	struct strbuf line;
	unsigned boots, escape;
	uint32_t seen[CONSOLE_SEEN]; unsigned seen_count;
};

void console_feed(struct console *c, const char *data, size_t len);
void console_clear(struct console *c);

#endif
