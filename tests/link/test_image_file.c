/* SPDX-License-Identifier: PostgreSQL */
/* link/image_file.h and link/iso.h: real disks made by qemu-img, a real volume read back by isoinfo. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "clock.h"
#include "digest.h"
#include "disks.h"
#include "disk_arch.h"
#include "image_file.h"
#include "iso.h"
#include "proc.h"
#include "private_server.h"

static char dir[PRIVATE_PATH];
static char cache[PRIVATE_PATH + 16];

static int setup(void **state)
{
	(void)state;
	private_tmpdir(dir);
	snprintf(cache, sizeof cache, "%s/cache", dir);
	return 0;
}

static int teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	return file_remove_tree(dir, &e);
}

static void no_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void run_tool(const char *const *argv)
{
	struct fail e = { 0 };

	assert_ok(proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(30000) }, &e), e);
}

/* A raw disk of 2 MiB with a partition table's signature. */
static const char *raw_disk(struct arena *a, const char *name, const char *content)
{
	const char *path = arena_printf(a, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 2 << 20), 0);
	assert_int_equal(pwrite(fd, "\x55\xaa", 2, 510), 2);
	assert_int_equal(pwrite(fd, content, strlen(content), 1 << 20), (ssize_t)strlen(content));
	close(fd);
	return path;
}

static int import(const char *path, struct arena *a, struct image *image, bool *made, struct fail *e)
{
	struct image_env env = { .cache_dir = cache, .line = no_line, .deadline_ms = clock_after_ms(60000) };
	char digest[65];

	*made = false;
	assert_ok(digest_file(path, digest, e), (*e));
	return image_file_import(&env, path, image_file_name(path, a), digest, a, image, made, e);
}

static void names(void **state)
{
	static const char *const cases[][2] = {
		{ "/x/Debian-12_generic.qcow2", "debian-12-generic" },
		{ "https://x.test/a/b.img?token=c/d.e#f", "b" },
		{ "/x/what?.img", "what-" },
		{ "https://x.test/", "disk" },
		{ "/x/.hidden", "disk" },
		{ "/x/noend", "noend" },
	};
	auto_(arena_free) struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(image_file_name(cases[i][0], a), cases[i][1]);
}

/* Raw and qcow2 files are copied into the cache; equal contents are kept once. */
static void imports(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *raw = raw_disk(a, "one.img", "words of one"), *qcow = arena_printf(a, "%s/two.qcow2", dir);
	const char *const convert[] = { "qemu-img", "convert", "-q", "-O", "qcow2", "-c", raw, qcow, NULL };
	const char *const sources[] = { raw, qcow };
	struct fail e = { 0 };
	bool made;

	(void)state;
	run_tool(convert);
	for (unsigned i = 0; i < 2; i++) {
		struct image image, again;

		assert_ok(import(sources[i], a, &image, &made, &e), e);
		assert_true(made);
		assert_null(image.root);
		assert_int_equal(image_file_check_bios(&image, &e), -1);
		assert_non_null(strstr(e.text, "no boot loader for BIOS"));
		assert_ok(import(sources[i], a, &again, &made, &e), e);
		assert_false(made);
		assert_string_equal(again.disk, image.disk);
		const char *const compare[] = { "qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2", raw, image.disk, NULL };
		run_tool(compare);
	}
	raw_disk(a, "one.img", "other words");
	struct image other;
	int fd = open(raw, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "\xeb\xfe", 2, 0), 2); /* boot code for BIOS */
	close(fd);
	assert_ok(import(raw, a, &other, &made, &e), e);
	assert_true(made);
	assert_ok(image_file_check_bios(&other, &e), e);
}

