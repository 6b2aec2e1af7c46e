/* SPDX-License-Identifier: PostgreSQL */
/* The file of a specification: YAML -> lists of texts with their lines. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "spec_source.h"

#define TEXT_MAX 1024u
#define ITEMS_MAX 256 /* of a list */

struct reader { struct spec_source *s; yaml_document_t *doc; };

static int line_of(const yaml_node_t *n)
{
	return (int)n->start_mark.line + 1;
}

static void complain(struct reader *r, int line, const char *key, const char *text)
{
	problem_add(&r->s->file, line, key, "%s", text);
}

/* The text of a scalar, or NULL after a problem. */
static const char *text_of(struct reader *r, const yaml_node_t *n, const char *key)
{
	const char *text = (const char *)n->data.scalar.value;

	if (n->type != YAML_SCALAR_NODE) {
		complain(r, line_of(n), key, n->type == YAML_MAPPING_NODE ? "must be a value, got a map" : "must be a value, got a list");
		return NULL;
	}
	if (strlen(text) != n->data.scalar.length || n->data.scalar.length > TEXT_MAX)
		complain(r, line_of(n), key, "must be a text of at most 1024 characters");
	else if (!*text || (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!strcmp(text, "~") || !strcmp(text, "null"))))
		complain(r, line_of(n), key, "must have a value");
	else if (text[strcspn(text, "\n\r\t\x7f")])
		complain(r, line_of(n), key, "must not contain control characters");
	else
		return arena_strdup(r->s->arena, text);
	return NULL;
}

/* {name: mine, script: FILE, dataset: pack, writes: false} */
static bool map_item(struct reader *r, const yaml_node_t *n, struct spec_item *item)
{
	static const char *const known[] = { "name", "script", "dataset", "writes", NULL };
	const char **fields[] = { &item->text, &item->script, &item->dataset, &item->writes };
	bool good = true;

	item->line = line_of(n);
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
		const char *name = text_of(r, key, "workloads"), *value;
		unsigned i = 0;

		while (name && known[i] && strcmp(known[i], name) != 0)
			i++;
		if (name && !known[i])
			problem_add(&r->s->file, line_of(key), "workloads", "unknown key '%.40s'%s", name, spec_hint(r->s, name, known));
		value = name && known[i] ? text_of(r, yaml_document_get_node(r->doc, p->value), "workloads") : NULL;
		if (value && *fields[i])
			problem_add(&r->s->file, line_of(key), "workloads", "duplicate key '%s'", name);
		if (value)
			*fields[i] = value;
		good &= value != NULL;
	}
	if (good && (!item->text || !item->script))
		complain(r, item->line, "workloads", "a script of your own needs name and script: {name: mine, script: mine.sql}");
	return good && item->text && item->script;
}

static void read_key(struct reader *r, const struct spec_key *k, int line, const yaml_node_t *value)
{
	const yaml_node_t *single = value;
	struct spec_item *items = NULL;
	unsigned count = 0, given = 1;
	bool good = true;

	if (value->type == YAML_SEQUENCE_NODE) {
		given = (unsigned)(value->data.sequence.items.top - value->data.sequence.items.start);
		if (!k->list || !given || given > ITEMS_MAX) {
			complain(r, line, k->name, !k->list ? "must be one value, got a list" : given ? "is a list of more than 256"
				 : "is an empty list");
			return;
		}
	}
	for (unsigned i = 0; i < given; i++) {
		const yaml_node_t *n = value->type == YAML_SEQUENCE_NODE
			? yaml_document_get_node(r->doc, value->data.sequence.items.start[i]) : single;
		struct spec_item item = { .line = line_of(n) };
		bool fine = n->type == YAML_MAPPING_NODE && !strcmp(k->name, "workloads") ? map_item(r, n, &item)
			: (item.text = text_of(r, n, k->name)) != NULL;

		good &= fine;
		if (fine)
			*arena_push(r->s->arena, items, count) = item;
	}
	if (good)
		spec_give(r->s, k, line, items, count);
}

static void read_map(struct reader *r, const yaml_node_t *root)
{
	const char *known[SPEC_KEYS_MAX + 1] = { NULL };
	int first[SPEC_KEYS_MAX] = { 0 };

	if (root->type != YAML_MAPPING_NODE) {
		complain(r, line_of(root), "yaml", "must be a map of keys: workloads, clients, time...");
		return;
	}
	for (unsigned i = 0; spec_keys[i].name; i++)
		known[i] = spec_keys[i].name;
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
		const char *name = text_of(r, key, "yaml");
		unsigned i = 0;

		while (name && known[i] && strcmp(known[i], name) != 0)
			i++;
		if (!name)
			continue;
		if (!known[i])
			problem_add(&r->s->file, line_of(key), name, "unknown key%s", spec_hint(r->s, name, known));
		else if (first[i])
			problem_add(&r->s->file, line_of(key), name, "duplicate key, first in line %d", first[i]);
		else
			read_key(r, &spec_keys[i], first[i] = line_of(key), yaml_document_get_node(r->doc, p->value));
	}
}

void spec_read_file(struct spec_source *s, const char *text, size_t len)
{
	struct reader r = { .s = s };
	yaml_parser_t parser;
	yaml_document_t doc;

	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory */
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	for (unsigned n = 0; n < 2; n++) { /* the second document, if there is one, is a mistake */
		const yaml_node_t *root;

		if (!yaml_parser_load(&parser, &doc)) {
			problem_add(&s->file, (int)parser.problem_mark.line + 1, "yaml", "%s%s%s", parser.problem ? parser.problem : "?",
				    parser.context ? " " : "", parser.context ? parser.context : "");
			break;
		}
		root = yaml_document_get_root_node(&doc);
		r.doc = &doc;
		if (root && n == 0)
			read_map(&r, root);
		else if (root)
			problem_add(&s->file, line_of(root), "yaml", "a second document");
		yaml_document_delete(&doc);
		if (!root)
			break;
	}
	yaml_parser_delete(&parser);
}
