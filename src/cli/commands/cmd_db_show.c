/* SPDX-License-Identifier: PostgreSQL */
/* db list, tables, nodes, shards. */
#include <stdio.h>
#include <string.h>

#include "cmd_db.h"
#include "complete.h"

#define BAR_WIDTH 30

int db_report(struct db *d, const char *word, const struct answer *a, json_t *more, struct fail *e)
{
	json_t *doc;
	int r;

	if (!d->c->json) {
		json_decref(more);
		db_readable(a->rows);
		return a->column_count ? report_table(a->rows, a->columns, a->column_count, e) : 0;
	}
	doc = json_pack("{s:i, s:s, s:s, s:s, s:O}", "v", 1, "lab", d->lab->name, "kind", d->recipe->kind, "database",
			d->database, word, a->rows);
	if (more)
		json_object_update(doc, more);
	json_decref(more);
	r = report_json(doc, e);
	json_decref(doc);
	return r;
}

/* "4 of 4", "3 of 4: not on node2", "3 of 4: node2 does not answer" */
static json_t *presence(const json_t *row)
{
	const json_t *missing = json_object_get(row, "missing"), *silent = json_object_get(row, "silent");
	size_t has = json_array_size(json_object_get(row, "nodes")), i;
	size_t all = has + json_array_size(missing) + json_array_size(silent);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const json_t *name;

	strbuf_printf(&text, "%zu of %zu", has, all);
	json_array_foreach(missing, i, name)
		strbuf_printf(&text, "%s%s", i ? ", " : ": not on ", json_string_value(name));
	json_array_foreach(silent, i, name)
		strbuf_printf(&text, "%s%s", i ? ", " : ": no answer from ", json_string_value(name));
	if (json_is_false(json_object_get(row, "is_known")))
		strbuf_str(&text, ", created without labctl: db create --adopt or db drop");
	return json_string(text.text);
}

/* Marks a database that the cluster does not know. Skips templates, which allow no connections, and unreachable ones. */
static void mark_unknown(struct db *d, json_t *row)
{
	struct db at = *d;
	struct fail why = { 0 };

	if (!recipe_query(d->recipe, "known") || json_is_true(json_object_get(row, "is_template")))
		return;
	at.database = json_string_value(json_object_get(row, "database"));
	at.sql = NULL;
	if (db_open(&at, "known", &why) == 0)
		json_object_set_new(row, "is_known", json_true());
	else if (why.code == FAIL_CONFLICT)
		json_object_set_new(row, "is_known", json_false());
	sql_close(at.sql);
}

static int list(struct db *d, struct fail *e)
{
	static const struct column columns[] = { { "database", "DATABASE", false }, { "is_template", "TEMPLATE", false },
						 { "size_bytes", "SIZE", true },    { "on", "ON", false } };
	json_t *rows, *silent, *row, *doc;
	size_t i;
	int r;

	if (db_everywhere(d, &rows, &silent, e) < 0)
		return -1;
	json_array_foreach(rows, i, row) {
		mark_unknown(d, row);
		json_object_set_new(row, "on", presence(row));
	}
	if (d->c->json) {
		doc = json_pack("{s:i, s:s, s:s, s:O, s:O}", "v", 1, "lab", d->lab->name, "kind", d->recipe->kind, "databases",
				rows, "silent", silent);
		r = report_json(doc, e);
		json_decref(doc);
	} else {
		db_readable(rows);
		r = report_table(rows, columns, ARRAY_COUNT(columns), e);
		json_array_foreach(silent, i, row)
			report_say("%s\n", json_string_value(row));
	}
	json_decref(silent);
	json_decref(rows);
	return r;
}

static int run_list(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, list, e);
}

const struct command cmd_db_list = {
	.name = "list", .run = run_list,
	.summary = "show the databases, and on how many of their nodes each one exists",
};

DEFINE_AUTO(json_t *, json_decref)

/* Prints the report and the nodes that do not answer, whose data in it are old or missing. */
static int report_beside(struct db *d, const char *word, const struct answer *a, json_t *more, json_t *silent, struct fail *e)
{
	int r;

	if (!more)
		more = json_object();
	json_object_set(more, "silent", silent);
	r = db_report(d, word, a, more, e);
	if (!d->c->json)
		db_say_silent(silent);
	return r;
}

