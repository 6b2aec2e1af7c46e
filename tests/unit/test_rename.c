/* SPDX-License-Identifier: PostgreSQL */
/* A second lab like one that exists: what identifies the first does not come along, and nothing that needs its addresses. */
#include "test.h"

#include <string.h>

#include "lab.h"

#define LAB "lab: one\nnodes: 3\nttl: 8h\nautostart: true\nnetwork: {subnet: 10.9.0.0/24"
#define REST "}\ndata: {export_root: /srv/one}\ncluster: {kind: postgres, primary: {on: 2}, standby: {on: \"1,3\"}"

static struct lab *lab_of(const char *text)
{
	struct lab_options o = { .state_dir = "/state" };
	struct fail e = { 0 };
	struct lab *lab;

	assert_int_equal(lab_parse(text, strlen(text), "one.yaml", &o, &lab, &e), 0);
	return lab;
}

static void what_stays_and_what_goes(void **state)
{
	auto_(lab_free) struct lab *one = lab_of("hypervisor: lxc\n" LAB REST "}\n"), *two = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_rename(one, "two", "/state", &two, &e), 0);
	assert_string_equal(two->name, "two");
	assert_string_not_equal(two->uuid, one->uuid);
	assert_string_equal(two->nodes[0].domain, "two-node1");
	assert_string_equal(two->nodes[0].export_dir, "/state/labs/two/data/node1");
	assert_true(!two->net.subnet && !two->nodes[2].ip && !two->ttl && !two->autostart);
	assert_true(two->node_count == 3 && two->hypervisor == HYPERVISOR_LXC);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(two->nodes[i].roles, one->nodes[i].roles);
	lab_set_subnet(two, 0x0a580100, 24);
	assert_string_equal(two->nodes[1].ip_text, "10.88.1.12");
	assert_string_equal(one->nodes[1].ip_text, "10.9.0.12");
}

static void what_has_addresses_is_refused(void **state)
{
	static const char *const texts[] = {
		"hypervisor: lxc\n" LAB REST ", address: ip}\n",
		"hypervisor: lxc\n" LAB ", hostname: \"n-@{ip.dashed}\"" REST "}\n",
		"hypervisor: lxc\n" LAB ", hostname: \"n@{octet}\"" REST "}\n",
		"hypervisor: qemu\nimage: /srv/debian12.qcow2\n" LAB REST "}\n",
	};
	struct fail e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		auto_(lab_free) struct lab *one = lab_of(texts[i]), *two = NULL;

		assert_int_equal(lab_rename(one, "two", "/state", &two, &e), -1);
		assert_int_equal(e.code, FAIL_CONFLICT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_and_what_goes),
		cmocka_unit_test(what_has_addresses_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
