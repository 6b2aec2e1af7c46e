/* SPDX-License-Identifier: PostgreSQL */
/* Graphs: order, cycles, joins, the steps of create, bootstrap and destroy, and the cost of 1,000 nodes. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "file.h"
#include "inputs.h"
#include "plan.h"
#include "proc.h"
#include "recipe.h"
#include "scope.h"
#include "script.h"

static int position(const struct plan *p, const char *id)
{
	for (unsigned i = 0; i < p->step_count; i++)
		if (!strcmp(p->steps[i].id, id))
			return (int)i;
	return -1;
}

static bool waits(const struct plan *p, const char *id, const char *before)
{
	int at = position(p, id), want = position(p, before);

	assert_true(at >= 0 && want >= 0);
	for (unsigned k = 0; k < p->steps[at].after_count; k++)
		if (p->steps[at].after[k] == (unsigned)want)
			return true;
	return false;
}

static void check_order(const struct plan *p)
{
	for (unsigned i = 0; i < p->step_count; i++)
		for (unsigned k = 0; k < p->steps[i].after_count; k++)
			assert_true(p->steps[i].after[k] < i);
}

static void order(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: x\n");
	auto_(plan_free) struct plan *p = plan_new("test", lab);
	struct step *s;
	struct fail e = { 0 };

	(void)state;
	s = plan_add(p, VERB_JOIN, NULL, "a", "first added, last run");
	plan_after(p, s, "c");
	plan_after(p, s, "b");
	plan_after(p, s, "b");
	plan_after(p, plan_add(p, VERB_JOIN, NULL, "b", ""), "c");
	plan_add(p, VERB_NODE_READY, NULL, "c", "");
	plan_add(p, VERB_JOIN, NULL, "d", "");
	assert_int_equal(plan_finish(p, &e), 0);
	check_order(p);
	assert_int_equal(position(p, "c"), 0);
	assert_int_equal(position(p, "b"), 1);
	assert_int_equal(position(p, "a"), 2);
	assert_int_equal(position(p, "d"), 3);
	assert_int_equal(p->steps[2].after_count, 2);
	assert_int_equal(p->steps[0].timeout_ms, 600000);
}

static void mistakes(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: x\n");
	struct plan *p;
	struct fail e = { 0 };

	(void)state;
	p = plan_new("test", lab);
	plan_add(p, VERB_JOIN, NULL, "start", "");
	plan_after(p, plan_add(p, VERB_JOIN, NULL, "a", ""), "c");
	plan_after(p, plan_add(p, VERB_JOIN, NULL, "b", ""), "a");
	plan_after(p, plan_add(p, VERB_JOIN, NULL, "c", ""), "b");
	assert_int_equal(plan_finish(p, &e), -1);
	assert_int_equal(e.code, FAIL_OTHER);
	assert_non_null(strstr(e.text, "a -> b -> c -> a"));
	plan_free(p);

	p = plan_new("test", lab);
	plan_after(p, plan_add(p, VERB_JOIN, NULL, "a", ""), "nowhere");
	assert_int_equal(plan_finish(p, &e), -1);
	assert_non_null(strstr(e.text, "a waits for nowhere"));
	plan_free(p);

	p = plan_new("test", lab);
	plan_add(p, VERB_JOIN, NULL, "a", "");
	plan_add(p, VERB_JOIN, NULL, "a", "");
	assert_int_equal(plan_finish(p, &e), -1);
	assert_non_null(strstr(e.text, "two steps are named a"));
	plan_free(p);
}

/* A chain as long as the largest plan: no recursion. */
static void long_chain(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: x\n");
	auto_(plan_free) struct plan *p = plan_new("test", lab);
	char id[16], before[16];
	struct fail e = { 0 };

	(void)state;
	plan_after(p, plan_add(p, VERB_JOIN, NULL, "end", ""), "s199999");
	plan_add(p, VERB_JOIN, NULL, "s0", "");
	for (int i = 1; i < 200000; i++) {
		snprintf(id, sizeof id, "s%d", i);
		snprintf(before, sizeof before, "s%d", i - 1);
		plan_after(p, plan_add(p, VERB_JOIN, NULL, id, ""), before);
	}
	assert_int_equal(plan_finish(p, &e), 0);
	check_order(p);
	assert_string_equal(p->steps[0].id, "s0");
	assert_string_equal(p->steps[200000].id, "end");
}

