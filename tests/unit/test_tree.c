/* SPDX-License-Identifier: PostgreSQL */
/* Copies of trees: everything that a node's disk and data can have arrives, and a changed copy has another digest. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "file.h"
#include "tree.h"

static char top[32];

static const char *in(const char *name)
{
	static char path[8][256];
	static unsigned next;

	snprintf(path[next %= 8], sizeof *path, "%s/%s", top, name);
	return path[next++];
}

static void put(const char *name, const char *text)
{
	struct fail e = { 0 };

	assert_int_equal(file_write(in(name), text, strlen(text), 0640, &e), 0);
}

static int setup(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000000000, .tv_nsec = 5 },
					 { .tv_sec = 1000000000, .tv_nsec = 123456789 } };
	int fd;

	(void)state;
	strcpy(top, "/tmp/labctl-tree-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(mkdir(in("a"), 0751), 0);
	assert_int_equal(mkdir(in("a/empty"), 0700), 0);
	put("a/plain", "text");
	put("a/second", "more");
	assert_int_equal(link(in("a/plain"), in("a/empty/same")), 0);
	assert_int_equal(symlink("/etc/shadow", in("a/away")), 0);
	assert_int_equal(symlink("plain", in("a/near")), 0);
	assert_int_equal(mkfifo(in("a/pipe"), 0604), 0);
	assert_int_equal(chmod(in("a/second"), 04755), 0);
	fd = open(in("a/sparse"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, "x", 1, 8 << 20), 1);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	close(fd);
	assert_int_equal(utimensat(AT_FDCWD, in("a/plain"), old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, in("a/empty"), old, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	return file_remove_tree(top, &e);
}

static int copy_to(const char *to, struct tree_sum *sum, struct fail *e)
{
	return tree_copy(&(struct tree_copy){ .from = in("a"), .to = in(to), .deadline_ms = CLOCK_NEVER }, sum, e);
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(in(name), &st), 0);
	return st;
}

static void everything_arrives(void **state)
{
	struct tree_sum sum, again;
	struct fail e = { 0 };
	char text[64] = "";
	struct stat st;
	bool xattrs = setxattr(in("a/plain"), "user.labctl", "value", 5, 0) == 0;

	(void)state;
	assert_int_equal(copy_to("b", &sum, &e), 0);
	assert_int_equal(sum.files, 9);
	assert_int_equal(tree_look(in("b"), &again, &e), 0);
	assert_string_equal(sum.digest, again.digest);
	assert_int_equal(again.files, 9);
	st = stat_of("b/plain");
	assert_true(st.st_mtim.tv_sec == 1000000000 && st.st_mtim.tv_nsec == 123456789 && st.st_nlink == 2);
	assert_int_equal(st.st_ino, stat_of("b/empty/same").st_ino);
	assert_int_not_equal(st.st_ino, stat_of("a/plain").st_ino);
	assert_int_equal(stat_of("b/empty").st_mtim.tv_nsec, 123456789);
	assert_int_equal(stat_of("b").st_mode, S_IFDIR | 0751);
	assert_int_equal(stat_of("b/second").st_mode, S_IFREG | 04755);
	assert_int_equal(stat_of("b/pipe").st_mode, S_IFIFO | 0604);
	assert_int_equal(readlink(in("b/away"), text, sizeof text - 1), 11);
	assert_string_equal(text, "/etc/shadow");
	st = stat_of("b/sparse");
	assert_int_equal(st.st_size, 64 << 20);
	assert_true(st.st_blocks * 512 < 4 << 20);
	if (xattrs) {
		assert_int_equal(getxattr(in("b/plain"), "user.labctl", text, sizeof text), 5);
		assert_memory_equal(text, "value", 5);
	}
	assert_int_equal(tree_sync(in("b"), &e), 0);
}

static void a_single_file(void **state)
{
	struct tree_sum sum;
	struct fail e = { 0 };
	auto_(strbuf_clear) struct strbuf text = { 0 };

	(void)state;
	assert_int_equal(tree_copy(&(struct tree_copy){ .from = in("a/plain"), .to = in("b"), .deadline_ms = CLOCK_NEVER },
				   &sum, &e),
			 0);
	assert_int_equal(file_read(in("b"), 100, &text, &e), 0);
	assert_string_equal(strbuf_text(&text), "text");
	assert_int_equal(sum.files, 1);
}

static void put_below(const char *name, const char *text)
{
	struct fail e = { 0 };

	assert_int_equal(file_remove_tree(in(name), &e), 0);
	put(name, text);
}

static const char *text_of(const char *name)
{
	static struct strbuf text;
	struct fail e = { 0 };

	strbuf_truncate(&text, 0);
	assert_int_equal(file_read(in(name), 100, &text, &e), 0);
	return strbuf_text(&text);
}

/* What a machine that continues from its memory has open: the file is the same one, whatever happened to its name. */
static void restored_files_stay_the_same(void **state)
{
	struct tree_sum then, sum;
	struct fail e = { 0 };
	ino_t plain = stat_of("a/plain").st_ino, second = stat_of("a/second").st_ino, away = stat_of("a/away").st_ino;
	int held = open(in("a/second"), O_RDWR);
	char text[8] = "";

	(void)state;
	assert_int_equal(tree_pin(in("a"), in("pins"), &sum, &e), 0);
	assert_int_equal(copy_to("b", &then, &e), 0);
	/* a file is written to, one is replaced, one removed, one becomes a directory, a directory becomes a file, others come */
	assert_int_equal(pwrite(held, "later!", 6, 0), 6);
	put_below("a/plain", "another file, and a longer one");
	assert_int_equal(unlink(in("a/second")), 0);
	assert_int_equal(unlink(in("a/away")), 0);
	assert_int_equal(mkdir(in("a/away"), 0700), 0);
	put("a/away/x", "x");
	put_below("a/empty", "");
	assert_int_equal(mkdir(in("a/new"), 0700), 0);
	put("a/new/y", "y");
	assert_int_equal(symlink("/etc", in("a/elsewhere")), 0);
	assert_int_equal(truncate(in("a/sparse"), 0), 0);
	for (int i = 0; i < 2; i++) { /* the second time nothing is left to do */
		assert_int_equal(tree_restore(&(struct tree_copy){ .from = in("b"), .to = in("a"), .pins = in("pins"),
								   .deadline_ms = CLOCK_NEVER }, &sum, &e), 0);
		assert_int_equal(tree_look(in("a"), &sum, &e), 0);
		assert_string_equal(sum.digest, then.digest);
		assert_int_equal(stat_of("a/plain").st_ino, plain);
		assert_int_equal(stat_of("a/empty/same").st_ino, plain);
		assert_int_equal(stat_of("a/second").st_ino, second);
		assert_int_equal(stat_of("a/away").st_ino, away);
		assert_string_equal(text_of("a/plain"), "text");
		assert_int_equal(pread(held, text, 7, 0), 4);
		assert_memory_equal(text, "more", 4);
		assert_true(stat_of("a/sparse").st_blocks * 512 < 4 << 20);
		assert_true(file_exists("/etc/passwd"));
	}
	close(held);
}

