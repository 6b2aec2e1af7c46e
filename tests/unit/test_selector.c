/* SPDX-License-Identifier: PostgreSQL */
/* Selectors, which have the same grammar on the command line and in lab files. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lab.h"


static const char lab_text[] = "{nodes: [{}, {}, {name: db-3}, {}, {}, {name: gtm}], cluster: {kind: pgxc}}";

static void selections(void **state)
{
	static const struct { const char *selector, *role, *want; } rows[] = {
		{ NULL, NULL, "123456" },       { "all", NULL, "123456" },          { "3", NULL, "3" },
		{ "1-3,5", NULL, "1235" },      { "4-", NULL, "456" },              { "node2,node4", NULL, "24" },
		{ "db-3", NULL, "3" },          { "1, 2", NULL, "12" },             { "5,5,5", NULL, "5" },
		{ NULL, "datanode", "3456" },   { "1-4", "datanode", "34" },        { "datanode", NULL, "3456" },
		{ "datanode_2", NULL, "4" },    { "gtm_standby,node5", NULL, "25" }, { "gtm", NULL, "16" },
	};
	struct lab *lab = *state;

	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		auto_(strbuf_clear) struct strbuf got = {0};
		bool set[6] = {0};
		struct fail e = {0};

		if (lab_select(lab, rows[i].selector, rows[i].role, set, &e) < 0)
			fail_msg("%s: %s", rows[i].selector, e.text);
		for (unsigned n = 0; n < 6; n++)
			if (set[n])
				strbuf_printf(&got, "%u", n + 1);
		assert_string_equal(strbuf_text(&got), rows[i].want);
	}
}

static void refusals(void **state)
{
	static const struct { const char *selector, *role; enum fail_code code; const char *text; } rows[] = {
		{ "nodee2", NULL, FAIL_NOT_FOUND, "did you mean node2?" },
		{ "datanoed", NULL, FAIL_NOT_FOUND, "did you mean datanode?" },
		{ "xyzzyxyzzy", NULL, FAIL_NOT_FOUND, "a selector is" },
		{ "7", NULL, FAIL_NOT_FOUND, "nodes 1 to 6" },
		{ "0", NULL, FAIL_NOT_FOUND, "node 0 does not exist" },
		{ "3-9", NULL, FAIL_NOT_FOUND, "node 9 does not exist" },
		{ "9-", NULL, FAIL_NOT_FOUND, "node 9 does not exist" },
		{ "5-3", NULL, FAIL_USAGE, "did you mean 3-5?" },
		{ "", NULL, FAIL_USAGE, "missing" },
		{ "1,,2", NULL, FAIL_USAGE, "missing" },
		{ "1", "datanode", FAIL_NOT_FOUND, "has the role datanode" },
		{ NULL, "datanodes", FAIL_USAGE, "did you mean datanode?" },
		{ NULL, "qqqqqq", FAIL_USAGE, "a cluster of kind pgxc has" },
	};
	struct lab *lab = *state;

	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		bool set[6] = { true, true, true, true, true, true };
		struct fail e = {0};

		assert_int_equal(lab_select(lab, rows[i].selector, rows[i].role, set, &e), -1);
		if (e.code != rows[i].code || !strstr(e.text, rows[i].text))
			fail_msg("%s: code %d, %s", rows[i].selector ? rows[i].selector : rows[i].role, e.code, e.text);
		assert_true(set[0] && set[5]); /* unchanged */
	}
}

static int setup(void **state)
{
	struct lab *lab = NULL;
	struct fail e = {0};

	if (lab_parse(lab_text, strlen(lab_text), "f", NULL, &lab, &e) < 0)
		fail_msg("%s", e.text);
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	lab_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(selections), cmocka_unit_test(refusals) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
