/* SPDX-License-Identifier: PostgreSQL */
/* What labctl says to other hosts, and what a host answers: no ssh and no libvirt, only the lines. */
#include <stdio.h>
#include <sys/stat.h>

#include "file.h"
#include "host_serve.h"
#include "host_words.h"
#include "test.h"

#define UUID "0f0e0d0c-0b0a-8908-8706-050403020100"
#define DIGEST "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define RECORD \
	"lab: duo\nimage: debian12\nhypervisor: lxc\nnodes: 2\nnetwork: {subnet: 10.88.0.0/24}\nhosts:\n  - {name: a, underlay: 192.0.2.1}\n" \
	"  - {name: b, ssh: b, underlay: 192.0.2.2}\n"

static void failures_survive(void **state)
{
	struct fail e = { 0 }, back = { 0 };
	auto_(json_decref) json_t *o = NULL;

	(void)state;
	fail(&e, FAIL_HOST, "no room for %s", "node2");
	fail_cause(&e, CAUSE_NO_SPACE);
	fail_next(&e, "df -h");
	fail_evidence(&e, "one\ntwo", 5);
	o = host_fail_json(&e);
	assert_int_equal(host_fail_read(o, &back), -1);
	assert_int_equal(back.code, FAIL_HOST);
	assert_int_equal(back.cause, CAUSE_NO_SPACE);
	assert_string_equal(back.text, "no room for node2");
	assert_string_equal(back.next, "df -h");
	assert_string_equal(back.evidence, e.evidence);
}

static void strange_failures_are_failures(void **state)
{
	static const char *const texts[] = { "{}", "{\"code\": 0}", "{\"code\": -3, \"cause\": 999}", "{\"code\": \"x\"}", "[]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		auto_(json_decref) json_t *o = json_loads(texts[i], 0, NULL);
		struct fail e = { 0 };

		assert_int_equal(host_fail_read(o, &e), -1);
		assert_int_equal(e.code, FAIL_OTHER);
		assert_int_equal(e.cause, CAUSE_NONE);
	}
}

static void facts_survive(void **state)
{
	static struct fact_domain domain = { .name = "duo-node2", .uuid = "u", .lab = "duo", .lab_uuid = UUID, .node = "node2", .type = "lxc",
					     .active = true, .state = "running", .runs = true };
	static struct fact_network network = { .name = "labctl-duo", .lab = "duo", .lab_uuid = UUID, .active = true };
	struct facts facts = { .domains = &domain, .domain_count = 1, .networks = &network, .network_count = 1 }, back = facts;
	auto_(arena_free) struct arena *a = arena_new();
	auto_(json_decref) json_t *o = json_object();

	(void)state;
	host_facts_json(&facts, o);
	host_facts_read(o, 3, a, &back); /* behind those that are there */
	assert_int_equal(back.domain_count, 2);
	assert_int_equal(back.domains[0].host, 0);
	assert_int_equal(back.domains[1].host, 3);
	assert_string_equal(back.domains[1].name, "duo-node2");
	assert_string_equal(back.domains[1].lab_uuid, UUID);
	assert_null(back.domains[1].lab_state);
	assert_true(back.domains[1].active && back.domains[1].runs && !back.domains[1].lost);
	assert_int_equal(back.networks[1].host, 3);
}

struct talk { struct library *lib; struct arena *arena; const char *dir; char *answers; };

static int begin(void **state)
{
	static struct talk t;
	static char dir[64];
	struct fail e = { 0 };

	snprintf(dir, sizeof dir, "/tmp/labctl-hosts.XXXXXX");
	assert_non_null(mkdtemp(dir));
	t = (struct talk){ .arena = arena_new(), .dir = dir };
	assert_int_equal(library_load(SOURCE_DIR, &t.lib, &e), 0);
	*state = &t;
	return 0;
}

static int end(void **state)
{
	struct talk *t = *state;
	struct fail e = { 0 };

	free(t->answers);
	library_free(t->lib);
	file_remove_tree(t->dir, &e);
	arena_free(t->arena);
	return 0;
}

