/* SPDX-License-Identifier: PostgreSQL */
/* XML of domains and networks: values never become markup, and tags can be read back. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "inputs.h"
#include "virt.h"
#include "xml.h"

static const struct node_paths paths = { .disk = "/s/<disk> & \"co\".qcow2", .base = "/c/disk.qcow2", .seed = "/s/seed.img", .root = "/s/root",
					 .console = "/s/console.log", .kernel = "/s/vmlinuz", .initrd = "/s/initrd.img" };

static void domains(void **state)
{
	static const char *const labs[] = { "lab: d\nhypervisor: kvm\n", "lab: d\nhypervisor: qemu\n",
					    "lab: d\nhypervisor: lxc\n" };
	static const char *const types[] = { "<domain type=\"kvm\">", "<domain type=\"qemu\">", "<domain type=\"lxc\">" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		auto_(lab_free) struct lab *lab = parse(labs[i]);
		auto_(arena_free) struct arena *a = arena_new();
		struct virt_tag tag = { 0 };
		struct fail e = { 0 };
		const char *xml;

		assert_int_equal(xml_domain(lab, &lab->nodes[0], &paths, lib, a, &xml, &e), 0);
		assert_int_equal(strncmp(xml, types[i], strlen(types[i])), 0);
		assert_null(strstr(xml, "@{"));
		assert_non_null(strstr(xml, "<name>d-node1</name>"));
		assert_non_null(strstr(xml, "<memory unit=\"KiB\">1048576</memory>"));
		assert_non_null(strstr(xml, "<mac address=\"52:54:0a:58:00:0b\"/>"));
		assert_non_null(strstr(xml, "<source network=\"labctl-d\"/>"));
		assert_non_null(strstr(xml, arena_printf(a, "<target dev=\"%s-1\"/>", lab->net.bridge)));
		assert_non_null(strstr(xml, lab->nodes[0].uuid));
		if (i < 2) {
			assert_non_null(strstr(xml, "/s/&lt;disk&gt; &amp; &quot;co&quot;.qcow2"));
			assert_non_null(strstr(xml, "<kernel>/s/vmlinuz</kernel>"));
			/* libvirt leaves the image's owner alone */
			assert_non_null(strstr(xml, "<source file=\"/c/disk.qcow2\">\n          <seclabel model=\"dac\" relabel=\"no\"/>"));
		} else {
			assert_non_null(strstr(xml, "<source dir=\"/s/root\"/>"));
		}
		assert_true(virt_read_tag(xml, a, &tag));
		assert_string_equal(tag.lab, "d");
		assert_string_equal(tag.lab_uuid, lab->uuid);
		assert_string_equal(tag.node, "node1");
	}
}

/* A machine with the disk of another lab disables what was that lab's before its init; a container and a disk that boots itself cannot. */
static void a_copied_disk(void **state)
{
	static const struct { const char *lab; bool forgets; } rows[] = { { "lab: d\nhypervisor: kvm\n", true },
		{ "lab: d\nhypervisor: qemu\ndata: {mount: /srv/pg}\n", true }, { "lab: d\nhypervisor: qemu\nimage: /srv/debian12.qcow2\n", false } };
	struct node_paths copied = paths;

	(void)state;
	copied.copied = true;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		auto_(lab_free) struct lab *lab = parse(rows[i].lab);
		auto_(arena_free) struct arena *a = arena_new();
		struct fail e = { 0 };
		const char *xml, *found;

		assert_int_equal(xml_domain(lab, &lab->nodes[0], &copied, lib, a, &xml, &e), 0);
		found = strstr(xml, arena_printf(a, " init=/bin/sh -- -c \"grep -qs %s /etc/labctl-id || {", lab->uuid));
		assert_true(!!found == rows[i].forgets);
		if (!found)
			continue;
		assert_non_null(strstr(found, arena_printf(a, ", %s nfs ,d' /etc/fstab; }; exec /sbin/init\"</cmdline>", lab->data.mount)));
		assert_int_equal(xml_domain(lab, &lab->nodes[0], &paths, lib, a, &xml, &e), 0);
		assert_null(strstr(xml, "init="));
	}
}

/* A node whose neighbour was removed keeps its link: another one may get the neighbour's position. */
static void a_link_stays(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: d\nnodes: [{name: node1}, {name: node5, address: 10.88.0.15}, {name: node6, address: 10.88.0.16}]\n"
						"hypervisor: lxc\nnetwork: {subnet: 10.88.0.0/24}\n");
	auto_(arena_free) struct arena *a = arena_new();
	static const unsigned numbers[] = { 1, 5, 6 };
	struct fail e = { 0 };
	const char *xml;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(xml_domain(lab, &lab->nodes[i], &paths, lib, a, &xml, &e), 0);
		assert_non_null(strstr(xml, arena_printf(a, "<target dev=\"%s-%u\"/>", lab->net.bridge, numbers[i])));
	}
}

/* The kernel allows 15 characters. */
static void the_last_link(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: d\nnodes: 1024\nhypervisor: lxc\nnetwork: {subnet: 10.88.0.0/21}\n");
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	const char *xml, *link;

	(void)state;
	assert_int_equal(xml_domain(lab, &lab->nodes[1023], &paths, lib, a, &xml, &e), 0);
	link = arena_printf(a, "%s0400", lab->net.bridge);
	assert_int_equal(strlen(link), 15);
	assert_non_null(strstr(xml, arena_printf(a, "<target dev=\"%s\"/>", link)));
}

