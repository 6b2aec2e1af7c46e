/* SPDX-License-Identifier: PostgreSQL */
#include "host_words.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "virt.h"

const char host_version[] = LABCTL_VERSION;

static void add(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, json_string(text));
}

static const char *get(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* --- failures --- */

json_t *host_fail_json(const struct fail *e)
{
	json_t *o = json_pack("{s:i, s:i, s:i}", "code", (int)e->code, "cause", (int)e->cause, "errno", e->error);

	add(o, "text", e->text);
	add(o, "next", e->next);
	add(o, "evidence", e->evidence);
	return o;
}

int host_fail_read(const json_t *o, struct fail *e)
{
	int code = (int)json_integer_value(json_object_get(o, "code")), cause = (int)json_integer_value(json_object_get(o, "cause"));

	fail(e, code > 0 && code <= FAIL_CANCELED ? (enum fail_code)code : FAIL_OTHER, "%s", *get(o, "text") ? get(o, "text") : "failed");
	if (cause > 0 && cause < CAUSE_COUNT)
		e->cause = (enum fail_cause)cause;
	e->error = (int)json_integer_value(json_object_get(o, "errno"));
	if (*get(o, "next"))
		fail_next(e, "%s", get(o, "next"));
	fail_evidence(e, get(o, "evidence"), UINT32_MAX);
	return -1;
}

/* --- facts --- */

void host_facts_json(const struct facts *f, json_t *o)
{
	json_t *domains = json_array(), *networks = json_array();

	for (unsigned i = 0; i < f->domain_count; i++) {
		const struct fact_domain *d = &f->domains[i];
		json_t *row = json_pack("{s:b, s:b, s:b}", "active", d->active, "runs", d->runs, "lost", d->lost);

		add(row, "name", d->name);
		add(row, "uuid", d->uuid);
		add(row, "lab", d->lab);
		add(row, "lab_uuid", d->lab_uuid);
		add(row, "node", d->node);
		add(row, "lab_state", d->lab_state);
		add(row, "type", d->type);
		add(row, "state", d->state);
		json_array_append_new(domains, row);
	}
	for (unsigned i = 0; i < f->network_count; i++) {
		const struct fact_network *n = &f->networks[i];
		json_t *row = json_pack("{s:b}", "active", n->active);

		add(row, "name", n->name);
		add(row, "lab", n->lab);
		add(row, "lab_uuid", n->lab_uuid);
		add(row, "state", n->state);
		json_array_append_new(networks, row);
	}
	json_object_set_new(o, "domains", domains);
	json_object_set_new(o, "networks", networks);
}

static const char *copy(const json_t *o, const char *key, struct arena *a)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? arena_strdup(a, text) : NULL;
}

static bool truth(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

void host_facts_read(const json_t *o, unsigned host, struct arena *a, struct facts *f)
{
	const json_t *domains = json_object_get(o, "domains"), *networks = json_object_get(o, "networks"), *row;
	size_t i, more = json_array_size(domains), has = f->domain_count;
	struct fact_domain *all = arena_alloc(a, (has + more + 1) * sizeof *all);
	struct fact_network *nets = arena_alloc(a, (f->network_count + json_array_size(networks) + 1) * sizeof *nets);

	if (has)
		memcpy(all, f->domains, has * sizeof *all);
	if (f->network_count)
		memcpy(nets, f->networks, f->network_count * sizeof *nets);
	f->domains = all;
	f->networks = nets;
	json_array_foreach(domains, i, row)
		all[f->domain_count++] = (struct fact_domain){
			.name = arena_strdup(a, get(row, "name")), .uuid = copy(row, "uuid", a), .lab = copy(row, "lab", a),
			.lab_uuid = copy(row, "lab_uuid", a), .node = copy(row, "node", a), .lab_state = copy(row, "lab_state", a),
			.type = copy(row, "type", a), .active = truth(row, "active"), .state = arena_strdup(a, get(row, "state")),
			.runs = truth(row, "runs"), .lost = truth(row, "lost"), .host = host };
	json_array_foreach(networks, i, row)
		nets[f->network_count++] = (struct fact_network){
			.name = arena_strdup(a, get(row, "name")), .lab = copy(row, "lab", a), .lab_uuid = copy(row, "lab_uuid", a),
			.state = copy(row, "state", a), .active = truth(row, "active"), .host = host };
}

/* --- use --- */

static const struct { const char *key; size_t at; } uses[] = {
	{ "cpu", offsetof(struct virt_usage, cpu_s) },
	{ "memory", offsetof(struct virt_usage, memory_bytes) },
	{ "read", offsetof(struct virt_usage, read_bytes) },
	{ "written", offsetof(struct virt_usage, written_bytes) },
	{ "received", offsetof(struct virt_usage, received_bytes) },
	{ "sent", offsetof(struct virt_usage, sent_bytes) },
};

static double *use_of(struct virt_usage *u, size_t at)
{
	return (double *)(void *)((char *)u + at);
}

json_t *host_usage_json(const struct virt_usage *u)
{
	struct virt_usage copied = *u;
	json_t *o = json_pack("{s:b}", "known", u->known);

	for (size_t i = 0; i < ARRAY_COUNT(uses); i++)
		json_object_set_new(o, uses[i].key, json_real(*use_of(&copied, uses[i].at)));
	return o;
}

void host_usage_read(const json_t *o, struct virt_usage *u)
{
	*u = (struct virt_usage){ .known = truth(o, "known") };
	for (size_t i = 0; i < ARRAY_COUNT(uses); i++)
		*use_of(u, uses[i].at) = json_number_value(json_object_get(o, uses[i].key));
}

/* --- words --- */

enum step_state host_state_read(const char *word)
{
	for (unsigned i = 0; word && i < STEP_STATE_COUNT; i++)
		if (!strcmp(step_state_names[i], word))
			return (enum step_state)i;
	return STEP_FAILED;
}

enum verb host_verb_read(const char *name)
{
	unsigned i = 0;

	while (name && i < VERB_COUNT && strcmp(verb_names[i], name) != 0)
		i++;
	return name ? (enum verb)i : VERB_COUNT;
}
