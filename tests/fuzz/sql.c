/* SPDX-License-Identifier: PostgreSQL */
/* SQL files: read, or refused with a line number; statements are parts of the text, never empty, never directives. */
#include "../../src/link/sql/sql_blocks.c" /* parse_blocks() */

#include "fuzz.h"

static void check(const struct parse *p, const char *text)
{
	unsigned line = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct block *b = &p->blocks[i];

		PROMISE(b->line > line && b->statement_line > b->line && b->statement_line < p->line);
		PROMISE(*b->statement && strstr(text, b->statement), "%s", b->statement);
		PROMISE(!strstr(b->statement, "\n--@") && strncmp(b->statement, "--@", 3) != 0, "%s", b->statement);
		PROMISE(b->try_ms >= 0 && b->try_ms <= 86400000);
		for (size_t k = 0; k < b->guard_count; k++)
			PROMISE(*b->guards[k].query && strstr(text, b->guards[k].query));
		line = b->statement_line;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	struct parse p = { .what = "f", .a = a, .line = 1, .e = &e };
	unsigned line, lines = 1;

	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	if (parse_blocks(&p, text) == 0) {
		check(&p, text);
		return 0;
	}
	fuzz_failure(&e);
	PROMISE(sscanf(e.text, "f:%u: ", &line) == 1 && line >= 1 && line <= lines, "%s", e.text);
	return 0;
}
