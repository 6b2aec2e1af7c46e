/* SPDX-License-Identifier: PostgreSQL */
/* db: queries. Each is a file of the recipe with parameters; text from the user is never part of a statement. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "cmd_db.h"
#include "pool.h"
#include "quote.h"
#include "suggest.h"
#include "text.h"

#define ASK_MS 60000
#define LOOK_THREADS 256 /* threads only wait for nodes */
#define LOOK_MS 5000 /* per node: a dead node must not delay the others */
#define NO_DATABASE "3D000" /* SQLSTATE invalid_catalog_name */

const char *db_quoted(struct db *d, const char *word)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	quote_add(&text, QUOTE_SH, word);
	return arena_strdup(d->c->arena, strbuf_text(&text));
}

static int64_t sooner(int64_t deadline_ms, int64_t wait_ms)
{
	int64_t end_ms = clock_after_ms(wait_ms);

	return end_ms < deadline_ms ? end_ms : deadline_ms;
}

/* --- names of columns --- */

static bool ends(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len >= n && !strcmp(name + len - n, end);
}

static bool is_bytes(const char *name) { return ends(name, "_bytes"); }
static bool is_truth(const char *name) { return !strncmp(name, "is_", 3) || !strncmp(name, "has_", 4); }

static bool is_number(const char *name)
{
	return is_bytes(name) || ends(name, "_count") || ends(name, "_id") || !strcmp(name, "port");
}

static json_t *cell(const char *name, const char *value)
{
	json_t *text;

	if (!value)
		return json_null();
	if (is_truth(name))
		return json_boolean(*value == 't');
	if (is_number(name))
		return json_integer(strtoll(value, NULL, 10));
	text = json_string(value);
	return text ? text : json_string("(not UTF-8)");
}

/* The title of a column: SIZE for "size_bytes". */
static const char *title(const char *name, struct arena *a)
{
	char *t = arena_strdup(a, name + (is_truth(name) ? strcspn(name, "_") + 1 : 0));

	if (is_bytes(name))
		t[strlen(t) - strlen("_bytes")] = '\0';
	for (char *p = t; *p; p++)
		*p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
	return t;
}

void db_readable(json_t *rows)
{
	const char *key;
	json_t *row, *value;
	size_t i;
	void *next;

	json_array_foreach(rows, i, row)
		json_object_foreach_safe(row, next, key, value)
			if (is_bytes(key) && json_is_integer(value))
				json_object_set_new(row, key, json_string(num_bytes((double)json_integer_value(value)).text));
}

/* --- one query --- */

struct gather { struct answer *answer; struct arena *arena; };

static void add_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct gather *g = ctx;
	json_t *row = json_object();

	for (int i = 0; i < columns; i++) {
		if (json_array_size(g->answer->rows) == 0)
			*arena_push(g->arena, g->answer->columns, g->answer->column_count) =
				(struct column){ arena_strdup(g->arena, names[i]), title(names[i], g->arena), is_number(names[i]) };
		json_object_set_new(row, names[i], cell(names[i], values[i]));
	}
	json_array_append_new(g->answer->rows, row);
}

const struct query *db_query(struct db *d, const char *name, struct fail *e)
{
	const struct query *q = recipe_query(d->recipe, name);

	if (!q) {
		fail(e, FAIL_USAGE, "'db %s' is not supported for kind %s", name, d->recipe->kind);
		fail_next(e, "labctl help db");
	}
	return q;
}

static const struct node *first_with(const struct lab *lab, int role)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (node_has_role(&lab->nodes[i], role))
			return &lab->nodes[i];
	return NULL;
}

static void add_value(void *ctx, int columns, const char *const *names, const char *const *values)
{
	(void)names;
	if (columns > 0 && values[0])
		strbuf_str(ctx, values[0]);
}