/* What a host answers to @lines. Its libvirt is the test driver. */
static const char *answers(struct talk *t, const char *lines)
{
	static const verb_fn none[VERB_COUNT];
	struct runtime_options o = { .state_dir = arena_printf(t->arena, "%s/state", t->dir), .cache_dir = t->dir, .lib = t->lib,
				     .connect_uri = "test:///default" };
	FILE *in = fmemopen((void *)(uintptr_t)lines, strlen(lines), "r"), *out;
	struct fail e = { 0 };
	size_t len;

	free(t->answers);
	out = open_memstream(&t->answers, &len);
	host_serve(&(struct host_serve){ .in = in, .out = out, .runtime = &o, .verbs = none }, &e);
	fclose(in);
	fclose(out);
	return t->answers;
}

static const char *greeting(struct talk *t, const char *version, const char *record, int host)
{
	auto_(json_decref) json_t *o = NULL;
	auto_(free) char *text = NULL;
	char digest[65];

	library_digest(t->lib, digest);
	o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "hello", version, "data", digest, "host", host, "lab", "duo", "uuid", UUID, "record",
		      record, "master", "1234 /state here");
	text = json_dumps(o, JSON_COMPACT);
	return arena_printf(t->arena, "%s\n", text);
}

static void assert_answer(const char *said, const char *word)
{
	if (!strstr(said, word))
		fail_msg("'%s' is not in: %s", word, said);
}

static void greets_only_its_equal(void **state)
{
	struct talk *t = *state;

	assert_answer(answers(t, greeting(t, host_version, RECORD, 1)), arena_printf(t->arena, "{\"hello\":\"%s\",\"exports\":\"%s/state/labs/duo/data\"}\n", host_version, t->dir));
	assert_answer(answers(t, greeting(t, "0.0.1", RECORD, 1)), "is there, and 0.0.1 here");
	assert_answer(answers(t, greeting(t, host_version, "lab: duo\n", 1)), "the record has no host 1");
	assert_answer(answers(t, greeting(t, host_version, RECORD, 0)), "the record has no host 0");
	assert_answer(answers(t, greeting(t, host_version, "lab: [", 1)), "\"fail\"");
	assert_answer(answers(t, "{}\n"), "host-run is for labctl");
	assert_answer(answers(t, "GET / HTTP/1.0\n"), "host-run is for labctl");
	assert_answer(answers(t, "\n"), "host-run is for labctl");
}