static void create_graph(void **state)
{
	auto_(lab_free) struct lab *machines = parse("nodes: 2\nhypervisor: qemu\n"), *containers = parse("nodes: 2\nhypervisor: lxc\n");
	auto_(plan_free) struct plan *p = NULL, *c = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(plan_create(machines, lib, &p, &e), 0);
	check_order(p);
	assert_true(waits(p, "net.create", "lab.prepare") && waits(p, "nfs.serve", "net.create"));
	assert_true(waits(p, "nfs.serve", "data.create/node1") && waits(p, "nfs.serve", "data.create/node2"));
	assert_true(waits(p, "node.disk/node2", "image.build") && waits(p, "node.start/node2", "node.disk/node2"));
	assert_true(waits(p, "node.start/node2", "net.reach") && waits(p, "node.start/node2", "data.create/node2"));
	assert_true(waits(p, "net.reach", "nfs.serve") && waits(p, "nfs.serve", "net.create"));
	assert_true(waits(p, "node.ready/node2", "node.start/node2") && waits(p, "tune/node2", "node.ready/node2"));
	/* No step waits for a node before its data is served. */
	assert_true(waits(p, "node.start/node1", "net.reach") && waits(p, "node.ready/node1", "node.start/node1"));
	assert_non_null(p->steps[position(p, "tune/node1")].payload->script);
	/* Every machine starts before a worker waits for one. */
	assert_true(position(p, "node.start/node2") < position(p, "node.ready/node1"));
	assert_int_equal(plan_create(containers, lib, &c, &e), 0);
	assert_int_equal(position(c, "nfs.serve"), -1);
	/* The nodes do not differ, so they share one text. */
	assert_ptr_equal(c->steps[position(c, "tune/node1")].payload, c->steps[position(c, "tune/node2")].payload);
}

static void bootstrap_graph(void **state)
{
	auto_(lab_free) struct lab *lab = parse("nodes: 4\nhypervisor: lxc\ncluster: {kind: pgxc}\n");
	auto_(plan_free) struct plan *p = NULL;
	const struct payload *payload;
	struct fail e = { 0 };
	int at;

	(void)state;
	assert_int_equal(plan_bootstrap(lab, lib, &p, &e), 0);
	check_order(p);
	assert_true(waits(p, "source.build", "node.ready/node1") && waits(p, "source.build", "node.ready/node4"));
	assert_true(waits(p, "source.install/node3", "source.build") && waits(p, "source.install/node3", "tune/node3"));
	assert_true(waits(p, "gtm.init/node1", "source.install/node1"));
	assert_true(waits(p, "gtm_standby.start/node2", "gtm.start/node1"));
	assert_true(waits(p, "datanode.start/node3", "gtm_proxy.start/node3"));
	assert_false(waits(p, "datanode.start/node3", "gtm_proxy.start/node4"));
	assert_true(waits(p, "coordinator.start/node3", "datanode.start/all"));
	assert_true(waits(p, "datanode.start/all", "datanode.start/node4"));
	/* Only on the first coordinator, only on the others. */
	assert_int_equal(position(p, "smoke.create/node4"), -1);
	assert_int_equal(position(p, "smoke.read/node3"), -1);
	assert_true(waits(p, "smoke.read/node4", "smoke.create/node3"));
	/* A step that waits only for other nodes still waits for its own node's software. */
	assert_true(waits(p, "smoke.read/node4", "source.install/node4"));
	at = position(p, "datanode.start/node3");
	assert_int_equal(p->steps[at].timeout_ms, 180000);
	payload = p->steps[at].payload;
	assert_non_null(strstr(payload->script, "/data/pgxc_datanode/postgresql.conf 0600 pgxc "));
	assert_string_equal(payload->log, "/run/labctl/datanode_1.start");
	at = position(p, "register/node4");
	assert_int_equal(p->steps[at].payload->port, 1921);
	assert_non_null(strstr(p->steps[at].payload->sql, "create node \"datanode_2\""));
	/* The same, on request. */
	p->steps[at].payload = NULL;
	assert_int_equal(plan_payload(lab, lib, &p->steps[at], NULL, p->arena, &payload, &e), 0);
	assert_non_null(strstr(payload->sql, "preferred = true"));
}

