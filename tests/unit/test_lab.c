/* SPDX-License-Identifier: PostgreSQL */
/* struct lab: defaults, derived names, printing and reading back, examples, limits. Bad files: tests/golden/test_labfile.c. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "lab.h"
#include "lab_source.h"
#include "recipe.h"


static struct lab *parse(const char *text, const struct lab_options *o)
{
	struct lab *lab = NULL;
	struct fail e = {0};

	if (lab_parse(text, strlen(text), "test.yaml", o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

static struct lab *load(const char *example)
{
	auto_(strbuf_clear) struct strbuf path = {0};
	struct lab *lab = NULL;
	struct fail e = {0};

	strbuf_printf(&path, "%s/docs/examples/%s", SOURCE_DIR, example);
	if (lab_load(path.text, NULL, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	return lab;
}

static void assert_place(const struct lab *lab, const char *role, const char *nodes)
{
	auto_(strbuf_clear) struct strbuf on = {0};
	int number = lab_role(lab, role);

	assert_true(number >= 0);
	for (unsigned i = 0; i < lab->node_count; i++)
		if (node_has_role(&lab->nodes[i], number))
			strbuf_printf(&on, "%s%u", on.len ? "," : "", i + 1);
	assert_string_equal(strbuf_text(&on), nodes);
}

static void empty_file_is_a_lab(void **state)
{
	auto_(lab_free) struct lab *lab = parse("", NULL);
	const struct node *n = &lab->nodes[0];

	(void)state;
	assert_string_equal(lab->name, "lab");
	assert_int_equal(lab->hypervisor, HYPERVISOR_AUTO);
	assert_string_equal(lab->image, "debian12");
	assert_int_equal(lab->node_count, 1);
	assert_string_equal(n->name, "node1");
	assert_string_equal(n->fqdn, "node1.lab.internal");
	assert_string_equal(n->domain, "lab-node1");
	assert_int_equal(n->cpus, 1);
	assert_int_equal(n->memory_mib, 1024);
	assert_int_equal(n->disk_gib, 20);
	assert_int_equal(n->ip, 0);
	assert_string_equal(n->export_dir, "/var/lib/labctl/labs/lab/data/node1");
	assert_string_equal(lab->data.mount, "/data");
	assert_string_equal(lab->tuning.profile, "modern");
	assert_string_equal(lab->tuning.timezone, "UTC");
	assert_null(lab->tuning.ntp_server);
	assert_null(lab->cluster.recipe);
	assert_int_equal(strlen(lab->uuid), 36);
	assert_int_equal(strlen(lab->net.bridge), 11);
	assert_memory_equal(lab->net.bridge + 3, lab->uuid, 8);
}

/* Records of labs made before the profiles were renamed. */
static void former_names_of_profiles(void **state)
{
	static const char *const names[][2] = { { "modern", "modern" }, { "seed", "classic" }, { "classic", "classic" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char yaml[64];

		snprintf(yaml, sizeof yaml, "lab: old\ntuning: {profile: %s}\n", names[i][0]);
		auto_(lab_free) struct lab *lab = parse(yaml, NULL);
		assert_string_equal(lab->tuning.profile, names[i][1]);
	}
}

static void options_override(void **state)
{
	struct lab_options o = { .name = "other", .node_count = 4, .kind = "pgxc", .archive = "/x.tar.gz",
				 .hypervisor = HYPERVISOR_LXC, .state_dir = "/s" };
	auto_(lab_free) struct lab *lab = parse("{lab: a, nodes: 2}", &o);

	(void)state;
	assert_string_equal(lab->name, "other");
	assert_int_equal(lab->node_count, 4);
	assert_int_equal(lab->hypervisor, HYPERVISOR_LXC);
	assert_string_equal(lab->cluster.recipe->kind, "pgxc");
	assert_string_equal(lab->cluster.archive, "/x.tar.gz");
	assert_string_equal(lab->nodes[3].export_dir, "/s/labs/other/data/node4");
	assert_place(lab, "coordinator", "3,4");
}

static void leased_subnet(void **state)
{
	auto_(lab_free) struct lab *lab =
		parse("{nodes: 3, network: {hostname: 'h-@{ip.dashed}'}, data: {export_root: /e, export_name: '@{octet}'}}", NULL);
	auto_(lab_free) struct lab *small = parse("{nodes: 5, network: {subnet: 10.0.0.8/29}}", NULL);

	(void)state;
	lab_set_subnet(lab, 0x0a580500, 24);
	assert_string_equal(lab->nodes[2].ip_text, "10.88.5.13");
	assert_string_equal(lab->nodes[2].mac, "52:54:0a:58:05:0d");
	assert_string_equal(lab->nodes[2].fqdn, "h-10-88-5-13.lab.internal");
	assert_string_equal(lab->nodes[2].export_dir, "/e/13");
	assert_int_equal(lab->net.gateway, 0x0a580501);
	assert_string_equal(small->nodes[0].ip_text, "10.0.0.10");
	assert_string_equal(small->nodes[4].ip_text, "10.0.0.14");
}

/* create, a dry run and reading the record use the same subnet. */
static void a_subnet_holds_its_nodes(void **state)
{
	static const struct { const char *text; unsigned prefix_len; } rows[] = {
		{ "nodes: 1", 24 }, { "nodes: 244", 24 }, { "nodes: 245", 23 }, { "nodes: 300", 23 }, { "nodes: 1024", 21 },
		{ "{nodes: 100, network: {first_host: 200}}", 23 }, { "{nodes: 300, network: {subnet: 10.0.0.0/20}}", 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		auto_(lab_free) struct lab *lab = parse(rows[i].text, NULL);
		auto_(strbuf_clear) struct strbuf text = {0};

		assert_int_equal(lab_prefix_len(lab), rows[i].prefix_len);
		if (!lab->net.subnet)
			lab_set_subnet(lab, 0x0a580000, lab_prefix_len(lab));
		lab_print(lab, &text);
		lab_free(parse(text.text, NULL));
	}
}

static void assert_round_trip(struct lab *lab)
{
	auto_(strbuf_clear) struct strbuf first = {0}, second = {0};
	auto_(lab_free) struct lab *again = NULL;

	lab_print(lab, &first);
	again = parse(strbuf_text(&first), NULL);
	lab_print(again, &second);
	assert_string_equal(strbuf_text(&first), strbuf_text(&second));
	assert_int_equal(again->node_count, lab->node_count);
	for (unsigned i = 0; i < lab->node_count; i++) {
		assert_string_equal(again->nodes[i].ip_text, lab->nodes[i].ip_text);
		assert_string_equal(again->nodes[i].fqdn, lab->nodes[i].fqdn);
		assert_string_equal(again->nodes[i].export_dir, lab->nodes[i].export_dir);
		assert_string_equal(again->nodes[i].uuid, lab->nodes[i].uuid);
		assert_int_equal(again->nodes[i].roles, lab->nodes[i].roles);
	}
}

/* Without a word about it: the image of the first row of src/model/platform.c that has the cluster. */
static void default_images(void **state)
{
	static const char *const cases[][2] = {
		{ "nodes: 8", "debian12" },
		{ "cluster: {kind: postgres}", "debian13" },
		{ "cluster: {kind: pgxc}", "debian12" },
		{ "cluster: {kind: citus}", "debian13" },
		{ "cluster: {kind: citus}\nsources: {citus: /a/citus-12.1.9.tar.gz}", "debian12" },
		{ "cluster: {kind: citus}\nsources: {pgxc: /a/pgxc-v1.1.0.tar.gz}", "debian13" },
		{ "cluster: {kind: citus, source: {archive: /a/citus-14.0.1.tar.gz}}", "debian13" },
		{ "cluster: {kind: citus, source: {archive: /a/citus-12.1.12.tar.gz}}", "debian12" },
		{ "cluster: {kind: citus, source: {archive: /a/citus-13.2.2.tar.gz}}", "debian13" },
		{ "image: debian12\ncluster: {kind: postgres}", "debian12" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct lab *lab = parse(cases[i][0], NULL);

		assert_string_equal(lab->image, cases[i][1]);
		lab_free(lab);
	}
}

static void images(void **state)
{
	static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct { const char *yaml, *option, *image; bool sha256; enum boot boot; } cases[] = {
		{ "image: debian12", NULL, "debian12", false, BOOT_BIOS },
		{ "image: disks/a.qcow2", NULL, "/labs/disks/a.qcow2", false, BOOT_BIOS },
		{ "image: ./a.qcow2", NULL, "/labs/a.qcow2", false, BOOT_BIOS },
		{ "image: 'https://x.test/a.qcow2?b=c d'", NULL, "https://x.test/a.qcow2?b=c d", false, BOOT_BIOS },
		{ "image: {source: a.img, boot: uefi}", NULL, "/labs/a.img", false, BOOT_UEFI },
		{ "image: {source: /a.img, boot: uefi, sha256: %s}", NULL, "/a.img", true, BOOT_UEFI },
		{ "image: {source: /a.img, boot: uefi, sha256: %s}", "/b.img", "/b.img", false, BOOT_UEFI },
		{ "image: {source: /a.img, sha256: %s}", "/a.img", "/a.img", true, BOOT_BIOS },
		{ "image: {source: /a.img, sha256: %s, boot: uefi}", "debian12", "debian12", false, BOOT_BIOS },
		{ "", "/b.img", "/b.img", false, BOOT_BIOS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct lab_options o = { .image = cases[i].option };
		const char *mark = strstr(cases[i].yaml, "%s");
		const char *text = mark ? arena_printf(a, "%.*s%s%s", (int)(mark - cases[i].yaml), cases[i].yaml, digest, mark + 2)
					: cases[i].yaml;
		struct lab *lab = NULL;
		struct fail e = { 0 };

		if (lab_parse(text, strlen(text), "/labs/x.yaml", &o, &lab, &e) < 0)
			fail_msg("%s: %s\n%s", text, e.text, e.evidence);
		assert_string_equal(lab->image, cases[i].image);
		assert_int_equal(lab_boots_disk(lab), strchr(cases[i].image, '/') != NULL);
		assert_int_equal(lab->disk_image.sha256 != NULL, cases[i].sha256);
		assert_int_equal(lab->disk_image.boot, cases[i].boot);
		assert_round_trip(lab);
		lab_free(lab);
	}
}

static void prints_what_it_reads(void **state)
{
	static const char *const texts[] = {
		"",
		"{lab: a, nodes: 7, cluster: {kind: pgxc}}",
		"{nodes: 1, cluster: {kind: pgxc}}",
		"{nodes: 2, cluster: {kind: pgxc, address: ip, source: {archive: 'http://h/a \"b\\c.tgz'}}}",
		"{network: {subnet: 10.0.0.0/24}, nodes: [{name: x, memory: 3GiB}, {address: 10.0.0.200}, {name: 'null'}]}",
		"{nodes: 4, cluster: {kind: postgres, standby: none, settings: {primary: {a.b: \"'x # y'\", c: \"~\"}}}}",
		"{nodes: 5, cluster: {kind: pgxc, groups: [{name: g, members: 'datanode_1,node5'}, {name: h, members: [4]}]}}",
		"{nodes: 3, cluster: {kind: citus, users: [{name: web}, {name: v, databases: [a, 'b.c', '7'], access: read}]}}",
		"{tuning: {ntp_server: 'on'}, hypervisor: lxc, data: {transport: filesystem, server: ganesha}}",
	};
	static const char *const examples[] = { "minimal.yaml", "postgres-3.yaml", "pgxc-8.yaml" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(texts); i++) {
		auto_(lab_free) struct lab *lab = parse(texts[i], NULL);

		assert_round_trip(lab);
		if (!lab->net.subnet)
			lab_set_subnet(lab, 0x0a580500, 24);
		assert_round_trip(lab);
	}
	auto_(lab_free) struct lab *large =
		parse("{nodes: 1024, cluster: {kind: pgxc, groups: [{name: g, members: 3-}]}}", NULL);
	assert_round_trip(large);
	for (unsigned i = 0; i < ARRAY_COUNT(examples); i++) {
		auto_(lab_free) struct lab *lab = load(examples[i]);

		assert_round_trip(lab);
	}
}

/* Values that the example takes from the walk-through. */
static void walkthrough_to_the_letter(void **state)
{
	auto_(lab_free) struct lab *lab = load("pgxc-8.yaml");
	const struct cluster *c = &lab->cluster;
	char name[64];

	(void)state;
	assert_int_equal(lab->node_count, 8);
	for (unsigned i = 0; i < 8; i++) {
		const struct node *n = &lab->nodes[i];
		char text[64];

		snprintf(text, sizeof text, "192.168.122.%u", 171 + i);
		assert_string_equal(n->ip_text, text);
		snprintf(text, sizeof text, "db-192-168-122-%u.sky-mobi.com", 171 + i);
		assert_string_equal(n->fqdn, text);
		snprintf(text, sizeof text, "/data03/%u", 171 + i);
		assert_string_equal(n->export_dir, text);
		assert_int_equal(n->cpus, 1);
		assert_int_equal(n->memory_mib, 8192);
	}
	assert_string_equal(lab->data.mount, "/data02");
	assert_string_equal(lab->data.options, "rw,no_root_squash,sync");
	assert_int_equal(lab->data.transport, TRANSPORT_NFS);
	assert_string_equal(lab->tuning.profile, "classic");
	assert_string_equal(lab->tuning.timezone, "Asia/Shanghai");
	assert_string_equal(lab->tuning.ntp_server, "asia.pool.ntp.org");
	assert_true(c->by_ip);
	assert_false(c->no_restart);
	assert_string_equal(c->user, "pgxc");
	assert_string_equal(c->configure,
			    "--with-pgport=1921 --with-perl --with-python --with-tcl --with-openssl --with-pam "
			    "--without-ldap --with-libxml --with-libxslt --enable-thread-safety --with-wal-blocksize=16 "
			    "--enable-debug");
	assert_string_equal(c->configure, c->recipe->configure);
	assert_string_equal(c->archive, SOURCE_DIR "/docs/examples/pgxc-v1.0.2.tar.gz");
	assert_place(lab, "gtm", "1");
	assert_place(lab, "gtm_standby", "2");
	assert_place(lab, "gtm_proxy", "3,4,5,6,7,8");
	assert_place(lab, "datanode", "3,4,5,6,7,8");
	assert_place(lab, "coordinator", "3,4,5,6,7,8");
	static const struct { const char *role; unsigned port; const char *dir, *name; } want[] = {
		{ "gtm", 1921, "/data02/pgxc_gtm", "" },
		{ "gtm_standby", 1921, "/data02/pgxc_gtm", "" },
		{ "gtm_proxy", 1924, "/data02/pgxc_gtm_proxy", "6" },
		{ "datanode", 1923, "/data02/pgxc_datanode", "datanode_6" },
		{ "coordinator", 1921, "/data02/pgxc_coordinate", "coordinate_6" },
	};
	for (unsigned i = 0; i < ARRAY_COUNT(want); i++) {
		int role = lab_role(lab, want[i].role);

		assert_int_equal(c->places[role].port, want[i].port);
		assert_string_equal(c->places[role].dir, want[i].dir);
		lab_role_name(lab, &lab->nodes[7], role, name);
		assert_string_equal(name, want[i].name);
	}
	lab_role_name(lab, &lab->nodes[0], lab_role(lab, "gtm"), name);
	assert_string_equal(name, "one");
	lab_role_name(lab, &lab->nodes[1], lab_role(lab, "gtm_standby"), name);
	assert_string_equal(name, "two");
}

/* Servers restart after a crash unless the lab file says otherwise; the saved lab keeps the setting. */
static void restart(void **state)
{
	auto_(lab_free) struct lab *usual = parse("{nodes: 2, cluster: {kind: postgres}}", NULL);
	auto_(lab_free) struct lab *off = parse("{nodes: 2, cluster: {kind: postgres, restart: false}}", NULL);
	auto_(lab_free) struct lab *saved = NULL;
	auto_(strbuf_clear) struct strbuf text = {0};

	(void)state;
	assert_false(usual->cluster.no_restart);
	assert_true(off->cluster.no_restart);
	lab_print(off, &text);
	saved = parse(strbuf_text(&text), NULL);
	assert_true(saved->cluster.no_restart);
}

static void default_places(void **state)
{
	static const struct { const char *text, *gtm, *standby, *proxy; } rows[] = {
		{ "{nodes: 1, cluster: {kind: pgxc}}", "1", "", "1" },
		{ "{nodes: 2, cluster: {kind: pgxc}}", "1", "", "2" },
		{ "{nodes: 3, cluster: {kind: pgxc}}", "1", "2", "3" },
		{ "{nodes: 5, cluster: {kind: pgxc}}", "1", "2", "3,4,5" },
		{ "{nodes: 5, cluster: {kind: pgxc, gtm_standby: none}}", "1", "", "3,4,5" },
		{ "{nodes: 5, cluster: {kind: pgxc, data_nodes: 4-, gtm: node3}}", "3", "2", "4,5" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		auto_(lab_free) struct lab *lab = parse(rows[i].text, NULL);

		assert_place(lab, "gtm", rows[i].gtm);
		assert_place(lab, "gtm_standby", rows[i].standby);
		assert_place(lab, "gtm_proxy", rows[i].proxy);
		assert_place(lab, "datanode", rows[i].proxy);
		assert_place(lab, "coordinator", rows[i].proxy);
	}
}

static void cluster_later(void **state)
{
	auto_(lab_free) struct lab *lab = parse("{nodes: 3}", NULL);
	struct fail e = {0};

	(void)state;
	assert_int_equal(lab_set_cluster(lab, "mysql", NULL, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_int_equal(lab_set_cluster(lab, "postgres", "/a.tgz", &e), -1); /* this kind is not built from source */
	assert_int_equal(e.code, FAIL_LAB);
	assert_null(lab->cluster.recipe);
	assert_int_equal(lab->nodes[0].roles, 0);
	assert_int_equal(lab_set_cluster(lab, "postgres", NULL, &e), 0);
	assert_place(lab, "primary", "1");
	assert_place(lab, "standby", "2,3");
	assert_int_equal(lab_set_cluster(lab, "postgres", NULL, &e), 0);
	assert_int_equal(lab_set_cluster(lab, "pgxc", NULL, &e), -1);
}

static void users_of_the_databases(void **state)
{
	struct lab *lab =
		parse("{nodes: 3, cluster: {kind: citus, users: [{name: webapp}, {name: viewer, databases: [gis, osm-2], access: read}]}}", NULL);
	auto_(strbuf_clear) struct strbuf out = { 0 };

	(void)state;
	assert_int_equal(lab->cluster.user_count, 2);
	assert_null(lab->cluster.users[0].databases);
	assert_false(lab->cluster.users[0].reads_only);
	assert_string_equal(lab->cluster.users[1].databases, "gis,osm-2");
	assert_true(db_user_find(&lab->cluster, "viewer")->reads_only);
	lab_print(lab, &out);
	assert_non_null(strstr(strbuf_text(&out), "    - {name: viewer, databases: "));
	lab_free(lab);
}

static void groups_become_node_names(void **state)
{
	auto_(lab_free) struct lab *lab =
		parse("{nodes: 5, cluster: {kind: pgxc, groups: [{name: g, members: 'datanode_3,3'}]}}", NULL);

	(void)state;
	assert_string_equal(lab->cluster.groups[0].members, "node3,node5");
}

static void conflicts_of_options(void **state)
{
	struct lab_options count = { .node_count = 3 }, kind = { .kind = "postgres" }, name = { .name = "A B" };
	const char *listed = "nodes: [{}, {}]", *pgxc = "cluster: {kind: pgxc}";
	struct lab *lab = NULL;
	struct fail e = {0};

	(void)state;
	assert_int_equal(lab_parse(listed, strlen(listed), "f", &count, &lab, &e), -1);
	assert_int_equal(lab_parse(pgxc, strlen(pgxc), "f", &kind, &lab, &e), -1);
	assert_non_null(strstr(e.text, "the lab file says pgxc"));
	assert_int_equal(lab_load(NULL, &name, &lab, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_int_equal(lab_load("/nonexistent.yaml", NULL, &lab, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_null(lab);
}

static void sizes_and_addresses(void **state)
{
	uint64_t mib = 0;
	uint32_t ip = 0;
	char text[16];

	(void)state;
	assert_true(size_parse_mib("8GiB", &mib) && mib == 8192);
	assert_true(size_parse_mib("512MiB", &mib) && mib == 512);
	assert_true(size_parse_mib("1024MB", &mib) && mib == 1024);
	assert_true(size_parse_mib("2TB", &mib) && mib == 2u << 20);
	static const char *const bad[] = { "", "8", "GiB", "8 GiB", "8gib", "-1GiB", "1.5GiB", "99999999999GiB", "8GiBx" };
	for (unsigned i = 0; i < ARRAY_COUNT(bad); i++)
		assert_false(size_parse_mib(bad[i], &mib));
	assert_true(ip_parse("192.168.122.171", &ip));
	ip_format(ip, text);
	assert_string_equal(text, "192.168.122.171");
	static const char *const no_ip[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "a.b.c.d", "1..2.3" };
	for (unsigned i = 0; i < ARRAY_COUNT(no_ip); i++)
		assert_false(ip_parse(no_ip[i], &ip));
}

/* No input crashes the reader: every prefix and many mutations of a file with all keys. */
static void mutations(void **state)
{
	auto_(strbuf_clear) struct strbuf text = {0};
	struct fail e = {0};
	unsigned seed = 1;

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/docs/examples/pgxc-8.yaml", 1 << 20, &text, &e), 0);
	for (size_t i = 0; i < 1500; i++) {
		auto_(strbuf_clear) struct strbuf copy = {0};
		auto_(lab_free) struct lab *lab = NULL;
		static const char bytes[] = "{}[]:,-#&*!|>'\"%@`\n\t \0\x80\xff" "01none~";

		strbuf_add(&copy, text.text, i % 3 ? text.len : i * text.len / 1500);
		for (unsigned k = 0; k < i % 4 && copy.len; k++) {
			seed = seed * 1103515245 + 12345;
			copy.text[(seed >> 8) % copy.len] = bytes[(seed >> 4) % sizeof bytes];
		}
		if (lab_parse(strbuf_text(&copy), copy.len, "m", NULL, &lab, &e) < 0)
			assert_int_equal(e.code, FAIL_LAB);
	}
}

static void thousand_nodes_are_quick(void **state)
{
	auto_(strbuf_clear) struct strbuf text = {0};
	struct lab_options o = { .node_count = 1000, .kind = "pgxc" };
	int64_t best = 1000;

	(void)state;
	strbuf_str(&text, "network: {subnet: 10.4.0.0/22, hostname: \"h-@{ip.dashed}\"}\nnodes:\n");
	for (unsigned i = 1; i <= 1000; i++)
		strbuf_printf(&text, "  - {name: n%u, cpus: 2, memory: 2GiB, address: 10.4.%u.%u}\n", i, (i + 10) / 256, (i + 10) % 256);
	for (unsigned i = 0; i < 5; i++) {
		int64_t start = clock_now_ms(), took;
		auto_(lab_free) struct lab *lab = parse(text.text, &o);

		took = clock_now_ms() - start;
		assert_int_equal(lab->node_count, 1000);
		best = took < best ? took : best;
	}
	print_message("1000 listed nodes with pgxc: %d ms\n", (int)best);
	assert_true(best < 500); /* 50 ms on an idle machine without sanitizers */
}

static void assert_documented(const char *page, const char *name)
{
	auto_(strbuf_clear) struct strbuf item = {0}, heading = {0};

	strbuf_printf(&item, ".It Ic %s :", name);
	strbuf_printf(&heading, ".Ss %s\n", name);
	if (!strstr(page, item.text) && !strstr(page, heading.text))
		fail_msg("docs/lab.5 does not describe %s", name);
}

static void every_key_is_documented(void **state)
{
	auto_(strbuf_clear) struct strbuf page = {0};
	struct fail e = {0};

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/docs/lab.5", 1 << 20, &page, &e), 0);
	for (const struct key *k = lab_keys; k->name; k++) {
		assert_documented(page.text, k->name);
		for (const struct key *sub = k->sub; sub && sub->name; sub++)
			assert_documented(page.text, sub->name);
	}
	for (unsigned i = 0; recipe_at(i); i++)
		for (const struct role *r = recipe_at(i)->roles; r->name; r++) {
			auto_(strbuf_clear) struct strbuf row = {0};

			strbuf_printf(&row, "\n.It %s Ta ", r->name);
			if (!strstr(page.text, row.text))
				fail_msg("docs/lab.5 does not list the role %s", r->name);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_file_is_a_lab),
		cmocka_unit_test(former_names_of_profiles), cmocka_unit_test(options_override),
		cmocka_unit_test(leased_subnet),
		cmocka_unit_test(a_subnet_holds_its_nodes),
		cmocka_unit_test(default_images), cmocka_unit_test(images),
		cmocka_unit_test(prints_what_it_reads),
		cmocka_unit_test(walkthrough_to_the_letter),
		cmocka_unit_test(default_places),
		cmocka_unit_test(cluster_later),
		cmocka_unit_test(users_of_the_databases),
		cmocka_unit_test(groups_become_node_names),
		cmocka_unit_test(conflicts_of_options),
		cmocka_unit_test(restart),
		cmocka_unit_test(sizes_and_addresses),
		cmocka_unit_test(mutations),
		cmocka_unit_test(every_key_is_documented),
		cmocka_unit_test(thousand_nodes_are_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
