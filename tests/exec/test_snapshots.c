/* SPDX-License-Identifier: PostgreSQL */
/* Snapshots on the disk: half-made ones are none, a sealed one is read back, a damaged one is said; the record comes back. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "snapshots.h"

static char top[32];
static struct arena *a;
static struct paths p;
static struct lab *lab;

static void put(const char *name, const char *text)
{
	struct fail e = { 0 };

	assert_int_equal(file_write(arena_printf(a, "%s/%s", p.lab, name), text, strlen(text), 0600, &e), 0);
}

static const char *text_of(const char *name)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };

	return file_read(arena_printf(a, "%s/%s", p.lab, name), 4096, &text, &e) < 0 ? NULL
										     : arena_strdup(a, strbuf_text(&text));
}

static int setup(void **state)
{
	struct lab_options o = {
		.state_dir = "/state", .node_count = 2, .name = "s", .hypervisor = HYPERVISOR_LXC, .kind = "postgres"
	};
	struct fail e = { 0 };

	(void)state;
	strcpy(top, "/tmp/labctl-snap-XXXXXX");
	assert_non_null(mkdtemp(top));
	a = arena_new();
	paths_init(&p, top, top, "s", a);
	assert_int_equal(lab_parse("", 0, "s.yaml", &o, &lab, &e), 0);
	assert_int_equal(file_mkdirs(p.secrets, 0700, &e), 0);
	put("lab.yaml", "lab: s\n");
	put("bootstrapped", "");
	put("image", "0123456789abcdef\n");
	put("secrets/postgres", "then");
	return 0;
}

static int teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	lab_free(lab);
	arena_free(a);
	return file_remove_tree(top, &e);
}

static void make_as(const char *name, int64_t pause_ms)
{
	struct snapshot_node n = { .system = { .files = 3, .bytes = 4096 }, .data = { .files = 7, .bytes = 8192 } };
	struct fail e = { 0 };

	memset(n.system.digest, 'a', DIGEST_HEX - 1);
	memset(n.data.digest, 'b', DIGEST_HEX - 1);
	memset(n.memory.digest, 'c', DIGEST_HEX - 1);
	n.memory.files = pause_ms >= 0;
	n.memory.bytes = pause_ms >= 0 ? 1 << 20 : 0;
	assert_int_equal(snapshot_begin(&p, name, &e), 0);
	if (pause_ms >= 0)
		assert_int_equal(snapshot_put_pause(&p, name, pause_ms, &e), 0);
	for (unsigned i = 0; i < lab->node_count; i++) {
		n.name = lab->nodes[i].name;
		if (pause_ms >= 0)
			snapshot_directories(lab, &lab->nodes[i], a, &n);
		assert_int_equal(snapshot_put_node(&p, name, &n, &e), 0);
	}
	assert_int_equal(snapshot_seal(&p, lab, 0, name, "1.2", 1796000000000, &e), 0);
}

static void make(const char *name)
{
	make_as(name, -1);
}

static void names(void **state)
{
	static const char *const good[] = { "a", "loaded", "2026-11-30_12.00" }, *const bad[] = {
		"", ".", "..", ".x", "-x", "a/b", "A", "a b", "é", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		assert_null(snapshot_form_name(good[i]));
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_non_null(snapshot_form_name(bad[i]));
}

static void sealed_is_read_back(void **state)
{
	struct snapshot s, *all;
	struct fail e = { 0 };
	unsigned count;

	(void)state;
	assert_int_equal(snapshots_list(&p, a, &all, &count, &e), 0);
	assert_int_equal(count, 0);
	make("one");
	assert_int_equal(snapshot_read(&p, "one", a, &s, &e), 0);
	assert_string_equal(s.lab, "s");
	assert_string_equal(s.lab_uuid, lab->uuid);
	assert_string_equal(s.kind, "postgres");
	assert_string_equal(s.image_digest, "0123456789abcdef");
	assert_string_equal(s.labctl, "1.2");
	assert_true(s.created_ms == 1796000000000 && s.node_count == 2);
	assert_string_equal(s.nodes[1].name, "node2");
	assert_true(s.nodes[1].data.files == 7 && s.nodes[1].system.bytes == 4096 && s.bytes >= 2 * (4096 + 8192));
	assert_string_equal(s.nodes[0].data.digest, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	assert_null(snapshots_left(&p, a)[0]);
	assert_int_equal(snapshot_read(&p, "oen", a, &s, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_non_null(strstr(e.text, "did you mean 'one'"));
	assert_int_equal(snapshot_remove(&p, "one", &e), 0);
	assert_false(file_exists(snapshots_dir(&p, a)));
}

static void live_has_memory(void **state)
{
	struct snapshot s;
	struct fail e = { 0 };

	(void)state;
	make("cold");
	make_as("live", 2500);
	assert_int_equal(snapshot_read(&p, "cold", a, &s, &e), 0);
	assert_true(!s.live && !file_exists(snapshot_path(&p, "cold", "memory", a)) && !file_exists(snapshot_path(&p, "cold", "pins", a)));
	assert_int_equal(snapshot_read(&p, "live", a, &s, &e), 0);
	assert_true(s.live && s.pause_ms == 2500 && s.nodes[1].memory.bytes == 1 << 20 && s.bytes > 2 << 20);
	assert_false(file_exists(snapshot_path(&p, "live", "pause", a)));
}

/* The handle of a directory has its inode and generation: one of the same name is another one. */
static void a_replaced_directory_is_said(void **state)
{
	const char *dir, *away;
	struct snapshot s;
	struct fail e = { 0 };

	(void)state;
	lab->nodes[1].export_dir = arena_printf(a, "%s/data/node2", top);
	dir = arena_printf(a, "%s/pgsql", lab->nodes[1].export_dir);
	away = arena_printf(a, "%s/away", top);
	assert_int_equal(file_mkdirs(dir, 0700, &e), 0);
	make_as("live", 2500);
	assert_int_equal(snapshot_read(&p, "live", a, &s, &e), 0);
	assert_int_equal(s.nodes[1].directory_count, 2);
	assert_string_equal(s.nodes[1].directories[0].path, "/data");
	assert_string_equal(s.nodes[1].directories[1].path, "/data/pgsql");
	if (!*s.nodes[1].directories[0].handle)
		skip(); /* this file system has no handles */
	assert_null(snapshot_replaced(lab, &s, a));
	assert_int_equal(rename(dir, away), 0);
	assert_string_equal(snapshot_replaced(lab, &s, a), "/data/pgsql of node2");
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_string_equal(snapshot_replaced(lab, &s, a), "/data/pgsql of node2");
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(rename(away, dir), 0);
	assert_null(snapshot_replaced(lab, &s, a));
}

