/* SPDX-License-Identifier: PostgreSQL */
/* link/image.h: a cache made by hand, real qcow2 overlays, real mounts. tests/e2e builds real images. */
#include "test.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "digest.h"
#include "image.h"
#include "proc.h"
#include "private_server.h"

static char dir[PRIVATE_PATH];
static char cache[PRIVATE_PATH + 16], kickstart[PRIVATE_PATH + 16];

static void put(const char *text, mode_t mode, const char *fmt, const char *name)
{
	auto_(strbuf_clear) struct strbuf path = { 0 };
	struct fail e = { 0 };
	char *slash;

	strbuf_printf(&path, "%s/", dir);
	strbuf_printf(&path, "%s", fmt);
	if (name)
		strbuf_printf(&path, "/%s", name);
	slash = strrchr(path.text, '/');
	*slash = '\0';
	assert_ok(file_mkdirs(path.text, 0755, &e), e);
	*slash = '/';
	private_write(path.text, mode, text);
}

/* The test's build-image is a program with the same interface that makes a small tree from the recipe. */
static const char script[] =
	"set -eu\n"
	"tree=0 print=0 all=$*\n"
	"while :; do case $1 in --tree) tree=1;; --print) print=1;; --release) shift;; *) break;; esac; shift; done\n"
	"if [ $print = 1 ]; then echo \"tree $tree $all\"; cat \"$1/packages\" \"${0%/*}/offer\"; exit; fi\n"
	"for out; do :; done\n"
	"mkdir -p \"$out/root\"; for r; do [ \"$r\" = \"$out\" ] || cat \"$r/packages\"; done >\"$out/packages.txt\"\n"
	"echo \"image: making $1\"; echo words of a tool >&2\n"
	"! grep -q broken \"$1/packages\" || { rm -r \"$out\"; exit 3; }\n"
	"[ $tree = 1 ] || { echo disk >\"$out/disk.qcow2\"; echo k >\"$out/vmlinuz\"; echo i >\"$out/initrd.img\"; }\n";

static int setup(void **state)
{
	(void)state;
	private_tmpdir(dir);
	snprintf(cache, sizeof cache, "%s/cache", dir);
	snprintf(kickstart, sizeof kickstart, "%s/kickstart", dir);
	put(script, 0755, "kickstart/build-image", NULL);
	put("", 0644, "kickstart/offer", NULL);
	put("bash\n", 0644, "kickstart/mini/packages", NULL);
	put("gcc\n", 0644, "kickstart/gcc/packages", NULL);
	put("mini\n", 0644, "kickstart/gcc/base", NULL);
	put("broken\n", 0644, "kickstart/wrong/packages", NULL);
	put("#!/bin/sh\n", 0755, "kickstart/mini/files/etc/hook", NULL);
	return 0;
}

static int teardown(void **state)
{
	struct fail e = { 0 };

	(void)state;
	return file_remove_tree(dir, &e);
}

static void count_line(void *ctx, const char *line)
{
	assert_has(line, "image: making");
	++*(int *)ctx;
}

