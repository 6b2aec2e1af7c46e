/* SPDX-License-Identifier: PostgreSQL */
/* Labs on several hosts: reading, placing, printing; which host a step of a plan is for. */
#include "lab_change.h"
#include "library.h"
#include "plan.h"
#include "scope.h"
#include "seed.h"
#include "test.h"
#include "xml.h"

#define TWO "lab: duo\nhypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: root@b, underlay: 192.0.2.2}\n"

#define MACHINES "lab: duo\nhypervisor: qemu\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: root@b, underlay: 192.0.2.2}\n"

static struct lab *read_lab(const char *text)
{
	struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", &o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

static void assert_nodes(const struct lab *lab, unsigned host, const char *nodes)
{
	auto_(arena_free) struct arena *a = arena_new();

	assert_string_equal(host_nodes(lab, host, a), nodes);
}

static void assert_refused(const char *text, const char *why)
{
	struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	assert_int_equal(lab_parse(text, strlen(text), "lab.yaml", &o, &lab, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	if (!strstr(e.evidence, why))
		fail_msg("'%s' is not in: %s", why, e.evidence);
}

static void ssh_can_be_changed(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(lab_free) struct lab *has = read_lab(TWO);
	auto_(lab_free) struct lab *mended = read_lab("lab: duo\nhypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n"
						      "  - {name: b, ssh: root@other, underlay: 192.0.2.2}\n");
	auto_(lab_free) struct lab *moved = read_lab("lab: duo\nhypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n"
						     "  - {name: b, ssh: root@b, underlay: 192.0.2.3}\n");
	struct lab_change *changes;
	unsigned count;

	(void)state;
	lab_changes(has, mended, true, a, &changes, &count);
	assert_int_equal(count, 1);
	assert_string_equal(changes[0].key, "hosts[b].ssh");
	assert_false(changes[0].refused);
	lab_changes(has, moved, true, a, &changes, &count);
	assert_int_equal(count, 1);
	assert_string_equal(changes[0].key, "hosts[b].underlay");
	assert_true(changes[0].refused);
}

/* @text as the lab file of the lab @has. */
static struct lab *read_wanted(const char *text, const struct lab *has)
{
	struct lab_options o = { .state_dir = "/var/lib/labctl", .has = has };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	if (lab_parse(text, strlen(text), "lab.yaml", &o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

#define SUBNET "network: {subnet: 10.88.0.0/24}\n"
#define THREE TWO "  - {name: c, ssh: root@c, underlay: 192.0.2.3}\n"

/* The only change is @key, refused or not. */
static void assert_change(const struct lab *has, const struct lab *wanted, const char *key, const char *refused)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct lab_change *changes;
	unsigned count;

	lab_changes(has, wanted, true, a, &changes, &count);
	if (count != 1)
		fail_msg("%u changes, the second is %s", count, count > 1 ? changes[1].key : "");
	assert_string_equal(changes[0].key, key);
	assert_int_equal(changes[0].refused, refused != NULL);
	if (refused && !strstr(changes[0].how, refused))
		fail_msg("'%s' is not in: %s", refused, changes[0].how);
}

/* Nodes stay where they are when a host comes or goes, and so do the addresses of the hosts. */
static void hosts_come_and_go(void **state)
{
	auto_(lab_free) struct lab *two = read_lab(TWO "nodes: 4\n" SUBNET);
	auto_(lab_free) struct lab *three = read_wanted(THREE "nodes: 4\n" SUBNET, two);
	auto_(lab_free) struct lab *grown = read_wanted(THREE "nodes: 6\n" SUBNET, two);
	auto_(lab_free) struct lab *without = read_wanted("lab: duo\nhypervisor: lxc\nnodes: 4\n" SUBNET "hosts:\n  - {name: a, underlay: 192.0.2.1}\n"
							  "  - {name: c, ssh: root@c, underlay: 192.0.2.3}\n", three);
	auto_(lab_free) struct lab *empty = read_lab("lab: duo\nhypervisor: lxc\nnodes: 2\n" SUBNET "hosts:\n  - {name: a, underlay: 192.0.2.1}\n"
						     "  - {name: b, ssh: root@b, underlay: 192.0.2.2, nodes: none}\n"
						     "  - {name: c, ssh: root@c, underlay: 192.0.2.3}\n");
	auto_(lab_free) struct lab *left = read_wanted("lab: duo\nhypervisor: lxc\nnodes: 2\n" SUBNET "hosts:\n  - {name: a, underlay: 192.0.2.1}\n"
						       "  - {name: c, ssh: root@c, underlay: 192.0.2.3}\n", empty);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(lab_free) struct lab *again = NULL;

	(void)state;
	assert_nodes(three, 0, "node1,node3");
	assert_nodes(three, 1, "node2,node4");
	assert_nodes(three, 2, "none");
	assert_change(two, three, "hosts", NULL);
	assert_nodes(grown, 2, "node5,node6");
	assert_change(three, without, "hosts", "host b has node2,node4");
	assert_change(empty, left, "hosts", NULL);
	assert_int_equal(host_address(empty, 2), 0x0a5800fd);
	assert_int_equal(host_address(left, 1), 0x0a5800fd);
	lab_print(left, &text);
	again = read_lab(text.text);
	assert_int_equal(host_address(again, 1), 0x0a5800fd);
}

static void hosts_that_must_stay(void **state)
{
	auto_(lab_free) struct lab *alone = read_lab("lab: duo\nhypervisor: lxc\nnodes: 2\n" SUBNET);
	auto_(lab_free) struct lab *more = read_wanted(TWO "nodes: 2\n" SUBNET, alone);
	auto_(lab_free) struct lab *two = read_lab(TWO "nodes: 2\n" SUBNET);
	auto_(lab_free) struct lab *moved = read_wanted("lab: duo\nhypervisor: lxc\nnodes: 2\n" SUBNET "hosts:\n  - {name: a, underlay: 192.0.2.1}\n"
							"  - {name: b, ssh: root@b, underlay: 192.0.2.2, nodes: all}\n", two);
	auto_(lab_free) struct lab *other = read_wanted("lab: duo\nhypervisor: lxc\nnodes: 2\n" SUBNET "hosts:\n  - {name: z, underlay: 192.0.2.1}\n"
							"  - {name: b, ssh: root@b, underlay: 192.0.2.2}\n", two);

	(void)state;
	assert_change(two, moved, "nodes[node1].host", "labctl moves none");
	assert_change(two, other, "hosts", "the first host has the record");
	assert_change(alone, more, "hosts", "was made for one host");
}

static void one_host_by_default(void **state)
{
	auto_(lab_free) struct lab *lab = read_lab("nodes: 3\nplacement: pack\n");
	auto_(strbuf_clear) struct strbuf text = { 0 };

	(void)state;
	assert_int_equal(lab_hosts(lab), 1);
	assert_nodes(lab, 0, "node1,node2,node3");
	lab_print(lab, &text);
	assert_null(strstr(text.text, "hosts"));
	assert_null(strstr(text.text, "placement"));
}

static void spreads(void **state)
{
	auto_(lab_free) struct lab *even = read_lab(TWO "nodes: 5\n");
	auto_(lab_free) struct lab *weighted = read_lab("hypervisor: lxc\nnodes: 4\nhosts:\n  - {name: a, underlay: 192.0.2.1, memory: 4GiB}\n"
							"  - {name: b, ssh: b, underlay: 192.0.2.2, memory: 12GiB}\n");

	(void)state;
	assert_nodes(even, 0, "node1,node3,node5");
	assert_nodes(even, 1, "node2,node4");
	assert_nodes(weighted, 0, "node3");
	assert_nodes(weighted, 1, "node1,node2,node4");
}

static void packs(void **state)
{
	auto_(lab_free) struct lab *lab = read_lab("hypervisor: lxc\nnodes: 4\nplacement: pack\nhosts:\n  - {name: a, underlay: 192.0.2.1, cpus: 3}\n"
						   "  - {name: b, ssh: b, underlay: 192.0.2.2}\n");

	(void)state;
	assert_nodes(lab, 0, "node1,node2,node3");
	assert_nodes(lab, 1, "node4");
}

/* Selectors may name roles. Who has no selector gets the rest. */
static void selects(void **state)
{
	auto_(lab_free) struct lab *lab = read_lab("hypervisor: lxc\nnodes: 4\ncluster: {kind: postgres}\nhosts:\n"
						   "  - {name: a, underlay: 192.0.2.1}\n"
						   "  - {name: b, ssh: b, underlay: 192.0.2.2, nodes: primary}\n"
						   "  - {name: c, ssh: c, underlay: 192.0.2.3, nodes: none}\n");

	(void)state;
	assert_nodes(lab, 0, "node2,node3,node4");
	assert_nodes(lab, 1, "node1");
	assert_nodes(lab, 2, "none");
	assert_false(host_is_used(lab, 2));
	assert_true(host_is_used(lab, 0));
}

/* The record says where each node is, and reads back to the same lab. */
static void prints_what_it_reads(void **state)
{
	auto_(lab_free) struct lab *lab = read_lab(TWO "nodes: 3\nplacement: pack\n"), *again = NULL;
	auto_(strbuf_clear) struct strbuf text = { 0 }, second = { 0 };

	(void)state;
	lab_print(lab, &text);
	assert_non_null(strstr(text.text, "hosts:\n"
					  "  - {name: a, underlay: 192.0.2.1, nodes: \"node1,node2,node3\"}\n"
					  "  - {name: b, ssh: \"root@b\", underlay: 192.0.2.2, nodes: none}\n"
					  "placement: pack\n"));
	again = read_lab(text.text);
	lab_print(again, &second);
	assert_string_equal(text.text, second.text);
}

static void refuses(void **state)
{
	(void)state;
	assert_refused("hosts: []\n", "must list 1 to");
	assert_refused(MACHINES "network: {subnet: 10.88.0.0/24}\nnodes: [{address: 10.88.0.254}]\n", "is the address of another host in");
	assert_refused(MACHINES "network: {subnet: 10.88.0.0/29}\nnodes: 5\n", "5 nodes do not fit into the subnet 10.88.0.0/29: it holds 4 besides the hosts");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, ssh: a, underlay: 192.0.2.1}\n  - {name: b, ssh: b, underlay: 192.0.2.2}\n",
		       "the first host is the machine that labctl runs on");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, underlay: 192.0.2.2}\n", "needs ssh");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: a, ssh: b, underlay: 192.0.2.2}\n",
		       "two hosts are named a");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: b}\n", "needs underlay");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: b, underlay: 192.0.2.1}\n",
		       "the same underlay address");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: \"-oProxyCommand=x\", underlay: 192.0.2.2}\n",
		       "as for ssh");
	assert_refused("hypervisor: lxc\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: \"b; x\", underlay: 192.0.2.2}\n", "as for ssh");
	assert_refused(TWO "network: {subnet: 192.0.2.0/24}\n", "of the lab's own subnet");
	assert_refused("hypervisor: lxc\nnodes: 3\nhosts:\n  - {name: a, underlay: 192.0.2.1, nodes: 1-2}\n"
		       "  - {name: b, ssh: b, underlay: 192.0.2.2, nodes: 2-3}\n", "node2 is on host 1 already");
	assert_refused("hypervisor: lxc\nnodes: 3\nhosts:\n  - {name: a, underlay: 192.0.2.1, nodes: 1}\n"
		       "  - {name: b, ssh: b, underlay: 192.0.2.2, nodes: 2}\n", "node3 is on no host");
	assert_refused("hypervisor: lxc\nnodes: 3\nhosts:\n  - {name: a, underlay: 192.0.2.1, memory: 1GiB}\n"
		       "  - {name: b, ssh: b, underlay: 192.0.2.2, memory: 1GiB}\n", "it has 1GiB");
}

