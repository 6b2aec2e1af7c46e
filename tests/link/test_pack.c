/* SPDX-License-Identifier: PostgreSQL */
/* Archives that labctl writes: each compression is read again; nothing is replaced, nothing incomplete is left. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "pack.h"
#include "unpack.h"

static char dir[] = "/tmp/labctl-pack-XXXXXX";

static int make(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int drop(void **state)
{
	struct fail e;

	(void)state;
	return file_remove_tree(dir, &e);
}

/* A path in the directory, in one of a few buffers. */
static const char *in_dir(const char *name)
{
	static char paths[4][160];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static void each_compression(void **state)
{
	static const char zeros[] = "a\0b";

	(void)state;
	for (unsigned i = 0; pack_suffixes[i]; i++) {
		auto_(pack_free) struct pack *p = NULL;
		auto_(arena_free) struct arena *a = arena_new();
		auto_(strbuf_clear) struct strbuf text = { 0 };
		const char *path = in_dir(arena_printf(a, "x%s", pack_suffixes[i])), *out = in_dir(arena_printf(a, "out%u", i)), *top;
		struct fail e = { 0 };
		struct stat st;

		if (pack_new(path, &p, &e) < 0)
			fail_msg("%s", e.text);
		assert_false(file_exists(path));
		assert_int_equal(pack_add(p, "top/one", "first\n", 6, &e), 0);
		assert_int_equal(pack_add(p, "top/deep/er/two", zeros, sizeof zeros, &e), 0);
		assert_int_equal(pack_add(p, "top/empty", "", 0, &e), 0);
		assert_int_equal(pack_finish(p, &e), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(mkdir(out, 0700), 0);
		if (unpack_archive(path, out, NULL, CLOCK_NEVER, a, &top, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(top, "top");
		assert_int_equal(file_read(arena_printf(a, "%s/top/deep/er/two", out), 100, &text, &e), 0);
		assert_int_equal(text.len, sizeof zeros);
		assert_memory_equal(text.text, zeros, sizeof zeros);
		assert_true(file_exists(arena_printf(a, "%s/top/empty", out)));
	}
}

static void refused(void **state)
{
	static const char *const bad[] = { "x", "x.tar", "x.zip", "x.tar.bz2", ".tar.gz", "x.tar.gz.txt" };
	struct pack *p = NULL;
	struct fail e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(pack_new(in_dir(bad[i]), &p, &e), -1);
		assert_int_equal(e.code, FAIL_USAGE);
	}
	assert_int_equal(file_write(in_dir("there.tar.gz"), "mine", 4, 0600, &e), 0);
	assert_int_equal(pack_new(in_dir("there.tar.gz"), &p, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_int_equal(pack_new(in_dir("no/dir.tar.gz"), &p, &e), -1);
	assert_null(p);
}

static unsigned count_files(void)
{
	char command[200];
	FILE *f;
	unsigned count = 0;

	snprintf(command, sizeof command, "ls -A %s | wc -l", dir);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &count), 1);
	pclose(f);
	return count;
}

static void nothing_incomplete(void **state)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	unsigned before = count_files();
	struct pack *p;

	(void)state;
	assert_int_equal(pack_new(in_dir("half.tar.zst"), &p, &e), 0);
	assert_int_equal(pack_add(p, "a", "b", 1, &e), 0);
	pack_free(p);
	assert_int_equal(count_files(), before);
	/* somebody makes that file meanwhile: it is kept */
	assert_int_equal(pack_new(in_dir("late.tar.zst"), &p, &e), 0);
	assert_int_equal(file_write(in_dir("late.tar.zst"), "theirs", 6, 0600, &e), 0);
	assert_int_equal(pack_finish(p, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	pack_free(p);
	assert_int_equal(count_files(), before + 1);
	assert_int_equal(file_read(in_dir("late.tar.zst"), 100, &text, &e), 0);
	assert_string_equal(text.text, "theirs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_compression), cmocka_unit_test(refused), cmocka_unit_test(nothing_incomplete),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
