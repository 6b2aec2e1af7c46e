/* SPDX-License-Identifier: PostgreSQL */
/*
 * db distribute: every table of a schema that has a column. What cannot work is found out first, by the kind's query;
 * each of the others is a transaction of its own, so that one that fails takes nothing back.
 */
#include <stdio.h>
#include <string.h>

#include "cmd_db.h"
#include "complete.h"
#include "plural.h"

struct distribute_words { const char *database, *schema, *column; bool truncate_local; };

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* The server's sentence; the node is known. */
static void set(json_t *row, const char *result, const char *why)
{
	json_object_set_new(row, "result", json_string(result));
	json_object_set_new(row, "why", *why ? json_string(why) : json_null());
}

/* Runs a query that does something to the row's table. The connection after a failure is a new one. */
static int act(struct db *d, const char *query, const json_t *row, const char *column, struct fail *e)
{
	const char *const params[] = { text_of(row, "schema"), text_of(row, "table"), column, NULL };
	struct answer a;

	if (db_ask(d, query, params, &a, e) < 0) {
		sql_close(d->sql);
		d->sql = NULL;
		return -1;
	}
	json_decref(a.rows);
	return 0;
}

/*
 * A table may have to wait for another one that its foreign key points to: the failed ones are tried again as long as
 * any of a round succeeds.
 */
static unsigned distribute(struct db *d, json_t *rows, struct fail *e)
{
	const struct distribute_words *said = d->c->options;
	unsigned left, done;

	do {
		json_t *row;
		size_t i;

		left = done = 0;
		json_array_foreach(rows, i, row) {
			if (strcmp(text_of(row, "result"), "would distribute") != 0 && strcmp(text_of(row, "result"), "failed") != 0)
				continue;
			if (!d->c->json)
				report_say("%s.%s ...\n", text_of(row, "schema"), text_of(row, "table"));
			if (act(d, "distribute_table", row, said->column, e) == 0) {
				set(row, "distributed", "");
				json_object_set_new(row, "is_distributed", json_true());
				done++;
				continue;
			}
			set(row, "failed", fail_said(e));
			if (e->code != FAIL_DB)
				return left + 1; /* the time is over, or the user stopped it */
			left++;
		}
	} while (left && done);
	return left;
}

/* Rows that were copied to the shards stay in the table's own file, where no query sees them. */
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
		set(row, text_of(row, "result"), e->text);
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
		     e->code == FAIL_TIMEOUT ? ", and the time (--timeout) is over" : "");
		fail_next(e, "labctl -l %s db distribute with the same words goes on with these", d->lab->name);
		more = json_pack("{s:o}", "error", report_error(e));
		d->c->reported = d->c->json;
	}
	if (db_report(d, "tables", a, more, failed ? &ignored : e) < 0)
		return -1;
	if (!count)
		report_say("schema '%s' has no tables\n", said->schema);
	if (local && !d->c->dry_run)
		report_say("%u table%s still local rows, which no query reads; the same command with --truncate-local removes them\n",
			   local, local == 1 ? " has" : "s have");
	return failed ? -1 : 0;
}

static int distribute_all(struct db *d, struct fail *e)
{
	const struct distribute_words *said = d->c->options;
	const char *const params[] = { said->schema, said->column, NULL };
	auto_(close) int lock = -1;
	struct paths paths;
	struct answer a;
	unsigned failed = 0;
	int r;

	if (!db_query(d, "distribute", e))
		return -1;
	load_paths(d->c, d->lab->name, &paths);
	if (!d->c->dry_run && run_lock(d->c, &paths, &lock, e) < 0)
		return -1;
	if (db_open(d, "distribute", e) < 0 || db_check_schema(d, said->schema, e) < 0 || db_ask(d, "distribute", params, &a, e) < 0)
		return -1;
	if (!d->c->dry_run)
		failed = distribute(d, a.rows, e);
	if (!d->c->dry_run && said->truncate_local)
		failed += truncate_local(d, a.rows, e);
	r = e->code == FAIL_CANCELED ? -1 : 0;
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
	{ "column", .arg = "COLUMN", .required = true, .at = offsetof(struct distribute_words, column),
	  .text = "the column by which tables are distributed" },
	DATABASE_OPTION(struct distribute_words),
	{ "truncate-local", .at = offsetof(struct distribute_words, truncate_local),
	  .text = "remove the rows that tables keep in local files after they were copied to shards" },
	{ 0 },
};

const struct command cmd_db_distribute = {
	.name = "distribute", .run = run, .options = options, .options_size = sizeof(struct distribute_words),
	.summary = "distribute every table of a schema that has a column",
	.help =
	"Tables that are not distributed yet, each in a transaction of its own. What cannot be distributed is skipped "
	"with the reason. With -n shows what would be done.",
};
