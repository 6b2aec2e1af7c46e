/* SPDX-License-Identifier: PostgreSQL */
/* bench/spec.h: targets of a lab, points and their order. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "spec.h"

static struct lab *lab_of(const char *text)
{
	struct lab *lab = NULL;
	struct fail e = {0};

	if (lab_parse(text, strlen(text), NULL, NULL, &lab, &e) < 0)
		fail_msg("%s", e.text);
	return lab;
}

static void targets(void **state)
{
	static const struct { const char *lab, *words; } rows[] = {
		{ "{nodes: 1, cluster: {kind: postgres}}", "primary" },
		{ "{nodes: 2, cluster: {kind: postgres}}", "primary standby standbys" },
		{ "{nodes: 4, cluster: {kind: postgres, pgpool: 1}}", "primary standby standbys pgpool" },
		{ "{nodes: 4, cluster: {kind: citus}}", "coordinator worker workers pgpool" },
		{ "{nodes: 5, cluster: {kind: pgxc}}", "coordinator coordinators" },
		{ "{nodes: 2, cluster: {kind: pgxc}}", "coordinator coordinators" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		auto_(lab_free) struct lab *lab = lab_of(rows[i].lab);
		auto_(strbuf_clear) struct strbuf got = {0};

		for (const char *const *word = bench_targets(lab, a); *word; word++)
			strbuf_printf(&got, "%s%s", got.len ? " " : "", *word);
		assert_string_equal(strbuf_text(&got), rows[i].words);
	}
}

static void nodes_of_targets(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(lab_free) struct lab *lab = lab_of("{nodes: 5, cluster: {kind: pgxc}}");
	struct bench_target t;
	struct fail e = {0};

	(void)state;
	assert_int_equal(bench_target_find(lab, "coordinators", a, &t, &e), 0);
	assert_int_equal(t.node_count, 3);
	assert_string_equal(t.nodes[0]->name, "node3");
	assert_string_equal(t.nodes[2]->name, "node5");
	assert_int_equal(t.role, lab_role(lab, "coordinator"));
	assert_int_equal(bench_target_find(lab, "coordinator", a, &t, &e), 0);
	assert_int_equal(t.node_count, 1);
	assert_int_equal(bench_target_find(lab, "cordinator", a, &t, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_non_null(strstr(e.text, "did you mean 'coordinator'?"));
	assert_int_equal(bench_target_find(lab, "datanode", a, &t, &e), -1);
}

static void points(void **state)
{
	static const char *const want[] = { "tpcb/primary/1", "tpcb/primary/8", "tpcb/primary/500tps", "tpcb/standby/1",
					    "tpcb/standby/8", "tpcb/standby/500tps", "mine/primary/1" };
	auto_(arena_free) struct arena *a = arena_new();
	struct bench_load loads[] = { { workload_find("tpcb"), NULL, "tpcb" }, { workload_find("tpcb"), "select 1", "mine" } };
	const char *words[] = { "primary", "standby" };
	unsigned clients[] = { 1, 8 };
	struct bench_rate rates[] = { { 500, 0 }, { 0, 70 } };
	struct bench_spec s = { .loads = loads, .load_count = 2, .targets = words, .target_count = 2, .clients = clients, .client_count = 2,
				.rates = rates, .rate_count = 2 };
	struct bench_point *p;
	unsigned count;

	(void)state;
	bench_points(&s, a, &p, &count);
	assert_int_equal(count, 12);
	for (unsigned i = 0; i < ARRAY_COUNT(want); i++)
		assert_string_equal(p[i].name, want[i]);
	assert_int_equal(p[2].clients, 8);
	assert_true(p[2].rate_tps == 500 && p[1].rate_tps == 0);
	assert_string_equal(p[3].target, "standby");
	assert_string_equal(p[6].workload, "mine");
}

static void order(void **state)
{
	/* What this seed gave first; it must never change, or a run cannot be repeated. */
	static const unsigned golden[] = { 5, 1, 0, 2, 3, 4, 1, 2, 4, 0, 5, 3, 0, 1, 3, 5, 4, 2 };
	unsigned places[6][6] = { 0 };
	auto_(arena_free) struct arena *a = arena_new();
	unsigned *one, *two;

	(void)state;
	bench_order(6, 600, 42, a, &one);
	bench_order(6, 600, 42, a, &two);
	assert_memory_equal(one, two, 3600 * sizeof *one);
	for (unsigned i = 0; i < ARRAY_COUNT(golden); i++)
		assert_int_equal(one[i], golden[i]);
	for (unsigned block = 0; block < 600; block++) {
		unsigned seen = 0;

		for (unsigned i = 0; i < 6; i++) {
			seen |= 1u << one[block * 6 + i];
			places[one[block * 6 + i]][i]++;
		}
		assert_int_equal(seen, 63); /* each point once */
	}
	for (unsigned p = 0; p < 6; p++) /* and everywhere alike: 100 are expected, 5 standard deviations are 46 */
		for (unsigned i = 0; i < 6; i++)
			assert_in_range(places[p][i], 54, 146);
	bench_order(6, 600, 43, a, &two);
	assert_memory_not_equal(one, two, 3600 * sizeof *one);
	bench_order(1, 3, 7, a, &one);
	assert_true(one[0] == 0 && one[1] == 0 && one[2] == 0);
	bench_order(0, 3, 7, a, &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(nodes_of_targets),
		cmocka_unit_test(points),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
