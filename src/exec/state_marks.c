/* SPDX-License-Identifier: PostgreSQL */
/* What else the record of a lab says: small files, whose existence or words are the answer. */
#include "state.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define SMALL_FILE_BYTES (1 << 20)

/* --- warnings --- */

static const char *warnings_file(const struct paths *p, struct arena *a)
{
	return arena_printf(a, "%s/warnings", p->lab);
}

int state_put_warnings(const struct paths *p, const char *lines, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = warnings_file(p, a);

	if (!*lines)
		return unlink(file) < 0 && errno != ENOENT ? fail_errno(e, FAIL_HOST, "remove %s", file) : 0;
	return file_write(file, lines, strlen(lines), 0600, e);
}

int state_warnings(const struct paths *p, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = warnings_file(p, a);

	return file_exists(file) ? file_read(file, SMALL_FILE_BYTES, out, e) : 0;
}

/* --- protection, changes: a file each --- */

static const char *mark(const struct paths *p, const char *name, struct arena *a)
{
	return arena_printf(a, "%s/%s", p->lab, name);
}

static bool is_marked(const struct paths *p, const char *name)
{
	auto_(arena_free) struct arena *a = arena_new();

	return file_exists(mark(p, name, a));
}

static int set_mark(const struct paths *p, const char *name, bool wanted, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = mark(p, name, a);

	if (wanted)
		return file_write(file, "", 0, 0600, e);
	return unlink(file) < 0 && errno != ENOENT ? fail_errno(e, FAIL_OTHER, "remove %s", file) : 0;
}

bool state_is_protected(const struct paths *p)
{
	return is_marked(p, "protected");
}

int state_protect(const struct paths *p, bool wanted, struct fail *e)
{
	return set_mark(p, "protected", wanted, e);
}

bool state_is_changing(const struct paths *p)
{
	return is_marked(p, "changing");
}

int state_set_changing(const struct paths *p, bool wanted, struct fail *e)
{
	return set_mark(p, "changing", wanted, e);
}

/* --- unfinished commands --- */

int state_put_unfinished(const struct paths *p, const char *what, const char *names, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = mark(p, what, a);

	if (names)
		return file_write(file, names, strlen(names), 0600, e);
	return unlink(file) < 0 && errno != ENOENT ? fail_errno(e, FAIL_OTHER, "remove %s", file) : 0;
}

int state_unfinished(const struct paths *p, const char *what, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *file = mark(p, what, a);

	return file_exists(file) ? file_read(file, SMALL_FILE_BYTES, out, e) : 0;
}