static const char *digest_now(void)
{
	static struct tree_sum sum;
	struct fail e = { 0 };

	assert_int_equal(tree_look(in("a"), &sum, &e), 0);
	return sum.digest;
}

static void what_changes_changes_the_digest(void **state)
{
	char before[DIGEST_HEX];

	(void)state;
	strcpy(before, digest_now());
	assert_string_equal(before, digest_now());
	assert_int_equal(chmod(in("a/pipe"), 0600), 0);
	assert_string_not_equal(before, digest_now());
	strcpy(before, digest_now());
	put("a/more", "");
	assert_string_not_equal(before, digest_now());
	assert_int_equal(unlink(in("a/more")), 0);
	assert_string_equal(before, digest_now());
	assert_int_equal(truncate(in("a/sparse"), 1 << 20), 0);
	assert_string_not_equal(before, digest_now());
	strcpy(before, digest_now());
	assert_int_equal(unlink(in("a/near")), 0);
	assert_int_equal(symlink("second", in("a/near")), 0);
	assert_string_not_equal(before, digest_now());
}

static void what_stops_it(void **state)
{
	atomic_bool cancel = true;
	struct tree_sum sum;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(
		tree_copy(
			&(struct tree_copy){ .from = in("a"), .to = in("b"), .deadline_ms = CLOCK_NEVER, .cancel = &cancel },
			&sum, &e),
		-1);
	assert_int_equal(e.code, FAIL_CANCELED);
	assert_int_equal(tree_copy(&(struct tree_copy){ .from = in("a"), .to = in("b"), .deadline_ms = clock_now_ms() - 1 },
				   &sum, &e),
			 -1);
	assert_int_equal(e.code, FAIL_TIMEOUT);
	assert_int_equal(mkdir(in("b"), 0700), 0);
	assert_int_equal(copy_to("b", &sum, &e), -1); /* never into what is there */
	assert_int_equal(tree_look(in("nothing"), &sum, &e), -1);
	assert_true(tree_same_system(in("a"), in("b")));
	assert_false(tree_same_system(in("a"), "/proc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(a_single_file, setup, teardown),
		cmocka_unit_test_setup_teardown(restored_files_stay_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(what_changes_changes_the_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(what_stops_it, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
