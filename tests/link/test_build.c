/* SPDX-License-Identifier: PostgreSQL */
/*
 * link/build.h: a small source archive and build script of our own, built for real in an overlay. The tree is the build
 * image where there is one ($LABCTL_CACHE or /var/cache/labctl), else this host's own root: it is only read.
 */
#include "test.h"

#include <pthread.h>

#include "build.h"
#include "digest.h"
#include "file.h"
#include "look.h"
#include "private_server.h"
#include "unpack.h"

static char dir[PRIVATE_PATH], cache[PRIVATE_PATH + 16], archive[PRIVATE_PATH + 32];
static char archive_sha256[DIGEST_HEX];
static struct arena *arena;
static struct image image = { .name = "test-build", .root = "/",
			      .digest = "00000000000000000000000000000000000000000000000000000000000000ab" };

static const char good_script[] =
	"#!/bin/sh\n"
	"echo ::step check\n"
	"[ \"$(cat \"$SRC/VERSION\")\" = 1.0 ] || { echo '::fail no version'; exit 1; }\n"
	"[ -c /dev/null ] && [ -e /proc/self/stat ] && [ ! -e /dev/sda ] && [ ! -e /dev/vda ] || { echo '::fail devices'; exit 1; }\n"
	"[ $$ -lt 100 ] || { echo '::fail the host is in sight'; exit 1; }\n"
	"[ \"$LABCTL_TEST_SECRET\" = '' ] || { echo '::fail environment'; exit 1; }\n"
	"echo ::adapt flag: \"today's\" compiler\n"
	"echo noise of make >&2; echo more noise\n"
	"echo ::step install\n"
	"mkdir -p \"$OUT$PREFIX\" && echo \"$PORT $CONFIGURE $JOBS\" >\"$OUT$PREFIX/built\" && ln -s \"$PREFIX\" \"$OUT$LINK\"\n";

static const char bad_script[] = "#!/bin/sh\n"
				 "echo ::step make\n"
				 "mkdir -p $OUT/opt/half\n"
				 "echo 'x.c:1: error: nonsense' >&2\n"
				 "echo '!! make ended with 2' >&2; printf 'gcc %02000d -c -o x.o x.c\\n' 0 >&2\n"
				 "printf 'long.c:1: error: %02000d\\n' 0 >&2\n"
				 "echo '::fail make: ended with 2'\n"
				 "exit 1\n";

static void make_archive(const char *path, const char *const *members)
{
	const char *argv[16] = { "tar", "-czf", path, "-P", "-C", dir };

	for (int i = 0; members[i]; i++)
		argv[6 + i] = members[i];
	private_run(argv);
}

static int setup(void **state)
{
	const char *members[] = { "soft-1.0", NULL };
	const char *base = getenv("LABCTL_CACHE");
	char path[PRIVATE_PATH + 64];
	struct fail e = { 0 };
	struct image *list;
	unsigned count;

	(void)state;
	if (geteuid() != 0)
		private_die("these tests need root");
	arena = arena_new();
	if (image_list(&(struct image_env){ .cache_dir = base ? base : "/var/cache/labctl" }, arena, &list, &count, &e) == 0)
		for (unsigned i = 0; i < count; i++)
			if (strcmp(list[i].name, "debian12-build") == 0)
				image = list[i];
	private_tmpdir(dir);
	snprintf(cache, sizeof cache, "%s/cache", dir);
	snprintf(path, sizeof path, "%s/soft-1.0", dir);
	assert_ok(file_mkdirs(path, 0755, &e), e);
	snprintf(path, sizeof path, "%s/soft-1.0/VERSION", dir);
	private_write(path, 0644, "1.0\n");
	snprintf(archive, sizeof archive, "%s/soft.tar.gz", dir);
	make_archive(archive, members);
	assert_ok(digest_file(archive, archive_sha256, &e), e);
	setenv("LABCTL_TEST_SECRET", "not for builds", 1);
	return 0;
}

/* Only results and logs are left, and no mounts. */
static int teardown(void **state)
{
	auto_(strbuf_clear) struct strbuf mounts = { 0 };
	char path[PRIVATE_PATH + 32];
	struct fail e = { 0 };

	(void)state;
	snprintf(path, sizeof path, "%s/tmp", cache);
	if (file_exists(path) && rmdir(path)) {
		print_error("%s: is not empty\n", path);
		return -1;
	}
	if (file_read("/proc/self/mounts", 1u << 20, &mounts, &e) || strstr(mounts.text, dir))
		return -1;
	arena_free(arena);
	return file_remove_tree(dir, &e);
}

