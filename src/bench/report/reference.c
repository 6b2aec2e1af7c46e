/* SPDX-License-Identifier: PostgreSQL */
/* Published results, as factors: tuning/bench/reference.csv. */
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

#define FIELDS 5

static bool read_line(char *line, struct arena *a, struct reference *ret)
{
	const char *field[FIELDS];
	unsigned count = 0;
	char *end = "";

	for (char *word; count < FIELDS && (word = strsep(&line, ";"));)
		field[count++] = word;
	if (count < FIELDS || line)
		return false;
	*ret = (struct reference) { .what = arena_strdup(a, field[0]), .of = arena_strdup(a, field[3]), .source = arena_strdup(a, field[4]),
				    .factor = strtod(field[2], &end) };
	if (strcmp(field[1], "-") != 0)
		ret->servers = (unsigned)strtoul(field[1], NULL, 10);
	return end != field[2] && !*end && ret->factor > 0 && (ret->servers || !strcmp(field[1], "-"));
}

int reference_read(const char *text, struct arena *a, const struct reference **ret, unsigned *ret_count, struct fail *e)
{
	char *rest = arena_strdup(a, text), *line;
	struct reference *items = NULL;
	unsigned count = 0, number = 0;

	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (*line && *line != '#' && !read_line(line, a, arena_push(a, items, count)))
			return fail(e, FAIL_OTHER, "tuning/bench/reference.csv:%u: not WHAT;SERVERS;FACTOR;OF;SOURCE", number);
	}
	*ret = items;
	*ret_count = count;
	return 0;
}

void page_references(struct page *p)
{
	static const char *const titles[] = { "what", "of", "source", "servers", "factor", NULL };

	strbuf_str(p->out, "<p class=\"note\">What others have published, as factors: measured on other machines, with other versions and "
			   "settings. They say which shape to expect, not which figures.</p>\n");
	table_begin(p, "Published results.", titles, 3);
	for (unsigned i = 0; i < p->report->reference_count; i++) {
		const struct reference *r = &p->report->references[i];

		table_row(p, NULL);
		table_text(p, r->what);
		table_text(p, r->of);
		table_text(p, r->source);
		table_number(p, r->servers ? r->servers : NAN, num_count(r->servers));
		table_number(p, r->factor, num_ratio(r->factor));
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
}
