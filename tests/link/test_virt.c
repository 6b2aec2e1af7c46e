/* SPDX-License-Identifier: PostgreSQL */
/* link/virt.h with libvirt's test driver, which runs in this process. */
#include "test.h"

#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "private_server.h"
#include "virt.h"
#include "traced.h"
#include "virt_call.h"

#define MINE "11111111-2222-8333-8444-555555555555"
#define OTHER "99999999-2222-8333-8444-555555555555"
#define TAG(uuid) \
	"<metadata><labctl:lab xmlns:labctl='https://labctl.invalid/lab/1' uuid='" uuid "' name='demo' node='node1'/></metadata>"
#define DOMAIN(name, tag) \
	"<domain type='test'><name>" name "</name>" tag "<memory unit='MiB'>64</memory><vcpu>1</vcpu>" \
	"<os><type>hvm</type></os></domain>"
#define NETWORK(name, tag, ip) "<network><name>" name "</name>" tag "<forward mode='nat'/>" ip "</network>"

static struct virt *virt;

static int group_setup(void **state)
{
	struct fail e = { 0 };

	(void)state;
	assert_ok(virt_open("test:///default", &virt, &e), e);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	virt_close(virt);
	return 0;
}

static void domain_is_made_and_removed(void **state)
{
	const char *xml = DOMAIN("demo-node1", TAG(MINE));
	struct fail e = { 0 };
	bool changed = false, active = false;

	(void)state;
	assert_string_equal(virt_domain_state(virt, "demo-node1", &active), "missing");
	assert_false(active);
	assert_ok(virt_domain_start(virt, "demo-node1", MINE, xml, &changed, &e), e);
	assert_true(changed);
	assert_string_equal(virt_domain_state(virt, "demo-node1", &active), "running");
	assert_true(active);
	assert_ok(virt_domain_start(virt, "demo-node1", MINE, xml, &changed, &e), e);
	assert_false(changed);
	assert_ok(virt_domain_remove(virt, "demo-node1", MINE, &changed, &e), e);
	assert_true(changed);
	assert_ok(virt_domain_remove(virt, "demo-node1", MINE, &changed, &e), e);
	assert_false(changed);
	assert_string_equal(virt_domain_state(virt, "demo-node1", NULL), "missing");
	assert_int_equal(e.code, FAIL_NONE);
}

static void suspend(void)
{
	virConnectPtr c = virConnectOpen("test:///default"); /* the same driver state, because it is in this process */
	virDomainPtr domain = c ? virDomainLookupByName(c, "demo-node1") : NULL;

	assert_non_null(domain);
	assert_int_equal(virDomainSuspend(domain), 0);
	virDomainFree(domain);
	virConnectClose(c);
}

/* A paused domain is active but does not answer: messages must give that reason. */
static void a_paused_domain_does_not_run(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *word = NULL;
	struct fail e = { 0 };
	struct facts facts;
	bool changed;

	(void)state;
	assert_true(virt_domain_stalled(virt, "demo-node1", &word));
	assert_string_equal(word, "missing");
	assert_ok(virt_domain_start(virt, "demo-node1", MINE, DOMAIN("demo-node1", TAG(MINE)), &changed, &e), e);
	assert_false(virt_domain_stalled(virt, "demo-node1", &word));
	assert_ok(virt_facts(virt, MINE, a, &facts, &e), e);
	assert_string_equal(facts.domains[0].state, "running");
	assert_true(facts.domains[0].runs);
	suspend();
	assert_true(virt_domain_stalled(virt, "demo-node1", &word));
	assert_string_equal(word, "paused (by a user)");
	assert_ok(virt_facts(virt, MINE, a, &facts, &e), e);
	assert_string_equal(facts.domains[0].state, "paused (by a user)");
	assert_true(facts.domains[0].active);
	assert_false(facts.domains[0].runs);
	/* create resumes it */
	assert_ok(virt_domain_start(virt, "demo-node1", MINE, DOMAIN("demo-node1", TAG(MINE)), &changed, &e), e);
	assert_true(changed);
	assert_false(virt_domain_stalled(virt, "demo-node1", &word));
	assert_ok(virt_domain_remove(virt, "demo-node1", MINE, &changed, &e), e);
}

#define LINK(name) "<interface type='network'><source network='default'/><target dev='" name "'/></interface>"
#define LINKED \
	"<domain type='test'><name>demo-node1</name>" TAG(MINE) "<memory unit='MiB'>64</memory><vcpu>1</vcpu>" \
	"<os><type>hvm</type></os><devices>" LINK("lab11111111-1") LINK("lab11111111-2") LINK("lab99999999-1") "</devices></domain>"

