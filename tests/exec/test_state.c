/* SPDX-License-Identifier: PostgreSQL */
/* The record of a lab: keys, secrets, known_hosts, lock, removal; redaction. */
#include "test.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family.h"
#include "fixture.h"
#include "state.h"

static int setup(void **state)
{
	*state = fixture_new(3);
	return 0;
}

static void prepare(struct fixture *f, bool *ret_changed)
{
	struct fail e = { 0 };

	*ret_changed = false;
	if (state_prepare(&f->paths, f->lab, ret_changed, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
}

static char *slurp(struct fixture *f, const char *path)
{
	auto_(strbuf_clear) struct strbuf b = { 0 };
	struct fail e = { 0 };

	if (file_read(path, 1 << 20, &b, &e) < 0)
		fail_msg("%s", e.text);
	return arena_strdup(f->arena, strbuf_text(&b));
}

static void made_once_kept_afterwards(void **state)
{
	struct fixture *f = *state;
	const char *host_key = paths_node(&f->paths, "node2", "host_key", f->arena);
	const char *key, *known;
	char secret[64], again[64];
	struct fail e = { 0 };
	bool changed;
	int64_t start = clock_now_ms();

	prepare(f, &changed);
	assert_true(changed);
	printf("keys of 3 nodes: %d ms\n", (int)(clock_now_ms() - start));
	/* qemu runs as another user and must reach its disk; private files have their own modes */
	assert_int_equal(mode_of(f->paths.lab), 0711);
	assert_int_equal(mode_of(f->paths.secrets), 0700);
	assert_int_equal(mode_of(f->paths.key), 0600);
	assert_int_equal(mode_of(host_key), 0600);
	assert_int_equal(mode_of(f->paths.lab_file), 0600);
	key = slurp(f, host_key);
	assert_non_null(strstr(key, "OPENSSH PRIVATE KEY"));
	known = slurp(f, f->paths.known_hosts);
	assert_non_null(strstr(known, f->lab->nodes[1].ip_text));
	assert_non_null(strstr(known, f->lab->nodes[2].fqdn));
	assert_non_null(strstr(known, " ssh-ed25519 AAAA"));
	assert_int_equal(state_secret(&f->paths, "postgres", secret, &e), 0);
	assert_int_equal(strlen(secret), 24);
	assert_int_equal(secret[strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")], '\0');
	assert_int_equal(mode_of(arena_printf(f->arena, "%s/postgres", f->paths.secrets)), 0600);

	prepare(f, &changed);
	assert_false(changed);
	assert_string_equal(key, slurp(f, host_key));
	assert_int_equal(state_secret(&f->paths, "postgres", again, &e), 0);
	assert_string_equal(secret, again);

	/* an incomplete key pair (after a crash between the two renames) is replaced */
	unlink(host_key);
	prepare(f, &changed);
	assert_true(changed);
	assert_string_not_equal(key, slurp(f, host_key));
}

/* Systems of 2006 have no ed25519: the lab's key and the host keys are of a type they support. */
static void keys_of_their_age(void **state)
{
	struct fixture *f = *state;
	const char *const files[] = { arena_printf(f->arena, "%s.pub", f->paths.key),
				      paths_node(&f->paths, "node2", "host_key.pub", f->arena), f->paths.known_hosts };
	struct fail e = { 0 };
	bool changed;

	f->lab->release = &releases[RELEASE_EL6];
	prepare(f, &changed);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		assert_int_equal(file_read(files[i], 1 << 16, &text, &e), 0);
		assert_non_null(strstr(strbuf_text(&text), "ssh-rsa "));
		assert_null(strstr(strbuf_text(&text), "ed25519"));
	}
	/* and are not made again */
	prepare(f, &changed);
	assert_false(changed);
}

static void saved_lab_reads_back(void **state)
{
	struct fixture *f = *state;
	struct lab_options o = { .state_dir = f->dir };
	auto_(lab_free) struct lab *again = NULL;
	auto_(strbuf_clear) struct strbuf one = { 0 }, two = { 0 };
	const char *const *names;
	struct fail e = { 0 };
	bool changed;

	assert_int_equal(state_labs(f->dir, f->arena, &names, &e), 0);
	assert_null(names[0]);
	prepare(f, &changed);
	assert_int_equal(state_labs(f->dir, f->arena, &names, &e), 0);
	assert_string_equal(names[0], "t1");
	assert_null(names[1]);
	if (lab_load(f->paths.lab_file, &o, &again, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	lab_print(f->lab, &one);
	lab_print(again, &two);
	assert_string_equal(one.text, two.text);
	assert_null(strstr(one.text, "secret"));
}

/* The id of a lab with the fixture's name in the state directory @dir. */
static const char *id_in(struct fixture *f, const char *dir)
{
	struct lab_options o = { .name = "t1", .node_count = 3, .state_dir = dir };
	auto_(lab_free) struct lab *lab = NULL;
	struct fail e = { 0 };
	struct paths p;

	paths_init(&p, dir, "/nonexistent", "t1", f->arena);
	if (lab_load(NULL, &o, &lab, &e) < 0 || state_identify(&p, lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	assert_memory_equal(lab->net.bridge + 3, lab->uuid, 8);
	return arena_strdup(f->arena, lab->uuid);
}

static void who_a_lab_is(void **state)
{
	struct fixture *f = *state;
	const char *by_name = arena_strdup(f->arena, f->lab->uuid), *here, *moved = arena_printf(f->arena, "%s/moved", f->dir);
	const char *lab_here = arena_printf(f->arena, "%s/labs/t1", f->dir), *labs_moved = arena_printf(f->arena, "%s/labs", moved);
	struct fail e = { 0 };
	bool changed;

	/* no record: derived from name and state directory, independent of how the directory's path is written */
	here = id_in(f, f->dir);
	assert_string_not_equal(here, by_name);
	assert_string_equal(id_in(f, arena_printf(f->arena, "%s/../%s/", f->dir, strrchr(f->dir, '/') + 1)), here);
	assert_string_not_equal(id_in(f, "/nonexistent"), here);
	/* recorded: the id stays, whatever the state directory is called now */
	lab_set_id(f->lab, here);
	prepare(f, &changed);
	assert_string_equal(slurp(f, f->paths.id), arena_printf(f->arena, "%s\n", here));
	assert_int_equal(mkdir(moved, 0755) | mkdir(labs_moved, 0755), 0);
	assert_int_equal(rename(lab_here, arena_printf(f->arena, "%s/t1", labs_moved)), 0);
	assert_string_equal(id_in(f, moved), here);
	assert_int_equal(rename(arena_printf(f->arena, "%s/t1", labs_moved), lab_here), 0);
	/* an old record without an id: derived from the name only, as in its tags, and recorded by the next save */
	assert_int_equal(unlink(f->paths.id), 0);
	assert_string_equal(id_in(f, f->dir), by_name);
	assert_int_equal(unlink(f->paths.lab_file), 0);
	assert_string_equal(id_in(f, f->dir), by_name);
	lab_set_id(f->lab, by_name);
	assert_int_equal(state_save(&f->paths, f->lab, &changed, &e), 0);
	assert_string_equal(slurp(f, f->paths.id), arena_printf(f->arena, "%s\n", by_name));
	/* no id: none is invented */
	assert_int_equal(file_write(f->paths.id, "../../x\n", 8, 0600, &e), 0);
	assert_int_equal(state_identify(&f->paths, f->lab, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
}

static void one_writer(void **state)
{
	struct fixture *f = *state;
	struct fail e = { 0 };
	int fd, status, other;
	pid_t child;

	assert_int_equal(state_lock(&f->paths, "create", clock_after_ms(100), &fd, &e), 0);
	child = fork();
	if (child == 0) {
		close(fd);
		status = state_lock(&f->paths, "destroy", clock_after_ms(50), &other, &e);
		_exit(status == -1 && e.code == FAIL_CONFLICT && strstr(e.text, "create") ? 0 : 1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	/* A lab is destroyed while another process waits for its lock: the waiter gets the new lab's lock. */
	child = fork();
	if (child == 0) {
		struct stat held, named;

		close(fd);
		status = state_lock(&f->paths, "create", clock_after_ms(5000), &other, &e);
		_exit(status == 0 && fstat(other, &held) == 0 && stat(f->paths.lock, &named) == 0 &&
				      held.st_ino == named.st_ino ? 0 : 1);
	}
	clock_sleep_ms(120);
	assert_int_equal(state_remove(&f->paths, &e), 0);
	close(fd);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void removal_keeps_data(void **state)
{
	struct fixture *f = *state;
	const char *data = arena_printf(f->arena, "%s/data/node1", f->paths.lab);
	struct fail e = { 0 };
	bool changed;

	prepare(f, &changed);
	assert_int_equal(file_mkdirs(data, 0755, &e), 0);
	assert_int_equal(state_remove(&f->paths, &e), 0);
	assert_true(file_exists(data));
	assert_false(file_exists(f->paths.key));
	assert_false(file_exists(f->paths.secrets));
	assert_int_equal(file_remove_tree(data, &e), 0);
	assert_int_equal(state_remove(&f->paths, &e), 0);
	assert_false(file_exists(f->paths.lab));
	assert_false(file_exists(arena_printf(f->arena, "%s/labs", f->dir)));
	assert_int_equal(state_remove(&f->paths, &e), 0);
}

static void secrets_in_texts(void **state)
{
	struct fixture *f = *state;
	auto_(runtime_close) struct runtime *rt = fixture_runtime(f);
	auto_(strbuf_clear) struct strbuf out = { 0 }, wanted = { 0 };
	char secret[64], text[256];
	struct fail e = { 0 };
	bool changed;

	prepare(f, &changed);
	assert_int_equal(secrets_get(runtime_secrets(rt), "postgres", secret, &e), 0);
	assert_int_equal(runtime_resolve(rt, "a '" SECRET_MARK "postgres" PLACEHOLDER_END "' b " SECRET_MARK "postgres" PLACEHOLDER_END, &out,
					 &e), 0);
	strbuf_printf(&wanted, "a '%s' b %s", secret, secret);
	assert_string_equal(out.text, wanted.text);
	/* a secret that the record lacks is made when first needed */
	strbuf_truncate(&out, 0);
	assert_int_equal(runtime_resolve(rt, SECRET_MARK "brandnew" PLACEHOLDER_END, &out, &e), 0);
	assert_int_equal(out.len, 24);
	assert_int_equal(runtime_resolve(rt, "x " SECRET_MARK "postgres", &out, &e), -1);
	assert_int_equal(runtime_resolve(rt, SECRET_MARK "../lock" PLACEHOLDER_END, &out, &e), -1);
	snprintf(text, sizeof text, "ALTER ROLE x PASSWORD '%s' -- %s", secret, secret);
	secrets_redact(runtime_secrets(rt), text);
	assert_null(strstr(text, secret));
	assert_memory_equal(text, "ALTER ROLE x PASSWORD '****", 27);
}

static void data_directories(void **state)
{
	struct fixture *f = *state;
	const char *top = arena_printf(f->arena, "%s/made", f->dir);
	const char *root = arena_printf(f->arena, "%s/by/us", top);
	const char *theirs;
	struct fail e = { 0 };
	bool changed;

	prepare(f, &changed);
	for (unsigned i = 0; i < 3; i++)
		f->lab->nodes[i].export_dir = arena_printf(f->arena, "%s/node%u", root, i + 1);
	/* made once and marked; removed completely, with the parents made for it */
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_UNCHANGED);
	assert_int_equal(file_write(arena_printf(f->arena, "%s/node2/file", root), "x", 1, 0600, &e), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_false(file_exists(top));
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_UNCHANGED);

	/* foreign files: create refuses the directory, destroy leaves it unchanged */
	assert_int_equal(file_mkdirs(arena_printf(f->arena, "%s/node2", root), 0755, &e), 0);
	theirs = arena_printf(f->arena, "%s/node2/precious", root);
	assert_int_equal(file_write(theirs, "x", 1, 0600, &e), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, &e), STEP_STATE_COUNT);
	assert_int_equal(e.code, FAIL_CONFLICT);
	fixture_run(f, VERB_DATA_REMOVE, NULL);
	assert_true(file_exists(theirs));
	assert_false(file_exists(f->lab->nodes[0].export_dir));
	/* a root that existed before stays */
	assert_int_equal(unlink(theirs), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_CREATE, NULL), STEP_DONE);
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_true(file_exists(root));
	/* killed during a removal: the next one completes it */
	assert_int_equal(file_mkdirs(arena_printf(f->arena, "%s/.labctl-going-node1/base", root), 0755, &e), 0);
	assert_int_equal(file_mkdirs(f->lab->nodes[1].export_dir, 0755, &e), 0);
	assert_int_equal(file_mkdirs(f->lab->nodes[2].export_dir, 0755, &e), 0);
	assert_int_equal(fixture_run(f, VERB_DATA_REMOVE, NULL), STEP_DONE);
	assert_false(file_exists(arena_printf(f->arena, "%s/.labctl-going-node1", root)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_once_kept_afterwards, setup, fixture_free),
		cmocka_unit_test_setup_teardown(keys_of_their_age, setup, fixture_free),
		cmocka_unit_test_setup_teardown(saved_lab_reads_back, setup, fixture_free),
		cmocka_unit_test_setup_teardown(who_a_lab_is, setup, fixture_free),
		cmocka_unit_test_setup_teardown(one_writer, setup, fixture_free),
		cmocka_unit_test_setup_teardown(removal_keeps_data, setup, fixture_free),
		cmocka_unit_test_setup_teardown(secrets_in_texts, setup, fixture_free),
		cmocka_unit_test_setup_teardown(data_directories, setup, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
