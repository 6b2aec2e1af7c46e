/* SPDX-License-Identifier: PostgreSQL */
/*
 * A cluster kind as const tables: roles, default placement, rules. No control
 * flow: the planner multiplies rules by nodes. A new kind is one file in
 * recipes/, some files in tuning/KIND/, one golden plan, one end-to-end lab.
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
	const char *acts_as;    /* SQL: the role that a server with this one really has by now ("primary" of one that was promoted); or NULL */
	const char *beside;     /* role that must be on the same node ("gtm_proxy"), or NULL */
};

/* Default placement: the rows of the largest node_min that the lab reaches are used together. */
struct placement { unsigned node_min; const char *role; const char *on; /* selector; "3-" = 3 to the last */ };

/* One word of the lab file that places several roles: data_nodes. */
struct role_set { const char *name; const char *roles; /* space-separated */ };

enum rule_verb {
	RULE_SCRIPT,  /* expand .arg, run it on the node as root; prints the ::lines of tuning/lib.sh */
	RULE_SQL,     /* expand .arg, run its blocks over libpq against the role's port */
};

struct rule {
	const char *id;         /* "datanode.start" */
	const char *on;         /* role; "ROLE:first" = its first node only, "ROLE:rest" = the others */
	const char *after;      /* space-separated rule ids: all their instances everywhere; ".id" = on the same node only */
	enum rule_verb verb;
	const char *arg;        /* file in the library: "tuning/pgxc/gtm.start.sh" */
	const char *files;      /* RULE_SCRIPT: "tuning/pgxc/datanode.conf=@{dir}/postgresql.conf:0600 ...": put before it runs, owner = cluster user; or NULL */
	const char *database;   /* RULE_SQL: template of the database's name; NULL = the recipe's */
	unsigned timeout_s;     /* 0 = 60 */
	const char *title;      /* what the user reads: "start the datanode" */
	const char *log;        /* template: file on the node whose tail is evidence when the rule fails; or NULL */
	bool for_users;         /* only where the lab's databases have users besides the superuser */
};

/* A database that others are made from: "@{each template}". */
struct database_template {
	const char *word;        /* what --template says: "postgis" */
	const char *name;        /* "template_postgis" */
	const char *extensions;  /* space-separated, in an order that works */
};

/*
 * What `labctl db` does to one database or user: rules whose templates may say db.name, db.template, db.force,
 * db.adopt and db.database. One that changes what the lab is (its users) records it before any node changes, or, where something
 * goes, after all have.
 */
struct task { const char *name; const struct rule *rules; enum { RECORD_NOTHING, RECORD_FIRST, RECORD_LAST } record; };

/* What `labctl db` asks: the names of the answer's columns are those of the table that is shown. */
struct query {
	const char *name;        /* "tables" */
	const char *role;        /* whose first node is asked */
	const char *arg;         /* SQL in the library, one statement; docs/format/queries.md says its parameters and columns */
};

/* A number that the size of the cluster decides: @{limit.NAME} in templates. */
struct limit { const char *name; uint64_t (*of)(const struct lab *lab); };

struct recipe {
	const char *kind;            /* "pgxc" */
	const char *title;           /* one line for help */
	const char *user;            /* operating-system user of the daemons: "pgxc" */
	const char *prefix;          /* where the software is: "/opt/pgxc" */
	const char *build;           /* script that builds a source archive ("tuning/pgxc/build.sh"), or NULL = packages of the image */
	const char *build_image;     /* what it is built in: "build" = the image called IMAGE-build */
	const char *build_extra;     /* source of a program that it builds besides ("tuning/pgxc/gtm_sequence.c"); or NULL */
	const char *build_prefix;    /* "/opt/pgxc_VERSION": the build script puts the archive's version there */
	const char *configure;       /* default configure options */
	const char *build_port;      /* role whose port is compiled in; or NULL */
	const char *psql_role;       /* where `labctl psql` goes by default */
	const char *database;        /* "postgres" */
	const char *database_letters; /* what the name of another one may be made of, a digit not first; NULL = anything */
	const char *superuser;       /* SQL user: "postgres" */
	const struct role *roles;            /* ends with a zero row */
	const struct placement *placements;  /* ends with a zero row */
	const struct role_set *role_sets;    /* ends with a zero row; may be NULL */
	const struct rule *rules;            /* ends with a zero row */
	const struct rule *status;           /* what `labctl status` asks of a role; without one: SELECT 1 of what answers SQL */
	const struct rule *software;         /* look for the software in the image where no archive is named; NULL = one must be */
	const struct limit *limits;          /* ends with a zero row; may be NULL */
	const char *backends;                /* roles that a pooler stands in front of, in its order: "@{each backend}"; or NULL */
	const struct database_template *templates; /* ends with a zero row; may be NULL */
	const struct task *tasks;          /* ends with a zero row; may be NULL */
	const struct query *queries;         /* ends with a zero row; may be NULL */
	const char *group_role;              /* role that node groups are made of ("datanode"), or NULL = the kind has none */
	const char *const *secrets;          /* names of generated passwords ("postgres", "replication"); NULL-terminated */
};

/* Every kind, by the name in its .kind; its recipe is recipe_KIND. */
#define RECIPES(X) X(citus) X(pgxc) X(postgres)

#define RECIPE_DECLARATION(kind) extern const struct recipe recipe_##kind;
RECIPES(RECIPE_DECLARATION)
#undef RECIPE_DECLARATION

const struct recipe *recipe_find(const char *kind);      /* NULL when unknown */
const char *const *recipe_kinds(void);                   /* NULL-terminated, for help and suggestions */
void recipe_list(struct strbuf *out);                    /* "citus, pgxc, postgres" */
const struct recipe *recipe_at(unsigned i);              /* NULL after the last */
const struct task *recipe_task(const struct recipe *r, const char *name);   /* NULL when the kind has none of that name */
const struct query *recipe_query(const struct recipe *r, const char *name);
const struct database_template *recipe_template(const struct recipe *r, const char *word);

/*
 * Audit of the tables: roles, sets and rules that name each other, cycles, duplicates.
 * Every problem is a line in @out; returns the number of problems (0 = sound). Run by tests.
 */
unsigned recipe_check(const struct recipe *r, struct strbuf *out);

#endif
