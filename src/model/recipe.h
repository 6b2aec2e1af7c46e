/* SPDX-License-Identifier: PostgreSQL */
/*
 * A cluster kind as const tables: roles, default placement, rules. No control
 * flow: the planner makes a step of each rule for each of its nodes. A new kind is one
 * file in recipes/, some files in tuning/KIND/, one golden plan, one end-to-end lab.
 */
#ifndef LABCTL_MODEL_RECIPE_H
#define LABCTL_MODEL_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"
#include "strbuf.h"

struct lab;

#define RECIPE_MANY 65535u

struct role {
	const char *name;       /* "datanode" */
	unsigned min, max;      /* how many nodes may have it */
	unsigned port;          /* TCP, default; 0 = none */
	const char *dir;        /* data directory below the data mount, default; NULL = none */
	const char *node_name;  /* template of its name inside the cluster: "datanode_@{index}" */
	bool sql;               /* answers SQL on its port: psql and status may connect */
	bool reloads;           /* most of its settings need no restart; lab_effect.c has the others */
	const char *acts_as;    /* SQL that returns the role a server has now: "primary" of a promoted standby; or NULL */
	const char *beside;     /* role that must be on the same node ("gtm_proxy"), or NULL */
};

/* Default placement: all rows of the largest node_min that is not above the number of nodes. */
struct placement { unsigned node_min; const char *role; const char *on; /* selector; "3-" = 3 to the last */ };

/* One word of the lab file that places several roles: data_nodes. */
struct role_set { const char *name; const char *roles; /* space-separated */ };

enum rule_verb {
	RULE_SCRIPT,  /* expand .arg, run it on the node as root; prints the ::lines of tuning/lib.sh */
	RULE_SQL,     /* expand .arg, run its blocks over libpq against the role's port */
};

/* Which rules `labctl start` runs. */
enum rule_use {
	USE_CLUSTER,  /* when it starts the whole cluster */
	USE_MAKE,     /* never: it makes what a start expects to find */
	USE_SERVER,   /* also when it starts only some servers */
};

struct rule {
	const char *id;         /* "datanode.start" */
	const char *on;         /* role; "ROLE:first" = its first node only, "ROLE:rest" = the others */
	const char *after;      /* space-separated rule ids: waits for them on all nodes; ".id" = on the same node only */
	enum rule_verb verb;
	const char *arg;        /* file in the library: "tuning/pgxc/gtm.start.sh" */
	const char *files;      /* RULE_SCRIPT: "tuning/pgxc/datanode.conf=@{dir}/postgresql.conf:0600 ...": written first, owned by the cluster user, with ":root" by root; or NULL */
	const char *database;   /* RULE_SQL: template of the database's name; NULL = the recipe's */
	unsigned timeout_s;     /* 0 = 60 */
	bool shares;            /* RULE_SQL without .database, which leaves no settings behind: if it changed nothing, its session serves the next such rule */
	const char *title;      /* what the user reads: "start the datanode" */
	const char *log;        /* template: file on the node whose tail is evidence when the rule fails; or NULL */
	bool for_users;         /* only for labs with database users besides the superuser */
	enum rule_use use;
	bool brings;            /* start, stop: when it runs, all that it waits for runs too, also where it was not asked for */
	bool whole;             /* needs every server: not in a plan that leaves out nodes that are off */
	bool in_turn;           /* while a running cluster is changed: on one node after the other */
	const char *exists;     /* RULE_SCRIPT, template: a file without which it does nothing, not even write .files; or NULL */
};

/*
 * How another server takes over a role: `labctl switchover`, `failover`, `rejoin`. The rules are written for the roles after
 * the change: .role is the new server's, and the old one has .from. Before a server is promoted, every other one must have
 * run .leave or .fence, so that it can start as a .from only; one whose machine is off gets .fence_files from the host.
 */