static int no_database(struct db *d, const struct node *n, unsigned port, struct fail *e)
{
	auto_(sql_close) struct sql *usual = NULL;
	struct db at = *d;

	if (runtime_sql(d->runtime, n, port, NULL, false, sooner(d->deadline_ms, ASK_MS), &usual, e) < 0)
		return -1;
	at.sql = usual;
	db_missing(&at, "database", d->database, "select datname from pg_catalog.pg_database", e);
	return fail_next(e, "labctl -l %s db list", d->lab->name);
}

/* Reports a database that was made without labctl; the query's own failure would not explain it. */
static int check_known(struct db *d, struct fail *e)
{
	const struct query *q = recipe_query(d->recipe, "known");
	auto_(strbuf_clear) struct strbuf known = { 0 };
	const char *text = q ? library_text(d->c->lib, q->arg) : NULL;

	if (!text)
		return 0;
	if (sql_rows(d->sql, text, NULL, sooner(d->deadline_ms, ASK_MS), add_value, &known, e) < 0)
		return -1;
	if (known.len)
		return 0;
	fail(e, FAIL_CONFLICT, "database '%s' was created without labctl: the cluster's nodes are not registered in it", d->database);
	return fail_next(e, "labctl -l %s db create %s --adopt, or labctl -l %s db drop %s", d->lab->name,
			 db_quoted(d, d->database), d->lab->name, db_quoted(d, d->database));
}

/* Connects to the first node of @role. */
static int connect_to(struct db *d, const char *role, struct fail *e)
{
	int number = lab_role(d->lab, role);
	const struct node *n = first_with(d->lab, number);
	unsigned port;

	if (d->sql)
		return 0;
	if (!n)
		return fail(e, FAIL_NOT_FOUND, "lab '%s' has no %s", d->lab->name, role);
	port = d->lab->cluster.places[number].port;
	if (runtime_sql(d->runtime, n, port, d->database, false, sooner(d->deadline_ms, ASK_MS), &d->sql, e) == 0)
		return check_known(d, e);
	if (!strcmp(e->sqlstate, NO_DATABASE))
		return no_database(d, n, port, e);
	return *e->next ? -1 : fail_next(e, "labctl -l %s status", d->lab->name);
}

int db_open(struct db *d, const char *name, struct fail *e)
{
	const struct query *q = db_query(d, name, e);

	return q ? connect_to(d, q->role, e) : -1;
}

int db_ask(struct db *d, const char *name, const char *const *params, struct answer *ret, struct fail *e)
{
	const struct query *q = db_query(d, name, e);
	struct answer a = { 0 };
	struct gather g = { &a, d->c->arena };
	const char *text = q ? library_text(d->c->lib, q->arg) : NULL;

	if (!q || connect_to(d, q->role, e) < 0)
		return -1;
	if (!text)
		return fail(e, FAIL_OTHER, "%s is missing", q->arg);
	a.rows = json_array();
	/* No limit but --timeout: only the user knows how long it takes to distribute a table. */
	if (sql_rows(d->sql, text, params, d->deadline_ms, add_row, &g, e) < 0) {
		json_decref(a.rows);
		return -1;
	}
	*ret = a;
	return 0;
}

int db_value(struct db *d, const char *statement, const char *const *params, struct strbuf *out, struct fail *e)
{
	return sql_rows(d->sql, statement, params, sooner(d->deadline_ms, ASK_MS), add_value, out, e);
}

struct words { struct arena *arena; const char **items; unsigned count; };

static void add_word(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct words *w = ctx;

	(void)names;
	if (columns > 0 && values[0])
		*arena_push(w->arena, w->items, w->count) = arena_strdup(w->arena, values[0]);
}

int db_missing(struct db *d, const char *what, const char *name, const char *statement, struct fail *e)
{
	struct words w = { .arena = d->c->arena };
	const char *near;

	if (sql_rows(d->sql, statement, NULL, sooner(d->deadline_ms, ASK_MS), add_word, &w, e) < 0)
		return -1;
	*arena_push(w.arena, w.items, w.count) = NULL;
	near = suggest(name, w.items);
	return fail(e, FAIL_NOT_FOUND, "there is no %s '%s'%s%s%s", what, name, near ? "; did you mean '" : "",
		    near ? near : "", near ? "'?" : "");
}

