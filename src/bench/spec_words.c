/* SPDX-License-Identifier: PostgreSQL */
/* The options of the command line: comma-separated words -> lists of texts. NAME=FILE is a script of the user's. */
#include <string.h>

#include "spec_source.h"

static void read_option(struct spec_source *s, const struct spec_key *k, const char *text)
{
	struct spec_item *items = NULL;
	unsigned count = 0;

	for (const char *at = text;; at++) {
		size_t len = k->list ? strcspn(at, ",") : strlen(at);
		struct spec_item item = { .text = arena_strndup(s->arena, at, len) };
		char *equals = strchr(item.text, '=');

		if (!len) {
			spec_problem(s, k, 0, "%s", *text ? "a word is missing beside a comma" : "must have a value");
			return;
		}
		if (equals && !strcmp(k->name, "workloads")) {
			item.script = equals + 1;
			*equals = '\0';
		}
		*arena_push(s->arena, items, count) = item;
		at += len;
		if (!*at)
			break;
	}
	spec_give(s, k, 0, items, count);
}

void spec_read_words(struct spec_source *s, const struct bench_words *words)
{
	s->from_words = true;
	for (const struct spec_key *k = spec_keys; k->name; k++) {
		const char *text = NULL;

		if (k->option)
			memcpy(&text, (const char *)words + k->words_offset, sizeof text);
		if (text)
			read_option(s, k, text);
	}
	s->from_words = false;
}
