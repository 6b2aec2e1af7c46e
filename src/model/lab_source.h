/* SPDX-License-Identifier: PostgreSQL */
/*
 * Private to src/model: a lab while it is being built, with what only messages
 * need (lines, problems). The phases are lab_yaml.c and lab_schema.c (YAML -> fields,
 * by tables), lab_complete.c (defaults, names, places), lab_check.c (rules). Each goes
 * on after a problem, so that the user sees all of them at once.
 *
 * So only source_finish() fails: a reader or a rule calls source_problem() and leaves the field as it was. Later phases
 * must cope with fields that were never set. Out of memory aborts, as in all of labctl.
 *
 * A struct source belongs to one thread, from the first line read to source_finish(); the tables are const. It borrows its
 * lab, whose arena owns every text and every problem; `doc` is valid only while schema_read() runs.
 */
#ifndef LABCTL_MODEL_LAB_SOURCE_H
#define LABCTL_MODEL_LAB_SOURCE_H

#include <yaml.h>

#include "lab.h"
#include "recipe.h"

#define LAB_PROBLEMS_MAX 200  /* further problems are dropped: nobody would read them */

struct origin { const char *path; int line; };

struct source {
	struct lab *lab;
	const struct lab_options *options; /* never NULL */
	const char *dir;                   /* absolute directory of the lab file, or NULL */
	yaml_document_t *doc;              /* while reading */
	struct problems problems;
	struct origin *origins; unsigned origin_count; /* where each key was, in the order of the file */
	const char *kind;                  /* the word in the file */
	int cluster_line;                  /* 0 = the file has no cluster */
	bool nodes_listed;
	bool *pinned;                      /* [i]: node i+1 has its own address */
};

enum key_kind {
	KEY_TEXT,    /* const char * */
	KEY_WORD,    /* enum: position in .words */
	KEY_FLAG,    /* bool: position in .words, 0 or 1 */
	KEY_NUMBER,  /* unsigned */
	KEY_MIB,     /* uint64_t, a size with a unit */
	KEY_GIB,     /* uint64_t, a size with a unit that is whole GiB */
	KEY_ADDRESS, /* uint32_t, dotted IPv4 */
	KEY_MAP,     /* .sub: keys of the same struct */
	KEY_CUSTOM,  /* .read and .print */
};

/* One row of the schema. Reading, range, words, printing and did-you-mean all come from it. */
struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;                      /* of the field in the object that the table describes */
	uint64_t min, max;                  /* KEY_NUMBER; MiB or GiB for sizes */
	const char *const *words;           /* NULL-terminated */
	const char *(*form)(const char *);  /* KEY_TEXT: NULL when fine, else what is wrong: "must be ..." */
	const struct key *sub;
	void (*read)(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
	void (*print)(const struct lab *lab, struct strbuf *out);
	void *arg;                          /* for .read */
};

extern const struct key lab_keys[];     /* of struct lab */
extern const struct key config_keys[];  /* of struct config, which begins with a struct lab */
extern const struct key sources_keys[]; /* of struct lab, as all below lab_keys; also `sources` */
extern const struct key host_keys[];    /* of struct host: entries of a hosts list */
extern const struct key node_keys[];    /* of struct node: entries of a nodes list */
extern const char *const tuning_profiles[];

/* Problem at a key path; the line is that of the key or of the nearest key around it. */
__attribute__((format(printf, 3, 4))) void source_problem(struct source *s, const char *path, const char *fmt, ...);
int source_line(const struct source *s, const char *path);
int origin_line(const struct origin *origins, unsigned count, const char *path, size_t len); /* 0 = not there */
/* 0, or -1 with FAIL_LAB made of the collected problems. */
int source_finish(struct source *s, struct fail *e);

/* lab_yaml.c, lab_schema.c */
void schema_read(struct source *s, const char *text, size_t len, const struct key *keys); /* into s->lab */
void schema_read_map(struct source *s, yaml_node_t *node, const struct key *keys, void *object, const char *path);
bool schema_pairs(struct source *s, yaml_node_t *node, const char *path); /* true = a map with valid, distinct keys */
const char *schema_key(struct source *s, const yaml_node_pair_t *pair);    /* after schema_pairs() */
const char *schema_text(struct source *s, yaml_node_t *node, const char *path); /* clean text of a scalar or NULL */
void schema_origin(struct source *s, const char *path, const yaml_node_t *node);
bool yaml_is_null(const yaml_node_t *node);