/* Its memory is in a snapshot that has no name yet. */
static void what_a_frozen_lab_needs_stays(void **state)
{
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(snapshot_begin(&p, "half", &e), 0);
	assert_int_equal(snapshot_mark_age_ms(&p, SNAPSHOT_FREEZING), -1);
	assert_int_equal(snapshot_put_mark(&p, SNAPSHOT_FREEZING, "half", &e), 0);
	assert_in_range(snapshot_mark_age_ms(&p, SNAPSHOT_FREEZING), 0, 60000);
	assert_null(snapshots_left(&p, a)[0]);
	assert_int_equal(snapshot_put_mark(&p, SNAPSHOT_FREEZING, NULL, &e), 0);
	assert_non_null(strstr(snapshots_left(&p, a)[0], "/snapshots/.half.new"));
}

static void half_made_is_none(void **state)
{
	struct snapshot *all;
	struct fail e = { 0 };
	unsigned count;

	(void)state;
	assert_int_equal(snapshot_begin(&p, "half", &e), 0);
	assert_int_equal(file_write(snapshot_new_path(&p, "half", "data/old", a), "x", 1, 0600, &e), 0);
	assert_false(snapshot_exists(&p, "half"));
	assert_int_equal(snapshots_list(&p, a, &all, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_non_null(strstr(snapshots_left(&p, a)[0], "/snapshots/.half.new"));
	/* a node lacks its sums */
	assert_int_equal(snapshot_seal(&p, lab, 0, "half", "1.2", 1, &e), -1);
	make("half");
	assert_false(file_exists(snapshot_path(&p, "half", "data/old", a)));
}

static void damaged_is_said(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"v\": 1}", "{\"v\": 2}" };
	struct snapshot s, *all;
	struct fail e = { 0 };
	unsigned count;

	(void)state;
	make("one");
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		put("snapshots/one/manifest.json", texts[i]);
		assert_int_equal(snapshot_read(&p, "one", a, &s, &e), -1);
		assert_int_equal(e.code, FAIL_LAB);
		assert_int_equal(snapshots_list(&p, a, &all, &count, &e), 0);
		assert_true(count == 1 && all[0].damaged);
	}
	assert_non_null(strstr(all[0].damaged, "format 2"));
}

static void the_record_comes_back(void **state)
{
	struct fail e = { 0 };

	(void)state;
	make("one");
	put("secrets/postgres", "now");
	put("secrets/user-new", "x");
	put("warnings", "node1: x\n");
	assert_int_equal(unlink(p.bootstrapped), 0);
	assert_int_equal(snapshot_restore_record(&p, "one", &p, &e), 0);
	assert_string_equal(text_of("secrets/postgres"), "then");
	assert_null(text_of("secrets/user-new"));
	assert_null(text_of("warnings"));
	assert_true(file_exists(p.bootstrapped));
}

static void marks(void **state)
{
	auto_(strbuf_clear) struct strbuf none = { 0 }, some = { 0 };
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(snapshot_mark(&p, SNAPSHOT_RESTORING, &none, &e), 0);
	assert_int_equal(none.len, 0);
	assert_int_equal(snapshot_put_mark(&p, SNAPSHOT_RESTORING, "one", &e), 0);
	assert_int_equal(snapshot_mark(&p, SNAPSHOT_RESTORING, &some, &e), 0);
	assert_string_equal(strbuf_text(&some), "one");
	assert_int_equal(snapshot_put_mark(&p, SNAPSHOT_RESTORING, NULL, &e), 0);
	assert_int_equal(snapshot_put_mark(&p, SNAPSHOT_RESTORING, NULL, &e), 0);
	assert_int_equal(snapshot_mark(&p, SNAPSHOT_RESTORING, &none, &e), 0);
	assert_int_equal(none.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(sealed_is_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(live_has_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(a_replaced_directory_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_frozen_lab_needs_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(half_made_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(the_record_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(marks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
