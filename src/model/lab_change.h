/* SPDX-License-Identifier: PostgreSQL */
/*
 * The differences between an existing lab and its lab file, and what happens with each. Keys are compared as lab_print()
 * prints them. A key needs a row of effect_rows (lab_effect.c), which docs/howto/change.md shows; without one it is refused.
 * First test to read: tests/unit/test_change.c.
 */
#ifndef LABCTL_MODEL_LAB_CHANGE_H
#define LABCTL_MODEL_LAB_CHANGE_H

#include "lab.h"

struct lab_change {
	const char *key;         /* "cluster.settings.primary.work_mem", "nodes[node2].memory" */
	const char *has, *wanted; /* NULL = not set */
	bool refused;            /* cannot change on an existing lab */
	const char *how;         /* what applies it, and when: "bootstrap: its servers restart"; of a refused one the reason; NULL = not known */
	const struct node *lacking; /* the first node that the lab has, and for which the file has no place: it lacks the node, or its host; NULL = none */
};

/* What happens when a key changes in a lab that exists. */
enum effect {
	EFFECT_REFUSED,
	EFFECT_NODE,     /* create: at once */
	EFFECT_MACHINE,  /* create: a container has it at once, a machine when it is started the next time */
	EFFECT_SERVER,   /* bootstrap: no server restarts */
	EFFECT_SETTING,  /* bootstrap: the servers with the role reload, or restart if the setting needs it */
	EFFECT_RESTART,  /* bootstrap: the servers with the role restart, and what knows of them follows */
	EFFECT_SOFTWARE, /* bootstrap: a build, if there is none; the servers restart */
	EFFECT_RECORD,   /* nothing: the record decides, not the lab file */
};
struct effect_row {
	const char *key;    /* '*' is any text: "nodes[*].memory" */
	enum effect effect;
	const char *text;   /* EFFECT_REFUSED: why */
	const char *then;   /* what follows from it in the servers; or NULL */
	const char *never;  /* a value that it can neither get nor lose; or NULL */
	bool kept;          /* removing it is refused, because nothing would remove it from the lab */
};
extern const struct effect_row effect_rows[]; /* in the order of lab(5); the first that matches counts; ends with a zero row */
const struct effect_row *effect_row(const char *key); /* NULL when none matches */
/* What labctl says of a change: ->how of struct lab_change. @r may be NULL. May be in the arena of @lab. */
const char *effect_text(const struct effect_row *r, const struct lab *lab, const char *key);
/* Settings of PostgreSQL and Citus that take effect at a start of the server only, sorted. */
const char *const *settings_of_a_start(unsigned *ret_count);

/*
 * Copies into @wanted what its file does not set and @has has: hypervisor, subnet, autostart, ttl, source archive, users and which
 * server was promoted, or the whole cluster when the file names none. May free *wanted and replace it. @state_dir as in struct lab_options.
 */
int lab_keep(const struct lab *has, struct lab **wanted, const char *state_dir, struct fail *e);

/*
 * All differences in the order of the lab file, allocated in @a; *ret_count is 0 when there are none. @bootstrapped: the
 * nodes have the cluster, so its ports, directories, names, roles... cannot change; before that all of `cluster:` can. Pure.
 */
void lab_changes(const struct lab *has, const struct lab *wanted, bool bootstrapped, struct arena *a,
		 struct lab_change **ret, unsigned *ret_count);

/* FAIL_CONFLICT that lists the refused ones of @changes, "KEY has X, wanted Y"; 0 when none is refused. */
int lab_changes_check(const struct lab *has, const char *file, const struct lab_change *changes, unsigned count,
		      struct fail *e);

/* "KEY has X, wanted Y" */
void lab_change_text(const struct lab_change *c, struct strbuf *out);
/* The same, with ->how in parentheses. */
void lab_change_say(const struct lab_change *c, struct strbuf *out);

#endif
