/* SPDX-License-Identifier: PostgreSQL */
/* Differences between a lab file and an existing lab: each key is applied, or refused by name. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lab_change.h"
#include "lab_source.h"
#include "recipe.h"

static struct lab *parse(const char *text)
{
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", NULL, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

/* A line for each difference, "KEY has X, wanted Y"; refused ones begin with "! ". */
static void compare(const char *has_text, const char *wanted_text, bool bootstrapped, struct strbuf *out)
{
	auto_(lab_free) struct lab *has = parse(has_text);
	struct lab *wanted = parse(wanted_text);
	struct lab_change *changes;
	unsigned count;
	struct fail e = { 0 };

	lab_set_subnet(has, 0x0a580500, 24);
	if (has->hypervisor == HYPERVISOR_AUTO)
		has->hypervisor = HYPERVISOR_LXC;
	assert_int_equal(lab_keep(has, &wanted, NULL, &e), 0);
	lab_changes(has, wanted, bootstrapped, has->arena, &changes, &count);
	for (unsigned i = 0; i < count; i++) {
		strbuf_str(out, changes[i].refused ? "! " : "");
		lab_change_text(&changes[i], out);
		strbuf_char(out, '\n');
	}
	lab_free(wanted);
}

static void assert_changes(const char *has, const char *wanted, bool bootstrapped, const char *expected)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	compare(has, wanted, bootstrapped, &out);
	assert_string_equal(strbuf_text(&out), expected);
}

#define PG "nodes: 3\ncluster:\n  kind: postgres\n"

static void the_same_is_no_change(void **state)
{
	(void)state;
	assert_changes("nodes: 3", "nodes: [{}, {}, {}]", true, "");
	assert_changes(PG "  standby: 2-\n", PG "  standby: node2,3\n", true, "");
	assert_changes("nodes: 3\nhypervisor: qemu\nnetwork: {subnet: 10.88.5.0/24}", "nodes: 3", true, "");
	/* A file without a cluster, or without its source, does not change it. */
	assert_changes(PG "  settings: {primary: {work_mem: 8MB}}\n", "nodes: 3", true, "");
	assert_changes("nodes: 3\ncluster: {kind: pgxc, source: {archive: /a.tar.gz, configure: --with-x}}",
		       "nodes: 3\ncluster: {kind: pgxc}", true, "");
	assert_changes("nodes: 3\ncluster: {kind: pgxc, source: {archive: /a.tar.gz, patches: [/b, \"/c d\"]}}",
		       "nodes: 3\ncluster: {kind: pgxc}", true, "");
}

static void what_can_be_applied(void **state)
{
	(void)state;
	assert_changes(PG "  settings: {primary: {work_mem: 8MB, max_connections: 50}, standby: {work_mem: 1MB}}\n",
		       PG "  settings: {primary: {work_mem: 16MB, jit: \"off\"}, standby: {work_mem: 1MB}}\n", true,
		       "cluster.settings.primary.work_mem has 8MB, wanted 16MB\n"
		       "cluster.settings.primary.jit has no value, wanted off\n"
		       "cluster.settings.primary.max_connections has 50, wanted none\n");
	assert_changes("nodes: 2", "nodes: 2\ntuning: {timezone: Europe/Zurich, locale: C.UTF-8, ntp_server: ntp.example}", true,
		       "tuning.timezone has UTC, wanted Europe/Zurich\ntuning.locale has en_US.UTF-8, wanted C.UTF-8\n"
		       "tuning.ntp_server has no value, wanted ntp.example\n");
	assert_changes("nodes: 3\ncluster: {kind: pgxc, source: {archive: /a.tar.gz}}",
		       "nodes: 3\ncluster: {kind: pgxc, source: {archive: /b.tar.gz}}", true,
		       "cluster.source.archive has /a.tar.gz, wanted /b.tar.gz\n");
	assert_changes("nodes: 3\ncluster: {kind: pgxc, source: {archive: /a.tar.gz, patches: /p}}",
		       "nodes: 3\ncluster: {kind: pgxc, source: {archive: /a.tar.gz, patches: [/p, /q]}}", true,
		       "cluster.source.patches[2] has no value, wanted /q\n");
}

