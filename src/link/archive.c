/* SPDX-License-Identifier: PostgreSQL */
#include "archive.h"

#include <stdbool.h>
#include <string.h>

#include "proc.h"

static bool has_dotdot(const char *path)
{
	for (const char *p = path, *end; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, "/");
		if (end - p == 2 && p[0] == '.' && p[1] == '.')
			return true;
	}
	return false;
}

/* Does the target of the link @name stay below the top directory, as far as names tell? */
static bool stays_below(const char *name, const char *target)
{
	int depth = 0;

	for (const char *p = name; (p = strchr(p, '/')); p++)
		depth += p > name && p[-1] != '.' && p[-1] != '/';
	if (*target == '/')
		return false;
	for (const char *p = target, *end; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, "/");
		if (end - p == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (end > p && !(end - p == 1 && *p == '.'))
			depth++;
		if (depth < 1)
			return false;
	}
	return true;
}

/* Checks one name of the archive; *top is the directory that all of them share. */
static int check_name(const char *archive, const char *name, struct arena *a, const char **top, struct fail *e)
{
	const char *end;

	if (name[0] == '/')
		return fail(e, FAIL_OTHER, "archive %s: holds the absolute path %s", archive, name);
	if (has_dotdot(name))
		return fail(e, FAIL_OTHER, "archive %s: holds a path that leads out of it: %s", archive, name);
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	if (!*name || strcmp(name, ".") == 0)
		return 0;
	end = name + strcspn(name, "/");
	if (!*top)
		*top = arena_strndup(a, name, (size_t)(end - name));
	else if (strlen(*top) != (size_t)(end - name) || strncmp(*top, name, (size_t)(end - name)) != 0)
		return fail(e, FAIL_OTHER, "archive %s: is no source archive: it has more than one top directory (%s, %.*s)",
			    archive, *top, (int)(end - name), name);
	return 0;
}

/*
 * One line of `tar -tvP --numeric-owner`: "lrwxrwxrwx 0/0 0 2026-01-31 10:11 NAME -> TARGET"; "hrw... NAME link to NAME".
 * A source archive is files, directories and links between them.
 */
static int check_member(const char *archive, char *line, struct arena *a, const char **top, struct fail *e)
{
	const char *arrow = *line == 'l' ? " -> " : *line == 'h' ? " link to " : NULL;
	char *name = line, *target;

	for (int field = 0; field < 5; field++) {
		name += strcspn(name, " ");
		name += field < 4 ? strspn(name, " ") : *name == ' ';
	}
	if (!strchr("-dlh", *line))
		return fail(e, FAIL_OTHER, "archive %s: holds what is no file, directory or link: %s", archive, name);
	target = arrow ? strstr(name, arrow) : NULL;
	if (target) {
		*target = '\0';
		target += strlen(arrow);
	}
	if (check_name(archive, name, a, top, e))
		return -1;
	/* An arrow inside a name could hide the target. */
	if (arrow && (!target || strstr(target, arrow) ||
		      (*line == 'l' ? !stays_below(name, target) : *target == '/' || has_dotdot(target))))
		return fail(e, FAIL_OTHER, "archive %s: holds a link that leads out of it: %s%s%s", archive, name, arrow,
			    target ? target : "");
	return 0;
}

int archive_check(const char *archive, const atomic_bool *cancel, int64_t deadline_ms, struct arena *a, const char **ret_top,
		  struct fail *e)
{
	/* literal: a name with a newline in it stays one line */
	const char *const argv[] = { "tar", "-tvP", "--numeric-owner", "--quoting-style=escape", "-f", archive, NULL };
	auto_(strbuf_clear) struct strbuf list = { 0 };
	const char *top = NULL;
	char *line, *rest;

	if (proc_check(&(struct proc){ .argv = argv, .out = &list, .deadline_ms = deadline_ms, .cancel = cancel }, e))
		return e->code == FAIL_OTHER ? fail_wrap(e, "archive %s: cannot be read", archive) : -1;
	if (list.len >= PROC_OUT_MAX_BYTES)
		return fail(e, FAIL_OTHER, "archive %s: holds more files than can be checked", archive);
	for (line = list.text ? strtok_r(list.text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		if (check_member(archive, line, a, &top, e))
			return -1;
	if (!top)
		return fail(e, FAIL_OTHER, "archive %s: is empty", archive);
	*ret_top = top;
	return 0;
}
