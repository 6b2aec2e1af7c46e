/* SPDX-License-Identifier: PostgreSQL */
/* The list of cluster kinds, and the audit of their tables. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "recipe.h"

#define RULES_MAX 64

static const struct recipe *const recipes[] = {
#define RECIPE_POINTER(kind) &recipe_##kind,
	RECIPES(RECIPE_POINTER)
#undef RECIPE_POINTER
};

const struct recipe *recipe_at(unsigned i)
{
	return i < ARRAY_COUNT(recipes) ? recipes[i] : NULL;
}

void recipe_list(struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_COUNT(recipes); i++)
		strbuf_printf(out, "%s%s", i ? ", " : "", recipes[i]->kind);
}

const struct recipe *recipe_find(const char *kind)
{
	for (unsigned i = 0; i < ARRAY_COUNT(recipes); i++)
		if (!strcmp(recipes[i]->kind, kind))
			return recipes[i];
	return NULL;
}

const char *const *recipe_kinds(void)
{
#define RECIPE_KIND(kind) #kind,
	static const char *const kinds[] = { RECIPES(RECIPE_KIND) NULL };
#undef RECIPE_KIND

	return kinds;
}

const struct member *recipe_member(const struct recipe *r, const char *role)
{
	for (const struct member *m = r->members; m && m->role; m++)
		if (!strcmp(m->role, role))
			return m;
	return NULL;
}

const struct task *recipe_task(const struct recipe *r, const char *name)
{
	for (const struct task *c = r->tasks; c && c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

const struct query *recipe_query(const struct recipe *r, const char *name)
{
	for (const struct query *q = r->queries; q && q->name; q++)
		if (!strcmp(q->name, name))
			return q;
	return NULL;
}

const struct database_template *recipe_template(const struct recipe *r, const char *word)
{
	for (const struct database_template *t = r->templates; t && t->word; t++)
		if (!strcmp(t->word, word))
			return t;
	return NULL;
}

struct audit { const struct recipe *r; const struct rule *rules; struct strbuf *out; unsigned count; };

__attribute__((format(printf, 2, 3))) static void problem(struct audit *a, const char *fmt, ...)
{
	va_list args;
	char text[512];

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	strbuf_printf(a->out, "%s: %s\n", a->r->kind, text);
	a->count++;
}

static const struct role *role_named(const struct recipe *r, const char *name, size_t len)
{
	for (const struct role *role = r->roles; role->name; role++)
		if (strlen(role->name) == len && !memcmp(role->name, name, len))
			return role;
	return NULL;
}

static int rule_named(const struct rule *rules, const char *id, size_t len)
{
	for (int i = 0; rules[i].id; i++)
		if (strlen(rules[i].id) == len && !memcmp(rules[i].id, id, len))
			return i;
	return -1;
}

/* Next word of a space-separated list; NULL at the end. */
static const char *next_word(const char **list, size_t *ret_len)
{
	const char *word = *list ? *list + strspn(*list, " ") : NULL;

	if (!word || !*word)
		return NULL;
	*ret_len = strcspn(word, " ");
	*list = word + *ret_len;
	return word;
}

static bool has_log(const struct recipe *r, const char *role)
{
	for (const struct role_log *l = r->logs; l && l->role; l++)
		if (!strcmp(l->role, role))
			return true;
	return false;
}