/* One of .words; sets an unsigned, an enum or (KEY_FLAG) a bool. */
void schema_word(struct source *s, const struct key *k, yaml_node_t *node, const char *path, void *field);

/* lab_image.c: what nodes boot from */
void image_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
void image_print(const struct lab *lab, struct strbuf *out);
void image_complete(struct source *s);
void image_check(struct source *s);

/* lab_cluster.c: the cluster part of the file */
void cluster_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
void cluster_print(const struct lab *lab, struct strbuf *out);

/* lab_users.c: database users */
void users_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
void users_check(struct source *s);
void users_print(const struct lab *lab, struct strbuf *out);

/* lab_hosts.c */
void hosts_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
void hosts_complete(struct source *s); /* places the nodes */
void hosts_check(struct source *s);
void hosts_place(struct lab *lab, struct node *n); /* a node that a lab with places gets; it is not counted yet */
void hosts_name_nodes(struct lab *lab); /* `nodes` of each host, as they are placed */
void hosts_print(const struct lab *lab, struct strbuf *out);
void placement_print(const struct lab *lab, struct strbuf *out);

/* lab_print.c */
void nodes_print(const struct lab *lab, struct strbuf *out);
void node_list_print(const struct lab *lab, struct strbuf *out); /* every node, even when all are equal */
void subnet_print(const struct lab *lab, struct strbuf *out);
void yaml_text(struct strbuf *out, const char *text);
void sources_print(const struct lab *lab, struct strbuf *out);
/* The value of a key that is no map; false = it has none. Not for KEY_CUSTOM. */
bool value_print(const void *object, const struct key *k, struct strbuf *out);

/* config.c: where the configuration sets @key; NULL = it does not */
const char *config_file_of(const struct config *c, const char *key, int *ret_line);

/* lab_complete.c */
/* A path that is relative to the file in @dir, made absolute; URLs, absolute paths and NULL are unchanged. */
const char *path_from(struct arena *a, const char *dir, const char *path);
void lab_complete(struct source *s);
/* Gives the nodes of .places[@role].on that role, and no others. */
void place_role(struct source *s, unsigned role);

/* lab_grow.c: nodes of @wanted that @has too keep their addresses, roles that the file does not place, and numbers. */
void lab_keep_nodes(const struct lab *has, struct lab *wanted);

/* lab_promote.c: moves the takeover role to the node that .promoted names */
void promoted_complete(struct source *s);
void sources_complete(struct lab *lab, const char *dir); /* path_from() for `sources` */
void cluster_complete(struct source *s);
/* Expand a name template (@{node} @{index} @{ip.dashed} @{octet}) for @n; @role >= 0: @{index} counts its role. */
int name_expand(const struct node *n, int role, const char *what, const char *template, struct strbuf *out,
		struct fail *e);
bool name_uses_address(const char *template);

/* lab_check.c */
void lab_check(struct source *s);
void cluster_check(struct source *s);

/* lab_form.c: what a text must look like; NULL = fine */
const char *form_clean(const char *t);     /* no control characters; all texts pass this first */
const char *form_label(const char *t);
const char *form_ssh(const char *t);      /* [user@]host, as ssh takes it */
const char *form_node_name(const char *t); /* a DNS label that is no other selector */
const char *form_domain(const char *t);
const char *form_path(const char *t);      /* absolute, normal */
const char *form_dir(const char *t);       /* a path outside system directories */
const char *form_options(const char *t);   /* export and mount options */
const char *form_zone(const char *t);
const char *form_locale(const char *t);
const char *form_host(const char *t);      /* name or address */
const char *form_user(const char *t);
const char *form_digest(const char *t);
const char *form_configure(const char *t);
const char *form_mirror(const char *t);    /* URL of a Debian archive */
const char *form_patch(const char *t);
const char *form_identifier(const char *t);
const char *form_cluster_name(const char *t);
const char *form_setting(const char *t);
void size_text(uint64_t mib, char ret[32]); /* "8GiB", "512MiB": what size_parse_mib() reads */

/* selector.c */
int select_nodes(const struct lab *lab, const char *selector, bool *set, struct fail *e);

#endif
