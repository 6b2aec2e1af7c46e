/* SPDX-License-Identifier: PostgreSQL */
/* Includes go one way. The build sees most wrong ones; "../x.h" and the headers of libraries in /usr/include it does not. */
#include "test.h"

#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "file.h"

/* Directory, directories whose headers it may include, libraries' headers it may include (prefixes). */
static const struct layer { const char *name, *sees, *uses; } layers[] = {
	{ "base", "base", "openssl/" },
	{ "model", "model base", "yaml.h" },
	{ "plan", "plan model base", "libxml/ jansson.h" },
	{ "link", "link model base", "libvirt/ libxml/ libssh2.h libpq-fe.h curl/ archive.h archive_entry.h jansson.h openssl/" },
	{ "exec", "exec plan link model base", "jansson.h" },
	{ "cli", "cli exec plan link model base", "jansson.h libsmartcols/ argp.h" },
};
/* All that is watched; any other <x.h> is the C library's or the kernel's. */
static const char libraries[] = "openssl/ yaml.h libxml/ jansson.h libvirt/ libssh2 libpq libpq-fe.h curl/ archive.h archive_entry.h libsmartcols/ argp.h";

static bool listed(const char *list, const char *name, bool prefix)
{
	for (size_t len; *list; list += len + (list[len] == ' ')) {
		len = strcspn(list, " ");
		if (!strncmp(list, name, len) && (prefix || name[len] == '\0'))
			return true;
	}
	return false;
}

/* Is there src/DIR/HEADER for a directory that the layer sees? */
static bool header_seen(const struct layer *l, const char *header)
{
	for (size_t i = 0; i < ARRAY_COUNT(layers); i++) {
		char path[512];

		snprintf(path, sizeof path, SOURCE_DIR "/src/%s/%s", layers[i].name, header);
		if (file_exists(path))
			return listed(l->sees, layers[i].name, false);
	}
	return false;
}

static unsigned check_line(const struct layer *l, const char *path, const char *line)
{
	char kind, name[256];

	if (sscanf(line, " # include %c%255[^\">]", &kind, name) != 2 && sscanf(line, "#include %c%255[^\">]", &kind, name) != 2)
		return 0;
	if (kind == '"' ? !strstr(name, "..") && header_seen(l, name)
			: !listed(libraries, name, true) || listed(l->uses, name, true))
		return 0;
	print_error("%s includes %s\n", path, name);
	return 1;
}

/* Code decides by the cause of a failure (base/fail.h), never by its words. base/fail.c sets causes from foreign words. */
static unsigned check_decision(const char *path, const char *line)
{
	static const char reads[] = "\\bstr(str|casestr|cmp|ncmp|casecmp|chr|spn|cspn)\\([^;]*"
				    "\\b(e|why|last|kept|first|ignored|failure|fail|report)(->|\\.)(text|next|evidence)\\b";
	regex_t pattern;
	bool found;

	assert_int_equal(regcomp(&pattern, reads, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&pattern, line, 0, NULL, 0) == 0;
	regfree(&pattern);
	if (!found || !strcmp(path, SOURCE_DIR "/src/base/fail.c"))
		return 0;
	print_error("%s reads a failure's words: %s\n", path, line);
	return 1;
}

static unsigned check_file(const struct layer *l, const char *path)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	unsigned bad = 0;

	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	for (char *rest = text.text, *line; (line = strsep(&rest, "\n"));) {
		bad += check_line(l, path, line);
		if (strchr(line, '('))
			bad += check_decision(path, line);
	}
	return bad;
}

static void includes_go_one_way(void **state)
{
	unsigned bad = 0, files = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(layers); i++) {
		for (size_t k = 0; k < 2; k++) {
			char pattern[512];
			glob_t found;

			snprintf(pattern, sizeof pattern, k ? SOURCE_DIR "/src/%s/*/*.[ch]" : SOURCE_DIR "/src/%s/*.[ch]",
				 layers[i].name);
			if (glob(pattern, 0, NULL, &found) != 0)
				continue;
			for (size_t n = 0; n < found.gl_pathc; n++, files++)
				bad += check_file(&layers[i], found.gl_pathv[n]);
			globfree(&found);
		}
	}
	assert_true(files > 50);
	assert_int_equal(bad, 0);
}

static void the_check_itself(void **state)
{
	(void)state;
	assert_int_equal(check_line(&layers[2], "plan/x.c", "#include \"ssh.h\""), 1);
	assert_int_equal(check_line(&layers[3], "link/x.c", "#include \"plan.h\""), 1);
	assert_int_equal(check_line(&layers[2], "plan/x.c", "#include <libssh2.h>"), 1);
	assert_int_equal(check_line(&layers[2], "plan/x.c", "#include \"../link/ssh.h\""), 1);
	assert_int_equal(check_line(&layers[2], "plan/x.c", "#include \"lab.h\""), 0);
	assert_int_equal(check_line(&layers[2], "plan/x.c", "#include <string.h>"), 0);
	assert_int_equal(check_decision("cli/x.c", "\tif (strstr(e->text, \"gone\"))"), 1);
	assert_int_equal(check_decision("cli/x.c", "\tr = !strcmp(step->fail.evidence, a) || b;"), 1);
	assert_int_equal(check_decision("cli/x.c", "\tjson_string(e->text);"), 0);
	assert_int_equal(check_decision("cli/x.c", "\tif (strstr(line.text, \"gone\"))"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_check_itself), cmocka_unit_test(includes_go_one_way) };

	return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
