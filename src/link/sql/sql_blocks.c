/* SPDX-License-Identifier: PostgreSQL */
/* SQL files with guards and expectations (docs/format/sql.md). The whole file is parsed before anything runs. */
#include <ctype.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "sql_session.h"
#include "suggest.h"

#define TRY_PAUSE_MIN_MS 20
#define TRY_PAUSE_MAX_MS 500
#define ROLLBACK_MS 2000
#define SHOWN_QUERY_BYTES 200

struct guard {
	const char *query;
	unsigned line;
	bool unless;    /* run if the query returns no row; else if it returns one */
};

struct block {
	unsigned line;             /* of its first directive */
	struct guard *guards;
	size_t guard_count;
	const char *expect;        /* NULL = none */
	int64_t try_ms;            /* 0 = once */
	bool run, quiet, after_change;
	const char *statement;     /* text, NULL while empty */
	unsigned statement_line;
};

struct parse {
	const char *what;
	struct arena *a;
	unsigned line;
	struct block *blocks;
	size_t count;
	struct fail *e;
};

enum argument { ARGUMENT_NONE, ARGUMENT_NEEDED, ARGUMENT_MAY };

static int set_run(struct parse *p, struct block *b, const char *arg)
{
	(void)p, (void)arg;
	b->run = true;
	return 0;
}

static int add_guard(struct parse *p, struct block *b, const char *query, bool unless)
{
	*arena_push(p->a, b->guards, b->guard_count) = (struct guard){ query, p->line, unless };
	return 0;
}

static int set_if(struct parse *p, struct block *b, const char *arg)
{
	return add_guard(p, b, arg, false);
}

static int set_unless(struct parse *p, struct block *b, const char *arg)
{
	return add_guard(p, b, arg, true);
}

static int set_expect(struct parse *p, struct block *b, const char *arg)
{
	if (b->expect)
		return fail(p->e, FAIL_OTHER, "%s:%u: a second 'expect' in one block", p->what, p->line);
	b->expect = arg;
	return 0;
}

static int set_try(struct parse *p, struct block *b, const char *arg)
{
	char *end;
	long seconds = strtol(arg, &end, 10);

	if (*end || seconds < 1 || seconds > 86400)
		return fail(p->e, FAIL_OTHER, "%s:%u: 'try %s': whole seconds, 1 to 86400", p->what, p->line, arg);
	b->try_ms = seconds * 1000;
	return 0;
}

static int set_after_change(struct parse *p, struct block *b, const char *arg)
{
	(void)p, (void)arg;
	b->after_change = true;
	return 0;
}

static int set_quiet(struct parse *p, struct block *b, const char *arg)
{
	(void)p, (void)arg;
	b->quiet = true;
	return 0;
}

static const struct directive {
	const char *name;
	enum argument argument;
	int (*set)(struct parse *p, struct block *b, const char *arg);
} directives[] = {
	{ "run", ARGUMENT_NONE, set_run },
	{ "if", ARGUMENT_NEEDED, set_if },
	{ "unless", ARGUMENT_NEEDED, set_unless },
	{ "expect", ARGUMENT_MAY, set_expect },
	{ "try", ARGUMENT_NEEDED, set_try },
	{ "after-change", ARGUMENT_NONE, set_after_change },
	{ "quiet", ARGUMENT_NONE, set_quiet },
};

static const char *trimmed(struct arena *a, const char *s, size_t len)
{
	while (len && isspace((unsigned char)*s))
		s++, len--;
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	return arena_strndup(a, s, len);
}

static bool says_nothing(const char *line, size_t len)
{
	while (len && isspace((unsigned char)*line))
		line++, len--;
	return len == 0 || (len >= 2 && line[0] == '-' && line[1] == '-');
}

static int parse_directive(struct parse *p, const char *text, size_t len)
{
	const char *known[ARRAY_COUNT(directives) + 1] = { NULL };
	const char *line = trimmed(p->a, text, len);
	size_t word_len = strcspn(line, " \t");
	const char *word = arena_strndup(p->a, line, word_len), *arg = trimmed(p->a, line + word_len, strlen(line + word_len));
	struct block *b;

	if (!p->count || p->blocks[p->count - 1].statement) {
		b = arena_push(p->a, p->blocks, p->count);
		b->line = p->line;
	}
	b = &p->blocks[p->count - 1];
	for (size_t i = 0; i < ARRAY_COUNT(directives); i++) {
		const struct directive *d = &directives[i];

		known[i] = d->name;
		if (strcmp(d->name, word))
			continue;
		if (d->argument == ARGUMENT_NONE && *arg)
			return fail(p->e, FAIL_OTHER, "%s:%u: '%s' takes nothing, found '%s'", p->what, p->line, word, arg);
		if (d->argument == ARGUMENT_NEEDED && !*arg)
			return fail(p->e, FAIL_OTHER, "%s:%u: '%s' needs an argument", p->what, p->line, word);
		return d->set(p, b, arg);
	}
	fail(p->e, FAIL_OTHER, "%s:%u: unknown directive '%s'", p->what, p->line, word);
	return suggest(word, known) ? fail_next(p->e, "did you mean '%s'?", suggest(word, known)) : -1;
}