struct tables_words { const char *database, *schema; };

static int tables(struct db *d, struct fail *e)
{
	const struct tables_words *said = d->c->options;
	auto_(json_decref) json_t *silent = NULL;
	struct answer a;
	int r;

	if (!db_query(d, "tables", e) || db_silent(d, &silent, e) < 0)
		return -1;
	const char *const params[] = { said->schema ? said->schema : "", json_array_size(silent) ? "false" : "true", NULL };

	if (db_ask(d, "tables", params, &a, e) < 0)
		return -1;
	r = db_check_schema(d, said->schema, e);
	if (r == 0)
		r = report_beside(d, "tables", &a, NULL, silent, e);
	if (r == 0 && json_array_size(a.rows) == 0 && !d->c->json)
		report_say("database '%s' has no tables%s%s\n", d->database, said->schema ? " in schema " : "",
			said->schema ? said->schema : "");
	json_decref(a.rows);
	return r;
}

static int run_tables(struct cli *c, struct fail *e)
{
	const struct tables_words *said = c->options;

	return db_run(c, said->database, tables, e);
}

static const struct option_row tables_options[] = {
	DATABASE_OPTION(struct tables_words),
	{ "schema", .arg = "SCHEMA", .at = offsetof(struct tables_words, schema), .text = "only tables of this schema" },
	{ 0 },
};

const struct command cmd_db_tables = {
	.name = "tables", .run = run_tables, .options = tables_options, .options_size = sizeof(struct tables_words),
	.summary = "show how each table is distributed, by which column, and its size",
};

struct nodes_words { const char *database; };

static int nodes(struct db *d, struct fail *e)
{
	auto_(json_decref) json_t *silent = NULL;
	struct answer a;
	json_t *row;
	size_t i;
	int r;

	if (!db_query(d, "nodes", e) || db_silent(d, &silent, e) < 0 || db_ask(d, "nodes", NULL, &a, e) < 0)
		return -1;
	*arena_push(d->c->arena, a.columns, a.column_count) = (struct column){ "is_answering", "ANSWERING", false };
	json_array_foreach(a.rows, i, row)
		json_object_set_new(row, "is_answering", json_boolean(!db_is_silent(d, silent, row)));
	r = report_beside(d, "nodes", &a, NULL, silent, e);
	json_decref(a.rows);
	return r;
}

static int run_nodes(struct cli *c, struct fail *e)
{
	const struct nodes_words *said = c->options;

	return db_run(c, said->database, nodes, e);
}

static const struct option_row nodes_options[] = { DATABASE_OPTION(struct nodes_words), { 0 } };

const struct command cmd_db_nodes = {
	.name = "nodes", .run = run_nodes, .options = nodes_options, .options_size = sizeof(struct nodes_words),
	.summary = "show the nodes registered in the database",
};

/* --- shards --- */

/* The server parses TABLE as the user typed it: schema.table, "Quoted"."Name", or a name found by the search path. */
static int check_table(struct db *d, struct fail *e)
{
	/* invalid_name, syntax_error, feature_not_supported (a third dot) */
	static const char *const no_name[] = { "42602", "42601", "0A000" };
	auto_(strbuf_clear) struct strbuf found = { 0 };
	const char *const params[] = { d->word, NULL };
	bool said_so = false;

	if (db_value(d, "select pg_catalog.to_regclass($1)::oid", params, &found, e) < 0) {
		for (size_t i = 0; i < ARRAY_COUNT(no_name); i++)
			said_so |= !strcmp(e->sqlstate, no_name[i]);
		if (!said_so)
			return -1;
		fail(e, FAIL_USAGE, "'%s' is not a table name", d->word);
		return fail_next(e, "labctl -l %s db shards 'schema.table' or '\"Schema\".\"Table\"'", d->lab->name);
	}
	if (found.len)
		return 0;
	db_missing(d, "table", d->word,
		   "select case when pg_catalog.pg_table_is_visible(c.oid) then format('%I', c.relname)"
		   " else format('%I.%I', n.nspname, c.relname) end from pg_catalog.pg_class c"
		   " join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p')"
		   " and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'", e);
	return fail_next(e, "labctl -l %s db tables --db %s", d->lab->name, db_quoted(d, d->database));
}

