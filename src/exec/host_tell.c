/* SPDX-License-Identifier: PostgreSQL */
/* What a master asks of a host to show it: what domains use, what libvirt has, which faults are in force, which snapshots it has. */
#include <string.h>

#include "faults.h"
#include "host_server.h"
#include "snapshots.h"
#include "virt.h"

void server_tell_usage(struct server *s, const json_t *q, json_t *reply, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const json_t *names = json_object_get(q, "usage");
	unsigned count = (unsigned)json_array_size(names);
	const char **domains = arena_alloc(a, (count + 1) * sizeof *domains);
	struct virt_usage *used = arena_alloc(a, (count + 1) * sizeof *used);
	json_t *list = json_array();
	struct virt *v;

	for (unsigned i = 0; i < count; i++)
		domains[i] = json_string_value(json_array_get(names, i)) ? json_string_value(json_array_get(names, i)) : "";
	if (runtime_virt(s->rt, &v, e) == 0 && virt_usage(v, domains, count, used, e) == 0)
		for (unsigned i = 0; i < count; i++)
			json_array_append_new(list, host_usage_json(&used[i]));
	json_object_set_new(reply, "used", list);
}

static void add_object(void *ctx, const char *name, const char *state, const char *xml)
{
	json_array_append_new(ctx, json_pack("{s:s, s:s, s:s}", "name", name, "state", state, "xml", xml));
}

void server_tell_objects(struct server *s, json_t *reply, struct fail *e)
{
	json_t *list = json_array();
	struct virt *v;

	if (runtime_virt(s->rt, &v, e) == 0)
		virt_describe(v, s->lab->uuid, add_object, list, e);
	json_object_set_new(reply, "objects", list);
}

/* By the record of faults that the master gave this host. */
void server_tell_faults(struct server *s, json_t *reply, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	json_t *list = json_array();
	struct fault *faults;
	unsigned count;

	if (faults_read(runtime_paths(s->rt), s->lab, a, &faults, &count, e) == 0)
		for (unsigned i = 0; i < count; i++)
			if (fault_is_on(s->lab, &faults[i], s->host) && fault_holds(s->lab, &faults[i], s->host))
				json_array_append_new(list, json_integer(faults[i].id));
	json_object_set_new(reply, "held", list);
}

void server_tell_snapshot(struct server *s, const char *name, json_t *reply, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (snapshot_form_name(name))
		fail(e, FAIL_OTHER, "no snapshot has this name: %.64s", name);
	else if (snapshot_manifest(runtime_paths(s->rt), name, &text, e) == 0)
		json_object_set_new(reply, "manifest", json_string(strbuf_text(&text)));
}
