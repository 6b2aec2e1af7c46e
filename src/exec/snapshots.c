/* SPDX-License-Identifier: PostgreSQL */
#include "snapshots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "recipe.h"
#include "suggest.h"

#define FILE_MAX_BYTES (4u << 20)

DEFINE_AUTO(json_t *, json_decref)
DEFINE_AUTO(DIR *, closedir)

const char *snapshot_form_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > 40 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] ||
	    !strchr("abcdefghijklmnopqrstuvwxyz0123456789", *name))
		return "must be 1 to 40 small letters, digits, '-', '_' or '.', and begin with a letter or digit";
	return NULL;
}

const char *snapshots_dir(const struct paths *p, struct arena *a)
{
	return arena_printf(a, "%s/snapshots", p->lab);
}

static const char *below(const char *dir, const char *file, struct arena *a)
{
	return file ? arena_printf(a, "%s/%s", dir, file) : dir;
}

const char *snapshot_path(const struct paths *p, const char *name, const char *file, struct arena *a)
{
	return below(arena_printf(a, "%s/snapshots/%s", p->lab, name), file, a);
}

const char *snapshot_new_path(const struct paths *p, const char *name, const char *file, struct arena *a)
{
	return below(arena_printf(a, "%s/snapshots/.%s.new", p->lab, name), file, a);
}

bool snapshot_exists(const struct paths *p, const char *name)
{
	auto_(arena_free) struct arena *a = arena_new();

	return file_exists(snapshot_path(p, name, NULL, a));
}

/* --- the manifest --- */

static json_t *sum_json(const struct tree_sum *s)
{
	return json_pack("{s:I, s:I, s:s}", "files", (json_int_t)s->files, "bytes", (json_int_t)s->bytes, "digest", s->digest);
}

static bool take_sum(const json_t *from, struct tree_sum *ret)
{
	json_int_t files, bytes;
	const char *digest;

	if (json_unpack((json_t *)from, "{s:I, s:I, s:s}", "files", &files, "bytes", &bytes, "digest", &digest) < 0 ||
	    files < 0 || bytes < 0 || strlen(digest) != DIGEST_HEX - 1)
		return false;
	*ret = (struct tree_sum){ .files = (uint64_t)files, .bytes = (uint64_t)bytes };
	memcpy(ret->digest, digest, DIGEST_HEX);
	return true;
}

static json_t *node_json(const struct snapshot_node *n)
{
	json_t *doc = json_pack("{s:s, s:o, s:o}", "node", n->name, "system", sum_json(&n->system), "data", sum_json(&n->data)),
	       *directories = n->directory_count ? json_object() : NULL;

	if (n->memory.files)
		json_object_set_new(doc, "memory", sum_json(&n->memory));
	if (n->directory_count)
		json_object_set_new(doc, "directories", directories);
	for (unsigned i = 0; i < n->directory_count; i++)
		json_object_set_new(directories, n->directories[i].path, json_string(n->directories[i].handle));
	return doc;
}

static bool take_node(const json_t *from, bool live, struct arena *a, struct snapshot_node *ret)
{
	const json_t *system, *data, *memory = NULL;
	json_t *directories = NULL, *handle;
	const char *name, *path;

	if (json_unpack((json_t *)from, "{s:s, s:o, s:o, s?o, s?o}", "node", &name, "system", &system, "data", &data, "memory", &memory,
			"directories", &directories) < 0 ||
	    strchr(name, '/'))
		return false;
	ret->name = arena_strdup(a, name);
	json_object_foreach(directories, path, handle)
		if (json_is_string(handle))
			*arena_push(a, ret->directories, ret->directory_count) = (struct snapshot_directory){
				arena_strdup(a, path), arena_strdup(a, json_string_value(handle))
			};
	return take_sum(system, &ret->system) && take_sum(data, &ret->data) && (!live || (memory && take_sum(memory, &ret->memory)));
}

