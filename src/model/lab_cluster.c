/* SPDX-License-Identifier: PostgreSQL */
/*
 * The cluster part of a lab file. Its keys depend on the kind: every role and role
 * set of the recipe is a key, so the table of keys is made when the kind is known.
 */
#include <stddef.h>
#include <string.h>

#include "lab_source.h"
#include "suggest.h"

static const char *const address_words[] = { "hostname", "ip", NULL };
static const char *const restart_words[] = { "true", "false", NULL };

#define PATCHES_MAX 99 /* their file names begin with a number of two digits */

#define LAB(field) .offset = offsetof(struct lab, cluster.field)
#define PLACE(field) .offset = offsetof(struct role_place, field)

static void patches_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);

static const struct key source_keys[] = {
	{ "archive", KEY_TEXT, LAB(archive) },
	{ "sha256", KEY_TEXT, LAB(sha256), .form = form_digest },
	{ "configure", KEY_TEXT, LAB(configure), .form = form_configure },
	{ "patches", KEY_CUSTOM, .read = patches_read },
	{ 0 },
};
/* Selectors and directories are checked when the nodes and the mount are known. */
static const struct key place_keys[] = {
	{ "on", KEY_TEXT, PLACE(on) },
	{ "port", KEY_NUMBER, PLACE(port), .min = 1024, .max = 65535 },
	{ "dir", KEY_TEXT, PLACE(dir) },
	{ "name", KEY_TEXT, PLACE(name) },
	{ "numbers", KEY_TEXT, PLACE(numbers) },
	{ 0 },
};
static const struct key group_keys[] = {
	{ "name", KEY_TEXT, .offset = offsetof(struct group, name), .form = form_identifier },
	{ "members", KEY_TEXT, .offset = offsetof(struct group, members) },
	{ 0 },
};

static const struct recipe *recipe_of(const struct source *s)
{
	return s->lab->cluster.recipe;
}

/* A file, or a list of files. */
static void patches_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct cluster *c = &s->lab->cluster;
	bool list = node->type == YAML_SEQUENCE_NODE;
	yaml_node_item_t *i = list ? node->data.sequence.items.start : NULL;

	(void)k;
	while (!list || (i < node->data.sequence.items.top && c->patch_count < PATCHES_MAX)) {
		const char *file = schema_text(s, list ? yaml_document_get_node(s->doc, *i++) : node, path);

		if (file && form_patch(file))
			source_problem(s, path, "'%.80s' %s", file, form_patch(file));
		else if (file)
			*arena_push(s->lab->arena, c->patches, c->patch_count) = file;
		if (!list)
			return;
	}
	if (i < node->data.sequence.items.top)
		source_problem(s, path, "more than %d patches", PATCHES_MAX);
}

static void kind_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	const char *text = schema_text(s, node, path), *near;

	(void)k;
	if (!text)
		return;
	s->kind = text;
	if (recipe_find(text))
		return;
	near = suggest(text, recipe_kinds());
	if (near) {
		source_problem(s, path, "unknown kind '%.40s' (did you mean %s?)", text, near);
	} else {
		auto_(strbuf_clear) struct strbuf known = {0};

		recipe_list(&known);
		source_problem(s, path, "unknown kind '%.40s'; known: %s", text, strbuf_text(&known));
	}
}

static void place_on(struct source *s, struct role_place *p, const char *on, const char *path)
{
	if (p->on)
		source_problem(s, path, "duplicate role %s: on '%s' and on '%s'", p->role, p->on, on);
	else
		p->on = on;
	p->given = true;
}

static void role_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct role_place *p = k->arg, read = {0};

	p->line = source_line(s, path);
	if (node->type == YAML_MAPPING_NODE) {
		schema_read_map(s, node, place_keys, &read, path);
		p->port = read.port;
		p->dir = read.dir;
		p->name = read.name;
		p->numbers = read.numbers;
	} else {
		read.on = schema_text(s, node, path);
	}
	if (read.on)
		place_on(s, p, read.on, path);
}

/* data_nodes: 3-8 places several roles on the same nodes. */
static void role_set_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	const struct role_set *set = k->arg;
	const char *on = schema_text(s, node, path);

	for (unsigned i = 0; on && i < s->lab->cluster.place_count; i++) {
		struct role_place *p = &s->lab->cluster.places[i];
		const char *at = strstr(set->roles, p->role);
		size_t len = strlen(p->role);

		while (at && ((at > set->roles && at[-1] != ' ') || (at[len] && at[len] != ' ')))
			at = strstr(at + 1, p->role); /* found inside a longer word */
		if (!at)
			continue;
		if (!p->line)
			p->line = source_line(s, path);
		place_on(s, p, on, path);
	}
}

