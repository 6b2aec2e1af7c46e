/* SPDX-License-Identifier: PostgreSQL */
#include "platform.h"

#include <string.h>

#include "auto.h"

/*
 * A new lab boots the image of the first row that has its kind and version. Citus: each version supports some versions of
 * PostgreSQL.
 */
static const struct platform platforms[] = {
	{ "postgres", "17", "debian13", NULL },
	{ "postgres", "15", "debian12", NULL },
	{ "pgxc", "1.0 1.1", "debian12", NULL },
	{ "pgxc", "1.0", "debian13", NULL },
	{ "pgxl", "9.2", "debian12", NULL },
	{ "opentenbase", "2.6", "debian12", NULL },
	{ "citus", "13.2 14.0", "debian13", "https://github.com/citusdata/citus/archive/v14.0.1/citus-14.0.1.tar.gz" },
	{ "citus", "12.1 13.2", "debian12", NULL },
};

const struct platform *platform_row(unsigned i)
{
	return i < ARRAY_COUNT(platforms) ? &platforms[i] : NULL;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The first number with a point in @text: "12.1.12" of "citus-12.1.12". "" if there is none. */
static const char *number_in(const char *text)
{
	for (size_t len; *text; text += len ? len : 1) {
		len = strspn(text, "0123456789");
		if (len && text[len] == '.' && digit(text[len + 1]))
			return text;
	}
	return text;
}

static bool has_version(const struct platform *p, const char *version)
{
	const char *number = version ? number_in(version) : "", *word = p->versions;

	for (size_t len; *word; word += len + (word[len] == ' ')) {
		len = strcspn(word, " ");
		if (!*number || (!strncmp(number, word, len) && !digit(number[len])))
			return true;
	}
	return false;
}

bool platform_runs(const char *kind, const char *version, const struct release *r)
{
	bool known = false;

	for (size_t i = 0; r->postgresql && i < ARRAY_COUNT(platforms); i++) {
		if (strcmp(platforms[i].kind, kind) != 0 || !has_version(&platforms[i], version))
			continue;
		if (!strcmp(platforms[i].release, r->name))
			return true;
		known = true;
	}
	return !known;
}

const char *platform_image(const char *kind, const char *archive)
{
	auto_(strbuf_clear) struct strbuf why = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(platforms); i++)
		if (!strcmp(platforms[i].kind, kind) && platform_accepts(kind, archive, family_find(platforms[i].release), &why))
			return platforms[i].release;
	return NULL;
}

const char *platform_source(const char *kind, const struct release *r)
{
	for (size_t i = 0; r && i < ARRAY_COUNT(platforms); i++)
		if (!strcmp(platforms[i].kind, kind) && !strcmp(platforms[i].release, r->name))
			return platforms[i].source;
	return NULL;
}

bool platform_accepts(const char *kind, const char *archive, const struct release *r, struct strbuf *why)
{
	const char *slash = archive ? strrchr(archive, '/') : NULL, *name = slash ? slash + 1 : archive;

	if (platform_runs(kind, name, r))
		return true;
	strbuf_printf(why, "%.80s does not run on %s; labctl knows %s in versions ", name ? name : kind, r->name, kind);
	platform_list(kind, why);
	return false;
}

void platform_list(const char *kind, struct strbuf *out)
{
	const char *comma = "";

	for (size_t i = 0; i < ARRAY_COUNT(platforms); i++)
		if (!strcmp(platforms[i].kind, kind)) {
			strbuf_printf(out, "%s%s on %s", comma, platforms[i].versions, platforms[i].release);
			comma = ", ";
		}
}
