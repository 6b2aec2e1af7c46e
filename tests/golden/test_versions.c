/* SPDX-License-Identifier: PostgreSQL */
/*
 * The table of versions in docs/howto/images.md: what src/model/platform.c allows, and what docs/howto/versions.tsv says that
 * tests ran (tests/support/versions). LABCTL_REGENERATE=1 writes the table anew.
 */
#include "test.h"

#include <limits.h>
#include <string.h>

#include "arena.h"
#include "auto.h"
#include "file.h"
#include "platform.h"
#include "strbuf.h"

#define DOCUMENT SOURCE_DIR "/docs/howto/images.md"
#define RECORDS SOURCE_DIR "/docs/howto/versions.tsv"
#define HEAD "| kind | version | debian12 | debian13 |\n| --- | --- | --- | --- |\n"

struct record { const char *kind, *version, *image, *test, *date; };

static struct arena *arena;
static struct record *records;
static unsigned record_count;

static void read_records(void)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	char *rest, *copy;

	if (file_read(RECORDS, 1 << 20, &text, &e) < 0)
		fail_msg("%s", e.text);
	copy = arena_strdup(arena, strbuf_text(&text));
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *words[5], *more = line;
		unsigned n = 0;

		if (*line == '#')
			continue;
		for (char *word; n < 5 && (word = strsep(&more, "\t")); n++)
			words[n] = word;
		if (n != 5 || more)
			fail_msg("%s: not five columns: %s", RECORDS, line);
		*arena_push(arena, records, record_count) = (struct record){ words[0], words[1], words[2], words[3], words[4] };
	}
}

/* "1.0.4" is a version of "1.0", "1.10" is none. */
static bool is_of(const char *version, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(version, word, len) && (!version[len] || version[len] == '.');
}

static bool listed(const struct record *of, const char *word)
{
	for (const struct record *r = records; r < of; r++)
		if (!strcmp(r->kind, of->kind) && !strcmp(r->image, of->image) && !strcmp(r->version, of->version) &&
		    is_of(r->version, word))
			return true;
	return false;
}

/* The tests that ran this version on this image, the newest date of them. */
static void tests_of(const struct record *of, struct strbuf *out)
{
	const char *comma = "", *date = "";

	for (unsigned i = 0; i < record_count; i++) {
		const struct record *r = &records[i];

		if (strcmp(r->kind, of->kind) != 0 || strcmp(r->image, of->image) != 0 || strcmp(r->version, of->version) != 0)
			continue;
		strbuf_printf(out, "%s%s", comma, strcmp(r->test, "build") ? r->test : "only built");
		comma = ", ";
		if (strcmp(r->date, date) > 0)
			date = r->date;
	}
	strbuf_printf(out, ", %s", date);
}

/* Does one of the first @rows rows have this version, for this image unless it is NULL? */
static bool has(unsigned rows, const char *kind, const char *word, const char *image)
{
	const struct platform *p;

	for (unsigned i = 0; i < rows && (p = platform_row(i)); i++) {
		const char *at = strstr(p->versions, word);

		if (!strcmp(p->kind, kind) && (!image || !strcmp(p->release, image)) && at && (at == p->versions || at[-1] == ' ') &&
		    strchr(" ", at[strlen(word)]))
			return true;
	}
	return false;
}

static void cell(const char *kind, const char *word, const char *image, struct strbuf *out)
{
	const char *comma = "";

	strbuf_str(out, " | ");
	for (unsigned i = 0; i < record_count; i++) {
		const struct record *r = &records[i];

		if (strcmp(r->kind, kind) != 0 || strcmp(r->image, image) != 0 || !is_of(r->version, word) || listed(r, word))
			continue;
		/* A pair that labctl refuses has no test. */
		assert_true(has(UINT_MAX, kind, word, image));
		strbuf_printf(out, "%s%s (", comma, r->version);
		tests_of(r, out);
		strbuf_char(out, ')');
		comma = "; ";
	}
	if (!*comma)
		strbuf_str(out, has(UINT_MAX, kind, word, image) ? "no record" : "refused");
}

static void the_table(struct strbuf *out)
{
	const struct platform *p;

	strbuf_str(out, HEAD);
	for (unsigned i = 0; (p = platform_row(i)); i++) {
		char *rest, *words = arena_strdup(arena, p->versions);

		for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
			if (has(i, p->kind, word, NULL))
				continue;
			strbuf_printf(out, "| %s | %s", p->kind, word);
			cell(p->kind, word, "debian12", out);
			cell(p->kind, word, "debian13", out);
			strbuf_str(out, " |\n");
		}
	}
}

static void is_what_tests_ran(void **state)
{
	auto_(strbuf_clear) struct strbuf document = { 0 }, table = { 0 }, new = { 0 };
	const char *begin, *end;
	struct fail e = { 0 };

	(void)state;
	read_records();
	for (unsigned i = 0; i < record_count; i++)
		if (!family_find(records[i].image))
			fail_msg("%s: unknown image '%s'", RECORDS, records[i].image);
	the_table(&table);
	if (file_read(DOCUMENT, 1 << 20, &document, &e) < 0)
		fail_msg("%s", e.text);
	begin = strstr(strbuf_text(&document), HEAD);
	assert_non_null(begin);
	end = strstr(begin, "|\n\n");
	assert_non_null(end);
	end += 2;
	if (getenv("LABCTL_REGENERATE")) {
		strbuf_printf(&new, "%.*s%s%s", (int)(begin - strbuf_text(&document)), strbuf_text(&document), strbuf_text(&table), end);
		assert_int_equal(file_write(DOCUMENT, strbuf_text(&new), new.len, 0644, &e), 0);
		return;
	}
	if (strncmp(begin, strbuf_text(&table), (size_t)(end - begin)) != 0 || strlen(strbuf_text(&table)) != (size_t)(end - begin))
		fail_msg("%s: the table should be (tests/support/versions --table)\n%s", DOCUMENT, strbuf_text(&table));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(is_what_tests_ran) };
	int status;

	arena = arena_new();
	status = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return status;
}
