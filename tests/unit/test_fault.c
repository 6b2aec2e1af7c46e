/* SPDX-License-Identifier: PostgreSQL */
/* Faults as data: which frames they concern, what is refused, and the text for nft. */
#include "test.h"

#include <string.h>

#include "fault.h"
#include "fault_filter.h"

#define LAB(n, hypervisor) "lab: f\nnodes: " #n "\nhypervisor: " hypervisor "\nnetwork: {subnet: 10.9.0.0/24}\ncluster: {kind: postgres}\n"

static struct lab *lab_of(const char *text)
{
	struct lab_options o = { .state_dir = "/state" };
	struct fail e = { 0 };
	struct lab *lab;

	assert_int_equal(lab_parse(text, strlen(text), "f.yaml", &o, &lab, &e), 0);
	return lab;
}

static struct fault fault_of(const struct lab *lab, const char *kind, const char *nodes, const char *others)
{
	struct fault f = { .id = 3, .kind = fault_kind(kind), .role = -1, .a = arena_alloc(lab->arena, lab->node_count * sizeof *f.a),
			   .b = arena_alloc(lab->arena, lab->node_count * sizeof *f.b) };
	struct fail e = { 0 };

	assert_non_null(f.kind);
	assert_int_equal(lab_select(lab, nodes, NULL, f.a, &e), 0);
	if (others)
		assert_int_equal(lab_select(lab, others, NULL, f.b, &e), 0);
	return f;
}

/* "1>2 2>1": what a fault keeps apart; 0 is the host. */
static const char *cuts(const struct lab *lab, const struct fault *f)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	unsigned host = lab->node_count;

	for (unsigned from = 0; from <= host; from++)
		for (unsigned to = 0; to <= host; to++)
			if (fault_between(lab, f, from, to))
				strbuf_printf(&out, "%s%u>%u", out.len ? " " : "", from == host ? 0 : from + 1, to == host ? 0 : to + 1);
	return arena_strdup(lab->arena, strbuf_text(&out));
}

static void shapes(void **state)
{
	static const struct { const char *kind, *nodes, *others; bool host, one_way; const char *cuts, *text; } cases[] = {
		{ "partition", "1", NULL, false, false, "1>2 1>3 1>4 1>5 2>1 3>1 4>1 5>1", "partition node1 | node2 node3 node4 node5" },
		{ "partition", "1-2", "3", false, true, "1>3 2>3", "partition node1 node2 > node3" },
		{ "partition", "2", "3", true, false, "2>3 2>0 3>2 0>2", "partition node2 | node3 host" },
		{ "partition", "all", NULL, true, true, "1>0 2>0 3>0 4>0 5>0", "partition node1 node2 node3 node4 node5 > host" },
		/* each of five sees itself and both neighbours */
		{ "partition-ring", "all", NULL, false, false, "1>3 1>4 2>4 2>5 3>1 3>5 4>1 4>2 5>2 5>3",
		  "partition-ring node1 node2 node3 node4 node5" },
		{ "partition-bridge", "all", NULL, false, false, "2>4 2>5 3>4 3>5 4>2 4>3 5>2 5>3",
		  "partition-bridge node1 node2 node3 node4 node5" },
	};
	auto_(lab_free) struct lab *lab = lab_of(LAB(5, "lxc"));
	struct fail e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fault f = fault_of(lab, cases[i].kind, cases[i].nodes, cases[i].others);

		f.host = cases[i].host;
		f.one_way = cases[i].one_way;
		assert_int_equal(fault_check(lab, &f, cases[i].others != NULL, &e), 0);
		assert_string_equal(cuts(lab, &f), cases[i].cuts);
		assert_string_equal(fault_text(lab, &f, lab->arena), cases[i].text);
	}
}

/* In a ring of @n each node sees a majority. */
static void rings_have_majorities(void **state)
{
	static const char *const labs[] = { LAB(4, "lxc"), LAB(5, "lxc"), LAB(6, "lxc"), LAB(7, "lxc"), LAB(9, "lxc") };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(labs); i++) {
		auto_(lab_free) struct lab *lab = lab_of(labs[i]);
		struct fault f = fault_of(lab, "partition-ring", "all", NULL);
		struct fail e = { 0 };

		assert_int_equal(fault_check(lab, &f, false, &e), 0);
		for (unsigned from = 0; from < lab->node_count; from++) {
			unsigned sees = 0;

			for (unsigned to = 0; to < lab->node_count; to++)
				sees += !fault_between(lab, &f, from, to);
			assert_true(sees > lab->node_count / 2);
			assert_true(sees < lab->node_count);
		}
	}
}

