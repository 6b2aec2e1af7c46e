/* SPDX-License-Identifier: PostgreSQL */
/* link/nfs_order.h, with directories of its own. tests/ondemand/host shuts a host down. */
#include "test.h"

#include "nfs_order.h"
#include "private_server.h"

static void guests_end_before_the_server_while_labs_have_exports(void **state)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char dir[PRIVATE_PATH], conf[PRIVATE_PATH + 64], one[PRIVATE_PATH + 64], two[PRIVATE_PATH + 64];
	struct fail e = { 0 };

	(void)state;
	private_tmpdir(dir);
	snprintf(conf, sizeof conf, "%s/libvirt-guests.service.d/labctl.conf", dir);
	snprintf(one, sizeof one, "%s/labctl-one.exports", dir);
	snprintf(two, sizeof two, "%s/labctl-two.exports", dir);

	assert_false(nfs_order_guests(dir, dir));
	assert_false(file_exists(conf));
	assert_ok(file_write(one, "", 0, 0644, &e), e);
	assert_ok(file_write(two, "", 0, 0644, &e), e);
	assert_true(nfs_order_guests(dir, dir));
	assert_false(nfs_order_guests(dir, dir));
	assert_ok(file_read(conf, 1000, &text, &e), e);
	assert_non_null(strstr(strbuf_text(&text), "\n[Unit]\nAfter=nfs-server.service\n"));

	assert_int_equal(unlink(one), 0);
	assert_false(nfs_order_guests(dir, dir));
	assert_int_equal(unlink(two), 0);
	assert_true(nfs_order_guests(dir, dir));
	assert_false(file_exists(conf));
	/* The directory is empty, too. */
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests_end_before_the_server_while_labs_have_exports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
