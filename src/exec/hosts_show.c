/* SPDX-License-Identifier: PostgreSQL */
/* What the hosts of a lab have and use, to show it. */
#include <string.h>

#include "clock.h"
#include "faults.h"
#include "hosts_ask.h"
#include "node_console.h"
#include "runtime.h"
#include "virt.h"

#define ASK_MS 20000

static int ask_usage(struct hosts *h, unsigned host, const char *const *domains, unsigned count, struct virt_usage *ret, struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;
	json_t *names = json_array(), *used;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(names, json_string(domains[i]));
	if (hosts_ask(h, host, json_pack("{s:o}", "usage", names), NULL, clock_after_ms(ASK_MS), &answer, e) < 0)
		return -1;
	used = json_object_get(answer, "used");
	for (unsigned i = 0; i < count; i++)
		host_usage_read(json_array_get(used, i), &ret[i]);
	return 0;
}

/* Of the nodes of one host. */
static int usage_on(struct runtime *rt, unsigned host, const struct node *const *nodes, unsigned count, struct virt_usage *ret, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char **domains = arena_alloc(a, (count + 1) * sizeof *domains);
	struct virt_usage *used = arena_alloc(a, (count + 1) * sizeof *used);
	unsigned *places = arena_alloc(a, (count + 1) * sizeof *places), here = 0;
	struct virt *v;
	int r;

	for (unsigned i = 0; i < count; i++)
		if (nodes[i]->host == host) {
			places[here] = i;
			domains[here++] = nodes[i]->domain;
		}
	if (!here)
		return 0;
	if (host != runtime_host(rt))
		r = ask_usage(runtime_hosts(rt), host, domains, here, used, e);
	else
		r = runtime_virt(rt, &v, e) < 0 ? -1 : virt_usage(v, domains, here, used, e);
	for (unsigned i = 0; i < here && r == 0; i++)
		ret[places[i]] = used[i];
	return r;
}

int runtime_usage(struct runtime *rt, const struct node *const *nodes, unsigned count, struct virt_usage *ret, struct fail *silent, struct fail *e)
{
	unsigned hosts = runtime_lab(rt)->host_count;

	memset(ret, 0, count * sizeof *ret);
	for (unsigned h = 1; h < hosts; h++) {
		struct fail why = { 0 };

		if (usage_on(rt, h, nodes, count, ret, &why) < 0 && silent && !silent->code)
			*silent = why;
	}
	return usage_on(rt, 0, nodes, count, ret, e);
}

int hosts_describe(struct hosts *h, unsigned host, void (*each)(void *ctx, const char *name, const char *state, const char *xml), void *ctx,
		   struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;
	json_t *row;
	size_t i;

	if (hosts_ask(h, host, json_pack("{s:b}", "objects", 1), NULL, clock_after_ms(ASK_MS), &answer, e) < 0)
		return -1;
	json_array_foreach(json_object_get(answer, "objects"), i, row) {
		const char *name = json_string_value(json_object_get(row, "name")), *state = json_string_value(json_object_get(row, "state"));
		const char *xml = json_string_value(json_object_get(row, "xml"));

		if (name && state && xml && !strchr(name, '/'))
			each(ctx, name, state, xml);
	}
	return 0;
}

int runtime_faults_held(struct runtime *rt, unsigned host, const struct fault *faults, unsigned count, bool *ret, struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;
	json_t *id;
	size_t k;

	if (host == runtime_host(rt)) {
		for (unsigned i = 0; i < count; i++)
			ret[i] = fault_is_on(runtime_lab(rt), &faults[i], host) && fault_holds(runtime_lab(rt), &faults[i], host);
		return 0;
	}
	if (hosts_ask(runtime_hosts(rt), host, json_pack("{s:b}", "faults", 1), NULL, clock_after_ms(ASK_MS), &answer, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		ret[i] = false;
		json_array_foreach(json_object_get(answer, "held"), k, id)
			ret[i] = ret[i] || json_integer_value(id) == faults[i].id;
	}
	return 0;
}

int hosts_console_text(struct hosts *h, const struct node *n, int64_t from, uint32_t max_bytes, struct strbuf *out, struct console_file *ret,
		       struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;
	const char *text;

	if (hosts_ask(h, n->host, json_pack("{s:s, s:I, s:I}", "printed", n->name, "from", (json_int_t)from, "max", (json_int_t)max_bytes), NULL,
		      clock_after_ms(ASK_MS), &answer, e) < 0)
		return -1;
	text = json_string_value(json_object_get(answer, "text"));
	strbuf_str(out, text ? text : "");
	*ret = (struct console_file){ json_integer_value(json_object_get(answer, "size")), json_integer_value(json_object_get(answer, "changed_ms")) };
	return 0;
}
