/* SPDX-License-Identifier: PostgreSQL */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "lab_source.h"
#include "platform.h"
#include "quote.h"

/* What is not copied into a lab is at the end: sources, then the fields of struct config. */
static bool is_of_labs(const struct key *k)
{
	return k->offset < offsetof(struct lab, sources);
}

/* Calls @fn for every key that is no map, with its number. */
static void each_key(const struct key *keys, const char *prefix, unsigned *number, struct arena *a,
		     void (*fn)(void *ctx, const struct key *k, const char *path, unsigned number), void *ctx)
{
	for (const struct key *k = keys; k->name; k++) {
		const char *path = a ? arena_printf(a, "%s%s%s", prefix, *prefix ? "." : "", k->name) : "";

		if (k->kind == KEY_MAP)
			each_key(k->sub, path, number, a, fn, ctx);
		else
			fn(ctx, k, path, (*number)++);
	}
}

static void name_key(void *config, const struct key *k, const char *path, unsigned number)
{
	struct config *c = config;

	(void)k;
	(void)number;
	arena_push(c->lab.arena, c->values, c->count)->key = path;
}

struct config *config_new(struct arena *a)
{
	struct config *c = arena_new_of(a, struct config);
	unsigned number = 0;

	c->lab.arena = a;
	each_key(config_keys, "", &number, a, name_key, c);
	return c;
}

const char *config_file_of(const struct config *c, const char *key, int *ret_line)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->values[i].file && !strcmp(c->values[i].key, key)) {
			*ret_line = c->values[i].line;
			return c->values[i].file;
		}
	return NULL;
}

int config_read(struct config *c, const char *text, size_t len, const char *file, const struct lab_options *o, struct fail *e)
{
	struct arena *a = c->lab.arena;
	const char *slash = strrchr(file, '/'), *dir = slash ? arena_strndup(a, file, (size_t)(slash - file)) : NULL;
	struct source s = { .lab = &c->lab, .options = o, .problems = { .arena = a } };

	c->lab.file = arena_strdup(a, file);
	schema_read(&s, text, len, config_keys);
	if (!c->lab.disk_image.stored && c->lab.image && strchr(c->lab.image, '/'))
		c->lab.image = path_from(a, dir, c->lab.image);
	sources_complete(&c->lab, dir);
	for (unsigned i = 0; i < c->count; i++) {
		struct config_value *v = &c->values[i];
		int line = origin_line(s.origins, s.origin_count, v->key, strlen(v->key));

		if (line)
			*v = (struct config_value){ v->key, c->lab.file, line };
	}
	return source_finish(&s, e);
}

static void copy_image(struct lab *to, const struct lab *from)
{
	struct arena *a = to->arena;
	const struct disk_image *d = &from->disk_image;

	to->image = arena_strdup(a, from->image);
	to->disk_image = (struct disk_image){ .sha256 = arena_strdup(a, d->sha256), .stored = arena_strdup(a, d->stored),
					      .release = arena_strdup(a, d->release), .boot = d->boot, .seed = d->seed };
}

static void copy_field(struct lab *to, const struct lab *from, const struct key *k)
{
	static const size_t size[] = { [KEY_WORD] = sizeof(unsigned), [KEY_FLAG] = sizeof(bool), [KEY_NUMBER] = sizeof(unsigned),
				       [KEY_MIB] = sizeof(uint64_t), [KEY_GIB] = sizeof(uint64_t),
				       [KEY_ADDRESS] = sizeof(uint32_t), [KEY_CUSTOM] = 0 };
	char *field = (char *)to + k->offset;
	const char *value = (const char *)from + k->offset;

	if (k->kind == KEY_CUSTOM)
		copy_image(to, from);
	else if (k->kind == KEY_TEXT)
		*(const char **)field = arena_strdup(to->arena, *(const char *const *)value);
	else
		memcpy(field, value, size[k->kind]);
}

struct apply { const struct config *c; struct lab *to; const struct lab *from; };

static void apply_key(void *ctx, const struct key *k, const char *path, unsigned number)
{
	const struct apply *a = ctx;

	(void)path;
	/* The default image is another in each version of labctl: a lab keeps the one that it has. */
	if ((a->c->values[number].file || (a->from != &a->c->lab && k->kind == KEY_CUSTOM)) && is_of_labs(k))
		copy_field(a->to, a->from, k);
}

void config_apply(const struct config *c, struct lab *lab, const struct lab *has)
{
	struct apply a = { c, lab, has ? has : &c->lab };
	unsigned number = 0;

	each_key(config_keys, "", &number, NULL, apply_key, &a);
}

/* Without the quotes of YAML. */
static bool value_text(const void *object, const struct key *k, struct strbuf *out)
{
	const char *text = k->kind == KEY_TEXT ? *(const char *const *)((const char *)object + k->offset) : NULL;

	if (k->kind != KEY_TEXT)
		return value_print(object, k, out);
	strbuf_str(out, text ? text : "");
	return text;
}

struct wanted { const struct config *c; unsigned number; const struct lab *lab; struct strbuf *out; bool found; };

static bool source_text(const struct wanted *w, const char *kind)
{
	const char *source = lab_source(&w->lab->sources, kind);

	if (!source)
		source = lab_source(&w->c->lab.sources, kind);
	if (!source)
		source = platform_source(kind, w->lab->release);
	if (!source)
		source = recipe_find(kind)->source;
	if (source)
		strbuf_str(w->out, quote_url(source, w->lab->arena));
	return source;
}

static void text_of_key(void *ctx, const struct key *k, const char *path, unsigned number)
{
	struct wanted *w = ctx;

	(void)path;
	if (number != w->number)
		return;
	if (k->kind == KEY_CUSTOM) { /* an image; its other keys belong to it */
		strbuf_str(w->out, quote_url(w->lab->image, w->lab->arena));
		w->found = true;
	} else if (is_of_labs(k)) {
		w->found = value_text(w->lab, k, w->out);
	} else if (k->offset < sizeof(struct lab)) {
		w->found = source_text(w, k->name);
	} else {
		w->found = value_text(w->c, k, w->out);
	}
}

bool config_text(const struct config *c, unsigned i, const struct lab *lab, struct strbuf *out)
{
	struct wanted w = { c, i, lab, out, false };
	unsigned number = 0;

	each_key(config_keys, "", &number, NULL, text_of_key, &w);
	return w.found;
}
