/* SPDX-License-Identifier: PostgreSQL */
/*
 * What was not the same when two runs were measured: everything in spec and evidence, flat. Which differences make a
 * comparison meaningless, and which are no differences, is a table. All others are what the comparison is about: named, not
 * judged.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "strbuf.h"

#define DEPTH_MAX 16
#define DIFFERENCES_MAX 1000u

enum weight { IGNORED, GRAVE };
/* .what NULL = the whole section. */
static const struct { const char *where, *what; enum weight weight; const char *why; } weights[] = {
	{ "host", "cpu", GRAVE, "the hosts have different processors" },
	{ "host", "cores", GRAVE, "the hosts have different numbers of cores" },
	{ "host", "load average before", IGNORED, NULL },
	{ "run", "time_s", GRAVE, "the measurements have different lengths" },
	{ "run", "shared host", GRAVE, "the machines of only one run fit into the cores of its host" },
	{ "spec", "scale", GRAVE, "the data have different sizes" },
	/* What one run measured more often, or in another order, is no other circumstance. */
	{ "spec", "seed", IGNORED, NULL },
	{ "spec", "repeats", IGNORED, NULL },
	{ "spec", "repeats_max", IGNORED, NULL },
	{ "spec", "precision", IGNORED, NULL },
	{ "spec", "budget_s", IGNORED, NULL },
	{ "spec", "time_s", IGNORED, NULL }, /* a member of the run */
	{ "spec", "stop_on_failure", IGNORED, NULL },
	/* The points say it. */
	{ "spec", "targets", IGNORED, NULL },
	{ "spec", "clients", IGNORED, NULL },
	{ "spec", "rates", IGNORED, NULL },
};

struct found { struct arena *arena; struct compare *c; };

static int weight_of(const char *where, const char *what)
{
	for (size_t i = 0; i < ARRAY_COUNT(weights); i++)
		if (!strcmp(weights[i].where, where) && (!weights[i].what || !strcmp(weights[i].what, what)))
			return (int)i;
	return -1;
}

static void object_to(struct found *f, const char *text)
{
	*arena_push(f->arena, f->c->objections, f->c->objection_count) = text;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void add(struct found *f, const char *where, const char *what, const char *a, const char *b)
{
	static const char *const sections[] = { "host", "lab", "run", "spec", "point" };
	int weight = weight_of(where, what);
	struct compare_difference *d;
	bool node = true;

	if ((weight >= 0 && weights[weight].weight == IGNORED) || f->c->difference_count >= DIFFERENCES_MAX)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		node = node && strcmp(sections[i], where) != 0;
	/* The same setting on every node is one difference. */
	for (unsigned i = 0; node && i < f->c->difference_count; i++) {
		d = &f->c->differences[i];
		if (!strcmp(d->what, what) && same_text(d->a, a) && same_text(d->b, b)) {
			d->also++;
			return;
		}
	}
	d = arena_push(f->arena, f->c->differences, f->c->difference_count);
	*d = (struct compare_difference) { .where = arena_strdup(f->arena, where), .what = arena_strdup(f->arena, what),
					   .a = arena_strdup(f->arena, a), .b = arena_strdup(f->arena, b), .grave = weight >= 0 };
	if (weight >= 0)
		object_to(f, weights[weight].why);
}

/* Lines of one text that the other has not, in its order. */
static void add_lines(struct found *f, const char *where, const char *what, const char *of, const char *in, bool of_a)
{
	auto_(strbuf_clear) struct strbuf other = { 0 };

	strbuf_printf(&other, "\n%s\n", in);
	for (const char *line = of; *line;) {
		size_t len = strcspn(line, "\n");
		auto_(strbuf_clear) struct strbuf wanted = { 0 };

		strbuf_printf(&wanted, "\n%.*s\n", (int)len, line);
		if (!strstr(strbuf_text(&other), strbuf_text(&wanted))) {
			const char *text = arena_strndup(f->arena, line, len);

			add(f, where, what, of_a ? text : NULL, of_a ? NULL : text);
		}
		line += len + (line[len] == '\n');
	}
}

static void compare_texts(struct found *f, const char *where, const char *what, const char *a, const char *b)
{
	if (same_text(a, b))
		return;
	if (a && b && (strchr(a, '\n') || strchr(b, '\n'))) {
		add_lines(f, where, what, a, b, true);
		add_lines(f, where, what, b, a, false);
		return;
	}
	add(f, where, what, a, b);
}

static const char *text_of(const json_t *v, struct arena *a)
{
	char *dumped;
	const char *text;

	if (!v || json_is_null(v))
		return NULL;
	if (json_is_string(v))
		return json_string_value(v);
	dumped = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
	text = arena_strdup(a, dumped ? dumped : "");
	free(dumped);
	return text;
}

/* A list of objects with names as an object; anything else as it is. New reference. */
static json_t *by_name(const json_t *v)
{
	json_t *o = json_object(), *item;
	size_t i;

	json_array_foreach(v, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));

		if (!name)
			break;
		json_object_set(o, name, item);
	}
	if (i && i == json_array_size(v))
		return o;
	json_decref(o);
	return json_incref((json_t *)v);
}

