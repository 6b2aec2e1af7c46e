/* SPDX-License-Identifier: PostgreSQL */
/* db: databases of the cluster and what is in them. Every change is a plan. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "cmd_db.h"
#include "complete.h"
#include "suggest.h"

#define NAME_MAX_BYTES 63 /* the server cuts longer names, which would then name another database */

static int find_lab(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	if (!lab->cluster.recipe)
		return load_no_database(lab, "", e);
	*ret_lab = steal(lab);
	return 0;
}

static int run_with(struct cli *c, struct lab *lab, const char *database, bool locked,
		    int (*run)(struct db *d, struct fail *e), struct fail *e)
{
	auto_(runtime_close) struct runtime *rt = NULL;
	struct db d = { .c = c, .lab = lab, .locked = locked,
			.deadline_ms = c->timeout_ms < 0 ? CLOCK_NEVER : c->start_ms + c->timeout_ms };
	int r;

	if (load_runtime(c, lab, &rt, e) < 0)
		return -1;
	d.runtime = rt;
	d.recipe = lab->cluster.recipe;
	d.word = c->arg_count ? c->args[0] : NULL;
	d.database = database ? database : d.recipe->database;
	r = run(&d, e);
	sql_close(d.sql);
	return r;
}

int db_run(struct cli *c, const char *database, int (*run)(struct db *d, struct fail *e), struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;

	return find_lab(c, &lab, e) < 0 ? -1 : run_with(c, lab, database, false, run, e);
}

int db_run_locked(struct cli *c, int (*run)(struct db *d, struct fail *e), struct fail *e)
{
	auto_(close) int lock = -1;
	auto_(lab_free) struct lab *lab = NULL, *fresh = NULL;
	struct paths paths;

	if (find_lab(c, &lab, e) < 0)
		return -1;
	if (c->dry_run)
		return run_with(c, lab, NULL, true, run, e);
	c->lab_name = arena_strdup(c->arena, lab->name);
	load_paths(c, c->lab_name, &paths);
	/* Load again under the lock: another labctl may have changed the record. */
	if (run_lock(c, &paths, &lock, e) < 0 || find_lab(c, &fresh, e) < 0)
		return -1;
	return run_with(c, fresh, NULL, true, run, e);
}

const struct command cmd_db = {
	.name = "db", .actions = commands_db,
	.summary = "create, drop and inspect the databases of a lab",
	.help =
	"Sessions connected to the database or to its template are listed, and ended only with --force. "
	"That includes sessions that pgpool-II keeps open after clients disconnect. Run create, drop or distribute again to "
	"complete what is missing.\n\n"
	"With --json the rows are in databases, tables, nodes, shards, sessions or users; names that end in _bytes, _count and _id are "
	"numbers, those that begin with is_ and has_ booleans.\n\n"
	"  labctl db create osm --template postgis\n"
	"  labctl db distribute --db osm --schema public --column osm_id\n"
	"  labctl db shards public.planet_osm_point --db osm",
};

/* --- tasks --- */

static int check_name(const struct db *d, struct fail *e)
{
	const struct database_template *t = d->recipe->templates;

	for (const char *p = d->word; *p; p++)
		/* The SQL line that contains it must remain one line. */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fail(e, FAIL_USAGE, "a database name must not contain control characters");
	if (!*d->word || strlen(d->word) > NAME_MAX_BYTES)
		return fail(e, FAIL_USAGE, "'%s' is not a valid database name: it must have 1 to %d bytes", d->word, NAME_MAX_BYTES);
	for (; t && t->word; t++)
		if (!strcmp(t->name, d->word)) {
			fail(e, FAIL_USAGE, "%s is the template of new databases; bootstrap creates it", d->word);
			return fail_next(e, "labctl -l %s bootstrap", d->lab->name);
		}
	return 0;
}

int db_task(struct db *d, const char *task, struct db_request *request, const char *with,
	    int (*check)(struct db *d, struct fail *e), struct fail *e)
{
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct paths paths;

	request->said = arena_printf(d->c->arena, "%s%s%s%s", d->c->path, d->word ? " " : "", d->word ? db_quoted(d, d->word) : "", with);
	if (plan_task(d->lab, d->c->lib, task, request, &p, e) < 0)
		return -1;
	if (d->c->dry_run)
		return run_show(d->c, p, e);
	if (check && check(d, e) < 0)
		return -1;
	load_paths(d->c, d->lab->name, &paths);
	if (!d->locked && run_lock(d->c, &paths, &lock, e) < 0)
		return -1;
	if ((request->whole ? run_whole : run_plan)(d->c, d->runtime, p, e) == 0)
		return 0;
	if (e->cause == CAUSE_IN_USE && !request->force)
		return fail_next(e, "labctl -l %s %s --force    (ends these sessions)", d->lab->name, request->said);
	return -1;
}