static void role_settings_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct cluster *c = &s->lab->cluster;

	if (!schema_pairs(s, node, path))
		return;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const char *name = arena_strdup(s->lab->arena, schema_key(s, p));
		const char *below = arena_printf(s->lab->arena, "%s.%s", path, name);
		const char *value;

		schema_origin(s, below, yaml_document_get_node(s->doc, p->key));
		value = schema_text(s, yaml_document_get_node(s->doc, p->value), below);
		if (form_setting(name))
			source_problem(s, below, "'%.80s' %s", name, form_setting(name));
		else if (value)
			*arena_push(s->lab->arena, c->settings, c->setting_count) =
				(struct setting){ k->name, name, value };
	}
}

static void settings_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct key keys[LAB_ROLES_MAX + 1] = {0};

	(void)k;
	for (unsigned i = 0; i < s->lab->cluster.place_count; i++)
		keys[i] = (struct key){ s->lab->cluster.places[i].role, KEY_CUSTOM, .read = role_settings_read };
	if (recipe_of(s))
		schema_read_map(s, node, keys, s->lab, path);
}

static const char *list_text(struct source *s, yaml_node_t *node, const char *path)
{
	const char *list = NULL;

	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		const char *word = schema_text(s, yaml_document_get_node(s->doc, *i), path);

		if (word)
			list = list ? arena_printf(s->lab->arena, "%s,%s", list, word) : word;
	}
	return list;
}

static void members_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct group *g = k->arg;

	/* list_text() takes quadratic time, so the list is no longer than a lab can have nodes */
	if (node->type == YAML_SEQUENCE_NODE &&
	    node->data.sequence.items.top - node->data.sequence.items.start <= LAB_NODES_MAX)
		g->members = list_text(s, node, path);
	else
		g->members = schema_text(s, node, path);
}

static void groups_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct cluster *c = &s->lab->cluster;
	unsigned n = 0;

	(void)k;
	if (node->type != YAML_SEQUENCE_NODE) {
		source_problem(s, path, "must be a list of {name, members}");
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top && n < 256; i++) {
		yaml_node_t *item = yaml_document_get_node(s->doc, *i);
		const char *below = arena_printf(s->lab->arena, "%s[%u]", path, ++n);
		struct group g = {0};
		struct key keys[ARRAY_COUNT(group_keys)];

		memcpy(keys, group_keys, sizeof keys);
		keys[1].read = members_read;
		keys[1].arg = &g;
		schema_origin(s, below, item);
		schema_read_map(s, item, keys, &g, below);
		if (!g.name || !g.members)
			source_problem(s, below, "a group needs a name and members");
		*arena_push(s->lab->arena, c->groups, c->group_count) = g;
	}
}

static const struct key fixed_keys[] = {
	{ "kind", KEY_CUSTOM, .read = kind_read },
	{ "source", KEY_MAP, .sub = source_keys },
	{ "prefix", KEY_TEXT, LAB(prefix), .form = form_path },
	{ "user", KEY_TEXT, LAB(user), .form = form_user },
	{ "address", KEY_FLAG, LAB(by_ip), .words = address_words },
	{ "restart", KEY_FLAG, LAB(no_restart), .words = restart_words },
	{ "promoted", KEY_TEXT, LAB(promoted), .form = form_label },
	{ "settings", KEY_CUSTOM, .read = settings_read },
	{ "groups", KEY_CUSTOM, .read = groups_read },
	{ "users", KEY_CUSTOM, .read = users_read },
};

/* Fixed keys, roles and role sets; ends with a zero row. Without a known kind only the fixed ones. */
static struct key *cluster_keys(struct source *s)
{
	struct cluster *c = &s->lab->cluster;
	struct key *keys = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_COUNT(fixed_keys); i++)
		*arena_push(s->lab->arena, keys, n) = fixed_keys[i];
	for (unsigned i = 0; i < c->place_count; i++)
		*arena_push(s->lab->arena, keys, n) =
			(struct key){ c->places[i].role, KEY_CUSTOM, .read = role_read, .arg = &c->places[i] };
	for (const struct role_set *set = c->recipe ? c->recipe->role_sets : NULL; set && set->name; set++)
		*arena_push(s->lab->arena, keys, n) =
			(struct key){ set->name, KEY_CUSTOM, .read = role_set_read, .arg = (void *)set };
	(void)arena_push(s->lab->arena, keys, n); /* the zero row */
	return keys;
}

