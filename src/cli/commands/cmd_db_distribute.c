/* SPDX-License-Identifier: PostgreSQL */
/*
 * db distribute: distributes every table of a schema that has one of some columns. The kind's query first finds the tables
 * that cannot be distributed, and the order for the others; each table is a transaction of its own, so that a failure
 * does not undo the others.
 */
#include <stdio.h>
#include <string.h>

#include "cmd_db.h"
#include "complete.h"
#include "plural.h"
#include "suggest.h"

struct distribute_words {
	const char *database, *schema, *column, *reference, *exclude;
	bool truncate_local, drop_triggers;
};

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* @why is the server's message, without the node's name. */
static void set(json_t *row, const char *result, const char *why)
{
	json_object_set_new(row, "result", json_string(result));
	json_object_set_new(row, "why", *why ? json_string(why) : json_null());
}

/* Runs a query that changes the row's table (@row may be NULL). Closes the connection after a failure. */
static int act(struct db *d, const char *query, const json_t *row, const char *column, struct fail *e)
{
	const char *const params[] = { row ? text_of(row, "schema") : NULL, text_of(row, "table"), column, NULL };
	struct answer a;

	if (db_ask(d, query, params, &a, e) < 0) {
		sql_close(d->sql);
		d->sql = NULL;
		return -1;
	}
	json_decref(a.rows);
	return 0;
}

/* What a table needs (by the kind's query), the query that does it, and the result. */
static const struct work { const char *wanted, *query, *result; } works[] = {
	{ "would distribute", "distribute_table", "distributed" },
	{ "would make reference", "reference_table", "made reference" },
};

static const struct work *work_of(const json_t *row)
{
	for (size_t i = 0; i < ARRAY_COUNT(works); i++)
		if (!strcmp(text_of(row, "result"), works[i].wanted))
			return &works[i];
	return NULL;
}

/* Drops the table's triggers and distributes it, in one transaction. */
static int distribute_table(struct db *d, const json_t *row, const struct work *work, struct fail *e)
{
	const struct distribute_words *said = d->c->options;
	const char *const names[] = { text_of(row, "schema"), text_of(row, "table"), NULL };
	auto_(strbuf_clear) struct strbuf ignored = { 0 };
	const char *column = work->query == works[0].query ? text_of(row, "column") : NULL;

	if (!said->drop_triggers)
		return act(d, work->query, row, column, e);
	/* act() closes the connection after a failure, which rolls back the transaction. */
	if (db_open(d, "distribute", e) < 0 || db_value(d, "begin", NULL, &ignored, e) < 0 ||
	    db_value(d, "select set_config('labctl.schema', $1, true), set_config('labctl.table', $2, true)", names, &ignored,
		     e) < 0 ||
	    act(d, "drop_triggers", NULL, NULL, e) < 0 || act(d, work->query, row, column, e) < 0)
		return -1;
	return db_value(d, "commit", NULL, &ignored, e);
}

/*
 * Distributes each table once, without retries: the query has excluded those that cannot work, and has put each table after
 * those that its foreign keys reference.
 */
static unsigned distribute(struct db *d, json_t *rows, struct fail *e)
{
	unsigned failed = 0, count = 0, n = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		count += work_of(row) != NULL;
	json_array_foreach(rows, i, row) {
		const struct work *work = work_of(row);

		if (!work)
			continue;
		n++;
		if (!d->c->json)
			report_say("%u of %u: %s.%s%s%s\n", n, count, text_of(row, "schema"), text_of(row, "table"),
				   *text_of(row, "column") ? " by " : ", to every node", text_of(row, "column"));
		if (distribute_table(d, row, work, e) == 0) {
			set(row, work->result, "");
			json_object_set_new(row, "is_distributed", json_true());
			continue;
		}
		failed++;
		set(row, "failed", fail_said(e));
		if (e->code != FAIL_DB)
			break; /* timed out or interrupted */
	}
	return failed;
}

/* True if rows that were copied to the shards are still in the local table, where no query sees them. */
static bool has_local_rows(const json_t *row)
{
	return json_is_true(json_object_get(row, "is_distributed")) && json_integer_value(json_object_get(row, "local_bytes")) > 0;
}