/* It keeps what it knows, below the lab's directory, and runs nothing before that or for another host. */
static void keeps_and_runs_only_its_own(void **state)
{
	struct talk *t = *state;
	const char *hello = greeting(t, host_version, RECORD, 1), *lab = arena_printf(t->arena, "%s/state/labs/duo", t->dir);
	const char *keep = "{\"ask\":1,\"keep\":{\"id_ed25519.pub\":\"k\",\"nodes/node2/host_key\":\"private\"}}\n";
	struct stat st;

	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"run\":\"node.start\",\"id\":\"x\",\"node\":\"node2\"}\n", hello)),
		      "no step for this host");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"keep\":{\"../../passwd\":\"x\"}}\n", hello)), "not a file that a host keeps");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"keep\":{\"nodes/node9/host_key\":\"x\"}}\n", hello)),
		      "not a file that a host keeps");
	assert_answer(answers(t, arena_printf(t->arena, "%s%s", hello, keep)), "{\"answer\":1}\n");
	assert_int_equal(stat(arena_printf(t->arena, "%s/nodes/node2/host_key", lab), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_answer(answers(t, arena_printf(t->arena, "%s%s{\"ask\":2,\"run\":\"node.start\",\"id\":\"x\",\"node\":\"node1\"}\n", hello, keep)),
		      "no step for this host");
	assert_answer(answers(t, arena_printf(t->arena, "%s%s{\"ask\":2,\"run\":\"rm\",\"id\":\"x\"}\n", hello, keep)), "no step for this host");
	assert_answer(answers(t, arena_printf(t->arena, "%s%s{\"ask\":2,\"image\":\"../x\",\"digest\":\"%s\"}\n", hello, keep, DIGEST)),
		      "no image of this lab");
	assert_answer(answers(t, arena_printf(t->arena, "%s%s{\"ask\":2,\"image\":\"debian12\",\"digest\":\"../%s\"}\n", hello, keep, &DIGEST[3])),
		      "no image of this lab");
	assert_answer(answers(t, arena_printf(t->arena, "%s%s{\"ask\":2,\"placed\":\"debian12\",\"digest\":\"%s\"}\n", hello, keep, DIGEST)),
		      "no image is being copied");
	assert_answer(answers(t, arena_printf(t->arena, "%s%snoise\n{\"ask\":7}\n", hello, keep)), "unknown question");
}

static bool is_there(struct talk *t, const char *name)
{
	struct stat st;

	return stat(arena_printf(t->arena, "%s/state/labs/duo/snapshots/%s", t->dir, name), &st) == 0;
}

/* Of snapshots it keeps the parts that the master has, whole ones; what is half made goes when the connection ends. */
static void keeps_the_parts_of_snapshots_that_there_are(void **state)
{
	struct talk *t = *state;
	const char *hello = greeting(t, host_version, RECORD, 1);
	const char *const made[] = { "base", "base.2", "old", ".half.new", ".old.gone" };
	struct fail e = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(made); i++)
		assert_int_equal(file_mkdirs(arena_printf(t->arena, "%s/state/labs/duo/snapshots/%s/data", t->dir, made[i]), 0700, &e), 0);
	assert_int_equal(file_write(arena_printf(t->arena, "%s/state/labs/duo/snapshots/base/manifest.json", t->dir), "{}", 2, 0600, &e), 0);
	assert_answer(answers(t, hello), "hello");
	assert_true(is_there(t, "old") && is_there(t, ".half.new"));
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"keep\":{\"snapshots\":\"base\\nbase.2\\n\"}}\n"
					      "{\"ask\":2,\"snapshot\":\"base\"}\n", hello)), "{\"manifest\":\"{}\",\"answer\":2}");
	assert_true(is_there(t, "base") && is_there(t, "base.2"));
	assert_false(is_there(t, "old") || is_there(t, ".half.new") || is_there(t, ".old.gone"));
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":2,\"snapshot\":\"../base\"}\n", hello)), "no snapshot has this name");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"keep\":{\"snapshots\":\"base.2\\nbas\\n\"}}\n", hello)), "{\"answer\":1}");
	assert_true(!is_there(t, "base") && is_there(t, "base.2"));
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"keep\":{}}\n", hello)), "{\"answer\":1}");
	assert_true(is_there(t, "base.2"));
	assert_int_equal(file_remove_tree(arena_printf(t->arena, "%s/state/labs/duo", t->dir), &e), 0);
}