static void audit_roles(struct audit *a)
{
	const struct recipe *r = a->r;
	unsigned n = 0;

	for (const struct role *role = r->roles; role->name; role++, n++) {
		if (role_named(r, role->name, strlen(role->name)) != role)
			problem(a, "duplicate role %s", role->name);
		if (!role->max || role->min > role->max)
			problem(a, "role %s: min %u, max %u", role->name, role->min, role->max);
		if (!role->node_name)
			problem(a, "role %s has no node_name", role->name);
		if (role->sql && !role->port)
			problem(a, "role %s answers SQL but has no port", role->name);
		if (role->beside && !role_named(r, role->beside, strlen(role->beside)))
			problem(a, "role %s is beside the unknown role %s", role->name, role->beside);
	}
	if (!n || n > LAB_ROLES_MAX)
		problem(a, "%u roles: must be 1 to %d", n, LAB_ROLES_MAX);
	for (const struct placement *p = r->placements; p->role; p++)
		if (!role_named(r, p->role, strlen(p->role)) || !p->on || !p->node_min)
			problem(a, "placement of %s from %u nodes: unknown role, or no selector", p->role, p->node_min);
	for (const struct role_link *l = r->links; l && l->from; l++)
		if (!l->to || !l->what || !role_named(r, l->from, strlen(l->from)) || !role_named(r, l->to, strlen(l->to)))
			problem(a, "link from %s: unknown role, or it says nothing", l->from);
	for (const struct role_log *l = r->logs; l && l->role; l++)
		if (!l->files || !role_named(r, l->role, strlen(l->role)))
			problem(a, "log of %s: unknown role, or no files", l->role);
	for (const struct role *role = r->roles; role->name; role++)
		if (role->dir && !has_log(r, role->name))
			problem(a, "role %s has a directory but no log", role->name);
	for (const struct role_set *s = r->role_sets; s && s->name; s++) {
		const char *list = s->roles, *word;
		size_t len;

		if (role_named(r, s->name, strlen(s->name)))
			problem(a, "role set %s has the name of a role", s->name);
		while ((word = next_word(&list, &len)))
			if (!role_named(r, word, len))
				problem(a, "role set %s: unknown role %.*s", s->name, (int)len, word);
	}
	if (r->build_port && !role_named(r, r->build_port, strlen(r->build_port)))
		problem(a, "build_port is not a role");
	if (!r->psql_role || !role_named(r, r->psql_role, strlen(r->psql_role)))
		problem(a, "psql_role is not a role");
	if (r->group_role && !role_named(r, r->group_role, strlen(r->group_role)))
		problem(a, "group_role is not a role");
}

static void audit_rule(struct audit *a, const struct rule *rule)
{
	const char *colon = rule->on ? strchr(rule->on, ':') : NULL, *list = rule->after, *word;
	size_t len = rule->on ? colon ? (size_t)(colon - rule->on) : strlen(rule->on) : 0;

	if (!rule->on || !role_named(a->r, rule->on, len))
		problem(a, "rule %s: unknown role %s", rule->id, rule->on ? rule->on : "(none)");
	if (colon && strcmp(colon, ":first") && strcmp(colon, ":rest"))
		problem(a, "rule %s: '%s' is neither :first nor :rest", rule->id, colon);
	if (!rule->title || !rule->arg)
		problem(a, "rule %s has no title or no payload", rule->id);
	if (rule->verb == RULE_SQL && rule->files)
		problem(a, "rule %s: SQL puts no files", rule->id);
	if (rule->verb != RULE_SQL && rule->database)
		problem(a, "rule %s: .database is for SQL only, a script names its database itself", rule->id);
	if (rule->shares && (rule->verb != RULE_SQL || rule->database))
		problem(a, "rule %s: .shares is for SQL in the kind's database", rule->id);
	while ((word = next_word(&list, &len)))
		if (rule_named(a->rules, word + (*word == '.'), len - (*word == '.')) < 0)
			problem(a, "rule %s is after the unknown rule %.*s", rule->id, (int)len, word);
	list = rule->files;
	while ((word = next_word(&list, &len))) {
		size_t owned = len > 5 && !memcmp(word + len - 5, ":root", 5) ? len - 5 : len;
		const char *equals = memchr(word, '=', owned), *mode = memrchr(word, ':', owned);

		if (!equals || !mode || mode < equals || strspn(mode + 1, "01234567") != 4)
			problem(a, "rule %s: '%.*s' is not FILE=PATH:MODE[:root]", rule->id, (int)len, word);
	}
}

/* Depth-first; @state: 0 unseen, 1 on the way, 2 done. */
static void audit_cycle(struct audit *a, int i, unsigned char *state)
{
	const char *list = a->rules[i].after, *word;
	size_t len;

	state[i] = 1;
	while ((word = next_word(&list, &len))) {
		int before = rule_named(a->rules, word + (*word == '.'), len - (*word == '.'));

		if (before >= 0 && state[before] == 1)
			problem(a, "cycle: %s -> %s", a->rules[i].id, a->rules[before].id);
		else if (before >= 0 && !state[before])
			audit_cycle(a, before, state);
	}
	state[i] = 2;
}

static void audit_rules(struct audit *a, const struct rule *rules)
{
	unsigned char state[RULES_MAX] = {0};
	int n = 0;

	a->rules = rules;
	for (; rules[n].id && n < RULES_MAX; n++) {
		if (rule_named(rules, rules[n].id, strlen(rules[n].id)) != n)
			problem(a, "duplicate rule %s", rules[n].id);
		audit_rule(a, &rules[n]);
	}
	if (rules[n].id) {
		problem(a, "more than %d rules", RULES_MAX);
		return;
	}
	for (int i = 0; i < n; i++)
		if (!state[i])
			audit_cycle(a, i, state);
}

