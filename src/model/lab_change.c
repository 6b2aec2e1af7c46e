/* SPDX-License-Identifier: PostgreSQL */
#include "lab_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_source.h"
#include "quote.h"

struct value { const char *key, *text; };
struct values { struct value *items; size_t count; struct arena *arena; };

/* --- a lab as a list of keys and values --- */

static const char *scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* An entry of a list is identified by its name, without one by its number. */
static const char *item_word(struct values *v, yaml_document_t *doc, const yaml_node_t *item, unsigned number)
{
	if (item->type == YAML_MAPPING_NODE)
		for (yaml_node_pair_t *p = item->data.mapping.pairs.start; p < item->data.mapping.pairs.top; p++) {
			const char *key = scalar(yaml_document_get_node(doc, p->key));
			const char *name = scalar(yaml_document_get_node(doc, p->value));

			if (key && name && !strcmp(key, "name"))
				return arena_strdup(v->arena, name);
		}
	return arena_printf(v->arena, "%u", number);
}

static void flatten(struct values *v, yaml_document_t *doc, const yaml_node_t *node, const char *path)
{
	unsigned number = 0;

	if (node->type == YAML_SCALAR_NODE) {
		*arena_push(v->arena, v->items, v->count) = (struct value){ path, arena_strdup(v->arena, scalar(node)) };
	} else if (node->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
			flatten(v, doc, yaml_document_get_node(doc, p->value),
				arena_printf(v->arena, "%s%s%s", path, *path ? "." : "",
					     scalar(yaml_document_get_node(doc, p->key))));
	} else if (node->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
			yaml_node_t *item = yaml_document_get_node(doc, *i);

			flatten(v, doc, item,
				arena_printf(v->arena, "%s[%s]", path, item_word(v, doc, item, ++number)));
		}
	}
}

/* @text comes from lab_print(), so it is valid YAML. */
static void add_text(struct values *v, const struct strbuf *text)
{
	yaml_parser_t parser;
	yaml_document_t doc;

	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory */
	yaml_parser_set_input_string(&parser, (const unsigned char *)strbuf_text(text), text->len);
	if (yaml_parser_load(&parser, &doc)) {
		if (yaml_document_get_root_node(&doc))
			flatten(v, &doc, yaml_document_get_root_node(&doc), "");
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
}

/* The value of the key "nodes": their number, or their names if that does not tell the two labs apart. */
static const char *nodes_value(const struct lab *lab, const struct lab *other, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf names = { 0 };
	bool same = true;

	for (unsigned i = 0; i < lab->node_count; i++) {
		same = same && lab_find_node(other, lab->nodes[i].name);
		strbuf_printf(&names, "%s%s", i ? "," : "", lab->nodes[i].name);
	}
	return same || lab->node_count != other->node_count ? arena_printf(a, "%u", lab->node_count) : arena_strdup(a, names.text);
}

/* Which hosts, and where each node is: of the keys of a host, what both labs have is compared, and not which nodes come to it. */
static void list_hosts(const struct lab *lab, const struct lab *other, struct values *v)
{
	auto_(strbuf_clear) struct strbuf names = { 0 };

	for (unsigned i = 0; i < lab->host_count; i++)
		strbuf_printf(&names, "%s%s", i ? "," : "", lab->hosts[i].name);
	if (!lab->host_count)
		return;
	*arena_push(v->arena, v->items, v->count) = (struct value){ "hosts", arena_strdup(v->arena, names.text) };
	for (unsigned i = 0; i < lab->host_count; i++)
		if (host_find(other, lab->hosts[i].name))
			*arena_push(v->arena, v->items, v->count) =
				(struct value){ arena_printf(v->arena, "hosts[%s].number", lab->hosts[i].name),
						arena_printf(v->arena, "%u", host_number(lab, i)) };
	for (unsigned i = 0; i < lab->node_count; i++)
		*arena_push(v->arena, v->items, v->count) =
			(struct value){ arena_printf(v->arena, "nodes[%s].host", lab->nodes[i].name), lab->hosts[lab->nodes[i].host].name };
}

/* "hosts[b].memory", of a host that only one of them has, or "hosts[b].nodes"? list_hosts() says it in other words. */
static bool is_said_elsewhere(const struct lab *lab, const struct lab *other, const char *key, struct arena *a)
{
	size_t len = strncmp(key, "hosts[", 6) ? 0 : strcspn(key + 6, "]");
	const char *name = arena_strndup(a, key + 6 * (len > 0), len);

	if (!strcmp(key, "placement"))
		return !lab->host_count || !other->host_count;
	return len && (!host_find(lab, name) || !host_find(other, name) || !strcmp(key + 6 + len, "].nodes") ||
		       !strcmp(key + 6 + len, "].number"));
}

static void list_values(const struct lab *lab, const struct lab *other, struct values *v)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, nodes = { 0 };
	size_t kept = 0;

	lab_print(lab, &text);
	add_text(v, &text);
	for (size_t i = 0; i < v->count; i++) {
		struct value *one = &v->items[i];

		/* lab_print() writes equal nodes as a number; here they are added as a list, below. */
		if (!strcmp(one->key, "nodes") || !strncmp(one->key, "nodes[", 6) || is_said_elsewhere(lab, other, one->key, v->arena))
			continue;
		if (!strcmp(one->key, "image.source") || !strcmp(one->key, "image.stored"))
			one->key = "image";
		v->items[kept++] = *one;
	}
	v->count = kept;
	*arena_push(v->arena, v->items, v->count) = (struct value){ "nodes", nodes_value(lab, other, v->arena) };
	list_hosts(lab, other, v);
	node_list_print(lab, &nodes);
	add_text(v, &nodes);
}

