/* SPDX-License-Identifier: PostgreSQL */
/* Prints the command tables for a terminal (labctl help) and as a manual page (labctl manual). */
#include "help.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "command_line.h"
#include "strbuf.h"

#define ROW_AT 29  /* column of the text of an option */
#define ROOM_MIN 16 /* a narrower column is not wrapped */

/* --- for a terminal --- */

/* Prints one line of text, wrapped to @columns, with its other lines indented by @at. */
static void print_line(const char *line, size_t len, unsigned at, unsigned columns)
{
	auto_(free) char *copy = strndup(line, len), *lines = NULL;

	if (!copy || (columns >= at + ROOM_MIN && !(lines = say_wrapped(copy, columns - at))))
		abort();
	for (const char *p = lines ? lines : copy; *p; p++) {
		putchar(*p);
		if (*p == '\n')
			printf("%*s", (int)at, "");
	}
	putchar('\n');
}

/* Lines that begin with a blank are examples and tables: they are not wrapped. */
static void print_paragraphs(const char *text)
{
	unsigned columns = say_columns(STDOUT_FILENO);

	for (size_t len; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		print_line(text, len, 0, *text == ' ' ? 0 : columns);
	}
}

/* Only a terminal gets wrapped rows: programs read them by line. */
static void print_row(const char *text, unsigned at)
{
	print_line(text, strlen(text), at, isatty(STDOUT_FILENO) ? say_columns(STDOUT_FILENO) : 0);
}

static void print_option(const struct option_row *row)
{
	char left[48];

	snprintf(left, sizeof left, "%s%c%s--%s%s%s", row->letter ? "-" : " ", row->letter ? row->letter : ' ',
		 row->letter ? ", " : "  ", row->name, row->arg ? " " : "", row->arg ? row->arg : "");
	printf("  %-*s ", ROW_AT - 3, left);
	print_row(row->text, ROW_AT);
}

static void print_actions(const struct command *cmd)
{
	int width = 11;

	for (const struct command *const *next = cmd->actions; *next; next++)
		if ((int)strlen((*next)->name) >= width)
			width = (int)strlen((*next)->name) + 1;
	for (const struct command *const *next = cmd->actions; *next; next++)
		if (!(*next)->hidden) {
			printf("  %-*s", width, (*next)->name);
			print_row((*next)->summary, (unsigned)width + 2);
		}
}

void help_command(const struct command *cmd, const char *path, struct arena *a)
{
	printf("Usage: labctl [OPTIONS]%s\n\n", usage_synopsis(cmd, path, a) + strlen("labctl"));
	print_paragraphs(arena_printf(a, "%c%s.\n", toupper((unsigned char)*cmd->summary), cmd->summary + 1));
	if (cmd->help) {
		putchar('\n');
		print_paragraphs(cmd->help);
	}
	if (cmd->actions) {
		printf("\nActions:\n");
		print_actions(cmd);
	}
	printf("\nOptions:\n");
	for (const struct option_row *o = cmd->options; o && o->name; o++)
		print_option(o);
	for (const struct option_row *o = options_global; o->name; o++)
		print_option(o);
	if (cmd->actions)
		print_paragraphs(arena_printf(a, "\n'labctl help %s ACTION' explains an action and its options.\n", path));
}

void help_overview(void)
{
	print_paragraphs("Usage: labctl [OPTIONS] COMMAND [ARGUMENTS]\n\n"
	       "Creates and removes labs of machines that run a distributed PostgreSQL.\n\n"
	       "  labctl create 8 && labctl bootstrap pgxc --source pgxc-v1.0.2.tar.gz && labctl destroy\n\n"
	       "Commands:\n");
	print_actions(&command_root);
	print_paragraphs("\nOptions (most are also environment variables, LABCTL_FILE and so on; see labctl(1)):\n");
	for (const struct option_row *o = options_global; o->name; o++)
		print_option(o);
	print_paragraphs("\n'labctl help COMMAND' explains a command; labctl(1) and lab(5) have the rest.\n");
}

/* --- for labctl(1), in mdoc(7) --- */

static bool is_upper_word(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isupper((unsigned char)word[i]))
			return false;
	return len > 0;
}

/* "FILE|URL" has FILE and URL, "COMMAND..." has COMMAND. */
static bool has_word(const char *names, const char *word, size_t len)
{
	while (*names) {
		size_t n = strcspn(names, "|.");

		if (n == len && !strncmp(names, word, len))
			return true;
		names += n + strspn(names + n, "|.");
	}
	return false;
}

/* True if @word is the name of an argument or option value of the command. */
static bool is_placeholder(const struct command *cmd, const char *word, size_t len)
{
	if (!is_upper_word(word, len))
		return false;
	for (const struct argument *arg = cmd->args; arg->name; arg++)
		if (has_word(arg->name, word, len))
			return true;
	for (const struct option_row *o = cmd->options; o && o->name; o++)
		if (o->arg && has_word(o->arg, word, len))
			return true;
	return cmd->rest && has_word(cmd->rest, word, len);
}

static void escaped(struct strbuf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			strbuf_str(out, "\\e");
		else if (text[i] == '-')
			strbuf_str(out, "\\-");
		else
			strbuf_char(out, text[i]);
	}
}

