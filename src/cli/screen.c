/* SPDX-License-Identifier: PostgreSQL */
#include "screen.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "quote.h"
#include "terminal.h"

#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"
#define LOOK_MS 100 /* how soon Ctrl-C is seen */

static unsigned screen_rows(void)
{
	struct winsize size = { 0 };

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : 24;
}

/* In one write, so that the screen does not flicker. */
static void show(char *text)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	unsigned columns = say_columns(STDOUT_FILENO), rows = screen_rows();
	const char *p;
	char *line;
	size_t left;

	quote_tame(text, strlen(text));
	strbuf_str(&out, HOME);
	for (unsigned row = 0; row < rows && (line = strsep(&text, "\n")); row++) {
		if (!text && !*line)
			break;
		say_cut(line, columns);
		strbuf_printf(&out, "%s%s" CLEAR_LINE, row ? "\n" : "", line);
	}
	strbuf_str(&out, CLEAR_BELOW);
	for (p = out.text, left = out.len; left > 0;) {
		ssize_t put = write(STDOUT_FILENO, p, left);

		if (put < 0 && errno != EINTR)
			return;
		if (put > 0) {
			p += put;
			left -= (size_t)put;
		}
	}
}

int screen_run(struct cli *c, unsigned every_ms, int (*draw)(void *ctx, struct strbuf *out, struct fail *e), void *ctx, struct fail *e)
{
	struct arena *kept = c->arena;

	if (!isatty(STDOUT_FILENO))
		return fail(e, FAIL_USAGE, "a screen that is drawn again and again needs a terminal on standard output");
	terminal_quiet_cancel(c->cancel);
	terminal_screen();
	while (!atomic_load(c->cancel)) {
		auto_(strbuf_clear) struct strbuf text = { 0 };
		int64_t next = clock_after_ms(every_ms);
		struct fail why = { 0 };

		c->arena = arena_new();
		if (draw(ctx, &text, &why) < 0)
			strbuf_printf(&text, "%s\n%s\n", why.text, why.next);
		arena_free(c->arena);
		c->arena = kept;
		strbuf_str(&text, "");
		if (!atomic_load(c->cancel))
			show(text.text);
		while (clock_left_ms(next) > 0 && !atomic_load(c->cancel))
			clock_sleep_ms(clock_poll_ms(next, LOOK_MS));
	}
	terminal_restore();
	return FAIL_CANCELED;
}