/* Sets .damaged if the manifest makes no sense. */
static void take_manifest(const json_t *doc, struct arena *a, struct snapshot *s)
{
	const char *name, *form,
		**texts[] = { &s->lab, &s->lab_uuid, &s->hypervisor, &s->kind, &s->image, &s->image_digest, &s->labctl };
	const json_t *nodes, *record, *node;
	json_int_t created, pause = 0;
	int version;
	size_t i;

	s->damaged = "manifest.json is damaged";
	if (json_unpack((json_t *)doc, "{s:i}", "v", &version) < 0)
		return;
	if (version != SNAPSHOT_VERSION) {
		s->damaged = arena_printf(a, "it has format %d; this labctl reads %d", version, SNAPSHOT_VERSION);
		return;
	}
	if (json_unpack((json_t *)doc, "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s?I, s:o, s:o}", "snapshot", &name, "form", &form, "lab",
			&s->lab, "uuid", &s->lab_uuid, "hypervisor", &s->hypervisor, "kind", &s->kind, "image", &s->image,
			"image_digest", &s->image_digest, "labctl", &s->labctl, "created_ms", &created, "pause_ms", &pause, "record", &record,
			"nodes", &nodes) < 0 ||
	    strcmp(name, s->name) != 0 || (strcmp(form, "cold") != 0 && strcmp(form, "live") != 0) || !take_sum(record, &s->record))
		return;
	s->live = !strcmp(form, "live");
	s->pause_ms = pause;
	for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
		*texts[k] = arena_strdup(a, *texts[k]);
	s->created_ms = created;
	s->bytes = s->record.bytes;
	json_array_foreach(nodes, i, node) {
		struct snapshot_node *n = arena_push(a, s->nodes, s->node_count);

		if (!take_node(node, s->live, a, n))
			return;
		s->bytes += n->system.bytes + n->data.bytes + n->memory.bytes;
	}
	if (s->node_count)
		s->damaged = NULL;
}

void snapshot_parse(const char *name, const char *manifest, struct arena *a, struct snapshot *ret)
{
	auto_(json_decref) json_t *doc = json_loads(manifest, 0, NULL);

	*ret = (struct snapshot){ .name = name, .lab = "", .lab_uuid = "", .hypervisor = "", .kind = "", .image = "",
				  .image_digest = "", .labctl = "" };
	take_manifest(doc, a, ret);
}

int snapshot_manifest(const struct paths *p, const char *name, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	return file_read(snapshot_path(p, name, "manifest.json", a), FILE_MAX_BYTES, out, e);
}

static void read_one(const struct paths *p, const char *name, struct arena *a, struct snapshot *ret)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail why = { 0 };
	int r = snapshot_manifest(p, name, &text, &why);

	snapshot_parse(name, strbuf_text(&text), a, ret);
	if (r < 0)
		ret->damaged = arena_strdup(a, why.text);
}

const struct snapshot_node *snapshot_node_of(const struct snapshot *s, const char *name)
{
	for (unsigned i = 0; i < s->node_count; i++)
		if (!strcmp(s->nodes[i].name, name))
			return &s->nodes[i];
	return NULL;
}

/* --- which there are --- */

static int by_age(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;

	return x->created_ms != y->created_ms ? (x->created_ms > y->created_ms) - (x->created_ms < y->created_ms)
					      : strcmp(x->name, y->name);
}

int snapshots_list(const struct paths *p, struct arena *a, struct snapshot **ret, unsigned *ret_count, struct fail *e)
{
	const char *path = snapshots_dir(p, a);
	auto_(closedir) DIR *dir = opendir(path);
	struct dirent *entry;

	*ret = NULL;
	*ret_count = 0;
	if (!dir)
		return errno == ENOENT ? 0 : fail_errno(e, FAIL_OTHER, "%s", path);
	while ((entry = readdir(dir)))
		if (!snapshot_form_name(entry->d_name))
			read_one(p, arena_strdup(a, entry->d_name), a, arena_push(a, *ret, *ret_count));
	if (*ret_count)
		qsort(*ret, *ret_count, sizeof **ret, by_age);
	return 0;
}