/* The template: --template, else the kind's, else the server's default. */
static int find_template(struct db *d, const char *word, const char **ret_name, bool *ret_found, struct fail *e)
{
	const struct database_template *found = recipe_template(d->recipe, word ? word : d->recipe->kind);
	const char *known[8] = { NULL }, *near;
	unsigned count = 0;

	*ret_name = found ? found->name : "template1";
	*ret_found = found;
	if (found || !word)
		return 0;
	for (const struct database_template *t = d->recipe->templates; t && t->word && count + 1 < ARRAY_COUNT(known); t++)
		known[count++] = t->word;
	near = suggest(word, known);
	if (!count)
		return fail(e, FAIL_USAGE, "a cluster of kind %s has no templates", d->recipe->kind);
	fail(e, FAIL_USAGE, "a cluster of kind %s has no template '%s'%s%s%s", d->recipe->kind, word,
	     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return fail_next(e, "labctl -l %s db create %s --template %s", d->lab->name, db_quoted(d, d->word), near ? near : known[0]);
}

/* Checks the name of a new database. */
static int check_letters(const struct db *d, struct fail *e)
{
	const char *letters = d->recipe->database_letters;
	char near[NAME_MAX_BYTES + 2] = "_";
	size_t len = *d->word >= '0' && *d->word <= '9';

	if (!letters || (strspn(d->word, letters) == strlen(d->word) && !len))
		return 0;
	for (const char *p = d->word; *p && len < NAME_MAX_BYTES; p++) {
		char c = (char)tolower((unsigned char)*p);

		if (strchr(letters, c) || len == 0 || near[len - 1] != '_')
			near[len++] = strchr(letters, c) ? c : '_';
	}
	near[len] = '\0';
	fail(e, FAIL_USAGE, "a cluster of kind %s cannot have a database named '%s': use lowercase letters, digits and _, and do not begin with a digit",
	     d->recipe->kind, d->word);
	return fail_next(e, "labctl -l %s db create %s", d->lab->name, near);
}

struct create_words { const char *template; bool force, adopt; };

static int create(struct db *d, struct fail *e)
{
	const struct create_words *said = d->c->options;
	struct db_request request = { .name = d->word, .force = said->force, .adopt = said->adopt };
	const char *with = said->template ? arena_printf(d->c->arena, " --template %s", said->template) : "";
	bool from_template;

	if (check_name(d, e) < 0 || check_letters(d, e) < 0 ||
	    find_template(d, said->template, &request.template, &from_template, e) < 0)
		return -1;
	return db_task(d, from_template ? "create-from" : "create", &request, with, NULL, e);
}

static int run_create(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, create, e);
}

static const struct option_row create_options[] = {
	{ "template", .arg = "NAME", .complete = complete_templates, .at = offsetof(struct create_words, template),
	  .text = "the database's template: citus (the default of that kind) or postgis" },
	{ "force", .at = offsetof(struct create_words, force), .text = "end the sessions that block it" },
	{ "adopt", .at = offsetof(struct create_words, adopt),
	  .text = "adopt a database created without labctl: create the template's extensions in it" },
	{ 0 },
};

const struct command cmd_db_create = {
	.name = "create", .run = run_create, .args = { { .name = "NAME" } },
	.options = create_options, .options_size = sizeof(struct create_words),
	.summary = "create a database on every node that holds databases",
	.help =
	"Registers the nodes in the database if the kind needs it. A database that exists on some "
	"nodes only is completed. A database created without labctl, which lacks the template's extensions, is refused "
	"unless --adopt is given.",
};

/* Checks that some node has the database; else FAIL_NOT_FOUND with the nearest name. */
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
		return fail(e, FAIL_USAGE, "%s is a template: run ALTER DATABASE ... IS_TEMPLATE false first", d->word);
	return report_confirm(d->c, arena_printf(d->c->arena, "the database '%s' from lab '%s' with all its data", d->word,
						d->lab->name), d->word, e);
}

struct drop_words { bool force; };

