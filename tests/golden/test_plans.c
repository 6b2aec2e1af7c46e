/* SPDX-License-Identifier: PostgreSQL */
/*
 * Plans and renders of the example labs, byte for byte: tests/golden/plans/NAME.COMMAND.txt and NAME.render.txt
 * (mode, digest and source of every file). LABCTL_REGENERATE=1 rewrites them; review the difference.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "file.h"
#include "inputs.h"
#include "plan.h"
#include "recipe.h"

#define GOLDEN SOURCE_DIR "/tests/golden/plans/"
#define EXAMPLES SOURCE_DIR "/docs/examples/"

/* The first line that differs, so that a failure says more than "differs". */
static void compare(const char *name, const char *seen)
{
	auto_(strbuf_clear) struct strbuf expected = { 0 }, path = { 0 };
	const char *a, *b;
	struct fail e = { 0 };
	unsigned line = 1;

	strbuf_printf(&path, GOLDEN "%s.txt", name);
	if (getenv("LABCTL_REGENERATE")) {
		assert_int_equal(file_write(path.text, seen, strlen(seen), 0644, &e), 0);
		return;
	}
	if (file_read(path.text, 16 << 20, &expected, &e) < 0)
		fail_msg("%s", e.text);
	a = strbuf_text(&expected);
	b = seen;
	if (!strcmp(a, b))
		return;
	while (strcspn(a, "\n") == strcspn(b, "\n") && !strncmp(a, b, strcspn(a, "\n")) && *a && *b) {
		a += strcspn(a, "\n") + (a[strcspn(a, "\n")] == '\n');
		b += strcspn(b, "\n") + (b[strcspn(b, "\n")] == '\n');
		line++;
	}
	fail_msg("%s.txt:%u:\n  expected %.*s\n  seen     %.*s", name, line, (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"),
		 b);
}

static struct lab *load(const char *file, unsigned node_count)
{
	const struct lab_options o = { .node_count = node_count, .hypervisor = HYPERVISOR_QEMU,
				       .state_dir = "/var/lib/labctl" };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct lab *lab = NULL;
	struct fail e = { 0 };

	/* Read here, so that no path of this machine is in a golden file. */
	if (file && file_read(file, 1 << 20, &text, &e) < 0)
		fail_msg("%s", e.text);
	if (lab_parse(strbuf_text(&text), text.len, file ? "lab.yaml" : NULL, &o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	if (!lab->net.subnet)
		lab_set_subnet(lab, 0x0a580000, 24);
	return lab;
}

static void compare_plan(const char *name, const char *command, struct plan *p)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, file = { 0 };

	plan_print_text(p, &text);
	strbuf_printf(&file, "%s.%s", name, command);
	compare(file.text, text.text);
	plan_free(p);
}

/* One line per file: its digest shows that it changed, `labctl render` shows what. */
static void compare_render(const char *name, const struct lab *lab)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, file = { 0 };
	auto_(arena_free) struct arena *a = arena_new();
	struct rendered *files;
	struct fail e = { 0 };
	char digest[DIGEST_HEX];
	unsigned count;

	if (plan_render(lab, lib, a, &files, &count, &e) < 0)
		fail_msg("%s", e.text);
	for (unsigned i = 0; i < count; i++) {
		digest_text(files[i].text, strlen(files[i].text), digest);
		strbuf_printf(&text, "%04o %.16s %s\n", files[i].mode, digest, files[i].path);
	}
	strbuf_printf(&file, "%s.render", name);
	compare(file.text, text.text);
}

/* All machines of the lab are running. */
static struct facts running(const struct lab *lab, struct arena *a)
{
	struct facts facts = { 0 };

	for (unsigned i = 0; i < lab->node_count; i++)
		*arena_push(a, facts.domains, facts.domain_count) =
			(struct fact_domain){ .name = lab->nodes[i].domain, .lab_uuid = lab->uuid, .node = lab->nodes[i].name,
					      .active = true, .runs = true };
	return facts;
}

/* @command: "stop", "start" or "restart", with -gtm or -node3 for a part. */
static void check_power(const char *name, const struct lab *lab, const char *command, const char *selector, const char *role)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct facts facts = running(lab, a);
	struct choice what;
	struct plan *p;
	struct fail e = { 0 };
	int r;

	assert_int_equal(plan_choose(lab, selector, role, lab->cluster.recipe != NULL, a, &what, &e), 0);
	assert_int_equal(plan_check_names(lab, &facts, &e), 0);
	what.said = command;
	if (!strncmp(command, "stop", 4))
		r = plan_stop(lab, lib, &facts, &what, &(struct stop_options){ 0 }, &p, &e);
	else if (!strncmp(command, "start", 5))
		r = plan_start(lab, lib, &what, &p, &e);
	else
		r = plan_restart(lab, lib, &facts, &what, &(struct stop_options){ 0 }, &p, &e);
	if (r < 0)
		fail_msg("%s", e.text);
	compare_plan(name, command, p);
}

