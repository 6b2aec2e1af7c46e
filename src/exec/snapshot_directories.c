/* SPDX-License-Identifier: PostgreSQL */
/*
 * The data directory of a node, and those that its servers work in. A machine that goes on from its memory knows them by their NFS handles, which have inode and
 * generation. Nobody can make one again that was removed, so a restore has to know whether they are those of then.
 */
#include <fcntl.h>
#include <string.h>

#include "recipe.h"
#include "snapshots.h"

/* "TYPE BYTES", in hexadecimal; "" = there is no such directory, or its file system has no handles. */
static const char *handle_of(const char *path, struct arena *a)
{
	struct { struct file_handle head; unsigned char bytes[MAX_HANDLE_SZ]; } h = { .head.handle_bytes = MAX_HANDLE_SZ };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &h.head, &mount, 0) < 0)
		return "";
	strbuf_printf(&text, "%x ", (unsigned)h.head.handle_type);
	for (unsigned i = 0; i < h.head.handle_bytes; i++)
		strbuf_printf(&text, "%02x", h.bytes[i]);
	return arena_strdup(a, strbuf_text(&text));
}

static void add(const struct lab *lab, const struct node *n, const char *path, struct arena *a, struct snapshot_node *to)
{
	const char *below = path + strlen(lab->data.mount);

	*arena_push(a, to->directories, to->directory_count) = (struct snapshot_directory){
		arena_strdup(a, path), handle_of(arena_printf(a, "%s%s", n->export_dir, below), a)
	};
}

void snapshot_directories(const struct lab *lab, const struct node *n, struct arena *a, struct snapshot_node *ret)
{
	const char *mount = lab->data.mount, *dir;
	size_t len = strlen(mount);

	ret->directories = NULL;
	ret->directory_count = 0;
	add(lab, n, mount, a, ret);
	for (unsigned role = 0; role < lab->cluster.place_count; role++) {
		dir = lab->cluster.places[role].dir;
		if (node_has_role(n, (int)role) && dir && !strncmp(dir, mount, len) && dir[len] == '/')
			add(lab, n, dir, a, ret);
	}
}

const char *snapshot_replaced(const struct lab *lab, const struct snapshot *s, struct arena *a)
{
	size_t mount = strlen(lab->data.mount);

	for (unsigned i = 0; i < s->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		for (unsigned k = 0; k < s->nodes[i].directory_count; k++) {
			const struct snapshot_directory *d = &s->nodes[i].directories[k];

			if (strlen(d->path) >= mount &&
			    strcmp(handle_of(arena_printf(a, "%s%s", n->export_dir, d->path + mount), a), d->handle) != 0)
				return arena_printf(a, "%s of %s", d->path, n->name);
		}
	}
	return NULL;
}
