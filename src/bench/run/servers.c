/* SPDX-License-Identifier: PostgreSQL */
#include "servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pool.h"
#include "recipe.h"
#include "sql.h"

#define WAIT_STEP_MS 200
#define ASK_MS 10000 /* for a statement that only looks */

struct server {
	const struct node *node;
	unsigned role, port;
	struct sql *sql;
	struct fail fail;   /* of the last call that ran for all servers */
	bool failed;
};

struct servers {
	struct runtime *rt;
	struct arena *arena;
	const char *database;
	struct server *all; unsigned count;
	struct server *entry; /* one of them */
	int64_t deadline_ms;  /* of the call that runs for all */
};

/* A pooler answers SQL without data of its own: statistics would count twice. */
static bool has_data(const struct role *r)
{
	return r->sql && r->dir && strcmp(r->name, "pgpool") != 0;
}

struct servers *servers_new(struct runtime *rt, const char *database)
{
	const struct lab *lab = runtime_lab(rt);
	const struct recipe *recipe = lab->cluster.recipe;
	struct arena *a = arena_new();
	struct servers *s = arena_new_of(a, struct servers);

	s->rt = rt;
	s->arena = a;
	s->database = arena_strdup(a, database);
	for (unsigned r = 0; r < lab->cluster.place_count; r++)
		for (unsigned i = 0; has_data(&recipe->roles[r]) && i < lab->node_count; i++)
			if (node_has_role(&lab->nodes[i], (int)r))
				*arena_push(a, s->all, s->count) = (struct server) { .node = &lab->nodes[i], .role = r,
										     .port = lab->cluster.places[r].port };
	for (unsigned i = s->count; i-- > 0;)
		if (!strcmp(recipe->roles[s->all[i].role].name, recipe->psql_role))
			s->entry = &s->all[i];
	return s;
}

void servers_free(struct servers *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->all[i].sql)
			sql_close(s->all[i].sql);
	arena_free(s->arena);
}

static int open_server(struct servers *s, struct server *v, int64_t deadline_ms, struct fail *e)
{
	if (v->sql && sql_broken(v->sql)) {
		sql_close(v->sql);
		v->sql = NULL;
	}
	return v->sql ? 0 : runtime_sql(s->rt, v->node, v->port, s->database, false, deadline_ms, &v->sql, e);
}

int servers_run(struct servers *s, const char *what, const char *blocks, int64_t deadline_ms, struct fail *e)
{
	bool changed;

	if (open_server(s, s->entry, deadline_ms, e) < 0 || sql_blocks(s->entry->sql, what, blocks, deadline_ms, &changed, e) < 0)
		return fail_wrap(e, "%s", s->entry->node->name);
	return 0;
}

int servers_administer(struct servers *s, const char *what, const char *blocks, int64_t deadline_ms, struct fail *e)
{
	auto_(sql_close) struct sql *sql = NULL;
	bool changed;

	for (unsigned i = 0; i < s->count; i++)
		if (s->all[i].sql)
			sql_close(steal(s->all[i].sql));
	if (runtime_sql(s->rt, s->entry->node, s->entry->port, NULL, false, deadline_ms, &sql, e) < 0 ||
	    sql_blocks(sql, what, blocks, deadline_ms, &changed, e) < 0)
		return fail_wrap(e, "%s", s->entry->node->name);
	return 0;
}

int servers_wait(struct servers *s, int64_t deadline_ms, struct fail *e)
{
	for (unsigned i = 0; i < s->count; i++)
		while (open_server(s, &s->all[i], deadline_ms, e) < 0) {
			if (clock_left_ms(deadline_ms) < WAIT_STEP_MS)
				return fail_wrap(e, "%s", s->all[i].node->name);
			clock_sleep_ms(WAIT_STEP_MS);
		}
	return 0;
}

struct check_rows { struct arena *a; struct bench_check *items; unsigned count; };

static void check_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct check_rows *rows = ctx;

	(void)names;
	if (columns < 3)
		return;
	*arena_push(rows->a, rows->items, rows->count) = (struct bench_check) {
		.name = arena_strdup(rows->a, values[0] ? values[0] : ""), .ok = values[1] && !strcmp(values[1], "t"),
		.text = arena_strdup(rows->a, values[2] ? values[2] : ""),
	};
}

