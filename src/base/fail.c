/* SPDX-License-Identifier: PostgreSQL */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "strbuf.h"

static const struct {
	enum fail_code code;
	const char *name;
} names[] = {
	{ FAIL_NONE, "OK" },           { FAIL_OTHER, "OTHER" },       { FAIL_USAGE, "USAGE" },
	{ FAIL_LAB, "LAB" },           { FAIL_NOT_FOUND, "NOT_FOUND" }, { FAIL_CONFLICT, "CONFLICT" },
	{ FAIL_HOST, "HOST" },         { FAIL_SSH, "SSH" },           { FAIL_TIMEOUT, "TIMEOUT" },
	{ FAIL_REMOTE, "REMOTE" },     { FAIL_DB, "DB" },             { FAIL_VIRT, "VIRT" },
	{ FAIL_CANCELED, "CANCELED" },  { FAIL_PARTIAL, "PARTIAL" },
};

const char *fail_code_name(enum fail_code code)
{
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return "OTHER";
}

const char *fail_cause_name(enum fail_cause cause)
{
	static const char *const words[CAUSE_COUNT] = {
#define FAIL_CAUSE_WORD(id, word) word,
		FAIL_CAUSES(FAIL_CAUSE_WORD)
#undef FAIL_CAUSE_WORD
	};

	return cause < CAUSE_COUNT ? words[cause] : "";
}

static const struct { int error; enum fail_cause cause; } causes[] = {
	{ ENOSPC, CAUSE_NO_SPACE },     { EDQUOT, CAUSE_NO_SPACE }, { EACCES, CAUSE_DENIED }, { EPERM, CAUSE_DENIED },
	{ ENETUNREACH, CAUSE_UNREACHABLE }, { EHOSTUNREACH, CAUSE_UNREACHABLE },
	{ ECONNREFUSED, CAUSE_REFUSED }, { ECONNRESET, CAUSE_LOST }, { EPIPE, CAUSE_LOST },
};

int fail_cause(struct fail *e, enum fail_cause cause)
{
	e->cause = cause;
	return -1;
}

int fail_from_errno(struct fail *e, int error)
{
	e->error = error;
	for (size_t i = 0; i < ARRAY_COUNT(causes); i++)
		if (causes[i].error == error)
			e->cause = causes[i].cause;
	return -1;
}

const char *fail_said(const struct fail *e)
{
	return e->said < sizeof e->text ? e->text + e->said : e->text;
}

/* Length of the control character at @p in bytes: 1 for C0 and DEL, 2 for C1 (in UTF-8), 0 for anything else. */
static unsigned control(const char *p)
{
	const unsigned char *c = (const unsigned char *)p;

	return *c < 0x20 || *c == 0x7f ? 1 : *c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f ? 2 : 0;
}

/* Makes @text one line without control characters, because failures quote servers and libraries. */
static void tidy(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	for (char *p = text; *p; p++)
		memset(p, ' ', control(p));
}

int fail(struct fail *e, enum fail_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	e->code = code;
	e->cause = CAUSE_NONE;
	e->error = 0;
	e->sqlstate[0] = '\0';
	e->said = 0;
	vsnprintf(e->text, sizeof e->text, fmt, args);
	va_end(args);
	e->next[0] = '\0';
	e->evidence[0] = '\0';
	tidy(e->text);
	return -1;
}

int fail_wrap(struct fail *e, const char *fmt, ...)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char prefix[sizeof e->text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(prefix, sizeof prefix, fmt, args);
	va_end(args);
	strbuf_printf(&text, "%s: %s", prefix, e->text);
	strbuf_truncate(&text, sizeof e->text - 1);
	if (e->said)
		e->said += (unsigned short)(strlen(prefix) + 2);
	memcpy(e->text, text.text, text.len + 1);
	tidy(e->text);
	return -1;
}

int fail_next(struct fail *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->next, sizeof e->next, fmt, args);
	va_end(args);
	tidy(e->next);
	return -1;
}

/* Start of the last @line_max lines of @text, ignoring newlines at its end. */
static const char *last_lines(const char *text, size_t len, unsigned line_max)
{
	const char *p = text + len;

	while (p > text)
		if (*--p == '\n' && line_max-- <= 1)
			return p + 1;
	return text;
}

/* External programs report an errno only as text. Matches their output; labctl's own messages are never parsed. */
static void cause_of_program(struct fail *e)
{
	static const struct { const char *words; enum fail_cause cause; } said[] = {
		{ "No space left on device", CAUSE_NO_SPACE },
		{ "Temporary failure resolving", CAUSE_UNREACHABLE }, /* apt */
		{ "Could not connect to", CAUSE_UNREACHABLE },
	};

	for (size_t i = 0; i < ARRAY_COUNT(said) && e->cause == CAUSE_NONE; i++)
		if (strstr(e->evidence, said[i].words))
			e->cause = said[i].cause;
}

int fail_evidence(struct fail *e, const char *text, unsigned line_max)
{
	size_t len = text ? strlen(text) : 0, used = 0;
	const char *p;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	e->evidence[0] = '\0';
	if (len == 0)
		return -1;
	p = last_lines(text, len, line_max);
	if ((size_t)(text + len - p) >= sizeof e->evidence)
		p = text + len - sizeof e->evidence + 1;
	for (; p < text + len && used + 1 < sizeof e->evidence; p++) {
		if (p[0] == '\r' && p[1] == '\n')
			continue;
		e->evidence[used++] = control(p) && *p != '\n' && *p != '\t' ? '?' : *p;
		p += control(p) == 2;
	}
	e->evidence[used] = '\0';
	cause_of_program(e);
	return -1;
}

int fail_errno(struct fail *e, enum fail_code code, const char *fmt, ...)
{
	int error = errno;
	char text[sizeof e->text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	fail(e, code, "%s: %s", text, strerror(error));
	return fail_from_errno(e, error);
}