static struct build build(const char *script)
{
	return (struct build){ .cache_dir = cache, .image = &image, .archive = archive, .archive_sha256 = archive_sha256,
			       .script = script, .prefix = "/opt/soft_1.0", .link = "/opt/soft", .configure = "--with-a --with-b",
			       .port = 1921, .jobs = 2, .deadline_ms = clock_after_ms(60000) };
}

static void collect(void *ctx, const char *line)
{
	strbuf_printf(ctx, "%s\n", line);
}

static void built_once_then_cached(void **state)
{
	auto_(strbuf_clear) struct strbuf lines = { 0 }, list = { 0 }, record = { 0 };
	struct build b = build(good_script);
	const char *tar = NULL, *again = NULL;
	const char *show[] = { "tar", "-tvf", NULL, NULL }, *read_it[] = { "tar", "-xOf", NULL, "opt/soft_1.0/built", NULL };
	struct fail e = { 0 };
	bool built = false;

	(void)state;
	b.line = collect;
	b.ctx = &lines;
	assert_ok(build_software(&b, arena, &tar, &built, &e), e);
	assert_true(built);
	assert_string_equal(strbuf_text(&lines),
			    "::step unpack\n::step check\n::adapt flag: today's compiler\n::step install\n");
	show[2] = read_it[2] = tar;
	assert_ok(proc_check(&(struct proc){ .argv = show, .out = &list, .deadline_ms = clock_after_ms(10000) }, &e), e);
	assert_has(strbuf_text(&list), "opt/soft -> /opt/soft_1.0");
	assert_null(strstr(strbuf_text(&list), " ./"));
	strbuf_truncate(&list, 0);
	assert_ok(proc_check(&(struct proc){ .argv = read_it, .out = &list, .deadline_ms = clock_after_ms(10000) }, &e), e);
	assert_string_equal(strbuf_text(&list), "1921 --with-a --with-b 2\n");
	assert_ok(file_read(arena_printf(arena, "%.*s.json", (int)strlen(tar) - 4, tar), 65536, &record, &e), e);
	assert_has(strbuf_text(&record), "flag: today's compiler");
	assert_ok(build_software(&b, arena, &again, &built, &e), e);
	assert_false(built);
	assert_string_equal(tar, again);
	b.configure = "--with-c";
	assert_ok(build_software(&b, arena, &again, &built, &e), e);
	assert_true(built);
	assert_string_not_equal(tar, again);
}

static void a_kept_tree_can_be_entered(void **state)
{
	auto_(strbuf_clear) struct strbuf lines = { 0 }, out = { 0 };
	struct build b = build("#!/bin/sh\nmkdir -p \"$OUT/opt\" && echo made >\"$OUT/opt/x\" && echo object >\"$SRC/x.o\"\n");
	const char *enter[] = { NULL, "sh", "-c", "pwd; cat VERSION x.o; [ ! -e /dev/vda ] && [ $$ -lt 100 ] && echo inside", NULL };
	const char *tar = NULL, *tree;
	struct fail e = { 0 };
	bool built = false;

	(void)state;
	b.line = collect;
	b.ctx = &lines;
	assert_ok(build_software(&b, arena, &tar, &built, &e), e);
	assert_null(strstr(strbuf_text(&lines), "::kept"));
	/* The software is in the cache, but not the build tree. */
	b.keep = true;
	for (int i = 0; i < 2; i++) {
		strbuf_truncate(&lines, 0);
		assert_ok(build_software(&b, arena, &tar, &built, &e), e);
		assert_int_equal(built, i == 0);
		tree = strstr(strbuf_text(&lines), "::kept ");
		assert_non_null(tree);
	}
	tree = arena_strndup(arena, tree + strlen("::kept "), strcspn(tree + strlen("::kept "), "\n"));
	enter[0] = arena_printf(arena, "%s/enter", tree);
	assert_ok(proc_check(&(struct proc){ .argv = enter, .out = &out, .deadline_ms = clock_after_ms(20000) }, &e), e);
	assert_string_equal(strbuf_text(&out), "/labctl/src/soft-1.0\n1.0\nobject\ninside\n");
	assert_ok(file_remove_tree(tree, &e), e);
}

static const char patch_script[] =
	"#!/bin/sh\n"
	"mkdir -p \"$OUT$PREFIX\" && cd \"$PATCHES\" && for f in *; do echo \"$f: $(cat \"$f\")\"; done >\"$OUT$PREFIX/built\" &&\n"
	"cat \"$EXTRA/more.c\" >>\"$OUT$PREFIX/built\"\n";