int servers_check(struct servers *s, const char *query, struct arena *a, struct bench_check **ret, unsigned *ret_count,
		  int64_t deadline_ms, struct fail *e)
{
	struct check_rows rows = { .a = a };

	if (open_server(s, s->entry, deadline_ms, e) < 0 ||
	    sql_rows(s->entry->sql, query, NULL, deadline_ms, check_row, &rows, e) < 0)
		return fail_wrap(e, "%s", s->entry->node->name);
	*ret = rows.items;
	*ret_count = rows.count;
	return 0;
}

static void checkpoint(void *ctx, unsigned i)
{
	struct servers *s = ctx;
	struct server *v = &s->all[i];
	struct strbuf ignored = { 0 };
	int rows;

	v->failed = open_server(s, v, s->deadline_ms, &v->fail) < 0 ||
		    sql_value(v->sql, "checkpoint", s->deadline_ms, &ignored, &rows, &v->fail) < 0;
	strbuf_clear(&ignored);
}

int servers_checkpoint(struct servers *s, int64_t deadline_ms, struct fail *e)
{
	s->deadline_ms = deadline_ms;
	pool_run(s->count, s->count, checkpoint, s);
	for (unsigned i = 0; i < s->count; i++)
		if (s->all[i].failed) {
			*e = s->all[i].fail;
			return fail_wrap(e, "%s: checkpoint", s->all[i].node->name);
		}
	return 0;
}

struct stat_rows { struct arena *a; const char *node, *role, *table; struct server_stats *to; };

static void stat_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct stat_rows *rows = ctx;

	for (int i = 0; i < columns; i++) {
		char *end;
		double value = values[i] ? strtod(values[i], &end) : 0;

		/* Everything that is a number, so that each version may have its own columns; ids and limits do not change. */
		if (values[i] && end != values[i] && !*end)
			*arena_push(rows->a, rows->to->items, rows->to->count) = (struct bench_counter) {
				rows->node, arena_printf(rows->a, "%s %s.%s", rows->role, rows->table, names[i]), value };
	}
}

static void stats_of(struct servers *s, struct server *v, struct arena *a, struct server_stats *to)
{
	const char *role = runtime_lab(s->rt)->cluster.recipe->roles[v->role].name;
	struct stat_rows rows = { a, v->node->name, role, NULL, to };
	int64_t deadline = clock_after_ms(ASK_MS);
	struct fail ignored;

	if (open_server(s, v, deadline, &ignored) < 0)
		return;
	rows.table = "pg_stat_database";
	sql_rows(v->sql, "select * from pg_stat_database where datname = current_database()", NULL, deadline, stat_row, &rows, &ignored);
	rows.table = "pg_stat_bgwriter";
	sql_rows(v->sql, "select * from pg_stat_bgwriter", NULL, deadline, stat_row, &rows, &ignored);
}

void servers_stats(struct servers *s, struct arena *a, struct server_stats *ret)
{
	*ret = (struct server_stats) { 0 };
	for (unsigned i = 0; i < s->count; i++)
		stats_of(s, &s->all[i], a, ret);
}

void servers_difference(const struct server_stats *before, const struct server_stats *after, struct arena *a,
			struct bench_counter **ret, unsigned *ret_count)
{
	*ret = NULL;
	*ret_count = 0;
	for (unsigned i = 0; i < after->count; i++)
		for (unsigned k = 0; k < before->count; k++) {
			const struct bench_counter *x = &before->items[k], *y = &after->items[i];

			if (!strcmp(x->node, y->node) && !strcmp(x->what, y->what)) {
				if (y->value > x->value || y->value < x->value)
					*arena_push(a, *ret, *ret_count) = (struct bench_counter) { y->node, y->what, y->value - x->value };
				break;
			}
		}
}

struct ask_row { const struct node *node; void (*row)(void *ctx, const struct node *n, const char *const *values); void *ctx; };

static void ask_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	const struct ask_row *to = ctx;

	(void)columns;
	(void)names;
	to->row(to->ctx, to->node, values);
}

