/* SPDX-License-Identifier: PostgreSQL */
/* Data files in memory: found once, read once, sorted by name. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "digest.h"
#include "file.h"
#include "library.h"

#define FILE_MAX_BYTES (1u << 20)
#define DEPTH_MAX 16

struct entry { const char *name, *text; };

struct library {
	struct arena *arena;
	const char *dir;
	struct entry *entries;
	unsigned count;
};

static inline void closedir_auto(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int read_entry(struct library *l, const char *path, const char *name, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = {0};

	if (file_read(path, FILE_MAX_BYTES, &text, e) < 0)
		return -1;
	if (strlen(strbuf_text(&text)) != text.len)
		return fail(e, FAIL_HOST, "%s: not a text file", path);
	*arena_push(l->arena, l->entries, l->count) =
		(struct entry){ name, arena_strndup(l->arena, strbuf_text(&text), text.len) };
	return 0;
}

/* Symlinks are followed to files, not to directories: no loops. */
static int read_tree(struct library *l, const char *name, unsigned depth, struct fail *e)
{
	const char *path = arena_printf(l->arena, "%s/%s", l->dir, name);
	auto_(closedir) DIR *d = opendir(path);
	struct dirent *item;

	if (!d && errno == ENOENT)
		return 0;
	if (!d || depth > DEPTH_MAX)
		return fail(e, FAIL_HOST, "data files %s: %s", path, d ? "nested too deep" : strerror(errno));
	while ((item = readdir(d))) {
		size_t len = strlen(item->d_name);
		const char *below = arena_printf(l->arena, "%s/%s", name, item->d_name);
		const char *full = arena_printf(l->arena, "%s/%s", l->dir, below);
		struct stat link, st;

		if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, "..") || item->d_name[len - 1] == '~' ||
		    (len > 4 && !strcmp(item->d_name + len - 4, ".swp")))
			continue;
		if (lstat(full, &link) < 0 || stat(full, &st) < 0)
			return fail_errno(e, FAIL_HOST, "data file %s", full);
		if (S_ISDIR(link.st_mode) ? read_tree(l, below, depth + 1, e) < 0 :
		    S_ISREG(st.st_mode) && read_entry(l, full, below, e) < 0)
			return -1;
	}
	return 0;
}

static int entry_cmp(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* The directory of the program; "" if nobody knows. */
static const char *program_dir(struct arena *a)
{
	char exe[4096];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

	while (len > 0 && exe[len - 1] != '/')
		len--;
	return len > 1 ? arena_strndup(a, exe, (size_t)len - 1) : "";
}

/* True for a binary in its source tree: it uses the files there, even when an older labctl is installed. */
static bool in_source_tree(const char *program)
{
	size_t tree = strlen(LABCTL_DATA_SOURCE);

	return tree && !strncmp(program, LABCTL_DATA_SOURCE "/", tree + 1);
}

static const char *find_dir(struct arena *a)
{
	const char *said = getenv("LABCTL_DATA");
	const char *program = program_dir(a);
	const char *places[] = { in_source_tree(program) ? LABCTL_DATA_SOURCE : program, LABCTL_DATA_INSTALLED, LABCTL_DATA_SOURCE };

	if (said && *said)
		return said; /* even if wrong: using other files would hide the mistake */
	for (unsigned i = 0; i < ARRAY_COUNT(places); i++)
		if (*places[i] && file_exists(arena_printf(a, "%s/tuning/lib.sh", places[i])))
			return places[i];
	return LABCTL_DATA_INSTALLED;
}

int library_load(const char *dir, struct library **ret_library, struct fail *e)
{
	static const char *const trees[] = { "domains", "kickstart", "tuning" };
	auto_(arena_free) struct arena *a = arena_new();
	struct library *l = arena_new_of(a, struct library);

	l->arena = a;
	l->dir = arena_strdup(a, dir ? dir : find_dir(a));
	for (unsigned i = 0; i < ARRAY_COUNT(trees); i++)
		if (read_tree(l, trees[i], 0, e) < 0)
			return -1;
	if (!l->count) {
		fail(e, FAIL_HOST, "no data files (domains, kickstart, tuning) in %s", l->dir);
		return fail_next(e, "LABCTL_DATA=DIRECTORY labctl ...");
	}
	qsort(l->entries, l->count, sizeof *l->entries, entry_cmp);
	*ret_library = l;
	(void)steal(a);
	return 0;
}

void library_free(struct library *l)
{
	if (l)
		arena_free(l->arena);
}

const char *library_text(const struct library *l, const char *name)
{
	struct entry key = { name, NULL };
	const struct entry *found = bsearch(&key, l->entries, l->count, sizeof *l->entries, entry_cmp);

	return found ? found->text : NULL;
}

const char *library_dir(const struct library *l)
{
	return l->dir;
}

const char *library_name(const struct library *l, unsigned i)
{
	return i < l->count ? l->entries[i].name : NULL;
}

void library_digest(const struct library *l, char ret_hex[65])
{
	auto_(strbuf_clear) struct strbuf all = { 0 };

	for (const struct entry *f = l->entries; f < l->entries + l->count; f++)
		strbuf_printf(&all, "%s %zu\n%s", f->name, strlen(f->text), f->text);
	digest_text(strbuf_text(&all), all.len, ret_hex);
}
