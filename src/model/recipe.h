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
	const char *title;      /* what the user reads: "start the datanode" */
	const char *log;        /* template: file on the node whose tail is evidence when the rule fails; or NULL */
	bool for_users;         /* only for labs with database users besides the superuser */
	enum rule_use use;
	bool brings;            /* start, stop: when it runs, all that it waits for runs too, also where it was not asked for */
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
 * adds something, after the last node when it removes something.
 */
struct task { const char *name; const struct rule *rules; enum { RECORD_NOTHING, RECORD_FIRST, RECORD_LAST } record; };

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
	const char *source;          /* where its source is published: a URL that ends with the archive's name; NULL without .build */
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
	const struct rule *status;           /* checks of `labctl status`, by role; without one: SELECT 1 if .sql */
	const char *image_file;      /* glob of a file in an image that has the software; NULL without .software */
	const struct rule *software;         /* checks for the software in the image; NULL = an archive must be named */
	const struct limit *limits;          /* ends with a zero row; may be NULL */
	const struct role_link *links;       /* ends with a zero row */
	const char *backends;                /* roles behind the pooler, in its order: "@{each backend}"; or NULL */
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