static void refuses(void **state)
{
	static const struct { const char *head; size_t len; const char *says, *next; } heads[] = {
		{ "plain text", 10, "neither qcow2 nor a disk", "file -k '/" },
		{ "\x1f\x8b\x08", 3, "gzip", "/it'\\''s bad.qcow2', or tar -xf '/" },
		{ "\xfd" "7zXZ\0", 6, "xz archive", "xz -dk '/" },
		{ "<!DOCTYPE html>", 15, "web page", "less '/" },
		{ "KDMV", 4, "VMDK", "qemu-img convert -O qcow2 '/" },
		{ "", 0, "neither qcow2 nor a disk", "file -k '/" },
	};
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/it's bad.qcow2", dir), *raw = raw_disk(a, "base.img", "x");
	const char *whole = arena_printf(a, "%s/whole.qcow2", dir), *leans = arena_printf(a, "%s/leans.qcow2", dir);
	const char *const convert[] = { "qemu-img", "convert", "-q", "-O", "qcow2", "-S", "0", raw, whole, NULL };
	const char *const lean[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", raw, leans, NULL };
	struct fail e = { 0 };
	struct image image;
	struct stat st;
	bool made;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		assert_int_equal(write(fd, heads[i].head, heads[i].len), (ssize_t)heads[i].len);
		close(fd);
		e = (struct fail){ 0 };
		assert_int_equal(import(path, a, &image, &made, &e), -1);
		assert_int_equal(e.code, FAIL_HOST);
		assert_non_null(strstr(e.text, heads[i].says));
		if (!strstr(e.next, heads[i].next))
			fail_msg("%s: %s", e.text, e.next);
	}
	/* Otherwise an overlay could make nodes read any file of the host. */
	run_tool(lean);
	assert_int_equal(import(leans, a, &image, &made, &e), -1);
	assert_non_null(strstr(e.text, "backing file"));
	/* A download that ended early: the rest would read as zeros. */
	run_tool(convert);
	assert_int_equal(stat(whole, &st), 0);
	assert_int_equal(truncate(whole, st.st_size - (1 << 20)), 0);
	assert_int_equal(import(whole, a, &image, &made, &e), -1);
	assert_non_null(strstr(e.text, "truncated"));
	/* The cache has nothing of them. */
	const char *const count[] = { "sh", "-c", arena_printf(a, "! find %s/images -name '*.new' | grep .", cache), NULL };
	run_tool(count);
}

#define ESP "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b"
#define ARM_ROOT "\x45\xb0\x21\xb9\xf0\x1d\xc3\x41\xaf\x44\x4c\x6f\x28\x0d\x3f\xae"
#define ESP_FIRST 2049

/* A disk with these types of partitions, and a directory entry @name in the first one. */
struct for_arch {
	const char *boot;
	const char *mbr[2], *gpt[2];
	const char *name, *arch;
};

static const char *disk_for(struct arena *a, const struct for_arch *f)
{
	const char *path = raw_disk(a, "arm.img", ""), *const *types = f->gpt[0] ? f->gpt : f->mbr;
	auto_(close) int fd = open(path, O_WRONLY | O_CLOEXEC);
	const struct disk_part parts[] = { { 0, types[0], ESP_FIRST, 3000 }, { 1, types[1], 3001, 3800 } };
	unsigned count = types[1] ? 2 : 1;

	assert_int_equal(pwrite(fd, f->boot, strlen(f->boot), 0), (ssize_t)strlen(f->boot));
	if (f->gpt[0])
		disk_put_gpt(fd, (2 << 20) / DISK_SECTOR, parts, count);
	for (unsigned i = 0; i < count && f->mbr[0]; i++)
		disk_put_mbr(fd, &parts[i]);
	assert_int_equal(pwrite(fd, f->name, strlen(f->name), ESP_FIRST * DISK_SECTOR + 64 * 32), (ssize_t)strlen(f->name));
	return path;
}

