/* SPDX-License-Identifier: PostgreSQL */
/* Live snapshots as graphs: a consistent cut, a lab that goes on whatever failed, and the same end for save and restore. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "inputs.h"
#include "plan.h"
#include "recipe.h"

static const char *const nodes[] = { "node1", "node2", "node3" };

static int position(const struct plan *p, const char *what, const char *node)
{
	char id[128];

	snprintf(id, sizeof id, "%s%s%s", what, node ? "/" : "", node ? node : "");
	for (unsigned i = 0; i < p->step_count; i++)
		if (!strcmp(p->steps[i].id, id))
			return (int)i;
	return -1;
}

/* Directly or through others; steps are in an order that can be executed. */
static bool waits(const struct plan *p, int step, int before)
{
	bool reached[512] = { false };

	assert_in_range(step, 0, p->step_count - 1);
	assert_in_range(before, 0, p->step_count - 1);
	assert_true(p->step_count <= 512);
	reached[step] = true;
	for (int i = step; i > before; i--)
		for (unsigned k = 0; reached[i] && k < p->steps[i].after_count; k++)
			reached[p->steps[i].after[k]] = true;
	return reached[before];
}

/* Each step @what, of all nodes or of the host, waits for each step @before. */
static void assert_after(const struct plan *p, const char *what, const char *before)
{
	bool host = position(p, what, NULL) >= 0, first_host = position(p, before, NULL) >= 0;

	for (size_t i = 0; i < (host ? 1 : ARRAY_COUNT(nodes)); i++)
		for (size_t k = 0; k < (first_host ? 1 : ARRAY_COUNT(nodes)); k++)
			if (!waits(p, position(p, what, host ? NULL : nodes[i]), position(p, before, first_host ? NULL : nodes[k])))
				fail_msg("%s does not wait for %s", what, before);
}

/* The step @what of a node waits for the step @before of this node. */
static void assert_after_own(const struct plan *p, const char *what, const char *before)
{
	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		assert_true(waits(p, position(p, what, nodes[i]), position(p, before, nodes[i])));
}

static void assert_anyway(const struct plan *p, const char *what, bool anyway)
{
	int at = position(p, what, NULL);

	assert_true((at < 0 ? position(p, what, "node2") : at) >= 0);
	assert_int_equal(p->steps[at < 0 ? position(p, what, "node2") : at].anyway, anyway);
}

static const char *const thaw[] = { "net.create", "nfs.serve", "node.thaw", "fault.filter", "node.resume" };

static struct plan *make(struct lab *lab, struct snapshot_plan o, bool restore)
{
	struct plan *p = NULL;
	struct choice what;
	struct facts facts = { 0 };
	struct fail e = { 0 };

	assert_int_equal(plan_choose(lab, NULL, NULL, true, lab->arena, &what, &e), 0);
	what.said = "snapshot";
	o.name = "s";
	o.what = &what;
	if ((restore ? plan_snapshot_restore(lab, lib, &o, &p, &e) : plan_snapshot_save(lab, lib, &facts, &o, &p, &e)) < 0)
		fail_msg("%s", e.text);
	return p;
}

static struct lab *machines(void)
{
	return parse("lab: x\nnodes: 3\nhypervisor: qemu\nnetwork: {subnet: 10.88.7.0/24}\ncluster: {kind: postgres}\n");
}

static void a_save_is_a_consistent_cut(void **state)
{
	auto_(lab_free) struct lab *lab = machines();
	auto_(plan_free) struct plan *p = make(lab, (struct snapshot_plan){ .live = true }, false);

	(void)state;
	assert_after(p, "nfs.drain", "snapshot.freeze");
	assert_after(p, "node.pause", "nfs.drain");
	assert_after(p, "nfs.stop", "node.pause");
	assert_after(p, "snapshot.memory", "node.pause");
	assert_after(p, "snapshot.copy", "nfs.stop");
	assert_after_own(p, "snapshot.copy", "snapshot.memory");
	/* none goes on before all are saved, and none runs before all have their memory */
	for (size_t i = 0; i < ARRAY_COUNT(thaw); i++)
		assert_after(p, thaw[i], "snapshot.copy");
	assert_after(p, "node.resume", "node.thaw");
	assert_after(p, "node.resume", "nfs.serve");
	assert_after(p, "node.resume", "fault.filter");
	assert_after(p, "snapshot.thawed", "node.resume");
	/* it has no name before the lab is as it was */
	assert_after(p, "snapshot.seal", "snapshot.thawed");
	assert_after(p, "snapshot.seal", "clock");
	assert_after_own(p, "clock", "node.ready");
	assert_after(p, "standby.health/node2", "clock/node2");
}

static void the_lab_goes_on_whatever_failed(void **state)
{
	auto_(lab_free) struct lab *lab = machines();
	auto_(plan_free) struct plan *p = make(lab, (struct snapshot_plan){ .live = true }, false);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(thaw); i++)
		assert_anyway(p, thaw[i], true);
	assert_anyway(p, "snapshot.memory", false);
	assert_anyway(p, "snapshot.thawed", false);
	assert_anyway(p, "snapshot.seal", false);
}