/* Reads lines up to the next directive; comments alone are not a statement. */
static int parse_text(struct parse *p, const char *line, size_t len)
{
	struct block *b = p->count ? &p->blocks[p->count - 1] : NULL;

	if (says_nothing(line, len) && !(b && b->statement))
		return 0;
	if (!b)
		return fail(p->e, FAIL_OTHER, "%s:%u: SQL before the first '--@' line", p->what, p->line);
	if (!b->statement) {
		b->statement = arena_strndup(p->a, line, len);
		b->statement_line = p->line;
	}
	return 0;
}

static int check_block(struct parse *p, const struct block *b)
{
	if (!b->statement)
		return fail(p->e, FAIL_OTHER, "%s:%u: a block without a statement", p->what, b->line);
	return 0;
}

/* Statements start at their first line and end before the next directive, so a second pass cuts them out. */
static int parse_blocks(struct parse *p, const char *text)
{
	const char *statement = NULL;

	for (const char *line = text; *line; p->line++) {
		size_t len = strcspn(line, "\n");
		bool is_directive = !strncmp(line, "--@", 3);

		if (is_directive && statement)
			p->blocks[p->count - 1].statement = trimmed(p->a, statement, (size_t)(line - statement));
		if (is_directive ? parse_directive(p, line + 3, len - 3) : parse_text(p, line, len))
			return -1;
		if (is_directive)
			statement = NULL;
		else if (!statement && p->count && p->blocks[p->count - 1].statement)
			statement = line;
		line += len + (line[len] == '\n');
	}
	if (statement)
		p->blocks[p->count - 1].statement = trimmed(p->a, statement, strlen(statement));
	for (size_t i = 0; i < p->count; i++)
		if (check_block(p, &p->blocks[i]) < 0)
			return -1;
	return 0;
}

static int guards_allow(struct sql *c, const char *what, const struct block *b, int64_t deadline_ms, bool *ret_allow,
			struct fail *e)
{
	bool allow = true;

	for (size_t i = 0; allow && i < b->guard_count; i++) {
		int rows = 0;

		if (sql_value(c, b->guards[i].query, deadline_ms, NULL, &rows, e) < 0)
			return fail_wrap(e, "%s:%u", what, b->guards[i].line);
		allow = (rows > 0) != b->guards[i].unless;
	}
	*ret_allow = allow;
	return 0;
}

static int fail_expect(struct sql *c, const char *what, const struct block *b, int rows, const char *got, double after_s,
		       struct fail *e)
{
	const char *quote = rows ? "'" : "";
	size_t len = strlen(b->statement);

	return fail(e, FAIL_DB, "%s:%u: %s: sql: got %s%s%s, wanted '%s' after %.1f s: %.*s%s", what, b->statement_line,
		    sql_name(c), quote, rows ? got : "no row", quote, b->expect, after_s, SHOWN_QUERY_BYTES, b->statement,
		    len > SHOWN_QUERY_BYTES ? "..." : "");
}

/* Checks once. *ret_again: a retry may succeed (an SQL error, a lost connection, another value). */
static int expect_once(struct sql *c, const char *what, const struct block *b, int64_t deadline_ms, double after_s,
		       bool *ret_again, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf got = { 0 };
	int rows = 0;

	*ret_again = true;
	if (sql_restore(c, deadline_ms, e) < 0 || sql_value(c, b->statement, deadline_ms, &got, &rows, e) < 0) {
		*ret_again = e->code != FAIL_CANCELED && !sql_gone(c);
		return fail_wrap(e, "%s:%u", what, b->statement_line);
	}
	if (rows && !strcmp(strbuf_text(&got), b->expect))
		return 0;
	return fail_expect(c, what, b, rows, strbuf_text(&got), after_s, e);
}

