/* SPDX-License-Identifier: PostgreSQL */
#include "template.h"

#include <stdint.h>
#include <string.h>

#include "auto.h"

#define NAME_MAX_BYTES 63
#define DEPTH_MAX 8

enum tag_kind { TAG_VALUE, TAG_EACH, TAG_IF, TAG_ELSE, TAG_END };

struct tag {
	enum tag_kind kind;
	enum quote quote;               /* TAG_VALUE; QUOTE_COUNT = none given */
	char name[NAME_MAX_BYTES + 1];  /* value, list or condition */
	const char *next;               /* first byte after the tag; after its line, for a block tag alone on it */
};

struct expansion {
	const char *what, *text;
	enum quote bare;
	const struct template_scope *scope;
	struct strbuf *out;             /* NULL while a block is skipped */
	struct fail *e;
	unsigned depth;
};

static int complain(const struct expansion *x, const char *at, const char *problem, const char *name)
{
	unsigned line = 1;

	for (const char *p = x->text; p < at; p++)
		line += *p == '\n';
	return fail(x->e, FAIL_OTHER, "%s:%u: %s%s%s", x->what, line, problem, *name ? " " : "", name);
}

static bool blank(const char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != ' ' && *from != '\t')
			return false;
	return true;
}

/* Parse the tag that starts at @at ("@{"). Fills @t. */
static int parse_tag(const struct expansion *x, const char *at, struct tag *t)
{
	const char *close = strchr(at, '}'), *body = at + 2, *colon;
	char inside[NAME_MAX_BYTES + 16];
	size_t len;

	if (!close || (size_t)(close - body) >= sizeof inside)
		return complain(x, at, "unclosed @{", "");
	len = (size_t)(close - body);
	memcpy(inside, body, len);
	inside[len] = '\0';
	*t = (struct tag){ .kind = TAG_VALUE, .quote = QUOTE_COUNT, .next = close + 1 };
	body = inside;
	if (!strcmp(inside, "end"))
		t->kind = TAG_END;
	else if (!strcmp(inside, "else"))
		t->kind = TAG_ELSE;
	else if (!strncmp(inside, "each ", 5))
		t->kind = TAG_EACH, body = inside + 5;
	else if (!strncmp(inside, "if ", 3))
		t->kind = TAG_IF, body = inside + 3;
	colon = strrchr(body, ':');
	if (t->kind == TAG_VALUE && colon) {
		t->quote = quote_named(colon + 1);
		if (t->quote == QUOTE_COUNT)
			return complain(x, at, "unknown kind of quoting", colon + 1);
		len = (size_t)(colon - body);
	} else {
		len = strlen(body);
	}
	if (len == 0 || len > NAME_MAX_BYTES)
		return complain(x, at, "bad name in @{}:", inside);
	memcpy(t->name, body, len);
	t->name[len] = '\0';
	return 0;
}

/* Numbers and truth values mean the same in a shell, SQL and a configuration file. */
static bool needs_no_quotes(const char *value)
{
	return (*value && !value[strspn(value, "0123456789")]) || !strcmp(value, "true") || !strcmp(value, "false");
}

static int add_value(struct expansion *x, const char *at, const struct tag *t)
{
	enum quote kind = t->quote == QUOTE_COUNT ? x->bare : t->quote;
	const char *value;

	if (!x->out)
		return 0;
	value = x->scope->value(x->scope->ctx, t->name);
	if (!value)
		return complain(x, at, "unknown name", t->name);
	if (kind == QUOTE_COUNT && !needs_no_quotes(value))
		return complain(x, at, "missing kind of quoting (@{name:sh}, :sql, :ident...) of", t->name);
	quote_add(x->out, kind, value);
	return 0;
}

static int expand(struct expansion *x, const char *p, bool inside, struct tag *ret_stop, const char **ret_stop_at);

/* Expand or skip one block body that starts at @body; *ret_stop is the else or end that closes it. */
static int block(struct expansion *x, const char *at, const char *body, bool live, struct tag *ret_stop)
{
	struct strbuf *out = x->out;
	const char *stop_at;
	int r;

	if (++x->depth > DEPTH_MAX)
		return complain(x, at, "blocks nested too deep", "");
	if (!live)
		x->out = NULL;
	r = expand(x, body, true, ret_stop, &stop_at);
	x->out = out;
	x->depth--;
	return r;
}

