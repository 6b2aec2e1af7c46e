/* SPDX-License-Identifier: PostgreSQL */
/* Secrets in texts: put in just before use, blotted out of everything that is shown or kept. */
#include <string.h>

#include "verbs.h"

#define PLACEHOLDER_MAX 128

static int add_secret(struct world *w, const char *name, struct strbuf *out, struct fail *e)
{
	char value[64];

	if (world_secret(w, name, value, e) < 0)
		return -1;
	/* As it is: the placeholder was quoted like any text, and values are of [A-Za-z0-9] (state_secret()). */
	strbuf_str(out, value);
	explicit_bzero(value, sizeof value);
	return 0;
}

int world_resolve(struct world *w, const char *text, struct strbuf *out, struct fail *e)
{
	const size_t mark_len = strlen(SECRET_MARK);

	for (const char *mark; (mark = strstr(text, SECRET_MARK)); ) {
		const char *inside = mark + mark_len, *end = strstr(inside, SECRET_END);
		char name[PLACEHOLDER_MAX];

		if (!end || (size_t)(end - inside) >= sizeof name)
			return fail(e, FAIL_OTHER, "a placeholder of a secret has no end");
		memcpy(name, inside, (size_t)(end - inside));
		name[end - inside] = '\0';
		strbuf_add(out, text, (size_t)(mark - text));
		if (add_secret(w, name, out, e) < 0)
			return -1;
		text = end + strlen(SECRET_END);
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

void world_redact(struct world *w, char *text)
{
	world_each_secret(w, blot, text);
}

void world_redact_fail(struct world *w, struct fail *e)
{
	world_redact(w, e->text);
	world_redact(w, e->evidence);
}