/* Patches apply in the order of the list, not of their names; a changed patch causes a new build. */
static void patches_and_extra(void **state)
{
	auto_(strbuf_clear) struct strbuf built_text = { 0 };
	const char *patches[] = { arena_printf(arena, "%s/b.patch", dir), arena_printf(arena, "%s/a.patch", dir) };
	const char *read_it[] = { "tar", "-xOf", NULL, "opt/soft_1.0/built", NULL }, *tar, *again;
	struct build b = build(patch_script);
	struct fail e = { 0 };
	bool built;

	(void)state;
	private_write(patches[0], 0644, "first");
	private_write(patches[1], 0644, "second");
	b.patches = patches;
	b.patch_count = 2;
	b.extra_name = "more.c";
	b.extra = "extra";
	assert_ok(build_software(&b, arena, &tar, &built, &e), e);
	read_it[2] = tar;
	assert_ok(proc_check(&(struct proc){ .argv = read_it, .out = &built_text, .deadline_ms = clock_after_ms(10000) }, &e), e);
	assert_string_equal(strbuf_text(&built_text), "01-b.patch: first\n02-a.patch: second\nextra");
	private_write(patches[1], 0644, "changed");
	assert_ok(build_software(&b, arena, &again, &built, &e), e);
	assert_true(built);
	assert_string_not_equal(tar, again);
	patches[1] = "/nowhere/c.patch";
	assert_int_equal(build_software(&b, arena, &again, &built, &e), -1);
	assert_has(e.text, "patch /nowhere/c.patch");
}

static void failure_says_step_and_log(void **state)
{
	struct build b = build(bad_script);
	struct fail e = { 0 };
	const char *tar;
	bool built;

	(void)state;
	assert_int_equal(build_software(&b, arena, &tar, &built, &e), -1);
	assert_has(e.text, "step 'make'");
	assert_has(e.text, "step 'make': ended with 2");
	assert_has(e.next, "/log/build-");
	/* the errors, shortened, without commands and the script's marks */
	assert_has(e.evidence, "x.c:1: error: nonsense\nlong.c:1: error: 0000");
	assert_null(strstr(e.evidence, "gcc"));
	assert_null(strstr(e.evidence, "::"));
	assert_null(strstr(e.evidence, "!!"));
	assert_in_range(strlen(e.evidence), 1, 300);
	/* without a line that looks like an error, the last lines */
	b = build("#!/bin/sh\necho one >&2\necho two >&2\necho ::fail bad\nexit 1\n");
	assert_int_equal(build_software(&b, arena, &tar, &built, &e), -1);
	assert_string_equal(e.evidence, "one\ntwo");
	b = build("#!/bin/sh\nexit 0\n");
	assert_int_equal(build_software(&b, arena, &tar, &built, &e), -1);
	assert_has(e.text, "installed nothing");
}

/* Output as of make and gcc, for eleven seconds. */
static const char slow_script[] = "#!/bin/sh\n"
				  "echo ::step make\n"
				  "i=0; while [ $i -lt 11 ]; do i=$((i+1)); echo checking for gcc -c >&2\n"
				  "echo \"gcc -O2 -c -o $i.o $i.c\" >&2; sleep 1; done\n"
				  "mkdir -p \"$OUT/opt\"; echo x >\"$OUT/opt/x\"\n";