static void check(const char *name, const char *file, unsigned node_count)
{
	auto_(lab_free) struct lab *lab = load(file, node_count);
	const struct facts facts = { 0 };
	struct plan *p;
	struct fail e = { 0 };

	if (plan_create(lab, lib, &p, &e) < 0)
		fail_msg("%s", e.text);
	compare_plan(name, "create", p);
	if (lab->cluster.recipe) {
		if (plan_bootstrap(lab, lib, &p, &e) < 0)
			fail_msg("%s", e.text);
		compare_plan(name, "bootstrap", p);
		if (plan_change(lab, lib, &p, &e) < 0)
			fail_msg("%s", e.text);
		compare_plan(name, "change", p);
	}
	assert_int_equal(plan_destroy(lab, &facts, &(struct destroy_options){ 0 }, &p, &e), 0);
	compare_plan(name, "destroy", p);
	check_power(name, lab, "stop", NULL, NULL);
	check_power(name, lab, "start", NULL, NULL);
	compare_render(name, lab);
}

static void minimal(void **state) { (void)state; check("minimal", EXAMPLES "minimal.yaml", 0); }
static void postgres_3(void **state) { (void)state; check("postgres-3", EXAMPLES "postgres-3.yaml", 0); }
static void pgxc_8(void **state) { (void)state; check("pgxc-8", EXAMPLES "pgxc-8.yaml", 0); }
static void citus_4(void **state) { (void)state; check("citus-4", EXAMPLES "citus-4.yaml", 0); }
static void pgxl_4(void **state) { (void)state; check("pgxl-4", EXAMPLES "pgxl-4.yaml", 0); }
static void opentenbase_4(void **state) { (void)state; check("opentenbase-4", EXAMPLES "opentenbase-4.yaml", 0); }
/* Parts of clusters: what a GTM takes along, a role, a node; machines that are off are not asked. */
static void parts(void **state)
{
	auto_(lab_free) struct lab *pgxc = load(EXAMPLES "pgxc-8.yaml", 0), *postgres = load(EXAMPLES "postgres-3.yaml", 0);

	(void)state;
	check_power("pgxc-8", pgxc, "stop-gtm", NULL, "gtm");
	check_power("pgxc-8", pgxc, "start-gtm", NULL, "gtm");
	check_power("pgxc-8", pgxc, "restart-datanode", NULL, "datanode");
	check_power("pgxc-8", pgxc, "stop-node3", "3", NULL);
	check_power("pgxc-8", pgxc, "restart-gtm", NULL, "gtm");
	check_power("postgres-3", postgres, "restart-node2", "2", NULL);
}

static void power_looks_at_facts(void **state)
{
	auto_(lab_free) struct lab *lab = load(EXAMPLES "postgres-3.yaml", 0);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(plan_free) struct plan *p = NULL;
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct facts facts = running(lab, a);
	struct choice what;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(plan_choose(lab, NULL, NULL, true, a, &what, &e), 0);
	what.said = "stop";
	/* node3 is off: nobody waits for its server. */
	facts.domains[2].active = facts.domains[2].runs = false;
	assert_int_equal(plan_stop(lab, lib, &facts, &what, &(struct stop_options){ 0 }, &p, &e), 0);
	plan_print_text(p, &text);
	assert_non_null(strstr(text.text, "standby.stop/node2"));
	assert_null(strstr(text.text, "standby.stop/node3"));
	assert_null(strstr(text.text, "node.reach/node3"));
	/* Somebody renamed node2. */
	facts.domains[1].name = "mine";
	assert_int_equal(plan_check_names(lab, &facts, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "node2 is now the domain 'mine'"));
	assert_non_null(strstr(e.next, "domrename mine pg3-node2"));
}

#define UP { .on = true, .answers = true, .wal = 100, .replayed = 100, .age_ms = -1 }
#define FOLLOWS { .on = true, .answers = true, .recovers = true, .streams = true, .wal = 100, .replayed = 100, .age_ms = 1250 }

