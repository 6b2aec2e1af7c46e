/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a step runs on a node: a script with the files it writes, or SQL. Pure text,
 * built by plan/, executed by exec/, printed by `labctl render`. Secrets are placeholders
 * until a worker resolves them just before use, so plans, renders and journals never hold
 * one. Placeholders also stand for values that earlier steps of the run find out: the
 * greatest number that scripts printed as "::value NAME N".
 */
#ifndef LABCTL_PLAN_PAYLOAD_H
#define LABCTL_PLAN_PAYLOAD_H

#define PLACEHOLDER_MARK "\x01" /* a byte that no template or lab file may contain */
#define PLACEHOLDER_END "\x02"
/*
 * "\x01secret:postgres\x02", "\x01value:next_xid\x02". Templates quote a placeholder like any other text, and it is
 * replaced inside the quotes: generated secrets are of [A-Za-z0-9] only (digest_secret()) and values are numbers, so
 * this is right for every kind of quoting.
 */
#define SECRET_MARK PLACEHOLDER_MARK "secret:"
#define VALUE_MARK PLACEHOLDER_MARK "value:"
#define EXPORT_MARK PLACEHOLDER_MARK "export:" /* and a node of another host: its data directory there */

/* A file on a node (embedded in its script by plan/script.c with `put`). */
struct payload_file { const char *path; const char *mode; const char *owner; const char *text; };

struct payload {
	const char *script;                  /* complete text for `bash -s` as root, or NULL */
	const struct payload_file *files;    /* the files inside the script, for render */
	unsigned file_count;
	const char *sql;                     /* blocks of --@ directives (docs/format/sql.md), or NULL */
	unsigned port;                       /* port of the node that the SQL is sent to */
	const char *database;                /* database for the SQL; NULL = the kind's */
	const char *log;                     /* evidence file on the node, or NULL */
	const char *source;                  /* library file it was expanded from, for render and messages */
};

#endif