/* Starts at @from, since two labs mostly have a key at the same position. */
static const char *find(const struct values *v, const char *key, size_t from)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct value *one = &v->items[(from + i) % v->count];

		if (!strcmp(one->key, key))
			return one->text;
	}
	return NULL;
}

/* --- differences --- */

static bool has_prefix(const char *key, const char *prefix)
{
	return !strncmp(key, prefix, strlen(prefix));
}

static bool is_applied(const struct effect_row *r, const char *was, const char *now)
{
	if (!r || r->effect == EFFECT_REFUSED || (r->kept && !now))
		return false;
	return !r->never || (strcmp(was ? was : "", r->never) != 0 && strcmp(now ? now : "", r->never) != 0);
}

enum place { PLACE_NONE, PLACE_SAME, PLACE_MORE, PLACE_OTHER };

/*
 * What a key says about a place: "2-" and "2,3" may be the same nodes, and a new node may have any role. PLACE_MORE: more of the
 * old nodes have the role, and it is one that can be added. PLACE_NONE: the key says nothing of a place.
 */
static enum place place_change(const struct lab *has, const struct lab *wanted, const char *key)
{
	const char *end = strrchr(key, '.');
	enum place found = PLACE_SAME;

	if (!has_prefix(key, "cluster.") || (strcmp(end, ".on") && strcmp(end, ".numbers")) || !has->cluster.recipe ||
	    has->cluster.recipe != wanted->cluster.recipe)
		return PLACE_NONE;
	for (unsigned i = 0; i < has->cluster.place_count; i++) {
		const char *role = has->cluster.places[i].role;

		if (strlen(role) != (size_t)(end - key) - 8 || strncmp(key + 8, role, strlen(role)))
			continue;
		for (unsigned n = 0; n < has->node_count; n++) {
			const struct node *old = &has->nodes[n], *new = lab_find_node(wanted, old->name);

			if (!new || old->role_index[i] == new->role_index[i])
				continue;
			if (old->role_index[i] || !recipe_member(has->cluster.recipe, role))
				return PLACE_OTHER;
			found = PLACE_MORE;
		}
		return found;
	}
	return PLACE_NONE;
}

/* The first node of @lab that @other lacks; NULL = it has all. */
static const struct node *lacks(const struct lab *lab, const struct lab *other)
{
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!lab_find_node(other, lab->nodes[i].name))
			return &lab->nodes[i];
	return NULL;
}

/* Why the hosts of the lab cannot become those of the file; NULL = they can. *ret_lacking: a node whose host is not in the file. */
static const char *refuse_hosts(const struct lab *has, const struct lab *wanted, struct arena *a, const struct node **ret_lacking)
{
	*ret_lacking = NULL;
	if (!has->host_count)
		return "the network of the lab was made for one host, with frames that VXLAN could not carry";
	if (!wanted->host_count || strcmp(has->hosts[0].name, wanted->hosts[0].name) != 0)
		return "the first host has the record, the gateway and the names of the lab";
	for (unsigned i = 1; i < has->host_count; i++) {
		if (host_find(wanted, has->hosts[i].name) || !host_is_used(has, i))
			continue;
		for (unsigned n = 0; n < has->node_count && !*ret_lacking; n++)
			*ret_lacking = has->nodes[n].host == i ? &has->nodes[n] : NULL;
		return arena_printf(a, "host %s has %s", has->hosts[i].name, host_nodes(has, i, a));
	}
	return NULL;
}

/* Has a new node a role whose servers cannot join a running cluster? */
static bool cannot_join(const struct lab *has, const struct lab *wanted)
{
	for (unsigned i = 0; i < wanted->node_count; i++)
		for (unsigned r = 0; has->cluster.recipe && has->cluster.recipe == wanted->cluster.recipe && r < wanted->cluster.place_count; r++)
			if (!lab_find_node(has, wanted->nodes[i].name) && node_has_role(&wanted->nodes[i], (int)r)) {
				const struct member *m = recipe_member(has->cluster.recipe, wanted->cluster.places[r].role);

				if (!m || m->stays)
					return true;
			}
	return false;
}

