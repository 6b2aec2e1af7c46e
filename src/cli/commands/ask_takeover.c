/* SPDX-License-Identifier: PostgreSQL */
#include "ask_takeover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask_roles.h"
#include "clock.h"
#include "outputs.h"
#include "pool.h"
#include "recipe.h"
#include "sessions.h"
#include "sql.h"

#define ASK_MS 10000    /* a busy server is not a dead one */
#define COUNT_MS 120000 /* to read WAL */
#define THREADS 64      /* they only wait for nodes */

/* By SQL, or by a rule. */
struct question { struct runtime *rt; const struct node *node; unsigned port; const char *sql; const struct rule *rule; struct standing *answer; };

static void take(struct standing *s, const char *name, long long value)
{
	if (!strcmp(name, "recovers"))
		s->recovers = value != 0;
	else if (!strcmp(name, "streams"))
		s->streams = value != 0;
	else if (!strcmp(name, "wal"))
		s->wal = (uint64_t)value;
	else if (!strcmp(name, "replayed"))
		s->replayed = (uint64_t)value;
	else if (!strcmp(name, "age_ms"))
		s->age_ms = value;
	else if (!strcmp(name, "sessions"))
		s->sessions = (unsigned)value;
	else if (!strcmp(name, "writing"))
		s->writing = (unsigned)value;
	s->answers = true;
}

static void take_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct standing *s = ctx;

	for (int i = 0; i < columns; i++)
		take(s, names[i], values[i] ? strtoll(values[i], NULL, 10) : 0);
}

/* Runs a rule that changes nothing; @line sees each line that it prints. -1 if it cannot be run, or fails. */
static int run_rule(struct runtime *rt, const struct node *n, const struct rule *rule, int64_t within_ms, void (*line)(void *, const char *), void *ctx)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 }, err = { 0 };
	struct step step = { .verb = VERB_NODE_SCRIPT, .node = n, .rule = rule };
	struct ssh_run run = { .command = "exec bash --norc --noprofile -s", .line = line, .line_ctx = ctx, .err = &err,
			       .deadline_ms = clock_after_ms(within_ms) };
	struct fail ignored = { 0 };
	const struct payload *p;
	struct ssh *s;
	int status = 0, r;

	if (plan_payload(runtime_lab(rt), runtime_library(rt), &step, NULL, a, &p, &ignored) < 0 ||
	    runtime_resolve(rt, p->script, &text, &ignored) < 0 ||
	    session_get_within(runtime_sessions(rt), n, ASK_MS, run.deadline_ms, &s, &ignored) < 0)
		return -1;
	run.input = text.text;
	run.input_len = text.len;
	r = ssh_run(s, &run, &status, &ignored);
	session_done(runtime_sessions(rt), n, r < 0);
	explicit_bzero(text.text, text.len);
	return r == 0 && status == 0 ? 0 : -1;
}

/* "::value NAME N" */
static void take_value(void *ctx, const char *line)
{
	char name[32];
	long long value;

	if (sscanf(line, "::value %31s %lld", name, &value) == 2)
		take(ctx, name, value);
}

static void ask(void *questions, unsigned i)
{
	const struct question *q = (const struct question *)questions + i;
	auto_(sql_close) struct sql *sql = NULL;
	struct fail ignored = { 0 };
	int64_t deadline = clock_after_ms(ASK_MS);

	if (q->rule)
		run_rule(q->rt, q->node, q->rule, ASK_MS, take_value, q->answer);
	else if (runtime_sql(q->rt, q->node, q->port, NULL, false, deadline, &sql, &ignored) == 0)
		sql_rows(sql, q->sql, NULL, deadline, take_row, q->answer, &ignored);
}

static const struct rule *asking_rule(const struct takeover *t, const char *role)
{
	for (const struct rule *r = t->asks; r && r->id; r++)
		if (!strcmp(r->on, role))
			return r;
	return NULL;
}

void ask_standings(struct cli *c, struct runtime *rt, const struct lab *lab, const struct facts *facts, const struct standing **ret)
{
	const struct takeover *t = lab->cluster.recipe->takeover;
	struct standing *all = arena_alloc(c->arena, lab->node_count * sizeof *all);
	struct question *questions = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		const struct fact_domain *d = ask_domain(facts, n);
		int role = lab_role(lab, t->role), from = lab_role(lab, t->from);

		all[i].on = d && d->active && !d->lost;
		all[i].age_ms = -1;
		if (!all[i].on || (!node_has_role(n, role) && !node_has_role(n, from)))
			continue;
		*arena_push(c->arena, questions, count) =
			(struct question){ rt, n, lab->cluster.places[node_has_role(n, role) ? role : from].port,
					   t->standing ? library_text(c->lib, t->standing) : NULL,
					   asking_rule(t, node_has_role(n, role) ? t->role : t->from), &all[i] };
	}
	pool_run(count, THREADS, ask, questions);
	*ret = all;
}

static void take_count(void *ctx, const char *line)
{
	static const char word[] = "::value lost ";
	int64_t *lost = ctx;

	if (!strncmp(line, word, sizeof word - 1))
		*lost = strtoll(line + sizeof word - 1, NULL, 10);
}

int64_t ask_lost(struct runtime *rt, const struct node *n, uint64_t has)
{
	const struct takeover *t = runtime_lab(rt)->cluster.recipe->takeover;
	int64_t lost = LOST_UNKNOWN;

	if (!t->lost)
		return 0;
	outputs_set(runtime_outputs(rt), "has", has);
	return run_rule(rt, n, t->lost, COUNT_MS, take_count, &lost) < 0 ? LOST_UNKNOWN : lost;
}
