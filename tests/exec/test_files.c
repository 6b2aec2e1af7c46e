/* SPDX-License-Identifier: PostgreSQL */
/* The inventory as files: private where it must be, written when something differs, gone with the lab. */
#include "test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "inventory.h"
#include "state.h"
#include "verbs.h"

struct fixture { char dir[64]; struct arena *arena; struct paths paths; struct lab *lab; };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const struct lab_options o = { .name = "t1", .node_count = 2, .kind = "postgres" };
	struct fail e = { 0 };
	bool changed;

	if (!f)
		abort();
	strncpy(f->dir, "/tmp/labctl-files-XXXXXX", sizeof f->dir - 1);
	if (!mkdtemp(f->dir))
		return -1;
	f->arena = arena_new();
	assert_int_equal(lab_load(NULL, &o, &f->lab, &e), 0);
	lab_set_subnet(f->lab, 0x0a630000, 24);
	paths_init(&f->paths, f->dir, "/nonexistent", "t1", f->arena);
	assert_int_equal(state_prepare(&f->paths, f->lab, &changed, &e), 0);
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

static enum step_state write_files(struct fixture *f)
{
	const struct world_options o = { .state_dir = f->dir, .cache_dir = "/nonexistent" };
	auto_(world_close) struct world *w = NULL;
	struct step step = { .id = "lab.files", .verb = VERB_LAB_FILES };
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

static const char *path_of(struct fixture *f, const char *file)
{
	return arena_printf(f->arena, "%s/" INVENTORY_DIR "/%s", f->paths.lab, file);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void written_when_something_differs(void **state)
{
	struct fixture *f = *state;
	const char *pgpass = path_of(f, "pgpass"), *hosts = path_of(f, "hosts");
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char secret[64];
	struct fail e = { 0 };

	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(mode_of(path_of(f, ".")), 0700);
	for (const struct inventory_format *i = inventory_formats; i->name; i++)
		assert_int_equal(mode_of(path_of(f, i->file)), i->mode);
	assert_int_equal(file_read(pgpass, 4096, &text, &e), 0);
	assert_int_equal(state_secret(&f->paths, "postgres", secret, &e), 0);
	assert_non_null(strstr(strbuf_text(&text), arena_printf(f->arena, "10.99.0.12:5432:*:postgres:%s\n", secret)));
	assert_int_equal(write_files(f), STEP_UNCHANGED);

	/* libpq reads no password file that others may read */
	assert_int_equal(chmod(pgpass, 0644), 0);
	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(mode_of(pgpass), 0600);
	assert_int_equal(truncate(hosts, 10), 0);
	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(write_files(f), STEP_UNCHANGED);

	/* another password in the record is another password in the files */
	assert_int_equal(file_write(arena_printf(f->arena, "%s/postgres", f->paths.secrets), "Sesam", 5, 0600, &e), 0);
	assert_int_equal(write_files(f), STEP_DONE);
}

static void gone_with_the_lab(void **state)
{
	struct fixture *f = *state;
	struct fail e = { 0 };

	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(state_remove(&f->paths, &e), 0);
	assert_false(file_exists(f->paths.lab));
}

/* A link in the place of a file leads nowhere: it is replaced, what it points to is left alone. */
static void a_link_is_replaced(void **state)
{
	struct fixture *f = *state;
	const char *precious = arena_printf(f->arena, "%s/precious", f->dir), *hosts = path_of(f, "hosts");
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };

	write_files(f);
	assert_int_equal(file_write(precious, "x", 1, 0600, &e), 0);
	assert_int_equal(unlink(hosts), 0);
	assert_int_equal(symlink(precious, hosts), 0);
	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(file_read(precious, 4096, &text, &e), 0);
	assert_string_equal(strbuf_text(&text), "x");
	assert_int_equal(mode_of(hosts), 0644);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(written_when_something_differs, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_with_the_lab, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_is_replaced, setup, teardown),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
