/* SPDX-License-Identifier: PostgreSQL */
/* cluster.users of a lab file: the database users besides the superuser. */
#include <stddef.h>
#include <string.h>

#include "lab_source.h"
#include "recipe.h"

#define DATABASES_MAX 64 /* of one user */

const char *const access_words[] = { "write", "read", NULL };

static void databases_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);

static const struct key user_keys[] = {
	{ "name", KEY_TEXT, .offset = offsetof(struct db_user, name), .form = form_db_user },
	{ "databases", KEY_CUSTOM, .read = databases_read },
	{ "access", KEY_FLAG, .offset = offsetof(struct db_user, reads_only), .words = access_words },
	{ 0 },
};

/* One name, or a list of them; kept as a comma list. */
static void databases_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct db_user *u = k->arg;
	const char *list = NULL;
	long count = node->type == YAML_SEQUENCE_NODE
			     ? node->data.sequence.items.top - node->data.sequence.items.start : 1;

	if (count > DATABASES_MAX) {
		source_problem(s, path, "at most %d databases", DATABASES_MAX);
		return;
	}
	for (long i = 0; i < count; i++) {
		yaml_node_t *item = node->type != YAML_SEQUENCE_NODE ? node
			: yaml_document_get_node(s->doc, node->data.sequence.items.start[i]);
		const char *name = schema_text(s, item, path);

		if (name && form_databases(name))
			source_problem(s, path, "'%.80s' %s", name, form_databases(name));
		else if (name)
			list = list ? arena_printf(s->lab->arena, "%s,%s", list, name) : name;
	}
	u->databases = list;
}

void users_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct cluster *c = &s->lab->cluster;
	unsigned n = 0;

	(void)k;
	if (node->type != YAML_SEQUENCE_NODE) {
		source_problem(s, path, "must be a list of {name, databases, access}");
		return;
	}
	if (node->data.sequence.items.top - node->data.sequence.items.start > DB_USERS_MAX) {
		source_problem(s, path, "at most %d users", DB_USERS_MAX);
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		yaml_node_t *item = yaml_document_get_node(s->doc, *i);
		const char *below = arena_printf(s->lab->arena, "%s[%u]", path, ++n);
		struct key keys[ARRAY_COUNT(user_keys)];
		struct db_user u = { 0 };

		memcpy(keys, user_keys, sizeof keys);
		keys[1].arg = &u;
		schema_origin(s, below, item);
		schema_read_map(s, item, keys, &u, below);
		if (!u.name)
			source_problem(s, below, "a user needs a name");
		else
			*arena_push(s->lab->arena, c->users, c->user_count) = u;
	}
}

const char *db_user_taken(const struct recipe *r, const char *name)
{
	static const char *const words[] = { "all", "none", "public", NULL }; /* keywords of pg_hba.conf or GRANT */

	if (!strncmp(name, "pg_", 3))
		return "begins with pg_, which PostgreSQL reserves for its own roles";
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(name, words[i]))
			return "is reserved by PostgreSQL";
	if (!strcmp(name, r->superuser))
		return "is the superuser's name";
	for (const char *const *s = r->secrets; *s; s++)
		if (!strcmp(name, *s))
			return "is used by the cluster itself";
	return NULL;
}

const struct db_user *db_user_find(const struct cluster *c, const char *name)
{
	for (unsigned i = 0; i < c->user_count; i++)
		if (!strcmp(c->users[i].name, name))
			return &c->users[i];
	return NULL;
}

void users_check(struct source *s)
{
	const struct cluster *c = &s->lab->cluster;

	if (c->user_count && !recipe_task(c->recipe, "user-create"))
		source_problem(s, "cluster.users", "users are not supported for kind %s", c->recipe->kind);
	for (unsigned i = 0; i < c->user_count; i++) {
		const char *path = arena_printf(s->lab->arena, "cluster.users[%u].name", i + 1), *name = c->users[i].name;

		if (db_user_taken(c->recipe, name))
			source_problem(s, path, "'%s' %s", name, db_user_taken(c->recipe, name));
		else if (db_user_find(c, name) != &c->users[i])
			source_problem(s, path, "duplicate user %s", name);
	}
}

void users_print(const struct lab *lab, struct strbuf *out)
{
	const struct cluster *c = &lab->cluster;

	if (c->user_count)
		strbuf_str(out, "  users:\n");
	for (unsigned i = 0; i < c->user_count; i++) {
		const struct db_user *u = &c->users[i];

		strbuf_str(out, "    - {name: ");
		yaml_text(out, u->name);
		if (u->databases) {
			strbuf_str(out, ", databases: ");
			yaml_text(out, u->databases);
		}
		strbuf_printf(out, ", access: %s}\n", access_words[u->reads_only]);
	}
}
