/* SPDX-License-Identifier: PostgreSQL */
/* Names in templates: values, lists, secrets, quoting, and texts that nodes share. */
#include "test.h"

#include <string.h>

#include "lab.h"
#include "payload.h"
#include "recipe.h"
#include "scope.h"

static struct lab *lab;

static int open_lab(void **state)
{
	static const char yaml[] =
		"lab: demo\nnodes: 5\nhypervisor: kvm\n"
		"network: {subnet: 192.168.122.0/24, first_host: 171, domain: sky-mobi.com, hostname: \"db-@{ip.dashed}\"}\n"
		"defaults: {memory: 8GiB}\n"
		"data: {export_root: /data03, export_name: \"@{octet}\", mount: /data02}\n"
		"cluster:\n  kind: pgxc\n  settings: {datanode: {work_mem: 4MB}, coordinator: {jit: off}}\n"
		"  groups: [{name: g1, members: 3-4}]\n";
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct fail e = { 0 };

	(void)state;
	if (lab_parse(yaml, sizeof yaml - 1, "test.yaml", &o, &lab, &e) == 0)
		return 0;
	print_error("%s\n%s\n", e.text, e.evidence);
	return -1;
}

static int close_lab(void **state)
{
	(void)state;
	lab_free(lab);
	return 0;
}

static struct arena *a;

static int open_arena(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static const char *expand(unsigned node, const char *role, const char *text)
{
	struct scope s;
	struct fail e = { 0 };
	const char *out = NULL;

	scope_init(&s, lab, node ? &lab->nodes[node - 1] : NULL, role ? lab_role(lab, role) : -1, a);
	if (scope_expand_text(&s, "test", text, QUOTE_RAW, &out, &e) < 0)
		return arena_strdup(a, e.text);
	return out;
}

static void of_the_lab(void **state)
{
	(void)state;
	assert_string_equal(expand(0, NULL, "@{lab.name} @{lab.domain} @{subnet} @{subnet.prefix} @{gateway}"),
			    "demo sky-mobi.com 192.168.122.0/24 24 192.168.122.1");
	assert_string_equal(expand(0, NULL, "@{hypervisor} @{is_container} @{data.transport} @{data.mount} @{profile}"),
			    "kvm false nfs /data02 modern");
	assert_string_equal(expand(0, NULL, "@{user} @{superuser} @{database} @{prefix} @{build_prefix}"),
			    "pgxc postgres postgres /opt/pgxc /opt/pgxc_VERSION");
	assert_string_equal(expand(0, NULL, "@{timezone} @{locale} [@{ntp_server}]@{if ntp_server}x@{end}"),
			    "UTC en_US.UTF-8 []");
}

/* Values that depend on the system of the nodes: Debian here, unless the disk has another one. */
static void of_the_family(void **state)
{
	static const char yaml[] = "lab: old\nnodes: 2\nimage: {source: /a.img, release: %s}\n%s";
	static const char names[] = "@{family.release} @{family.name} @{family.package_manager} @{family.service_manager} "
				    "@{package.e4fsprogs} [@{package.growpart}] [@{service.hidd}] @{data.mount_options}";
	static const struct { const char *release, *more, *expected; } cases[] = {
		{ "debian12", "", "debian12 debian apt-get systemctl e2fsprogs [] [] vers=4.1,proto=tcp,hard" },
		{ "centos5", "", "el5 el5 yum chkconfig e4fsprogs [] [hidd] vers=3,proto=tcp,hard" },
		{ "el6", "", "el6 el6 yum chkconfig e2fsprogs [] [] vers=4,minorversion=1,proto=tcp,hard" },
		{ "el6", "data: {mount_options: 'soft,vers=4.2,ro'}", "el6 el6 yum chkconfig e2fsprogs [] [] soft,vers=4,minorversion=1,ro" },
		{ "el6", "data: {mount_options: 'proto=tcp'}", "el6 el6 yum chkconfig e2fsprogs [] [] proto=tcp" },
		{ "rocky9", "", "el9 el7plus yum systemctl e2fsprogs [cloud-utils-growpart] [] vers=4.1,proto=tcp,hard" },
	};
	struct lab *const kept = lab;

	(void)state;
	assert_string_equal(expand(0, NULL, names), cases[0].expected);
	assert_string_equal(expand(0, NULL, "@{family.nosuch}"), "test:1: unknown name family.nosuch");
	assert_string_equal(expand(0, NULL, "@{package.nosuch}"), "test:1: unknown name package.nosuch");
	assert_string_equal(expand(0, NULL, "@{service.nosuch}"), "test:1: unknown name service.nosuch");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *text = arena_printf(a, yaml, cases[i].release, cases[i].more);
		struct fail e = { 0 };

		assert_int_equal(lab_parse(text, strlen(text), "test.yaml", NULL, &lab, &e), 0);
		assert_string_equal(expand(0, NULL, names), cases[i].expected);
		lab_free(lab);
	}
	lab = kept;
}

