/* SPDX-License-Identifier: PostgreSQL */
/* May a host save its nodes, and is there room for the copies? */
#include <string.h>

#include "file.h"
#include "recipe.h"
#include "snapshots.h"
#include "state.h"

#define RESERVE_BYTES (64ull << 20) /* for what the lab and the host write meanwhile */

/* Is there room in the directory @to for a copy of @bytes from the directory @from, and @memory_bytes that share nothing? */
static int check_room(const char *lab, const char *from, const char *to, uint64_t bytes, uint64_t memory_bytes, struct strbuf *said,
		      struct fail *e)
{
	int64_t free_bytes = file_space_bytes(to);
	bool shares = tree_can_share(from, to);
	uint64_t need = memory_bytes + (shares ? 0 : bytes);

	if (shares)
		strbuf_printf(said, "%s: a copy of %llu MiB will share its blocks; ", to, (unsigned long long)bytes >> 20);
	else
		strbuf_printf(said, "%s: the copy needs %llu MiB; ", to, (unsigned long long)bytes >> 20);
	if (memory_bytes)
		strbuf_printf(said, "memory needs up to %llu MiB; ", (unsigned long long)memory_bytes >> 20);
	strbuf_printf(said, "%lld MiB are free\n", (long long)free_bytes >> 20);
	if (free_bytes < 0 || need + RESERVE_BYTES <= (uint64_t)free_bytes)
		return 0;
	fail(e, FAIL_HOST, "%s has too little space: the copy needs %llu MiB and a reserve of %llu MiB, and %lld MiB are free", to,
	     (unsigned long long)need >> 20, RESERVE_BYTES >> 20, (long long)free_bytes >> 20);
	return fail_next(e, "labctl -l %s snapshot list    (shows what each takes)", lab);
}

static const struct node *first_on(const struct lab *lab, unsigned host)
{
	unsigned i = 0;

	while (i < lab->node_count && lab->nodes[i].host != host)
		i++;
	return i < lab->node_count ? &lab->nodes[i] : NULL;
}

int snapshot_room_to_save(const struct paths *p, const struct lab *lab, unsigned host, bool live, struct strbuf *said, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const struct node *first = first_on(lab, host);
	const char *dir = file_exists(snapshots_dir(p, a)) ? snapshots_dir(p, a) : p->lab;
	uint64_t bytes = 0, memory_bytes = 0;

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		uint64_t disk, data;

		if (n->host != host)
			continue;
		if (tree_size(paths_node(p, n->name, lab->hypervisor == HYPERVISOR_LXC ? "upper" : "disk.qcow2", a), &disk, e) < 0 ||
		    tree_size(n->export_dir, &data, e) < 0)
			return -1;
		bytes += disk + data;
		/* libvirt leaves out what is empty; how much that is nobody knows before */
		memory_bytes += live ? (uint64_t)n->memory_mib << 20 : 0;
	}
	return first ? check_room(lab->name, first->export_dir, dir, bytes, memory_bytes, said, e) : 0;
}

/* Data directories may be on another file system than the lab's record. */
int snapshot_room_to_copy(const struct paths *from, const struct snapshot *s, const struct paths *p, const struct lab *lab,
			  unsigned host, struct strbuf *said, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = snapshot_path(from, s->name, NULL, a), *owner = strrchr(from->lab, '/') + 1, *data;
	uint64_t system_bytes = 0, data_bytes = 0;

	if (!first_on(lab, host))
		return 0;
	data = first_on(lab, host)->export_dir;
	if (!file_exists(data))
		data = p->lab;
	for (unsigned i = 0; i < s->node_count; i++) {
		const struct node *n = lab_find_node(lab, s->nodes[i].name);

		if (!n || n->host != host)
			continue;
		system_bytes += s->nodes[i].system.bytes;
		data_bytes += s->nodes[i].data.bytes;
	}
	if (tree_same_system(data, p->lab))
		return check_room(owner, path, p->lab, system_bytes + data_bytes, 0, said, e);
	return check_room(owner, path, p->lab, system_bytes, 0, said, e) < 0 ? -1 :
	       check_room(owner, path, data, data_bytes, 0, said, e);
}

int snapshot_check_joined(const struct lab *lab, unsigned host, struct fail *e)
{
	const struct takeover *t = lab->cluster.recipe ? lab->cluster.recipe->takeover : NULL;

	for (unsigned i = 0; t && t->fenced && i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		int from = lab_role(lab, t->from);

		if (n->host != host || !node_has_role(n, from) || !state_server_has(lab, n, from, t->fenced))
			continue;
		fail(e, FAIL_CONFLICT, "another server has taken over from the one on %s, which must rejoin first", n->name);
		return fail_next(e, "labctl -l %s rejoin %s", lab->name, n->name);
	}
	return 0;
}