static void built_once_and_found_again(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	int lines = 0;
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart, .line = count_line, .line_ctx = &lines,
				 .deadline_ms = clock_after_ms(30000) };
	struct image image = { 0 }, found = { 0 }, *list;
	struct fail e = { 0 };
	unsigned count;
	bool built = false;

	(void)state;
	assert_int_equal(image_find(&env, "mini", a, &found, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_string_equal(e.next, "labctl image build mini");
	assert_int_equal(image_find(&env, "mimi", a, &found, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_has(e.text, "'mini'");
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_true(built);
	assert_int_equal(lines, 1);
	assert_int_equal(strlen(image.digest), 64);
	assert_non_null(image.disk);
	assert_non_null(image.kernel);
	assert_non_null(image.initrd);
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_false(built);
	assert_ok(image_build(&env, "gcc", a, &found, &built, &e), e);
	assert_true(built);
	assert_null(found.disk);
	assert_non_null(found.root);
	assert_ok(image_list(&env, a, &list, &count, &e), e);
	assert_int_equal(count, 2);
	assert_ok(image_find(&env, "mini", a, &found, &e), e);
	assert_string_equal(found.dir, image.dir);
	/* a changed recipe is another image */
	put("bash\nsed\n", 0644, "kickstart/mini/packages", NULL);
	assert_int_equal(image_find(&env, "mini", a, &found, &e), -1);
	assert_ok(image_build(&env, "mini", a, &found, &built, &e), e);
	assert_true(built);
	assert_string_not_equal(found.dir, image.dir);
}

/* Another process builds an image of the same name from another recipe: the existing one can be used meanwhile. */
static void no_wait_for_another_build(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart, .deadline_ms = clock_after_ms(30000) };
	auto_(close) int lock = -1;
	struct fail e = { 0 };
	struct image image;
	bool built;

	(void)state;
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_ok(file_lock(arena_printf(a, "%s/images/.mini.lock", cache), "image build", clock_after_ms(0), &lock, &e), e);
	env.deadline_ms = clock_after_ms(300);
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_false(built);
	put("dash\n", 0644, "kickstart/mini/packages", NULL);
	assert_int_equal(image_build(&env, "mini", a, &image, &built, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
}

static void failed_build_leaves_its_log(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart, .deadline_ms = clock_after_ms(30000) };
	struct image image, *list;
	struct fail e = { 0 };
	unsigned count;
	bool built;

	(void)state;
	assert_int_equal(image_build(&env, "wrong", a, &image, &built, &e), -1);
	assert_has(e.text, "image 'wrong'");
	assert_has(e.evidence, "words of a tool");
	assert_has(e.next, "log/image-wrong.log");
	assert_ok(image_list(&env, a, &list, &count, &e), e);
	assert_int_equal(count, 0);
}

static void recipes_are_listed(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart };
	const char *const *names = image_recipes(&env, a);

	(void)state;
	assert_string_equal(names[0], "gcc");
	assert_string_equal(names[1], "mini");
	assert_string_equal(names[2], "wrong");
	assert_null(names[3]);
}

/* A row of `releases` makes an image of each recipe whose name begins with its second word. */
static void recipes_of_releases(void **state)
{
	static const char *const expected[] = { "gcc", "mini12", "mini12-more", "mini13", "mini13-more", "wrong", NULL };
	auto_(arena_free) struct arena *a = arena_new();
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart, .deadline_ms = clock_after_ms(30000) };
	const char *const *names;
	struct image twelve, image;
	struct fail e = { 0 };
	bool built;

	(void)state;
	put("# comment\nmini12 mini suite=a\nmini13 mini suite=b\n", 0644, "kickstart/releases", NULL);
	put("sed\n", 0644, "kickstart/mini-more/packages", NULL);
	put("mini\n", 0644, "kickstart/mini-more/base", NULL);
	names = image_recipes(&env, a);
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
		assert_true(!expected[i] == !names[i] && (!names[i] || !strcmp(expected[i], names[i])));
	assert_ok(image_build(&env, "mini12", a, &twelve, &built, &e), e);
	assert_true(built);
	assert_non_null(twelve.disk);
	assert_ok(image_build(&env, "mini13", a, &image, &built, &e), e);
	assert_true(built);
	assert_string_not_equal(image.digest, twelve.digest);
	assert_ok(image_build(&env, "mini13-more", a, &image, &built, &e), e);
	assert_string_equal(image.name, "mini13-more");
	assert_null(image.disk);
	/* Without its release a recipe makes no image, and another release's name makes none. */
	assert_int_equal(image_build(&env, "mini", a, &image, &built, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_int_equal(image_build(&env, "mini14", a, &image, &built, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	/* Only the image of the changed row is built anew. */
	put("mini12 mini suite=a\nmini13 mini suite=c\n", 0644, "kickstart/releases", NULL);
	assert_ok(image_build(&env, "mini12", a, &image, &built, &e), e);
	assert_false(built);
	assert_int_equal(image_find(&env, "mini13", a, &image, &e), -1);
}

/* gcc is based on mini and cpan on gcc: all three are applied, the base first. */
static void recipes_have_bases(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart, .deadline_ms = clock_after_ms(30000) };
	auto_(strbuf_clear) struct strbuf made = { 0 };
	struct image image;
	struct fail e = { 0 };
	bool built;

	(void)state;
	put("perl\n", 0644, "kickstart/cpan/packages", NULL);
	put("gcc\n", 0644, "kickstart/cpan/base", NULL);
	assert_ok(image_build(&env, "cpan", a, &image, &built, &e), e);
	assert_null(image.disk);
	assert_ok(file_read(arena_printf(a, "%s/packages.txt", image.dir), 4096, &made, &e), e);
	assert_string_equal(strbuf_text(&made), "bash\ngcc\nperl\n");
	/* a change of the base changes all of them */
	put("sed\n", 0644, "kickstart/mini/packages", NULL);
	assert_int_equal(image_find(&env, "cpan", a, &image, &e), -1);
	put("minn\n", 0644, "kickstart/gcc/base", NULL);
	assert_int_equal(image_find(&env, "cpan", a, &image, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_has(e.text, "'minn'");
	assert_has(e.text, "did you mean 'mini'");
	put("cpan\n", 0644, "kickstart/gcc/base", NULL);
	assert_int_equal(image_find(&env, "cpan", a, &image, &e), -1);
	assert_has(e.text, "'cpan' is based on itself");
}

static void apt_is_asked_on_demand(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct image_env env = { .cache_dir = cache, .kickstart = kickstart, .deadline_ms = clock_after_ms(30000) };
	struct image before, image;
	struct fail e = { 0 };
	bool built;

	(void)state;
	assert_ok(image_build(&env, "mini", a, &before, &built, &e), e);
	put("citus\n", 0644, "kickstart/offer", NULL);
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_string_equal(image.dir, before.dir);
	env.resolve = true;
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_true(built);
	assert_string_not_equal(image.dir, before.dir);
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_false(built);
	/* the package is no longer offered: the first image is used again */
	put("", 0644, "kickstart/offer", NULL);
	assert_ok(image_build(&env, "mini", a, &image, &built, &e), e);
	assert_string_equal(image.dir, before.dir);
}

/* The real kickstart/build-image, with an apt whose only source is a directory of packages. */
static void optional_packages_come_from_the_hosts_apt(void **state)
{
	static const char make[] =
		"set -eu; cd \"$1\"; repo=$1/repo\n"
		"mkdir -p repo pkg/DEBIAN parts lists/partial cache/archives/partial recipe\n"
		"for v in 9.1 10.2; do\n"
		"printf 'Package: labctl-soft-%s\\nVersion: %s-1\\nArchitecture: all\\nMaintainer: labctl\\nDescription: soft\\n' "
		"$v $v >pkg/DEBIAN/control; dpkg-deb -b pkg repo/$v.deb\n"
		"(dpkg-deb -f repo/$v.deb; echo \"Filename: ./$v.deb\"; echo \"Size: $(stat -c %s repo/$v.deb)\"\n"
		"echo \"SHA256: $(sha256sum <repo/$v.deb | cut -d' ' -f1)\"; echo) >>repo/Packages\n"
		"done\n"
		"printf '# ours\\nTypes: deb\\nURIs: file:/nowhere\\nSuites: ./\\nEnabled: no\\n\\n"
		"Types: deb\\nURIs: file:%s\\nSuites: ./\\nTrusted: yes\\n' \"$repo\" >parts/soft.sources\n"
		"printf 'Dir::Etc::sourcelist \"/dev/null\";\\nDir::Etc::sourceparts \"%s/parts\";\\n"
		"Dir::State::lists \"%s/lists\";\\nDir::Cache \"%s/cache\";\\nAPT::Sandbox::User \"root\";\\n' "
		"\"$1\" \"$1\" \"$1\" >apt.conf\n"
		"APT_CONFIG=$1/apt.conf apt-get update\n"
		"echo trixie >recipe/suite; printf 'sed\\n?labctl-soft-*\\n?labctl-none-*\\n' >recipe/packages\n";
	static const char print[] = "APT_CONFIG=$1/apt.conf exec bash " SOURCE_DIR "/kickstart/build-image --print \"$1/recipe\"";
	const char *run[] = { "sh", "-c", make, "sh", dir, NULL };
	auto_(strbuf_clear) struct strbuf with = { 0 }, without = { 0 };
	struct proc p = { .argv = run, .deadline_ms = clock_after_ms(120000) };
	char path[PRIVATE_PATH + 32];
	struct fail e = { 0 };

	(void)state;
	if (!proc_found("apt-get"))
		skip();
	assert_ok(proc_check(&p, &e), e);
	run[2] = print;
	p.out = &with;
	assert_ok(proc_check(&p, &e), e);
	/* the newest by version, not by name, and its source as in the file */
	assert_has(strbuf_text(&with), "\npackage sed\npackage labctl-soft-10.2=10.2-1\nsource Types: deb\nsource URIs: file:");
	assert_has(strbuf_text(&with), "\nsource Trusted: yes\nfile build-image");
	assert_null(strstr(strbuf_text(&with), "labctl-none"));
	assert_null(strstr(strbuf_text(&with), "/nowhere"));
	snprintf(path, sizeof path, "%s/parts/soft.sources", dir);
	assert_int_equal(unlink(path), 0);
	p.out = &without;
	assert_ok(proc_check(&p, &e), e);
	assert_has(strbuf_text(&without), "\npackage sed\nfile build-image");
}

static void disks_are_overlays(void **state)
{
	char base[PRIVATE_PATH + 16], disk[PRIVATE_PATH + 16], other[PRIVATE_PATH + 16];
	const char *make[] = { "qemu-img", "create", "-q", "-f", "qcow2", base, "2G", NULL };
	const char *check[] = { "qemu-img", "info", "--backing-chain", disk, NULL };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct fail e = { 0 };
	bool changed = false;

	(void)state;
	if (!proc_found("qemu-img"))
		skip();
	snprintf(base, sizeof base, "%s/base.qcow2", dir);
	private_run(make);
	snprintf(disk, sizeof disk, "%s/disk.qcow2", dir);
	assert_ok(image_overlay(base, disk, 3, &changed, &e), e);
	assert_true(changed);
	assert_ok(image_overlay(base, disk, 3, &changed, &e), e);
	assert_false(changed);
	assert_ok(proc_check(&(struct proc){ .argv = check, .out = &out, .deadline_ms = clock_after_ms(120000) }, &e), e);
	assert_has(strbuf_text(&out), "3 GiB");
	assert_has(strbuf_text(&out), base);
	snprintf(other, sizeof other, "%s/other.qcow2", dir);
	assert_int_equal(image_overlay(other, disk, 3, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_int_equal(image_overlay(base, other, 1, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	assert_ok(image_overlay(base, other, 0, &changed, &e), e);
	assert_int_equal(image_overlay(other, disk, 3, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
}

static void machines_get_copies_of_kernel_and_initrd(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *kernel = arena_printf(a, "%s/i/vmlinuz", dir), *disk = arena_printf(a, "%s/i/disk.qcow2", dir);
	const char *copy = arena_printf(a, "%s/n/vmlinuz", dir);
	const struct image image = { .name = "i", .disk = disk, .kernel = kernel,
				     .initrd = arena_printf(a, "%s/i/initrd.img", dir) };
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	struct stat of, is;
	bool changed;

	(void)state;
	put("disk\n", 0644, "i/disk.qcow2", NULL);
	put("kernel\n", 0644, "i/vmlinuz", NULL);
	put("initrd\n", 0644, "i/initrd.img", NULL);
	put("", 0600, "n/vmlinuz.new", NULL); /* of a copy that was killed */
	assert_ok(image_copy_boot(&image, arena_printf(a, "%s/n", dir), &changed, &e), e);
	assert_true(changed);
	assert_ok(file_read(copy, 4096, &text, &e), e);
	assert_ok(file_read(arena_printf(a, "%s/n/initrd.img", dir), 4096, &text, &e), e);
	assert_string_equal(strbuf_text(&text), "kernel\ninitrd\n");
	assert_int_equal(stat(kernel, &of) || stat(copy, &is), 0);
	assert_true(of.st_ino != is.st_ino);
	assert_int_equal(is.st_mode & 0777, 0600);
	assert_ok(image_copy_boot(&image, arena_printf(a, "%s/n", dir), &changed, &e), e);
	assert_false(changed);

	/* given to qemu's user, for a machine that an older labctl defined */
	assert_int_equal(chown(disk, 1, 1) || chmod(disk, 0660) || chown(kernel, 1, 1), 0);
	assert_ok(image_take_back(&image, &e), e);
	assert_int_equal(stat(disk, &of) || stat(kernel, &is), 0);
	assert_true(of.st_uid == geteuid() && is.st_uid == geteuid() && (of.st_mode & 0777) == 0644);
}

static void trees_are_overlays(void **state)
{
	char lower[PRIVATE_PATH + 16], node[PRIVATE_PATH + 16], path[PRIVATE_PATH + 64];
	struct fail e = { 0 };
	bool changed = false;
	int busy;

	(void)state;
	if (geteuid() != 0)
		skip();
	put("of the image", 0644, "low er/file", NULL);
	snprintf(lower, sizeof lower, "%s/low er", dir);
	snprintf(node, sizeof node, "%s/no,d:e", dir);
	assert_ok(root_unmount(node, &e), e);
	assert_ok(root_mount(lower, node, &changed, &e), e);
	assert_true(changed);
	assert_ok(root_mount(lower, node, &changed, &e), e);
	assert_false(changed);
	snprintf(path, sizeof path, "%s/root/file", node);
	private_write(path, 0644, "of the node");
	/* it is unmounted although a file is open */
	busy = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(root_unmount(node, &e), e);
	assert_false(file_exists(path));
	close(busy);
	assert_ok(root_mount(lower, node, &changed, &e), e);
	assert_true(file_exists(path));
	assert_int_equal(root_mount(dir, node, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	/* another mount on top of it */
	snprintf(path, sizeof path, "%s/root", node);
	assert_int_equal(mount("other", path, "tmpfs", 0, NULL), 0);
	assert_int_equal(root_mount(lower, node, &changed, &e), -1);
	assert_int_equal(e.code, FAIL_CONFLICT);
	assert_non_null(strstr(e.text, "something else is mounted there"));
	assert_ok(root_unmount(node, &e), e);
	assert_int_equal(rmdir(path), 0);
	assert_ok(root_unmount(node, &e), e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(built_once_and_found_again, setup, teardown),
		cmocka_unit_test_setup_teardown(no_wait_for_another_build, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_build_leaves_its_log, setup, teardown),
		cmocka_unit_test_setup_teardown(recipes_are_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(recipes_of_releases, setup, teardown),
		cmocka_unit_test_setup_teardown(recipes_have_bases, setup, teardown),
		cmocka_unit_test_setup_teardown(apt_is_asked_on_demand, setup, teardown),
		cmocka_unit_test_setup_teardown(optional_packages_come_from_the_hosts_apt, setup, teardown),
		cmocka_unit_test_setup_teardown(disks_are_overlays, setup, teardown),
		cmocka_unit_test_setup_teardown(machines_get_copies_of_kernel_and_initrd, setup, teardown),
		cmocka_unit_test_setup_teardown(trees_are_overlays, setup, teardown),
	};

	/* Empty: outside of any sandbox. */
	setenv("LABCTL_SANDBOX", "", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