int db_check_schema(struct db *d, const char *schema, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf found = { 0 };
	const char *const params[] = { schema, NULL };

	if (!schema)
		return 0;
	if (db_value(d, "select 't' from pg_namespace where nspname = $1", params, &found, e) < 0)
		return -1;
	if (found.len)
		return 0;
	db_missing(d, "schema", schema,
		   "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'", e);
	return fail_next(e, "labctl -l %s db tables --db %s", d->lab->name, db_quoted(d, d->database));
}

/* --- every node at once --- */

struct look {
	struct db *d;
	const struct node *node;
	const struct query *query;
	unsigned port;
	struct answer answer;
	struct arena *arena; /* one each: an arena belongs to one thread */
	struct fail fail;
	bool failed;
};

static void look(void *looks, unsigned i)
{
	struct look *l = (struct look *)looks + i;
	auto_(sql_close) struct sql *sql = NULL;
	struct gather g = { &l->answer, l->arena };
	int64_t end_ms = sooner(l->d->deadline_ms, LOOK_MS);
	const char *text = library_text(l->d->c->lib, l->query->arg);

	l->answer.rows = json_array();
	l->failed = !text || runtime_sql(l->d->runtime, l->node, l->port, NULL, false, end_ms, &sql, &l->fail) < 0 ||
		    sql_rows(sql, text, NULL, sooner(l->d->deadline_ms, ASK_MS), add_row, &g, &l->fail) < 0;
}

/* Lists the nodes to query. The recipe has one row of this name per role. */
static struct look *list_looks(struct db *d, const char *name, unsigned *ret_count)
{
	struct look *looks = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < d->lab->node_count; i++)
		for (const struct query *q = d->recipe->queries; q && q->name; q++) {
			int role = lab_role(d->lab, q->role);

			if (!strcmp(q->name, name) && node_has_role(&d->lab->nodes[i], role))
				*arena_push(d->c->arena, looks, count) =
					(struct look){ .d = d, .node = &d->lab->nodes[i], .query = q,
						       .port = d->lab->cluster.places[role].port };
		}
	*ret_count = count;
	return looks;
}

static void run_looks(struct look *looks, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		looks[i].arena = arena_new();
	pool_run(count, LOOK_THREADS, look, looks);
}

int db_silent(struct db *d, json_t **ret_names, struct fail *e)
{
	unsigned count, failed = 0;
	struct look *looks = list_looks(d, "databases", &count);
	json_t *names = json_array();
	const struct node *last = NULL;

	run_looks(looks, count);
	for (unsigned i = 0; i < count; i++) {
		if (looks[i].failed && looks[i].node != last) {
			json_array_append_new(names, json_string(looks[i].node->name));
			last = looks[i].node;
		}
		if (looks[i].failed && failed++ == 0)
			*e = looks[i].fail;
		json_decref(looks[i].answer.rows);
		arena_free(looks[i].arena);
	}
	if (count && failed == count) {
		json_decref(names);
		return fail_next(e, "labctl -l %s status", d->lab->name);
	}
	*e = (struct fail){ 0 };
	*ret_names = names;
	return 0;
}

void db_say_silent(const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		report_say("%s: no answer\n", json_string_value(name));
}

bool db_is_silent(struct db *d, const json_t *names, const json_t *row)
{
	const char *address = json_string_value(json_object_get(row, "node"));
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		for (unsigned k = 0; address && k < d->lab->node_count; k++) {
			const struct node *n = &d->lab->nodes[k];

			if (!strcmp(n->name, json_string_value(name)) && (!strcmp(n->ip_text, address) ||
			    !strcmp(n->hostname, address) || !strcmp(n->fqdn, address) || !strcmp(n->name, address)))
				return true;
		}
	return false;
}

static json_t *row_named(const json_t *rows, const char *database)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(json_string_value(json_object_get(row, "database")), database))
			return row;
	return NULL;
}

