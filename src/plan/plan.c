/* SPDX-License-Identifier: PostgreSQL */
/*
 * Builds the graph and finishes it: ids become positions, and steps are sorted so that
 * each comes after all that it waits for. The sort is stable: otherwise steps keep the
 * order in which they were added.
 */
#include <stdint.h>
#include <string.h>

#include "plan.h"
#include "plan_build.h"
#include "strbuf.h"

const char *const verb_names[VERB_COUNT] = {
#define VERB_NAME(id, function, name, timeout, needs, text) [VERB_##id] = name,
	VERBS(VERB_NAME)
#undef VERB_NAME
};

const unsigned verb_timeout_s[VERB_COUNT] = {
#define VERB_TIMEOUT(id, function, name, timeout, needs, text) [VERB_##id] = timeout,
	VERBS(VERB_TIMEOUT)
#undef VERB_TIMEOUT
};

const unsigned char verb_needs[VERB_COUNT] = {
#define VERB_NEEDS(id, function, name, timeout, needs, text) [VERB_##id] = needs,
	VERBS(VERB_NEEDS)
#undef VERB_NEEDS
};

#define NONE UINT32_MAX

/* A step that was waited for before it was added: rare, the builders add in order. */
struct later { unsigned step, edge; const char *id; };

/* A plan under construction. Its items never move, so that plan_add() can return them. */
struct growing {
	struct plan plan;           /* first member: callers have a pointer to it */
	struct step **items;        /* in the order of plan_add(); .after counts in this order */
	unsigned count;
	struct later *laters; unsigned later_count;
	unsigned *slots;            /* open addressing: position of the step with an id, or NONE */
	unsigned slot_count;        /* a power of two */
	const char *twice;          /* first id that was added twice */
};

static uint32_t hash_of(const char *id)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619u;
	return h ^ h >> 15;
}

/* The slot that holds @id, or the free slot where it belongs. */
static unsigned *slot_of(const struct growing *g, const char *id)
{
	unsigned at = hash_of(id) & (g->slot_count - 1);

	while (g->slots[at] != NONE && strcmp(g->items[g->slots[at]]->id, id) != 0)
		at = (at + 1) & (g->slot_count - 1);
	return &g->slots[at];
}

static void rehash(struct growing *g)
{
	g->slot_count = g->slot_count ? g->slot_count * 4 : 256;
	g->slots = arena_alloc(g->plan.arena, g->slot_count * sizeof *g->slots);
	memset(g->slots, 0xff, g->slot_count * sizeof *g->slots);
	for (unsigned i = 0; i < g->count; i++)
		*slot_of(g, g->items[i]->id) = i;
}

struct plan *plan_new(const char *command, const struct lab *lab)
{
	struct arena *a = arena_new();
	struct growing *g = arena_new_of(a, struct growing);

	g->plan = (struct plan){ .command = command, .lab = lab, .arena = a };
	rehash(g);
	return &g->plan;
}

void plan_free(struct plan *p)
{
	if (p)
		arena_free(p->arena); /* the plan itself is in it */
}

static struct step *add(struct plan *p, enum verb verb, const struct node *node, const char *id, const char *title)
{
	struct growing *g = (struct growing *)p;
	struct step *s = arena_new_of(p->arena, struct step);
	unsigned *slot;

	*s = (struct step){ .id = arena_strdup(p->arena, id), .verb = verb, .node = node, .title = title,
			    .timeout_ms = (int64_t)verb_timeout_s[verb] * 1000 };
	if (g->count * 2 >= g->slot_count)
		rehash(g);
	slot = slot_of(g, s->id);
	if (*slot != NONE && !g->twice)
		g->twice = s->id;
	*slot = g->count;
	*arena_push(p->arena, g->items, g->count) = s;
	return s;
}

const char *plan_on(struct plan *p, const char *id, unsigned host)
{
	return host ? arena_printf(p->arena, "%s/%s", id, p->lab->hosts[host].name) : id;
}

struct step *plan_open_host(struct plan *p, unsigned host)
{
	struct growing *g = (struct growing *)p;
	const char *id = plan_on(p, verb_names[VERB_HOST_OPEN], host);
	struct step *s;

	if (*slot_of(g, id) != NONE)
		return g->items[*slot_of(g, id)];
	s = add(p, VERB_HOST_OPEN, NULL, id, arena_printf(p->arena, "connect to %s", p->lab->hosts[host].ssh));
	s->host = host;
	return s;
}

struct step *plan_add_at(struct plan *p, unsigned host, enum verb verb, const struct node *node, const char *id, const char *title)
{
	struct step *open = host ? plan_open_host(p, host) : NULL, *s = add(p, verb, node, id, title);

	s->host = host;
	if (open)
		plan_after(p, s, open->id);
	return s;
}

struct step *plan_add(struct plan *p, enum verb verb, const struct node *node, const char *id, const char *title)
{
	return plan_add_at(p, node && verb_needs[verb] & NEEDS_HOST ? node->host : 0, verb, node, id, title);
}