static void refused(void **state)
{
	static const struct { const char *kind, *nodes, *others; unsigned amount; enum fail_code code; const char *text; } cases[] = {
		{ "partition", "all", NULL, 0, FAIL_USAGE, "separates nothing" },
		{ "partition-ring", "1-3", NULL, 0, FAIL_USAGE, "separates nothing" },
		{ "pause", "1", "2", 0, FAIL_USAGE, "has no other side" },
		{ "pause", "1", NULL, 5, FAIL_USAGE, "has no --amount" },
		{ "loss", "1", NULL, 0, FAIL_USAGE, "needs --amount N: percent of the frames, 1 to 99" },
		{ "loss", "1", NULL, 100, FAIL_USAGE, "--amount 100 is too much: loss takes percent of the frames, 1 to 99" },
		{ "disk-stall", "1", NULL, 0, FAIL_CONFLICT, "without it" },
		{ "reset", "1", NULL, 0, FAIL_CONFLICT, "no reset button" },
		{ "delay", "1", NULL, 0, FAIL_USAGE, "needs --amount N: milliseconds, 1 to 60000" },
		{ "delay", "1", NULL, 50, FAIL_CONFLICT, "containers, which have no queues of their own" },
		{ "jitter", "1", NULL, 50, FAIL_CONFLICT, "containers, which have no queues of their own" },
		{ "corrupt", "1", NULL, 100, FAIL_USAGE, "corrupt takes percent of the frames, 1 to 99" },
		{ "clock-drift", "1", NULL, 101, FAIL_USAGE, "clock-drift takes thousandths, 1 to 100" },
		{ "clock-drift", "1", NULL, 10, FAIL_CONFLICT, "containers, which have the host's clock" },
		{ "disk-full", "1", NULL, 5, FAIL_USAGE, "has no --amount" },
		{ "link-down", "1", "2", 0, FAIL_USAGE, "has no other side" },
		{ "clock-ahead", "1", NULL, 60, FAIL_CONFLICT, "containers, which have the host's clock" },
	};
	auto_(lab_free) struct lab *lab = lab_of(LAB(4, "lxc"));

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fault f = fault_of(lab, cases[i].kind, cases[i].nodes, cases[i].others);
		struct fail e = { 0 };

		f.amount = cases[i].amount;
		assert_int_equal(fault_check(lab, &f, cases[i].others != NULL, &e), -1);
		assert_int_equal(e.code, cases[i].code);
		assert_non_null(strstr(e.text, cases[i].text));
		if (cases[i].code == FAIL_CONFLICT || strstr(cases[i].text, "needs") || strstr(cases[i].text, "separates"))
			assert_true(e.next[0]);
	}
}

static void processors(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of(LAB(2, "lxc"));
	struct fault all[] = { fault_of(lab, "cpu", "1", NULL), fault_of(lab, "cpu", "all", NULL), fault_of(lab, "pause", "all", NULL) };

	(void)state;
	all[0].amount = 10;
	all[1].amount = 50;
	assert_int_equal(fault_cpu_quota(lab, all, 3, &lab->nodes[0], 1000), 10);
	assert_int_equal(fault_cpu_quota(lab, all, 3, &lab->nodes[1], 1000), 50);
	all[0].until_ms = 999;
	assert_int_equal(fault_cpu_quota(lab, all, 3, &lab->nodes[0], 1000), 50);
	lab->cpu_quota = 20; /* less than a fault leaves */
	assert_int_equal(fault_cpu_quota(lab, all, 3, &lab->nodes[0], 1000), 20);
	assert_int_equal(fault_cpu_quota(lab, all, 0, &lab->nodes[0], 1000), 20);
}