static const struct step *find_step(const struct plan *p, const char *id)
{
	for (unsigned i = 0; i < p->step_count; i++)
		if (!strcmp(p->steps[i].id, id))
			return &p->steps[i];
	fail_msg("there is no step %s", id);
	return NULL;
}

static bool waits_for(const struct plan *p, const struct step *s, const char *id)
{
	for (unsigned i = 0; i < s->after_count; i++)
		if (!strcmp(p->steps[s->after[i]].id, id))
			return true;
	return false;
}

/* What needs files of a node's host runs there, after that host can be reached; what goes over SSH runs here. */
static void steps_have_hosts(void **state)
{
	auto_(library_free) struct library *lib = NULL;
	auto_(lab_free) struct lab *lab = read_lab(TWO "nodes: 2\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(plan_free) struct plan *p = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(library_load(SOURCE_DIR, &lib, &e), 0);
	assert_int_equal(plan_create(lab, lib, &p, &e), 0);
	assert_int_equal(find_step(p, "node.disk/node1")->host, 0);
	assert_int_equal(find_step(p, "node.disk/node2")->host, 1);
	assert_int_equal(find_step(p, "net.create/b")->host, 1);
	assert_int_equal(find_step(p, "node.ready/node2")->host, 0);
	assert_true(waits_for(p, find_step(p, "node.disk/node2"), "image.copy/b"));
	assert_true(waits_for(p, find_step(p, "image.copy/b"), "image.build"));
	assert_true(waits_for(p, find_step(p, "node.start/node2"), "net.create/b"));
	assert_false(waits_for(p, find_step(p, "node.start/node2"), "net.create"));
	assert_true(waits_for(p, find_step(p, "node.start/node2"), "host.open/b"));
	assert_true(waits_for(p, find_step(p, "host.open/b"), "lab.prepare"));
}

/* A host that does not answer keeps nobody else from removing a part, but the record stays. */
static void destroy_is_by_host(void **state)
{
	static struct fact_domain left = { .name = "duo-old", .lab = "duo", .node = "old", .host = 1 };
	auto_(lab_free) struct lab *lab = read_lab(TWO "nodes: 2\n");
	auto_(plan_free) struct plan *p = NULL;
	struct facts facts = { .domains = &left, .domain_count = 1 };
	struct fail e = { 0 };

	(void)state;
	left.lab_uuid = lab->uuid;
	assert_int_equal(plan_destroy(lab, &facts, &(struct destroy_options){ 0 }, &p, &e), 0);
	assert_true(p->partial);
	assert_int_equal(find_step(p, "net.remove")->host, 0);
	assert_false(waits_for(p, find_step(p, "net.remove"), "node.stop/all/b"));
	assert_true(waits_for(p, find_step(p, "net.remove/b"), "node.stop/all/b"));
	assert_int_equal(find_step(p, "node.stop/domain:duo-old")->host, 1);
	assert_true(waits_for(p, find_step(p, "lab.remove"), "lab.remove/b"));
	assert_true(waits_for(p, find_step(p, "lab.remove/b"), "data.remove/node2"));
}

/* Each host serves the data of its own nodes, at its own address, and has the only path to them that it knows itself. */
static void machines_have_their_data_beside_them(void **state)
{
	auto_(library_free) struct library *lib = NULL;
	auto_(lab_free) struct lab *lab = read_lab(MACHINES "nodes: 2\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(plan_free) struct plan *p = NULL, *gone = NULL;
	auto_(lab_free) struct lab *unplaced = read_lab(MACHINES "nodes: 2\n");
	auto_(arena_free) struct arena *a = arena_new();
	struct facts facts = { 0 };
	struct fail e = { 0 };
	struct scope here, there;

	(void)state;
	assert_int_equal(host_address(unplaced, 1), 0); /* before a subnet is chosen */
	assert_int_equal(library_load(SOURCE_DIR, &lib, &e), 0);
	assert_int_equal(host_address(lab, 0), 10u << 24 | 88 << 16 | 1);
	assert_int_equal(host_address(lab, 1), 10u << 24 | 88 << 16 | 254);
	scope_init(&here, lab, &lab->nodes[0], -1, a);
	scope_init(&there, lab, &lab->nodes[1], -1, a);
	assert_string_equal(scope_value(&here, "data.source"), "10.88.0.1:/var/lib/labctl/labs/duo/data/node1");
	assert_string_equal(scope_value(&there, "data.source"), "10.88.0.254:" EXPORT_MARK "node2" PLACEHOLDER_END);
	assert_int_equal(plan_create(lab, lib, &p, &e), 0);
	assert_int_equal(find_step(p, "nfs.serve/b")->host, 1);
	assert_true(waits_for(p, find_step(p, "nfs.serve/b"), "data.create/node2"));
	assert_false(waits_for(p, find_step(p, "nfs.serve/b"), "data.create/node1"));
	assert_true(waits_for(p, find_step(p, "node.start/node2"), "net.reach/b"));
	assert_true(waits_for(p, find_step(p, "node.start/node1"), "net.reach"));
	assert_int_equal(plan_destroy(lab, &facts, &(struct destroy_options){ 0 }, &gone, &e), 0);
	assert_int_equal(find_step(gone, "nfs.stop/b")->host, 1);
	assert_true(waits_for(gone, find_step(gone, "nfs.stop/b"), "node.stop/all/b"));
	assert_true(waits_for(gone, find_step(gone, "data.remove/node2"), "nfs.stop/b"));
	assert_false(waits_for(gone, find_step(gone, "data.remove/node1"), "nfs.stop/b"));
}

/* The host of a node that leaves withdraws its export before the data are removed. */
static void a_machine_leaves_its_host(void **state)
{
	auto_(library_free) struct library *lib = NULL;
	auto_(lab_free) struct lab *has = read_lab(MACHINES "nodes: 4\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	const bool on[LAB_NODES_MAX] = { true, true, true, true };
	const struct node_remove o = { .gone = &has->nodes[3], .on = on, .said = "node remove node4" };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(library_load(SOURCE_DIR, &lib, &e), 0);
	assert_int_equal(lab_shrink(has, o.gone, &lab, &e), 0);
	assert_int_equal(plan_node_remove(lab, lib, &o, &p, &e), 0);
	assert_int_equal(find_step(p, "nfs.serve/b")->host, 1);
	assert_string_equal(find_step(p, "nfs.serve/b")->subject, "node4");
	assert_true(waits_for(p, find_step(p, "nfs.serve/b"), "node.remove/node4"));
	assert_true(waits_for(p, find_step(p, "data.remove/node4"), "nfs.serve/b"));
}

/* One DHCP server and one gateway per lab; what VXLAN cannot carry is never sent, by machines of both kinds. */
static void networks_have_one_gateway(void **state)
{
	auto_(library_free) struct library *lib = NULL;
	auto_(lab_free) struct lab *machines = read_lab(MACHINES "nodes: 2\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(lab_free) struct lab *cloud = read_lab(MACHINES "nodes: 2\nimage: /x/debian.qcow2\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(lab_free) struct lab *containers = read_lab(TWO "nodes: 2\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(arena_free) struct arena *a = arena_new();
	const struct seed_keys keys = { "private", "public", "user" };
	const struct payload_file *files;
	struct fail e = { 0 };
	unsigned count;
	const char *xml;

	(void)state;
	assert_int_equal(library_load(SOURCE_DIR, &lib, &e), 0);
	assert_int_equal(xml_network(machines, 0, lib, a, &xml, &e), 0);
	assert_true(strstr(xml, "<dhcp>") && strstr(xml, "<forward mode=\"nat\"/>") && strstr(xml, "<mtu size=\"1450\"/>"));
	assert_int_equal(xml_network(machines, 1, lib, a, &xml, &e), 0);
	assert_true(strstr(xml, "<ip address=\"10.88.0.254\" prefix=\"24\"/>") && strstr(xml, "<dns enable=\"no\"/>"));
	assert_true(strstr(xml, "<mac address=\"52:54:0a:58:00:fe\"/>") && !strstr(xml, "dhcp") && !strstr(xml, "forward"));
	assert_int_equal(xml_network(containers, 1, lib, a, &xml, &e), 0);
	assert_true(!strstr(xml, "<ip") && !strstr(xml, "<dns") && !strstr(xml, "<mac"));
	files = seed_files(machines, &machines->nodes[1], &keys, a, &count);
	for (unsigned i = 0; i < count; i++)
		if (strstr(files[i].path, "10-labctl.network"))
			assert_non_null(strstr(files[i].text, "MACAddress=52:54:0a:58:00:0c\n\n[Link]\nMTUBytes=1450\n\n[Network]\n"));
	files = seed_files(cloud, &cloud->nodes[1], &keys, a, &count);
	assert_int_equal(count, 3);
	assert_non_null(strstr(files[2].text, "\"mtu\": 1450"));
}

/* A new node goes where there is most room; the others stay where they are. */
static void grows(void **state)
{
	auto_(lab_free) struct lab *lab = read_lab(TWO "nodes: 4\nnetwork: {subnet: 10.88.7.0/24}\n");
	auto_(lab_free) struct lab *full = read_lab("hypervisor: lxc\nnodes: 2\ndefaults: {memory: 512MiB}\nhosts:\n"
						    "  - {name: a, underlay: 192.0.2.1, memory: 512MiB}\n"
						    "  - {name: b, ssh: b, underlay: 192.0.2.2, memory: 512MiB}\n");
	auto_(lab_free) struct lab *more = NULL, *less = NULL, *none = NULL;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_grow(lab, 2, NULL, &more, &e), 0);
	assert_nodes(more, 0, "node1,node3,node5");
	assert_nodes(more, 1, "node2,node4,node6");
	assert_int_equal(lab_shrink(more, &more->nodes[1], &less, &e), 0);
	assert_nodes(less, 0, "node1,node3,node5");
	assert_nodes(less, 1, "node4,node6");
	assert_int_equal(lab_grow(full, 1, NULL, &none, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_non_null(strstr(e.evidence, "need 1GiB, it has 512MiB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_come_and_go),   cmocka_unit_test(hosts_that_must_stay),
		cmocka_unit_test(one_host_by_default), cmocka_unit_test(ssh_can_be_changed), cmocka_unit_test(spreads),
		cmocka_unit_test(packs),               cmocka_unit_test(selects),
		cmocka_unit_test(prints_what_it_reads), cmocka_unit_test(refuses),
		cmocka_unit_test(steps_have_hosts),    cmocka_unit_test(destroy_is_by_host),
		cmocka_unit_test(machines_have_their_data_beside_them), cmocka_unit_test(networks_have_one_gateway),
		cmocka_unit_test(a_machine_leaves_its_host), cmocka_unit_test(grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
