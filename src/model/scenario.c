/* SPDX-License-Identifier: PostgreSQL */
#include "scenario.h"

#include <stddef.h>
#include <string.h>

#include "fault.h"
#include "lab_source.h"
#include "suggest.h"
#include "when.h"

#define WORDS_MAX 64u
#define WRITERS 2u
#define RATE 100u
#define RATE_MAX 10000u
#define TIMEOUT_S 600          /* of a step that names none */
#define LAST_S (24 * 60 * 60)  /* nothing begins later */

static const char *const inject[] = { "fault", "inject", NULL }, *const heal[] = { "fault", "heal", NULL }, *const nothing[] = { NULL },
		  *const sql[] = { "psql", "--", "-XAtqc", NULL }, *const wait_for[] = { "wait", "--for", NULL };

const struct scenario_act scenario_acts[] = {
	{ "inject", inject, false },
	{ "heal", heal, false },
	{ "command", nothing, false },
	{ "sql", sql, true },
	{ "wait", wait_for, false },
	{ 0 },
};

struct raw_step { const char *at, *timeout, *expect, *acts[ARRAY_COUNT(scenario_acts)]; unsigned status; };

#define STEP(field) .offset = offsetof(struct raw_step, field)
/* The first rows are those of scenario_acts, in their order. */
static const struct key step_keys[] = {
	{ "inject", KEY_TEXT, STEP(acts[0]) },
	{ "heal", KEY_TEXT, STEP(acts[1]) },
	{ "command", KEY_TEXT, STEP(acts[2]) },
	{ "sql", KEY_TEXT, STEP(acts[3]) },
	{ "wait", KEY_TEXT, STEP(acts[4]) },
	{ "at", KEY_TEXT, STEP(at) },
	{ "expect", KEY_TEXT, STEP(expect) },
	{ "status", KEY_NUMBER, STEP(status), .max = 255 },
	{ "timeout", KEY_TEXT, STEP(timeout) },
	{ 0 },
};

static void steps_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);

#define SCENARIO(field) .offset = offsetof(struct scenario, field)
static const struct key scenario_keys[] = {
	{ "kind", KEY_TEXT, SCENARIO(kind) },
	{ "writers", KEY_NUMBER, SCENARIO(writers), .max = SCENARIO_WRITERS_MAX },
	{ "rate", KEY_NUMBER, SCENARIO(rate), .min = 1, .max = RATE_MAX },
	{ "may_lose", KEY_NUMBER, SCENARIO(may_lose), .max = 1000000 },
	{ "steps", KEY_CUSTOM, .read = steps_read },
	{ 0 },
};

/* Splits @text at blanks; '...' and "..." keep theirs. False: a quote is not closed, or there are too many words. */
static bool split(struct arena *a, const char *text, const char **words, unsigned *count)
{
	while (*(text += strspn(text, " "))) {
		char *word = arena_alloc(a, strlen(text) + 1), *end = word, quote = 0;

		for (; *text && (quote || *text != ' '); text++) {
			if (quote ? *text == quote : *text == '\'' || *text == '"')
				quote = quote ? 0 : *text;
			else
				*end++ = *text;
		}
		if (quote || *count >= WORDS_MAX)
			return false;
		words[(*count)++] = word;
	}
	return true;
}

static void words_of(struct source *s, struct scenario_step *step, const char *path)
{
	const char **words = arena_alloc(s->lab->arena, (WORDS_MAX + 8) * sizeof *words);
	unsigned count = 0;

	for (const char *const *w = step->act->before; *w; w++)
		words[count++] = *w;
	if (step->act->whole)
		words[count++] = step->text;
	else if (!split(s->lab->arena, step->text, words, &count))
		source_problem(s, path, "'%.80s' has a quote that is not closed, or more than %u words", step->text, WORDS_MAX);
	step->words = words;
}