/* Two at once; one that is over is left out, and so are those that are no matter of the packet filter. */
static void filter(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of(LAB(3, "qemu"));
	struct fault all[] = { fault_of(lab, "partition", "1", "2"), fault_of(lab, "loss", "3", "1"), fault_of(lab, "disk-slow", "2", NULL),
			       fault_of(lab, "pause", "1", NULL) };
	auto_(strbuf_clear) struct strbuf out = { 0 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(all); i++)
		all[i].id = i + 1;
	all[0].until_ms = 61500;
	all[1].until_ms = 900;
	all[2].amount = 500;
	assert_true(fault_filter(lab, all, ARRAY_COUNT(all), 0, "52:54:00:00:00:01", 1000, &out));
	assert_string_equal(strbuf_text(&out), arena_printf(lab->arena,
		"add table bridge %1$s\ndelete table bridge %1$s\ntable bridge %1$s {\n"
		"\tset f1 {\n\t\ttype ether_addr . ether_addr\n\t\tflags timeout\n\t\telements = { "
		"52:54:0a:09:00:0b . 52:54:0a:09:00:0c timeout 61s, 52:54:0a:09:00:0c . 52:54:0a:09:00:0b timeout 61s }\n\t}\n"
		"\tset f3 {\n\t\ttype ether_addr\n\t\tflags timeout\n\t\telements = { 52:54:0a:09:00:0c }\n\t}\n"
		"\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n"
		"\t\tether saddr . ether daddr @f1 drop comment \"fault 1: partition\"\n\t}\n"
		"\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
		"\t\tether saddr . ether daddr @f1 drop comment \"fault 1: partition\"\n"
		"\t\tether saddr @f3 tcp dport 2049 limit rate over 500 kbytes/second burst 32 kbytes drop comment \"fault 3: disk-slow\"\n\t}\n"
		"\tchain output {\n\t\ttype filter hook output priority filter; policy accept;\n"
		"\t\tether saddr . ether daddr @f1 drop comment \"fault 1: partition\"\n"
		"\t\tether daddr @f3 tcp sport 2049 limit rate over 500 kbytes/second burst 32 kbytes drop comment \"fault 3: disk-slow\"\n\t}\n}\n",
		lab->net.bridge));
	strbuf_truncate(&out, 0);
	assert_false(fault_filter(lab, &all[1], 1, 0, "", 1000, &out));
	assert_string_equal(strbuf_text(&out), arena_printf(lab->arena, "add table bridge %1$s\ndelete table bridge %1$s\n", lab->net.bridge));
}

/* Before a live snapshot: requests are kept from the server, its answers and that they arrived are not. */
static void drain(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of(LAB(2, "qemu"));
	auto_(strbuf_clear) struct strbuf out = { 0 };

	(void)state;
	fault_filter_drain(lab, 60, &out);
	assert_string_equal(strbuf_text(&out), arena_printf(lab->arena,
		"add table bridge %1$s\ndelete table bridge %1$s\ntable bridge %1$s {\n"
		"\tset drain {\n\t\ttype ether_addr\n\t\tflags timeout\n\t\telements = { "
		"52:54:0a:09:00:0b timeout 60s, 52:54:0a:09:00:0c timeout 60s }\n\t}\n"
		"\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
		"\t\tether saddr @drain ip length > 80 tcp dport 2049 drop\n\t}\n}\n", lab->net.bridge));
}

/* Every pair is on one host, so that no frame is dropped by chance twice: that of the sender; with the gateway, the first. */
static void hosts(void **state)
{
	auto_(lab_free) struct lab *lab = lab_of("lab: l\nhypervisor: lxc\nnodes: 3\nnetwork: {subnet: 10.9.0.0/24}\n"
						 "hosts:\n  - {name: a, underlay: 192.0.2.1, nodes: node1}\n"
						 "  - {name: b, ssh: b, underlay: 192.0.2.2, nodes: 2-3}\n");
	struct fault f = fault_of(lab, "partition", "1", "2-3"), away = fault_of(lab, "partition", "2", "3"), full = fault_of(lab, "disk-full", "3", NULL);
	auto_(strbuf_clear) struct strbuf here = { 0 }, there = { 0 };

	(void)state;
	f.host = true;
	f.id = 1;
	assert_true(fault_filter(lab, &f, 1, 0, "52:54:00:00:00:01", 1000, &here));
	assert_true(fault_filter(lab, &f, 1, 1, "", 1000, &there));
	assert_non_null(strstr(strbuf_text(&here), "elements = { 52:54:0a:09:00:0b . 52:54:0a:09:00:0c, 52:54:0a:09:00:0b . 52:54:0a:09:00:0d, "
						  "52:54:0a:09:00:0b . 52:54:00:00:00:01, 52:54:00:00:00:01 . 52:54:0a:09:00:0b }"));
	assert_non_null(strstr(strbuf_text(&there), "elements = { 52:54:0a:09:00:0c . 52:54:0a:09:00:0b, 52:54:0a:09:00:0d . 52:54:0a:09:00:0b }"));
	assert_false(fault_is_on(lab, &away, 0));
	assert_true(fault_is_on(lab, &away, 1));
	assert_false(fault_filter(lab, &away, 1, 0, "", 1000, &here));
	assert_false(fault_is_on(lab, &full, 0));
	assert_true(fault_is_on(lab, &full, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(rings_have_majorities), cmocka_unit_test(refused), cmocka_unit_test(processors),
					    cmocka_unit_test(filter), cmocka_unit_test(drain), cmocka_unit_test(hosts) };

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
