/* SPDX-License-Identifier: PostgreSQL */
/*
 * What the actions of `labctl db` share: a lab with a cluster, a connection to the node that answers a query of the
 * recipe, its answer as JSON rows. The names of the columns say what is in them (docs/format/queries.md).
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
	const char *database;    /* the one that is asked */
	struct sql *sql;         /* to that database, on the first node of a query's role; opened when needed */
	int64_t deadline_ms;
	bool locked;             /* the action has the lab's lock */
};

/* Rows are owned by the caller of db_ask(); the names live as long as the command. */
struct answer { json_t *rows; struct column *columns; unsigned column_count; };

/* An action's frame: loads the lab and calls @run with it. @database NULL = the kind's default. */
int db_run(struct cli *c, const char *database, int (*run)(struct db *d, struct fail *e), struct fail *e);
/* The same for one that changes the lab's record: it is read under the lab's lock, which @run keeps (d->locked). */
int db_run_locked(struct cli *c, int (*run)(struct db *d, struct fail *e), struct fail *e);

/*
 * Runs a task of the kind. @check, when there is one, looks at the database first; a plan that is only shown asks
 * nobody. @with: the options that the same command needs again. Takes the lab's lock, unless d->locked.
 */
int db_task(struct db *d, const char *task, struct db_request *request, const char *with,
	    int (*check)(struct db *d, struct fail *e), struct fail *e);

/* --db of an action: DATABASE_OPTION(struct tables_words) wants a member .database in it. */
#define DATABASE_OPTION(type) { "db", .arg = "DATABASE", .complete = complete_databases, .at = offsetof(type, database), \
	.text = "the database to look at; postgres by default" }

/* For a line that a person runs next: one word of the shell. */
const char *db_quoted(struct db *d, const char *word);

/* The kind's query of this name, or FAIL_USAGE. */
const struct query *db_query(struct db *d, const char *name, struct fail *e);
/*
 * Connects to where it is asked, unless that is done. A database that is not there is FAIL_NOT_FOUND, one that the
 * cluster does not know FAIL_CONFLICT.
 */
int db_open(struct db *d, const char *name, struct fail *e);
/* Asks it with @params (NULL-terminated; NULL when it has none). */
int db_ask(struct db *d, const char *name, const char *const *params, struct answer *ret, struct fail *e);
/* One value by a statement that every PostgreSQL understands; "" for no row. */
int db_value(struct db *d, const char *statement, const char *const *params, struct strbuf *out, struct fail *e);
/* FAIL_NOT_FOUND "there is no WHAT 'NAME'", with the nearest of the names that @statement gives. */
int db_missing(struct db *d, const char *what, const char *name, const char *statement, struct fail *e);
/* FAIL_NOT_FOUND unless the database has @schema; NULL is fine. */
int db_check_schema(struct db *d, const char *schema, struct fail *e);

/*
 * Every database of the cluster, asked of all nodes that hold databases, at once: rows as `db list` shows them.
 * Nodes that do not answer are in "silent" of each row and in @ret_silent (sentences); all silent is the failure of one.
 */
int db_everywhere(struct db *d, json_t **ret_rows, json_t **ret_silent, struct fail *e);
/* A query of the kind, asked of every node with its role at once: its rows, each with "node"; failures as above. */
int db_all_nodes(struct db *d, const char *query, json_t **ret_rows, json_t **ret_silent, struct fail *e);

/* The names of the nodes with databases that do not answer, asked all at once; all silent is the failure of one. */
int db_silent(struct db *d, json_t **ret_names, struct fail *e);
/* "node4: no answer", a line for each, on stderr. */
void db_say_silent(const json_t *names);
/* Is the row about one of them? Its "node" is any name or address of it. */
bool db_is_silent(struct db *d, const json_t *names, const json_t *row);

/* A table, or one document {v, lab, kind, database, WORD: rows}; @more is merged into it and may be NULL. */
int db_report(struct db *d, const char *word, const struct answer *a, json_t *more, struct fail *e);
/* Sizes as people read them: "_bytes" become texts. For tables only. */
void db_readable(json_t *rows);

#endif
