/* SPDX-License-Identifier: PostgreSQL */
#include "ask_loss.h"

#include <string.h>

#include "clock.h"
#include "payload.h"
#include "plural.h"
#include "recipe.h"
#include "sql.h"

#define ASK_MS 10000
#define SHOWN 8 /* so many of the lost things are named */

static const char databases[] = "select datname from pg_database where datallowconn and not datistemplate order by 1";

struct names { struct arena *arena; const char **items; unsigned count; const char *prefix; };

static void take_name(void *ctx, int columns, const char *const *names, const char *const *values)
{
	struct names *n = ctx;

	(void)names;
	if (columns > 0 && values[0])
		*arena_push(n->arena, n->items, n->count) =
			n->prefix ? arena_printf(n->arena, "%s in database %s", values[0], n->prefix) : arena_strdup(n->arena, values[0]);
}

/* Whom to ask, and what. .whole: a database without a row of .where counts as a whole. */
struct inquiry { const struct node *node; const char *role, *arg, *where; bool whole; };

/* The statement in .arg, for the server on .node. */
static int statement(struct cli *c, const struct lab *lab, const struct inquiry *q, const struct node *gone, const char **ret, struct fail *e)
{
	const struct rule rule = { "node.only", .on = q->role, .verb = RULE_SQL, .arg = q->arg };
	struct step step = { .verb = VERB_NODE_SQL, .node = q->node, .rule = &rule, .gone = gone };
	const struct payload *p;

	if (plan_payload(lab, c->lib, &step, NULL, c->arena, &p, e) < 0)
		return -1;
	*ret = p->sql;
	return 0;
}

/* Asks one server, in every database. */
static int ask(struct cli *c, struct runtime *rt, const struct inquiry *q, const struct node *gone, struct names *lost, struct fail *e)
{
	const struct lab *lab = runtime_lab(rt);
	unsigned port = lab->cluster.places[lab_role(lab, q->role)].port;
	struct names all = { .arena = c->arena };
	const char *text;

	if (statement(c, lab, q, gone, &text, e) < 0)
		return -1;
	for (unsigned i = 0; i <= all.count; i++) {
		auto_(sql_close) struct sql *sql = NULL;
		auto_(strbuf_clear) struct strbuf ignored = { 0 };
		int64_t deadline = clock_after_ms(ASK_MS);
		const char *database = i ? all.items[i - 1] : NULL; /* first the kind's own, which knows the others */
		int rows = 1;

		lost->prefix = database;
		if (runtime_sql(rt, q->node, port, database, false, deadline, &sql, e) < 0 ||
		    (i && q->where && sql_value(sql, q->where, deadline, &ignored, &rows, e) < 0))
			return -1;
		if (rows && sql_rows(sql, i ? text : databases, NULL, deadline, take_name, i ? lost : &all, e) < 0)
			return -1;
		if (!rows && q->whole)
			*arena_push(c->arena, lost->items, lost->count) = arena_printf(c->arena, "the database %s", database);
	}
	return 0;
}

/* Does the server on @gone that has the role answer? One that answers can give away what it has. */
static bool answers(struct runtime *rt, const struct lab *has, const struct node *gone, const char *role, const struct facts *facts)
{
	const struct fact_domain *d = ask_domain(facts, gone);
	auto_(sql_close) struct sql *sql = NULL;
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail ignored = { 0 };
	int64_t deadline = clock_after_ms(ASK_MS);
	int rows;

	return d && d->runs && runtime_sql(rt, gone, has->cluster.places[lab_role(has, role)].port, NULL, false, deadline, &sql, &ignored) == 0 &&
	       sql_value(sql, "select 1", deadline, &out, &rows, &ignored) == 0;
}

static const char *in_words(const struct names *lost, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	for (unsigned i = 0; i < lost->count && i < SHOWN; i++)
		strbuf_printf(&out, "%s%s", i ? ", " : "", lost->items[i]);
	if (lost->count > SHOWN)
		strbuf_printf(&out, " and %u more", lost->count - SHOWN);
	return arena_strdup(a, strbuf_text(&out));
}

