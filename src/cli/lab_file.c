/* SPDX-License-Identifier: PostgreSQL */
/* The lab file: the one that -f or LABCTL_FILE names, else ./labctl.yaml (trusted.c). */
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"

#define FOUND "labctl.yaml"

const char *lab_file(const struct cli *c)
{
	return c->file ? c->file : !c->no_file && file_exists(FOUND) ? FOUND : NULL;
}

static int load_found(struct cli *c, const struct lab_options *o, struct lab **ret_lab, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(free) char *here = getcwd(NULL, 0);
	struct lab_options found = *o;

	if (!here)
		return fail_errno(e, FAIL_OTHER, "%s", "./" FOUND);
	if (trusted_read(c, "./" FOUND, &text, e) < 0) {
		if (e->code == FAIL_CONFLICT)
			return fail_next(e, "check its contents, then labctl -f ./" FOUND " %s; or take it over: chown, chmod go-w",
					 c->path);
		return -1;
	}
	found.dir = here;
	return lab_parse(strbuf_text(&text), text.len, FOUND, &found, ret_lab, e);
}

int lab_file_load(struct cli *c, const struct lab_options *o, struct lab **ret_lab, struct fail *e)
{
	return c->file || !lab_file(c) ? lab_load(c->file, o, ret_lab, e) : load_found(c, o, ret_lab, e);
}