/* The console of its own nodes, byte by byte as JSON can have it. */
static void tells_the_console(void **state)
{
	struct talk *t = *state;
	const char *record = "lab: duo\nimage: debian12\nhypervisor: qemu\nnodes: 2\nnetwork: {subnet: 10.88.0.0/24}\nhosts:\n"
			     "  - {name: a, underlay: 192.0.2.1}\n  - {name: b, ssh: b, underlay: 192.0.2.2}\n";
	const char *hello = greeting(t, host_version, record, 1), *node = arena_printf(t->arena, "%s/state/labs/duo/nodes/node2", t->dir);
	struct fail e = { 0 };

	assert_int_equal(file_mkdirs(node, 0755, &e), 0);
	assert_int_equal(file_write(arena_printf(t->arena, "%s/console.log", node), "grub\xff rescue>\n", 14, 0600, &e), 0);
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"console\":\"node2\"}\n", hello)), "\"screen\":\"grub? rescue>");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"evidence\":\"node2\"}\n", hello)), "\"text\":\"grub? rescue>");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"printed\":\"node2\",\"from\":0,\"max\":99}\n", hello)),
		      "{\"text\":\"grub? rescue>\\n\",\"size\":14,\"changed_ms\":");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"printed\":\"node2\",\"from\":6}\n", hello)), "{\"text\":\"\",\"size\":14,");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"printed\":\"node2\",\"from\":6,\"max\":-1}\n", hello)), "{\"text\":\"rescue>\\n\",");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"printed\":\"node2\",\"from\":99,\"max\":9}\n", hello)), "{\"text\":\"\",\"size\":14,");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"printed\":\"node1\"}\n", hello)), "no node of this host");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"console\":\"node1\"}\n", hello)), "no node of this host");
	assert_answer(answers(t, arena_printf(t->arena, "%s{\"ask\":1,\"evidence\":\"../x\"}\n", hello)), "no node of this host");
	assert_int_equal(file_remove_tree(arena_printf(t->arena, "%s/state/labs/duo", t->dir), &e), 0);
}

/* An image is placed only with the digest that was asked for. */
static void takes_images(void **state)
{
	struct talk *t = *state;
	const char *hello = greeting(t, host_version, RECORD, 1), *images = arena_printf(t->arena, "%s/images", t->dir);
	const char *keep = "{\"ask\":1,\"keep\":{}}\n", *want = "{\"ask\":2,\"image\":\"debian12\",\"digest\":\"" DIGEST "\"}\n";
	struct fail e = { 0 };

	assert_answer(answers(t, arena_printf(t->arena, "%s%s%s", hello, keep, want)), arena_printf(t->arena, "\"put\":\"%s/.debian12.new\"", images));
	assert_int_equal(file_mkdirs(arena_printf(t->arena, "%s/debian12-000102030405", images), 0755, &e), 0);
	assert_answer(answers(t, arena_printf(t->arena, "%s%s%s", hello, keep, want)), "{\"answer\":2}\n");
}

static void leaves_the_labs_of_others(void **state)
{
	struct talk *t = *state;
	const char *hello = greeting(t, host_version, RECORD, 1), *lab = arena_printf(t->arena, "%s/state/labs/duo", t->dir);
	const char *ask = arena_printf(t->arena, "%s{\"ask\":1,\"keep\":{}}\n", hello);
	struct fail e = { 0 };

	assert_int_equal(file_mkdirs(lab, 0755, &e), 0);
	assert_int_equal(file_write(arena_printf(t->arena, "%s/master", lab), "1234 /other there\n", 18, 0600, &e), 0);
	assert_answer(answers(t, ask), "lab 'duo' there is of labctl on there");
	assert_int_equal(file_write(arena_printf(t->arena, "%s/master", lab), "1234 /state renamed\n", 20, 0600, &e), 0);
	assert_answer(answers(t, ask), "{\"answer\":1}\n");
	assert_int_equal(file_remove_tree(lab, &e), 0);
	assert_int_equal(file_mkdirs(lab, 0755, &e), 0);
	assert_int_equal(file_write(arena_printf(t->arena, "%s/lab.yaml", lab), "lab: duo\n", 9, 0600, &e), 0);
	assert_answer(answers(t, ask), "there is a lab 'duo' of that host itself");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_survive),
		cmocka_unit_test(strange_failures_are_failures),
		cmocka_unit_test(facts_survive),
		cmocka_unit_test_setup_teardown(greets_only_its_equal, begin, end),
		cmocka_unit_test_setup_teardown(keeps_and_runs_only_its_own, begin, end),
		cmocka_unit_test_setup_teardown(keeps_the_parts_of_snapshots_that_there_are, begin, end),
		cmocka_unit_test_setup_teardown(tells_the_console, begin, end),
		cmocka_unit_test_setup_teardown(takes_images, begin, end),
		cmocka_unit_test_setup_teardown(leaves_the_labs_of_others, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