struct takeover {
	const char *role, *from;     /* "primary", "standby"; one server has .role */
	const char *standing;        /* SQL in the library: what a server says of itself, columns as in struct standing (plan.h); or NULL: */
	const struct rule *asks;     /* on .role and .from: scripts that report the same as ::value; these servers are equal, and need .rejoin after .leave */
	const char *loses;           /* what a takeover loses, a text; NULL = .lost counts it */
	const struct rule *leave;    /* on .from: a server that still works as .role ends cleanly; others do nothing */
	const struct rule *fence;    /* on .from: the same for one that failed */
	const struct rule *promote;  /* on .role */
	const struct rule *lost;     /* unless .loses: on .from, one rule: reports as ::value lost what only this server has; changes nothing */
	const struct rule *rejoin;   /* on .from: a server that was fenced follows the new .role */
	const char *fenced;          /* file in .from's directory: it must rejoin before it may start; one of .fence_files; or NULL */
	const char *proof;           /* file in .from's directory that proves: it can only start as a .from */
	const struct fence_file { const char *name, *text; } *fence_files; /* the last one is .proof; ends with a zero row */
};

/*
 * A role whose servers can join and leave a running cluster: `labctl node add` and `node remove`. A server joins by the rules of
 * a bootstrap. The rules for one that leaves run on the others, whose templates may use gone.* of it, before its machine is
 * removed; afterwards the rules of a bootstrap write every configuration without it.
 */
struct member {
	const char *role;
	const char *stays;           /* it cannot leave: why, a template of gone.*; NULL = it can */
	const char *instead;         /* the same: the words of a command that helps; or NULL */
	const char *last;            /* the last server with the role cannot leave: why; NULL = it can */
	const struct rule *leave;    /* it gives away what it has; its machine still runs. NULL = nothing to do */
	const struct rule *lose;     /* instead of .leave if it does not answer; with --force if something is lost. NULL, with .leave: impossible then */
	const struct rule *forget;   /* after its machine is gone */
	const char *asked;           /* role of the server that knows what only this one has; NULL = it has nothing of its own */
	const char *only;            /* SQL in the library, for .asked, in every database: that, a row with a text for each thing */
	const char *where;           /* SQL: a row in databases that can answer .only and .own; NULL = in all of them */
	const char *own;             /* SQL in the library, for the server itself, in every database, if it answers: what somebody made there
	                                that no other server knows of, a row with a text for each thing; .leave does not move it. Or NULL */
	const char *down;            /* while such a server is down: what works, and what does not, besides .only; one sentence, or NULL */
};

/*
 * The log of the servers with a role, for `labctl logs`: lines that begin with a time, and others that belong to the line before
 * them. Every role with a data directory has a row.
 */
struct role_log {
	const char *role;
	const char *files;      /* template of a shell pattern: files whose names sort in the order in which they were written */
};

/* Who connects to whom, for drawings. */
struct role_link {
	const char *from, *to;  /* roles */
	enum {
		LINK_ALL,       /* every server with .from to every other server with .to */
		LINK_SAME_NODE, /* to the one on its own node */
	} reach;
	const char *what;       /* "streaming replication" */
};

/* A template database: "@{each template}". */
struct database_template {
	const char *word;        /* what --template says: "postgis" */
	const char *name;        /* "template_postgis" */
	const char *extensions;  /* space-separated, in an order that works */
};

/*
 * A task of `labctl db` on one database or user: rules whose templates may use db.name, db.template, db.force, db.adopt
 * and db.database. A task that changes the lab itself (its users) also changes the record: before the first node when it
 * adds something, after the last node when it removes something. RECORD_PASSWORDS: new passwords, once all nodes answer.
 */
struct task { const char *name; const struct rule *rules; enum { RECORD_NOTHING, RECORD_FIRST, RECORD_LAST, RECORD_PASSWORDS } record; };

/* A query of `labctl db`. The names of its columns are the headers of the table that is shown. */
struct query {
	const char *name;        /* "tables" */
	const char *role;        /* runs on the first node with this role */
	const char *arg;         /* SQL in the library, one statement; parameters and columns: docs/format/queries.md */
};

/* A number that depends on the size of the cluster: @{limit.NAME} in templates. */
struct limit { const char *name; uint64_t (*of)(const struct lab *lab); };

