/* SPDX-License-Identifier: PostgreSQL */
/*
 * Which kind of cluster, in which version, runs on which image: one const table, so thread-safe. labctl refuses other
 * pairs before it builds anything. First test to read: tests/unit/test_platform.c.
 */
#ifndef LABCTL_MODEL_PLATFORM_H
#define LABCTL_MODEL_PLATFORM_H

#include <stdbool.h>

#include "family.h"
#include "strbuf.h"

struct platform {
	const char *kind;     /* "citus" */
	const char *versions; /* of its software, separated by blanks: "12.1" is every 12.1.x */
	const char *release;  /* "debian12" */
	const char *source;   /* where its newest version for this image is published; NULL = the recipe's source */
};

const struct platform *platform_row(unsigned i); /* NULL after the last */

/*
 * False if the table has @kind in @version only on other images than that of @r. @version may be a longer text that contains
 * it ("citus-12.1.12"), or NULL = any. True for a version that the table does not know, and for a release that labctl builds
 * no image of: those are the user's own.
 */
bool platform_runs(const char *kind, const char *version, const struct release *r);

/*
 * The image that a new lab with @kind, built from @archive (or NULL), boots without a word about it: that of the first row that
 * has both. NULL if no row has the kind.
 */
const char *platform_image(const char *kind, const char *archive);

/* Where the software of @kind that runs on @r is published; NULL = the recipe says it. @r may be NULL. */
const char *platform_source(const char *kind, const struct release *r);

/*
 * platform_runs() for @archive, the path or URL of a source archive, whose name has the version ("citus-12.1.12.tar.gz"), or
 * NULL; if false, appends to @why what runs where.
 */
bool platform_accepts(const char *kind, const char *archive, const struct release *r, struct strbuf *why);

/* Where @kind runs: "13.2 14.0 on debian13, 12.1 13.2 on debian12". */
void platform_list(const char *kind, struct strbuf *out);

#endif