/* A killed daemon leaves its veth pair behind. Links in use and links of other labs stay. */
static void a_domain_is_powered_off_and_stays_defined(void **state)
{
	const char *xml = DOMAIN("demo-node1", "<uuid>0a88ca4f-32b5-4b2e-8a5c-2f1c0b1f6d01</uuid>" TAG(MINE));
	struct fail e = { 0 };
	bool changed = true, active = true;

	(void)state;
	assert_ok(virt_domain_off(virt, "demo-node1", MINE, &changed, &e), e);
	assert_false(changed); /* there is none */
	assert_ok(virt_domain_ask_off(virt, "demo-node1", MINE, &e), e);
	assert_ok(virt_domain_start(virt, "demo-node1", MINE, xml, &changed, &e), e);
	assert_ok(virt_domain_off(virt, "demo-node1", MINE, &changed, &e), e);
	assert_true(changed);
	assert_string_equal(virt_domain_state(virt, "demo-node1", &active), "shut off (destroyed)");
	assert_false(active);
	assert_ok(virt_domain_off(virt, "demo-node1", MINE, &changed, &e), e);
	assert_false(changed);
	assert_ok(virt_domain_start(virt, "demo-node1", MINE, xml, &changed, &e), e);
	/* what is asked of it is nothing that it must do at once: the test driver accepts every signal and ignores this one */
	assert_ok(virt_domain_ask_off(virt, "demo-node1", MINE, &e), e);
	assert_ok(virt_domain_remove(virt, "demo-node1", MINE, &changed, &e), e);
	assert_int_equal(virt_domain_off(virt, "test", MINE, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_int_equal(virt_domain_ask_off(virt, "test", MINE, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
}

static void links_left_over_are_removed(void **state)
{
	auto_(close) int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct fail e = { 0 };
	bool changed;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	for (int remove = 0; remove < 2; remove++) {
		assert_int_equal(system("ip link add lab11111111-1 type veth && ip link add lab99999999-1 type veth &&"
					"ip link add lab11111111-2 up type veth peer name used && ip link set used up"), 0);
		if (remove)
			assert_ok(virt_domain_remove(virt, "demo-node1", MINE, &changed, &e), e);
		else
			assert_ok(virt_domain_start(virt, "demo-node1", MINE, LINKED, &changed, &e), e);
		assert_true(changed);
		assert_int_equal(if_nametoindex("lab11111111-1"), 0);
		assert_int_equal(system("ip link delete lab11111111-2 && ip link delete lab99999999-1"), 0);
	}
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
}

struct silent { int listener; atomic_int accepted; };

/* A server that accepts connections and does not answer; it hangs up when the hang is reported. */
static void hang_up(void *ctx, const char *uri)
{
	struct silent *s = ctx;

	assert_non_null(strstr(uri, "socket="));
	close(atomic_exchange(&s->accepted, -1));
}

static void *accept_one(void *arg)
{
	struct silent *s = arg;

	atomic_store(&s->accepted, accept(s->listener, NULL, NULL));
	return NULL;
}

static void a_call_that_hangs_is_reported(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct silent s = { .listener = socket(AF_UNIX, SOCK_STREAM, 0), .accepted = -1 };
	struct virt *v = NULL;
	struct fail e = { 0 };
	int64_t since = clock_now_ms();
	pthread_t thread;
	char uri[200];

	(void)state;
	snprintf(at.sun_path, sizeof at.sun_path, "/tmp/labctl-silent.%d", (int)getpid());
	snprintf(uri, sizeof uri, "qemu+unix:///system?socket=%s", at.sun_path);
	assert_int_equal(bind(s.listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(s.listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, accept_one, &s), 0);
	virt_watch(300, hang_up, &s);
	assert_int_equal(virt_open(uri, &v, &e), -1);
	virt_watch(600000, hang_up, &s);
	pthread_join(thread, NULL);
	close(s.listener);
	unlink(at.sun_path);
	assert_int_equal(e.code, FAIL_VIRT);
	assert_int_equal(atomic_load(&s.accepted), -1);
	assert_in_range(clock_now_ms() - since, 290, 10000);
}

static void told(void *ctx, const char *uri)
{
	(void)uri;
	atomic_store((atomic_bool *)ctx, true);
}

static int slow_op(virConnectPtr c, void *arg, struct fail *e)
{
	(void)c;
	(void)arg;
	(void)e;
	clock_sleep_ms(700);
	return 0;
}

static void *slow_call(void *arg)
{
	struct fail e = { 0 };

	(void)arg;
	return virt_call(virt, "sleep", NULL, slow_op, NULL, &e) ? virt : NULL;
}

/* Four times as many calls as connections: the last ones wait for a connection, which is no hang. */
static void waiting_for_a_connection_is_no_hang(void **state)
{
	atomic_bool hang = false;
	pthread_t threads[32];
	void *failed;

	(void)state;
	virt_watch(2000, told, &hang);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, slow_call, NULL), 0);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	virt_watch(600000, told, &hang);
	assert_false(atomic_load(&hang));
}

static void foreign_domains_stay(void **state)
{
	struct fail e = { 0 };
	bool changed;

	(void)state;
	/* "test" is the driver's own domain, without a tag */
	assert_int_equal(virt_domain_remove(virt, "test", MINE, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_has(e.text, "not made by labctl");
	assert_int_equal(virt_domain_start(virt, "test", MINE, DOMAIN("test", TAG(MINE)), &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_ok(virt_domain_start(virt, "theirs", OTHER, DOMAIN("theirs", TAG(OTHER)), &changed, &e), e);
	assert_int_equal(virt_domain_remove(virt, "theirs", MINE, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_has(e.text, "belongs to a lab 'demo' of another state directory");
	assert_ok(virt_domain_remove(virt, "theirs", OTHER, &changed, &e), e);
	/* the current tag names the owner's state directory, and the message the command to use */
	assert_ok(virt_domain_start(virt, "theirs", OTHER, DOMAIN("theirs", TAG(OTHER "' state='/the other")), &changed, &e), e);
	e = (struct fail){ 0 };
	assert_int_equal(virt_domain_remove(virt, "theirs", MINE, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_has(e.text, "belongs to lab 'demo' of the state directory /the other");
	assert_has(e.next, "LABCTL_STATE='/the other' labctl -l demo");
	assert_ok(virt_domain_remove(virt, "theirs", OTHER, &changed, &e), e);
}

static void broken_xml_is_a_failure(void **state)
{
	struct fail e = { 0 };
	bool changed;

	(void)state;
	assert_int_equal(virt_domain_start(virt, "broken", MINE, "<domain>", &changed, &e), -1);
	assert_int_equal(e.code, FAIL_VIRT);
	assert_has(e.text, "libvirt: ");
	assert_int_equal(virt_open("nonsense:///", &(struct virt *){ NULL }, &e), -1);
	assert_int_equal(e.code, FAIL_VIRT);
	assert_has(e.next, "doctor");
}

static void network_is_made_and_removed(void **state)
{
	const char *xml = NETWORK("labctl-demo", TAG(MINE), "<ip address='10.88.7.1' netmask='255.255.255.0'/>");
	auto_(arena_free) struct arena *a = arena_new();
	struct subnet *subnets, *ours = NULL;
	struct fail e = { 0 };
	bool changed;
	unsigned count;

	(void)state;
	assert_ok(virt_network_start(virt, "labctl-demo", MINE, xml, &changed, &e), e);
	assert_true(changed);
	assert_ok(virt_network_start(virt, "labctl-demo", MINE, xml, &changed, &e), e);
	assert_false(changed);
	assert_ok(virt_subnets(virt, a, &subnets, &count, &e), e);
	for (unsigned i = 0; i < count; i++)
		if (subnets[i].address == 0x0a580700)
			ours = &subnets[i];
	assert_non_null(ours);
	assert_int_equal(ours->prefix_len, 24);
	assert_string_equal(ours->network, "labctl-demo");
	assert_string_equal(ours->lab_uuid, MINE);
	assert_int_equal(virt_network_remove(virt, "labctl-demo", OTHER, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_int_equal(virt_network_remove(virt, "default", MINE, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_ok(virt_network_remove(virt, "labctl-demo", MINE, &changed, &e), e);
	assert_true(changed);
	assert_ok(virt_network_remove(virt, "labctl-demo", MINE, &changed, &e), e);
	assert_false(changed);
}

static void facts_are_of_labs_only(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	struct facts facts;
	bool changed;

	(void)state;
	assert_ok(virt_network_start(virt, "labctl-demo", MINE, NETWORK("labctl-demo", TAG(MINE), "<ip address='10.88.7.1' prefix='24'/>"),
				     &changed, &e), e);
	assert_ok(virt_domain_start(virt, "demo-b", MINE, DOMAIN("demo-b", TAG(MINE)), &changed, &e), e);
	assert_ok(virt_domain_start(virt, "demo-a", MINE, DOMAIN("demo-a", TAG(MINE)), &changed, &e), e);
	assert_ok(virt_domain_start(virt, "theirs", OTHER, DOMAIN("theirs", TAG(OTHER)), &changed, &e), e);
	assert_ok(virt_facts(virt, NULL, a, &facts, &e), e);
	assert_int_equal(facts.domain_count, 3);
	assert_int_equal(facts.network_count, 1);
	assert_ok(virt_facts(virt, MINE, a, &facts, &e), e);
	assert_int_equal(facts.domain_count, 2);
	assert_string_equal(facts.domains[0].name, "demo-a");
	assert_string_equal(facts.domains[1].name, "demo-b");
	assert_string_equal(facts.domains[0].lab, "demo");
	assert_string_equal(facts.domains[0].node, "node1");
	assert_string_equal(facts.domains[0].type, "test");
	assert_int_equal(strlen(facts.domains[0].uuid), 36);
	assert_true(facts.domains[0].active);
	assert_string_equal(facts.networks[0].name, "labctl-demo");
	assert_true(facts.networks[0].active);
	assert_ok(virt_domain_remove(virt, "demo-a", MINE, &changed, &e), e);
	assert_ok(virt_domain_remove(virt, "demo-b", MINE, &changed, &e), e);
	assert_ok(virt_domain_remove(virt, "theirs", OTHER, &changed, &e), e);
	assert_ok(virt_network_remove(virt, "labctl-demo", MINE, &changed, &e), e);
	assert_ok(virt_facts(virt, NULL, a, &facts, &e), e);
	assert_int_equal(facts.domain_count + facts.network_count, 0);
}

static void *start_and_remove(void *arg)
{
	const char *name = arg;
	auto_(strbuf_clear) struct strbuf xml = { 0 };
	struct fail e = { 0 };
	bool changed;

	strbuf_printf(&xml, DOMAIN("%s", TAG(MINE)), name);
	for (int i = 0; i < 20; i++)
		if (virt_domain_start(virt, name, MINE, xml.text, &changed, &e) || !changed ||
		    virt_domain_remove(virt, name, MINE, &changed, &e) || !changed)
			return arg;
	return NULL;
}

/* More threads than connections. */
static void many_threads_share_it(void **state)
{
	static char names[8][16];
	pthread_t threads[8];
	void *bad;

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(names[i], sizeof names[i], "many%d", i);
		assert_int_equal(pthread_create(&threads[i], NULL, start_and_remove, names[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
}

static void versions_and_reasons(void **state)
{
	struct fail e = { 0 };
	const char *why = NULL;
	char text[32];

	(void)state;
	assert_ok(virt_version(virt, text, &e), e);
	assert_true(text[0] >= '1' && text[0] <= '9');
	/* libvirt's test driver is version 2. */
	assert_ok(virt_hypervisor_version(virt, text, &e), e);
	assert_string_equal(text, "0.0.2");
	if (virt_kvm_works(&why))
		assert_int_equal(access("/dev/kvm", R_OK | W_OK), 0);
	assert_non_null(why);
}

static void a_trace_names_calls_and_objects(void **state)
{
	auto_(strbuf_clear) struct strbuf xml = { 0 };
	struct fail e = { 0 };
	bool changed;

	(void)state;
	strbuf_printf(&xml, DOMAIN("%s", TAG(MINE)), "traced");
	traced_begin("libvirt");
	assert_ok(virt_domain_start(virt, "traced", MINE, xml.text, &changed, &e), e);
	assert_ok(virt_domain_remove(virt, "traced", MINE, &changed, &e), e);
	assert_int_equal(virt_domain_start(virt, "broken", MINE, "<domain", &changed, &e), -1);
	traced_end();
	assert_non_null(strstr(strbuf_text(&traced), " libvirt > domain start traced\n"));
	assert_non_null(strstr(strbuf_text(&traced), " libvirt < domain start traced: done; "));
	assert_non_null(strstr(strbuf_text(&traced), " libvirt < domain remove traced: done; "));
	assert_non_null(strstr(strbuf_text(&traced), " libvirt < domain start broken: failed (VIRT); "));
	strbuf_clear(&traced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domain_is_made_and_removed), cmocka_unit_test(links_left_over_are_removed),
		cmocka_unit_test(a_call_that_hangs_is_reported), cmocka_unit_test(waiting_for_a_connection_is_no_hang),
		cmocka_unit_test(foreign_domains_stay),
		cmocka_unit_test(broken_xml_is_a_failure), cmocka_unit_test(network_is_made_and_removed),
		cmocka_unit_test(a_paused_domain_does_not_run),
		cmocka_unit_test(a_domain_is_powered_off_and_stays_defined),
		cmocka_unit_test(facts_are_of_labs_only), cmocka_unit_test(many_threads_share_it),
		cmocka_unit_test(versions_and_reasons), cmocka_unit_test(a_trace_names_calls_and_objects),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