static void a_build_says_how_far_it_is(void **state)
{
	auto_(strbuf_clear) struct strbuf lines = { 0 };
	struct build b = build(slow_script);
	struct fail e = { 0 };
	unsigned files = 0, first;
	const char *tar, *line;
	bool built;

	(void)state;
	b.line = collect;
	b.ctx = &lines;
	assert_ok(build_software(&b, arena, &tar, &built, &e), e);
	line = strstr(strbuf_text(&lines), "::step make: ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "::step make: %u files compiled", &first), 1);
	line = strstr(line + 1, "::step make: ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "::step make: %u files compiled", &files), 1);
	assert_true(first >= 1 && files > first && files <= 11);
}

static void an_image_says_how_far_it_is(void **state)
{
	static const char *const dirs[] = { "root/var/cache/apt/archives", "root/var/lib/dpkg/info" };
	char path[PRIVATE_PATH + 100], text[120];
	struct fail e = { 0 };

	(void)state;
	assert_false(look_image(dir, text, sizeof text));
	for (size_t i = 0; i < ARRAY_COUNT(dirs); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, dirs[i]);
		assert_ok(file_mkdirs(path, 0755, &e), e);
	}
	snprintf(path, sizeof path, "%s/%s/bash_5.deb", dir, dirs[0]);
	private_write(path, 0644, "x");
	for (const char *const *name = (const char *const[]){ "dash.list", "libc6:amd64.list", "dash.md5sums", NULL }; *name; name++) {
		snprintf(path, sizeof path, "%s/%s/%s", dir, dirs[1], *name);
		private_write(path, 0644, "x");
	}
	assert_true(look_image(dir, text, sizeof text));
	assert_string_equal(text, "1 package downloaded and not yet installed, 2 installed or unpacked");
	snprintf(path, sizeof path, "%s/disk.raw", dir);
	private_write(path, 0644, "x");
	assert_true(look_image(dir, text, sizeof text));
	assert_string_equal(text, "disk.raw: 0 MiB so far");
}

static void refuse(const char *path, const char *because)
{
	struct build b = build(good_script);
	struct fail e = { 0 };
	const char *tar;
	bool built;

	b.archive = path;
	assert_int_equal(build_software(&b, arena, &tar, &built, &e), -1);
	assert_has(e.text, because);
	assert_has(e.text, "step 'unpack'");
}

static void wrong_archives_are_refused(void **state)
{
	char bad[PRIVATE_PATH + 32], file[PRIVATE_PATH + 64];
	const char *two[] = { "soft-1.0", "two", NULL }, *out[] = { "soft-1.0/../two", NULL }, *absolute[] = { file, NULL };

	(void)state;
	snprintf(bad, sizeof bad, "%s/bad.tar.gz", dir);
	snprintf(file, sizeof file, "%s/two", dir);
	private_write(file, 0644, "x");
	refuse(file, "cannot be read");
	make_archive(bad, two);
	refuse(bad, "more than one top directory");
	make_archive(bad, out);
	refuse(bad, "leads out of it");
	make_archive(bad, absolute);
	refuse(bad, "absolute path");
}

/* A link, then a member whose path goes through it. */
static void nothing_is_written_through_a_link(void **state)
{
	char script[1024], bad[PRIVATE_PATH + 32], to[PRIVATE_PATH + 32];
	const char *top;
	struct fail e = { 0 };

	(void)state;
	snprintf(bad, sizeof bad, "%s/bad.tar", dir);
	snprintf(to, sizeof to, "%s/to", dir);
	snprintf(script, sizeof script,
		 "cd %s && mkdir -p to a/top b/top/link && ln -s . a/top/link && echo x >b/top/link/file &&"
		 "tar -cf bad.tar -C a top/link && tar -rf bad.tar -C b top/link/file", dir);
	private_run((const char *[]){ "sh", "-c", script, NULL });
	assert_int_equal(unpack_archive(bad, to, NULL, CLOCK_NEVER, arena, &top, &e), -1);
	assert_has(e.text, "cannot be written");
	strcat(to, "/top/file");
	assert_false(file_exists(to));
}

static void large_archives_are_refused(void **state)
{
	char script[1024], bad[PRIVATE_PATH + 32];
	const char *top;
	struct fail e = { 0 };

	(void)state;
	snprintf(bad, sizeof bad, "%s/bad.tar", dir);
	snprintf(script, sizeof script, "cd %s && mkdir top && truncate -s 5G top/zeros && tar -cSf bad.tar top", dir);
	private_run((const char *[]){ "sh", "-c", script, NULL });
	assert_int_equal(unpack_check(bad, NULL, CLOCK_NEVER, arena, &top, &e), -1);
	assert_has(e.text, "larger than 4 GiB");
}

static void an_archive_gives_no_rights(void **state)
{
	char script[1024], good[PRIVATE_PATH + 32], to[PRIVATE_PATH + 64];
	const char *top = NULL;
	struct fail e = { 0 };
	struct stat st;
	mode_t mask = umask(022);

	(void)state;
	snprintf(good, sizeof good, "%s/good.tar.xz", dir);
	snprintf(to, sizeof to, "%s/to", dir);
	snprintf(script, sizeof script, "cd %s && mkdir to top && echo x >top/file && chmod 6777 top/file && chown 1:1 top/file &&"
		 "touch -d @1000000000 top/file && tar -cJf good.tar.xz top", dir);
	private_run((const char *[]){ "sh", "-c", script, NULL });
	assert_ok(unpack_archive(good, to, NULL, CLOCK_NEVER, arena, &top, &e), e);
	assert_string_equal(top, "top");
	strcat(to, "/top/file");
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0755);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mtime, 1000000000);
	assert_int_equal(umask(mask), 022);
}