struct recipe {
	const char *kind;            /* "pgxc" */
	const char *title;           /* one line for help */
	const char *user;            /* operating-system user of the daemons: "pgxc" */
	const char *prefix;          /* where the software is: "/opt/pgxc"; VERSION at its end is the image's PostgreSQL */
	const char *build;           /* script that builds a source archive ("tuning/pgxc/build.sh"), or NULL = packages of the image */
	const char *product;         /* what an archive for .build must contain: "Postgres-XC" */
	const char *source;          /* where its source is published: a URL that ends with the archive's name; NULL = nowhere, or without .build */
	const char *fits;            /* script with a function fits: may the archive's software replace that of a node with databases?; or NULL */
	const char *build_image;     /* image to build in: "build" = the one called IMAGE-build */
	const char *build_extra;     /* source of an extra program to build ("tuning/pgxc/gtm_sequence.c"); or NULL */
	const char *build_prefix;    /* "/opt/pgxc_VERSION": the build script puts the archive's version there */
	const char *configure;       /* default configure options */
	const char *build_port;      /* role whose port is compiled in; or NULL */
	const char *psql_role;       /* where `labctl psql` connects by default */
	const char *database;        /* "postgres" */
	const char *database_letters; /* characters of the name of another one, which begins with no digit; NULL = any */
	const char *superuser;       /* SQL user: "postgres" */
	const struct role *roles;            /* ends with a zero row */
	const struct placement *placements;  /* ends with a zero row */
	const struct role_set *role_sets;    /* ends with a zero row; may be NULL */
	const struct rule *rules;            /* ends with a zero row */
	const struct rule *stops;            /* stop the servers, in order; ends with a zero row */
	const struct rule *changes;          /* what a bootstrap that changes a running cluster does before .rules; ends with a zero row; may be NULL */
	const struct member *members;        /* ends with a zero row. Other roles cannot be added, nor their servers removed */
	const char *no_members;              /* no server can join: why; one sentence, or NULL */
	const char *grows;                   /* the role of new nodes, if the user names none; NULL = he must */
	const struct takeover *takeover;     /* NULL = none is possible */
	const char *rows;                    /* SQL that makes the table of `labctl fault run`: "tuning/pgxc/rows.sql" */
	const char *no_takeover;             /* without .takeover: why, and what helps; one sentence */
	const struct rule *status;           /* checks of `labctl status`, by role; without one: SELECT 1 if .sql */
	const char *image_file;      /* glob of a file in an image that has the software; NULL without .software */
	const struct rule *software;         /* checks for the software in the image; NULL = an archive must be named */
	const struct limit *limits;          /* ends with a zero row; may be NULL */
	const struct role_link *links;       /* ends with a zero row */
	const struct role_log *logs;         /* ends with a zero row */
	const char *backends;                /* roles behind the pooler, in its order: "@{each backend}"; or NULL */
	const struct database_template *templates; /* ends with a zero row; may be NULL */
	const struct task *tasks;          /* ends with a zero row; may be NULL */
	const struct query *queries;         /* ends with a zero row; may be NULL */
	const char *group_role;              /* role that node groups are made of ("datanode"), or NULL = the kind has none */
	const char *const *secrets;          /* names of generated passwords ("postgres", "replication"); NULL-terminated */
};

/* Every kind, by the name in its .kind; its recipe is recipe_KIND. */
#define RECIPES(X) X(citus) X(opentenbase) X(pgxc) X(pgxl) X(postgres)

#define RECIPE_DECLARATION(kind) extern const struct recipe recipe_##kind;
RECIPES(RECIPE_DECLARATION)
#undef RECIPE_DECLARATION

const struct recipe *recipe_find(const char *kind);      /* NULL when unknown */
const char *const *recipe_kinds(void);                   /* NULL-terminated, for help and suggestions */
void recipe_list(struct strbuf *out);                    /* "citus, opentenbase, pgxc, pgxl, postgres" */
const struct recipe *recipe_at(unsigned i);              /* NULL after the last */
const struct member *recipe_member(const struct recipe *r, const char *role); /* NULL when it has no row */
const struct task *recipe_task(const struct recipe *r, const char *name);   /* NULL when the kind has none of that name */
const struct query *recipe_query(const struct recipe *r, const char *name);
const struct database_template *recipe_template(const struct recipe *r, const char *word);

/*
 * Audit of the tables: roles, sets and rules that name each other, cycles, duplicates.
 * Every problem is a line in @out; returns the number of problems (0 = sound). Run by tests.
 */
unsigned recipe_check(const struct recipe *r, struct strbuf *out);

#endif