/* A domain of a foreign disk has no kernel element, whatever the template says. */
static void disks(void **state)
{
	static const struct { const char *yaml, *has, *has_not; } cases[] = {
		{ "hypervisor: kvm\nimage: /a.img\n", "<cpu mode=\"host-passthrough\"", "firmware" },
		{ "hypervisor: qemu\nimage: /a.img\n", "<cpu mode=\"maximum\" check=\"none\"/>", "firmware" },
		{ "hypervisor: kvm\nimage: {source: /a.img, boot: uefi}\n", "<os firmware=\"efi\">", "useserial" },
		{ "hypervisor: qemu\nimage: {source: /a.img, boot: uefi}\n", "<feature name=\"secure-boot\" enabled=\"no\"/>", "<bios" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(lab_free) struct lab *lab = parse(cases[i].yaml);
		auto_(arena_free) struct arena *a = arena_new();
		struct fail e = { 0 };
		const char *xml;

		assert_int_equal(xml_domain(lab, &lab->nodes[0], &paths, lib, a, &xml, &e), 0);
		assert_non_null(strstr(xml, cases[i].has));
		assert_null(strstr(xml, cases[i].has_not));
		assert_non_null(strstr(xml, "<boot dev=\"hd\"/>"));
		assert_null(strstr(xml, "vmlinuz"));
		assert_null(strstr(xml, "initrd"));
		assert_null(strstr(xml, "cmdline"));
	}
}

static void cpu_quota(void **state)
{
	static const struct { const char *yaml, *has; } cases[] = {
		{ "hypervisor: lxc\ndefaults: {cpu_quota: 25}\n", "<quota>25000</quota>" },
		{ "hypervisor: kvm\ndefaults: {cpu_quota: 150}\n", "<global_quota>150000</global_quota>" },
		{ "hypervisor: lxc\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(lab_free) struct lab *lab = parse(cases[i].yaml);
		auto_(arena_free) struct arena *a = arena_new();
		struct fail e = { 0 };
		const char *xml;

		assert_int_equal(xml_domain(lab, &lab->nodes[0], &paths, lib, a, &xml, &e), 0);
		assert_true(cases[i].has ? strstr(xml, cases[i].has) != NULL : !strstr(xml, "cputune"));
	}
}

static void network(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: d\nnodes: 2\nnetwork: {domain: x.test}\n");
	auto_(arena_free) struct arena *a = arena_new();
	struct virt_tag tag = { 0 };
	struct fail e = { 0 };
	const char *xml;

	(void)state;
	assert_int_equal(xml_network(lab, 0, lib, a, &xml, &e), 0);
	assert_null(strstr(xml, "@{"));
	assert_non_null(strstr(xml, "<name>labctl-d</name>"));
	assert_non_null(strstr(xml, lab->net.bridge));
	assert_non_null(strstr(xml, "<ip address=\"10.88.0.1\" prefix=\"24\">"));
	assert_non_null(strstr(xml, "<host mac=\"52:54:0a:58:00:0c\" name=\"node2\" ip=\"10.88.0.12\"/>"));
	assert_non_null(strstr(xml, "<host ip=\"10.88.0.12\">"));
	assert_non_null(strstr(xml, "<hostname>node2.x.test</hostname>"));
	assert_true(virt_read_tag(xml, a, &tag));
	assert_string_equal(tag.lab_uuid, lab->uuid);
	assert_null(tag.node);
}

static void tags(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct virt_tag tag;

	(void)state;
	assert_false(virt_read_tag("<domain><name>x</name></domain>", a, &tag));
	assert_false(virt_read_tag("<domain><name>x</name>", a, &tag));
	assert_false(virt_read_tag("", a, &tag));
	assert_false(virt_read_tag("<domain><metadata><lab name='x'/></metadata></domain>", a, &tag));
	/* Tags count only inside metadata. */
	assert_false(virt_read_tag("<domain><x><l:lab xmlns:l='https://labctl.invalid/lab/1' name='x' uuid='u'/></x></domain>", a, &tag));
	assert_true(virt_read_tag("<domain><metadata><a/><l:lab xmlns:l='https://labctl.invalid/lab/1' name='x' uuid='u'/>"
				 "</metadata></domain>", a, &tag));
	assert_string_equal(tag.lab, "x");
	assert_null(tag.node);
}

static void *worker(void *ctx)
{
	struct lab *lab = ctx;

	for (unsigned i = 0; i < 50; i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct virt_tag tag;
		struct fail e = { 0 };
		const char *xml;

		if (xml_domain(lab, &lab->nodes[0], &paths, lib, a, &xml, &e) < 0 || !virt_read_tag(xml, a, &tag))
			return ctx;
	}
	return NULL;
}

static void threads(void **state)
{
	auto_(lab_free) struct lab *lab = parse("lab: d\n");
	pthread_t t[4];
	void *bad;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, worker, lab), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(threads), cmocka_unit_test(domains), cmocka_unit_test(a_copied_disk), cmocka_unit_test(a_link_stays), cmocka_unit_test(the_last_link),
					    cmocka_unit_test(disks), cmocka_unit_test(cpu_quota),
					    cmocka_unit_test(network), cmocka_unit_test(tags) };

	return cmocka_run_group_tests_name("xml", tests, open_library, close_library);
}
