/* SPDX-License-Identifier: PostgreSQL */
/*
 * The snapshots of a lab on several hosts: each host has its own nodes' part, with a manifest of it, and the master knows which snapshots
 * there are. A part that is of none of them is left of a save that was killed, or of a deletion while its host did not answer.
 */
#include <string.h>

#include "file.h"
#include "hosts.h"
#include "runtime.h"
#include "snapshots.h"

int snapshots_sweep(const struct paths *p, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	for (const char *const *left = snapshots_left(p, a); *left; left++)
		if (file_remove_tree(*left, e) < 0)
			return -1;
	return 0;
}

static bool has_line(const char *lines, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = lines; *at; at += strcspn(at, "\n") + 1) {
		if (!strncmp(at, line, len) && at[len] == '\n')
			return true;
		if (!strchr(at, '\n'))
			break;
	}
	return false;
}

int snapshots_keep(const struct paths *p, const char *names, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct snapshot *all;
	unsigned count;

	if (snapshots_sweep(p, e) < 0 || snapshots_list(p, a, &all, &count, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (!has_line(names, all[i].name) && snapshot_remove(p, all[i].name, e) < 0)
			return -1;
	return 0;
}

int snapshots_names(const struct paths *p, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct snapshot *all;
	unsigned count;

	if (snapshots_list(p, a, &all, &count, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		strbuf_printf(out, "%s\n", all[i].name);
	return 0;
}

static int gather(struct runtime *rt, unsigned host, const char *name, struct fail *e)
{
	const struct lab *lab = runtime_lab(rt);
	auto_(arena_free) struct arena *a = arena_new();
	const char *manifest;
	struct snapshot part;

	if (hosts_snapshot(runtime_hosts(rt), host, name, a, &manifest, e) < 0)
		return -1;
	snapshot_parse(name, manifest, a, &part);
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct snapshot_node *n = snapshot_node_of(&part, lab->nodes[i].name);

		if (lab->nodes[i].host != host)
			continue;
		if (!n)
			return fail(e, FAIL_OTHER, "host %s has no part of snapshot '%s' for %s", lab->hosts[host].name, name, lab->nodes[i].name);
		if (snapshot_put_node(runtime_paths(rt), name, n, e) < 0)
			return -1;
	}
	return 0;
}

int snapshot_gather(struct runtime *rt, const char *name, struct fail *e)
{
	const struct lab *lab = runtime_lab(rt);

	for (unsigned h = 1; h < lab->host_count; h++)
		if (host_is_used(lab, h) && gather(rt, h, name, e) < 0)
			return -1;
	return 0;
}