static void other_processors(void **state)
{
	static const struct for_arch cases[] = {
		{ "", .mbr = { "\xef" }, .name = "BOOTAA64EFI", .arch = "aarch64" },
		{ "", .mbr = { "\xef" }, .name = "BOOTX64 EFI" },
		{ "", .mbr = { "\xef" }, .name = "BOOTAA64EFI                     BOOTX64 EFI" }, /* boots both */
		{ "", .mbr = { "\xef" }, .name = " BOOTAA64EFI" },                                /* no entry */
		{ "", .mbr = { "\xef" }, .name = "" },
		{ "zIPL", .mbr = { "\xef" }, .name = "", .arch = "s390x" },
		{ "", .mbr = { "\xef", "\x41" }, .name = "", .arch = "ppc64" },
		{ "", .gpt = { ESP, ARM_ROOT }, .name = "", .arch = "aarch64" },
		{ "", .gpt = { ESP, ARM_ROOT }, .name = "BOOTX64 EFI" },
		{ "", .gpt = { ESP }, .name = "BOOTAA64EFI", .arch = "aarch64" },
		{ "", .gpt = { ARM_ROOT }, .name = "BOOTX64 EFI", .arch = "aarch64" }, /* and no EFI partition */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		const char *path = disk_for(a, &cases[i]);
		const char *qcow = arena_printf(a, "%s/arm.qcow2", dir);
		const char *const convert[] = { "qemu-img", "convert", "-q", "-O", "qcow2", path, qcow, NULL };
		const char *const none[] = { "sh", "-c", arena_printf(a, "! find %s/images -name '*.new' -o -name 'arm-*' | grep .", cache),
					     NULL };
		struct fail e = { 0 };
		struct image image;
		bool made;
		int r;

		run_tool(convert);
		r = import(qcow, a, &image, &made, &e);
		if (!cases[i].arch != (r == 0))
			fail_msg("case %zu: %d %s", i, r, e.text);
		if (r == 0) {
			assert_ok(file_remove_tree(image.dir, &e), e);
			continue;
		}
		assert_int_equal(e.code, FAIL_HOST);
		assert_non_null(strstr(e.text, arena_printf(a, "is for %s, and this host's machines are x86_64", cases[i].arch)));
		assert_true(e.next[0]);
		run_tool(none);
	}
	assert_string_equal(disk_arch_named("/x/Rocky-9-GenericCloud.AArch64.qcow2"), "aarch64");
	assert_null(disk_arch_named("debian-12-generic-amd64.qcow2"));
}

static void volume(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf list = { 0 }, text = { 0 };
	const char *path = arena_printf(a, "%s/seed.iso", dir);
	const struct iso_file files[] = { { "user-data", "#cloud-config\n{}\n" }, { "network-config", "{\"version\": 2}\n" } };
	const char *const toc[] = { "isoinfo", "-d", "-i", path, NULL };
	struct fail e = { 0 };
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < 2; i++) { /* an existing volume is replaced */
		assert_ok(iso_write(path, "CIDATA", files, ARRAY_COUNT(files), &e), e);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_ok(proc_check(&(struct proc){ .argv = toc, .out = &list, .deadline_ms = clock_after_ms(10000) }, &e), e);
	assert_non_null(strstr(strbuf_text(&list), "Volume id: CIDATA\n"));
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		const char *const extract[] = { "isoinfo", "-R", "-i", path, "-x", arena_printf(a, "/%s", files[i].name), NULL };

		strbuf_truncate(&text, 0);
		assert_ok(proc_check(&(struct proc){ .argv = extract, .out = &text, .deadline_ms = clock_after_ms(10000) }, &e), e);
		assert_string_equal(strbuf_text(&text), files[i].text);
	}
	assert_false(file_exists(arena_printf(a, "%s.files", path))); /* they hold keys */
	assert_int_equal(iso_write(arena_printf(a, "%s/below-a-file.iso", path), "CIDATA", files, 1, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(imports), cmocka_unit_test(refuses),
					    cmocka_unit_test(other_processors),
					    cmocka_unit_test(volume) };

	return cmocka_run_group_tests_name("image_file", tests, setup, teardown);
}