static unsigned truncate_local(struct db *d, json_t *rows, struct fail *e)
{
	unsigned failed = 0;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (!has_local_rows(row))
			continue;
		if (act(d, "truncate_local", row, NULL, e) == 0) {
			json_object_set_new(row, "local_bytes", json_integer(0));
			continue;
		}
		set(row, text_of(row, "result"), fail_said(e));
		failed++;
	}
	return failed;
}

static int report(struct db *d, const struct answer *a, unsigned failed, struct fail *e)
{
	const struct distribute_words *said = d->c->options;
	unsigned local = 0, count = (unsigned)json_array_size(a->rows);
	json_t *more = NULL, *row;
	struct fail ignored;
	size_t i;

	json_array_foreach(a->rows, i, row)
		local += has_local_rows(row);
	if (failed) {
		fail(e, e->code == FAIL_TIMEOUT ? FAIL_TIMEOUT : FAIL_DB, "%u of %u table%s failed%s", failed, count, plural(count),
		     e->code == FAIL_TIMEOUT ? "; timed out (--timeout)" : "");
		fail_next(e, "labctl -l %s db distribute with the same options tries these again; --exclude skips a table",
			  d->lab->name);
		more = json_pack("{s:o}", "error", report_error(e));
		d->c->reported = d->c->json;
	}
	if (db_report(d, "tables", a, more, failed ? &ignored : e) < 0)
		return -1;
	if (!count)
		report_say("schema '%s' has no tables\n", said->schema);
	if (local && !d->c->dry_run)
		report_say("%u table%s local rows left, which no query reads; run the same command with --truncate-local to remove them\n",
			   local, local == 1 ? " has" : "s have");
	return failed ? -1 : 0;
}

/* --- names on the command line --- */

struct names { struct arena *arena; const char **items; unsigned count; };

/* Splits "a,b, c" into names; NULL gives none. */
static int split_names(struct arena *arena, const char *option, const char *list, struct names *ret, struct fail *e)
{
	struct names names = { .arena = arena };

	for (const char *p = list; p; p = *p ? p + 1 : NULL) {
		size_t before = strspn(p, " "), len = strcspn(p, ","), end = len;

		while (end > before && p[end - 1] == ' ')
			end--;
		if (end <= before)
			return fail(e, FAIL_USAGE, "--%s '%s': the list contains an empty name", option, list);
		*arena_push(arena, names.items, names.count) = arena_printf(arena, "%.*s", (int)(end - before), p + before);
		p += len;
	}
	*ret = names;
	return 0;
}

/* The text of a PostgreSQL array. */
static const char *array_of(const struct names *names)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_char(&text, '{');
	for (unsigned i = 0; i < names->count; i++) {
		strbuf_str(&text, i ? ",\"" : "\"");
		for (const char *p = names->items[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				strbuf_char(&text, '\\');
			strbuf_char(&text, *p);
		}
		strbuf_char(&text, '"');
	}
	strbuf_char(&text, '}');
	return arena_strdup(names->arena, text.text);
}

static bool has_table(const json_t *rows, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(text_of(row, "table"), name))
			return true;
	return false;
}