static int64_t read_time(struct source *s, const char *path, const char *key, const char *text, int64_t otherwise_ms)
{
	int64_t seconds;

	if (!text)
		return otherwise_ms;
	if (duration_parse(text, &seconds) && seconds <= LAST_S)
		return seconds * 1000;
	source_problem(s, arena_printf(s->lab->arena, "%s.%s", path, key), "'%.40s' is not a time of at most a day: 30s, 5m", text);
	return otherwise_ms;
}

/* The fault of `inject`, so that a scenario with a wrong word ends before it begins. */
static void check_kind(struct source *s, const struct scenario_step *step, const char *path)
{
	const char *names[64], *word = step->words[2];
	struct fail f = { 0 };
	unsigned n = 0;

	if (step->act != &scenario_acts[0] || !word || fault_kind(word))
		return;
	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		names[n++] = k->name;
	names[n] = NULL;
	suggest_fail(&f, "unknown fault", word, names);
	source_problem(s, path, "%s", f.text);
}

static void step_read(struct source *s, yaml_node_t *node, const char *path)
{
	struct scenario *all = (struct scenario *)s->lab;
	struct raw_step raw = { 0 };
	struct scenario_step step = { 0 };
	unsigned acts = 0;

	schema_origin(s, path, node);
	schema_read_map(s, node, step_keys, &raw, path);
	for (unsigned i = 0; scenario_acts[i].key; i++)
		if (raw.acts[i]) {
			step.act = &scenario_acts[i];
			step.text = raw.acts[i];
			acts++;
		}
	if (acts != 1) {
		source_problem(s, path, "needs one of inject, heal, command, sql, wait%s", acts ? ", not several" : "");
		return;
	}
	if (raw.expect && strcmp(step.act->key, "sql") != 0)
		source_problem(s, path, "expect is for sql");
	step.at_ms = read_time(s, path, "at", raw.at, -1);
	step.timeout_ms = read_time(s, path, "timeout", raw.timeout, TIMEOUT_S * 1000);
	step.expect = raw.expect;
	step.status = raw.status;
	words_of(s, &step, path);
	check_kind(s, &step, arena_printf(s->lab->arena, "%s.%s", path, step.act->key));
	for (unsigned i = all->step_count; i-- > 0;) {
		if (all->steps[i].at_ms < 0)
			continue;
		if (step.at_ms >= 0 && step.at_ms < all->steps[i].at_ms)
			source_problem(s, arena_printf(s->lab->arena, "%s.at", path), "is before the step above it");
		break;
	}
	*arena_push(s->lab->arena, all->steps, all->step_count) = step;
}

static void steps_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	unsigned n = 0;

	(void)k;
	if (node->type != YAML_SEQUENCE_NODE || node->data.sequence.items.top - node->data.sequence.items.start > SCENARIO_STEPS_MAX) {
		source_problem(s, path, "must be a list of at most %u steps: {at: 10s, inject: kill 1}", SCENARIO_STEPS_MAX);
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
		step_read(s, yaml_document_get_node(s->doc, *i), arena_printf(s->lab->arena, "%s[%u]", path, ++n));
}

int scenario_parse(const char *text, size_t len, const char *file, struct arena *a, struct scenario **ret, struct fail *e)
{
	static const struct lab_options options = { 0 };
	struct scenario *c = arena_new_of(a, struct scenario);
	struct source s = { .lab = &c->lab, .options = &options, .problems = { .arena = a } };

	c->lab.arena = a;
	c->lab.file = arena_strdup(a, file);
	c->writers = WRITERS;
	c->rate = RATE;
	schema_read(&s, text, len, scenario_keys);
	if (c->kind && !recipe_find(c->kind))
		source_problem(&s, "kind", "unknown kind '%.40s'", c->kind);
	if (!c->step_count && !s.problems.count)
		problem_add(&s.problems, 0, "steps", "has no step");
	*ret = c;
	return source_finish(&s, e);
}