/* With what is lost. @to: the node that has the primary afterwards; @from had it. */
static void check_takeover(const char *name, const char *command, struct lab *lab, const struct standing *all, unsigned from,
			   unsigned to, int64_t lost)
{
	const struct handover h = { .from = from ? &lab->nodes[from - 1] : NULL, .to = &lab->nodes[to - 1], .all = all, .lost = lost,
				    .said = command };
	struct fail e = { 0 };
	struct plan *p;
	int r;

	assert_int_equal(lab_promote(lab, h.to, &e), 0);
	if (!strncmp(command, "switchover", 10))
		r = plan_switchover(lab, lib, &h, &p, &e);
	else if (!strncmp(command, "failover", 8))
		r = plan_failover(lab, lib, &h, &p, &e);
	else
		r = plan_rejoin(lab, lib, &h, &p, &e);
	if (r < 0)
		fail_msg("%s", e.text);
	compare_plan(name, command, p);
}

static void takeovers(void **state)
{
	static const struct standing planned[] = { { .on = true, .answers = true, .wal = 100, .sessions = 12, .writing = 3 }, FOLLOWS, FOLLOWS };
	static const struct standing dead[] = { { .on = true, .age_ms = -1 }, FOLLOWS, FOLLOWS };
	static const struct standing off[] = { { .age_ms = -1 }, UP, FOLLOWS }, gone[] = { { .age_ms = -1 }, FOLLOWS, FOLLOWS };
	auto_(lab_free) struct lab *lab = load(EXAMPLES "postgres-3.yaml", 0), *pool = load(GOLDEN "pool-3.yaml", 0);

	auto_(lab_free) struct lab *pgxc = load(EXAMPLES "pgxc-8.yaml", 0);
	struct standing gtm[8];

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(gtm); i++)
		gtm[i] = (struct standing){ .on = i != 0 };
	gtm[1] = (struct standing)FOLLOWS;
	check_takeover("pgxc-8", "failover-gtm", pgxc, gtm, 1, 2, 0);
	check_takeover("postgres-3", "switchover-node2", lab, planned, 1, 2, 0);
	check_takeover("postgres-3", "rejoin-node1", lab, off, 1, 2, 3);
	check_takeover("postgres-3", "failover-primary", lab, dead, 1, 3, 0);
	/* pgpool-II is on the node whose machine is off: its rules are left out, too. */
	check_takeover("pool-3", "failover-primary", pool, gone, 1, 2, LOST_UNKNOWN);
	check_takeover("pool-3", "switchover-node2", pool, planned, 1, 2, 0);
}

/* Nobody is promoted before every other server can only be a standby; nothing ends before all answer. */
static void a_takeover_keeps_its_order(void **state)
{
	static const struct standing all[] = { { .on = true, .age_ms = -1 }, FOLLOWS, { .age_ms = -1 } };
	auto_(lab_free) struct lab *lab = load(EXAMPLES "postgres-3.yaml", 0);
	const struct handover h = { .from = &lab->nodes[0], .to = &lab->nodes[1], .all = all, .said = "failover" };
	auto_(plan_free) struct plan *p = NULL;
	struct fail e = { 0 };
	bool *before, fenced = false, fenced_off = false, recorded = false, reached = false;

	(void)state;
	assert_int_equal(lab_promote(lab, h.to, &e), 0);
	assert_int_equal(plan_failover(lab, lib, &h, &p, &e), 0);
	before = arena_alloc(p->arena, p->step_count * sizeof *before);
	for (unsigned i = p->step_count; i-- > 0;) {
		if (!strcmp(p->steps[i].id, "primary.promote/node2"))
			before[i] = true;
		for (unsigned k = 0; before[i] && k < p->steps[i].after_count; k++)
			before[p->steps[i].after[k]] = true;
		fenced |= before[i] && !strcmp(p->steps[i].id, "standby.fence/node1");
		fenced_off |= before[i] && !strcmp(p->steps[i].id, "data.fence/node3");
		recorded |= before[i] && !strcmp(p->steps[i].id, "lab.record");
		reached |= before[i] && !strcmp(p->steps[i].id, "node.reach/node2");
		assert_string_not_equal(p->steps[i].id, "node.reach/node3");
		assert_string_not_equal(p->steps[i].id, "standby.start/node1"); /* it rejoins later */
	}
	assert_true(fenced && fenced_off && recorded && reached);
}

