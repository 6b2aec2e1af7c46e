/* SPDX-License-Identifier: PostgreSQL */
/* db sessions, db kill: lists the sessions of all nodes and who blocks whom; ends a session. Sessions are named NODE:PID. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cmd_db.h"

#define KILL_MS 10000 /* the server waits half of this for the session to end */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static json_t *row_of(const json_t *rows, const char *node, const char *pid, size_t len)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(text_of(row, "node"), node) && strlen(text_of(row, "pid")) == len &&
		    !strncmp(text_of(row, "pid"), pid, len))
			return row;
	return NULL;
}

/* The session of the same database, on any node, that @row works for. NULL if it is not known or ambiguous. */
static json_t *asked_by(const json_t *rows, const json_t *row)
{
	const char *pid = text_of(row, "for_pid");
	json_t *other, *found = NULL;
	size_t i;

	json_array_foreach(rows, i, other) {
		if (!*pid || strcmp(text_of(other, "pid"), pid) != 0 || *text_of(other, "for_pid") ||
		    strcmp(text_of(other, "database"), text_of(row, "database")) != 0)
			continue;
		if (found)
			return NULL;
		found = other;
	}
	return found;
}

static void add_once(json_t *list, const char *id)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (!strcmp(json_string_value(item), id))
			return;
	json_array_append_new(list, json_string(id));
}

/* Replaces this node's blocking pids by NODE:PID, and by the session they work for if there is one; the waiting one too. */
static void who_blocks(json_t *rows, json_t *row)
{
	json_t *client = asked_by(rows, row), *blockers = json_object_get(row, "blockers");
	const char *list = text_of(row, "blocked_by");

	for (size_t len; *list; list += len + (list[len] == ' ')) {
		json_t *blocker, *behind;
		char id[96];

		len = strcspn(list, " ");
		snprintf(id, sizeof id, "%s:%.*s", text_of(row, "node"), (int)len, list);
		blocker = row_of(rows, text_of(row, "node"), list, len);
		behind = blocker ? asked_by(rows, blocker) : NULL;
		add_once(blockers, behind ? text_of(behind, "session") : id);
		if (client)
			add_once(json_object_get(client, "blockers"), behind ? text_of(behind, "session") : id);
	}
	if (client)
		json_object_set(row, "works_for", json_object_get(client, "session"));
}

static void name_session(json_t *row)
{
	json_object_set_new(row, "session", json_sprintf("%s:%s", text_of(row, "node"), text_of(row, "pid")));
	json_object_set_new(row, "works_for", json_null());
	json_object_set_new(row, "blockers", json_array());
}

static void finish(json_t *row)
{
	json_t *blockers = json_object_get(row, "blockers"), *item;
	auto_(strbuf_clear) struct strbuf list = { 0 };
	size_t i;

	json_array_foreach(blockers, i, item)
		strbuf_printf(&list, "%s%s", i ? " " : "", json_string_value(item));
	json_object_set_new(row, "blocked_by", list.len ? json_string(strbuf_text(&list)) : json_null());
	json_object_del(row, "blockers");
	json_object_del(row, "for_pid");
}

static int sessions(struct db *d, struct fail *e)
{
	static struct column columns[] = {
		{ "session", "SESSION", false }, { "user", "USER", false },           { "database", "DATABASE", false },
		{ "client", "CLIENT", false },   { "state", "STATE", false },         { "since", "SINCE", true },
		{ "blocked_by", "BLOCKED BY", false }, { "works_for", "WORKS FOR", false }, { "waits_for", "WAITS FOR", false },
		{ "query", "QUERY", false },
	};
	struct answer a = { .columns = columns, .column_count = ARRAY_COUNT(columns) };
	json_t *row, *silent;
	size_t i;
	int r;

	if (db_all_nodes(d, "sessions", &a.rows, &silent, e) < 0)
		return -1;
	json_array_foreach(a.rows, i, row)
		name_session(row);
	json_array_foreach(a.rows, i, row)
		who_blocks(a.rows, row);
	json_array_foreach(a.rows, i, row)
		finish(row);
	json_array_foreach(silent, i, row)
		if (!d->c->json)
			report_say("%s\n", json_string_value(row));
	r = db_report(d, "sessions", &a, json_pack("{s:o}", "silent", silent), e);
	json_decref(a.rows);
	return r;
}

