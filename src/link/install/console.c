/* SPDX-License-Identifier: PostgreSQL */
#include "console.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"

#define TEXT_KEPT_BYTES 6000u

/* Phrases that determine the state: the worst wins; a question counts only while it is the last line. */
static const struct phrase { const char *text; enum console_state state; } phrases[] = {
	/* debconf as lines of text (Debian) */
	{ "Prompt: '?' for help", CONSOLE_ASKS },
	{ "[Press enter to continue]", CONSOLE_ASKS },
	{ "Choose the next step in the install process", CONSOLE_ASKS },
	/*
	 * anaconda, from knowledge: no medium of it was seen. Text mode from el7 on; its loader's and its own windows
	 * before, which cmdline mode never opens.
	 */
	{ "Please make a selection from the above", CONSOLE_ASKS },
	{ "Please make your choice from above", CONSOLE_ASKS },
	{ "<Tab>/<Alt-Tab> between elements", CONSOLE_ASKS },
	{ "Can't have a question in command line mode", CONSOLE_FAILS },
	{ "requires all choices to be specified in a kickstart", CONSOLE_FAILS },
	{ "in non-interactive cmdline mode", CONSOLE_FAILS },
	{ "no interactive debugging allowed", CONSOLE_FAILS },
	{ "The following problem occurred on line", CONSOLE_FAILS },
	{ "The following error was found while parsing", CONSOLE_FAILS },
	{ "An unknown error has occur", CONSOLE_FAILS },
	{ "install exited abnormally", CONSOLE_FAILS },
	{ "Traceback (most recent call last)", CONSOLE_FAILS },
	/* dracut (el7 on): no installer found */
	{ "Entering emergency mode", CONSOLE_FAILS },
	/* Linux */
	{ "Out of memory: Kill", CONSOLE_FAILS },
	{ "Kernel panic - not syncing", CONSOLE_PANICS },
	{ "System halted", CONSOLE_HALTS },
	{ "Restarting system", CONSOLE_RESTARTS },
	{ "reboot: Power down", CONSOLE_OFF },
	{ "Power down.", CONSOLE_OFF }, /* el5 */
};

/* True for the kernel's messages: "[    3.609345] words" and "<6>words". */
static bool of_kernel(const char *s)
{
	size_t blanks;

	if (*s != '[')
		return false;
	blanks = strspn(s + 1, " ");
	return isdigit((unsigned char)s[1 + blanks]) && s[1 + blanks + strspn(s + 1 + blanks, "0123456789.")] == ']';
}

static void note_news(struct console *c, const char *text, int (*counts)(int))
{
	uint32_t hash = 2166136261u;

	for (const char *p = text; *p; p++)
		if (counts((unsigned char)*p))
			hash = (hash ^ (unsigned char)*p) * 16777619u;
	for (unsigned i = 0; i < CONSOLE_SEEN && i < c->seen_count; i++)
		if (c->seen[i] == hash)
			return;
	c->seen[c->seen_count++ % CONSOLE_SEEN] = hash;
	c->news++;
}

/* Shortens "Title  ... 2%... 95%" to "Title 95%"; keeps other lines as they are. */
static void note_progress(struct console *c, const char *line)
{
	const char *dots = strstr(line, " ... "), *percent = strrchr(line, '%'), *number = percent;
	unsigned letters = 0;
	size_t len;

	for (const char *p = line; *p; p++)
		letters += isalpha((unsigned char)*p) != 0;
	if (of_kernel(line) || letters < 4)
		return;
	while (number && number > line && isdigit((unsigned char)number[-1]))
		number--;
	len = dots ? (size_t)(dots - line) : strlen(line);
	while (len && line[len - 1] == ' ')
		len--;
	if (dots && number > dots) {
		snprintf(c->progress, sizeof c->progress, "%.*s %.*s", (int)(len < 100 ? len : 100), line,
			 (int)(percent - number + 1), number);
		/* A progress bar grows without a newline: its number counts as news. */
		note_news(c, c->progress, isprint);
	} else {
		snprintf(c->progress, sizeof c->progress, "%.*s", (int)(len < 110 ? len : 110), line);
	}
}

static void judge(struct console *c, const char *line)
{
	bool asks = false;

	for (size_t i = 0; i < ARRAY_COUNT(phrases); i++) {
		if (!strstr(line, phrases[i].text))
			continue;
		asks = asks || phrases[i].state == CONSOLE_ASKS;
		if (phrases[i].state > c->state)
			c->state = phrases[i].state;
	}
	/* It continued by itself. */
	if (c->state == CONSOLE_ASKS && !asks && line[strspn(line, " ")])
		c->state = CONSOLE_RUNS;
}

static void end_line(struct console *c)
{
	const char *line = strbuf_text(&c->line);

	if (*line) {
		judge(c, line);
		note_progress(c, line);
		note_news(c, line, isalpha); /* a line that differs from others only in its numbers (times, sizes) is not news */
		if (!strncmp(line, "labctl: ", 8))
			strbuf_printf(&c->notes, "%s\n", line + 8);
		if (strstr(line, "Linux version ") && ++c->boots > 1 && c->state < CONSOLE_STARTS_OVER)
			c->state = CONSOLE_STARTS_OVER;
		strbuf_printf(&c->text, "%s\n", line);
		if (c->text.len > 2 * TEXT_KEPT_BYTES) {
			memmove(c->text.text, c->text.text + c->text.len - TEXT_KEPT_BYTES, TEXT_KEPT_BYTES);
			strbuf_truncate(&c->text, TEXT_KEPT_BYTES);
		}
	}
	strbuf_truncate(&c->line, 0);
}

/*
 * Skips terminal controls: ESC [ parameters letter, ESC and one more byte. Placing the cursor (H, f) starts a new line, so
 * that windows drawn on a screen become lines too.
 */
static bool in_escape(struct console *c, char byte)
{
	if (byte == '\033') {
		c->escape = 1;
	} else if (c->escape == 1) {
		c->escape = byte == '[' || byte == '(' ? 2 : 0;
	} else if (c->escape == 2) {
		if (byte < '@' || byte > '~')
			return true;
		if (byte == 'H' || byte == 'f')
			end_line(c);
		c->escape = 0;
	} else {
		return false;
	}
	return true;
}

void console_feed(struct console *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (in_escape(c, data[i]))
			continue;
		if (data[i] == '\n')
			end_line(c);
		else if ((unsigned char)data[i] >= ' ' && c->line.len < 4096)
			strbuf_char(&c->line, data[i]);
	}
	/* Questions and progress bars have no newline yet. */
	if (c->line.len) {
		judge(c, c->line.text);
		note_progress(c, c->line.text);
	}
}

void console_clear(struct console *c)
{
	strbuf_clear(&c->text);
	strbuf_clear(&c->notes);
	strbuf_clear(&c->line);
}
