/* SPDX-License-Identifier: PostgreSQL */
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

#include "startup.h"

static const char screen_on[] = "\033[?1049h\033[?25l", screen_off[] = "\033[?25h\033[?1049l";

static atomic_bool *cancel_flag;
static struct termios before;
static volatile sig_atomic_t is_raw, has_screen;

static void on_stop(int signo)
{
	(void)signo;
	if (!atomic_exchange(cancel_flag, true))
		return;
	terminal_restore();
	_exit(FAIL_CANCELED);
}

void terminal_quiet_cancel(atomic_bool *cancel)
{
	cancel_flag = cancel;
	startup_signals(on_stop);
}

int terminal_raw(const char *why, struct fail *e)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0)
		return fail(e, FAIL_USAGE, "%s", why);
	raw = before;
	cfmakeraw(&raw);
	is_raw = 1;
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0 ? fail_errno(e, FAIL_OTHER, "terminal") : 0;
}

void terminal_screen(void)
{
	has_screen = 1;
	(void)!write(STDOUT_FILENO, screen_on, sizeof screen_on - 1);
}

void terminal_restore(void)
{
	int error = errno;

	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	if (has_screen)
		(void)!write(STDOUT_FILENO, screen_off, sizeof screen_off - 1);
	is_raw = has_screen = 0;
	errno = error;
}
