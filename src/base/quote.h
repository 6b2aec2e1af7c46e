/* SPDX-License-Identifier: PostgreSQL */
/*
 * Quoting at the boundary, by kind. Every value that enters a shell script, SQL,
 * a postgresql.conf string or XML text passes here exactly once.
 */
#ifndef LABCTL_BASE_QUOTE_H
#define LABCTL_BASE_QUOTE_H

#include "arena.h"
#include "strbuf.h"

enum quote {
	QUOTE_RAW,   /* as it is: only where the context is plain text (conf values that are checked, hosts files) */
	QUOTE_SH,    /* one POSIX shell word: plain when safe, else 'single quoted' */
	QUOTE_SQL,   /* 'literal' as standard_conforming_strings=on reads it */
	QUOTE_IDENT, /* "identifier" */
	QUOTE_CONF,  /* 'postgresql.conf / gtm.conf string' */
	QUOTE_XML,   /* text or attribute content */
	QUOTE_SSH,   /* value of an ssh_config line or of ssh -oNAME=VALUE */
	QUOTE_COUNT,
};

/* "sh" -> QUOTE_SH...; QUOTE_COUNT when unknown. */
enum quote quote_named(const char *name);

/* Appends @s quoted. NUL cannot occur; newlines survive in all kinds. */
void quote_add(struct strbuf *b, enum quote kind, const char *s);

/*
 * For a person's terminal: every control of one (ESC and its kind, DEL, C1 as a byte or in UTF-8) and every byte that is
 * no UTF-8 becomes '?', in place. Newlines and tabs stay. What nodes, servers and consoles said passes here.
 */
void quote_tame(char *text, size_t len);

/*
 * What may be shown of a source: a URL without user, password, query and fragment, which may be secrets ("?..." stands
 * where they were); a path as it is. @source itself or @a's.
 */
const char *quote_url(const char *source, struct arena *a);

#endif
