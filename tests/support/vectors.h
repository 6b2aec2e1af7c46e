/* SPDX-License-Identifier: PostgreSQL */
/* Vectors that R made: tests/unit/vectors/X.R printed X.txt, lines of NAME INPUTS... = OUTPUTS... */
#ifndef LABCTL_TESTS_VECTORS_H
#define LABCTL_TESTS_VECTORS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "fail.h"
#include "file.h"

struct vector { char name[32]; double in[160], out[64]; unsigned in_count, out_count; };
typedef void (*vector_check)(const struct vector *v);

/* @exact: relative; below 1, absolute. */
#define CLOSE(got, wanted, exact)                                                                                      \
	do {                                                                                                           \
		double got_ = (got), wanted_ = (wanted);                                                               \
		if (!(fabs(got_ - wanted_) <= (exact) * fmax(1, fabs(wanted_))))                                       \
			fail_msg("%s: %.17g, not %.17g as by R", #got, got_, wanted_);                                 \
	} while (0)

static void vector_parse(char *line, struct vector *v)
{
	bool after = false;

	memset(v, 0, sizeof *v);
	for (char *word; (word = strsep(&line, " "));) {
		if (!*word)
			continue;
		if (!*v->name)
			snprintf(v->name, sizeof v->name, "%s", word);
		else if (!strcmp(word, "="))
			after = true;
		else if (after)
			v->out[v->out_count++] = strtod(word, NULL);
		else
			v->in[v->in_count++] = strtod(word, NULL);
		assert_true(v->in_count < ARRAY_COUNT(v->in) && v->out_count < ARRAY_COUNT(v->out));
	}
}

/* Calls the check of each line's name; returns how many lines there were of @name. */
static unsigned vectors_run(const char *path, const char *name, vector_check check)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	unsigned count = 0;

	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	for (char *rest = text.text, *line; (line = strsep(&rest, "\n"));) {
		struct vector v;

		vector_parse(line, &v);
		if (strcmp(v.name, name) != 0)
			continue;
		count++;
		check(&v);
	}
	return count;
}

#endif