static void of_the_node(void **state)
{
	(void)state;
	assert_string_equal(expand(1, NULL, "@{node.name} @{index} @{octet} @{ip} @{ip.dashed} @{hostname} @{fqdn}"),
			    "node1 1 171 192.168.122.171 192-168-122-171 db-192-168-122-171 "
			    "db-192-168-122-171.sky-mobi.com");
	assert_string_equal(expand(2, NULL, "@{data.source} @{address}"),
			    "192.168.122.1:/data03/172 db-192-168-122-172");
	/* With the walk-through's memory, the walk-through's sizes. */
	assert_string_equal(expand(1, NULL, "@{mem.8.16} @{mem.16.8} @{mem.1.64}"),
			    "1024MB 512MB 8192MB");
	assert_string_equal(expand(0, NULL, "@{ip}"), "test:1: unknown name ip");
}

static void small_memory(void **state)
{
	const uint64_t kept = lab->nodes[0].memory_mib;

	(void)state;
	lab->nodes[0].memory_mib = 50;
	assert_string_equal(expand(1, NULL, "@{mem.8.16} @{mem.16.8} @{mem.1.64}"),
			    "16MB 8MB 64MB");
	lab->nodes[0].memory_mib = 1023;
	assert_string_equal(expand(1, NULL, "@{mem.8.16}"), "127MB");
	lab->nodes[0].memory_mib = kept;
}

static void of_roles(void **state)
{
	(void)state;
	assert_string_equal(expand(4, "coordinator", "@{role} @{port} @{port.next} @{dir} @{nodename}"),
			    "coordinator 1921 1922 /data02/pgxc_coordinate coordinate_2");
	assert_string_equal(expand(4, NULL, "@{gtm.ip} @{gtm.port} @{datanode.count} @{datanode.nodename} @{gtm_standby.dir}"),
			    "192.168.122.171 1920 3 datanode_1 /data02/pgxc_gtm");
	assert_string_equal(expand(4, NULL, "@{role}"), "");
	assert_string_equal(expand(4, NULL, "@{port}"), "test:1: unknown name port");
	assert_string_equal(expand(4, NULL, "@{nosuch.ip}"), "test:1: unknown name nosuch.ip");
	assert_string_equal(expand(4, NULL, "@{gtm.nosuch}"), "test:1: unknown name gtm.nosuch");
}

static void limits(void **state)
{
	static struct setting pins[] = { { "coordinator", "max_connections", "300" }, { "coordinator", "max_datanodes", "70" } };
	struct setting *const kept = lab->cluster.settings;
	const unsigned kept_count = lab->cluster.setting_count;
	static const char all[] = "@{limit.coordinators} @{limit.datanodes} @{limit.pool} @{limit.backends} @{limit.prepared} @{limit.threads}";

	(void)state;
	/* The walk-through's numbers. */
	assert_string_equal(expand(0, NULL, all), "16 64 6416 1600 100 8");
	lab->cluster.settings = pins;
	lab->cluster.setting_count = ARRAY_COUNT(pins);
	assert_string_equal(expand(0, NULL, all), "16 70 21016 4800 300 8");
	lab->cluster.settings = kept;
	lab->cluster.setting_count = kept_count;
}

static void limits_of_a_large_lab(void **state)
{
	static const char yaml[] = "lab: large\nnodes: 100\nnetwork: {subnet: 10.9.0.0/24}\ncluster: {kind: pgxc}\n";
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct lab *const kept = lab;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(lab_parse(yaml, sizeof yaml - 1, "large.yaml", &o, &lab, &e), 0);
	assert_string_equal(expand(0, NULL, "@{limit.coordinators} @{limit.datanodes} @{limit.pool} @{limit.backends} @{limit.prepared} @{limit.threads}"),
			    "98 98 9898 9800 100 1");
	lab_free(lab);
	lab = kept;
}

static void roles_of_this_node(void **state)
{
	(void)state;
	assert_string_equal(expand(1, NULL, "@{self.gtm} @{self.gtm_proxy} @{if self.coordinator}x@{end}"), "true false ");
	assert_string_equal(expand(4, NULL, "@{self.gtm} @{self.gtm_proxy} @{if self.coordinator}x@{end}"), "false true x");
	assert_string_equal(expand(4, NULL, "@{self.nosuch}"), "test:1: unknown name self.nosuch");
	assert_string_equal(expand(0, NULL, "@{self.gtm}"), "test:1: unknown name self.gtm");
}

