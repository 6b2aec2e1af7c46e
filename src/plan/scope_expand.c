/* SPDX-License-Identifier: PostgreSQL */
/* Expands templates with the names of scope.c: lists, files of the library, the cache of texts shared by all nodes. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "recipe.h"
#include "scope.h"

/* --- lists --- */

static bool each_node(struct scope *s, int role, bool restart)
{
	const struct node *end = s->lab->nodes + s->lab->node_count;
	const struct node *n = restart || !s->peer ? s->lab->nodes : s->peer + 1;

	while (n < end && role >= 0 && !node_has_role(n, role))
		n++;
	s->peer = n < end ? n : NULL;
	s->peer_role = role;
	return s->peer != NULL;
}

static bool each_setting(struct scope *s, bool restart)
{
	const struct cluster *c = &s->lab->cluster;
	const struct setting *next = restart || !s->setting ? c->settings : s->setting + 1;

	s->setting = NULL;
	for (; c->setting_count && s->role >= 0 && !s->setting && next < c->settings + c->setting_count; next++)
		if (!strcmp(next->role, c->places[s->role].role))
			s->setting = next;
	return s->setting != NULL;
}

static bool each_group(struct scope *s, size_t index)
{
	s->group = index < s->lab->cluster.group_count ? &s->lab->cluster.groups[index] : NULL;
	return s->group != NULL;
}

static bool each_dbuser(struct scope *s, size_t index)
{
	const struct cluster *c = &s->lab->cluster;

	s->dbuser = index < c->user_count ? &c->users[index] : NULL;
	return s->dbuser != NULL;
}

static bool each_template(struct scope *s, size_t index)
{
	const struct database_template *t = s->lab->cluster.recipe ? s->lab->cluster.recipe->templates : NULL;

	/* The caller stops at the zero row, so @index is never beyond it. */
	s->template = t && t[index].name ? &t[index] : NULL;
	return s->template != NULL;
}

/* The nodes behind the pooler: those of the recipe's first backend role, then those of the next. */
static bool each_backend(struct scope *s, size_t index)
{
	const char *roles = s->lab->cluster.recipe->backends;
	size_t skip = index, len;

	s->position = (unsigned)index;
	for (; *roles; roles += len, roles += strspn(roles, " ")) {
		char word[64];

		len = strcspn(roles, " ");
		snprintf(word, sizeof word, "%.*s", (int)len, roles);
		for (bool more = each_node(s, lab_role(s->lab, word), true); more; more = each_node(s, s->peer_role, false))
			if (!skip--)
				return true;
	}
	return false;
}

static bool each(void *ctx, const char *name, size_t index, bool *known)
{
	struct scope *s = ctx;
	const struct recipe *recipe = s->lab->cluster.recipe;
	bool backend = recipe && recipe->backends && !strcmp(name, "backend");
	int role;

	*known = true;
	if (index == SIZE_MAX) {
		s->peer = NULL;
		s->setting = NULL;
		s->group = NULL;
		s->template = NULL;
		if (!strcmp(name, "dbuser")) /* lists of nodes may be nested in this one */
			s->dbuser = NULL;
		/* Tells only whether @name is a list. */
		*known = !strcmp(name, "node") || !strcmp(name, "setting") || !strcmp(name, "group") ||
			 !strcmp(name, "template") || !strcmp(name, "dbuser") || backend || (recipe && lab_role(s->lab, name) >= 0);
		return false;
	}
	if (!strcmp(name, "node"))
		return each_node(s, -1, index == 0);
	if (!strcmp(name, "setting"))
		return each_setting(s, index == 0);
	if (!strcmp(name, "group"))
		return each_group(s, index);
	if (!strcmp(name, "template"))
		return each_template(s, index);
	if (!strcmp(name, "dbuser"))
		return each_dbuser(s, index);
	if (backend)
		return each_backend(s, index);
	role = recipe ? lab_role(s->lab, name) : -1;
	if (role >= 0)
		return each_node(s, role, index == 0);
	return *known = false;
}

static const char *value(void *ctx, const char *name)
{
	return scope_value(ctx, name);
}

/* --- files --- */

enum quote scope_bare(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".sh") || !strcmp(dot, ".sql")) ? QUOTE_COUNT : QUOTE_RAW;
}

int scope_expand_text(struct scope *s, const char *what, const char *source, enum quote bare, const char **ret_text,
		      struct fail *e)
{
	struct template_scope names = { .value = value, .each = each, .ctx = s };
	auto_(strbuf_clear) struct strbuf out = { 0 };

	if (!strstr(source, "@{")) {
		*ret_text = source;
		return 0;
	}
	if (template_expand(what, source, bare, &names, &out, e) < 0)
		return -1;
	*ret_text = arena_strndup(s->arena, strbuf_text(&out), out.len);
	return 0;
}

int scope_expand(struct scope *s, const struct library *lib, const char *name, enum quote bare, const char **ret_text,
		 struct fail *e)
{
	const char *source = library_text(lib, name), *expanded;
	struct scope_cache *c = s->cache;
	bool used_before = s->used_node;

	if (!source)
		return fail(e, FAIL_OTHER, "labctl's data files lack %s (%s)", name, library_dir(lib));
	for (unsigned i = 0; c && i < c->count; i++) {
		if (c->items[i].role == s->role && c->items[i].bare == bare && !strcmp(c->items[i].name, name)) {
			*ret_text = c->items[i].text;
			return 0;
		}
	}
	s->used_node = false;
	if (scope_expand_text(s, name, source, bare, &expanded, e) < 0)
		return -1;
	if (c && !s->used_node) {
		expanded = arena_strdup(c->arena, expanded);
		*arena_push(c->arena, c->items, c->count) =
			(struct cached){ arena_strdup(c->arena, name), s->role, bare, expanded };
	}
	s->used_node |= used_before;
	*ret_text = expanded;
	return 0;
}
