/* SPDX-License-Identifier: PostgreSQL */
/* Writes the lab's inventory to files, for programs that read it from a path. */
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "inventory.h"
#include "verb.h"

#define FILE_BYTES (16 << 20)

/* Compares the mode too: libpq ignores a password file that others may read. */
static bool is_as_wanted(const char *path, const struct strbuf *text, unsigned mode)
{
	auto_(strbuf_clear) struct strbuf old = { 0 };
	struct fail ignored;
	struct stat st;
	bool same = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == mode &&
		    file_read(path, FILE_BYTES, &old, &ignored) == 0 && old.len == text->len &&
		    !memcmp(strbuf_text(&old), strbuf_text(text), text->len);

	if (old.text)
		explicit_bzero(old.text, old.len);
	return same;
}

static int write_format(struct run *r, const struct inventory *inv, const struct inventory_format *f, bool *changed,
			struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, resolved = { 0 };
	const char *path = inventory_path(inv, f->name);
	int status = 0;

	f->print(inv, &text);
	if (runtime_resolve(runtime_of(r), strbuf_text(&text), &resolved, e) < 0)
		return -1;
	if (!is_as_wanted(path, &resolved, f->mode)) {
		status = file_write(path, strbuf_text(&resolved), resolved.len, f->mode, e);
		*changed = true;
		run_note(r, "changed: %s", path);
	}
	explicit_bzero(resolved.text, resolved.len);
	return status;
}

int verb_lab_files(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct paths *paths = runtime_paths(rt);
	auto_(arena_free) struct arena *a = arena_new();
	const struct inventory_where where = { .dir = arena_printf(a, "%s/" INVENTORY_DIR, paths->lab), .key = paths->key,
					       .known_hosts = paths->known_hosts };
	struct inventory inv;
	bool changed = false;

	inventory_make(runtime_lab(rt), &where, a, &inv);
	if (file_mkdirs(where.dir, 0700, e) < 0)
		return -1;
	for (const struct inventory_format *f = inventory_formats; f->name; f++)
		if (write_format(r, &inv, f, &changed, e) < 0)
			return -1;
	*ret_state = state_of(changed);
	return 0;
}
