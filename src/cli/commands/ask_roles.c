/* SPDX-License-Identifier: PostgreSQL */
#include "ask_roles.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "plural.h"
#include "pool.h"
#include "recipe.h"
#include "sessions.h"
#include "sql.h"

#define ASK_MS 5000     /* limit for a statement: a busy server is not a dead one; what takes longer is reported as not answering */
#define ASK_THREADS 256 /* threads only wait for nodes */
#define SCRIPT_MS 15000 /* limit for a script: a login takes seconds under emulation */

const struct role_place *ask_place(const struct asked *q)
{
	return &runtime_lab(q->rt)->cluster.places[q->role];
}

static const struct rule *status_rule(const struct recipe *r, const char *role)
{
	for (const struct rule *rule = r->status; rule && rule->id; rule++)
		if (!strcmp(rule->on, role))
			return rule;
	return NULL;
}

/* Makes the rule's text for this node, with placeholders replaced. */
static int status_text(const struct asked *q, const struct rule *rule, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct step step = { .verb = rule->verb == RULE_SQL ? VERB_NODE_SQL : VERB_NODE_SCRIPT, .node = q->node, .rule = rule };
	const struct payload *p;

	if (plan_payload(runtime_lab(q->rt), runtime_library(q->rt), &step, NULL, a, &p, e) < 0)
		return -1;
	return runtime_resolve(q->rt, rule->verb == RULE_SQL ? p->sql : p->script, out, e);
}

static void add_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	(void)names;
	for (int i = 0; i < columns; i++)
		strbuf_printf(ctx, "%s%s", i ? "\t" : "", values[i] ? values[i] : "");
	strbuf_char(ctx, '\n');
}

/* What is said of a server that works. It is up even if one of these fails or takes too long; .unknown says so then. */
static void ask_more(struct asked *q, struct sql *sql)
{
	auto_(strbuf_clear) struct strbuf value = { 0 };
	int rows = 0;

	if (q->blocked && sql_value(sql, q->blocked, clock_after_ms(ASK_MS), &value, &rows, &q->unknown) == 0)
		q->blocked_count = strtol(strbuf_text(&value), NULL, 10);
	if (q->figures)
		sql_rows(sql, q->figures, NULL, clock_after_ms(ASK_MS), add_row, &q->figure_lines, &q->unknown);
	if (q->prepared)
		sql_rows(sql, q->prepared, NULL, clock_after_ms(ASK_MS), add_row, &q->prepared_lines, &q->unknown);
	if (q->registered)
		q->registered_known = sql_rows(sql, q->registered, NULL, clock_after_ms(ASK_MS), add_row, &q->registered_lines, &q->unknown) == 0;
}

static int ask_sql(struct asked *q, const struct rule *rule, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, value = { 0 };
	auto_(sql_close) struct sql *sql = NULL;
	const char *acts_as = runtime_lab(q->rt)->cluster.recipe->roles[q->role].acts_as;
	int rows = 0;

	if (rule && status_text(q, rule, &text, e) < 0)
		return -1;
	if (runtime_sql(q->rt, q->node, ask_place(q)->port, NULL, false, clock_after_ms(ASK_MS), &sql, e) < 0)
		return -1;
	if (acts_as && sql_value(sql, acts_as, clock_after_ms(ASK_MS), &value, &rows, e) < 0)
		return -1;
	if (value.len && strcmp(value.text, ask_place(q)->role) != 0)
		snprintf(q->acts_as, sizeof q->acts_as, "%s", value.text);
	strbuf_truncate(&value, 0);
	if (sql_value(sql, rule ? text.text : "SELECT ''", clock_after_ms(ASK_MS), &value, &rows, e) < 0)
		return -1;
	if (!rows || value.len)
		return fail(e, FAIL_DB, "%s", value.len ? value.text : "gives no answer");
	ask_more(q, sql);
	return 0;
}

static void keep_reason(void *ctx, const char *line)
{
	static const char word[] = "::fail ";

	if (!strncmp(line, word, sizeof word - 1))
		strbuf_printf(ctx, "%s", line + sizeof word - 1);
}

