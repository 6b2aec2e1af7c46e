/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the actions of `labctl db` share: a lab with a cluster, a connection to the node that answers a query of the
 * recipe, and its answer as JSON rows. The names of columns determine how they are shown (docs/format/queries.md).
 */
#ifndef LABCTL_CLI_CMD_DB_H
#define LABCTL_CLI_CMD_DB_H

#include "cli.h"
#include "recipe.h"
#include "sql.h"

struct db {
	struct cli *c;
	const char *word;        /* the argument of the action, or NULL */
	struct lab *lab;
	struct runtime *runtime;
	const struct recipe *recipe;
	const char *database;    /* database that queries go to */
	struct sql *sql;         /* connection to it, on the first node with the query's role; opened when needed */
	int64_t deadline_ms;
	bool locked;             /* the action holds the lab's lock */
};

/* The caller of db_ask() owns the rows; the names of columns live as long as the command. */
struct answer { json_t *rows; struct column *columns; unsigned column_count; };

/* Runs an action: loads the lab and calls @run. @database NULL = the kind's default. */
int db_run(struct cli *c, const char *database, int (*run)(struct db *d, struct fail *e), struct fail *e);
/* The same for an action that changes the lab's record: loads it under the lab's lock and keeps that for @run (d->locked). */
int db_run_locked(struct cli *c, int (*run)(struct db *d, struct fail *e), struct fail *e);

/*
 * Runs a database task of the kind. @check (may be NULL) checks the database first, but not if the plan is only shown.
 * @with: options for the command that is suggested after a failure. Takes the lab's lock, unless d->locked.
 */
int db_task(struct db *d, const char *task, struct db_request *request, const char *with,
	    int (*check)(struct db *d, struct fail *e), struct fail *e);

/* Row of the option --db; @type is the action's options struct and needs a member .database. */
#define DATABASE_OPTION(type) { "db", .arg = "DATABASE", .complete = complete_databases, .at = offsetof(type, database), \
	.text = "the database to look at; postgres by default" }

/* Quotes @word for a suggested shell command. */
const char *db_quoted(struct db *d, const char *word);

/* The kind's query of this name, or FAIL_USAGE. */
const struct query *db_query(struct db *d, const char *name, struct fail *e);
/*
 * Connects to the server for the query @name, unless already connected. FAIL_NOT_FOUND if the database does not exist,
 * FAIL_CONFLICT if it exists but the cluster does not know it.
 */
int db_open(struct db *d, const char *name, struct fail *e);
/* Runs the query @name with @params (NULL-terminated; NULL if it has none). */
int db_ask(struct db *d, const char *name, const char *const *params, struct answer *ret, struct fail *e);
/* Reads one value with a statement that every PostgreSQL version understands; "" if there is no row. */
int db_value(struct db *d, const char *statement, const char *const *params, struct strbuf *out, struct fail *e);
/* FAIL_NOT_FOUND "there is no WHAT 'NAME'", with the nearest name that @statement returns. */
int db_missing(struct db *d, const char *what, const char *name, const char *statement, struct fail *e);
/* FAIL_NOT_FOUND unless the database has @schema; NULL is fine. */
int db_check_schema(struct db *d, const char *schema, struct fail *e);

/*
 * Lists every database of the cluster, asking all nodes with databases in parallel: rows as `db list` shows them.
 * Nodes that do not answer are in "silent" of each row and in @ret_silent (sentences). Fails if no node answers.
 */
int db_everywhere(struct db *d, json_t **ret_rows, json_t **ret_silent, struct fail *e);
/* Runs a query of the kind on every node with its role, in parallel: its rows, each with "node"; failures as above. */
int db_all_nodes(struct db *d, const char *query, json_t **ret_rows, json_t **ret_silent, struct fail *e);

/* Names of the nodes with databases that do not answer; asks all in parallel. Fails if no node answers. */
int db_silent(struct db *d, json_t **ret_names, struct fail *e);
/* Prints "node4: no answer", one line per node, to stderr. */
void db_say_silent(const json_t *names);
/* True if the row is about one of the nodes @names; its "node" may be any name or address of the node. */
bool db_is_silent(struct db *d, const json_t *names, const json_t *row);

/* Prints a table, or one document {v, lab, kind, database, WORD: rows}; merges @more (may be NULL) into it. */
int db_report(struct db *d, const char *word, const struct answer *a, json_t *more, struct fail *e);
/* Makes sizes readable: "_bytes" columns become text. For tables only. */
void db_readable(json_t *rows);

#endif
