/* SPDX-License-Identifier: PostgreSQL */
#include <libsmartcols/libsmartcols.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "quote.h"

#define LAST_MIN 16 /* columns: a sentence is never wrapped to less */

DEFINE_AUTO(struct libscols_table *, scols_unref_table)

/* A cell's text; lists are joined. The caller frees it. */
static char *cell_text(const json_t *value)
{
	struct strbuf b = { 0 };

	if (json_is_string(value)) {
		strbuf_str(&b, json_string_value(value));
	} else if (json_is_integer(value)) {
		strbuf_printf(&b, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		strbuf_printf(&b, "%.1f", json_real_value(value));
	} else if (json_is_boolean(value)) {
		strbuf_str(&b, json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			char *word = cell_text(json_array_get(value, i));

			strbuf_printf(&b, "%s%s", i ? " " : "", word);
			free(word);
		}
	}
	if (b.len == 0)
		strbuf_char(&b, '-');
	return strbuf_steal(&b);
}

/* The screen columns of @text, without cutting it. */
static unsigned width_of(const char *text)
{
	auto_(free) char *copy = strdup(text);

	if (!copy)
		abort();
	return say_cut(copy, UINT_MAX);
}

/* Width that is left on the terminal for the last column of a table; 0 = no limit. */
static unsigned room_for_last(const json_t *rows, const struct column *columns, unsigned count)
{
	unsigned used = 0, terminal;
	size_t i;
	json_t *row;

	if (!isatty(STDOUT_FILENO))
		return 0;
	terminal = say_columns(STDOUT_FILENO);
	for (unsigned k = 0; k + 1 < count; k++) {
		unsigned widest = width_of(columns[k].title);

		json_array_foreach(rows, i, row) {
			auto_(free) char *text = cell_text(json_object_get(row, columns[k].key));
			unsigned width = width_of(text);

			widest = width > widest ? width : widest;
		}
		used += widest + 1;
	}
	return used + LAST_MIN < terminal ? terminal - used : LAST_MIN;
}

unsigned columns_choose(const struct table_column *all, unsigned count, const json_t *rows, struct column *ret)
{
	unsigned chosen = 0;
	json_t *row;
	size_t i;

	for (unsigned k = 0; k < count; k++) {
		bool shown = !all[k].only_if;

		json_array_foreach(rows, i, row)
			shown = shown || json_object_get(row, all[k].column.key);
		if (shown)
			ret[chosen++] = all[k].column;
	}
	return chosen;
}

/* @room: width of the last column, whose text is wrapped; 0 = no limit. NULL: out of memory. */
static struct libscols_table *make_table(const json_t *rows, const struct column *columns, unsigned count, unsigned room)
{
	struct libscols_table *table = scols_new_table();
	size_t i;
	json_t *row;

	if (!table)
		return NULL;
	/* Never cut cells: the terminal wraps what does not fit. */
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	for (unsigned k = 0; k < count; k++) {
		/* The last column may have sentences: on a terminal they are wrapped. */
		bool sentence = k + 1 == count && room && !columns[k].right;
		struct libscols_column *column = scols_table_new_column(
			table, columns[k].title, 0, columns[k].right ? SCOLS_FL_RIGHT : sentence ? SCOLS_FL_WRAP : 0);

		if (sentence) {
			scols_column_set_safechars(column, "\n");
			scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
		}
	}
	json_array_foreach(rows, i, row) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		for (unsigned k = 0; k < count; k++) {
			char *text = cell_text(json_object_get(row, columns[k].key));

			if (k + 1 == count && room && !columns[k].right) {
				char *lines = say_wrapped(text, room);

				free(text);
				text = lines;
			}
			scols_line_refer_data(line, k, text);
		}
	}
	return table;
}

int report_table(const json_t *rows, const struct column *columns, unsigned count, struct fail *e)
{
	auto_(scols_unref_table) struct libscols_table *table = make_table(rows, columns, count, room_for_last(rows, columns, count));

	if (!table)
		return fail(e, FAIL_OTHER, "out of memory");
	return scols_print_table(table) == 0 ? 0 : fail(e, FAIL_OTHER, "cannot print the table");
}

int report_table_text(const json_t *rows, const struct column *columns, unsigned count, struct strbuf *out, struct fail *e)
{
	auto_(scols_unref_table) struct libscols_table *table = make_table(rows, columns, count, 0);
	auto_(free) char *text = NULL;

	if (!table || scols_print_table_to_string(table, &text) != 0)
		return fail(e, FAIL_OTHER, "out of memory");
	strbuf_str(out, text ? text : "");
	return 0;
}

int report_json(const json_t *document, struct fail *e)
{
	/* JSON does not escape C1 controls, which some terminals obey. */
	size_t ascii = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;

	if (json_dumpf(document, stdout, JSON_INDENT(2) | ascii) < 0 || putchar('\n') < 0)
		return fail(e, FAIL_OTHER, "cannot print the result");
	return 0;
}

/* Text from outside (a log, a program's output) may not be UTF-8: replaces every byte that is not ASCII by '?' then. */
static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);
	char ascii[4096];
	size_t i;

	if (value)
		return value;
	for (i = 0; text[i] && i < sizeof ascii - 1; i++)
		ascii[i] = (signed char)text[i] < 0 ? '?' : text[i];
	ascii[i] = '\0';
	return json_string(ascii);
}

json_t *report_error(const struct fail *e)
{
	return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o}", "code", fail_code_name(e->code), "cause", fail_cause_name(e->cause),
			 "exit_status", (int)e->code, "text", text_json(e->text), "evidence", text_json(e->evidence), "next", text_json(e->next));
}

/* Prints what, why, evidence, next command, and one word to grep for. With --json the failure is the document. */
void report_fail(const struct cli *c, const struct fail *e)
{
	/* No colours: terminals and pipes get the same text. */
	report_say("labctl: %s [%s]\n", e->text, fail_code_name(e->code));
	if (*e->evidence) {
		for (const char *p = e->evidence; *p;) {
			size_t len = strcspn(p, "\n");

			report_say("  | %.*s\n", (int)len, p);
			p += len + (p[len] == '\n');
		}
	}
	if (*e->next)
		report_say("  next: %s\n", e->next);
	if (c->json && !c->reported) {
		json_t *doc = json_pack("{s:i, s:o}", "v", 1, "error", report_error(e));
		struct fail ignored;

		if (doc)
			report_json(doc, &ignored);
		json_decref(doc);
	}
}

int report_confirm(const struct cli *c, const char *what, const char *word, struct fail *e)
{
	char answer[256];

	if (c->yes)
		return 0;
	/* Nobody can answer without a terminal. */
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		fail(e, FAIL_USAGE, "this removes %s; without a terminal on standard input and error, labctl cannot ask for confirmation", what);
		return fail_next(e, "run the same command with -y (--yes)");
	}
	report_say("This removes %s. Type %s to confirm: ", what, word);
	if (!fgets(answer, sizeof answer, stdin))
		return fail(e, FAIL_CANCELED, "not confirmed, nothing was removed");
	answer[strcspn(answer, "\n")] = '\0';
	return strcmp(answer, word) == 0 ? 0 : fail(e, FAIL_CANCELED, "not confirmed, nothing was removed");
}