const char *const *snapshots_left(const struct paths *p, struct arena *a)
{
	const char *path = snapshots_dir(p, a);
	auto_(closedir) DIR *dir = opendir(path);
	auto_(strbuf_clear) struct strbuf freezing = { 0 };
	const char **all = NULL, *needed;
	struct fail ignored;
	struct dirent *entry;
	size_t count = 0;

	snapshot_mark(p, SNAPSHOT_FREEZING, &freezing, &ignored);
	needed = arena_printf(a, ".%s.new", strbuf_text(&freezing));
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name == '.' && strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && strcmp(entry->d_name, needed))
			*arena_push(a, all, count) = arena_printf(a, "%s/%s", path, entry->d_name);
	*arena_push(a, all, count) = NULL;
	return all;
}

static int no_snapshot(const struct paths *p, const char *name, struct arena *a, struct fail *e)
{
	const char **names = NULL, *near, *lab = strrchr(p->lab, '/') + 1;
	struct snapshot *all;
	unsigned count;
	size_t k = 0;

	if (snapshots_list(p, a, &all, &count, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		*arena_push(a, names, k) = all[i].name;
	*arena_push(a, names, k) = NULL;
	near = suggest(name, names);
	fail(e, FAIL_NOT_FOUND, "lab '%s' has no snapshot '%.64s'%s%s%s", lab, name, near ? "; did you mean '" : "",
	     near ? near : "", near ? "'?" : "");
	return fail_next(e, count ? "labctl -l %s snapshot list" : "labctl -l %s snapshot save NAME", lab);
}

int snapshot_read(const struct paths *p, const char *name, struct arena *a, struct snapshot *ret, struct fail *e)
{
	if (snapshot_form_name(name) || !snapshot_exists(p, name))
		return no_snapshot(p, name, a, e);
	read_one(p, name, a, ret);
	if (!ret->damaged)
		return 0;
	fail(e, FAIL_LAB, "snapshot '%s' cannot be used: %s", name, ret->damaged);
	return fail_next(e, "labctl -l %s snapshot delete %s", strrchr(p->lab, '/') + 1, name);
}

/* --- making one --- */

int snapshot_begin(const struct paths *p, const char *name, struct fail *e)
{
	static const char *const parts[] = { "nodes", "data", "memory", "pins", "pause", "record", "manifest.json" };
	static const char *const made[] = { "nodes", "data", "memory", "pins" };
	auto_(arena_free) struct arena *a = arena_new();

	if (file_mkdirs(snapshots_dir(p, a), 0700, e) < 0 || file_mkdirs(snapshot_new_path(p, name, NULL, a), 0700, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		if (file_remove_tree(snapshot_new_path(p, name, parts[i], a), e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_COUNT(made); i++)
		if (file_mkdirs(snapshot_new_path(p, name, made[i], a), 0700, e) < 0)
			return -1;
	return 0;
}

static int write_json(const char *path, json_t *doc, struct fail *e)
{
	auto_(free) char *text = json_dumps(doc, JSON_INDENT(1));

	return file_write(path, text, strlen(text), 0600, e);
}

int snapshot_put_node(const struct paths *p, const char *snapshot, const struct snapshot_node *n, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(json_decref) json_t *doc = node_json(n);

	return write_json(snapshot_new_path(p, snapshot, arena_printf(a, "nodes/%s.json", n->name), a), doc, e);
}

/* The parts of the lab's record that belong to what its nodes have. */
static const char *const record_files[] = { "lab.yaml", "bootstrapped", "image", "warnings" };

static int copy_one(const char *from, const char *to, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	int r = file_read(from, FILE_MAX_BYTES, &text, e) < 0 ? -1 : file_write(to, strbuf_text(&text), text.len, 0600, e);

	if (text.text)
		explicit_bzero(text.text, text.len);
	return r;
}

/* Makes @to have the files of @from and no others. */
static int copy_secrets(const char *from, const char *to, struct arena *a, struct fail *e)
{
	auto_(closedir) DIR *dir = opendir(from), *old = NULL;
	struct dirent *entry;

	if (!dir || file_mkdirs(to, 0700, e) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", from);
	while ((entry = readdir(dir)))
		if (*entry->d_name != '.' && copy_one(arena_printf(a, "%s/%s", from, entry->d_name),
						      arena_printf(a, "%s/%s", to, entry->d_name), e) < 0)
			return -1;
	old = opendir(to);
	while (old && (entry = readdir(old)))
		if (*entry->d_name != '.' && !file_exists(arena_printf(a, "%s/%s", from, entry->d_name)) &&
		    unlinkat(dirfd(old), entry->d_name, 0) < 0)
			return fail_errno(e, FAIL_OTHER, "remove %s/%s", to, entry->d_name);
	return 0;
}

static int copy_record(const char *from, const char *to, unsigned first, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	for (unsigned i = first; i < ARRAY_COUNT(record_files); i++) {
		const char *source = arena_printf(a, "%s/%s", from, record_files[i]),
			   *target = arena_printf(a, "%s/%s", to, record_files[i]);

		if (file_exists(source) ? copy_one(source, target, e) < 0 :
		    unlink(target) < 0 && errno != ENOENT && fail_errno(e, FAIL_OTHER, "remove %s", target))
			return -1;
	}
	return copy_secrets(arena_printf(a, "%s/secrets", from), arena_printf(a, "%s/secrets", to), a, e);
}

int snapshot_restore_record(const struct paths *from, const char *name, const struct paths *p, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	return copy_record(snapshot_path(from, name, "record", a), p->lab, 1, e);
}

int snapshot_of(const char *word, const struct paths *here, struct arena *a, struct paths *ret_paths, const char **ret_name,
		struct fail *e)
{
	const char *at = strchr(word, '@'), *lab = at ? arena_strndup(a, word, (size_t)(at - word)) : "";

	if (!at || form_lab_name(lab) || snapshot_form_name(at + 1)) {
		fail(e, FAIL_USAGE, "'%.64s' is not LAB@SNAPSHOT", word);
		return fail_next(e, "labctl -l LAB snapshot list");
	}
	paths_init(ret_paths, here->state, here->cache, lab, a);
	*ret_name = at + 1;
	return 0;
}

static int read_image(const struct paths *p, struct arena *a, const char **ret, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (file_read(arena_printf(a, "%s/image", p->lab), 4096, &text, e) < 0)
		return -1;
	*ret = arena_strndup(a, strbuf_text(&text), strcspn(strbuf_text(&text), " \n"));
	return 0;
}

/* On the first host, of all nodes (snapshot_gather()); on another one, of its own. */
static int add_nodes(const struct paths *p, const struct lab *lab, unsigned host, const char *name, json_t *nodes, struct arena *a,
		     struct fail *e)
{
	for (unsigned i = 0; i < lab->node_count; i++) {
		const char *path = snapshot_new_path(p, name, arena_printf(a, "nodes/%s.json", lab->nodes[i].name), a);
		auto_(strbuf_clear) struct strbuf text = { 0 };
		json_t *node;

		if (host && lab->nodes[i].host != host)
			continue;
		if (file_read(path, FILE_MAX_BYTES, &text, e) < 0)
			return -1;
		node = json_loadb(strbuf_text(&text), text.len, 0, NULL);
		if (!node)
			return fail(e, FAIL_OTHER, "%s is damaged", path);
		json_array_append_new(nodes, node);
		unlink(path);
	}
	return 0;
}

int snapshot_put_pause(const struct paths *p, const char *name, int64_t pause_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *text = arena_printf(a, "%lld\n", (long long)pause_ms);

	return file_write(snapshot_new_path(p, name, "pause", a), text, strlen(text), 0600, e);
}

/* -1: it is a cold one. */
static int read_pause(const struct paths *p, const char *name, int64_t *ret, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *path = snapshot_new_path(p, name, "pause", a);

	*ret = -1;
	if (!file_exists(path))
		return 0;
	if (file_read(path, 64, &text, e) < 0)
		return -1;
	*ret = strtoll(strbuf_text(&text), NULL, 10);
	return unlink(path) < 0 ? fail_errno(e, FAIL_OTHER, "remove %s", path) : 0;
}

int snapshot_seal(const struct paths *p, const struct lab *lab, unsigned host, const char *name, const char *version, int64_t now_ms,
		  struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(json_decref) json_t *doc = NULL, *nodes = json_array();
	const char *record = snapshot_new_path(p, name, "record", a), *image;
	int64_t pause_ms;
	struct tree_sum sum;
	bool live;

	if (read_pause(p, name, &pause_ms, e) < 0)
		return -1;
	live = pause_ms >= 0;
	if (!live) {
		rmdir(snapshot_new_path(p, name, "memory", a));
		rmdir(snapshot_new_path(p, name, "pins", a));
	}
	if (file_mkdirs(record, 0700, e) < 0 || (!host && copy_record(p->lab, record, 0, e) < 0) || tree_look(record, &sum, e) < 0 ||
	    read_image(p, a, &image, e) < 0 || add_nodes(p, lab, host, name, nodes, a, e) < 0)
		return -1;
	doc = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:O}", "v", SNAPSHOT_VERSION,
			"snapshot", name, "form", live ? "live" : "cold", "labctl", version, "lab", lab->name, "uuid", lab->uuid,
			"hypervisor", hypervisor_names[lab->hypervisor], "kind",
			lab->cluster.recipe && file_exists(p->bootstrapped) ? lab->cluster.recipe->kind : "", "image",
			lab->image, "image_digest", image, "created_ms", (json_int_t)now_ms, "record", sum_json(&sum),
			"nodes", nodes);
	if (live)
		json_object_set_new(doc, "pause_ms", json_integer(pause_ms));
	if (write_json(snapshot_new_path(p, name, "manifest.json", a), doc, e) < 0 || tree_sync(snapshots_dir(p, a), e) < 0)
		return -1;
	if (rename(snapshot_new_path(p, name, NULL, a), snapshot_path(p, name, NULL, a)) < 0)
		return fail_errno(e, FAIL_OTHER, "snapshot %s", name);
	return tree_sync(snapshots_dir(p, a), e);
}

int snapshot_remove(const struct paths *p, const char *name, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *gone = arena_printf(a, "%s/.%s.gone", snapshots_dir(p, a), name);

	/* The name goes first: a half-deleted snapshot is none. */
	if (file_remove_tree(gone, e) < 0)
		return -1;
	if (rename(snapshot_path(p, name, NULL, a), gone) < 0 && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "delete snapshot %s", name);
	if (file_remove_tree(gone, e) < 0)
		return -1;
	rmdir(snapshots_dir(p, a)); /* succeeds for the last one only */
	return 0;
}

/* --- what is going on --- */

int snapshot_put_mark(const struct paths *p, const char *mark, const char *name, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = arena_printf(a, "%s/%s", p->lab, mark);

	if (name)
		return file_write(file, name, strlen(name), 0600, e);
	return unlink(file) < 0 && errno != ENOENT ? fail_errno(e, FAIL_OTHER, "remove %s", file) : 0;
}

int snapshot_mark(const struct paths *p, const char *mark, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = arena_printf(a, "%s/%s", p->lab, mark);

	return file_exists(file) ? file_read(file, 4096, out, e) : 0;
}

int64_t snapshot_mark_age_ms(const struct paths *p, const char *mark)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct stat st;

	if (stat(arena_printf(a, "%s/%s", p->lab, mark), &st) < 0)
		return -1;
	return clock_wall_ms() - ((int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
}
