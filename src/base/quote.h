/* SPDX-License-Identifier: PostgreSQL */
/*
 * Quoting by kind, at the boundary. Every value that enters a shell script, SQL, a
 * postgresql.conf string or XML text passes through here exactly once. Thread-safe.
 */
#ifndef LABCTL_BASE_QUOTE_H
#define LABCTL_BASE_QUOTE_H

#include "arena.h"
#include "strbuf.h"

enum quote {
	QUOTE_RAW,   /* unchanged: only for plain text (hosts files, configuration values that were checked) */
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
 * Makes text safe for a terminal, in place: control characters (C0 like ESC, DEL, C1 as a byte or in UTF-8) and bytes
 * that are not UTF-8 become '?'; newlines and tabs stay. All output of nodes, servers and consoles passes through here.
 */
void quote_tame(char *text, size_t len);

/*
 * @source in a form that may be shown: a URL without user, password, query and fragment, which may be secrets ("?..."
 * replaces query and fragment); a path unchanged. Returns @source itself, or a copy in @a.
 */
const char *quote_url(const char *source, struct arena *a);

#endif