static void destroy_graph(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: demo\nnodes: 2\nhypervisor: qemu\n");
	struct fact_domain domains[] = {
		{ .name = "demo-node1", .lab_uuid = lab->uuid, .node = "node1" },
		{ .name = "demo-node9", .lab_uuid = lab->uuid, .node = "node9" },
		{ .name = "demo-evil", .lab_uuid = lab->uuid, .node = "../../etc" },
		{ .name = "other", .lab_uuid = "00000000-0000-8000-8000-000000000000", .node = "node1" },
		{ .name = "foreign" },
	};
	struct fact_network networks[] = { { .name = "labctl-demo", .lab_uuid = lab->uuid },
					   { .name = "old", .lab_uuid = lab->uuid }, { .name = "default" } };
	const struct facts facts = { .domains = domains, .domain_count = ARRAY_COUNT(domains),
				     .networks = networks, .network_count = ARRAY_COUNT(networks) };
	auto_(plan_free) struct plan *p = NULL, *keep = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(plan_destroy(lab, &facts, &(struct destroy_options){ 0 }, &p, &e), 0);
	check_order(p);
	assert_string_equal(p->steps[position(p, "node.stop/domain:demo-node9")].subject, "demo-node9");
	assert_string_equal(p->steps[position(p, "node.remove/domain:demo-node9")].subject, "node9");
	assert_int_equal(position(p, "node.remove/domain:demo-evil"), -1);
	assert_true(position(p, "node.stop/domain:demo-evil") >= 0);
	assert_int_equal(position(p, "node.stop/domain:other"), -1);
	assert_int_equal(position(p, "node.stop/domain:foreign"), -1);
	assert_string_equal(p->steps[position(p, "net.remove")].subject, "labctl-demo");
	assert_string_equal(p->steps[position(p, "net.remove/network:old")].subject, "old");
	assert_true(waits(p, "net.remove", "node.stop/all") && waits(p, "node.stop/all", "node.stop/domain:demo-node9"));
	assert_true(waits(p, "data.remove/node1", "nfs.stop"));
	assert_string_equal(p->steps[p->step_count - 1].id, "lab.remove");
	assert_true(waits(p, "lab.remove", "data.remove/node2") && waits(p, "lab.remove", "node.remove/node1"));
	assert_int_equal(plan_destroy(lab, &facts, &(struct destroy_options){ .keep_data = true }, &keep, &e), 0);
	assert_int_equal(position(keep, "data.remove/node1"), -1);
	assert_true(waits(keep, "lab.remove", "nfs.stop"));
}

static void shown(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: demo\nnodes: 4\ncluster: {kind: pgxc}\n");
	auto_(strbuf_clear) struct strbuf text = { 0 }, dot = { 0 };
	auto_(plan_free) struct plan *p = NULL;
	struct fail e = { 0 };
	json_t *doc;

	(void)state;
	assert_int_equal(plan_bootstrap(lab, lib, &p, &e), 0);
	plan_print_text(p, &text);
	assert_int_equal(strncmp(text.text, "bootstrap lab 'demo': ", 22), 0);
	assert_null(strstr(text.text, "/all"));
	assert_non_null(strstr(text.text, "all datanode.start"));
	plan_print_dot(p, &dot);
	assert_int_equal(strncmp(dot.text, "digraph", 7), 0);
	assert_non_null(strstr(dot.text, "\"datanode.start/all\" -> \"coordinator.start/node4\""));
	doc = plan_json(p);
	assert_int_equal(json_integer_value(json_object_get(doc, "v")), 1);
	assert_int_equal(json_array_size(json_object_get(doc, "steps")), p->step_count);
	json_decref(doc);
}

static size_t edges(const struct plan *p)
{
	size_t count = 0;

	for (unsigned i = 0; i < p->step_count; i++)
		count += p->steps[i].after_count;
	return count;
}

