/* SPDX-License-Identifier: PostgreSQL */
/* What another host keeps of a lab: its lock and lease, who its master is, the record, and the keys of its nodes there. */
#include <string.h>

#include "clock.h"
#include "faults.h"
#include "file.h"
#include "host_server.h"
#include "lease.h"
#include "snapshots.h"
#include "state.h"
#include "virt.h"

#define LOCK_MS 3000
#define MASTER_BYTES 4096

const char *host_master(const struct paths *p, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;

	if (file_read(arena_printf(a, "%s/master", p->lab), MASTER_BYTES, &text, &ignored) < 0)
		return NULL;
	return arena_strndup(a, strbuf_text(&text), strcspn(strbuf_text(&text), "\n"));
}

/* Machine and state directory; the name of the host is for people. */
static size_t master_len(const char *master)
{
	const char *last = strrchr(master, ' ');

	return last ? (size_t)(last - master) : strlen(master);
}

/* The lab of this name here must be this master's. */
static int check_master(const struct server *s, const struct paths *p, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *has = host_master(p, a);

	if (!has && !file_exists(p->lab_file))
		return 0;
	if (has && master_len(has) == master_len(s->master) && !strncmp(has, s->master, master_len(has)))
		return 0;
	if (!has)
		fail(e, FAIL_CONFLICT, "there is a lab '%s' of that host itself", s->lab->name);
	else
		fail(e, FAIL_CONFLICT, "lab '%s' there is of labctl on %s", s->lab->name, strrchr(has, ' ') ? strrchr(has, ' ') + 1 : has);
	return fail_next(e, "destroy that lab, or give this one another name: labctl -l NAME create");
}

int server_write(const char *path, const char *text, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf old = { 0 };
	struct fail ignored;

	if (file_read(path, 1 << 20, &old, &ignored) == 0 && !strcmp(strbuf_text(&old), text))
		return 0;
	return file_write(path, text, strlen(text), 0600, e);
}

/* What the master has of the lab that concerns this host, no files of that name: faults_text(), snapshots_names(). */
static const struct { const char *name; int (*take)(const struct paths *p, const char *text, struct fail *e); } lists[] = {
	{ "faults", faults_take },
	{ "snapshots", snapshots_keep },
};

static int list_of(const char *name)
{
	for (int i = 0; i < (int)ARRAY_COUNT(lists); i++)
		if (!strcmp(lists[i].name, name))
			return i;
	return -1;
}

/* "id_ed25519.pub", "nodes/NODE/host_key": nothing else but these lists, and only below the lab's directory. */
static const char *kept_path(const struct server *s, const struct paths *p, const char *name, struct arena *a)
{
	if (!strcmp(name, "id_ed25519.pub"))
		return p->key_pub;
	for (unsigned i = 0; i < s->lab->node_count; i++) {
		const char *node = s->lab->nodes[i].name;

		if (!strcmp(name, arena_printf(a, "nodes/%s/host_key", node)) || !strcmp(name, arena_printf(a, "nodes/%s/host_key.pub", node)))
			return arena_printf(a, "%s/%s", p->lab, name);
	}
	return NULL;
}

static int keep_files(struct server *s, json_t *files, struct arena *a, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	const char *name;
	json_t *text;

	json_object_foreach(files, name, text) {
		const char *path = kept_path(s, p, name, a);

		if (list_of(name) >= 0 && json_is_string(text)) {
			if (lists[list_of(name)].take(p, json_string_value(text), e) < 0)
				return -1;
			continue;
		}
		if (!path || !json_is_string(text))
			return fail(e, FAIL_OTHER, "'%s' is no text", name);
		if (!strncmp(name, "nodes/", 6) && file_mkdirs(arena_strndup(a, path, (size_t)(strrchr(path, '/') - path)), 0700, e) < 0)
			return -1;
		if (server_write(path, json_string_value(text), e) < 0)
			return -1;
	}
	return 0;
}

/* A subnet that this host already uses would be a conflict that no node could explain. */
static int take_lease(struct server *s, struct arena *a, struct fail *e)
{
	const struct lab *lab = s->lab;
	struct lease_wish wish = { .state_dir = runtime_paths(s->rt)->state, .lab = lab->name, .lab_uuid = lab->uuid,
				   .subnet = lab->net.subnet, .prefix_len = lab->net.prefix_len };
	struct subnet *taken;
	unsigned prefix_len;
	uint32_t subnet;
	struct virt *v;

	if (runtime_virt(s->rt, &v, e) < 0 || virt_subnets(v, a, &taken, &wish.taken_count, e) < 0)
		return -1;
	wish.taken = taken;
	return lease_take(&wish, &subnet, &prefix_len, e);
}

int server_keep(struct server *s, const json_t *q, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	auto_(arena_free) struct arena *a = arena_new();

	if (s->lock_fd < 0 && state_lock(p, "host-run", clock_after_ms(LOCK_MS), &s->lock_fd, e) < 0)
		return -1;
	if (check_master(s, p, e) < 0) {
		state_drop_empty(p);
		return -1;
	}
	for (void *i = json_object_iter(json_object_get(q, "keep")); i; i = json_object_iter_next(json_object_get(q, "keep"), i))
		if (list_of(json_object_iter_key(i)) < 0 && !kept_path(s, p, json_object_iter_key(i), a))
			return fail(e, FAIL_OTHER, "'%s' is not a file that a host keeps", json_object_iter_key(i));
	/* The master first: from now on this is a part of its lab, whatever comes next. The record last: it has all that it needs. */
	if (server_write(arena_printf(a, "%s/master", p->lab), arena_printf(a, "%s\n", s->master), e) < 0 || take_lease(s, a, e) < 0 ||
	    server_write(p->id, arena_printf(a, "%s\n", s->lab->uuid), e) < 0 || keep_files(s, json_object_get(q, "keep"), a, e) < 0 ||
	    server_write(p->lab_file, s->record, e) < 0)
		return -1;
	return 0;
}
