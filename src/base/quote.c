/* SPDX-License-Identifier: PostgreSQL */
#include "quote.h"

#include <ctype.h>
#include <string.h>

static const char *const names[QUOTE_COUNT] = { "raw", "sh", "sql", "ident", "conf", "xml", "ssh" };

enum quote quote_named(const char *name)
{
	for (unsigned i = 0; i < QUOTE_COUNT; i++)
		if (!strcmp(names[i], name))
			return i;
	return QUOTE_COUNT;
}

/* Adds @s between two @mark characters, with @twice for each mark inside. */
static void enclose(struct strbuf *b, const char *s, char mark, const char *twice)
{
	strbuf_char(b, mark);
	for (; *s; s++) {
		if (*s == mark)
			strbuf_str(b, twice);
		else
			strbuf_char(b, *s);
	}
	strbuf_char(b, mark);
}

static void quote_sh(struct strbuf *b, const char *s)
{
	const char *p = s;

	while (isalnum((unsigned char)*p) || (*p && strchr("_-./:,@%+", *p)))
		p++;
	/* Quote the empty string, and text with any other character. */
	if (p == s || *p)
		enclose(b, s, '\'', "'\\''");
	else
		strbuf_str(b, s);
}

/*
 * A literal that means the same with standard_conforming_strings on and off: a
 * backslash makes it an E'' string, in which backslashes are doubled.
 */
static void quote_sql(struct strbuf *b, const char *s)
{
	if (!strchr(s, '\\')) {
		enclose(b, s, '\'', "''");
		return;
	}
	strbuf_str(b, "E'");
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			strbuf_char(b, *s);
		strbuf_char(b, *s);
	}
	strbuf_char(b, '\'');
}

/* guc-file.l: '' is a quote, a backslash starts an escape. A newline cannot be written raw. */
static void quote_conf(struct strbuf *b, const char *s)
{
	strbuf_char(b, '\'');
	for (; *s; s++) {
		if (*s == '\n') {
			strbuf_str(b, "\\n");
			continue;
		}
		if (*s == '\'' || *s == '\\')
			strbuf_char(b, *s);
		strbuf_char(b, *s);
	}
	strbuf_char(b, '\'');
}

/* ssh_config(5): double quotes protect blanks, a backslash escapes a quote, and "%x" is a token unless % is doubled. */
static void quote_ssh(struct strbuf *b, const char *s)
{
	strbuf_char(b, '"');
	for (; *s; s++) {
		if (strchr("\"\\", *s))
			strbuf_char(b, '\\');
		else if (*s == '%')
			strbuf_char(b, '%');
		strbuf_char(b, *s);
	}
	strbuf_char(b, '"');
}

static void quote_xml(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': strbuf_str(b, "&amp;"); break;
		case '<': strbuf_str(b, "&lt;"); break;
		case '>': strbuf_str(b, "&gt;"); break;
		case '"': strbuf_str(b, "&quot;"); break;
		case '\'': strbuf_str(b, "&apos;"); break;
		case '\n': strbuf_str(b, "&#10;"); break;
		case '\t': strbuf_str(b, "&#9;"); break;
		case '\r': strbuf_str(b, "&#13;"); break;
		default: strbuf_char(b, *s);
		}
	}
}

/* Length of the UTF-8 character at @p; 0 when the bytes are not one, or it is a control character. */
static size_t shown_length(const unsigned char *p, size_t left)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (len == 1)
		return (*p >= 0x20 && *p != 0x7f) || *p == '\n' || *p == '\t';
	if (len == 0 || len > left || (*p == 0xc2 && p[1] < 0xa0)) /* C1 */
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

void quote_tame(char *text, size_t len)
{
	for (size_t i = 0, shown; i < len; i += shown ? shown : 1) {
		shown = shown_length((unsigned char *)text + i, len - i);
		if (!shown)
			text[i] = '?';
	}
}

void quote_add(struct strbuf *b, enum quote kind, const char *s)
{
	switch (kind) {
	case QUOTE_SH: quote_sh(b, s); break;
	case QUOTE_SQL: quote_sql(b, s); break;
	case QUOTE_IDENT: enclose(b, s, '"', "\"\""); break;
	case QUOTE_CONF: quote_conf(b, s); break;
	case QUOTE_XML: quote_xml(b, s); break;
	case QUOTE_SSH: quote_ssh(b, s); break;
	case QUOTE_RAW:
	case QUOTE_COUNT: strbuf_str(b, s); break;
	}
}

const char *quote_url(const char *source, struct arena *a)
{
	const char *scheme = strstr(source, "://"), *host, *at, *end, *query;

	if (!scheme || strcspn(source, "/?#") < (size_t)(scheme - source))
		return source;
	host = scheme + 3;
	end = host + strcspn(host, "/?#");
	query = end + strcspn(end, "?#");
	at = memrchr(host, '@', (size_t)(end - host));
	if (!at && !*query)
		return source;
	at = at ? at + 1 : host;
	return arena_printf(a, "%.*s%.*s%s", (int)(host - source), source, (int)(query - at), at, *query ? "?..." : "");
}
