/* SPDX-License-Identifier: PostgreSQL */
/*
 * Configuration: defaults that the host (/etc/labctl/config.yaml) and the user (~/.config/labctl/config.yaml) set below the
 * lab file. A file is read as a lab file is, by the table config_keys (lab_schema.c); a later file overrides an earlier
 * one key by key. Pure: the caller finds and reads the files. First test to read: tests/unit/test_config.c.
 */
#ifndef LABCTL_MODEL_CONFIG_H
#define LABCTL_MODEL_CONFIG_H

#include "lab.h"

struct config_value {
	const char *key;         /* "defaults.memory" */
	const char *file; int line; /* where it is set; NULL = nowhere */
};

struct config {
	struct lab lab;          /* the fields that the files set, the others zero; first, since config_keys has offsets in it */
	const char *mirror;      /* of Debian, for images; NULL = the host's */
	struct config_value *values; unsigned count; /* every key, in the order of the table */
};

/* A configuration without a value. It lives in @a. */
struct config *config_new(struct arena *a);

/*
 * Reads one more file over what @c has. FAIL_LAB with all problems as lab_load(); @c is then unusable. @file is an
 * absolute path, in whose directory relative paths begin; @o names the stored disks.
 */
int config_read(struct config *c, const char *text, size_t len, const char *file, const struct lab_options *o, struct fail *e);

/* Sets the fields of an empty @lab that @c sets, to the values of @has unless it is NULL; the image of @has in any case. Not `sources`: lab_default_source(). */
void config_apply(const struct config *c, struct lab *lab, const struct lab *has);

/*
 * The value in force of the key number @i as text, from the completed @lab; false if there is none. @c is consulted for
 * what is no key of a lab.
 */
bool config_text(const struct config *c, unsigned i, const struct lab *lab, struct strbuf *out);

#endif
