/* SPDX-License-Identifier: PostgreSQL */
/* The inventory's files: private if they have passwords, rewritten if something differs, removed with the lab. */
#include "test.h"

#include <unistd.h>

#include "fixture.h"
#include "inventory.h"
#include "state.h"

static int setup(void **state)
{
	struct fixture *f = fixture_new(2);
	struct fail e = { 0 };
	bool changed;

	assert_int_equal(state_prepare(&f->paths, f->lab, &changed, &e), 0);
	*state = f;
	return 0;
}

static enum step_state write_files(struct fixture *f)
{
	return fixture_run(f, VERB_LAB_FILES, NULL);
}

static const char *path_of(struct fixture *f, const char *file)
{
	return arena_printf(f->arena, "%s/" INVENTORY_DIR "/%s", f->paths.lab, file);
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

	/* libpq ignores password files that others can read */
	assert_int_equal(chmod(pgpass, 0644), 0);
	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(mode_of(pgpass), 0600);
	assert_int_equal(truncate(hosts, 10), 0);
	assert_int_equal(write_files(f), STEP_DONE);
	assert_int_equal(write_files(f), STEP_UNCHANGED);

	/* a changed password reaches the files */
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

/* A link in the place of a file is replaced; its target is unchanged. */
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
		cmocka_unit_test_setup_teardown(written_when_something_differs, setup, fixture_free),
		cmocka_unit_test_setup_teardown(gone_with_the_lab, setup, fixture_free),
		cmocka_unit_test_setup_teardown(a_link_is_replaced, setup, fixture_free),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
