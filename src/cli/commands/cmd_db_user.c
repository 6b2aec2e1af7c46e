/* SPDX-License-Identifier: PostgreSQL */
/*
 * db user: users of the databases. The lab's record has them: create, drop and password change the record and then apply
 * it, as bootstrap does; running a command again completes what is missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_db.h"
#include "complete.h"
#include "state.h"
#include "suggest.h"

struct create_words { const char *databases; bool reads_only; };
struct drop_words { bool force; };

static int check_user(const struct db *d, struct fail *e)
{
	const char *bad = form_db_user(d->word);

	if (!recipe_task(d->recipe, "user-create")) {
		fail(e, FAIL_USAGE, "'db user' is not supported for kind %s", d->recipe->kind);
		return fail_next(e, "labctl -l %s psql -- -c 'create role NAME login'", d->lab->name);
	}
	if (!bad)
		bad = db_user_taken(d->recipe, d->word);
	return bad ? fail(e, FAIL_USAGE, "user '%s' %s", d->word, bad) : 0;
}

static int known_user(struct db *d, struct db_user **ret, struct fail *e)
{
	struct cluster *c = &d->lab->cluster;
	const char **known = arena_alloc(d->c->arena, (c->user_count + 1) * sizeof *known), *near;

	if (check_user(d, e) < 0)
		return -1;
	for (unsigned i = 0; i < c->user_count; i++) {
		known[i] = c->users[i].name;
		if (!strcmp(known[i], d->word)) {
			*ret = &c->users[i];
			return 0;
		}
	}
	near = suggest(d->word, known);
	fail(e, FAIL_NOT_FOUND, "the lab has no user '%s'%s%s%s", d->word, near ? "; did you mean '" : "", near ? near : "",
	     near ? "'?" : "");
	return fail_next(e, "labctl -l %s db user list", d->lab->name);
}

static int make_true(struct db *d, const char *task, bool force, const char *options, struct fail *e)
{
	struct db_request request = { .name = d->word, .template = "", .force = force };

	return db_task(d, task, &request, options, NULL, e);
}

static int told(struct db *d, struct fail *e)
{
	struct paths paths;

	(void)e;
	load_paths(d->c, d->lab->name, &paths);
	if (!d->c->json && !d->c->dry_run)
		fprintf(stderr, "the password is in %s/secrets/" DB_USER_SECRET "%s and in `labctl -l %s inventory --format pgpass`\n",
			paths.lab, d->word, d->lab->name);
	return 0;
}

static int create_user(struct db *d, struct fail *e)
{
	const struct create_words *said = d->c->options;
	struct cluster *cluster = &d->lab->cluster;
	const char *databases = said->databases;
	struct db_user *u = NULL;

	if (check_user(d, e) < 0)
		return -1;
	if (databases && form_databases(databases))
		return fail(e, FAIL_USAGE, "--db: '%s' %s", databases, form_databases(databases));
	for (unsigned i = 0; i < cluster->user_count && !u; i++)
		if (!strcmp(cluster->users[i].name, d->word))
			u = &cluster->users[i];
	if (!u && cluster->user_count == DB_USERS_MAX)
		return fail(e, FAIL_USAGE, "a lab has at most %d users", DB_USERS_MAX);
	if (!u) {
		/* Copy the array: the lab may share it with the lab file's. */
		struct db_user *all = arena_alloc(d->lab->arena, (cluster->user_count + 1) * sizeof *all);

		if (cluster->user_count)
			memcpy(all, cluster->users, cluster->user_count * sizeof *all);
		cluster->users = all;
		u = &all[cluster->user_count++];
		*u = (struct db_user){ arena_strdup(d->lab->arena, d->word), NULL, said->reads_only };
		u->databases = databases ? arena_strdup(d->lab->arena, databases) : NULL;
	} else if (databases || said->reads_only) { /* exists already: the new options replace the old ones */
		u->databases = databases ? arena_strdup(d->lab->arena, databases) : u->databases;
		u->reads_only = said->reads_only;
	}
	if (make_true(d, "user-create", false, arena_printf(d->c->arena, "%s%s%s", databases ? " --db " : "",
						     databases ? databases : "", said->reads_only ? " --read-only" : ""), e) < 0)
		return -1;
	return told(d, e);
}

static int password_user(struct db *d, struct fail *e)
{
	struct db_user *u;
	struct paths paths;

	if (known_user(d, &u, e) < 0)
		return -1;
	load_paths(d->c, d->lab->name, &paths);
	/* If interrupted after this, the same command or bootstrap completes it. */
	if (!d->c->dry_run &&
	    state_renew_secret(&paths, arena_printf(d->c->arena, DB_USER_SECRET "%s", u->name), e) < 0)
		return -1;
	if (make_true(d, "user-create", false, "", e) < 0)
		return -1;
	return told(d, e);
}

