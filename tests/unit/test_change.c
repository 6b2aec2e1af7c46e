/* SPDX-License-Identifier: PostgreSQL */
/* Differences between a lab file and an existing lab: each key is applied, or refused by name. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "file.h"
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
	auto_(arena_free) struct arena *arena = arena_new();
	auto_(lab_free) struct lab *has = parse(has_text);
	/* As labctl reads the lab file of a lab that exists: what that has, and the file does not say, stays. */
	const struct lab_options o = { .config = config_new(arena), .has = has };
	struct lab_change *changes;
	struct lab *wanted;
	unsigned count;
	struct fail e = { 0 };

	if (lab_parse(wanted_text, strlen(wanted_text), "lab.yaml", &o, &wanted, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
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

static void a_living_cluster_keeps_its_places(void **state)
{
	(void)state;
	assert_changes(PG, PG "  prefix: /opt/x\n  user: pg\n  address: ip\n  primary: {on: 2, port: 6000, dir: db, name: first}\n  standby: 1,3\n",
		       true,
		       "! cluster.prefix has /usr/lib/postgresql/17, wanted /opt/x\n! cluster.user has postgres, wanted pg\n"
		       "! cluster.address has hostname, wanted ip\n! cluster.primary.on has 1, wanted 2\n"
		       "cluster.primary.port has 5432, wanted 6000\n! cluster.primary.dir has /data/pgsql, wanted /data/db\n"
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

static void machines_change_in_size_only(void **state)
{
	(void)state;
	assert_changes("nodes: 2", "nodes: 2\ndefaults: {memory: 2GiB}", false, "defaults.memory has 1GiB, wanted 2GiB\n");
	assert_changes("nodes: 2", "nodes: [{}, {cpus: 2}]", false, "nodes[node2].cpus has 1, wanted 2\n");
	assert_changes("nodes: 2", "nodes: [{}, {disk: 40GiB}]", false, "! nodes[node2].disk has 20GiB, wanted 40GiB\n");
	assert_changes("nodes: 3", "nodes: 2", false, "! nodes has 3, wanted 2\n");
	assert_changes("nodes: 2", "nodes: [{name: node1}, {name: db}]", false, "! nodes has node1,node2, wanted node1,db\n");
	assert_changes("nodes: 2", "nodes: 2\nhypervisor: qemu", false, "! hypervisor has lxc, wanted qemu\n");
	assert_changes("nodes: 2", "nodes: 2\nnetwork: {subnet: 10.1.0.0/24, domain: x.y}", false,
		       "! network.subnet has 10.88.5.0/24, wanted 10.1.0.0/24\n! network.gateway has 10.88.5.1, wanted 10.1.0.1\n"
		       "! network.domain has lab.internal, wanted x.y\n");
	assert_changes("nodes: 2", "nodes: 2\ndata: {mount: /srv/data, options: 'ro,sync'}", false,
		       "! data.mount has /data, wanted /srv/data\n! data.options has rw,no_root_squash,sync, wanted ro,sync\n");
	assert_changes("image: {source: /x.img, release: el5}\nhypervisor: qemu\ntuning: {profile: classic}",
		       "image: {source: /x.img, release: el5}\nhypervisor: qemu\ntuning: {profile: classic-el5}", false,
		       "! tuning.profile has classic, wanted classic-el5\n");
	assert_changes("nodes: 2", "nodes: 2\ntuning: {profile: classic}", false, "tuning.profile has modern, wanted classic\n");
}

/* What labctl says of each, after "KEY has X, wanted Y". */
static void assert_said(const char *has_text, const char *wanted_text, const char *expected)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	auto_(lab_free) struct lab *has = parse(has_text), *wanted = parse(wanted_text);
	struct lab_change *changes;
	unsigned count;

	has->hypervisor = wanted->hypervisor = !strncmp(has_text, "hypervisor: lxc", 15) ? HYPERVISOR_LXC : HYPERVISOR_QEMU;
	lab_changes(has, wanted, true, has->arena, &changes, &count);
	for (unsigned i = 0; i < count; i++) {
		strbuf_printf(&out, "%s: ", changes[i].key);
		lab_change_say(&changes[i], &out);
		strbuf_char(&out, '\n');
	}
	assert_non_null(strstr(strbuf_text(&out), expected));
}

static void labctl_says_what_happens(void **state)
{
	(void)state;
#define SETTING(role, text) PG "  settings: {" role ": {" text "}}\n"
	assert_said(PG, SETTING("primary", "work_mem: 8MB"), "(bootstrap: its servers reload)");
	assert_said(PG, SETTING("primary", "shared_buffers: 64MB"), "(bootstrap: its servers restart)");
	assert_said(PG, SETTING("standby", "auto_explain.log_min_duration: 1s"), "(bootstrap: its servers reload, or restart if");
	assert_said(PG "  pgpool: 1\n", PG "  pgpool: 1\n  settings: {pgpool: {client_idle_limit: 60}}\n", "(bootstrap: its servers restart)");
	assert_said("nodes: 4\ncluster: {kind: pgxc}", "nodes: 4\ncluster: {kind: pgxc, settings: {datanode: {work_mem: 8MB}}}",
		    "(bootstrap: its servers restart)");
	assert_said(PG, PG "  standby: {on: 2-, port: 6000}\n", "(bootstrap: its servers restart, and the others follow)");
	assert_said(PG, PG "  restart: false\n", "(bootstrap: at once)");
	assert_said("nodes: 2", "nodes: 2\ndefaults: {memory: 2GiB}", "(create: when the node restarts)");
	assert_said("hypervisor: lxc\nnodes: 2", "hypervisor: lxc\nnodes: 2\ndefaults: {memory: 2GiB}", "(create: at once)");
	assert_said(PG, PG "defaults: {memory: 2GiB}\n", "bootstrap: servers restart, because their memory settings depend on it)");
	assert_said("nodes: 2", "nodes: 2\ndefaults: {cpu_quota: 50}", "(create: at once)");
	assert_said("nodes: 2", "nodes: 2\nimage: debian13", "(the disks of the nodes are layers on it)");
	assert_said(PG, PG "  user: pg\n", "(the data belong to that user)");
#undef SETTING
}

static void assert_row(const char *path, const char *key)
{
	auto_(strbuf_clear) struct strbuf whole = { 0 };

	strbuf_printf(&whole, "%s%s", path, key);
	if (!effect_row(strbuf_text(&whole)))
		fail_msg("%s has no row", whole.text);
}

static void assert_rows(const char *path, const struct key *keys)
{
	for (; keys->name; keys++) {
		auto_(strbuf_clear) struct strbuf below = { 0 };

		strbuf_printf(&below, "%s%s.", path, keys->name);
		if (keys->kind == KEY_MAP)
			assert_rows(below.text, keys->sub);
		else if (strcmp(keys->name, "lab") && strcmp(keys->name, "cluster"))
			assert_row(path, keys->name);
	}
}

static void every_key_has_a_row(void **state)
{
	static const char *const of_clusters[] = {
		"kind", "source.archive", "source.patches[2]", "prefix", "user", "address", "restart", "promoted", "settings.primary.work_mem",
		"users[u].databases", "groups[g].members", NULL
	};
	const struct recipe *r;

	(void)state;
	assert_rows("", lab_keys);
	assert_rows("nodes[node1].", node_keys);
	for (unsigned i = 0; of_clusters[i]; i++)
		assert_row("cluster.", of_clusters[i]);
	for (unsigned i = 0; (r = recipe_at(i)); i++)
		for (const struct role *role = r->roles; role->name; role++) {
			auto_(strbuf_clear) struct strbuf path = { 0 };

			strbuf_printf(&path, "cluster.%s.", role->name);
			assert_rows(path.text, (const struct key[]){ { .name = "on" }, { .name = "port" }, { .name = "dir" }, { .name = "name" }, { 0 } });
			strbuf_str(&path, "port");
			assert_int_equal(effect_row(path.text)->effect, EFFECT_RESTART);
		}
	assert_int_equal(effect_row("cluster.settings.primary.port")->effect, EFFECT_SETTING);
	assert_null(effect_row("unknown"));
	for (const struct effect_row *row = effect_rows; row->key; row++)
		if (row->effect == EFFECT_REFUSED)
			assert_non_null(row->text);
}

static void settings_of_a_start_are_sorted(void **state)
{
	unsigned count;
	const char *const *names = settings_of_a_start(&count);

	(void)state;
	for (unsigned i = 1; i < count; i++)
		assert_true(strcmp(names[i - 1], names[i]) < 0);
}

/* The table of docs/howto/change.md, between its marks. LABCTL_REGENERATE=1 rewrites it. */
static void the_document_has_the_table(void **state)
{
	static const char *const words[] = {
		[EFFECT_REFUSED] = "refused: ", [EFFECT_NODE] = "`create`: at once",
		[EFFECT_MACHINE] = "`create`: a container has it at once, a machine when it restarts (`labctl restart NODE`)",
		[EFFECT_SERVER] = "`bootstrap`: at once, no server restarts",
		[EFFECT_SETTING] = "`bootstrap`: its servers reload, or restart if the setting needs it",
		[EFFECT_RESTART] = "`bootstrap`: its servers restart, and what knows of them follows",
		[EFFECT_SOFTWARE] = "`bootstrap`: built if necessary, installed, and the servers restart",
		[EFFECT_RECORD] = "nothing: the record decides",
	};
	static const char path[] = SOURCE_DIR "/docs/howto/change.md", begin[] = "| key | what happens |\n| --- | --- |\n";
	auto_(strbuf_clear) struct strbuf table = { 0 }, document = { 0 }, whole = { 0 };
	const char *at, *end;
	struct fail e = { 0 };

	(void)state;
	strbuf_str(&table, begin);
	for (const struct effect_row *r = effect_rows; r->key; r++)
		strbuf_printf(&table, "| `%s` | %s%s%s%s%s%s%s |\n", r->key, words[r->effect], r->effect == EFFECT_REFUSED ? r->text : "",
			      r->then ? "; " : "", r->then ? r->then : "", r->never ? "; not from or to " : "", r->never ? r->never : "",
			      r->kept ? "; removing it is refused" : "");
	if (file_read(path, 1 << 20, &document, &e) < 0)
		fail_msg("%s", e.text);
	at = strstr(strbuf_text(&document), begin);
	assert_non_null(at);
	end = strstr(at, "\n\n");
	assert_non_null(end);
	if (getenv("LABCTL_REGENERATE")) {
		strbuf_add(&whole, document.text, (size_t)(at - document.text));
		strbuf_str(&whole, table.text);
		strbuf_str(&whole, end + 1);
		assert_int_equal(file_write(path, whole.text, whole.len, 0644, &e), 0);
		return;
	}
	if ((size_t)(end + 1 - at) != table.len || memcmp(at, table.text, table.len) != 0)
		fail_msg("%s has another table than lab_effect.c: LABCTL_REGENERATE=1 rewrites it", path);
}

/* More nodes are applied, with the default roles of the larger lab; the others keep what they have. */
static void nodes_come(void **state)
{
	(void)state;
	assert_changes("nodes: 3", "nodes: 4", false, "nodes has 3, wanted 4\n");
	assert_changes(PG, "nodes: 5\ncluster: {kind: postgres}", true, "nodes has 3, wanted 5\n");
	assert_changes(PG, "nodes: 4\ncluster: {kind: postgres, pgpool: 4}", true, "nodes has 3, wanted 4\n");
	assert_changes(PG, "nodes: 4\ndefaults: {memory: 2GiB}\ncluster: {kind: postgres}", true,
		       "defaults.memory has 1GiB, wanted 2GiB\nnodes has 3, wanted 4\n");
	assert_changes(PG, "nodes: [{}, {cpus: 2}, {}, {}]\ncluster: {kind: postgres}", true,
		       "nodes has 3, wanted 4\nnodes[node2].cpus has 1, wanted 2\n");
	/* A role on a node that is there already. */
	assert_changes(PG "  standby: 2\n", PG "  standby: 2-3\n", true, "cluster.standby.on has 2, wanted 2-3\n");
	assert_changes(PG "  standby: 2-3\n", PG "  standby: 2\n", true, "! cluster.standby.on has 2-3, wanted 2\n");
	assert_changes(PG, PG "  pgpool: 3\n", true, "cluster.pgpool.on has none, wanted 3\n");
	assert_changes("nodes: 2\ncluster: {kind: pgxc, gtm: 1, data_nodes: 1-2}", "nodes: 2\ncluster: {kind: pgxc, gtm: 1, gtm_standby: 2, data_nodes: 1-2}",
		       true, "! cluster.gtm_standby.on has none, wanted 2\n");
	assert_changes("nodes: 2\ncluster: {kind: pgxc, gtm: 1, data_nodes: 1-2}", "nodes: 3\ncluster: {kind: pgxc, gtm: 1, gtm_standby: 3, data_nodes: 1-2}",
		       true, "! nodes has 2, wanted 3\n");
}

static void all_refusals_at_once(void **state)
{
	auto_(lab_free) struct lab *has = parse(PG), *wanted = parse(PG "  primary: {name: p}\n  standby: {dir: db}\n  user: pg\n");
	struct lab_change *changes;
	struct fail e = { 0 };
	unsigned count;

	(void)state;
	lab_changes(has, wanted, true, has->arena, &changes, &count);
	assert_int_equal(lab_changes_check(has, "my.yaml", changes, count, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "my.yaml"));
	assert_non_null(strstr(e.text, "(and 2 more)"));
	assert_string_equal(e.evidence, "cluster.user has postgres, wanted pg (the data belong to that user)\n"
					"cluster.primary.name has primary, wanted p (catalogs and replication slots have this name)\n"
					"cluster.standby.dir has /data/pgsql, wanted /data/db (the data are there)");
	assert_null(strstr(e.next, "destroy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_no_change),
		cmocka_unit_test(what_can_be_applied),
		cmocka_unit_test(a_living_cluster_keeps_its_places),
		cmocka_unit_test(groups_come_but_do_not_go),
		cmocka_unit_test(machines_change_in_size_only),
		cmocka_unit_test(labctl_says_what_happens),
		cmocka_unit_test(every_key_has_a_row),
		cmocka_unit_test(settings_of_a_start_are_sorted),
		cmocka_unit_test(the_document_has_the_table),
		cmocka_unit_test(nodes_come),
		cmocka_unit_test(all_refusals_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