/* Waits a little longer each time. False when there is no time left for another look. */
static bool pause_before_again(struct sql *c, int64_t *pause_ms, int64_t end_ms)
{
	int64_t pause_end_ms = clock_after_ms(*pause_ms);

	while (clock_left_ms(pause_end_ms) > 0 && clock_left_ms(end_ms) > 0 && !sql_canceled(c))
		clock_sleep_ms(clock_poll_ms(pause_end_ms, 100));
	*pause_ms = *pause_ms * 3 / 2 < TRY_PAUSE_MAX_MS ? *pause_ms * 3 / 2 : TRY_PAUSE_MAX_MS;
	return clock_left_ms(end_ms) > 0;
}

static int64_t try_end_ms(const struct block *b, int64_t deadline_ms)
{
	int64_t end_ms = b->try_ms ? clock_after_ms(b->try_ms) : deadline_ms;

	return end_ms < deadline_ms ? end_ms : deadline_ms;
}

static int run_expect(struct sql *c, const char *what, const struct block *b, int64_t deadline_ms, struct fail *e)
{
	int64_t started_ms = clock_now_ms(), end_ms = try_end_ms(b, deadline_ms), pause_ms = TRY_PAUSE_MIN_MS;
	struct fail kept = { 0 };

	for (;;) {
		struct fail last = { 0 };
		double after_s = (double)(clock_now_ms() - started_ms) / 1000;
		bool again;

		if (expect_once(c, what, b, end_ms, after_s, &again, &last) == 0)
			return 0;
		if (!kept.code || last.code != FAIL_TIMEOUT)
			kept = last; /* a last check that the deadline cut short says less than the one before */
		if (!b->try_ms || !again || clock_left_ms(end_ms) == 0 || !pause_before_again(c, &pause_ms, end_ms))
			break;
	}
	*e = kept;
	return -1;
}

static int run_statement(struct sql *c, const char *what, const struct block *b, int64_t deadline_ms, struct fail *e)
{
	struct fail ignored = { 0 };

	if (sql_value(c, b->statement, deadline_ms, NULL, NULL, e) == 0)
		return 0;
	if (e->code == FAIL_DB)
		sql_restore(c, clock_after_ms(ROLLBACK_MS), &ignored);
	return fail_wrap(e, "%s:%u", what, b->statement_line);
}

bool sql_connection_failed(const struct fail *e)
{
	/* 53000 from Postgres-XC: "Failed to get pooled connections", to a datanode. */
	return !strncmp(e->sqlstate, "08", 2) || !strcmp(e->sqlstate, "53000");
}

/* Did a connection fail, to the server or one of its own? Whether the statement took effect is unknown then. */
static bool connection_failed(struct sql *c, const struct fail *e)
{
	return sql_connection_failed(e) || (e->code != FAIL_CANCELED && sql_broken(c) && !sql_gone(c));
}

/* Guards and statement; with a `try` both run again while connections fail, so the guards have to see what took effect. *ret_ran = the guards allowed it. */
static int run_block(struct sql *c, const char *what, const struct block *b, int64_t deadline_ms, bool *ret_ran,
		     struct fail *e)
{
	int64_t end_ms = try_end_ms(b, deadline_ms), pause_ms = TRY_PAUSE_MIN_MS;

	for (;;) {
		struct fail ignored = { 0 };
		int r = guards_allow(c, what, b, deadline_ms, ret_ran, e);

		if (r == 0 && (!*ret_ran || b->expect))
			return *ret_ran ? run_expect(c, what, b, deadline_ms, e) : 0;
		if (r == 0 && run_statement(c, what, b, deadline_ms, e) == 0)
			return 0;
		if (!b->try_ms || !connection_failed(c, e) || !pause_before_again(c, &pause_ms, end_ms))
			return -1;
		sql_restore(c, end_ms, &ignored); /* where that fails, so do the guards */
		*e = (struct fail){ 0 };
	}
}

int sql_blocks(struct sql *c, const char *what, const char *blocks, int64_t deadline_ms, bool *ret_changed,
	       struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct parse p = { .what = what, .a = a, .line = 1, .e = e };
	bool changed = false;

	if (parse_blocks(&p, blocks) < 0)
		return -1;
	for (size_t i = 0; i < p.count; i++) {
		const struct block *b = &p.blocks[i];
		bool ran = false;

		if (b->after_change && !changed)
			continue;
		if (run_block(c, what, b, deadline_ms, &ran, e) < 0)
			return -1;
		if (!ran)
			continue;
		/* A block that only checks does not count as a change; one with a condition for acting does. */
		if (!b->quiet && (!b->expect || b->run || b->guard_count))
			changed = true;
	}
	*ret_changed = changed;
	return 0;
}