/* Checks that the schema has all tables that were named. */
static int check_tables(struct db *d, const char *option, const struct names *names, const json_t *rows, struct fail *e)
{
	const struct distribute_words *said = d->c->options;
	const char **known = arena_alloc(d->c->arena, (json_array_size(rows) + 1) * sizeof *known), *near;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		known[i] = text_of(row, "table");
	for (unsigned k = 0; k < names->count; k++)
		if (!has_table(rows, names->items[k])) {
			near = suggest(names->items[k], known);
			fail(e, FAIL_NOT_FOUND, "--%s: there is no table '%s' in schema %s%s%s%s", option, names->items[k],
			     said->schema, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
			return fail_next(e, "labctl -l %s db tables --db %s --schema %s", d->lab->name,
					 db_quoted(d, d->database), db_quoted(d, said->schema));
		}
	return 0;
}

static int distribute_all(struct db *d, struct fail *e)
{
	const struct distribute_words *said = d->c->options;
	struct names columns, reference, exclude;
	struct arena *arena = d->c->arena;
	auto_(close) int lock = -1;
	struct paths paths;
	struct answer a;
	unsigned failed = 0;
	int r;

	if (!db_query(d, "distribute", e))
		return -1;
	if (!said->column && !said->reference) {
		fail(e, FAIL_USAGE, "labctl db distribute: missing --column or --reference");
		return fail_next(e, "labctl db distribute --schema SCHEMA --column COLUMN,...");
	}
	if (split_names(arena, "column", said->column, &columns, e) < 0 ||
	    split_names(arena, "reference", said->reference, &reference, e) < 0 ||
	    split_names(arena, "exclude", said->exclude, &exclude, e) < 0)
		return -1;
	for (unsigned i = 0; i < reference.count; i++)
		for (unsigned k = 0; k < exclude.count; k++)
			if (!strcmp(reference.items[i], exclude.items[k]))
				return fail(e, FAIL_USAGE, "table '%s' is in --reference and in --exclude", exclude.items[k]);
	load_paths(d->c, d->lab->name, &paths);
	if (!d->c->dry_run && run_lock(d->c, &paths, &lock, e) < 0)
		return -1;
	{
		const char *const params[] = { said->schema, array_of(&columns), array_of(&reference), array_of(&exclude),
					       said->drop_triggers ? "true" : "false", NULL };

		if (db_open(d, "distribute", e) < 0 || db_check_schema(d, said->schema, e) < 0 || db_ask(d, "distribute", params, &a, e) < 0)
			return -1;
	}
	r = check_tables(d, "reference", &reference, a.rows, e) < 0 || check_tables(d, "exclude", &exclude, a.rows, e) < 0 ? -1 : 0;
	if (r == 0 && !d->c->dry_run) {
		failed = distribute(d, a.rows, e);
		if (said->truncate_local)
			failed += truncate_local(d, a.rows, e);
		r = e->code == FAIL_CANCELED ? -1 : 0;
	}
	if (r == 0)
		r = report(d, &a, failed, e);
	json_decref(a.rows);
	return r;
}

static int run(struct cli *c, struct fail *e)
{
	const struct distribute_words *said = c->options;

	return db_run(c, said->database, distribute_all, e);
}

static const struct option_row options[] = {
	{ "schema", .arg = "SCHEMA", .required = true, .at = offsetof(struct distribute_words, schema),
	  .text = "only tables of this schema" },
	{ "column", .arg = "COLUMN,...", .at = offsetof(struct distribute_words, column),
	  .text = "distribute a table by the first of these columns that it has" },
	{ "reference", .arg = "TABLE,...", .at = offsetof(struct distribute_words, reference),
	  .text = "make these tables reference tables, with a full copy on every node" },
	{ "exclude", .arg = "TABLE,...", .at = offsetof(struct distribute_words, exclude),
	  .text = "skip these tables" },
	{ "drop-triggers", .at = offsetof(struct distribute_words, drop_triggers),
	  .text = "drop the triggers of distributed tables, in the same transaction" },
	DATABASE_OPTION(struct distribute_words),
	{ "truncate-local", .at = offsetof(struct distribute_words, truncate_local),
	  .text = "remove the local rows of tables whose rows were copied to shards" },
	{ 0 },
};

const struct command cmd_db_distribute = {
	.name = "distribute", .run = run, .options = options, .options_size = sizeof(struct distribute_words),
	.summary = "distribute every table of a schema that has one of the given columns",
	.help =
	"Distributes the tables that are not distributed yet, each in its own transaction, after the tables its foreign keys "
	"refer to. Tables that cannot be distributed are skipped, and the table says why and what helps: a key "
	"without the column, a trigger (--drop-triggers drops it), a foreign key to or of a table that stays local "
	"(add the table it refers to to --reference), inheritance, partitions of partitions, a column that is generated or whose type cannot be hashed. "
	"The middle tables of osm2pgsql --slim stay local. A table that fails anyway is not tried again, and makes the "
	"exit status 30. -n shows what would be done.",
};
