/* SPDX-License-Identifier: PostgreSQL */
#include <stdio.h>

#include "cli.h"

static int version(struct cli *c, struct fail *e)
{
	int r;

	if (c->json) {
		char digest[65];
		json_t *doc;

		library_digest(c->lib, digest);
		doc = json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "labctl", LABCTL_VERSION, "data", library_dir(c->lib), "digest", digest);
		r = report_json(doc, e);
		json_decref(doc);
		return r;
	}
	printf("labctl %s\ndata files: %s\n", LABCTL_VERSION, library_dir(c->lib));
	return 0;
}

const struct command cmd_version = {
	.name = "version", .run = version, .without = NO_LAB | NO_LIBVIRT | NO_STATE,
	.summary = "show the version of labctl and of its libraries",
};