static int refuse(const struct lab *has, const struct node_remove *o, const struct member *m, bool silent, const char *what, struct fail *e)
{
	if (m->leave && silent && !m->lose) {
		fail(e, FAIL_CONFLICT, "%s has %s, and its server does not answer; a cluster of kind %s cannot do without them", o->gone->name, what,
		     has->cluster.recipe->kind);
		return fail_next(e, "labctl -l %s start %s && labctl -l %s node remove %s", has->name, o->gone->name, has->name, o->gone->name);
	}
	fail(e, FAIL_CONFLICT, "%s has the only copy of %s%s", o->gone->name, what,
	     m->leave && silent ? ", and its server does not answer, so nothing can be moved away" : "");
	if (m->leave && silent)
		return fail_next(e, "labctl -l %s start %s && labctl -l %s node remove %s; if it is lost: labctl -l %s node remove %s --force",
				 has->name, o->gone->name, has->name, o->gone->name, has->name, o->gone->name);
	return fail_next(e, "labctl -l %s db tables; without what it has: labctl -l %s node remove %s --force", has->name, has->name,
			 o->gone->name);
}

/* A role that no other node has, such as pgpool: there is nothing to lose but the place that clients know. NULL when there is none. */
static const char *only_there(const struct lab *has, const struct node *gone)
{
	for (unsigned r = 0; r < has->cluster.place_count; r++) {
		bool others = false;

		for (unsigned i = 0; i < has->node_count; i++)
			others |= &has->nodes[i] != gone && node_has_role(&has->nodes[i], (int)r);
		if (node_has_role(gone, (int)r) && !others)
			return has->cluster.places[r].role;
	}
	return NULL;
}

/* What somebody made on the server itself, which goes with it. */
static int ask_own(struct cli *c, struct runtime *all, const struct member *m, const struct lab *has, const struct node *gone, bool force,
		   const char **ret, struct fail *e)
{
	const struct inquiry q = { gone, m->role, m->own, m->where, .whole = true };
	struct names own = { .arena = c->arena };

	*ret = NULL;
	if (!m->own)
		return 0;
	if (ask(c, all, &q, gone, &own, e) < 0)
		return -1;
	if (!own.count)
		return 0;
	*ret = in_words(&own, c->arena);
	if (force)
		return 0;
	fail(e, FAIL_CONFLICT, "%s has what somebody made on it, and no other server knows of: %s", gone->name, *ret);
	return fail_next(e, "labctl -l %s psql %s; without it: labctl -l %s node remove %s --force", has->name, gone->name, has->name, gone->name);
}

/* What goes with the server that has the role of @m; sets .loss, and .lose if it cannot give away what it has. */
static int ask_role(struct cli *c, struct runtime *all, const struct member *m, const struct node *knows, bool force,
		    const struct facts *facts, struct node_remove *o, struct fail *e)
{
	const struct lab *has = runtime_lab(all);
	bool silent = !answers(all, has, o->gone, m->role, facts), moves = m->leave && !silent;
	struct names lost = { .arena = c->arena };
	struct fail why = { 0 };
	const char *what, *own = NULL;

	o->lose |= !moves;
	if (!knows || ask(c, all, &(struct inquiry){ knows, m->asked, m->only, m->where, .whole = false }, o->gone, &lost, &why) < 0) {
		if (knows && moves && !m->lose) { /* closed to clients, perhaps: .leave goes on, or says why it cannot */
			o->loss = arena_printf(c->arena, "unknown, as the %s does not answer; what it has moves to other nodes first", m->asked);
			return 0;
		}
		fail(e, FAIL_DB, "no %s can say what only %s has%s%s", m->asked, o->gone->name, knows ? ": " : "", knows ? why.text : "");
		return fail_next(e, "labctl -l %s start -r %s", has->name, m->asked);
	}
	if (!silent && ask_own(c, all, m, has, o->gone, force, &own, e) < 0)
		return -1;
	what = in_words(&lost, c->arena);
	if (lost.count && !moves && (!force || (m->leave && !m->lose)))
		return refuse(has, o, m, silent, what, e);
	o->loss = !lost.count ? arena_printf(c->arena, "nothing that the %s knows of", m->asked) :
		  moves ? arena_printf(c->arena, "nothing that the %s knows of: %s move to other nodes first", m->asked, what) : what;
	if (own)
		o->loss = arena_printf(c->arena, "%s, which somebody made on it; of the rest %s", own, o->loss);
	return 0;
}

