/* SPDX-License-Identifier: PostgreSQL */
/* The record of a lab's faults: read back as written, gone with the last fault; a damaged one is said. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "file.h"

static struct lab *lab_of(unsigned nodes)
{
	struct lab_options o = { .state_dir = "/state", .node_count = nodes, .name = "f", .hypervisor = HYPERVISOR_LXC, .kind = "postgres" };
	struct fail e = { 0 };
	struct lab *lab;

	assert_int_equal(lab_parse("", 0, "f.yaml", &o, &lab, &e), 0);
	return lab;
}

static void record(void **state)
{
	char dir[] = "/tmp/faults-XXXXXX";
	struct paths p = { .lab = mkdtemp(dir) };
	auto_(lab_free) struct lab *lab = lab_of(3), *smaller = lab_of(2);
	bool a[3] = { true, false, true }, b[3] = { false, true, false };
	struct fault faults[] = {
		{ .id = 2, .kind = fault_kind("loss"), .a = a, .b = b, .host = true, .one_way = true, .amount = 30, .role = -1,
		  .begun_ms = 1796000000000, .until_ms = 1796000060000 },
		{ .id = 5, .kind = fault_kind("hang"), .a = b, .b = (bool[3]){ 0 }, .role = 1, .begun_ms = 1796000000001 },
	}, *has;
	struct fail e = { 0 };
	unsigned count;

	(void)state;
	assert_non_null(p.lab);
	assert_int_equal(faults_read(&p, lab, lab->arena, &has, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(faults_write(&p, lab, faults, 2, &e), 0);
	assert_true(faults_recorded(&p));
	assert_int_equal(faults_read(&p, lab, lab->arena, &has, &count, &e), 0);
	assert_int_equal(count, 2);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(has[i].id, faults[i].id);
		assert_ptr_equal(has[i].kind, faults[i].kind);
		assert_memory_equal(has[i].a, faults[i].a, sizeof a);
		assert_memory_equal(has[i].b, faults[i].b, sizeof b);
		assert_int_equal(has[i].host, faults[i].host);
		assert_int_equal(has[i].one_way, faults[i].one_way);
		assert_int_equal(has[i].amount, faults[i].amount);
		assert_int_equal(has[i].role, faults[i].role);
		assert_true(has[i].begun_ms == faults[i].begun_ms && has[i].until_ms == faults[i].until_ms);
	}
	/* node3 has left the lab */
	assert_int_equal(faults_read(&p, smaller, lab->arena, &has, &count, &e), 0);
	assert_true(has[0].a[0] && !has[0].a[1]);
	assert_int_equal(faults_write(&p, lab, faults, 0, &e), 0);
	assert_false(faults_recorded(&p));
	assert_int_equal(file_remove_tree(p.lab, &e), 0);
}

static void damaged(void **state)
{
	static const char *const texts[] = { "", "[{}]", "{}", "[", "[{\"id\": 1, \"kind\": \"lose\"}]" };
	char dir[] = "/tmp/faults-XXXXXX", path[64];
	struct paths p = { .lab = mkdtemp(dir) };
	auto_(lab_free) struct lab *lab = lab_of(2);
	struct fault *has;
	unsigned count;

	(void)state;
	snprintf(path, sizeof path, "%s/faults.json", dir);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct fail e = { 0 };

		assert_int_equal(file_write(path, texts[i], strlen(texts[i]), 0600, &e), 0);
		assert_int_equal(faults_read(&p, lab, lab->arena, &has, &count, &e), -1);
		assert_int_equal(e.code, FAIL_LAB);
		assert_non_null(strstr(e.next, path));
		assert_int_equal(file_remove_tree(path, &e), 0);
	}
	struct fail e = { 0 };
	assert_int_equal(file_remove_tree(p.lab, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(record), cmocka_unit_test(damaged) };

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