static int drop(struct db *d, struct fail *e)
{
	const struct drop_words *said = d->c->options;
	struct db_request request = { .name = d->word, .template = "", .force = said->force };

	if (check_name(d, e) < 0)
		return -1;
	if (!strcmp(d->word, d->recipe->database) || !strcmp(d->word, "template0") || !strcmp(d->word, "template1"))
		return fail(e, FAIL_USAGE, "the cluster itself needs database %s", d->word);
	return db_task(d, "drop", &request, "", check_drop, e);
}

static int run_drop(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, drop, e);
}

static const struct option_row drop_options[] = {
	{ "force", .at = offsetof(struct drop_words, force), .text = "end the sessions that block it" },
	{ 0 },
};

const struct command cmd_db_drop = {
	.name = "drop", .run = run_drop, .args = { { "NAME", .complete = complete_databases } },
	.options = drop_options, .options_size = sizeof(struct drop_words),
	.summary = "drop a database on every node",
	.help = HELP_ASKS,
};

static int check_update(struct db *d, struct fail *e)
{
	bool ignored;

	if (!d->word)
		return 0;
	if (find_database(d, &ignored, e) < 0)
		return -1;
	d->database = d->word;
	return recipe_query(d->recipe, "known") ? db_open(d, "known", e) : 0;
}

static int update_extensions(struct db *d, struct fail *e)
{
	struct db_request request = { .name = d->word ? d->word : "", .template = "" };

	return db_task(d, "update-extensions", &request, "", check_update, e);
}

static int run_update(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, update_extensions, e);
}

const struct command cmd_db_update_extensions = {
	.name = "update-extensions", .run = run_update, .args = { { "NAME", .optional = true, .complete = complete_databases } },
	.summary = "update the extensions of databases to the versions installed on the nodes",
	.help =
	"Updates database NAME, or without NAME the templates and the default database. Missing extensions of the database's "
	"template are created.",
};

static int rebalance(struct db *d, struct fail *e)
{
	struct db_request request = { .name = "", .template = "", .whole = true };

	return db_task(d, "rebalance", &request, "", NULL, e);
}

static int run_rebalance(struct cli *c, struct fail *e)
{
	return db_run(c, NULL, rebalance, e);
}

const struct command cmd_db_rebalance = {
	.name = "rebalance", .run = run_rebalance,
	.summary = "move data, so that each worker or datanode has its share",
	.help =
	"Citus, in every database: copies reference tables to workers that lack them, then moves the shards that Citus' strategy names, one "
	"group of shards that belong together after the other. Clients can go on reading and writing; writes to a table without a primary key "
	"wait while a shard of it moves.\n\n"
	"Postgres-XC, in every database: tables that were made for all datanodes move to all that there are now, one after the other, each in a "
	"transaction that copies it twice. The coordinators are closed to clients meanwhile. Tables that were made for some datanodes only stay, "
	"and so do tables with foreign keys, inheritance, rules or OIDs; they are named.\n\n"
	"If it is interrupted, the same command goes on.\n\n"
	"  labctl node add --rebalance      does this after adding a node\n"
	"  labctl db shards TABLE           where the shards of Citus are",
};

/* --- tables --- */

struct repack_words { const char *database; };

static int check_table(struct db *d, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf found = { 0 };
	const char *const params[] = { d->word, NULL };

	if (db_open(d, "tables", e) < 0 || db_value(d, "select to_regclass($1) is not null", params, &found, e) < 0)
		return -1;
	if (!strcmp(strbuf_text(&found), "t"))
		return 0;
	fail(e, FAIL_NOT_FOUND, "there is no table '%s' in database '%s'", d->word, d->database);
	return fail_next(e, "labctl -l %s db tables --db %s", d->lab->name, db_quoted(d, d->database));
}

static int repack(struct db *d, struct fail *e)
{
	struct db_request request = { .name = d->word, .template = "", .database = d->database };

	return db_task(d, "repack", &request, arena_printf(d->c->arena, " --db %s", db_quoted(d, d->database)), check_table, e);
}

static int run_repack(struct cli *c, struct fail *e)
{
	const struct repack_words *said = c->options;

	return db_run(c, said->database, repack, e);
}

static const struct option_row repack_options[] = { DATABASE_OPTION(struct repack_words), { 0 } };

const struct command cmd_db_repack = {
	.name = "repack", .run = run_repack, .args = { { .name = "TABLE" } },
	.options = repack_options, .options_size = sizeof(struct repack_words),
	.summary = "reclaim the space of a table's dead rows",
	.help =
	"Runs pg_repack; a distributed table is repacked shard by shard, on the shards' nodes. The table needs a primary key. "
	"Write TABLE as in SQL.",
};
