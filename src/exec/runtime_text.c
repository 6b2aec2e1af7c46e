/* SPDX-License-Identifier: PostgreSQL */
/* Placeholders in texts: put in just before use; secrets are blotted out of everything that is shown or kept. */
#include <string.h>

#include "verbs.h"

#define PLACEHOLDER_MAX 128

static int add_secret(struct runtime *rt, const char *name, struct strbuf *out, struct fail *e)
{
	char value[64];

	if (runtime_secret(rt, name, value, e) < 0)
		return -1;
	/* As it is: the placeholder was quoted like any text, and values are of [A-Za-z0-9] (state_secret()). */
	strbuf_str(out, value);
	explicit_bzero(value, sizeof value);
	return 0;
}

static int add_placeholder(struct runtime *rt, const char *placeholder, struct strbuf *out, struct fail *e)
{
	const char *name = strchr(placeholder, ':');

	if (!strncmp(placeholder, SECRET_MARK, strlen(SECRET_MARK)))
		return add_secret(rt, name + 1, out, e);
	if (strncmp(placeholder, VALUE_MARK, strlen(VALUE_MARK)) != 0)
		return fail(e, FAIL_OTHER, "unknown placeholder '%s'", placeholder + 1);
	strbuf_printf(out, "%llu", runtime_value(rt, name + 1));
	return 0;
}

int runtime_resolve(struct runtime *rt, const char *text, struct strbuf *out, struct fail *e)
{
	for (const char *mark; (mark = strstr(text, PLACEHOLDER_MARK)); ) {
		const char *end = strstr(mark, PLACEHOLDER_END);
		char placeholder[PLACEHOLDER_MAX];

		if (!end || (size_t)(end - mark) >= sizeof placeholder)
			return fail(e, FAIL_OTHER, "unterminated placeholder");
		memcpy(placeholder, mark, (size_t)(end - mark));
		placeholder[end - mark] = '\0';
		strbuf_add(out, text, (size_t)(mark - text));
		if (add_placeholder(rt, placeholder, out, e) < 0)
			return -1;
		text = end + strlen(PLACEHOLDER_END);
	}
	strbuf_str(out, text);
	return 0;
}

static void blot(void *ctx, const char *value)
{
	size_t len = strlen(value);

	/* A short one that a person chose would blot out half of every message. */
	if (len < 4)
		return;
	for (char *at = ctx; (at = strstr(at, value)); at += len)
		memset(at, '*', len);
}

void runtime_redact(struct runtime *rt, char *text)
{
	runtime_each_secret(rt, blot, text);
}

void runtime_redact_fail(struct runtime *rt, struct fail *e)
{
	runtime_redact(rt, e->text);
	runtime_redact(rt, e->evidence);
}