static void a_restore_ends_as_a_save(void **state)
{
	auto_(lab_free) struct lab *lab = machines();
	auto_(plan_free) struct plan *p = make(lab, (struct snapshot_plan){ .live = true }, true),
				     *saved = make(lab, (struct snapshot_plan){ .live = true, .keep_clocks = true }, true);

	(void)state;
	assert_after(p, "snapshot.enter", "node.off");
	assert_after(p, "snapshot.enter", "snapshot.fetch");
	assert_after(p, "snapshot.enter", "nfs.stop");
	assert_after(p, "snapshot.swap", "snapshot.enter");
	for (size_t i = 0; i < ARRAY_COUNT(thaw); i++) {
		assert_after(p, thaw[i], "snapshot.swap");
		assert_anyway(p, thaw[i], false);
	}
	assert_after(p, "snapshot.record", "node.thaw");
	assert_after(p, "node.resume", "snapshot.record");
	assert_after_own(p, "clock", "node.resume");
	assert_int_equal(position(saved, "clock", "node1"), -1);
	assert_after_own(saved, "node.ready", "node.resume");
}

static void without_memory_it_boots(void **state)
{
	auto_(lab_free) struct lab *lab = machines();
	auto_(plan_free) struct plan *p = make(lab, (struct snapshot_plan){ 0 }, true);

	(void)state;
	assert_int_equal(position(p, "node.thaw", "node1"), -1);
	assert_after(p, "node.start", "snapshot.record");
	assert_after(p, "snapshot.record", "snapshot.swap");
}

static struct lab *duo(void)
{
	return parse("lab: duo\nnodes: 3\nhypervisor: lxc\nnetwork: {subnet: 10.88.7.0/24}\ncluster: {kind: postgres}\nhosts:\n"
		     "  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: b, underlay: 192.0.2.2}\n");
}

static unsigned host_of(const struct plan *p, const char *what, const char *node)
{
	assert_true(position(p, what, node) >= 0);
	return p->steps[position(p, what, node)].host;
}

static bool is_before(const struct plan *p, int before, int step)
{
	for (unsigned k = 0; k < p->steps[step].after_count; k++)
		if (p->steps[step].after[k] == (unsigned)before)
			return true;
	return false;
}

/* On several hosts nothing stops before all have answered and have room; the first host records what the others have recorded. */
static void all_hosts_answer_before_anything_stops(void **state)
{
	static const char *const first[] = { "node.shutdown", "snapshot.copy", "node.start" };
	auto_(lab_free) struct lab *lab = duo();
	auto_(plan_free) struct plan *p = make(lab, (struct snapshot_plan){ 0 }, false), *back = make(lab, (struct snapshot_plan){ 0 }, true);

	(void)state;
	assert_true(p->steps[position(p, "room", NULL)].gate);
	assert_true(waits(p, position(p, "room", NULL), position(p, "snapshot.begin", "b")));
	for (size_t i = 0; i < ARRAY_COUNT(first); i++)
		assert_after(p, first[i], "room");
	/* a gate stops what runs anyway only if that waits for it directly */
	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		assert_true(is_before(p, position(p, "room", NULL), position(p, "node.shutdown", nodes[i])));
	assert_true(is_before(p, position(p, "room", NULL), position(p, "copied", NULL)));
	assert_int_equal(host_of(p, "snapshot.copy", "node1"), 0);
	assert_int_equal(host_of(p, "snapshot.copy", "node2"), 1);
	assert_true(waits(p, position(p, "snapshot.seal", "b"), position(p, "snapshot.copy", "node2")));
	assert_true(waits(p, position(p, "snapshot.seal", NULL), position(p, "snapshot.seal", "b")));
	assert_after(back, "snapshot.fetch", "room");
	assert_after(back, "node.off", "snapshot.fetch");
	assert_after(back, "snapshot.swap", "snapshot.enter");
	assert_int_equal(host_of(back, "snapshot.fetch", "node2"), 1);
	assert_int_equal(host_of(back, "snapshot.swap", "node2"), 1);
	assert_int_equal(host_of(back, "snapshot.clear", "node2"), 1);
	assert_int_equal(host_of(back, "snapshot.record", NULL), 0);
}

/* What a silent host keeps is removed later: the snapshot is gone at once. */
static void a_deletion_begins_here(void **state)
{
	auto_(lab_free) struct lab *lab = duo();
	auto_(plan_free) struct plan *p = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(plan_snapshot_delete(lab, "s", &p, &e), 0);
	assert_true(p->partial);
	assert_int_equal(host_of(p, "snapshot.delete", "b"), 1);
	assert_true(waits(p, position(p, "snapshot.delete", "b"), position(p, "snapshot.delete", NULL)));
	assert_false(waits(p, position(p, "snapshot.delete", NULL), position(p, "host.open", "b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_save_is_a_consistent_cut),
		cmocka_unit_test(the_lab_goes_on_whatever_failed),
		cmocka_unit_test(a_restore_ends_as_a_save),
		cmocka_unit_test(without_memory_it_boots),
		cmocka_unit_test(all_hosts_answer_before_anything_stops),
		cmocka_unit_test(a_deletion_begins_here),
	};

	return cmocka_run_group_tests(tests, open_library, close_library);
}
