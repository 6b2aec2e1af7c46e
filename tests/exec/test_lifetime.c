/* SPDX-License-Identifier: PostgreSQL */
/* What is left of a lab's lifetime after jumps of the clock, sleep and restarts of the host; its file. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "lifetime.h"

#define H 3600
#define NOON 1795953600

static int64_t left(struct moment at, struct moment now)
{
	struct lifetime l = { .ttl = "8h", .left_s = 8 * H, .at = at };

	return lifetime_left(&l, &now);
}

static void one_boot(void **state)
{
	(void)state;
	assert_int_equal(left((struct moment){ "a", 100, NOON, true }, (struct moment){ "a", 100 + H, NOON + H, true }), 7 * H);
	assert_int_equal(left((struct moment){ "a", 100, NOON, true }, (struct moment){ "a", 101 + 8 * H, NOON, true }), -1);
	/* the wall clock is set forward by ten years, and back */
	assert_int_equal(left((struct moment){ "a", 100, NOON, true }, (struct moment){ "a", 100 + H, NOON * 2LL, true }), 7 * H);
	assert_int_equal(left((struct moment){ "a", 100, NOON, false }, (struct moment){ "a", 100 + H, 0, true }), 7 * H);
	/* a clock that runs backwards (another time namespace) adds nothing */
	assert_int_equal(left((struct moment){ "a", 5000, NOON, true }, (struct moment){ "a", 100, NOON, true }), 8 * H);
}

static void restarts(void **state)
{
	(void)state;
	/* an hour up before, two hours off, half an hour up */
	assert_int_equal(left((struct moment){ "a", 100, NOON, true }, (struct moment){ "b", H / 2, NOON + 3 * H + H / 2, true }), 4 * H + H / 2);
	/* not synchronized on one of the sides: only what this boot has counted */
	assert_int_equal(left((struct moment){ "a", 100, NOON, true }, (struct moment){ "b", H / 2, NOON * 2LL, false }), 7 * H + H / 2);
	assert_int_equal(left((struct moment){ "a", 100, 0, false }, (struct moment){ "b", H / 2, NOON, true }), 7 * H + H / 2);
	/* the clock went back */
	assert_int_equal(left((struct moment){ "a", 100, NOON, true }, (struct moment){ "b", H / 2, NOON - 86400, true }), 7 * H + H / 2);
}

static void never(void **state)
{
	struct lifetime l = { .left_s = LIFETIME_NEVER };

	(void)state;
	assert_true(lifetime_left(&l, &(struct moment){ "b", 100 * H, NOON, true }) == LIFETIME_NEVER);
}

static void file(void **state)
{
	char dir[] = "/tmp/lifetime-XXXXXX", path[64];
	struct paths p = { .lab = mkdtemp(dir) };
	struct lifetime l;
	struct moment now;
	struct fail e = { 0 };
	bool has, changed = false;

	(void)state;
	assert_int_equal(lifetime_read(&p, &l, &has, &e), 0);
	assert_false(has);
	assert_int_equal(lifetime_begin(&p, NULL, &changed, &e), 0);
	assert_false(changed);
	assert_int_equal(lifetime_begin(&p, "8h", &changed, &e), 0);
	assert_true(changed);
	assert_int_equal(lifetime_read(&p, &l, &has, &e), 0);
	moment_now(&now);
	assert_true(has && !strcmp(l.ttl, "8h") && l.left_s == 8 * H && !strcmp(l.at.boot, now.boot) && strlen(now.boot) == 36);
	/* it does not begin again, but another ttl does */
	assert_int_equal(lifetime_write(&p, "8h", 60, &e), 0);
	changed = false;
	assert_int_equal(lifetime_begin(&p, "8h", &changed, &e), 0);
	assert_int_equal(lifetime_read(&p, &l, &has, &e), 0);
	assert_true(!changed && l.left_s == 60);
	assert_int_equal(lifetime_begin(&p, "1d", &changed, &e), 0);
	assert_int_equal(lifetime_read(&p, &l, &has, &e), 0);
	assert_true(changed && l.left_s == 24 * H);
	/* what is left is written down for another boot */
	l.left_s = 100;
	assert_int_equal(lifetime_keep(&p, &l, &(struct moment){ "1", 5, NOON, true }, &e), 0);
	assert_int_equal(lifetime_read(&p, &l, &has, &e), 0);
	assert_true(l.left_s == 95 || !strcmp(l.at.boot, "1"));
	assert_int_equal(lifetime_write(&p, NULL, LIFETIME_NEVER, &e), 0);
	assert_int_equal(lifetime_read(&p, &l, &has, &e), 0);
	assert_true(l.left_s == LIFETIME_NEVER && !strcmp(l.ttl, "-"));
	snprintf(path, sizeof path, "%s/expires", dir);
	assert_int_equal(file_write(path, "ttl 8h left", 11, 0600, &e), 0);
	assert_int_equal(lifetime_read(&p, &l, &has, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_boot), cmocka_unit_test(restarts), cmocka_unit_test(never), cmocka_unit_test(file) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
