/* SPDX-License-Identifier: PostgreSQL */
/* db: databases of the cluster and what is in them. One table of actions; what changes databases is a plan. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "cmd_db.h"
#include "suggest.h"

#define NAME_MAX_BYTES 63 /* longer names are cut by the server: another database would be meant */

static const struct action {
	const char *name;
	int (*run)(struct db *d, struct fail *e);
	const char *args;        /* "NAME": one word; "[NAME]": may be left out; "": none */
	const char *options;     /* keys of the command's options that it takes */
} actions[] = {
	{ "create", db_create, "NAME", "PF" },
	{ "drop", db_drop, "NAME", "F" },
	{ "update-extensions", db_update, "[NAME]", "" },
	{ "list", db_list, "", "" },
	{ "tables", db_tables, "", "DN" },
	{ "nodes", db_nodes, "", "D" },
	{ "shards", db_shards, "TABLE", "D" },
	{ "distribute", db_distribute, "", "DNCL" },
};

/* The command takes the options of all actions; which one takes which is said here. */
static int check_options(const struct cli *c, const struct action *a, struct fail *e)
{
	const struct { char key; const char *name; bool given; } given[] = {
		{ 'D', "db", c->database },   { 'N', "schema", c->schema }, { 'C', "column", c->column },
		{ 'P', "template", c->template }, { 'F', "force", c->force },   { 'L', "truncate-local", c->truncate_local },
	};

	for (size_t i = 0; i < ARRAY_COUNT(given); i++)
		if (given[i].given && !strchr(a->options, given[i].key)) {
			fail(e, FAIL_USAGE, "labctl db %s takes no --%s", a->name, given[i].name);
			return fail_next(e, "labctl help db");
		}
	return 0;
}

static int check_words(const struct cli *c, const struct action *a, struct fail *e)
{
	if (c->arg_count > 1 && !*a->args)
		fail(e, FAIL_USAGE, "labctl db %s: one word too many: '%s'", a->name, c->args[1]);
	else if (c->arg_count < 2 && *a->args && *a->args != '[')
		fail(e, FAIL_USAGE, "labctl db %s: which %s?", a->name, *a->args == 'T' ? "table" : "database");
	else
		return check_options(c, a, e);
	return fail_next(e, "labctl db %s%s%s", a->name, *a->args ? " " : "", a->args);
}

static const struct action *find_action(const struct cli *c, struct fail *e)
{
	const char *known[ARRAY_COUNT(actions) + 1] = { NULL }, *near;

	for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
		if (c->arg_count && !strcmp(actions[i].name, c->args[0]))
			return &actions[i];
		known[i] = actions[i].name;
	}
	near = c->arg_count ? suggest(c->args[0], known) : NULL;
	if (c->arg_count)
		fail(e, FAIL_USAGE, "unknown action '%s'%s%s%s", c->args[0], near ? "; did you mean '" : "",
		     near ? near : "", near ? "'?" : "");
	else
		fail(e, FAIL_USAGE, "labctl db: what to do?");
	fail_next(e, "labctl help db");
	return NULL;
}

int cmd_db(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	const struct action *a = find_action(c, e);
	struct db d = { .c = c, .deadline_ms = c->timeout_ms < 0 ? CLOCK_NEVER : c->start_ms + c->timeout_ms };
	int r;

	if (!a || check_words(c, a, e) < 0 || load_existing(c, &lab, e) < 0)
		return -1;
	if (!lab->cluster.recipe) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' has no database yet", lab->name);
		return fail_next(e, "labctl -l %s bootstrap postgres", lab->name);
	}
	if (load_world(c, lab, &w, e) < 0)
		return -1;
	d.lab = lab;
	d.world = w;
	d.recipe = lab->cluster.recipe;
	d.word = c->arg_count > 1 ? c->args[1] : NULL;
	d.database = c->database ? c->database : d.recipe->database;
	r = a->run(&d, e);
	sql_close(d.sql);
	return r;
}

/* --- chores --- */

static int check_name(const struct db *d, struct fail *e)
{
	const struct database_template *t = d->recipe->templates;

	for (const char *p = d->word; *p; p++)
		/* A line of the SQL that holds it must stay one line. */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fail(e, FAIL_USAGE, "a name of a database holds no control characters");
	if (!*d->word || strlen(d->word) > NAME_MAX_BYTES)
		return fail(e, FAIL_USAGE, "'%s' is no name of a database: 1 to %d bytes", d->word, NAME_MAX_BYTES);
	for (; t && t->word; t++)
		if (!strcmp(t->name, d->word)) {
			fail(e, FAIL_USAGE, "%s is what databases are made from; bootstrap makes it", d->word);
			return fail_next(e, "labctl -l %s bootstrap", d->lab->name);
		}
	return 0;
}