void plan_after(struct plan *p, struct step *step, const char *id)
{
	struct growing *g = (struct growing *)p;
	unsigned before = *slot_of(g, id);

	for (unsigned i = 0; before != NONE && i < step->after_count; i++)
		if (step->after[i] == before)
			return;
	if (before == NONE) {
		unsigned at = *slot_of(g, step->id);

		for (unsigned i = 0; i < g->later_count; i++)
			if (g->laters[i].step == at && !strcmp(g->laters[i].id, id))
				return;
		*arena_push(p->arena, g->laters, g->later_count) =
			(struct later){ at, step->after_count, arena_strdup(p->arena, id) };
	}
	*arena_push(p->arena, step->after, step->after_count) = before;
}

void plan_after_ends(struct plan *p, struct step *s)
{
	struct growing *g = (struct growing *)p;
	auto_(free) bool *waited_for = calloc(g->count, sizeof *waited_for);

	if (!waited_for)
		abort();
	for (unsigned i = 0; i < g->count; i++)
		for (unsigned k = 0; k < g->items[i]->after_count; k++)
			if (g->items[i]->after[k] != NONE)
				waited_for[g->items[i]->after[k]] = true;
	for (unsigned i = 0; i + 1 < g->count; i++)
		if (!waited_for[i])
			*arena_push(p->arena, s->after, s->after_count) = i;
}

void plan_after_host(struct plan *p, struct step *s)
{
	struct growing *g = (struct growing *)p;

	for (unsigned i = 0; i + 1 < g->count; i++)
		if (g->items[i]->host == s->host)
			plan_after(p, s, g->items[i]->id);
}

static int resolve(struct growing *g, struct fail *e)
{
	if (g->twice)
		return fail(e, FAIL_OTHER, "plan: two steps are named %s", g->twice);
	for (unsigned i = 0; i < g->later_count; i++) {
		const struct later *l = &g->laters[i];
		unsigned before = *slot_of(g, l->id);

		if (before == NONE)
			return fail(e, FAIL_OTHER, "plan: %s waits for %s, which does not exist", g->items[l->step]->id, l->id);
		g->items[l->step]->after[l->edge] = before;
	}
	return 0;
}

/* Depth-first walk without recursion: a chain may be as long as the plan. */
struct walk {
	struct growing *g;
	unsigned *path, depth;  /* steps on the current path, the newest last */
	unsigned *cursor;       /* per step: edges visited so far */
	enum { UNSEEN, ON_PATH, PLACED } *state;
	unsigned *position;     /* per step, when placed */
	unsigned placed;
};

static int complain_cycle(const struct walk *w, unsigned again, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf chain = { 0 };
	unsigned from = w->depth;

	while (w->path[--from] != again)
		;
	/* The path leads from a step to what it waits for; the chain is printed in the order of execution. */
	strbuf_str(&chain, w->g->items[again]->id);
	for (unsigned i = w->depth; i-- > from;)
		strbuf_printf(&chain, " -> %s", w->g->items[w->path[i]]->id);
	return fail(e, FAIL_OTHER, "plan: steps wait for each other: %s", strbuf_text(&chain));
}

static int place(struct walk *w, unsigned start, struct fail *e)
{
	w->path[w->depth++] = start;
	w->state[start] = ON_PATH;
	while (w->depth) {
		unsigned at = w->path[w->depth - 1];
		const struct step *s = w->g->items[at];

		if (w->cursor[at] == s->after_count) {
			w->state[at] = PLACED;
			w->position[at] = w->placed++;
			w->depth--;
			continue;
		}
		at = s->after[w->cursor[at]++];
		if (w->state[at] == ON_PATH)
			return complain_cycle(w, at, e);
		if (w->state[at] == UNSEEN) {
			w->path[w->depth++] = at;
			w->state[at] = ON_PATH;
		}
	}
	return 0;
}

int plan_finish(struct plan *p, struct fail *e)
{
	struct growing *g = (struct growing *)p;
	auto_(arena_free) struct arena *a = arena_new();
	size_t n = g->count ? g->count : 1;
	struct walk w = { .g = g, .path = arena_alloc(a, n * sizeof *w.path), .cursor = arena_alloc(a, n * sizeof *w.cursor),
			  .state = arena_alloc(a, n * sizeof *w.state), .position = arena_alloc(a, n * sizeof *w.position) };

	if (resolve(g, e) < 0)
		return -1;
	for (unsigned i = 0; i < g->count; i++)
		if (w.state[i] == UNSEEN && place(&w, i, e) < 0)
			return -1;
	p->steps = arena_alloc(p->arena, n * sizeof *p->steps);
	p->step_count = g->count;
	for (unsigned i = 0; i < g->count; i++) {
		struct step *s = &p->steps[w.position[i]];

		*s = *g->items[i];
		for (unsigned k = 0; k < s->after_count; k++)
			s->after[k] = w.position[s->after[k]];
	}
	return 0;
}