/* "nodes[node2].memory", of a node that both labs have? */
static bool of_both(const struct lab *has, const struct lab *wanted, const char *key)
{
	const char *name = key + 6;
	auto_(free) char *node = strndup(name, strcspn(name, "]"));

	return node && lab_find_node(has, node) && lab_find_node(wanted, node);
}

/* "cluster.standby.on" says more than "cluster.standby.numbers". */
static bool is_place_of(const char *on, const char *numbers)
{
	size_t len = strlen(numbers) - strlen("numbers");

	return !strncmp(on, numbers, len) && !strcmp(on + len, "on");
}

/* True when another difference explains this one, so that it is not repeated for each node. */
static bool follows(const struct lab_change *changes, unsigned count, const char *key)
{
	const char *word = strrchr(key, '.');
	bool in_cluster = has_prefix(key, "cluster."), address;

	if (!in_cluster && !has_prefix(key, "nodes["))
		return false;
	address = !in_cluster && !strcmp(word, ".address");
	for (unsigned i = 0; i < count; i++) {
		const char *other = changes[i].key;

		if ((in_cluster && !strcmp(other, "cluster.kind")) || (in_cluster && !strcmp(word, ".numbers") && is_place_of(other, key)) ||
		    (address && has_prefix(other, "network.")) ||
		    (!strcmp(word, ".host") && !strcmp(other, "hosts") && changes[i].refused) ||
		    (!in_cluster && has_prefix(other, "defaults.") && !strcmp(strrchr(other, '.'), word)))
			return true;
	}
	return false;
}

void lab_changes(const struct lab *has, const struct lab *wanted, bool bootstrapped, struct arena *a,
		 struct lab_change **ret, unsigned *ret_count)
{
	struct values before = { .arena = a }, after = { .arena = a };
	struct lab_change *changes = NULL;
	unsigned count = 0;

	list_values(has, wanted, &before);
	list_values(wanted, has, &after);
	for (size_t i = 0; i < after.count + before.count; i++) {
		bool gone = i >= after.count;
		const struct value *v = gone ? &before.items[i - after.count] : &after.items[i];
		const char *was = gone ? v->text : find(&before, v->key, i), *now = gone ? NULL : v->text;
		bool free_cluster = has_prefix(v->key, "cluster.") && !bootstrapped, nodes = !strcmp(v->key, "nodes");
		const struct effect_row *r = effect_row(v->key);
		enum place place = place_change(has, wanted, v->key);
		const struct node *lacking = NULL;
		const char *why = NULL;
		bool refused;

		if (gone ? find(&after, v->key, i - after.count) != NULL : was && !strcmp(was, now))
			continue;
		if (place == PLACE_SAME || (has_prefix(v->key, "nodes[") && !of_both(has, wanted, v->key)) ||
		    follows(changes, count, v->key))
			continue;
		refused = !free_cluster && place != PLACE_MORE && !is_applied(r, was, now);
		if (nodes)
			refused = lacks(has, wanted) || (bootstrapped && cannot_join(has, wanted));
		if (!strcmp(v->key, "hosts"))
			refused = (why = refuse_hosts(has, wanted, a, &lacking)) != NULL;
		*arena_push(a, changes, count) = (struct lab_change){
			v->key, was, now, refused,
			why ? why : free_cluster || place == PLACE_MORE ? NULL : nodes && refused ? effect_text(effect_row("nodes[*]"), wanted, v->key) :
								     effect_text(r, wanted, v->key),
			nodes ? lacks(has, wanted) : lacking };
	}
	*ret = changes;
	*ret_count = count;
}

void lab_change_text(const struct lab_change *c, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();

	strbuf_printf(out, "%s has %.200s, wanted %.200s", c->key, c->has ? quote_url(c->has, a) : "no value",
		      c->wanted ? quote_url(c->wanted, a) : "none");
}

void lab_change_say(const struct lab_change *c, struct strbuf *out)
{
	lab_change_text(c, out);
	if (c->how)
		strbuf_printf(out, " (%s)", c->how);
}

