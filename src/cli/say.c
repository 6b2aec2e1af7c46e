/* SPDX-License-Identifier: PostgreSQL */
/* Output to stderr: whole lines, after flushing stdout, so that the two never mix within a line. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli.h"
#include "quote.h"
#include "strbuf.h"

#define COLUMNS_UNKNOWN 80
#define ROWS_UNKNOWN 24

void say_text(const char *text, size_t len)
{
	fflush(stdout);
	while (len > 0) {
		ssize_t put = write(STDERR_FILENO, text, len);

		if (put < 0 && errno != EINTR)
			return; /* the reader has gone */
		if (put > 0) {
			text += put;
			len -= (size_t)put;
		}
	}
}

void report_say(const char *fmt, ...)
{
	auto_(free) char *text = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		abort();
	quote_tame(text, (size_t)len);
	say_text(text, (size_t)len);
}

void say_flush(FILE *to)
{
	struct pollfd end = { .fd = fileno(to) };

	/* An earlier write may have failed; whether the reader has gone, the kernel still knows. */
	if (fflush(to) == 0 && !ferror(to))
		return;
	if (poll(&end, 1, 0) < 1 || !(end.revents & POLLERR))
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

unsigned say_columns(int fd)
{
	struct winsize size = { 0 };

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : COLUMNS_UNKNOWN;
}

void say_size(unsigned *ret_columns, unsigned *ret_rows)
{
	struct winsize size = { 0 };

	/* The kernel reports 0 for a serial line or a pseudo terminal without a window. */
	*ret_columns = say_columns(STDERR_FILENO);
	*ret_rows = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : ROWS_UNKNOWN;
}

unsigned say_cut(char *text, unsigned columns)
{
	mbstate_t state = { 0 };
	unsigned used = 0;

	for (size_t left = strlen(text); left > 0;) {
		wchar_t c;
		size_t len = mbrtowc(&c, text, left, &state);
		int width;

		if (len == 0 || len > left) { /* not a valid character, but harmless: quote_tame() has removed terminal controls */
			len = 1;
			width = 1;
			state = (mbstate_t){ 0 };
		} else {
			width = wcwidth(c);
		}
		width = width < 0 ? 1 : width;
		if (used + (unsigned)width > columns) {
			*text = '\0';
			break;
		}
		used += (unsigned)width;
		text += len;
		left -= len;
	}
	return used;
}

char *say_wrapped(const char *text, unsigned columns)
{
	struct strbuf b = { 0 };
	unsigned used = 0;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " ");
		auto_(free) char *word = strndup(p, len);
		unsigned width;

		if (!word)
			abort();
		width = say_cut(word, UINT_MAX);
		if (used && used + 1 + width > columns) {
			strbuf_char(&b, '\n');
			used = 0;
		} else if (used) {
			strbuf_char(&b, ' ');
			used++;
		}
		strbuf_str(&b, word);
		used += width;
		p += len;
		p += strspn(p, " ");
	}
	return strbuf_steal(&b);
}
