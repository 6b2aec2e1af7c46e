/* SPDX-License-Identifier: PostgreSQL */
/*
 * Interprets an installer's serial console: progress, and whether it asks, fails, restarts or powers off.
 * Pure: text in, state out; no clock, no machine. First test to read: tests/link/test_install.c.
 */
#ifndef LABCTL_LINK_CONSOLE_H
#define LABCTL_LINK_CONSOLE_H

#include <stdint.h>

#include "strbuf.h"

/* In order of severity: an installer that fails and then powers off has failed. */
enum console_state {
	CONSOLE_RUNS,
	CONSOLE_ASKS,     /* the last line is a question */
	CONSOLE_OFF,
	CONSOLE_RESTARTS,
	CONSOLE_HALTS,    /* the system halted without powering off */
	CONSOLE_STARTS_OVER,
	CONSOLE_FAILS,    /* the installer reported a failure */
	CONSOLE_PANICS,   /* kernel panic */
};

#define CONSOLE_SEEN 256

struct console {
	enum console_state state;
	char progress[120];          /* last meaningful line: "Installing the base system 40%" */
	unsigned news;               /* count of lines unlike the last CONSOLE_SEEN ones (numbers ignored), and of bars that grew */
	struct strbuf text;          /* the last few KiB as plain lines, for evidence */
	struct strbuf notes;         /* messages of our scripts in the installer, one per line; the caller clears it */
	/* private */
	struct strbuf line;
	unsigned boots, escape;
	uint32_t seen[CONSOLE_SEEN]; unsigned seen_count;
};

void console_feed(struct console *c, const char *data, size_t len);
void console_clear(struct console *c);

#endif
