/* SPDX-License-Identifier: PostgreSQL */
/* link/nfs_clients.h, with files as the kernel's server has them. tests/ondemand/host has the kernel's own. */
#include "test.h"

#include "nfs_clients.h"
#include "private_server.h"

static char dir[PRIVATE_PATH];

static void client(const char *number, const char *address)
{
	char path[PRIVATE_PATH + 32], info[256];
	struct fail e = { 0 };
	int len = snprintf(info, sizeof info, "clientid: 0x1\naddress: \"%s\"\nstatus: confirmed\n", address);

	snprintf(path, sizeof path, "%s/%s", dir, number);
	assert_ok(file_mkdirs(path, 0755, &e), e);
	snprintf(path, sizeof path, "%s/%s/info", dir, number);
	assert_ok(file_write(path, info, (size_t)len, 0644, &e), e);
	snprintf(path, sizeof path, "%s/%s/ctl", dir, number);
	assert_ok(file_write(path, "", 0, 0600, &e), e);
}

static void assert_told(const char *number, const char *expected)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char path[PRIVATE_PATH + 32];
	struct fail e = { 0 };

	snprintf(path, sizeof path, "%s/%s/ctl", dir, number);
	assert_ok(file_read(path, 100, &text, &e), e);
	assert_string_equal(strbuf_text(&text), expected);
}

static void only_the_subnet_s_clients_expire(void **state)
{
	struct fail e = { 0 };

	(void)state;
	private_tmpdir(dir);
	client("1", "10.88.5.11:876");
	client("2", "10.88.50.11:876");
	client("3", "10.88.5.12:701");
	client("4", "[fd00::1]:876");
	client("5", "");
	assert_int_equal(nfs_expire_clients(dir, "10.88.5.0/24"), 2);
	assert_told("1", "expire\n");
	assert_told("2", "");
	assert_told("3", "expire\n");
	assert_told("4", "");
	assert_told("5", "");
	assert_int_equal(nfs_expire_clients(dir, "10.88.50.0/28"), 1);
	assert_int_equal(nfs_expire_clients("/nonexistent", "10.88.5.0/24"), 0);
	assert_ok(file_remove_tree(dir, &e), e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_the_subnet_s_clients_expire) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