static void lists(void **state)
{
	(void)state;
	assert_string_equal(expand(4, NULL, "@{each node}@{peer.index}@{if peer.self}*@{end} @{end}"), "1 2 3 4* 5 ");
	assert_string_equal(expand(4, "coordinator", "@{each datanode}@{peer.nodename}:@{peer.port}:@{peer.first}:@{peer.self} @{end}"),
			    "datanode_1:1923:true:false datanode_2:1923:false:true datanode_3:1923:false:false ");
	assert_string_equal(expand(4, "datanode", "@{each setting}@{setting.key}=@{setting.value} @{end}"), "work_mem=4MB ");
	assert_string_equal(expand(4, "gtm", "[@{each setting}@{setting.key}@{end}]"), "[]");
	assert_string_equal(expand(4, "coordinator", "@{each group}@{group.name}: @{group.members}@{end}"),
			    "g1: \"datanode_1\",\"datanode_2\"");
	assert_string_equal(expand(4, NULL, "@{each nosuch}@{end}"), "test:1: unknown list nosuch");
	assert_string_equal(expand(4, NULL, "@{peer.ip}"), "test:1: unknown name peer.ip");
}

static void secrets(void **state)
{
	(void)state;
	assert_string_equal(expand(1, NULL, "@{secret.postgres:sql}"), "'" SECRET_MARK "postgres" PLACEHOLDER_END "'");
	/* A placeholder is quoted as its value may require. */
	assert_string_equal(expand(1, NULL, "@{secret.postgres:sh}"), "'" SECRET_MARK "postgres" PLACEHOLDER_END "'");
	assert_string_equal(expand(1, NULL, "@{secret.nosuch}"), "test:1: unknown name secret.nosuch");
}

static void kinds_are_demanded(void **state)
{
	struct fail e = { 0 };
	const char *out;
	struct scope s;

	(void)state;
	scope_init(&s, lab, &lab->nodes[3], lab_role(lab, "datanode"), a);
	assert_int_equal(scope_bare("x.sh"), QUOTE_COUNT);
	assert_int_equal(scope_bare("x.sql"), QUOTE_COUNT);
	assert_int_equal(scope_bare("x.conf"), QUOTE_RAW);
	assert_int_equal(scope_expand_text(&s, "x.sh", "a\n@{dir}\n", QUOTE_COUNT, &out, &e), -1);
	assert_string_equal(e.text, "x.sh:2: missing kind of quoting (@{name:sh}, :sql, :ident...) of dir");
	assert_int_equal(scope_expand_text(&s, "x.sh", "@{if user}@{dir:sh}@{else}@{end} @{port} @{gtm.port} @@{dir}",
					   QUOTE_COUNT, &out, &e), 0);
	assert_string_equal(out, "/data02/pgxc_datanode 1923 1920 @{dir}");
	assert_int_equal(scope_expand_text(&s, "x.sh", "@{nodename}", QUOTE_COUNT, &out, &e), -1);
}

static void shared_texts(void **state)
{
	struct scope_cache cache = { .arena = a };
	auto_(library_free) struct library *lib = NULL;
	const char *first, *second;
	struct fail e = { 0 };
	struct scope s;

	(void)state;
	assert_int_equal(library_load(SOURCE_DIR, &lib, &e), 0);
	for (unsigned i = 0; i < 2; i++) {
		scope_init(&s, lab, &lab->nodes[i], -1, a);
		s.cache = &cache;
		assert_int_equal(scope_expand(&s, lib, "tuning/os/classic/hosts", QUOTE_RAW, i ? &second : &first, &e), 0);
	}
	assert_ptr_equal(first, second);
	assert_non_null(strstr(first, "192.168.122.175 db-192-168-122-175.sky-mobi.com db-192-168-122-175\n"));
	for (unsigned i = 0; i < 2; i++) {
		scope_init(&s, lab, &lab->nodes[i], -1, a);
		s.cache = &cache;
		assert_int_equal(scope_expand(&s, lib, "tuning/os/common/data_nfs.sh", QUOTE_COUNT, i ? &second : &first, &e), 0);
		assert_true(s.used_node);
	}
	assert_string_not_equal(first, second);
	assert_int_equal(scope_expand(&s, lib, "tuning/nosuch", QUOTE_RAW, &first, &e), -1);
}

int main(void)
{
#define IN_ARENA(f) cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
	const struct CMUnitTest tests[] = {
		IN_ARENA(of_the_lab), IN_ARENA(of_the_family), IN_ARENA(of_the_node), IN_ARENA(small_memory),       IN_ARENA(of_roles),
		IN_ARENA(lists),      IN_ARENA(secrets),     IN_ARENA(kinds_are_demanded), IN_ARENA(shared_texts),
		IN_ARENA(limits),     IN_ARENA(limits_of_a_large_lab), IN_ARENA(roles_of_this_node),
	};

	return cmocka_run_group_tests_name("scope", tests, open_lab, close_lab);
}