static int run_sessions(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, sessions, e);
}

const struct command cmd_db_sessions = {
	.name = "sessions", .run = run_sessions,
	.summary = "show the sessions on all nodes, and which session waits for which",
	.help =
	"Sessions are named NODE:PID. The sessions of Citus on a worker are shown with the session they work for. Idle "
	"sessions are left out.",
};

/* Parses "node2:4711". */
static int find_session(struct db *d, const struct node **ret_node, const char **ret_pid, struct fail *e)
{
	const char *colon = strrchr(d->word, ':');
	const struct lab *lab = d->lab;

	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 9) {
		fail(e, FAIL_USAGE, "'%s' is not a session: expected NODE:PID", d->word);
		return fail_next(e, "labctl -l %s db sessions", lab->name);
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		if (strlen(lab->nodes[i].name) == (size_t)(colon - d->word) &&
		    !strncmp(lab->nodes[i].name, d->word, (size_t)(colon - d->word))) {
			*ret_node = &lab->nodes[i];
			*ret_pid = colon + 1;
			return 0;
		}
	fail(e, FAIL_NOT_FOUND, "the lab has no node '%.*s'", (int)(colon - d->word), d->word);
	return fail_next(e, "labctl -l %s db sessions", lab->name);
}

struct ended { unsigned found; bool ended; };

static void see_end(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct ended *seen = ctx;

	(void)names;
	seen->found++;
	seen->ended = columns > 0 && values[0] && *values[0] == 't';
}

static int end_session(struct db *d, struct fail *e)
{
	const struct query *q = d->recipe->queries;
	auto_(sql_close) struct sql *sql = NULL;
	const struct node *n = NULL;
	const char *pid = NULL, *text = NULL;
	struct ended seen = { 0 };
	int role = -1;

	if (!db_query(d, "kill", e) || find_session(d, &n, &pid, e) < 0)
		return -1;
	for (; q->name && role < 0; q++)
		if (!strcmp(q->name, "kill") && node_has_role(n, lab_role(d->lab, q->role))) {
			role = lab_role(d->lab, q->role);
			text = library_text(d->c->lib, q->arg);
		}
	if (role < 0)
		return fail(e, FAIL_NOT_FOUND, "%s has no sessions", n->name);
	if (!text)
		return fail(e, FAIL_OTHER, "labctl's data files lack the statement that ends a session");
	if (d->c->dry_run) {
		printf("would end session %s\n", d->word);
		return 0;
	}
	if (runtime_sql(d->runtime, n, d->lab->cluster.places[role].port, NULL, false, clock_after_ms(KILL_MS), &sql, e) < 0 ||
	    sql_rows(sql, text, (const char *const[]){ pid, NULL }, clock_after_ms(KILL_MS), see_end, &seen, e) < 0)
		return -1;
	if (!seen.found) {
		fail(e, FAIL_NOT_FOUND, "%s has no session with pid %s", n->name, pid);
		return fail_next(e, "labctl -l %s db sessions", d->lab->name);
	}
	if (!seen.ended)
		return fail(e, FAIL_TIMEOUT, "session %s is still running 5 s after it was told to end", d->word);
	if (!d->c->json)
		fprintf(stderr, "ended session %s\n", d->word);
	return 0;
}

static int run_kill(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, end_session, e);
}

const struct command cmd_db_kill = {
	.name = "kill", .run = run_kill, .args = { { .name = "SESSION" } },
	.summary = "end a session, named as in `labctl db sessions`",
	.help = "Its uncommitted changes are lost.\n\n  labctl db kill node2:4711",
};
