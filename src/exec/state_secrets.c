/* SPDX-License-Identifier: PostgreSQL */
/* The passwords of a lab: a file each, mode 0600. */
#include "state_secrets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "recipe.h"

#define SECRET_LEN 24       /* of 62 characters: 142 bits */
#define SECRET_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

DEFINE_AUTO(DIR *, closedir)

static bool name_is_plain(const char *name)
{
	return *name && !name[strspn(name, SECRET_CHARACTERS "_-")];
}

static int make_secret(const struct paths *p, const char *name, bool *changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf path = { 0 };
	char value[SECRET_LEN + 1];
	int r;

	if (!name_is_plain(name))
		return fail(e, FAIL_OTHER, "'%s' is not a valid name of a secret", name);
	strbuf_printf(&path, "%s/%s", p->secrets, name);
	if (file_exists(path.text))
		return 0;
	digest_secret(value, SECRET_LEN);
	r = file_write(path.text, value, SECRET_LEN, 0600, e);
	explicit_bzero(value, sizeof value);
	*changed = true;
	return r;
}

int state_secret(const struct paths *p, const char *name, char ret[64], struct fail *e)
{
	auto_(strbuf_clear) struct strbuf path = { 0 }, text = { 0 };
	bool changed = false;

	/* A cluster kind that was added to a lab later has its own secrets: made when first needed. */
	if (!file_exists(p->secrets))
		return fail(e, FAIL_NOT_FOUND, "secret '%s': %s does not exist", name, p->secrets);
	if (make_secret(p, name, &changed, e) < 0)
		return -1;
	strbuf_printf(&path, "%s/%s", p->secrets, name);
	if (file_read(path.text, 64, &text, e) < 0)
		return -1;
	strbuf_truncate(&text, strcspn(strbuf_text(&text), "\r\n"));
	if (text.len == 0 || text.len > 63)
		return fail(e, FAIL_OTHER, "%s: a secret must have 1 to 63 characters", path.text);
	/* Placeholders are replaced inside any kind of quotes: a secret that a user edited must need no quoting either. */
	if (text.text[strspn(text.text, SECRET_CHARACTERS)])
		return fail(e, FAIL_OTHER, "%s: a secret must contain only letters and digits", path.text);
	memcpy(ret, text.text, text.len + 1);
	explicit_bzero(text.text, text.len);
	return 0;
}

int state_renew_secret(const struct paths *p, const char *name, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf path = { 0 };
	char value[SECRET_LEN + 1];
	int r;

	if (!name_is_plain(name))
		return fail(e, FAIL_OTHER, "'%s' is not a valid name of a secret", name);
	strbuf_printf(&path, "%s/%s", p->secrets, name);
	digest_secret(value, SECRET_LEN);
	r = file_write(path.text, value, SECRET_LEN, 0600, e);
	explicit_bzero(value, sizeof value);
	return r;
}

int state_drop_secrets(const struct paths *p, const struct lab *lab, bool *changed, struct fail *e)
{
	auto_(closedir) DIR *dir = opendir(p->secrets);
	auto_(strbuf_clear) struct strbuf path = { 0 };
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, DB_USER_SECRET, strlen(DB_USER_SECRET)) != 0 ||
		    db_user_find(&lab->cluster, entry->d_name + strlen(DB_USER_SECRET)))
			continue;
		strbuf_truncate(&path, 0);
		strbuf_printf(&path, "%s/%s", p->secrets, entry->d_name);
		if (unlink(path.text) < 0 && errno != ENOENT)
			return fail_errno(e, FAIL_OTHER, "remove %s", path.text);
		*changed = true;
	}
	return 0;
}

int state_make_secrets(const struct paths *p, const struct lab *lab, bool *changed, struct fail *e)
{
	const char *const *secrets = lab->cluster.recipe ? lab->cluster.recipe->secrets : NULL;

	if (secrets && file_mkdirs(p->secrets, 0700, e) < 0)
		return -1;
	for (; secrets && *secrets; secrets++)
		if (make_secret(p, *secrets, changed, e) < 0)
			return -1;
	return 0;
}
