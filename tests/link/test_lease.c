/* SPDX-License-Identifier: PostgreSQL */
/* link/lease.h in a network namespace whose routes and addresses are known. */
#include "test.h"

#include <sched.h>

#include "lease.h"
#include "private_server.h"

#define A "aaaaaaaa-2222-8333-8444-555555555555"
#define B "bbbbbbbb-2222-8333-8444-555555555555"
#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static char dir[PRIVATE_PATH];

static void ip(const char *object, const char *what, const char *device)
{
	const char *argv[] = { "ip", object, "add", what, "dev", device, NULL };

	private_run(argv);
}

static int group_setup(void **state)
{
	const char *up[] = { "ip", "link", "set", "lo", "up", NULL };

	(void)state;
	if (unshare(CLONE_NEWNET))
		private_die("unshare: %s (these tests need root)", strerror(errno));
	private_run(up);
	ip("address", "192.168.50.7/24", "lo");
	ip("route", "172.20.0.0/16", "lo");
	return 0;
}

static int setup(void **state)
{
	(void)state;
	private_tmpdir(dir);
	return 0;
}

static int teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	return file_remove_tree(dir, &e);
}

static struct lease_wish wish(const char *lab, const char *uuid, uint32_t subnet)
{
	return (struct lease_wish){ .state_dir = dir, .lab = lab, .lab_uuid = uuid, .subnet = subnet, .prefix_len = 24 };
}

static void labs_get_their_own_and_keep_it(void **state)
{
	struct lease_wish a = wish("a", A, 0), b = wish("b", B, 0);
	uint32_t first = 0, again = 0, other = 0;
	struct fail e = { 0 };
	unsigned len = 0;

	(void)state;
	assert_ok(lease_take(&a, &first, &len, &e), e);
	assert_int_equal(first & 0xffff00ff, IP(10, 88, 0, 0));
	assert_int_equal(len, 24);
	assert_ok(lease_take(&b, &other, &len, &e), e);
	assert_int_not_equal(first, other);
	assert_ok(lease_take(&a, &again, &len, &e), e);
	assert_int_equal(first, again);
	assert_ok(lease_drop(dir, A, &e), e);
	assert_ok(lease_drop(dir, A, &e), e);
	/* the hash of the uuid gives the same one again */
	assert_ok(lease_take(&a, &again, &len, &e), e);
	assert_int_equal(first, again);
	a.subnet = IP(10, 1, 2, 0);
	assert_int_equal(lease_take(&a, &again, &len, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_has(e.text, "has subnet");
}

static void refused(uint32_t subnet, const char *because)
{
	struct lease_wish w = wish("a", A, subnet);
	struct fail e = { 0 };
	uint32_t got;
	unsigned len;

	assert_int_equal(lease_take(&w, &got, &len, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_has(e.text, because);
}

static void overlaps_are_named(void **state)
{
	struct lease_wish b = wish("b", B, IP(10, 9, 8, 0));
	struct fail e = { 0 };
	uint32_t got = 0;
	unsigned len;

	(void)state;
	refused(IP(192, 168, 50, 0), "192.168.50.7/24 on lo");
	refused(IP(172, 20, 9, 0), "route to 172.20.0.0/16 through lo");
	assert_ok(lease_take(&b, &got, &len, &e), e);
	assert_int_equal(got, IP(10, 9, 8, 0));
	refused(IP(10, 9, 8, 0), "lease of lab 'b'");
	b.prefix_len = 8;
	assert_ok(lease_drop(dir, B, &e), e);
	assert_int_equal(lease_take(&b, &got, &len, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
}

static void networks_of_libvirt_count(void **state)
{
	const struct subnet taken[] = { { .address = IP(10, 9, 8, 0), .prefix_len = 24, .network = "default" },
					{ .address = IP(192, 168, 50, 0), .prefix_len = 24, .network = "x", .lab_uuid = A } };
	struct lease_wish w = wish("a", A, IP(10, 9, 8, 0));
	struct fail e = { 0 };
	uint32_t got = 0;
	unsigned len = 0;

	(void)state;
	w.taken = taken;
	w.taken_count = 2;
	assert_int_equal(lease_take(&w, &got, &len, &e), -1);
	assert_has(e.text, "network 'default'");
	/* the lab's own network and bridge address do not conflict */
	w.subnet = IP(192, 168, 50, 0);
	assert_ok(lease_take(&w, &got, &len, &e), e);
	/* a lost lease is restored from the lab's network */
	assert_ok(lease_drop(dir, A, &e), e);
	w.subnet = 0;
	assert_ok(lease_take(&w, &got, &len, &e), e);
	assert_int_equal(got, IP(192, 168, 50, 0));
}

static void wide_labs_and_full_pools(void **state)
{
	struct lease_wish a = wish("a", A, 0), b = wish("b", B, 0);
	struct fail e = { 0 };
	uint32_t got = 0;
	unsigned len = 0;

	(void)state;
	a.prefix_len = 22;
	assert_ok(lease_take(&a, &got, &len, &e), e);
	assert_int_equal(len, 22);
	assert_int_equal(got & 0x3ff, 0);
	assert_ok(lease_drop(dir, A, &e), e);
	a.prefix_len = 16;
	assert_ok(lease_take(&a, &got, &len, &e), e);
	assert_int_equal(lease_take(&b, &got, &len, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_has(e.text, "is free in 10.88.0.0/16");
	assert_ok(lease_drop(dir, A, &e), e);
	/* a route to 10.0.0.0/8 covers the whole pool, which is used nevertheless */
	ip("route", "10.0.0.0/8", "lo");
	assert_ok(lease_take(&b, &got, &len, &e), e);
	refused(IP(10, 1, 1, 0), "10.0.0.0/8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(labs_get_their_own_and_keep_it, setup, teardown),
		cmocka_unit_test_setup_teardown(overlaps_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(networks_of_libvirt_count, setup, teardown),
		cmocka_unit_test_setup_teardown(wide_labs_and_full_pools, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