static void compare_values(struct found *f, const char *where, const char *path, const json_t *a, const json_t *b, unsigned depth);

static void compare_members(struct found *f, const char *where, const char *path, const json_t *a, const json_t *b, unsigned depth)
{
	json_t *x = by_name(a), *y = by_name(b);

	compare_values(f, where, path, x, y, depth);
	json_decref(x);
	json_decref(y);
}

/* Objects member by member, everything else as a whole. */
static void compare_values(struct found *f, const char *where, const char *path, const json_t *a, const json_t *b, unsigned depth)
{
	const json_t *const sides[] = { a, b };

	if (!(json_is_object(a) || json_is_object(b)) || (a && b && json_typeof(a) != json_typeof(b)) || depth == DEPTH_MAX) {
		compare_texts(f, where, path, text_of(a, f->arena), text_of(b, f->arena));
		return;
	}
	for (int side = 0; side < 2; side++) {
		const char *key;
		json_t *value;

		json_object_foreach((json_t *)sides[side], key, value) {
			if (side == 1 && json_object_get(a, key))
				continue; /* seen */
			compare_members(f, where, *path ? arena_printf(f->arena, "%s.%s", path, key) : key, json_object_get(a, key),
					json_object_get(b, key), depth + 1);
		}
	}
}

static void compare_evidence(struct found *f, const json_t *a, const json_t *b)
{
	const json_t *const sides[] = { a, b };

	for (int side = 0; side < 2; side++) {
		const char *section;
		json_t *value;

		json_object_foreach((json_t *)sides[side], section, value)
			if (side == 0 || !json_object_get(a, section))
				compare_members(f, section, "", json_object_get(a, section), json_object_get(b, section), 0);
	}
}

static void compare_numbers(struct found *f, const char *what, double a, double b)
{
	if (fabs(a - b) > 1e-9 * fmax(fabs(a), fabs(b)))
		add(f, "run", what, arena_printf(f->arena, "%g", a), arena_printf(f->arena, "%g", b));
}

/* Points of one name that are not the same: the rate of an open loop follows the capacity, so it may differ a little. */
static void compare_points(struct found *f, const struct bench_run *a, const struct bench_run *b)
{
	for (unsigned i = 0; i < a->point_count; i++)
		for (unsigned k = 0; k < b->point_count; k++) {
			const struct bench_point *p = &a->points[i], *q = &b->points[k];

			if (!strcmp(p->name, q->name) && fabs(p->rate_tps - q->rate_tps) > 0.01 * fmax(p->rate_tps, q->rate_tps))
				add(f, "point", p->name, arena_printf(f->arena, "%.0f tps", p->rate_tps),
				    arena_printf(f->arena, "%.0f tps", q->rate_tps));
		}
}

static bool has_variants(const struct bench_run *run)
{
	for (unsigned i = 0; i < run->measure_count; i++)
		if (run->measures[i].variant)
			return true;
	return false;
}

/* The grave ones first, otherwise in the order in which they were found. */
static void sort(struct compare *c, struct arena *arena)
{
	struct compare_difference *sorted = arena_alloc(arena, (c->difference_count + 1) * sizeof *sorted);
	unsigned count = 0;

	for (int grave = 1; grave >= 0; grave--)
		for (unsigned i = 0; i < c->difference_count; i++)
			if (c->differences[i].grave == grave)
				sorted[count++] = c->differences[i];
	c->differences = sorted;
}

void compare_circumstances(const struct bench_run *a, const struct bench_run *b, struct arena *arena, struct compare *c)
{
	struct found f = { .arena = arena, .c = c };

	if (a->started_ms == b->started_ms && a->seed == b->seed && !strcmp(a->lab, b->lab))
		object_to(&f, "both are the same run");
	if (has_variants(a) || has_variants(b))
		object_to(&f, "a run with variants is a comparison itself: `labctl bench report` shows it");
	if (!c->point_count)
		object_to(&f, "the runs have no point in common");
	compare_texts(&f, "run", "labctl", a->labctl, b->labctl);
	compare_texts(&f, "run", "lab", a->lab, b->lab);
	compare_texts(&f, "run", "kind", a->kind, b->kind);
	compare_texts(&f, "run", "shared host", a->shared_host ? "yes" : "no", b->shared_host ? "yes" : "no");
	compare_numbers(&f, "cpu_quota", a->cpu_quota, b->cpu_quota);
	compare_numbers(&f, "time_s", a->time_s, b->time_s);
	compare_texts(&f, "run", "scale_role", a->scale_role, b->scale_role);
	compare_numbers(&f, "scale_count", a->scale_count, b->scale_count);
	compare_points(&f, a, b);
	compare_members(&f, "spec", "", a->spec, b->spec, 0);
	compare_evidence(&f, a->evidence, b->evidence);
	sort(c, arena);
}
