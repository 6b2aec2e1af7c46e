/* SPDX-License-Identifier: PostgreSQL */
/* What a labctl that was killed leaves half made: create goes on from it, destroy takes it away. tests/trust has the rest. */
#include "test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "lease.h"
#include "state.h"
#include "verbs.h"

struct fixture { char dir[64]; struct arena *arena; struct paths paths; struct lab *lab; const char *root; };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const struct lab_options o = { .name = "t1", .node_count = 1 };
	struct fail e = { 0 };

	if (!f)
		abort();
	strncpy(f->dir, "/tmp/labctl-kill-XXXXXX", sizeof f->dir - 1);
	if (!mkdtemp(f->dir))
		return -1;
	f->arena = arena_new();
	assert_int_equal(lab_load(NULL, &o, &f->lab, &e), 0);
	paths_init(&f->paths, f->dir, "/nonexistent", "t1", f->arena);
	f->root = arena_printf(f->arena, "%s/made/root", f->dir);
	f->lab->nodes[0].export_dir = arena_printf(f->arena, "%s/node1", f->root);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct fail e;

	lab_free(f->lab);
	arena_free(f->arena);
	file_remove_tree(f->dir, &e);
	free(f);
	return 0;
}

static enum step_state run_verb(struct fixture *f, enum verb verb)
{
	const struct world_options o = { .state_dir = f->dir, .cache_dir = "/nonexistent" };
	auto_(world_close) struct world *w = NULL;
	struct step step = { .id = "data", .verb = verb, .node = &f->lab->nodes[0] };
	const struct plan p = { .command = "test", .lab = f->lab, .steps = &step, .step_count = 1, .arena = f->arena };
	struct exec_options x = { .verbs = verbs, .jobs = 1, .deadline_ms = CLOCK_NEVER };
	struct exec_report rep;
	enum step_state state;
	struct fail e = { 0 };

	assert_int_equal(world_open(f->lab, &o, &w, &e), 0);
	x.context = w;
	if (exec_run(&p, &x, &rep, &e) < 0)
		fail_msg("%s", e.text);
	state = rep.results[0].state;
	exec_report_clear(&rep);
	return state;
}

static const char *in(struct fixture *f, const char *path)
{
	return arena_printf(f->arena, "%s/%s", f->dir, path);
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

/* Killed in the middle of the mark: the directory is nobody's but ours. */
static void half_a_mark(void **state)
{
	struct fixture *f = *state;
	const char *torn = arena_printf(f->arena, "%s/" DATA_MARKER ".aB3dE9", f->lab->nodes[0].export_dir);

	assert_int_equal(run_verb(f, VERB_DATA_CREATE), STEP_DONE);
	assert_true(file_exists(arena_printf(f->arena, "%s/" DATA_ROOT_MARKER, f->root)));
	unlink(arena_printf(f->arena, "%s/" DATA_MARKER, f->lab->nodes[0].export_dir));
	put(torn, "half");
	assert_int_equal(run_verb(f, VERB_DATA_CREATE), STEP_DONE);
	assert_false(file_exists(torn));

	unlink(arena_printf(f->arena, "%s/" DATA_MARKER, f->lab->nodes[0].export_dir));
	put(torn, "half");
	put(arena_printf(f->arena, "%s/" DATA_ROOT_MARKER ".aB3dE9", f->root), "half");
	assert_int_equal(run_verb(f, VERB_DATA_REMOVE), STEP_DONE);
	assert_false(file_exists(in(f, "made")));
}

/* Killed before the directory of data directories has its mark, or when that is gone again. */
static void half_a_root(void **state)
{
	struct fixture *f = *state;
	const char *aside = in(f, arena_printf(f->arena, "made.labctl-%s", f->lab->uuid));

	make_dirs(arena_printf(f->arena, "%s/root", aside));
	put(arena_printf(f->arena, "%s/root/" DATA_ROOT_MARKER ".aB3dE9", aside), "half");
	run_verb(f, VERB_DATA_REMOVE);
	assert_false(file_exists(aside));
	make_dirs(aside);
	run_verb(f, VERB_DATA_REMOVE);
	assert_false(file_exists(aside) || file_exists(in(f, "made")));

	make_dirs(arena_printf(f->arena, "%s/root", aside));
	put(arena_printf(f->arena, "%s/root/" DATA_ROOT_MARKER ".aB3dE9", aside), "half");
	assert_int_equal(run_verb(f, VERB_DATA_CREATE), STEP_DONE);
	assert_false(file_exists(aside));
	assert_int_equal(run_verb(f, VERB_DATA_REMOVE), STEP_DONE);
	assert_false(file_exists(in(f, "made")));
	assert_false(file_exists(aside));
}

/* What was not made by labctl, or holds somebody's files, stays; so do the parents of it. */
static void others_stay(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run_verb(f, VERB_DATA_CREATE), STEP_DONE);
	put(in(f, "made/file"), "precious");
	assert_int_equal(run_verb(f, VERB_DATA_REMOVE), STEP_DONE);
	assert_false(file_exists(f->root));
	assert_true(file_exists(in(f, "made/file")));

	make_dirs(f->root);
	assert_int_equal(run_verb(f, VERB_DATA_CREATE), STEP_DONE);
	assert_int_equal(run_verb(f, VERB_DATA_REMOVE), STEP_DONE);
	assert_true(file_exists(f->root));
	assert_false(file_exists(f->lab->nodes[0].export_dir));

	/* somebody's file where the root was put aside: back under its name, with the file */
	rmdir(f->root);
	unlink(in(f, "made/file"));
	rmdir(in(f, "made"));
	make_dirs(in(f, arena_printf(f->arena, "made.labctl-%s/root", f->lab->uuid)));
	put(in(f, arena_printf(f->arena, "made.labctl-%s/root/file", f->lab->uuid)), "precious");
	run_verb(f, VERB_DATA_REMOVE);
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
	/* the directory was gone and the lock was not */
	put(in(f, "lock"), "");
	assert_int_equal(lease_drop(f->dir, f->lab->uuid, &e), 0);
	assert_false(file_exists(in(f, "lock")));
	/* another's lease stays, and what was never a lease */
	make_dirs(in(f, "leases"));
	put(in(f, "leases/10.88.6.0-24"), "aaaaaaaa-2222-8333-8444-555555555555 other\n");
	put(in(f, "leases/README.txt"), "");
	assert_int_equal(lease_drop(f->dir, f->lab->uuid, &e), 0);
	assert_true(file_exists(in(f, "leases/10.88.6.0-24")) && file_exists(in(f, "leases/README.txt")));
	/* the last lab's directory was gone and the one above was not */
	make_dirs(in(f, "labs"));
	assert_int_equal(state_labs(f->dir, f->arena, &names, &e), 0);
	assert_false(file_exists(in(f, "labs")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(half_a_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_root, setup, teardown),
		cmocka_unit_test_setup_teardown(others_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_lease, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
