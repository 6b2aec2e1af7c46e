/* SPDX-License-Identifier: PostgreSQL */
/* Includes follow the table of rooms in docs/ARCHITECTURE.md: only permitted rooms, only their doors. */
#include "test.h"

#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "auto.h"
#include "file.h"

/* A row of the table in docs/ARCHITECTURE.md. Lists are words separated by blanks. */
struct room { char name[64], doors[256], sees[256], uses[128]; };

static struct room rooms[32];
static unsigned room_count;

/* Headers of libraries that the table restricts; any other <x.h> belongs to the C library or the kernel. */
static const char libraries[] = "openssl/ yaml.h libxml/ jansson.h libvirt/ libssh2 libpq curl/ archive.h archive_entry.h libsmartcols/ argp.h blkid/ libmount/";

static bool listed(const char *list, const char *name, bool prefix)
{
	for (size_t len; *list; list += len + (list[len] == ' ')) {
		len = strcspn(list, " ");
		if (!strncmp(list, name, len) && (prefix || name[len] == '\0'))
			return true;
	}
	return false;
}

static void cell(char **rest, char *ret, size_t size)
{
	char *text = strsep(rest, "|");

	assert_non_null(text);
	text += strspn(text, " ");
	assert_true(strlen(text) < size);
	strcpy(ret, text);
	for (size_t len = strlen(ret); len && ret[len - 1] == ' '; len--)
		ret[len - 1] = '\0';
}

static int read_rooms(void **state)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/docs/ARCHITECTURE.md", 1 << 20, &text, &e), 0);
	for (char *rest = text.text, *line; (line = strsep(&rest, "\n"));) {
		struct room *r = &rooms[room_count];
		char what[512], first[512];

		/* Rows of other tables have fewer cells or no directory in the first one. */
		if (strncmp(line, "| src/", 6) != 0)
			continue;
		assert_true(room_count < ARRAY_COUNT(rooms));
		line += 2;
		cell(&line, first, sizeof first);
		assert_true(strlen(first) < sizeof r->name);
		strcpy(r->name, first);
		cell(&line, what, sizeof what);
		cell(&line, r->doors, sizeof r->doors);
		cell(&line, r->sees, sizeof r->sees);
		cell(&line, r->uses, sizeof r->uses);
		room_count++;
	}
	return room_count ? 0 : -1;
}

static const struct room *room_named(const char *name)
{
	for (unsigned i = 0; i < room_count; i++)
		if (!strcmp(rooms[i].name, name))
			return &rooms[i];
	return NULL;
}

/* The room of the header: @r itself, or another room of which the header is a door open to @r. */
static bool header_seen(const struct room *r, const char *header)
{
	for (unsigned i = 0; i < room_count; i++) {
		const struct room *of = &rooms[i];
		char path[512];

		snprintf(path, sizeof path, SOURCE_DIR "/%s/%s", of->name, header);
		if (file_exists(path))
			return of == r || (listed(r->sees, of->name, false) &&
					   (!strcmp(of->doors, "all") || listed(of->doors, header, false)));
	}
	return false;
}

static unsigned check_line(const struct room *r, const char *path, const char *line)
{
	char kind, name[256];

	if (sscanf(line, " # include %c%255[^\">]", &kind, name) != 2 && sscanf(line, "#include %c%255[^\">]", &kind, name) != 2)
		return 0;
	if (kind == '"' ? !strstr(name, "..") && header_seen(r, name)
			: !listed(libraries, name, true) || listed(r->uses, name, true))
		return 0;
	print_error("%s includes %s, which is no door of a room that docs/ARCHITECTURE.md lets it into\n", path, name);
	return 1;
}

/* Code decides by a failure's cause (base/fail.h), never by its text. Only base/fail.c reads other programs' texts. */
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

static unsigned check_file(const struct room *r, const char *path)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	unsigned bad = 0;

	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	for (char *rest = text.text, *line; (line = strsep(&rest, "\n"));) {
		bad += check_line(r, path, line);
		if (strchr(line, '('))
			bad += check_decision(path, line);
	}
	return bad;
}

/* Every file belongs to a room of the table, and every row of the table is a room. */
static void includes_go_one_way(void **state)
{
	unsigned bad = 0, files = 0;
	glob_t found;

	(void)state;
	assert_int_equal(glob(SOURCE_DIR "/src/*/*.[ch]", 0, NULL, &found), 0);
	assert_int_equal(glob(SOURCE_DIR "/src/*/*/*.[ch]", GLOB_APPEND, NULL, &found), 0);
	for (; files < found.gl_pathc; files++) {
		const char *path = found.gl_pathv[files] + strlen(SOURCE_DIR "/");
		const struct room *r;
		char name[64];

		snprintf(name, sizeof name, "%.*s", (int)(strrchr(path, '/') - path), path);
		r = room_named(name);
		if (!r)
			fail_msg("docs/ARCHITECTURE.md has no row for %s", name);
		bad += check_file(r, found.gl_pathv[files]);
	}
	globfree(&found);
	assert_true(files > 100);
	assert_int_equal(bad, 0);
}

/* A room may include only rooms above it in the table, so there are no cycles. */
static void rooms_stand_in_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < room_count; i++) {
		char sees[sizeof rooms[i].sees];

		strcpy(sees, rooms[i].sees);
		for (char *rest = sees, *name; (name = strsep(&rest, " "));) {
			const struct room *of = *name ? room_named(name) : NULL;

			if (*name && (!of || of >= &rooms[i]))
				fail_msg("%s includes %s, which is not above it in the table", rooms[i].name, name);
		}
	}
}

static void the_check_itself(void **state)
{
	const struct room *plan = room_named("src/plan"), *ssh = room_named("src/link/ssh");

	(void)state;
	assert_non_null(plan);
	assert_non_null(ssh);
	assert_int_equal(check_line(plan, "plan/x.c", "#include \"ssh.h\""), 1);
	assert_int_equal(check_line(ssh, "link/ssh/x.c", "#include \"sql.h\""), 1);
	assert_int_equal(check_line(ssh, "link/ssh/x.c", "#include \"ssh_session.h\""), 0);
	assert_int_equal(check_line(room_named("src/exec"), "exec/x.c", "#include \"ssh_session.h\""), 1);
	assert_int_equal(check_line(ssh, "link/ssh/x.c", "#include \"plan.h\""), 1);
	assert_int_equal(check_line(plan, "plan/x.c", "#include <libssh2.h>"), 1);
	assert_int_equal(check_line(plan, "plan/x.c", "#include \"../link/ssh.h\""), 1);
	assert_int_equal(check_line(plan, "plan/x.c", "#include \"lab.h\""), 0);
	assert_int_equal(check_line(plan, "plan/x.c", "#include <string.h>"), 0);
	assert_int_equal(check_decision("cli/x.c", "\tif (strstr(e->text, \"gone\"))"), 1);
	assert_int_equal(check_decision("cli/x.c", "\tr = !strcmp(step->fail.evidence, a) || b;"), 1);
	assert_int_equal(check_decision("cli/x.c", "\tjson_string(e->text);"), 0);
	assert_int_equal(check_decision("cli/x.c", "\tif (strstr(line.text, \"gone\"))"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_check_itself), cmocka_unit_test(rooms_stand_in_order),
					    cmocka_unit_test(includes_go_one_way) };

	return cmocka_run_group_tests_name("layers", tests, read_rooms, NULL);
}
