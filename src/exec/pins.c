/* SPDX-License-Identifier: PostgreSQL */
#include "pins.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "quote.h"

#define ID_LEN 12

const char *pin_path(const char *state_dir, const char *url, struct arena *a)
{
	const char *shown = quote_url(url, a), *slash = strrchr(shown, '/');
	char id[DIGEST_HEX], *name;

	digest_text(url, strlen(url), id);
	name = arena_printf(a, "%.*s-%s", ID_LEN, id, slash ? slash + 1 : shown);
	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+", *p))
			*p = '_';
	return arena_printf(a, "%s/sources/%s", state_dir, name);
}

int pin_read(const char *path, char ret_sha256[65], bool *ret_found, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	*ret_found = false;
	if (file_read(path, 4096, &text, e) < 0) {
		if (e->code != FAIL_NOT_FOUND)
			return -1;
		*e = (struct fail){ 0 };
		return 0;
	}
	if (strspn(strbuf_text(&text), "0123456789abcdef") != DIGEST_HEX - 1) {
		fail(e, FAIL_CONFLICT, "%s is damaged: it does not begin with a digest", path);
		return fail_next(e, "rm %s    (the next archive is trusted again)", path);
	}
	snprintf(ret_sha256, DIGEST_HEX, "%s", strbuf_text(&text));
	*ret_found = true;
	return 0;
}

int pin_write(const char *path, const char *url, const char *sha256, struct arena *a, struct fail *e)
{
	const char *slash = strrchr(path, '/'), *dir = arena_strndup(a, path, (size_t)(slash - path));
	const char *text = arena_printf(a, "%s  %s\n", sha256, quote_url(url, a)), *mine = arena_printf(a, "%s.%d", path, (int)getpid());
	char other[DIGEST_HEX];
	bool found;
	int r;

	if (file_mkdirs(dir, 0755, e) < 0 || file_write(mine, text, strlen(text), 0644, e) < 0)
		return -1;
	/* A link is made whole or not at all, and never replaces what is there. */
	r = link(mine, path) < 0 && errno != EEXIST ? fail_errno(e, FAIL_OTHER, "%s", path) : 0;
	unlink(mine);
	if (r < 0 || pin_read(path, other, &found, e) < 0)
		return -1;
	if (found && strcasecmp(other, sha256) != 0)
		return fail(e, FAIL_CONFLICT, "%s: another labctl has just used an archive with another digest", quote_url(url, a));
	return 0;
}
