/* SPDX-License-Identifier: PostgreSQL */
/* Entry points: read, complete, check, and turn the problems into one failure. */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "file.h"
#include "lab_source.h"
#include "platform.h"

void problem_add(struct problems *p, int line, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list args;

	if (p->count >= LAB_PROBLEMS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	*arena_push(p->arena, p->items, p->count) = (struct problem){ line, key, arena_strdup(p->arena, text), NULL };
}

int origin_line(const struct origin *origins, unsigned count, const char *path, size_t len)
{
	for (unsigned i = 0; i < count; i++)
		if (!strncmp(origins[i].path, path, len) && !origins[i].path[len])
			return origins[i].line;
	return 0;
}

int lab_line(const struct lab *lab, const char *key)
{
	return origin_line(lab->origins, lab->origin_count, key, strlen(key));
}

/* Exact key, else the nearest one around it: nodes[3].address, nodes[3], nodes. */
int source_line(const struct source *s, const char *path)
{
	size_t len = strlen(path);

	while (len) {
		int line = origin_line(s->origins, s->origin_count, path, len);

		if (line)
			return line;
		do
			len--;
		while (len && path[len] != '.' && path[len] != '[');
	}
	return 0;
}

void source_problem(struct source *s, const char *path, const char *fmt, ...)
{
	const char *file = NULL;
	char text[512];
	va_list args;
	int line;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (s->problems.count >= LAB_PROBLEMS_MAX)
		return;
	line = source_line(s, path);
	if (!line && s->options->config) /* the value is not the lab file's */
		file = config_file_of(s->options->config, path, &line);
	problem_add(&s->problems, line, path, "%s", text);
	s->problems.items[s->problems.count - 1].file = file;
}

static int problem_cmp(const void *a, const void *b)
{
	const struct problem *x = *(const struct problem *const *)a, *y = *(const struct problem *const *)b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void problem_print(const char *file, const struct problem *p, struct strbuf *out)
{
	file = p->file ? p->file : file;
	if (p->line)
		strbuf_printf(out, "%s:%d: %s: %s", file, p->line, p->key, p->text);
	else
		strbuf_printf(out, "%s: %s: %s", file, p->key, p->text);
}

int problems_fail(const struct problems *p, const char *file, struct fail *e)
{
	unsigned count = p->count;
	const struct problem *order[LAB_PROBLEMS_MAX];
	auto_(strbuf_clear) struct strbuf all = {0}, line = {0};

	if (!count)
		return 0;
	for (unsigned i = 0; i < count; i++)
		order[i] = &p->items[i];
	qsort(order, count, sizeof *order, problem_cmp);
	for (unsigned i = 0; i < count; i++) {
		strbuf_truncate(&line, 0);
		problem_print(file ? file : "command line", order[i], &line);
		if (i == 0) {
			fail(e, FAIL_LAB, "%s", line.text);
			if (count > 1)
				snprintf(e->text + strlen(e->text), sizeof e->text - strlen(e->text),
					 " (and %s%u more problem%s)", count == LAB_PROBLEMS_MAX ? "at least " : "", count - 1,
					 count == 2 ? "" : "s");
		}
		/* fail_evidence() keeps the end, but the first problems matter most */
		if (all.len + line.len > sizeof e->evidence - 64) {
			strbuf_printf(&all, "... and %u more\n", count - i);
			break;
		}
		strbuf_printf(&all, "%s\n", line.text);
	}
	return fail_evidence(e, strbuf_text(&all), UINT_MAX);
}

int source_finish(struct source *s, struct fail *e)
{
	return problems_fail(&s->problems, s->lab->file, e);
}

void lab_free(struct lab *lab)
{
	if (lab)
		arena_free(lab->arena);
}

static int lab_build(const char *text, size_t len, const char *file, const char *dir, const struct lab_options *o,
		     struct lab **ret_lab, struct fail *e)
{
	static const struct lab_options nothing = {0};
	struct arena *arena = arena_new();
	auto_(lab_free) struct lab *lab = arena_new_of(arena, struct lab);
	struct source s = { .lab = lab, .options = o ? o : &nothing, .problems = { .arena = arena } };

	lab->arena = arena;
	lab->file = arena_strdup(arena, file);
	s.dir = arena_strdup(arena, dir);
	if (s.options->config)
		config_apply(s.options->config, lab, s.options->has);
	schema_read(&s, text, len, lab_keys);
	lab->origins = s.origins;
	lab->origin_count = s.origin_count;
	lab_complete(&s);
	lab_check(&s);
	if (source_finish(&s, e) < 0)
		return -1;
	*ret_lab = steal(lab);
	return 0;
}

/* Directory of an absolute path, which the caller frees; NULL when @file is relative or NULL. */
static char *dir_of(const char *file)
{
	const char *slash = file && file[0] == '/' ? strrchr(file, '/') : NULL;

	return slash ? strndup(file, slash > file ? (size_t)(slash - file) : 1) : NULL;
}

int lab_parse(const char *text, size_t len, const char *file, const struct lab_options *o, struct lab **ret_lab,
	      struct fail *e)
{
	auto_(free) char *dir = dir_of(file);

	return lab_build(text, len, file, o && o->dir ? o->dir : dir, o, ret_lab, e);
}

int lab_load(const char *path, const struct lab_options *o, struct lab **ret_lab, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = {0};
	auto_(free) char *full = path ? realpath(path, NULL) : NULL, *dir = dir_of(full);

	struct stat st;

	if (path && stat(path, &st) == 0 && st.st_size > LAB_FILE_MAX_BYTES)
		return fail(e, FAIL_LAB, "%s: larger than 1 MiB", path);
	if (path && file_read(path, LAB_FILE_MAX_BYTES, &text, e) < 0) {
		if (e->code == FAIL_NOT_FOUND)
			fail_next(e, "labctl create N (without a lab file), or man 5 lab (its format)");
		return -1;
	}
	return lab_build(strbuf_text(&text), text.len, path, dir, o, ret_lab, e);
}

int lab_set_cluster(struct lab *lab, const char *kind, const char *archive, struct fail *e)
{
	struct lab_options o = { .kind = kind, .archive = archive };
	struct source s = { .lab = lab, .options = &o, .problems = { .arena = lab->arena } };
	struct cluster before = lab->cluster;
	auto_(strbuf_clear) struct strbuf why = { 0 };
	const char *image;

	if (before.recipe && strcmp(before.recipe->kind, kind))
		return fail(e, FAIL_LAB, "lab %s is a cluster of kind %s, not %.40s", lab->name, before.recipe->kind, kind);
	if (!before.recipe) {
		lab->cluster.recipe = recipe_find(kind);
		if (!lab->cluster.recipe)
			return fail(e, FAIL_LAB, "unknown kind '%.40s'", kind);
		cluster_complete(&s);
	}
	if (archive)
		lab->cluster.archive = arena_strdup(lab->arena, archive);
	cluster_check(&s);
	if (source_finish(&s, e) == 0)
		return 0;
	image = platform_image(kind, lab->cluster.archive);
	if (image && !platform_accepts(kind, lab->cluster.archive, lab->release, &why))
		fail_next(e, "labctl -l %s destroy && labctl -l %s create %u --image %s", lab->name, lab->name, lab->node_count, image);
	lab->cluster = before;
	for (unsigned i = 0; i < lab->node_count && !before.recipe; i++) {
		lab->nodes[i].roles = 0;
		memset(lab->nodes[i].role_index, 0, sizeof lab->nodes[i].role_index);
	}
	return -1;
}

const char *lab_source(const struct sources *sources, const char *kind)
{
	const char *base = (const char *)sources - offsetof(struct lab, sources);

	for (const struct key *k = sources_keys; k->name; k++)
		if (!strcmp(k->name, kind))
			return *(const char *const *)(base + k->offset);
	return NULL;
}

int lab_default_source(struct lab *lab, const struct config *config, struct fail *e)
{
	const struct recipe *r = lab->cluster.recipe;
	auto_(strbuf_clear) struct strbuf why = { 0 };
	const char *source;

	if (!r || !r->build || lab->cluster.archive || (r->software && lab_boots_disk(lab)))
		return 0;
	source = lab_source(&lab->sources, r->kind);
	if (!source && config)
		source = lab_source(&config->lab.sources, r->kind);
	if (!source)
		source = platform_source(r->kind, lab->release);
	if (!source)
		source = r->source;
	if (!source)
		return 0;
	if (!platform_accepts(r->kind, source, lab->release, &why)) {
		fail(e, FAIL_LAB, "sources.%s: %s", r->kind, strbuf_text(&why));
		return fail_next(e, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, r->kind);
	}
	lab->cluster.archive = arena_strdup(lab->arena, source);
	return 0;
}