/* Not a benchmark: only a quadratic algorithm exceeds these limits. */
static void thousand_nodes(void **state)
{
	auto_(lab_free) struct lab *lab = parse("nodes: 1000\nhypervisor: kvm\nnetwork: {subnet: 10.80.0.0/20}\ncluster: {kind: pgxc}\n");
	auto_(plan_free) struct plan *create = NULL, *bootstrap = NULL, *destroy = NULL;
	int64_t began = clock_now_ms();
	struct facts facts = { 0 };
	struct fail e = { 0 };
	struct rusage use;

	(void)state;
	assert_int_equal(plan_create(lab, lib, &create, &e), 0);
	assert_int_equal(plan_bootstrap(lab, lib, &bootstrap, &e), 0);
	assert_int_equal(plan_destroy(lab, &facts, &(struct destroy_options){ 0 }, &destroy, &e), 0);
	assert_true(edges(create) < 15 * 1000);
	assert_true(edges(bootstrap) < 80 * 1000);
	assert_true(edges(destroy) < 8 * 1000);
	getrusage(RUSAGE_SELF, &use);
	print_message("1000 nodes: %u + %u + %u steps in %lld ms, %ld kB in all\n", create->step_count, bootstrap->step_count,
		      destroy->step_count, (long long)(clock_now_ms() - began), use.ru_maxrss);
}

static void put_texts(void **state)
{
	const struct payload_file files[] = {
		{ "/a b", "0644", "root:root", "plain $(x)\n" },
		{ "/d", "0600", "root:root", "no newline at the end, it's quoted" },
		{ "/e", "0600", "root:root", "" },
	};
	auto_(arena_free) struct arena *a = arena_new();
	const char *script = script_compose(lib, NULL, files, ARRAY_COUNT(files), "body", a);

	(void)state;
	assert_non_null(strstr(script, "'/a b' 0644 root:root 'plain $(x)\n'"));
	assert_non_null(strstr(script, "/d 0600 root:root 'no newline at the end, it'\\''s quoted'"));
	assert_non_null(strstr(script, "/e 0600 root:root ''"));
	assert_non_null(strstr(script, "\nbody\n"));
	assert_int_equal(strncmp(script, library_text(lib, "tuning/lib.sh"), 100), 0);
}

/* The real lib.sh in a real bash writes the files byte for byte; a second run changes nothing. */
static void puts_for_real(void **state)
{
	static const char *const texts[] = { "a $(b) `c` \\ 'd'\n", "LABCTL_END\n", "no newline at the end, it's quoted", "", "\n\n" };
	static const char *const argv[] = { "bash", "--norc", "--noprofile", "-s", NULL };
	auto_(arena_free) struct arena *a = arena_new();
	char dir[] = "/tmp/labctl-put-XXXXXX";
	struct payload_file files[ARRAY_COUNT(texts)];
	struct fail e = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip(); /* put changes owners, which needs root */
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		files[i] = (struct payload_file){ arena_printf(a, "%s/file %zu", dir, i), "0600", "root:root", texts[i] };
	for (unsigned run = 0; run < 2; run++) {
		const char *script = script_compose(lib, NULL, files, ARRAY_COUNT(files), "true\n", a);
		auto_(strbuf_clear) struct strbuf out = { 0 };

		assert_int_equal(proc_check(&(struct proc){ .argv = argv, .input = script, .input_len = strlen(script),
							    .out = &out, .deadline_ms = clock_after_ms(20000) }, &e), 0);
		if (run)
			assert_string_equal(strbuf_text(&out), "");
		else
			assert_non_null(strstr(strbuf_text(&out), "::changed "));
	}
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		assert_int_equal(file_read(files[i].path, 4096, &text, &e), 0);
		assert_string_equal(strbuf_text(&text), texts[i]);
	}
	assert_int_equal(file_remove_tree(dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousand_nodes), cmocka_unit_test(order),           cmocka_unit_test(mistakes),
		cmocka_unit_test(long_chain),     cmocka_unit_test(create_graph),    cmocka_unit_test(bootstrap_graph),
		cmocka_unit_test(destroy_graph),  cmocka_unit_test(shown),           cmocka_unit_test(put_texts),
		cmocka_unit_test(puts_for_real),
	};

	return cmocka_run_group_tests_name("plan", tests, open_library, close_library);
}
