/* SPDX-License-Identifier: PostgreSQL */
/* Commands that own the terminal for a while: another mode, a whole screen, Ctrl-C as the way to end. Main thread only. */
#ifndef LABCTL_CLI_TERMINAL_H
#define LABCTL_CLI_TERMINAL_H

#include <stdatomic.h>

#include "fail.h"

/* INT, TERM and HUP now only set @cancel, without a message; the second one restores the terminal and exits at once. */
void terminal_quiet_cancel(atomic_bool *cancel);

/*
 * Every key goes to the program at once and unchanged, and nothing is printed for it. FAIL_USAGE if standard input or output
 * is no terminal, with @why, a sentence. Ends with terminal_restore().
 */
int terminal_raw(const char *why, struct fail *e);
/* A screen of its own, without a cursor. Ends with terminal_restore(), which shows again what was there before. */
void terminal_screen(void);
/* Undoes both; nothing to undo is fine. Safe in signal handlers. */
void terminal_restore(void);

#endif