static int ask_script(const struct asked *q, const struct rule *rule, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, reason = { 0 }, err = { 0 };
	struct ssh_run run = { .command = "exec bash --norc --noprofile -s", .line = keep_reason, .line_ctx = &reason, .err = &err,
			       .deadline_ms = clock_after_ms(SCRIPT_MS) };
	struct ssh *s;
	int status = 0, r;

	if (status_text(q, rule, &text, e) < 0 || session_get(runtime_sessions(q->rt), q->node, run.deadline_ms, &s, e) < 0)
		return -1;
	run.input = text.text;
	run.input_len = text.len;
	r = ssh_run(s, &run, &status, e);
	session_done(runtime_sessions(q->rt), q->node, r < 0);
	if (r == 0 && (status || reason.len))
		r = fail(e, FAIL_REMOTE, "%s", reason.len ? reason.text : "its check ended badly");
	return r;
}

/* Checks one role of one node: up, or why not. */
static void ask(void *asked, unsigned i)
{
	struct asked *q = (struct asked *)asked + i;
	const struct recipe *recipe = runtime_lab(q->rt)->cluster.recipe;
	const struct rule *rule = status_rule(recipe, recipe->roles[q->role].name);
	bool script = rule && rule->verb == RULE_SCRIPT;

	if (q->off)
		fail(&q->why, FAIL_VIRT, "its machine is %s", q->off);
	else
		q->up = (script ? ask_script(q, rule, &q->why) : ask_sql(q, rule, &q->why)) == 0;
}

const struct fact_domain *ask_domain(const struct facts *facts, const struct node *n)
{
	for (unsigned i = 0; i < facts->domain_count; i++)
		if (!strcmp(facts->domains[i].node, n->name))
			return &facts->domains[i];
	return NULL;
}

const char *ask_silent(const struct facts *facts, const struct node *n)
{
	return facts->silent ? facts->silent[n->host] : NULL;
}

const char *ask_query(const struct cli *c, const struct recipe *r, const char *role, const char *name)
{
	for (const struct query *q = r->queries; q && q->name; q++)
		if (!strcmp(q->name, name) && !strcmp(q->role, role))
			return library_text(c->lib, q->arg);
	return NULL;
}

unsigned ask_list(struct cli *c, struct runtime *rt, const struct lab *lab, const struct facts *facts, struct asked **ret)
{
	unsigned count = 0;

	*ret = NULL;
	if (!file_exists(runtime_paths(rt)->bootstrapped)) /* no node has anything of the cluster yet */
		return 0;
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct fact_domain *d = ask_domain(facts, &lab->nodes[i]);

		for (unsigned k = 0; k < lab->cluster.place_count; k++)
			if (node_has_role(&lab->nodes[i], (int)k))
				*arena_push(c->arena, *ret, count) =
					(struct asked){ .rt = rt, .node = &lab->nodes[i], .role = (int)k,
							.blocked = ask_query(c, lab->cluster.recipe, lab->cluster.places[k].role, "blocked"),
							.off = d ? (d->runs ? NULL : d->state) : ask_silent(facts, &lab->nodes[i]) ? NULL : "missing" };
	}
	return count;
}

void ask_all(struct asked *asked, unsigned count)
{
	pool_run(count, ASK_THREADS, ask, asked);
}

int ask_judge(const struct lab *lab, const struct asked *asked, unsigned count, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf reasons = { 0 };
	const struct node *last = NULL;
	unsigned down = 0;
	bool missing = false;

	for (unsigned i = 0; i < count; i++) {
		const struct asked *q = &asked[i];
		bool first = q->node != last;

		if (q->up)
			continue;
		down++;
		missing = missing || (q->off && !strcmp(q->off, "missing"));
		last = q->node;
		/* A machine that is off explains all its roles: report it once. */
		if (q->off && !first)
			continue;
		if (first)
			strbuf_printf(&reasons, "%s%s\n", q->node->name, q->off ? "" : ":");
		if (q->off) {
			strbuf_truncate(&reasons, reasons.len - 1);
			strbuf_printf(&reasons, ": %s\n", q->why.text);
		} else {
			strbuf_printf(&reasons, "  %s: %s\n", ask_place(q)->role, q->why.text);
		}
	}
	if (!down)
		return 0;
	fail(e, FAIL_DB, "%u of the %u role%s of the %s cluster %s not up", down, count, plural(count),
	     lab->cluster.recipe->kind, down == 1 ? "is" : "are");
	fail_evidence(e, strbuf_text(&reasons), UINT_MAX);
	return missing ? fail_next(e, "labctl -l %s create    (makes the machines that are missing)", lab->name) :
			 fail_next(e, "labctl -l %s start    (starts what does not run)", lab->name);
}