static void check_add(const char *name, const char *command, const char *file, const char *role, bool rebalance)
{
	const struct node_add o = { .cluster = true, .rebalance = rebalance, .said = command };
	auto_(lab_free) struct lab *has = load(file, 0), *lab = NULL;
	struct fail e = { 0 };
	struct plan *p = NULL;

	if (lab_grow(has, 1, role, &lab, &e) < 0 || plan_node_add(lab, lib, &o, &p, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	compare_plan(name, command, p);
}

/* @off: a node that is off; 0 = none. */
static void check_remove(const char *name, const char *command, const char *file, unsigned gone, bool lose, unsigned off)
{
	bool on[LAB_NODES_MAX];
	auto_(lab_free) struct lab *has = load(file, 0), *lab = NULL;
	struct node_remove o = { .gone = &has->nodes[gone - 1], .on = on, .cluster = true, .lose = lose, .loss = "nothing", .said = command };
	struct fail e = { 0 };
	struct plan *p = NULL;

	for (unsigned i = 0; i < has->node_count; i++)
		on[i] = i + 1 != off;
	if (lab_shrink(has, o.gone, &lab, &e) < 0 || plan_node_remove(lab, lib, &o, &p, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	compare_plan(name, command, p);
}

static void nodes_come_and_go(void **state)
{
	(void)state;
	check_add("pool-3", "node-add", GOLDEN "pool-3.yaml", "standby", false);
	check_add("citus-4", "node-add", EXAMPLES "citus-4.yaml", "worker", true);
	check_remove("citus-4", "node-remove-node3", EXAMPLES "citus-4.yaml", 3, false, 0);
	check_remove("citus-4", "node-remove-node4-force", EXAMPLES "citus-4.yaml", 4, true, 0);
	check_remove("pool-3", "node-remove-node3", GOLDEN "pool-3.yaml", 3, false, 0);
	check_add("pgxc-8", "node-add", EXAMPLES "pgxc-8.yaml", "coordinator", false);
	check_remove("pgxc-8", "node-remove-node8", EXAMPLES "pgxc-8.yaml", 8, false, 0);
	check_remove("pgxc-2", "node-remove-node2", GOLDEN "pgxc-2.yaml", 2, false, 0);
	check_remove("postgres-3", "node-remove-node2", EXAMPLES "postgres-3.yaml", 2, false, 2);
}

static void create_8(void **state) { (void)state; check("create-8", NULL, 8); }

static const char *text_of(const struct rendered *files, unsigned count, const char *path)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(files[i].path, path))
			return files[i].text;
	fail_msg("no %s in the render", path);
	return "";
}

struct expected { const char *path, *line; };

/* Every line is there, and no secret is. */
static void render_has(const char *example, const struct expected *lines, size_t line_count)
{
	auto_(lab_free) struct lab *lab = load(example, 0);
	auto_(arena_free) struct arena *a = arena_new();
	struct rendered *files;
	struct fail e = { 0 };
	unsigned count;

	assert_int_equal(plan_render(lab, lib, a, &files, &count, &e), 0);
	for (size_t i = 0; i < line_count; i++)
		if (!strstr(text_of(files, count, lines[i].path), lines[i].line))
			fail_msg("%s lacks %s", lines[i].path, lines[i].line);
	for (unsigned i = 0; i < count; i++)
		if (strchr(files[i].text, SECRET_MARK[0]) || strstr(files[i].text, "PRIVATE KEY"))
			fail_msg("%s holds a secret or its raw placeholder", files[i].path);
	assert_string_equal(files[count - 1].path, "manifest.json");
}

/* Values of the walk-through, where it has them. */
static void pgxc_walkthrough(void **state)
{
	static const struct expected lines[] = {
		{ "host/exports", "/data03/171 192.168.122.0/24(rw,no_root_squash,sync,no_subtree_check)\n" },
		{ "nodes/node1/files/etc/hosts", "192.168.122.178 db-192-168-122-178.sky-mobi.com db-192-168-122-178\n" },
		{ "nodes/node1/files/etc/sysctl.d/90-labctl.conf", "kernel.sem = 50100 64128000 50100 1280\n" },
		{ "nodes/node1/files/data02/pgxc_gtm/gtm.conf", "1921" },
		{ "nodes/node3/files/data02/pgxc_gtm_proxy/gtm_proxy.conf", "1924" },
		{ "nodes/node3/files/data02/pgxc_datanode/postgresql.conf", "port = 1923\n" },
		{ "nodes/node3/files/data02/pgxc_datanode/postgresql.conf", "shared_buffers = 1024MB\n" },
		{ "nodes/node3/files/data02/pgxc_datanode/postgresql.conf", "pgxc_node_name = 'datanode_1'" },
		{ "nodes/node8/files/data02/pgxc_coordinate/postgresql.conf", "pooler_port = 1922 " },
		{ "nodes/node8/files/data02/pgxc_coordinate/postgresql.conf", "pgxc_node_name = 'coordinate_6'" },
		{ "nodes/node8/files/data02/pgxc_coordinate/postgresql.conf", "max_pool_size = 6416 " },
		{ "nodes/node8/files/data02/pgxc_coordinate/postgresql.conf", "max_coordinators = 16 " },
		{ "nodes/node8/files/data02/pgxc_coordinate/postgresql.conf", "max_datanodes = 64 " },
		{ "nodes/node8/files/data02/pgxc_datanode/postgresql.conf", "max_connections = 1600 " },
		{ "nodes/node1/files/home/pgxc/.bash_profile", "export PGPORT=1921\nexport PGDATA=/data02/pgxc_gtm\n" },
		{ "nodes/node2/files/home/pgxc/.bash_profile", "export PGHOST=$PGDATA\n" },
		{ "nodes/node3/files/home/pgxc/.bash_profile", "export PGUSER=postgres\nexport PGDATABASE=postgres\n" },
		{ "nodes/node3/script.sh", "192.168.122.1:/data03/173" },
	};

	(void)state;
	render_has(EXAMPLES "pgxc-8.yaml", lines, ARRAY_COUNT(lines));
}

/* Its own means, on what it ran: byte for byte in walkthrough-el5.render.txt, and its lines here. */
static void walkthrough_el5(void **state)
{
#define SYSCTL "nodes/node1/files/etc/sysctl.conf"
#define LIMITS "nodes/node1/files/etc/security/limits.conf"
#define FILTER "nodes/node1/files/etc/sysconfig/iptables"
#define SCRIPT "nodes/node1/script.sh"
	static const struct expected lines[] = {
		{ SYSCTL, "\nkernel.msgmnb = 65536\n" },
		{ SYSCTL, "\nkernel.msgmax = 65536\n" },
		{ SYSCTL, "\nkernel.shmmax = 68719476736\n" },
		{ SYSCTL, "\nkernel.shmall = 4294967296\nkernel.shmmni = 4096\nkernel.sem = 50100 64128000 50100 1280\n"
			  "fs.file-max = 7672460\nnet.ipv4.ip_local_port_range = 9000 65000\nnet.core.rmem_default = 1048576\n"
			  "net.core.rmem_max = 4194304\nnet.core.wmem_default = 262144\nnet.core.wmem_max = 1048576\n"
			  "net.ipv4.tcp_tw_recycle = 1\nnet.ipv4.tcp_max_syn_backlog = 4096\n"
			  "net.core.netdev_max_backlog = 10000\nvm.overcommit_memory = 0\nnet.ipv4.ip_conntrack_max = 655360\n"
			  "fs.aio-max-nr = 1048576\nnet.ipv4.tcp_timestamps = 0\n" },
		{ LIMITS, "\n* soft    nofile  131072\n* hard    nofile  131072\n* soft    nproc   131072\n"
			  "* hard    nproc   131072\n* soft    core    unlimited\n* hard    core    unlimited\n"
			  "* soft    memlock 50000000\n* hard    memlock 50000000\n" },
		{ "nodes/node1/files/etc/hosts", "127.0.0.1               localhost.localdomain localhost\n192.168.122.171 "
						 "db-192-168-122-171.sky-mobi.com db-192-168-122-171\n" },
		{ "nodes/node1/files/etc/sysconfig/clock", "\nZONE=\"Asia/Shanghai\"\n" },
		{ "nodes/node1/files/etc/sysconfig/clock", "\nARC=false\n" },
		{ "nodes/node1/files/etc/sysconfig/i18n", "LANG=en_US.UTF-8\n" },
		{ "nodes/node1/files/etc/cron.d/labctl-ntpdate",
		  "8 * * * * root /usr/sbin/ntpdate asia.pool.ntp.org && /sbin/hwclock --systohc\n" },
		{ FILTER, "\n:RH-Firewall-1-INPUT - [0:0]\n-A INPUT -j RH-Firewall-1-INPUT\n"
			  "-A FORWARD -j RH-Firewall-1-INPUT\n" },
		{ FILTER, "\n-A RH-Firewall-1-INPUT -s 172.16.0.0/255.255.0.0 -j ACCEPT\n" },
		{ FILTER, "\n-A RH-Firewall-1-INPUT -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n" },
		{ SCRIPT, "packages='lrzsz sysstat e4fsprogs ntp readline\n    zlib openssl pam libxml2 libxslt\n    tcl'\n" },
		{ SCRIPT, "packages+=' readline-devel zlib-devel openssl-devel pam-devel\n"
			  "    libxml2-devel libxslt-devel python-devel tcl-devel'\n" },
		{ SCRIPT, "services_off='acpid avahi-daemon bluetooth hidd\n    smartd yum-updatesd hplip isdn iscsi\n"
			  "    iscsid'\nservices_on='multipathd'\n" },
		{ SCRIPT, "selinux=disabled\n" },
		{ SCRIPT, "options='vers=3,proto=tcp,hard' " },
		{ SCRIPT, "source=192.168.122.1:/data03/171 dir=/data02 " },
		{ SCRIPT, "make_user pgxc\n" },
		{ "nodes/node1/files/etc/ssh/ssh_host_rsa_key.pub", "" },
	};
	auto_(lab_free) struct lab *lab = load(GOLDEN "walkthrough-el5.yaml", 0);

	(void)state;
	render_has(GOLDEN "walkthrough-el5.yaml", lines, ARRAY_COUNT(lines));
	compare_render("walkthrough-el5", lab);
}

/* The second one's custom-postgresql.conf, line by line: 2 GiB where it has 32 GB. */
static void citus_walkthrough(void **state)
{
#define CONF "nodes/node2/files/data/citus/postgresql.conf"
	static const struct expected lines[] = {
		{ CONF, "\nshared_buffers = 512MB\n" },
		{ CONF, "\neffective_cache_size = 682MB\n" },
		{ CONF, "\nmaintenance_work_mem = 64MB\n" },
		{ CONF, "\ncheckpoint_completion_target = 0.9\n" },
		{ CONF, "\nwal_buffers = 16MB\n" },
		{ CONF, "\ndefault_statistics_target = 100\n" },
		{ CONF, "\nrandom_page_cost = 1.1\n" },
		{ CONF, "\nwork_mem = 4MB\n" },
		{ CONF, "\nmin_wal_size = 128MB\n" },
		{ CONF, "\nmax_wal_size = 1024MB\n" },
		{ CONF, "\nmax_worker_processes = 256\n" },
		{ CONF, "\nmax_parallel_workers_per_gather = 8\n" },
		{ CONF, "\nmax_parallel_workers = 256\n" },
		{ CONF, "\nmax_parallel_maintenance_workers = 8\n" },
		{ CONF, "\nmax_connections = 512\n" },
		{ CONF, "\npassword_encryption = 'scram-sha-256'\n" },
		{ CONF, "\nshared_preload_libraries = 'citus'\n" },
		{ CONF, "\nlisten_addresses = 'localhost,10.88.0.12'\n" },
		{ CONF, "\nlog_timezone = 'Etc/UTC'\n" },
		{ CONF, "\ndatestyle = 'iso, mdy'\n" },
		{ CONF, "\ntimezone = 'Etc/UTC'\n" },
		{ CONF, "\ndefault_text_search_config = 'pg_catalog.english'\n" },
		{ "nodes/node2/files/data/citus/pg_hba.conf", "\nhost all all 10.88.0.0/24 scram-sha-256\n" },
		{ "nodes/node1/files/data/pgpool/pgpool.conf", "\nbackend_hostname0 = '10.88.0.11'\n" },
		{ "nodes/node1/files/data/pgpool/pgpool.conf", "\nport = 9999\n" },
	};

	(void)state;
	render_has(EXAMPLES "citus-4.yaml", lines, ARRAY_COUNT(lines));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pgxc_walkthrough), cmocka_unit_test(citus_walkthrough),
					    cmocka_unit_test(walkthrough_el5),
					    cmocka_unit_test(minimal), cmocka_unit_test(postgres_3), cmocka_unit_test(pgxc_8), cmocka_unit_test(citus_4), cmocka_unit_test(pgxl_4), cmocka_unit_test(opentenbase_4),
					    cmocka_unit_test(create_8), cmocka_unit_test(parts),
					    cmocka_unit_test(power_looks_at_facts), cmocka_unit_test(takeovers),
					    cmocka_unit_test(a_takeover_keeps_its_order), cmocka_unit_test(nodes_come_and_go) };

	return cmocka_run_group_tests_name("plans", tests, open_library, close_library);
}