static void audit_databases(struct audit *a)
{
	const char *list = a->r->backends, *word;
	size_t len;

	while ((word = next_word(&list, &len)))
		if (!role_named(a->r, word, len))
			problem(a, "backends: unknown role %.*s", (int)len, word);
	for (const struct database_template *t = a->r->templates; t && t->word; t++)
		if (!t->name || !t->extensions)
			problem(a, "template %s has no name or no extensions", t->word);
	for (const struct task *c = a->r->tasks; c && c->name; c++)
		audit_rules(a, c->rules);
	for (const struct query *q = a->r->queries; q && q->name; q++)
		if (!q->arg || !q->role || !role_named(a->r, q->role, strlen(q->role)))
			problem(a, "query %s has no SQL, or asks an unknown role", q->name);
}

static void audit_takeover(struct audit *a)
{
	const struct takeover *t = a->r->takeover;
	const struct rule *const tables[] = { t ? t->leave : NULL, t ? t->fence : NULL, t ? t->promote : NULL, t ? t->rejoin : NULL,
					      t ? t->lost : NULL, t ? t->asks : NULL };
	const struct fence_file *last = NULL;

	if (!t) {
		if (!a->r->no_takeover)
			problem(a, "no takeover, and no reason why");
		return;
	}
	if (!t->loses == !t->lost)
		problem(a, "takeover: .loses or .lost, not both");
	if (!t->standing == !t->asks)
		problem(a, "takeover: .standing or .asks, not both");
	if (!role_named(a->r, t->role, strlen(t->role)) || !role_named(a->r, t->from, strlen(t->from)))
		problem(a, "takeover: unknown role");
	for (unsigned i = 0; i < ARRAY_COUNT(tables); i++) {
		if (tables[i] && tables[i]->id)
			audit_rules(a, tables[i]);
		else if (i < 4)
			problem(a, "takeover: table %u has no rules", i + 1);
	}
	for (const struct fence_file *f = t->fence_files; f && f->name; f++)
		last = f;
	if (!last || !t->proof || strcmp(last->name, t->proof) != 0)
		problem(a, "takeover: the last fence file is not the proof");
}

static void audit_members(struct audit *a)
{
	const struct recipe *r = a->r;

	for (const struct member *m = r->members; m && m->role; m++) {
		const struct rule *const tables[] = { m->leave, m->lose, m->forget };

		if (!role_named(r, m->role, strlen(m->role)) || (m->asked && !role_named(r, m->asked, strlen(m->asked))))
			problem(a, "member %s: unknown role", m->role);
		if (!m->asked != !m->only)
			problem(a, "member %s: asks nobody, or nothing", m->role);
		if (m->where && !m->only)
			problem(a, "member %s: .where without .only", m->role);
		if (m->stays && (m->last || m->leave || m->lose || m->forget))
			problem(a, "member %s: it stays, so it does not leave", m->role);
		for (unsigned i = 0; i < ARRAY_COUNT(tables); i++)
			if (tables[i])
				audit_rules(a, tables[i]);
	}
	if (r->grows && !recipe_member(r, r->grows))
		problem(a, "grows by %s, which is no member", r->grows);
}

unsigned recipe_check(const struct recipe *r, struct strbuf *out)
{
	struct audit a = { .r = r, .out = out };

	if (!r->kind || !r->title || !r->user || !r->prefix || !r->database || !r->superuser || !r->secrets)
		problem(&a, "kind, title, user, prefix, database, superuser and secrets must be there");
	if (r->build && (!r->build_prefix || !r->configure || !r->build_image))
		problem(&a, "a build needs build_image, build_prefix and configure");
	audit_roles(&a);
	audit_rules(&a, r->rules);
	if (r->software)
		audit_rules(&a, r->software);
	if (r->stops)
		audit_rules(&a, r->stops);
	else
		problem(&a, "no rules stop its servers");
	if (r->status)
		audit_rules(&a, r->status);
	if (r->changes)
		audit_rules(&a, r->changes);
	audit_takeover(&a);
	audit_members(&a);
	audit_databases(&a);
	return a.count;
}