/* Adds one node's row about a database to the row of all nodes. */
static void merge(json_t *rows, const json_t *seen)
{
	const char *name = json_string_value(json_object_get(seen, "database"));
	json_t *row = row_named(rows, name);
	json_int_t size = json_integer_value(json_object_get(seen, "size_bytes"));

	if (!row) {
		row = json_pack("{s:s, s:O, s:i}", "database", name, "is_template", json_object_get(seen, "is_template"),
				"size_bytes", 0);
		json_array_append_new(rows, row);
	}
	json_object_set_new(row, "size_bytes",
			    json_integer(json_integer_value(json_object_get(row, "size_bytes")) + size));
}

/* Lists the nodes with the database, without it and silent; a node with two roles has it if both servers have. */
static void place(json_t *row, const struct look *looks, unsigned count)
{
	const char *name = json_string_value(json_object_get(row, "database"));
	json_t *nodes = json_array(), *missing = json_array(), *silent = json_array();

	for (unsigned i = 0; i < count;) {
		const struct node *n = looks[i].node;
		bool has = true, heard = true;

		for (; i < count && looks[i].node == n; i++) {
			heard = heard && !looks[i].failed;
			has = has && row_named(looks[i].answer.rows, name);
		}
		json_array_append_new(!heard ? silent : has ? nodes : missing, json_string(n->name));
	}
	json_object_set_new(row, "nodes", nodes);
	json_object_set_new(row, "missing", missing);
	json_object_set_new(row, "silent", silent);
}

int db_everywhere(struct db *d, json_t **ret_rows, json_t **ret_silent, struct fail *e)
{
	unsigned count, failed = 0;
	struct look *looks = list_looks(d, "databases", &count);
	json_t *rows = json_array(), *silent = json_array(), *row;
	struct fail first = { 0 };
	size_t k;
	int r = 0;

	run_looks(looks, count);
	for (unsigned i = 0; i < count; i++) {
		json_array_foreach(looks[i].answer.rows, k, row)
			merge(rows, row);
		if (looks[i].failed && failed++ == 0)
			first = looks[i].fail;
		if (looks[i].failed)
			json_array_append_new(silent, json_string(looks[i].fail.text));
	}
	if (!count)
		r = db_query(d, "databases", e) ? fail(e, FAIL_NOT_FOUND, "lab '%s' has no databases", d->lab->name) : -1;
	if (count && failed == count) {
		*e = first;
		r = fail_next(e, "labctl -l %s status", d->lab->name);
	}
	json_array_foreach(rows, k, row)
		place(row, looks, count);
	for (unsigned i = 0; i < count; i++) {
		json_decref(looks[i].answer.rows);
		arena_free(looks[i].arena);
	}
	if (r < 0) {
		json_decref(rows);
		json_decref(silent);
		return -1;
	}
	*ret_rows = rows;
	*ret_silent = silent;
	return 0;
}

int db_all_nodes(struct db *d, const char *query, json_t **ret_rows, json_t **ret_silent, struct fail *e)
{
	unsigned count, failed = 0;
	struct look *looks;
	size_t k;

	if (!db_query(d, query, e))
		return -1;
	looks = list_looks(d, query, &count);
	*ret_rows = json_array();
	*ret_silent = json_array();
	run_looks(looks, count);
	for (unsigned i = 0; i < count; i++) {
		json_t *row;

		json_array_foreach(looks[i].answer.rows, k, row) {
			json_object_set_new(row, "node", json_string(looks[i].node->name));
			json_array_append(*ret_rows, row);
		}
		if (looks[i].failed && failed++ == 0)
			*e = looks[i].fail;
		if (looks[i].failed)
			json_array_append_new(*ret_silent, json_string(looks[i].fail.text));
		json_decref(looks[i].answer.rows);
		arena_free(looks[i].arena);
	}
	if (count && failed < count) {
		*e = (struct fail){ 0 };
		return 0;
	}
	json_decref(*ret_rows);
	json_decref(*ret_silent);
	return count ? fail_next(e, "labctl -l %s status", d->lab->name)
		     : fail(e, FAIL_NOT_FOUND, "no node of lab '%s' can answer this", d->lab->name);
}
