/* SPDX-License-Identifier: PostgreSQL */
#include "exports.h"

#include <ctype.h>
#include <string.h>

bool exports_have_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, word, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

void exports_path_print(const char *path, struct strbuf *out)
{
	for (const char *c = path; *c; c++) {
		if (isspace((unsigned char)*c) || *c == '"' || *c == '\\' || *c == '#')
			strbuf_printf(out, "\\%03o", (unsigned char)*c);
		else
			strbuf_char(out, *c);
	}
}

void exports_print(const char *lab, const char *subnet, const char *options, const char *const *paths, struct strbuf *out)
{
	bool said = exports_have_option(options, "subtree_check") || exports_have_option(options, "no_subtree_check");

	strbuf_printf(out, "# made by labctl for lab %s, removed by labctl destroy\n", lab);
	for (; *paths; paths++) {
		exports_path_print(*paths, out);
		strbuf_printf(out, " %s(%s%s)\n", subnet, options, said ? "" : ",no_subtree_check");
	}
}
