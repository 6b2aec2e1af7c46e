/* SPDX-License-Identifier: PostgreSQL */
/* Left-overs of a killed labctl: create continues, destroy removes them. tests/trust covers the rest. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "lease.h"
#include "proc.h"
#include "state.h"

#define ROOT "made/root"

static const char *in(struct fixture *f, const char *path)
{
	return arena_printf(f->arena, "%s/%s", f->dir, path);
}

/* Neither the root of the data directories nor its parent exists: labctl makes them, and must remove them. */
static int setup(void **state)
{
	struct fixture *f = fixture_new(1);

	f->lab->nodes[0].export_dir = in(f, ROOT "/node1");
	*state = f;
	return 0;
}

static void put(const char *path, const char *text)
{
	struct fail e = { 0 };

	assert_int_equal(file_write(path, text, strlen(text), 0600, &e), 0);
}

static void make_dirs(const char *path)
{
	struct fail e = { 0 };

	assert_int_equal(file_mkdirs(path, 0755, &e), 0);
}

/* Killed while writing the mark: the directory still counts as labctl's. */
static void half_a_mark(void **state)
{
	struct fixture *f = *state;
	const char *torn = in(f, ROOT "/node1/" DATA_MARKER ".aB3dE9");

	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	assert_true(file_exists(in(f, ROOT "/" DATA_ROOT_MARKER)));
	unlink(in(f, ROOT "/node1/" DATA_MARKER));
	put(torn, "half");
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	assert_false(file_exists(torn));

	unlink(in(f, ROOT "/node1/" DATA_MARKER));
	put(torn, "half");
	put(in(f, ROOT "/" DATA_ROOT_MARKER ".aB3dE9"), "half");
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_false(file_exists(in(f, "made")));
}

/* Killed before the root of the data directories had its mark, or after it was removed. */
static void half_a_root(void **state)
{
	struct fixture *f = *state;
	const char *aside = in(f, arena_printf(f->arena, "made.labctl-%s", f->lab->uuid));

	make_dirs(arena_printf(f->arena, "%s/root", aside));
	put(arena_printf(f->arena, "%s/root/" DATA_ROOT_MARKER ".aB3dE9", aside), "half");
	fixture_run(f, VERB_DATA_REMOVE, NULL);
	assert_false(file_exists(aside));
	make_dirs(aside);
	fixture_run(f, VERB_DATA_REMOVE, NULL);
	assert_false(file_exists(aside) || file_exists(in(f, "made")));

	make_dirs(arena_printf(f->arena, "%s/root", aside));
	put(arena_printf(f->arena, "%s/root/" DATA_ROOT_MARKER ".aB3dE9", aside), "half");
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	assert_false(file_exists(aside));
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_false(file_exists(in(f, "made")));
	assert_false(file_exists(aside));
}

/* Directories that labctl did not make or that have other files stay, with their parents. */
static void others_stay(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	put(in(f, "made/file"), "precious");
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_false(file_exists(in(f, ROOT)));
	assert_true(file_exists(in(f, "made/file")));

	make_dirs(in(f, ROOT));
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_true(file_exists(in(f, ROOT)));
	assert_false(file_exists(f->lab->nodes[0].export_dir));

	/* a foreign file in the root that was renamed for removal: it gets its name back, with the file */
	rmdir(in(f, ROOT));
	unlink(in(f, "made/file"));
	rmdir(in(f, "made"));
	make_dirs(in(f, arena_printf(f->arena, "made.labctl-%s/root", f->lab->uuid)));
	put(in(f, arena_printf(f->arena, "made.labctl-%s/root/file", f->lab->uuid)), "precious");
	fixture_run(f, VERB_DATA_REMOVE, NULL);
	assert_true(file_exists(in(f, "made/root/file")));
}

static void half_a_lease(void **state)
{
	struct fixture *f = *state;
	const char *const *names;
	struct fail e = { 0 };

	make_dirs(in(f, "leases"));
	put(in(f, "leases/10.88.5.0-24.aB3dE9"), "half");
	assert_int_equal(lease_drop(f->dir, f->lab->uuid, &e), 0);
	assert_false(file_exists(in(f, "leases")));
	assert_false(file_exists(in(f, "lock")));
	/* the directory was removed, the lock file was not */
	put(in(f, "lock"), "");
	assert_int_equal(lease_drop(f->dir, f->lab->uuid, &e), 0);
	assert_false(file_exists(in(f, "lock")));
	/* another lab's lease stays, and so does a file that is no lease */
	make_dirs(in(f, "leases"));
	put(in(f, "leases/10.88.6.0-24"), "aaaaaaaa-2222-8333-8444-555555555555 other\n");
	put(in(f, "leases/README.txt"), "");
	assert_int_equal(lease_drop(f->dir, f->lab->uuid, &e), 0);
	assert_true(file_exists(in(f, "leases/10.88.6.0-24")) && file_exists(in(f, "leases/README.txt")));
	/* the last lab's directory was removed, its parent was not */
	make_dirs(in(f, "labs"));
	assert_int_equal(state_labs(f->dir, f->arena, &names, &e), 0);
	assert_false(file_exists(in(f, "labs")));
}

/* Child processes die with labctl; otherwise they would interfere with the next one. */
static void no_child_goes_on(void **state)
{
	struct fixture *f = *state;
	static const char script[] = "echo $$ >\"$0\".new; mv \"$0\".new \"$0\"; exec sleep 600";
	const char *file = in(f, "pid"), *const argv[] = { "sh", "-c", script, file, NULL };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	pid_t labctl = fork(), child;

	if (labctl == 0) {
		const struct proc p = { .argv = argv, .deadline_ms = CLOCK_NEVER };
		int status;

		proc_run(&p, &status, &e);
		_exit(1);
	}
	for (unsigned i = 0; i < 500 && !file_exists(file); i++)
		clock_sleep_ms(20);
	assert_int_equal(file_read(file, 64, &text, &e), 0);
	child = (pid_t)atoi(text.text);
	kill(labctl, SIGKILL);
	waitpid(labctl, NULL, 0);
	for (unsigned i = 0; i < 500 && file_exists(arena_printf(f->arena, "/proc/%d/exe", (int)child)); i++)
		clock_sleep_ms(20);
	assert_false(file_exists(arena_printf(f->arena, "/proc/%d/exe", (int)child)));
}

/* Killed while a node unpacked its software: the next try removes the copy, whether it succeeds or not. */
static void a_copy_is_forgotten(void **state)
{
	struct fixture *f = *state;
	const char *copy = in(f, ROOT "/node1/.labctl-1795283423456"), *others = in(f, ROOT "/node1/.labctl-mine");
	struct fail e = { 0 };

	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	make_dirs(copy);
	make_dirs(others);
	put(arena_printf(f->arena, "%s/software.tar", copy), "half");
	assert_int_equal(fixture_run(f, VERB_SOURCE_INSTALL, &e), STEP_FAILED);
	assert_false(file_exists(copy));
	assert_true(file_exists(others) && file_exists(in(f, ROOT "/node1/" DATA_MARKER)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(half_a_mark, setup, fixture_free),
		cmocka_unit_test_setup_teardown(half_a_root, setup, fixture_free),
		cmocka_unit_test_setup_teardown(others_stay, setup, fixture_free),
		cmocka_unit_test_setup_teardown(half_a_lease, setup, fixture_free),
		cmocka_unit_test_setup_teardown(no_child_goes_on, setup, fixture_free),
		cmocka_unit_test_setup_teardown(a_copy_is_forgotten, setup, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