/* top/run, 0755, and top/to, a link to it. */
static const unsigned char zip[] = {
	0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x83, 0x18, 0x22, 0x50, 0x1d, 0x9d, 0xfb, 0x04, 0x0a, 0x00, 0x00, 0x00, 0x0a, 0x00,
	0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x74, 0x6f, 0x70, 0x2f, 0x72, 0x75, 0x6e, 0x23, 0x21, 0x2f, 0x62, 0x69, 0x6e, 0x2f, 0x73, 0x68, 0x0a, 0x50,
	0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x83, 0x18, 0x22, 0x50, 0xc0, 0xa4, 0x76, 0x50, 0x03, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00,
	0x00, 0x06, 0x00, 0x00, 0x00, 0x74, 0x6f, 0x70, 0x2f, 0x74, 0x6f, 0x72, 0x75, 0x6e, 0x50, 0x4b, 0x01, 0x02, 0x14, 0x03, 0x14, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x83, 0x18, 0x22, 0x50, 0x1d, 0x9d, 0xfb, 0x04, 0x0a, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xed, 0x81, 0x00, 0x00, 0x00, 0x00, 0x74, 0x6f, 0x70, 0x2f, 0x72, 0x75, 0x6e, 0x50, 0x4b, 0x01, 0x02, 0x14,
	0x03, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x83, 0x18, 0x22, 0x50, 0xc0, 0xa4, 0x76, 0x50, 0x03, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x06,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xa1, 0x2f, 0x00, 0x00, 0x00, 0x74, 0x6f, 0x70, 0x2f, 0x74, 0x6f, 0x50,
	0x4b, 0x05, 0x06, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, 0x69, 0x00, 0x00, 0x00, 0x56, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static void a_zip_is_an_archive(void **state)
{
	char path[PRIVATE_PATH + 32], to[PRIVATE_PATH + 64];
	const char *top = NULL;
	struct fail e = { 0 };
	struct stat st;

	(void)state;
	snprintf(path, sizeof path, "%s/good.zip", dir);
	snprintf(to, sizeof to, "%s/to", dir);
	assert_ok(file_write(path, (const char *)zip, sizeof zip, 0644, &e), e);
	assert_ok(file_mkdirs(to, 0755, &e), e);
	assert_ok(unpack_archive(path, to, NULL, CLOCK_NEVER, arena, &top, &e), e);
	assert_string_equal(top, "top");
	strcat(to, "/top/to");
	assert_true(lstat(to, &st) == 0 && S_ISLNK(st.st_mode));
	assert_true(stat(to, &st) == 0 && (st.st_mode & 0777) == 0755);
}

static void deadline_and_cancel_end_it(void **state)
{
	struct build b = build("#!/bin/sh\necho ::step sleep\nsleep 600 &\nsleep 600\n");
	atomic_bool cancel = true;
	struct fail e = { 0 };
	const char *tar;
	bool built;

	(void)state;
	/* On a busy host the deadline may pass before the script prints anything: try again with a later one. */
	for (int64_t ms = 1500; ms < 100000 && !strstr(e.text, "step 'sleep'"); ms *= 2) {
		b.deadline_ms = clock_after_ms(ms);
		assert_int_equal(build_software(&b, arena, &tar, &built, &e), -1);
		assert_int_equal(e.code, FAIL_TIMEOUT);
	}
	assert_has(e.text, "step 'sleep'");
	b.deadline_ms = clock_after_ms(60000);
	b.cancel = &cancel;
	assert_int_equal(build_software(&b, arena, &tar, &built, &e), -1);
	assert_int_equal(e.code, FAIL_CANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(built_once_then_cached, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kept_tree_can_be_entered, setup, teardown),
		cmocka_unit_test_setup_teardown(patches_and_extra, setup, teardown),
		cmocka_unit_test_setup_teardown(failure_says_step_and_log, setup, teardown),
		cmocka_unit_test_setup_teardown(a_build_says_how_far_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(an_image_says_how_far_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_archives_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_written_through_a_link, setup, teardown),
		cmocka_unit_test_setup_teardown(large_archives_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(an_archive_gives_no_rights, setup, teardown),
		cmocka_unit_test_setup_teardown(a_zip_is_an_archive, setup, teardown),
		cmocka_unit_test_setup_teardown(deadline_and_cancel_end_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
