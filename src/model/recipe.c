/* SPDX-License-Identifier: PostgreSQL */
/* The list of cluster kinds, and the audit that keeps their tables honest. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "recipe.h"

#define RULES_MAX 64

static const struct recipe *const recipes[] = { &recipe_pgxc, &recipe_postgres };

const struct recipe *recipe_at(unsigned i)
{
	return i < ARRAY_COUNT(recipes) ? recipes[i] : NULL;
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
	static const char *const kinds[] = { "pgxc", "postgres", NULL };

	_Static_assert(ARRAY_COUNT(kinds) == ARRAY_COUNT(recipes) + 1, "one word per recipe");
	return kinds;
}

struct audit { const struct recipe *r; struct strbuf *out; unsigned count; };

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

static int rule_named(const struct recipe *r, const char *id, size_t len)
{
	for (int i = 0; r->rules[i].id; i++)
		if (strlen(r->rules[i].id) == len && !memcmp(r->rules[i].id, id, len))
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

static void audit_roles(struct audit *a)
{
	const struct recipe *r = a->r;
	unsigned n = 0;

	for (const struct role *role = r->roles; role->name; role++, n++) {
		if (role_named(r, role->name, strlen(role->name)) != role)
			problem(a, "role %s is there twice", role->name);
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
	for (const struct role_set *s = r->role_sets; s && s->name; s++) {
		const char *list = s->roles, *word;
		size_t len;

		if (role_named(r, s->name, strlen(s->name)))
			problem(a, "role set %s has the name of a role", s->name);
		while ((word = next_word(&list, &len)))
			if (!role_named(r, word, len))
				problem(a, "role set %s: unknown role %.*s", s->name, (int)len, word);
	}
	if (!r->psql_role || !role_named(r, r->psql_role, strlen(r->psql_role)))
		problem(a, "psql_role is no role");
	if (r->group_role && !role_named(r, r->group_role, strlen(r->group_role)))
		problem(a, "group_role is no role");
}

static void audit_rule(struct audit *a, const struct rule *rule)
{
	const char *colon = rule->on ? strchr(rule->on, ':') : NULL, *list = rule->after, *word;
	size_t len = rule->on ? colon ? (size_t)(colon - rule->on) : strlen(rule->on) : 0;

	if (!rule->on || !role_named(a->r, rule->on, len))
		problem(a, "rule %s is on the unknown role %s", rule->id, rule->on ? rule->on : "(none)");
	if (colon && strcmp(colon, ":first") && strcmp(colon, ":rest"))
		problem(a, "rule %s: '%s' is neither :first nor :rest", rule->id, colon);
	if (!rule->title || !rule->arg)
		problem(a, "rule %s has no title or no payload", rule->id);
	if (rule->verb == RULE_SQL && rule->files)
		problem(a, "rule %s: SQL puts no files", rule->id);
	while ((word = next_word(&list, &len)))
		if (rule_named(a->r, word + (*word == '.'), len - (*word == '.')) < 0)
			problem(a, "rule %s is after the unknown rule %.*s", rule->id, (int)len, word);
	list = rule->files;
	while ((word = next_word(&list, &len))) {
		const char *equals = memchr(word, '=', len), *mode = memrchr(word, ':', len);

		if (!equals || !mode || mode < equals || strspn(mode + 1, "01234567") != 4)
			problem(a, "rule %s: '%.*s' is not FILE=PATH:MODE", rule->id, (int)len, word);
	}
}

/* Depth-first; @state: 0 unseen, 1 on the way, 2 done. */
static void audit_cycle(struct audit *a, int i, unsigned char *state)
{
	const char *list = a->r->rules[i].after, *word;
	size_t len;

	state[i] = 1;
	while ((word = next_word(&list, &len))) {
		int before = rule_named(a->r, word + (*word == '.'), len - (*word == '.'));

		if (before >= 0 && state[before] == 1)
			problem(a, "cycle: %s -> %s", a->r->rules[i].id, a->r->rules[before].id);
		else if (before >= 0 && !state[before])
			audit_cycle(a, before, state);
	}
	state[i] = 2;
}

unsigned recipe_check(const struct recipe *r, struct strbuf *out)
{
	struct audit a = { r, out, 0 };
	unsigned char state[RULES_MAX] = {0};
	int n = 0;

	if (!r->kind || !r->title || !r->user || !r->prefix || !r->database || !r->superuser || !r->secrets)
		problem(&a, "kind, title, user, prefix, database, superuser and secrets must be there");
	if (r->build && (!r->build_prefix || !r->configure))
		problem(&a, "a build needs build_prefix and configure");
	audit_roles(&a);
	for (; r->rules[n].id && n < RULES_MAX; n++) {
		if (rule_named(r, r->rules[n].id, strlen(r->rules[n].id)) != n)
			problem(&a, "rule %s is there twice", r->rules[n].id);
		audit_rule(&a, &r->rules[n]);
	}
	if (r->rules[n].id) {
		problem(&a, "more than %d rules", RULES_MAX);
		return a.count;
	}
	for (int i = 0; i < n; i++)
		if (!state[i])
			audit_cycle(&a, i, state);
	return a.count;
}