/* Sums up placements per node, with a bar in proportion to the fullest node. */
static json_t *sum_nodes(const json_t *rows)
{
	json_t *sums = json_array(), *shard, *sum;
	json_int_t most = 1;
	size_t i, k;

	json_array_foreach(rows, i, shard) {
		const char *node = json_string_value(json_object_get(shard, "node"));
		json_int_t port = json_integer_value(json_object_get(shard, "port"));
		json_int_t size = json_integer_value(json_object_get(shard, "size_bytes"));
		json_t *of = NULL;

		json_array_foreach(sums, k, sum)
			if (!strcmp(json_string_value(json_object_get(sum, "node")), node) &&
			    json_integer_value(json_object_get(sum, "port")) == port)
				of = sum;
		if (!of) {
			of = json_pack("{s:s, s:I, s:i, s:i}", "node", node, "port", port, "shard_count", 0, "size_bytes", 0);
			json_array_append_new(sums, of);
		}
		size += json_integer_value(json_object_get(of, "size_bytes"));
		most = size > most ? size : most;
		json_object_set_new(of, "size_bytes", json_integer(size));
		json_object_set_new(of, "shard_count", json_integer(json_integer_value(json_object_get(of, "shard_count")) + 1));
	}
	json_array_foreach(sums, k, sum) {
		json_int_t size = json_integer_value(json_object_get(sum, "size_bytes"));
		char bar[BAR_WIDTH + 1] = "";

		memset(bar, '#', (size_t)((size * BAR_WIDTH + most - 1) / most));
		json_object_set_new(sum, "bar", json_string(bar));
	}
	return sums;
}

/* Clears the sizes of nodes that do not answer: they are unknown, not 0. */
static void blank_sizes(struct db *d, const json_t *silent, json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (db_is_silent(d, silent, row))
			json_object_set_new(row, "size_bytes", json_null());
}

static int shards(struct db *d, struct fail *e)
{
	static struct column sum_columns[] = { { "node", "NODE", false }, { "port", "PORT", true },
					       { "shard_count", "SHARDS", true }, { "size_bytes", "SIZE", true },
					       { "bar", "", false } };
	const char *const params[] = { d->word, NULL };
	auto_(json_decref) json_t *silent = NULL;
	struct answer a, sums = { .columns = sum_columns, .column_count = ARRAY_COUNT(sum_columns) };
	json_t *more;
	int r = -1;

	/* Check database and table first: for a wrong one the query would just return no rows. */
	if (db_open(d, "shards", e) < 0 || check_table(d, e) < 0 || db_silent(d, &silent, e) < 0 ||
	    db_ask(d, "shards", params, &a, e) < 0)
		return -1;
	blank_sizes(d, silent, a.rows);
	sums.rows = sum_nodes(a.rows);
	blank_sizes(d, silent, sums.rows);
	more = json_pack("{s:s, s:O}", "table", d->word, "nodes", sums.rows);
	if (json_array_size(a.rows) == 0) {
		json_decref(more);
		fail(e, FAIL_NOT_FOUND, "table '%s' has no shards: it is local", d->word);
		fail_next(e, "labctl -l %s db tables --db %s", d->lab->name, db_quoted(d, d->database));
	} else {
		r = report_beside(d, "shards", &a, more, silent, e);
	}
	if (r == 0 && !d->c->json) {
		putchar('\n');
		r = db_report(d, "nodes", &sums, NULL, e);
	}
	json_decref(a.rows);
	json_decref(sums.rows);
	return r;
}

struct shards_words { const char *database; };

static int run_shards(struct cli *c, struct fail *e)
{
	const struct shards_words *said = c->options;

	return db_run(c, said->database, shards, e);
}

static const struct option_row shards_options[] = { DATABASE_OPTION(struct shards_words), { 0 } };

const struct command cmd_db_shards = {
	.name = "shards", .run = run_shards, .args = { { .name = "TABLE" } },
	.options = shards_options, .options_size = sizeof(struct shards_words),
	.summary = "show the shards of a table, with a total and a bar for each node",
	.help = "Write TABLE as in SQL: schema.table or \"Quoted\".\"Name\".",
};
