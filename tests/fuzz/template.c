/* SPDX-License-Identifier: PostgreSQL */
/* Templates: the text before the first \x01, with the rest as a value; failures name the line and give no output. */
#include "fuzz.h"

#include "template.h"

struct scope { const char *value; size_t at; char index[8]; bool in_list; };

static const char *value(void *ctx, const char *name)
{
	struct scope *s = ctx;

	if (!strcmp(name, "v"))
		return s->value;
	if (!strcmp(name, "empty"))
		return "";
	if (!strcmp(name, "no"))
		return "false";
	if (strcmp(name, "item") != 0 || !s->in_list)
		return NULL;
	snprintf(s->index, sizeof s->index, "%zu", s->at);
	return s->index;
}

static bool each(void *ctx, const char *name, size_t index, bool *known)
{
	struct scope *s = ctx;

	*known = !strcmp(name, "two") || !strcmp(name, "none");
	s->in_list = *known && !strcmp(name, "two") && index < 2;
	s->at = index;
	return s->in_list;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data + (size > 0), size - (size > 0));
	char *mark = strchr(text, '\x01');
	struct scope s = { .value = mark ? mark + 1 : "it's" };
	const struct template_scope scope = { .value = value, .each = each, .ctx = &s };
	enum quote bare = size ? data[0] % (QUOTE_COUNT + 1) : QUOTE_RAW;
	auto_(strbuf_clear) struct strbuf out = { 0 }, again = { 0 };
	struct fail e = { 0 };
	unsigned line, lines = 1;

	if (mark)
		*mark = '\0';
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	strbuf_str(&out, "kept");
	if (template_expand("t", text, bare, &scope, &out, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(sscanf(e.text, "t:%u: ", &line) == 1 && line >= 1 && line <= lines, "%s", e.text);
		PROMISE(!strcmp(out.text, "kept"));
		return 0;
	}
	PROMISE(!strncmp(out.text, "kept", 4));
	if (!strstr(text, "@{"))
		PROMISE(!strcmp(out.text + 4, text));
	s = (struct scope){ .value = s.value };
	PROMISE(template_expand("t", text, bare, &scope, &again, &e) == 0 && !strcmp(strbuf_text(&again), out.text + 4));
	return 0;
}