/* One line of running text; options are bold, arguments italic. */
static void prose(struct strbuf *out, const struct command *cmd, const char *line, size_t len)
{
	bool start = true;

	for (size_t i = 0; i < len;) {
		size_t end = i, word;

		while (end < len && line[end] == ' ')
			end++;
		strbuf_add(out, line + i, end - i);
		i = end;
		while (end < len && line[end] != ' ')
			end++;
		if (start && i < len && (line[i] == '.' || line[i] == '\''))
			strbuf_str(out, "\\&");
		start = false;
		for (word = i; word < end && (isalnum((unsigned char)line[word]) || line[word] == '-'); word++)
			;
		if (word - i > 2 && line[i] == '-' && line[i + 1] == '-') {
			strbuf_str(out, "\\fB");
			escaped(out, line + i, word - i);
			strbuf_str(out, "\\fP");
			i = word;
		} else if (is_placeholder(cmd, line + i, word - i)) {
			strbuf_printf(out, "\\fI%.*s\\fP", (int)(word - i), line + i);
			i = word;
		}
		escaped(out, line + i, end - i);
		i = end;
	}
	strbuf_char(out, '\n');
}

/* Paragraphs; indented lines are literal. Each sentence begins on a new line. */
static void paragraphs(struct strbuf *out, const struct command *cmd, const char *text)
{
	bool literal = false;

	while (*text) {
		size_t len = strcspn(text, "\n");
		bool indented = len > 2 && text[0] == ' ' && text[1] == ' ';

		if (!len) {
			if (!literal && text[1] != ' ')
				strbuf_str(out, ".Pp\n");
		} else if (indented) {
			if (!literal)
				strbuf_str(out, ".Bd -literal -offset indent\n");
			strbuf_str(out, text[2] == '.' || text[2] == '\'' ? "\\&" : "");
			escaped(out, text + 2, len - 2);
			strbuf_char(out, '\n');
		}
		if (literal && !indented)
			strbuf_str(out, ".Ed\n");
		if (literal && !indented && !len && text[1] && text[1] != ' ')
			strbuf_str(out, ".Pp\n");
		literal = indented;
		if (len && !indented)
			for (const char *p = text, *end = text + len; p < end;) {
				const char *stop = memmem(p, (size_t)(end - p), ". ", 2);
				const char *until = stop ? stop + 1 : end;

				prose(out, cmd, p, (size_t)(until - p));
				p = until + (stop != NULL);
			}
		text += len + (text[len] == '\n');
	}
	if (literal)
		strbuf_str(out, ".Ed\n");
}

/* "FILE|URL" in mdoc: Ar FILE Ns | Ns Ar URL */
static void placeholder(struct strbuf *out, const char *name)
{
	for (; *name; name++)
		if (*name == '|')
			strbuf_str(out, " Ns | Ns Ar ");
		else
			strbuf_char(out, *name);
}

static void option_item(struct strbuf *out, const struct option_row *row)
{
	strbuf_str(out, ".It");
	if (row->letter)
		strbuf_printf(out, " Fl %c ,", row->letter);
	strbuf_printf(out, " Fl -%s", row->name);
	if (row->arg) {
		strbuf_str(out, " Ar ");
		placeholder(out, row->arg);
	}
	if (row->env)
		strbuf_printf(out, " Pq Ev %s", row->env);
	strbuf_printf(out, "\n%c", toupper((unsigned char)*row->text));
	escaped(out, row->text + 1, strlen(row->text) - 1);
	strbuf_printf(out, "%s.\n", row->required ? " (required)" : "");
}

static void option_items(struct strbuf *out, const struct option_row *rows)
{
	strbuf_str(out, ".Bl -tag -width Ds\n");
	for (; rows->name; rows++)
		option_item(out, rows);
	strbuf_str(out, ".El\n");
}

static void command_item(struct strbuf *out, const struct command *cmd, const char *path, struct arena *a)
{
	strbuf_printf(out, ".It Ic %s", path);
	if (cmd->actions)
		strbuf_str(out, " Ar ACTION");
	for (const struct argument *arg = cmd->args; arg->name; arg++) {
		strbuf_str(out, arg->optional ? " Oo Ar " : " Ar ");
		placeholder(out, arg->name);
		strbuf_str(out, arg->optional ? " Oc" : "");
	}
	if (cmd->rest)
		strbuf_printf(out, cmd->rest_optional ? " Oo Li -- Ar %s Oc" : " Li -- Ar %s", cmd->rest);
	strbuf_printf(out, "\n%c", toupper((unsigned char)*cmd->summary));
	escaped(out, cmd->summary + 1, strlen(cmd->summary) - 1);
	strbuf_str(out, ".\n");
	if (cmd->help) {
		if (cmd->help[0] != ' ')
			strbuf_str(out, ".Pp\n");
		paragraphs(out, cmd, cmd->help);
	}
	if (cmd->options)
		option_items(out, cmd->options);
	for (const struct command *const *next = cmd->actions; next && *next; next++)
		if (!(*next)->hidden)
			command_item(out, *next, arena_printf(a, "%s %s", path, (*next)->name), a);
}

void help_manual(struct strbuf *out, struct arena *a)
{
	strbuf_str(out, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (const struct command *const *cmd = command_root.actions; *cmd; cmd++)
		if (!(*cmd)->hidden)
			command_item(out, *cmd, (*cmd)->name, a);
	strbuf_str(out, ".El\n.Sh OPTIONS\nThese options are for every command, and may stand anywhere before\n.Ql -- .\n"
			"Where an environment variable is named, it sets the option too; the command line wins.\n");
	option_items(out, options_global);
}