/* A standby of a primary that does not answer may be the one that has to take over, and the only one that has its last transactions. */
static int ask_heir(struct cli *c, struct runtime *all, const struct lab *has, bool force, const struct facts *facts, struct node_remove *o,
		    struct fail *e)
{
	const struct takeover *t = has->cluster.recipe ? has->cluster.recipe->takeover : NULL;
	const struct node *leader = t ? lab_leader(has) : NULL;

	if (!leader || leader == o->gone || !node_has_role(o->gone, lab_role(has, t->from)) || answers(all, has, leader, t->role, facts))
		return 0;
	o->loss = arena_printf(c->arena, "unknown, as the %s does not answer", t->role);
	if (force)
		return 0;
	fail(e, FAIL_CONFLICT, "the %s on %s does not answer: what it committed last may be on %s only", t->role, leader->name, o->gone->name);
	return fail_next(e, "labctl -l %s start %s; if it is lost: labctl -l %s failover %s. Or labctl -l %s node remove %s --force", has->name,
			 leader->name, has->name, t->role, has->name, o->gone->name);
}

int ask_loss(struct cli *c, struct runtime *rt, const struct lab *has, bool force, const struct facts *facts, struct node_remove *o,
	     struct fail *e)
{
	auto_(runtime_close) struct runtime *all = NULL; /* with the node that leaves */
	const struct lab *lab = runtime_lab(rt);

	if (load_runtime(c, has, &all, e) < 0)
		return -1;
	o->lose = false;
	o->loss = "nothing: the other servers have everything";
	if (o->cluster && only_there(has, o->gone))
		o->loss = arena_printf(c->arena, "no data, but the lab's only %s, with its settings", only_there(has, o->gone));
	if (!o->cluster || !o->gone->roles)
		o->loss = "what somebody has stored on its disk and in its data directory";
	for (unsigned r = 0; o->cluster && r < has->cluster.place_count; r++) {
		const struct member *m = recipe_member(has->cluster.recipe, has->cluster.places[r].role);
		const struct node *knows = NULL;

		if (!node_has_role(o->gone, (int)r) || !m || !m->asked)
			continue;
		for (unsigned i = 0; i < lab->node_count && !knows; i++)
			if (o->on[i] && node_has_role(&lab->nodes[i], lab_role(lab, m->asked)))
				knows = lab_find_node(has, lab->nodes[i].name);
		if (ask_role(c, all, m, knows, force, facts, o, e) < 0)
			return -1;
	}
	return o->cluster ? ask_heir(c, all, has, force, facts, o, e) : 0;
}

const char *ask_unserved(struct cli *c, struct runtime *rt, const struct asked *asked, unsigned count, const struct asked *down)
{
	const struct member *m = recipe_member(runtime_lab(rt)->cluster.recipe, ask_place(down)->role);
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct names lost = { .arena = c->arena };
	const struct asked *knows = NULL;
	struct fail why = { 0 };

	if (down->up || !m || (!m->down && !m->asked))
		return NULL;
	for (unsigned i = 0; i < count && !knows && m->asked; i++)
		if (asked[i].up && !strcmp(ask_place(&asked[i])->role, m->asked))
			knows = &asked[i];
	strbuf_printf(&out, "without the %s of %s", m->role, down->node->name);
	if (m->asked && !knows)
		strbuf_printf(&out, ", what cannot be read or written is unknown: no %s answers", m->asked);
	else if (m->asked && ask(c, rt, &(struct inquiry){ knows->node, m->asked, m->only, m->where, .whole = false }, down->node, &lost, &why) < 0)
		strbuf_printf(&out, ", what cannot be read or written is unknown: %s", why.text);
	else if (m->asked)
		strbuf_printf(&out, " cannot be read or written: %s", lost.count ? in_words(&lost, c->arena) : "nothing that only it has");
	if (m->down)
		strbuf_printf(&out, "%s %s", m->asked ? "." : ":", m->down);
	return arena_strdup(c->arena, strbuf_text(&out));
}