int lab_changes_check(const struct lab *has, const char *file, const struct lab_change *changes, unsigned count,
		      struct fail *e)
{
	auto_(strbuf_clear) struct strbuf all = { 0 }, first = { 0 };
	const struct node *lacking = NULL;
	bool by_host = false;
	unsigned refused = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!changes[i].refused)
			continue;
		if (changes[i].lacking) {
			lacking = changes[i].lacking;
			by_host = !strcmp(changes[i].key, "hosts");
		}
		if (!refused++)
			lab_change_text(&changes[i], &first);
		else if (all.len > sizeof e->evidence - 600)
			continue;
		lab_change_say(&changes[i], &all);
		strbuf_char(&all, '\n');
	}
	if (!refused)
		return 0;
	if (refused > 1)
		strbuf_printf(&first, " (and %u more)", refused - 1);
	fail(e, FAIL_CONFLICT, "%s changes keys that cannot be changed in lab '%s': %s", file, has->name, strbuf_text(&first));
	fail_evidence(e, strbuf_text(&all), UINT32_MAX);
	if (lacking)
		return fail_next(e, "labctl -l %s node remove %s    (removes it and its data); to keep it, add %s%s to %s", has->name,
				 lacking->name, by_host ? "host " : "it", by_host ? has->hosts[lacking->host].name : "", file);
	return fail_next(e, "restore the old values of these keys in %s; for another lab beside this one: labctl -l NAME create", file);
}

/* --- what the lab file does not set --- */

static void keep_source(const struct lab *has, struct lab *wanted)
{
	const struct cluster *c = &has->cluster;
	struct cluster *w = &wanted->cluster;

	if (w->archive)
		return;
	w->archive = arena_strdup(wanted->arena, c->archive);
	if (w->sha256 || w->configure || w->patch_count)
		return;
	for (unsigned i = 0; i < c->patch_count; i++)
		*arena_push(wanted->arena, w->patches, w->patch_count) = arena_strdup(wanted->arena, c->patches[i]);
	w->sha256 = arena_strdup(wanted->arena, c->sha256);
	w->configure = arena_strdup(wanted->arena, c->configure);
}

/* Users that the lab file does not name stay: `labctl db user create` or another lab file made them. */
static void keep_users(const struct lab *has, struct lab *wanted)
{
	const struct cluster *c = &has->cluster;
	struct cluster *w = &wanted->cluster;

	for (unsigned i = 0; i < c->user_count; i++)
		if (!db_user_find(w, c->users[i].name) && w->user_count < DB_USERS_MAX)
			*arena_push(wanted->arena, w->users, w->user_count) =
				(struct db_user){ arena_strdup(wanted->arena, c->users[i].name),
						  arena_strdup(wanted->arena, c->users[i].databases), c->users[i].reads_only };
}

/* The node that had the role before any takeover. */
static const struct node *first_leader(const struct lab *lab)
{
	const struct takeover *t = lab->cluster.recipe->takeover;
	bool set[LAB_NODES_MAX] = { 0 };
	struct fail ignored = { 0 };

	if (t && lab_select(lab, lab->cluster.places[lab_role(lab, t->role)].on, NULL, set, &ignored) == 0)
		for (unsigned i = 0; i < lab->node_count; i++)
			if (set[i])
				return &lab->nodes[i];
	return NULL;
}

/*
 * Which server took the role over, the record says and no lab file. A file that places the role on a third node is left as it
 * is: that is a change, and refused.
 */
static void keep_promoted(const struct lab *has, struct lab *wanted)
{
	const struct node *leader = lab_leader(has), *first = first_leader(has), *said = lab_leader(wanted);
	struct fail ignored = { 0 };

	if (!leader || !first || !said || (!has->cluster.promoted && !wanted->cluster.promoted))
		return;
	if (!wanted->cluster.promoted && strcmp(said->name, first->name) != 0)
		return;
	for (unsigned i = 0; i < wanted->node_count; i++)
		if (!strcmp(wanted->nodes[i].name, leader->name))
			lab_promote(wanted, &wanted->nodes[i], &ignored);
}

int lab_keep(const struct lab *has, struct lab **wanted, const char *state_dir, struct fail *e)
{
	struct lab_options o = { .state_dir = state_dir };
	struct lab *lab = *wanted, *whole = NULL;
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (lab->hypervisor == HYPERVISOR_AUTO)
		lab->hypervisor = has->hypervisor;
	if (!lab->net.subnet && has->net.subnet)
		lab_set_subnet(lab, has->net.subnet, has->net.prefix_len);
	/* `create --autostart` and `--ttl` may have set them. */
	if (!lab_line(lab, "autostart"))
		lab->autostart = has->autostart;
	if (!lab->ttl)
		lab->ttl = arena_strdup(lab->arena, has->ttl);
	lab_keep_nodes(has, lab);
	if (lab->cluster.recipe || !has->cluster.recipe) {
		if (lab->cluster.recipe == has->cluster.recipe && lab->cluster.recipe) {
			keep_source(has, lab);
			keep_users(has, lab);
			keep_promoted(has, lab);
		}
		return 0;
	}
	lab_print(lab, &text);
	cluster_print(has, &text);
	if (lab_parse(text.text, text.len, lab->file, &o, &whole, e) < 0)
		return -1;
	lab_free(lab);
	*wanted = whole;
	return 0;
}
