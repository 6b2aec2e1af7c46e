/* SPDX-License-Identifier: PostgreSQL */
#include "faults.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "fill.h"
#include "nft.h"

#define FILE_MAX_BYTES (4u << 20)

DEFINE_AUTO(json_t *, json_decref)

static const char *file_of(const struct paths *p, struct arena *a)
{
	return arena_printf(a, "%s/faults.json", p->lab);
}

bool faults_recorded(const struct paths *p)
{
	auto_(arena_free) struct arena *a = arena_new();

	return file_exists(file_of(p, a));
}

static json_t *names(const struct lab *lab, const bool *set)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			json_array_append_new(list, json_string(lab->nodes[i].name));
	return list;
}

static bool *nodes_of(const struct lab *lab, const json_t *list, struct arena *a)
{
	bool *set = arena_alloc(a, lab->node_count * sizeof *set);
	const struct node *n;
	const json_t *name;
	size_t i;

	json_array_foreach(list, i, name)
		if (json_is_string(name) && (n = lab_find_node(lab, json_string_value(name))))
			set[n->index - 1] = true;
	return set;
}

/* False if the record makes no sense. */
static bool take(const struct lab *lab, const json_t *record, struct arena *a, struct fault *ret)
{
	const json_t *nodes, *others;
	json_int_t begun, until;
	const char *kind, *role;
	int id, amount, host, one_way;

	if (json_unpack((json_t *)record, "{s:i, s:s, s:o, s:o, s:b, s:b, s:i, s:s, s:I, s:I}", "id", &id, "kind", &kind, "nodes", &nodes,
			"others", &others, "host", &host, "one_way", &one_way, "amount", &amount, "role", &role, "begun_ms", &begun,
			"until_ms", &until) < 0 ||
	    id < 1 || amount < 0 || !fault_kind(kind))
		return false;
	*ret = (struct fault){ .id = (unsigned)id, .kind = fault_kind(kind), .a = nodes_of(lab, nodes, a), .b = nodes_of(lab, others, a),
			       .host = host, .one_way = one_way, .amount = (unsigned)amount, .role = *role ? lab_role(lab, role) : -1,
			       .begun_ms = begun, .until_ms = until };
	return !*role || ret->role >= 0;
}

int faults_read(const struct paths *p, const struct lab *lab, struct arena *a, struct fault **ret, unsigned *ret_count, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(json_decref) json_t *all = NULL;
	const char *path = file_of(p, a);
	const json_t *record;
	size_t i;

	*ret = NULL;
	*ret_count = 0;
	if (!file_exists(path))
		return 0;
	if (file_read(path, FILE_MAX_BYTES, &text, e) < 0)
		return -1;
	all = json_loadb(strbuf_text(&text), text.len, 0, NULL);
	json_array_foreach(all, i, record) {
		struct fault f;

		if (!take(lab, record, a, &f)) {
			all = (json_decref(all), NULL);
			break;
		}
		*arena_push(a, *ret, *ret_count) = f;
	}
	if (json_is_array(all))
		return 0;
	fail(e, FAIL_LAB, "%s is damaged", path);
	return fail_next(e, "nft delete table bridge %s; rm %s; labctl -l %s start", lab->net.bridge, path, lab->name);
}

int faults_write(const struct paths *p, const struct lab *lab, const struct fault *faults, unsigned count, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(json_decref) json_t *all = json_array();
	auto_(free) char *text = NULL;
	const char *path = file_of(p, a);

	if (!count)
		return unlink(path) < 0 && errno != ENOENT ? fail_errno(e, FAIL_OTHER, "remove %s", path) : 0;
	for (unsigned i = 0; i < count; i++) {
		const struct fault *f = &faults[i];

		json_array_append_new(all, json_pack("{s:i, s:s, s:o, s:o, s:b, s:b, s:i, s:s, s:I, s:I}", "id", (int)f->id, "kind", f->kind->name,
						     "nodes", names(lab, f->a), "others", names(lab, f->b), "host", f->host, "one_way",
						     f->one_way, "amount", (int)f->amount, "role",
						     f->role < 0 ? "" : lab->cluster.places[f->role].role, "begun_ms",
						     (json_int_t)f->begun_ms, "until_ms", (json_int_t)f->until_ms));
	}
	text = json_dumps(all, JSON_INDENT(1));
	return file_write(path, text, strlen(text), 0600, e);
}

bool fault_holds(const struct lab *lab, const struct fault *f, unsigned host)
{
	char set[16];

	snprintf(set, sizeof set, "f%u", f->id);
	if (f->kind->on != FAULT_SPACE)
		return nft_set_has_elements(lab->net.bridge, set);
	for (unsigned i = 0; i < lab->node_count; i++)
		if (f->a[i] && lab->nodes[i].host == host && fill_is_there(lab->nodes[i].export_dir))
			return true;
	return false;
}

int faults_text(const struct paths *p, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	return faults_recorded(p) ? file_read(file_of(p, a), FILE_MAX_BYTES, out, e) : 0;
}

int faults_take(const struct paths *p, const char *text, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (*text)
		return file_write(file_of(p, a), text, strlen(text), 0600, e);
	return unlink(file_of(p, a)) < 0 && errno != ENOENT ? fail_errno(e, FAIL_OTHER, "%s", file_of(p, a)) : 0;
}