static int drop_user(struct db *d, struct fail *e)
{
	const struct drop_words *said = d->c->options;
	struct cluster *cluster = &d->lab->cluster;
	struct db_user *u;

	if (known_user(d, &u, e) < 0)
		return -1;
	if (!d->c->dry_run &&
	    report_confirm(d->c, arena_printf(d->c->arena, "the user '%s' from the databases of lab '%s'", d->word, d->lab->name),
			   d->word, e) < 0)
		return -1;
	memmove(u, u + 1, (size_t)(cluster->users + cluster->user_count - u - 1) * sizeof *u);
	cluster->user_count--;
	return make_true(d, "user-drop", said->force, said->force ? " --force" : "", e);
}

/* Joins the record with the server's roles; includes users of the record that the server lacks. */
static json_t *merged(const struct cluster *c, const json_t *roles)
{
	bool *seen = calloc(c->user_count + 1, sizeof *seen);
	json_t *rows = json_array(), *role;
	size_t i;

	if (!seen)
		abort();
	json_array_foreach(roles, i, role) {
		const struct db_user *u = db_user_find(c, json_string_value(json_object_get(role, "user")));
		json_t *row = json_pack("{s:O, s:s, s:s, s:b, s:b}", "user", json_object_get(role, "user"), "access",
					json_is_true(json_object_get(role, "is_superuser")) ? "all" : u ? access_words[u->reads_only]
					: json_is_true(json_object_get(role, "is_replication")) ? "replication" : "?", "databases",
					u && u->databases ? u->databases : "all", "is_labctl", u != NULL, "is_there", 1);

		if (u)
			seen[u - c->users] = true;
		json_array_append_new(rows, row);
	}
	for (unsigned k = 0; k < c->user_count; k++)
		if (!seen[k])
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:b, s:b}", "user", c->users[k].name, "access",
							      access_words[c->users[k].reads_only], "databases",
							      c->users[k].databases ? c->users[k].databases : "all", "is_labctl", 1,
							      "is_there", 0));
	free(seen);
	return rows;
}

static int list_users(struct db *d, struct fail *e)
{
	static struct column columns[] = { { "user", "USER", false }, { "access", "ACCESS", false },
					   { "databases", "DATABASES", false }, { "is_labctl", "OF THE LAB", false },
					   { "is_there", "THERE", false } };
	struct answer roles, a = { .columns = columns, .column_count = ARRAY_COUNT(columns) };
	int r;

	if (db_ask(d, "users", NULL, &roles, e) < 0)
		return -1;
	a.rows = merged(&d->lab->cluster, roles.rows);
	r = db_report(d, "users", &a, NULL, e);
	json_decref(roles.rows);
	json_decref(a.rows);
	return r;
}

/* --- the commands --- */

#define RUN(action, by)                                       \
	static int run_##action(struct cli *c, struct fail *e)  \
	{                                                       \
		return by;                                      \
	}

RUN(create, db_run_locked(c, create_user, e))
RUN(drop, db_run_locked(c, drop_user, e))
RUN(password, db_run_locked(c, password_user, e))
RUN(list, db_run(c, NULL, list_users, e))

static const struct option_row create_options[] = {
	{ "db", .arg = "DATABASE,...", .complete = complete_databases, .at = offsetof(struct create_words, databases),
	  .text = "databases that the user may connect to; all by default" },
	{ "read-only", .at = offsetof(struct create_words, reads_only), .text = "the user reads all tables, and changes nothing" },
	{ 0 },
};

static const struct option_row drop_options[] = {
	{ "force", .at = offsetof(struct drop_words, force), .text = "give the objects that the user owns to the superuser" },
	{ 0 },
};

const struct command cmd_db_user = {
	.name = "user", .actions = commands_db_user,
	.summary = "create, drop and show database users",
	.help =
	"A user is a role with a generated password that all nodes, pgpool-II and the pgpass inventory know. It is recorded "
	"with the lab, as if the lab file listed it under cluster: users:.",
};

const struct command cmd_db_user_create = {
	.name = "create", .run = run_create, .args = { { .name = "NAME" } },
	.options = create_options, .options_size = sizeof(struct create_words),
	.summary = "create a database user, or repair one",
	.help = "The user reads and writes all tables, and creates tables in public and in schemas of its own.",
};

const struct command cmd_db_user_drop = {
	.name = "drop", .run = run_drop, .args = { { .name = "NAME" } },
	.options = drop_options, .options_size = sizeof(struct drop_words),
	.summary = "drop a database user",
	.help = "A user that owns objects is refused, unless --force gives them to the superuser.",
};

const struct command cmd_db_user_password = {
	.name = "password", .run = run_password, .args = { { .name = "NAME" } },
	.summary = "generate a new password for a user and set it everywhere",
};

const struct command cmd_db_user_list = {
	.name = "list", .run = run_list,
	.summary = "show every role that can log in, and what it may do",
};
