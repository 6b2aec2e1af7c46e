/* SPDX-License-Identifier: PostgreSQL */
/* data.fence: a server whose machine is off is kept from starting as a primary, from the host; with libvirt's test driver. */
#include "test.h"

#include <unistd.h>

#include "fixture.h"

static int setup(void **state)
{
	struct fixture *f = fixture_new(1);

	f->connect = "test:///default"; /* it has no machine of ours: it is off */
	*state = f;
	return 0;
}

static const char *data(struct fixture *f, const char *file)
{
	return arena_printf(f->arena, "%s/%s", f->lab->nodes[0].export_dir, file);
}

static void put(struct fixture *f, const char *file, const char *text)
{
	struct fail e = { 0 };

	if (file_write(data(f, file), text, strlen(text), 0600, &e) < 0)
		fail_msg("%s", e.text);
}

static void put_marker(struct fixture *f)
{
	struct fail e = { 0 };

	assert_int_equal(file_mkdirs(data(f, "."), 0755, &e), 0);
	put(f, DATA_MARKER, "mine\n");
}

static void make_database(struct fixture *f)
{
	struct fail e = { 0 };

	put_marker(f);
	assert_int_equal(file_mkdirs(data(f, "pgsql"), 0700, &e), 0);
	put(f, "pgsql/PG_VERSION", "15\n");
	put(f, "pgsql/labctl.standby.conf", "# empty\n");
}

static void it_can_only_start_as_a_standby(void **state)
{
	struct fixture *f = *state;
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct stat st;
	struct fail e = { 0 };

	make_database(f);
	assert_int_equal(chown(data(f, "pgsql"), 123, 456), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, NULL), STEP_DONE);
	assert_int_equal(file_read(data(f, "pgsql/labctl.standby.conf"), 4096, &text, &e), 0);
	assert_non_null(strstr(text.text, "\nhot_standby = off\n"));
	assert_int_equal(mode_of(data(f, "pgsql/labctl.fenced")), 0600);
	assert_int_equal(stat(data(f, "pgsql/standby.signal"), &st), 0);
	assert_int_equal(st.st_uid, 123);
	assert_int_equal(st.st_gid, 456);
	assert_false(file_exists(data(f, "pgsql/.labctl-new")));
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, NULL), STEP_UNCHANGED);
}

static void a_standby_stays_as_it_is(void **state)
{
	struct fixture *f = *state;

	make_database(f);
	put(f, "pgsql/standby.signal", "");
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, NULL), STEP_UNCHANGED);
	assert_false(file_exists(data(f, "pgsql/labctl.fenced")));
}

static void without_data_there_is_no_server(void **state)
{
	struct fixture *f = *state;
	struct fail e = { 0 };

	/* A file system that is not mounted is not an empty one. */
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, &e), STEP_FAILED);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	put_marker(f);
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, NULL), STEP_UNCHANGED);
}

/* Root on the node may replace its directory by a link into the host. */
static void links_are_not_followed(void **state)
{
	struct fixture *f = *state;
	const char *outside = arena_printf(f->arena, "%s/outside", f->dir);
	struct fail e = { 0 };

	put_marker(f);
	assert_int_equal(file_mkdirs(outside, 0700, &e), 0);
	assert_int_equal(symlink(outside, data(f, "pgsql")), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, &e), STEP_FAILED);
	assert_false(file_exists(arena_printf(f->arena, "%s/standby.signal", outside)));
	/* Nor one in the place of a file: the link is replaced. */
	assert_int_equal(unlink(data(f, "pgsql")), 0);
	make_database(f);
	assert_int_equal(unlink(data(f, "pgsql/labctl.standby.conf")), 0);
	assert_int_equal(symlink(outside, data(f, "pgsql/labctl.standby.conf")), 0);
	assert_int_equal(symlink(arena_printf(f->arena, "%s/made", outside), data(f, "pgsql/.labctl-new")), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, NULL), STEP_DONE);
	assert_int_equal(mode_of(data(f, "pgsql/labctl.standby.conf")), 0600);
	assert_false(file_exists(arena_printf(f->arena, "%s/made", outside)));
}

static void data_on_the_nodes_own_disk_is_out_of_reach(void **state)
{
	struct fixture *f = *state;
	struct fail e = { 0 };

	make_database(f);
	f->lab->cluster.places[lab_role(f->lab, "standby")].dir = "/var/lib/pgsql";
	assert_int_equal(fixture_run(f, VERB_DATA_FENCE, &e), STEP_FAILED);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "on its own disk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_can_only_start_as_a_standby, setup, fixture_free),
		cmocka_unit_test_setup_teardown(a_standby_stays_as_it_is, setup, fixture_free),
		cmocka_unit_test_setup_teardown(without_data_there_is_no_server, setup, fixture_free),
		cmocka_unit_test_setup_teardown(links_are_not_followed, setup, fixture_free),
		cmocka_unit_test_setup_teardown(data_on_the_nodes_own_disk_is_out_of_reach, setup, fixture_free),
	};

	return cmocka_run_group_tests_name("fence", tests, NULL, NULL);
}
