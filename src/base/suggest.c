/* SPDX-License-Identifier: PostgreSQL */
#include "suggest.h"

#include <stddef.h>
#include <string.h>

#include "auto.h"
#include "strbuf.h"

#define WORD_MAX 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours; each costs 1. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	for (unsigned j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *twice = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && twice[j - 2] + 1 < row[j])
				row[j] = twice[j - 2] + 1;
		}
	}
	return rows[la % 3][lb];
}

const char *suggest(const char *word, const char *const *known)
{
	const char *best = NULL;
	unsigned limit;

	if (strlen(word) > WORD_MAX)
		return NULL;
	limit = (unsigned)strlen(word) / 3;
	if (limit < 2)
		limit = 2;
	for (; *known; known++) {
		unsigned d;

		if (strlen(*known) > WORD_MAX)
			continue;
		d = distance(word, *known);
		if (d <= limit && d < strlen(*known)) {
			best = *known;
			limit = d ? d - 1 : 0;
			if (d == 0)
				break;
		}
	}
	return best;
}

int suggest_fail(struct fail *e, const char *what, const char *word, const char *const *known)
{
	const char *near = suggest(word, known);
	auto_(strbuf_clear) struct strbuf list = { 0 };

	for (; *known; known++)
		strbuf_printf(&list, "%s%s", list.len ? ", " : "", *known);
	return near ? fail(e, FAIL_USAGE, "%s '%s'; did you mean '%s'? Known: %s", what, word, near, strbuf_text(&list))
		    : fail(e, FAIL_USAGE, "%s '%s'; known: %s", what, word, strbuf_text(&list));
}