static int expand_each(struct expansion *x, const char *at, const struct tag *t, struct tag *stop)
{
	bool known = true;

	if (x->out) {
		if (!x->scope->each)
			return complain(x, at, "unknown list", t->name);
		for (size_t i = 0; x->scope->each(x->scope->ctx, t->name, i, &known); i++)
			if (block(x, at, t->next, true, stop) < 0)
				return -1;
		x->scope->each(x->scope->ctx, t->name, SIZE_MAX, &known);
		if (!known)
			return complain(x, at, "unknown list", t->name);
	}
	/* Once more without output, to find the end of the body even when the list is empty. */
	if (block(x, at, t->next, false, stop) < 0)
		return -1;
	return stop->kind == TAG_END ? 0 : complain(x, at, "@{else} belongs to @{if}, not to @{each}", t->name);
}

static int expand_if(struct expansion *x, const char *at, const struct tag *t, struct tag *stop)
{
	bool live = false;

	if (x->out) {
		const char *value = x->scope->value(x->scope->ctx, t->name);

		if (!value)
			return complain(x, at, "unknown name", t->name);
		live = *value && strcmp(value, "false") != 0;
	}
	if (block(x, at, t->next, live, stop) < 0)
		return -1;
	if (stop->kind == TAG_ELSE && block(x, at, stop->next, !live && x->out, stop) < 0)
		return -1;
	return stop->kind == TAG_END ? 0 : complain(x, at, "two @{else} in one @{if}", t->name);
}

/* Expands from @p to the end of the text, or @inside a block to its @{else} or @{end}. */
static int expand(struct expansion *x, const char *p, bool inside, struct tag *ret_stop, const char **ret_stop_at)
{
	for (;;) {
		const char *at = strstr(p, "@{"), *line, *rest;
		struct tag t;

		if (!at) {
			if (x->out)
				strbuf_str(x->out, p);
			return inside ? complain(x, p + strlen(p), "missing @{end}", "") : 0;
		}
		if (at > p && at[-1] == '@') {
			if (x->out) {
				strbuf_add(x->out, p, (size_t)(at - 1 - p));
				strbuf_str(x->out, "@{");
			}
			p = at + 2;
			continue;
		}
		if (parse_tag(x, at, &t) < 0)
			return -1;
		/* Drop the line of a block tag that stands alone on it. */
		for (line = at; line > p && line[-1] != '\n'; line--)
			;
		rest = t.next + strspn(t.next, " \t");
		if (t.kind != TAG_VALUE && (line == x->text || line[-1] == '\n') && blank(line, at) &&
		    (*rest == '\n' || *rest == '\0'))
			t.next = *rest ? rest + 1 : rest;
		else
			line = at;
		if (x->out)
			strbuf_add(x->out, p, (size_t)(line - p));
		if (t.kind == TAG_END || t.kind == TAG_ELSE) {
			if (!inside)
				return complain(x, at, "@{end} or @{else} without a block", "");
			*ret_stop = t;
			*ret_stop_at = at;
			return 0;
		}
		if (t.kind == TAG_VALUE ? add_value(x, at, &t) < 0
		    : t.kind == TAG_EACH ? expand_each(x, at, &t, ret_stop) < 0
					 : expand_if(x, at, &t, ret_stop) < 0)
			return -1;
		p = t.kind == TAG_VALUE ? t.next : ret_stop->next;
	}
}

int template_expand(const char *what, const char *text, enum quote bare, const struct template_scope *scope,
		    struct strbuf *out, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf result = { 0 };
	struct expansion x = { .what = what, .text = text, .bare = bare, .scope = scope, .out = &result, .e = e };
	const char *stop_at;
	struct tag stop;

	if (expand(&x, text, false, &stop, &stop_at) < 0)
		return -1;
	strbuf_add(out, strbuf_text(&result), result.len);
	return 0;
}
