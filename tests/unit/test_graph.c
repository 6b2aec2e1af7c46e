/* SPDX-License-Identifier: PostgreSQL */
/* The topology of a lab as JSON. */
#include "test.h"

#include <string.h>

#include "graph.h"

static json_t *graph_of(const char *yaml, bool addresses)
{
	const struct lab_options o = { .state_dir = "/state", .hypervisor = HYPERVISOR_LXC };
	auto_(lab_free) struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(yaml, strlen(yaml), "test.yaml", &o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	if (addresses)
		lab_set_subnet(lab, 0x0a580000, 24);
	return graph_json(lab);
}

/* "from>to" of every edge, "=" for those on one node. */
static void check_edges(const char *yaml, const char *wanted)
{
	json_t *graph = graph_of(yaml, true);
	auto_(strbuf_clear) struct strbuf seen = { 0 };
	const json_t *edge;
	size_t i;

	json_array_foreach(json_object_get(graph, "edges"), i, edge) {
		strbuf_printf(&seen, "%s%s%s%s", i ? " " : "", json_string_value(json_object_get(edge, "from")),
			      json_is_true(json_object_get(edge, "same_node")) ? "=" : ">",
			      json_string_value(json_object_get(edge, "to")));
		assert_non_null(json_string_value(json_object_get(edge, "what")));
	}
	assert_string_equal(strbuf_text(&seen), wanted);
	json_decref(graph);
}

static void edges(void **state)
{
	(void)state;
	check_edges("lab: x\nnodes: 3\n", "");
	check_edges("lab: x\nnodes: 1\ncluster: {kind: postgres}\n", "");
	check_edges("lab: x\nnodes: 3\ncluster: {kind: postgres}\n", "standby>primary");
	check_edges("lab: x\nnodes: 3\ncluster: {kind: postgres, pgpool: 1}\n", "standby>primary pgpool>primary pgpool>standby");
	check_edges("lab: x\nnodes: 2\ncluster: {kind: citus}\n", "pgpool>coordinator coordinator>worker worker>coordinator");
	/* no standby of the GTM, and no coordinator but the one */
	check_edges("lab: x\nnodes: 1\ncluster: {kind: pgxc}\n",
		    "gtm_proxy>gtm datanode=gtm_proxy coordinator=gtm_proxy coordinator>datanode");
	check_edges("lab: x\nnodes: 8\ncluster: {kind: pgxc}\n",
		    "gtm_standby>gtm gtm>gtm_standby gtm_proxy>gtm datanode=gtm_proxy coordinator=gtm_proxy "
		    "coordinator>datanode coordinator>coordinator");
}

static void nodes(void **state)
{
	json_t *graph = graph_of("lab: x\nnodes: 3\ncluster: {kind: pgxc}\n", true), *node;
	auto_(free) char *text = NULL;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(graph, "kind")), "pgxc");
	assert_string_equal(json_string_value(json_object_get(graph, "hypervisor")), "lxc");
	assert_string_equal(json_string_value(json_object_get(json_object_get(graph, "network"), "subnet")), "10.88.0.0/24");
	assert_int_equal(json_array_size(json_object_get(graph, "nodes")), 3);
	node = json_array_get(json_object_get(graph, "nodes"), 2);
	assert_string_equal(json_string_value(json_object_get(node, "name")), "node3");
	assert_string_equal(json_string_value(json_object_get(node, "address")), "10.88.0.13");
	text = json_dumps(json_object_get(node, "roles"), JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "[{\"port\":1924,\"role\":\"gtm_proxy\"},{\"port\":1923,\"role\":\"datanode\"},"
				  "{\"port\":1921,\"role\":\"coordinator\"}]");
	json_decref(graph);

	graph = graph_of("lab: x\nnodes: 2\n", false);
	assert_null(json_object_get(json_array_get(json_object_get(graph, "nodes"), 0), "address"));
	assert_null(json_object_get(graph, "kind"));
	json_decref(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(edges), cmocka_unit_test(nodes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