static void a_living_cluster_keeps_its_ports_and_places(void **state)
{
	(void)state;
	assert_changes(PG, PG "  prefix: /opt/x\n  user: pg\n  address: ip\n  primary: {on: 2, port: 6000, dir: db, name: first}\n  standby: 1,3\n",
		       true,
		       "! cluster.prefix has /usr/lib/postgresql/15, wanted /opt/x\n! cluster.user has postgres, wanted pg\n"
		       "! cluster.address has hostname, wanted ip\n! cluster.primary.on has 1, wanted 2\n"
		       "! cluster.primary.port has 5432, wanted 6000\n! cluster.primary.dir has /data/pgsql, wanted /data/db\n"
		       "! cluster.primary.name has primary, wanted first\n! cluster.standby.on has 2-, wanted 1,3\n");
	/* A cluster that no node has yet may still change its kind. */
	assert_changes(PG, PG "  primary: {port: 6000}\n", false, "cluster.primary.port has 5432, wanted 6000\n");
	assert_changes(PG, "nodes: 3\ncluster: {kind: citus}", false, "cluster.kind has postgres, wanted citus\n");
	assert_changes(PG, "nodes: 3\ncluster: {kind: citus}", true, "! cluster.kind has postgres, wanted citus\n");
}

static void groups_come_but_do_not_go(void **state)
{
#define XC "nodes: 4\ncluster:\n  kind: pgxc\n  groups: [{name: ga, members: node3}"

	(void)state;
	assert_changes(XC "]\n", XC ", {name: gb, members: node4}]\n", true,
		       "cluster.groups[gb].name has no value, wanted gb\ncluster.groups[gb].members has no value, wanted node4\n");
	assert_changes(XC ", {name: gb, members: node4}]\n", XC "]\n", true,
		       "! cluster.groups[gb].name has gb, wanted none\n! cluster.groups[gb].members has node4, wanted none\n");
}

static void machines_stay(void **state)
{
	(void)state;
	assert_changes("nodes: 3", "nodes: 4", false, "! nodes has 3, wanted 4\n");
	assert_changes("nodes: 2", "nodes: 2\ndefaults: {memory: 2GiB}", false, "! defaults.memory has 1GiB, wanted 2GiB\n");
	assert_changes("nodes: 2", "nodes: [{}, {cpus: 2}]", false, "! nodes[node2].cpus has 1, wanted 2\n");
	assert_changes("nodes: 2", "nodes: 2\nhypervisor: qemu", false, "! hypervisor has lxc, wanted qemu\n");
	assert_changes("nodes: 2", "nodes: 2\nnetwork: {subnet: 10.1.0.0/24, domain: x.y}", false,
		       "! network.subnet has 10.88.5.0/24, wanted 10.1.0.0/24\n! network.gateway has 10.88.5.1, wanted 10.1.0.1\n"
		       "! network.domain has lab.internal, wanted x.y\n");
	assert_changes("nodes: 2", "nodes: 2\ndata: {mount: /srv/data, options: 'ro,sync'}\ntuning: {profile: classic}", false,
		       "! data.mount has /data, wanted /srv/data\n! data.options has rw,no_root_squash,sync, wanted ro,sync\n"
		       "! tuning.profile has modern, wanted classic\n");
}

static void all_refusals_at_once(void **state)
{
	auto_(lab_free) struct lab *has = parse(PG), *wanted = parse(PG "  primary: {port: 6000}\n  standby: {port: 6001}\n  user: pg\n");
	struct lab_change *changes;
	struct fail e = { 0 };
	unsigned count;

	(void)state;
	lab_changes(has, wanted, true, has->arena, &changes, &count);
	assert_int_equal(lab_changes_check(has, "my.yaml", changes, count, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "my.yaml"));
	assert_non_null(strstr(e.text, "(and 2 more)"));
	assert_string_equal(e.evidence, "cluster.user has postgres, wanted pg\ncluster.primary.port has 5432, wanted 6000\n"
					"cluster.standby.port has 5432, wanted 6001");
	assert_null(strstr(e.next, "destroy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_no_change),
		cmocka_unit_test(what_can_be_applied),
		cmocka_unit_test(a_living_cluster_keeps_its_ports_and_places),
		cmocka_unit_test(groups_come_but_do_not_go),
		cmocka_unit_test(machines_stay),
		cmocka_unit_test(all_refusals_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