static yaml_node_t *find_kind(struct source *s, yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(s->doc, p->key);

		if (key->type == YAML_SCALAR_NODE && !strcmp((const char *)key->data.scalar.value, "kind"))
			return yaml_document_get_node(s->doc, p->value);
	}
	return NULL;
}

void cluster_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct cluster *c = &s->lab->cluster;
	yaml_node_t *kind = find_kind(s, node);
	const char *name = s->options->kind;
	struct key *keys;

	(void)k;
	s->cluster_line = source_line(s, path);
	if (kind && kind->type == YAML_SCALAR_NODE)
		name = (const char *)kind->data.scalar.value;
	c->recipe = name ? recipe_find(name) : NULL;
	for (const struct role *r = c->recipe ? c->recipe->roles : NULL; r && r->name; r++)
		arena_push(s->lab->arena, c->places, c->place_count)->role = r->name;
	if (!kind && !name) {
		auto_(strbuf_clear) struct strbuf known = {0};

		recipe_list(&known);
		source_problem(s, path, "missing kind; known: %s", strbuf_text(&known));
		return;
	}
	keys = cluster_keys(s);
	if (c->recipe) {
		schema_read_map(s, node, keys, s->lab, path);
	} else if (kind) { /* an unknown kind: the other keys mean nothing without it, so report only this */
		char *below = arena_printf(s->lab->arena, "%s.kind", path);

		schema_origin(s, below, kind);
		kind_read(s, NULL, kind, below);
	}
}

static void setting_print(const struct cluster *c, struct strbuf *out)
{
	const char *role = NULL;

	if (c->setting_count)
		strbuf_str(out, "  settings:\n");
	for (unsigned i = 0; i < c->place_count; i++) {
		for (unsigned j = 0; j < c->setting_count; j++) {
			if (strcmp(c->settings[j].role, c->places[i].role))
				continue;
			if (role != c->places[i].role)
				strbuf_printf(out, "    %s:\n", c->places[i].role);
			role = c->places[i].role;
			strbuf_printf(out, "      %s: ", c->settings[j].key);
			yaml_text(out, c->settings[j].value);
			strbuf_char(out, '\n');
		}
	}
}

static void field_print(struct strbuf *out, const char *before, const char *value, const char *after)
{
	if (!value)
		return;
	strbuf_str(out, before);
	yaml_text(out, value);
	strbuf_str(out, after);
}

void cluster_print(const struct lab *lab, struct strbuf *out)
{
	const struct cluster *c = &lab->cluster;

	if (!c->recipe)
		return;
	strbuf_printf(out, "cluster:\n  kind: %s\n", c->recipe->kind);
	if (c->archive || c->sha256 || c->configure || c->patch_count)
		strbuf_str(out, "  source:\n");
	field_print(out, "    archive: ", c->archive, "\n");
	field_print(out, "    sha256: ", c->sha256, "\n");
	field_print(out, "    configure: ", c->configure, "\n");
	for (unsigned i = 0; i < c->patch_count; i++)
		field_print(out, i ? ", " : "    patches: [", c->patches[i], "");
	if (c->patch_count)
		strbuf_str(out, "]\n");
	field_print(out, "  prefix: ", c->prefix, "\n");
	field_print(out, "  user: ", c->user, "\n");
	strbuf_printf(out, "  address: %s\n", address_words[c->by_ip]);
	if (c->no_restart)
		strbuf_printf(out, "  restart: %s\n", restart_words[c->no_restart]);
	field_print(out, "  promoted: ", c->promoted, "\n");
	for (unsigned i = 0; i < c->place_count; i++) {
		const struct role_place *p = &c->places[i];

		strbuf_printf(out, "  %s: {", p->role);
		field_print(out, "on: ", p->on ? p->on : "none", "");
		if (p->port)
			strbuf_printf(out, ", port: %u", p->port);
		field_print(out, ", dir: ", p->dir, "");
		field_print(out, ", name: ", p->name, "");
		field_print(out, ", numbers: ", p->numbers, "");
		strbuf_str(out, "}\n");
	}
	setting_print(c, out);
	users_print(lab, out);
	if (c->group_count)
		strbuf_str(out, "  groups:\n");
	for (unsigned i = 0; i < c->group_count; i++) {
		field_print(out, "    - {name: ", c->groups[i].name, "");
		field_print(out, ", members: ", c->groups[i].members, "}\n");
	}
}