bool servers_ask(struct servers *s, const char *query,
		 void (*row)(void *ctx, const struct node *n, const char *const *values), void *ctx)
{
	bool understood = false;

	for (unsigned i = 0; i < s->count; i++) {
		struct ask_row to = { s->all[i].node, row, ctx };
		int64_t deadline = clock_after_ms(ASK_MS);
		struct fail ignored;

		understood |= open_server(s, &s->all[i], deadline, &ignored) == 0 &&
			      sql_rows(s->all[i].sql, query, NULL, deadline, ask_row, &to, &ignored) == 0;
	}
	return understood;
}

int servers_session_limit(struct servers *s, const struct node *n, unsigned role, unsigned *ret, struct fail *e)
{
	struct strbuf text = { 0 };
	int rows = 0, r = 0;

	*ret = 0;
	for (unsigned i = 0; i < s->count && r == 0; i++) {
		struct server *v = &s->all[i];
		int64_t deadline = clock_after_ms(ASK_MS);

		if (v->node != n || v->role != role)
			continue;
		r = open_server(s, v, deadline, e);
		if (r == 0)
			r = sql_value(v->sql, "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
				      " - (select count(*) from pg_stat_activity where datname is not null and datname <> current_database())",
				      deadline, &text, &rows, e);
		if (r == 0 && rows)
			*ret = (unsigned)strtoul(strbuf_text(&text), NULL, 10);
	}
	strbuf_clear(&text);
	return r;
}

struct setting_rows { json_t *section; struct strbuf pending; };

static void setting_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct setting_rows *rows = ctx;
	char key[128];

	(void)names;
	if (columns < 2 || !values[0] || !values[1])
		return;
	snprintf(key, sizeof key, "setting %s", values[0]);
	json_object_set_new(rows->section, key, json_string(values[1]));
}

static void pending_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct setting_rows *rows = ctx;

	(void)names;
	if (columns > 0 && values[0])
		strbuf_printf(&rows->pending, "%s%s", rows->pending.len ? ", " : "", values[0]);
}

/* Secrets and what differs from start to start say nothing about speed. */
#define SETTINGS_QUERY                                                                                        \
	"select name, setting || coalesce(unit, '') from pg_settings where source not in ('default', 'override', 'client', 'session')" \
	" and name not in ('primary_conninfo') order by name"
/* What the files say and the server does not use: wrong values, and changes that wait for a restart. */
#define PENDING_QUERY "select name from pg_file_settings where not applied and name is not null" \
	" and name not in (select name from pg_file_settings where applied) order by name"

int servers_evidence(struct servers *s, json_t *evidence, struct fail *e)
{
	const struct recipe *recipe = runtime_lab(s->rt)->cluster.recipe;
	auto_(strbuf_clear) struct strbuf value = { 0 };

	for (unsigned i = 0; i < s->count; i++) {
		struct server *v = &s->all[i];
		struct setting_rows rows = { .section = json_object() };
		int64_t deadline = clock_after_ms(ASK_MS);
		char section[128];
		int found = 0, r;

		snprintf(section, sizeof section, "%s %s", v->node->name, recipe->roles[v->role].name);
		json_object_set_new(evidence, section, rows.section);
		r = open_server(s, v, deadline, e);
		strbuf_truncate(&value, 0);
		if (r == 0)
			r = sql_value(v->sql, "select version()", deadline, &value, &found, e);
		if (r == 0) {
			json_object_set_new(rows.section, "version", json_string(strbuf_text(&value)));
			r = sql_rows(v->sql, SETTINGS_QUERY, NULL, deadline, setting_row, &rows, e);
		}
		strbuf_truncate(&value, 0);
		if (r == 0)
			r = sql_value(v->sql, "select current_setting('server_version_num')::int >= 90500", deadline, &value, &found, e);
		if (r == 0 && !strcmp(strbuf_text(&value), "t"))
			r = sql_rows(v->sql, PENDING_QUERY, NULL, deadline, pending_row, &rows, e);
		if (r == 0 && rows.pending.len) {
			fail(e, FAIL_DB, "%s does not use these settings of its configuration files: %s", section, rows.pending.text);
			fail_next(e, "labctl -l %s bootstrap", runtime_lab(s->rt)->name);
			r = -1;
		}
		strbuf_clear(&rows.pending);
		if (r < 0)
			return -1;
	}
	return 0;
}
