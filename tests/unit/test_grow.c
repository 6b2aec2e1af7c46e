/* SPDX-License-Identifier: PostgreSQL */
/* Labs with more and fewer nodes: names, addresses, roles and numbers of the others stay, through the record and back. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "lab_change.h"
#include "recipe.h"

#define PG3 "lab: pg\nnodes: 3\nnetwork: {subnet: 10.88.7.0/24}\ncluster:\n  kind: postgres\n"

static struct lab *parse(const char *text)
{
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", NULL, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

/* "node1 .11 primary, node2 .12 standby_1" */
static void assert_lab(const struct lab *lab, const char *expected)
{
	auto_(strbuf_clear) struct strbuf seen = { 0 };
	char name[64];

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		strbuf_printf(&seen, "%s%s .%u", i ? ", " : "", n->name, n->ip & 255);
		for (unsigned k = 0; k < lab->cluster.place_count; k++) {
			lab_role_name(lab, n, (int)k, name);
			if (*name)
				strbuf_printf(&seen, " %s", name);
		}
	}
	assert_string_equal(strbuf_text(&seen), expected);
}

static struct lab *grown(struct lab *lab, unsigned count, const char *role)
{
	struct lab *more = NULL;
	struct fail e = { 0 };

	if (lab_grow(lab, count, role, &more, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	assert_string_equal(more->uuid, lab->uuid);
	lab_free(lab);
	return more;
}

static struct lab *shrunk(struct lab *lab, const char *name)
{
	struct lab *less = NULL;
	struct fail e = { 0 };

	if (lab_shrink(lab, lab_find_node(lab, name), &less, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	assert_string_equal(less->uuid, lab->uuid);
	lab_free(lab);
	return less;
}

static void nodes_come_and_go(void **state)
{
	struct lab *lab = parse(PG3);

	(void)state;
	lab = grown(lab, 2, "standby");
	assert_lab(lab, "node1 .11 primary, node2 .12 standby_1, node3 .13 standby_2, node4 .14 standby_3, node5 .15 standby_4");
	lab = shrunk(lab, "node3");
	assert_lab(lab, "node1 .11 primary, node2 .12 standby_1, node4 .14 standby_3, node5 .15 standby_4");
	lab = grown(lab, 1, "client");
	assert_lab(lab, "node1 .11 primary, node2 .12 standby_1, node4 .14 standby_3, node5 .15 standby_4, node6 .16 client_1");
	lab = shrunk(shrunk(lab, "node5"), "node6");
	lab = grown(lab, 1, "standby");
	assert_lab(lab, "node1 .11 primary, node2 .12 standby_1, node4 .14 standby_3, node5 .15 standby_4");
	lab_free(lab);
}

/* The server that a role comes with is on the new node too. */
static void a_role_brings_its_neighbor(void **state)
{
	struct lab *lab = grown(parse("nodes: 2\nnetwork: {subnet: 10.88.7.0/24}\ncluster: {kind: pgxc, gtm: 1, data_nodes: 1-2}"), 1, "coordinator");

	(void)state;
	assert_lab(lab, "node1 .11 one 1 datanode_1 coordinate_1, node2 .12 2 datanode_2 coordinate_2, node3 .13 3 coordinate_3");
	lab = shrunk(lab, "node2");
	assert_lab(lab, "node1 .11 one 1 datanode_1 coordinate_1, node3 .13 3 coordinate_3");
	lab_free(lab);
}

static void after_a_takeover(void **state)
{
	struct lab *lab = parse(PG3);
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_promote(lab, &lab->nodes[1], &e), 0);
	lab = grown(lab, 1, "standby");
	assert_lab(lab, "node1 .11 standby_1, node2 .12 primary, node3 .13 standby_2, node4 .14 standby_3");
	lab = shrunk(lab, "node3");
	assert_lab(lab, "node1 .11 standby_1, node2 .12 primary, node4 .14 standby_3");
	assert_string_equal(lab->cluster.promoted, "node2");
	lab = shrunk(lab, "node1"); /* the one that the lab file made the primary */
	assert_lab(lab, "node2 .12 primary, node4 .14 standby_3");
	assert_null(lab->cluster.promoted);
	assert_int_equal(lab_promote(lab, &lab->nodes[1], &e), 0);
	assert_lab(lab, "node2 .12 standby_3, node4 .14 primary");
	lab_free(lab);
}

static void what_is_too_few_or_too_many(void **state)
{
	auto_(lab_free) struct lab *one = parse("nodes: 1"), *two = parse("nodes: 2\ncluster: {kind: postgres}");
	auto_(lab_free) struct lab *full = parse("nodes: 4\nnetwork: {subnet: 10.88.7.0/29}");
	struct lab *ret = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_shrink(one, &one->nodes[0], &ret, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_non_null(strstr(e.next, "destroy"));
	assert_int_equal(lab_shrink(two, &two->nodes[0], &ret, &e), -1);
	assert_non_null(strstr(e.text, "no node has the role primary"));
	assert_int_equal(lab_grow(two, 1, "primary", &ret, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_non_null(strstr(e.text, "at most 1 primary"));
	assert_int_equal(lab_grow(two, LAB_NODES_MAX, NULL, &ret, &e), -1);
	assert_int_equal(lab_grow(full, 2, NULL, &ret, &e), -1);
	assert_non_null(strstr(e.text, "no address left for node6"));
}

/* A lab file after node add and node remove: what it does not say stays. */
static void the_file_keeps_what_it_does_not_say(void **state)
{
	auto_(lab_free) struct lab *has = shrunk(grown(parse(PG3), 2, "standby"), "node3");
	struct lab *wanted = parse("lab: pg\nnodes: [{name: node1}, {name: node2}, {name: node4}, {name: node5}, {name: new}]\ncluster: {kind: postgres}");
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_keep(has, &wanted, NULL, &e), 0);
	assert_lab(wanted, "node1 .11 primary, node2 .12 standby_1, node4 .14 standby_3, node5 .15 standby_4, new .16 standby_5");
	lab_free(wanted);
}

static void bad_numbers(void **state)
{
	static const char *const bad[] = { "'1'", "'1,1'", "'0,1'", "'1,2,3'", "'1,x'", "'1,,2'", "'-1,2'", "'1, 2'" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[256];
		struct lab *lab = NULL;
		struct fail e = { 0 };

		snprintf(text, sizeof text, PG3 "  standby: {on: 2-, numbers: %s}\n", bad[i]);
		assert_int_equal(lab_parse(text, strlen(text), "lab.yaml", NULL, &lab, &e), -1);
		assert_non_null(strstr(e.text, "must be 2 different numbers"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_and_go),
		cmocka_unit_test(a_role_brings_its_neighbor),
		cmocka_unit_test(after_a_takeover),
		cmocka_unit_test(what_is_too_few_or_too_many),
		cmocka_unit_test(the_file_keeps_what_it_does_not_say),
		cmocka_unit_test(bad_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