/* @check, when there is one, looks at the database first; a plan that is only shown asks nobody. */
static int run_chore(struct db *d, const char *chore, struct db_request *request,
		     int (*check)(struct db *d, struct fail *e), struct fail *e)
{
	const char *template = d->c->template;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct paths paths;

	request->said = arena_printf(d->c->arena, "db %s %s%s%s", d->c->args[0], d->word ? db_quoted(d, d->word) : "",
				     template ? " --template " : "", template ? template : "");
	if (plan_chore(d->lab, d->c->lib, chore, request, &p, e) < 0)
		return -1;
	if (d->c->dry_run)
		return run_show(d->c, p, e);
	if (check && check(d, e) < 0)
		return -1;
	load_paths(d->c, d->lab->name, &paths);
	if (run_lock(d->c, &paths, &lock, e) < 0)
		return -1;
	if (run_plan(d->c, d->world, p, e) == 0)
		return 0;
	if (e->cause == CAUSE_IN_USE && !request->force)
		return fail_next(e, "labctl -l %s %s --force    (ends these sessions)", d->lab->name, request->said);
	return -1;
}

/* What --template says, or what the kind makes its databases from; else the server's own. */
static int find_template(struct db *d, const char **ret_name, bool *ret_found, struct fail *e)
{
	const struct database_template *found = recipe_template(d->recipe, d->c->template ? d->c->template : d->recipe->kind);
	const char *known[8] = { NULL }, *near;
	unsigned count = 0;

	*ret_name = found ? found->name : "template1";
	*ret_found = found;
	if (found || !d->c->template)
		return 0;
	for (const struct database_template *t = d->recipe->templates; t && t->word && count + 1 < ARRAY_COUNT(known); t++)
		known[count++] = t->word;
	near = suggest(d->c->template, known);
	if (!count)
		return fail(e, FAIL_USAGE, "a %s cluster has no templates", d->recipe->kind);
	fail(e, FAIL_USAGE, "a %s cluster has no template '%s'%s%s%s", d->recipe->kind, d->c->template,
	     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return fail_next(e, "labctl -l %s db create %s --template %s", d->lab->name, db_quoted(d, d->word), near ? near : known[0]);
}

int db_create(struct db *d, struct fail *e)
{
	struct db_request request = { .name = d->word, .force = d->c->force };

	bool from_template;

	if (check_name(d, e) < 0 || find_template(d, &request.template, &from_template, e) < 0)
		return -1;
	return run_chore(d, from_template ? "create-from" : "create", &request, NULL, e);
}

/* The database is on some node, or FAIL_NOT_FOUND with the nearest name. */
static int find_database(struct db *d, bool *ret_is_template, struct fail *e)
{
	json_t *rows, *silent, *row;
	const char **known, *near;
	bool found = false;
	size_t i;

	if (db_everywhere(d, &rows, &silent, e) < 0)
		return -1;
	known = arena_alloc(d->c->arena, (json_array_size(rows) + 1) * sizeof *known);
	json_array_foreach(rows, i, row) {
		known[i] = arena_strdup(d->c->arena, json_string_value(json_object_get(row, "database")));
		if (strcmp(known[i], d->word) != 0)
			continue;
		found = true;
		*ret_is_template = json_is_true(json_object_get(row, "is_template"));
	}
	json_decref(rows);
	json_decref(silent);
	if (found)
		return 0;
	near = suggest(d->word, known);
	fail(e, FAIL_NOT_FOUND, "there is no database '%s'%s%s%s", d->word, near ? "; did you mean '" : "",
	     near ? near : "", near ? "'?" : "");
	return fail_next(e, "labctl -l %s db list", d->lab->name);
}

static int check_drop(struct db *d, struct fail *e)
{
	bool is_template = false;

	if (find_database(d, &is_template, e) < 0)
		return -1;
	if (is_template)
		return fail(e, FAIL_USAGE, "%s is a template: ALTER DATABASE ... IS_TEMPLATE false comes first", d->word);
	return report_confirm(d->c, arena_printf(d->c->arena, "the database '%s' from lab '%s' with all its data", d->word,
						d->lab->name), d->word, e);
}

int db_drop(struct db *d, struct fail *e)
{
	struct db_request request = { .name = d->word, .template = "", .force = d->c->force };

	if (check_name(d, e) < 0)
		return -1;
	if (!strcmp(d->word, d->recipe->database) || !strcmp(d->word, "template0") || !strcmp(d->word, "template1"))
		return fail(e, FAIL_USAGE, "%s is a database that the cluster itself needs", d->word);
	return run_chore(d, "drop", &request, check_drop, e);
}

static int check_update(struct db *d, struct fail *e)
{
	bool ignored;

	return d->word ? find_database(d, &ignored, e) : 0;
}

int db_update(struct db *d, struct fail *e)
{
	struct db_request request = { .name = d->word ? d->word : "", .template = "" };

	return run_chore(d, "update-extensions", &request, check_update, e);
}
