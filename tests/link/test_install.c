/* SPDX-License-Identifier: PostgreSQL */
/*
 * link/install.h and its parts: ISOs, initrds, console output, generalized disks; and complete installations in real
 * machines, whose "installer" is a kernel of a few dozen bytes that prints a given text.
 */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cache.h"
#include "console.h"
#include "disks.h"
#include "image_store.h"
#include "install.h"
#include "private_server.h"
#include "generalize.h"

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

static void run(const char *const *argv, struct strbuf *out)
{
	struct fail e = { 0 };

	assert_ok(proc_check(&(struct proc){ .argv = argv, .out = out, .dir = dir, .deadline_ms = clock_after_ms(60000) }, &e), e);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL }, NULL)

static const char *at(struct arena *a, const char *name)
{
	return arena_printf(a, "%s/%s", dir, name);
}

static void put(const char *name, const void *data, size_t len)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	char *path = arena_printf(a, "%s/%s", dir, name), *slash = strrchr(path, '/');

	*slash = '\0';
	assert_ok(file_mkdirs(path, 0755, &e), e);
	*slash = '/';
	assert_ok(file_write(path, data, len, 0644, &e), e);
}

/* --- a kernel that is only the real-mode part of the Linux boot protocol --- */

enum ending { OFF, RESET, HANG, AGAIN };

#define CODE_AT 0x270u
#define TEXT_AT 0x300u
#define TABLE_AT 0x700u
#define SETUP_SECTORS 5u

static void make_kernel(const char *name, const char *says, enum ending ending)
{
	static const unsigned char code[] = {
		0x1e, 0x07,                         /* es = ds */
		0xb8, 0x01, 0x03,                   /* BIOS: write one sector */
		0xbb, TABLE_AT & 255, TABLE_AT >> 8, /* a partition table */
		0xb9, 0x01, 0x00, 0xba, 0x80, 0x00, /* first sector, first disk */
		0xcd, 0x13,
		0xbe, TEXT_AT & 255, TEXT_AT >> 8,
		0xac, 0x84, 0xc0, 0x74, 0x11,       /* next character; 0 ends */
		0x88, 0xc4, 0xba, 0xfd, 0x03,
		0xec, 0xa8, 0x20, 0x74, 0xfb,       /* wait for the serial line */
		0x88, 0xe0, 0xb2, 0xf8, 0xee,
		0xeb, 0xea,
	};
	static const unsigned char endings[][16] = {
		[OFF] = { 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd }, /* ACPI: S5 */
		[RESET] = { 0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd },                 /* keyboard controller */
		[HANG] = { 0xf4, 0xeb, 0xfd },
		[AGAIN] = { 0xeb, (unsigned char)-(int)(sizeof code - 16 + 2) },
	};
	unsigned char image[(SETUP_SECTORS + 2) * 512] = { 0 };

	image[0x1f1] = SETUP_SECTORS;
	image[0x1fe] = 0x55, image[0x1ff] = 0xaa;
	image[0x200] = 0xeb, image[0x201] = CODE_AT - 0x202;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x03, image[0x207] = 0x02; /* protocol 2.3 */
	image[0x211] = 1;                         /* loaded high */
	memcpy(image + 0x22c, "\xff\xff\xff\x37", 4);
	memcpy(image + CODE_AT, code, sizeof code);
	memcpy(image + CODE_AT + sizeof code, endings[ending], sizeof endings[ending]);
	assert_true(strlen(says) < TABLE_AT - TEXT_AT);
	memcpy(image + TEXT_AT, says, strlen(says));
	/* a boot loader, and one partition of type Linux, from 1 MiB on */
	image[TABLE_AT] = 0xf4;
	image[TABLE_AT + 446 + 4] = 0x83;
	image[TABLE_AT + 446 + 9] = 0x08;
	image[TABLE_AT + 446 + 13] = 0x10;
	image[TABLE_AT + 510] = 0x55, image[TABLE_AT + 511] = 0xaa;
	put(name, image, sizeof image);
}

/* An ISO like el9's; its initrd is an empty archive plus one byte, so that alignment matters. */
static const char *make_iso(struct arena *a, const char *says, enum ending ending)
{
	const char *iso = at(a, "el9.iso");

	make_kernel("iso/images/pxeboot/vmlinuz", says, ending);
	put("iso/images/pxeboot/initrd.img", "\0\0\0\0\0", 5);
	unlink(iso);
	RUN("genisoimage", "-quiet", "-V", "EL9", "-J", "-r", "-o", iso, at(a, "iso"));
	return iso;
}

/* --- the medium --- */

static int prepare(const char *release, const char *iso, const struct inject *files, unsigned count, struct arena *a,
		   struct fail *e)
{
	const char *to = at(a, "prepared");

	assert_ok(file_remove_tree(to, e), *e);
	assert_ok(file_mkdirs(to, 0700, e), *e);
	return medium_prepare(family_find(release), iso, files, count, to, NULL, clock_after_ms(60000), e);
}

static void answers_are_in_the_initrd(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf listing = { 0 }, text = { 0 };
	const char *iso = make_iso(a, "", OFF);
	struct inject *files = NULL;
	struct fail e = { 0 };
	unsigned count = 0;

	(void)state;
	put("tree/bin/run.sh", "#!/bin/sh\n", 10);
	put("tree/word", "one\n", 4);
	chmod(at(a, "tree/bin/run.sh"), 0700);
	*arena_push(a, files, count) = (struct inject){ "ks.cfg", "lang C\n", 7, S_IFREG | 0600 };
	assert_ok(inject_tree(at(a, "tree"), "labctl", a, &files, &count, &e), e);
	assert_ok(prepare("el9", iso, files, count, a, &e), e);
	/* cpio, like the kernel, skips zeros up to the next multiple of four. */
	RUN("sh", "-c", "tail -c +9 prepared/initrd >appended && mkdir -p unpacked && cd unpacked && cpio -idm --quiet <../appended");
	run((const char *const[]){ "cpio", "-tv", "--quiet", "-F", at(a, "appended"), NULL }, &listing);
	assert_has(listing.text, "-rw-------   1 root     root            7");
	assert_has(listing.text, "drwxr-xr-x");
	assert_has(listing.text, "-rwxr-xr-x   1 root     root           10");
	assert_ok(file_read(at(a, "unpacked/ks.cfg"), 100, &text, &e), e);
	assert_ok(file_read(at(a, "unpacked/labctl/word"), 100, &text, &e), e);
	assert_ok(file_read(at(a, "unpacked/labctl/bin/run.sh"), 100, &text, &e), e);
	assert_string_equal(text.text, "lang C\none\n#!/bin/sh\n");
}

/* An ISO like make_iso()'s, with @treeinfo as its .treeinfo. */
static int prepare_tree(const char *release, const char *treeinfo, struct arena *a, struct fail *e)
{
	make_kernel("tree-iso/images/pxeboot/vmlinuz", "", OFF);
	put("tree-iso/images/pxeboot/initrd.img", "", 0);
	put("tree-iso/.treeinfo", treeinfo, strlen(treeinfo));
	unlink(at(a, "tree.iso"));
	RUN("genisoimage", "-quiet", "-V", "EL", "-J", "-r", "-o", at(a, "tree.iso"), at(a, "tree-iso"));
	*e = (struct fail){ 0 };
	return prepare(release, at(a, "tree.iso"), NULL, 0, a, e);
}

/* The formats of 2009 and 2022; labctl ignores the other sections. */
#define OLD_TREE(version, arch) "[general]\nfamily = CentOS\ntotaldiscs = 1\nversion = " version "\narch = " arch "\n[images-xen]\n"
#define NEW_TREE(version, arch) "[header]\nversion = 1.2\n\n[general]\narch=" arch "\nversion=" version "\n\n[tree]\narch = x\n"

static void media_of_other_systems(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e;

	(void)state;
	assert_ok(prepare_tree("el6", OLD_TREE("6.10", "x86_64"), a, &e), e);
	assert_ok(prepare_tree("el9", NEW_TREE("9.4", "x86_64"), a, &e), e);
	assert_ok(prepare_tree("el9", "", a, &e), e);
	assert_int_equal(prepare_tree("el6", OLD_TREE("6.10", "i386"), a, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_has(e.text, "is for i386, and this host's machines are x86_64");
	assert_int_equal(prepare_tree("el9", NEW_TREE("9.4", "aarch64"), a, &e), -1);
	assert_has(e.text, "is for aarch64");
	assert_int_equal(prepare_tree("el9", NEW_TREE("8.10", "x86_64"), a, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_has(e.text, "has version 8.10, not el9");
	assert_has(e.next, "--kickstart el8 --media");
}

/* On vendors' media the kernel has two names with the same extent. */
static void files_with_two_names(void **state)
{
	static const char *const both[] = { "el5", "el9" };
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf kernel = { 0 };
	struct fail e = { 0 };

	(void)state;
	make_iso(a, "", OFF);
	assert_ok(file_read(at(a, "iso/images/pxeboot/vmlinuz"), 1u << 20, &kernel, &e), e);
	RUN("sh", "-c", "mkdir -p iso/isolinux && ln iso/images/pxeboot/* iso/isolinux && "
	    "genisoimage -quiet -V EL -J -r -o two.iso iso; rm -r iso/isolinux");
	for (size_t i = 0; i < ARRAY_COUNT(both); i++) {
		auto_(strbuf_clear) struct strbuf found = { 0 };

		assert_ok(prepare(both[i], at(a, "two.iso"), NULL, 0, a, &e), e);
		assert_ok(file_read(at(a, "prepared/kernel"), 1u << 20, &found, &e), e);
		assert_int_equal(found.len, kernel.len);
		assert_memory_equal(found.text, kernel.text, kernel.len);
	}
}

static void media_that_cannot_work(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *iso = make_iso(a, "", OFF);
	struct fail e = { 0 };

	(void)state;
	RUN("sh", "-c", "head -c 200000 el9.iso >cut.iso; head -c 400000 /dev/zero >none.iso");
	assert_int_equal(prepare("el9", at(a, "cut.iso"), NULL, 0, a, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_has(e.text, "cut.iso is truncated");
	assert_int_equal(prepare("el9", at(a, "none.iso"), NULL, 0, a, &e), -1);
	assert_has(e.text, "is not an ISO image");
	assert_int_equal(prepare("el9", at(a, "missing.iso"), NULL, 0, a, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	/* el5 has its kernel elsewhere, so this medium has none. */
	assert_int_equal(prepare("el5", iso, NULL, 0, a, &e), -1);
	assert_int_equal(e.code, FAIL_HOST);
	assert_has(e.text, "does not contain isolinux/vmlinuz");
	assert_has(e.next, "installation DVD");
	put("iso/images/pxeboot/vmlinuz", "MZ of arm64", 11);
	RUN("genisoimage", "-quiet", "-V", "EL9", "-J", "-r", "-o", at(a, "arm.iso"), at(a, "iso"));
	assert_int_equal(prepare("el9", at(a, "arm.iso"), NULL, 0, a, &e), -1);
	assert_has(e.text, "another architecture");
	assert_int_equal(prepare("el9", "netboot", NULL, 0, a, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_int_equal(prepare("debian12", iso, NULL, 0, a, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
}

/* --- consoles --- */

static void consoles_are_understood(void **state)
{
	static const struct { const char *text; enum console_state state; const char *progress; } cases[] = {
		/* recorded from Debian 12's installer on a serial line, with a file missing on the mirror */
		{ "Configuring the network with DHCP  ... 4%... 12%... 100%\r\nLoading additional components  \r\n"
		  "Download installer components\r\n-----------------------------\r\n\r\n"
		  "Downloading a file failed:\r\n  1: Retry [*],  2: Change mirror,      3: Cancel,    \r\n"
		  "Prompt: '?' for help, default=1> ", CONSOLE_ASKS, "Prompt: '?' for help, default=1>" },
		{ "Prompt: '?' for help> \r\nInstalling the base system  ... 10%... 47%", CONSOLE_RUNS,
		  "Installing the base system 47%" },
		{ "[    4.278033] Run /init as init process\r\nDetecting network hardware  ... 2%... 95%... 100%\r\n",
		  CONSOLE_RUNS, "Detecting network hardware 100%" },
		{ "[  812.1] Starting installer\r\n[  900.123456] reboot: Power down\r\n", CONSOLE_OFF, "" },
		{ "Power down.\r\n", CONSOLE_OFF, "Power down." },
		{ "[  900.123456] reboot: Restarting system\r\n", CONSOLE_RESTARTS, "" },
		{ "[  900.123456] reboot: System halted\r\n", CONSOLE_HALTS, "" },
		{ "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n", CONSOLE_PANICS, "" },
		{ "[    0.000000] Linux version 5.14\r\nInstalling\r\n[    0.000000] Linux version 5.14\r\n",
		  CONSOLE_STARTS_OVER, "Installing" },
		/* not recorded: written from knowledge of anaconda */
		{ "Please make a selection from the above ['b' to begin installation, 'q' to quit, 'r' to refresh]: ",
		  CONSOLE_ASKS, NULL },
		{ "\033[1;1H\033[37;44mWelcome to CentOS\033[25;1H  <Tab>/<Alt-Tab> between elements  | <Space> selects\033[12;20H",
		  CONSOLE_ASKS, "  <Tab>/<Alt-Tab> between elements  | <Space> selects" },
		{ "Traceback (most recent call last):\r\n  File anaconda\r\n", CONSOLE_FAILS, NULL },
		{ "The installation was stopped due to incomplete spokes detected while running in non-interactive cmdline "
		  "mode.\r\n", CONSOLE_FAILS, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		/* at once, and byte by byte as from a slow serial line */
		for (size_t step = 1; step < 5000; step = step * 4999) {
			size_t len = strlen(cases[i].text);
			struct console c = { 0 };

			for (size_t k = 0; k < len; k += step)
				console_feed(&c, cases[i].text + k, len - k < step ? len - k : step);
			if (c.state != cases[i].state || (cases[i].progress && strcmp(c.progress, cases[i].progress) != 0))
				fail_msg("case %zu: state %d, progress '%s'", i, c.state, c.progress);
			console_clear(&c);
		}
}

static void repetition_is_no_news(void **state)
{
	struct console c = { 0 };
	char line[80];

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		console_feed(&c, line, (size_t)snprintf(line, sizeof line, "[%u.%u] trying mirror %u, %u KiB\r\n", i, i, i % 3, i));
	assert_int_equal(c.news, 1);
	console_feed(&c, "something else\r\n", 16);
	assert_int_equal(c.news, 2);
	/* A growing progress bar counts as news: on a slow machine it may take longer than the limit for a hang. */
	console_feed(&c, "Loading components  ... 4%", 26);
	assert_int_equal(c.news, 3);
	console_feed(&c, "... 7", 5);
	assert_int_equal(c.news, 3);
	console_feed(&c, "%", 1);
	assert_int_equal(c.news, 4);
	console_feed(&c, "\r\n", 2);
	for (unsigned i = 0; i < 50; i++)
		console_feed(&c, "Loading components  ... 4%... 7%\r\n", 34);
	assert_int_equal(c.news, 5); /* the complete line */
	console_clear(&c);
}

/* --- generalized disks --- */

static unsigned notes, lacking;

static void count_note(void *ctx, const char *line)
{
	(void)ctx;
	notes += strstr(line, "identity check skipped") != NULL;
	lacking += !strcmp(line, "not in the release: lrzsz") || !strcmp(line, "not in the release: tcl");
}

static int check_generalized(struct arena *a, bool gpt, struct fail *e)
{
	/* The second entry is the one in use. */
	const struct disk_part root = { 1, gpt ? "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4" : "\x83",
					2048, 2048 + 15 * 2048 - 1 };
	struct image_env env = { .line = count_note };
	auto_(close) int fd = -1;

	unlink(at(a, "disk"));
	RUN("mke2fs", "-q", "-t", "ext4", "-d", at(a, "root"), "-E", "offset=1048576", at(a, "disk"), "15M");
	RUN("truncate", "-s", "17M", at(a, "disk"));
	fd = open(at(a, "disk"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\xf4", 1, 0), 1);
	if (gpt)
		disk_put_gpt(fd, 17 * 2048, &root, 1);
	else
		disk_put_mbr(fd, &root);
	return generalize_check(at(a, "disk"), &env, e);
}

static void identities_are_found_from_outside(void **state)
{
	static const char *const traces[][2] = { { "root/etc/ssh/ssh_host_ed25519_key", "an SSH host key" },
						 { "root/etc/machine-id", "a machine id" },
						 { "root/var/lib/dhcp/dhclient.leases", "an address lease" },
						 { "root/var/log/installer/syslog", "the installer's logs" } };
	static const char id[] = "0123456789abcdef0123456789abcdef\n";
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };

	(void)state;
	notes = 0;
	put("root/etc/ssh/sshd_config", id, sizeof id - 1);
	put("root/etc/machine-id", "uninitialized\n", 14);
	put("root/var/lib/dhcp/dhclient.leases", "", 0);
	assert_ok(check_generalized(a, false, &e), e);
	assert_ok(check_generalized(a, true, &e), e);
	assert_int_equal(notes, 0);
	for (size_t i = 0; i < ARRAY_COUNT(traces); i++) {
		put(traces[i][0], id, sizeof id - 1);
		assert_int_equal(check_generalized(a, i % 2, &e), -1);
		assert_has(e.text, traces[i][1]);
		put(traces[i][0], "", 0);
	}
	RUN("dd", "if=/dev/zero", arena_printf(a, "of=%s", at(a, "disk")), "bs=440", "count=1", "conv=notrunc", "status=none");
	assert_int_equal(generalize_check(at(a, "disk"), &(struct image_env){ .line = count_note }, &e), -1);
	assert_has(e.text, "no boot loader");
	unlink(at(a, "disk"));
	RUN("truncate", "-s", "1M", at(a, "disk"));
	assert_int_equal(generalize_check(at(a, "disk"), &(struct image_env){ .line = count_note }, &e), -1);
	assert_has(e.text, "no partition");
}

/* --- complete installations --- */

static atomic_bool cancel;
static int64_t quiet_ms = 20000;

static int install(struct arena *a, const char *iso, struct image *ret, struct fail *e)
{
	static const struct inject answers = { "ks.cfg", "lang C\n", 7, S_IFREG | 0600 };
	struct image_env env = { .cache_dir = cache, .kickstart = dir, .line = count_note, .cancel = &cancel,
				 .deadline_ms = clock_after_ms(60000) };
	struct installer i = { .name = "rocky9", .release = family_find("el9"), .media = iso, .media_sha256 = "feed",
			       .files = &answers, .file_count = 1, .disk_gib = 4, .quiet_ms = quiet_ms };

	return install_image(&env, &i, a, ret, e);
}

/* Files other than finished images, locks and logs. */
static unsigned leftovers(void)
{
	auto_(arena_free) struct arena *a = arena_new();
	DIR *images = opendir(arena_printf(a, "%s/images", cache));
	struct dirent *entry;
	unsigned count = 0;

	while (images && (entry = readdir(images))) {
		const char *end = strrchr(entry->d_name, '.');

		count += entry->d_name[0] == '.' && strlen(entry->d_name) > 2 && strcmp(end, ".lock") != 0;
	}
	if (images)
		closedir(images);
	return count;
}

static void an_installed_disk_is_an_image(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf info = { 0 };
	struct image_env env = { .cache_dir = cache, .kickstart = dir, .line = count_note };
	struct image image;
	struct stored s;
	struct fail e = { 0 };
	struct stat st;

	(void)state;
	notes = 0;
	assert_ok(install(a, make_iso(a, "Installing bash (1/2)\r\nlabctl: not in the release: lrzsz\r\n"
				      "labctl: not in the release: tcl\r\nreboot: Power down\r\n", OFF), &image, &e), e);
	assert_int_equal(notes, 1);
	assert_int_equal(lacking, 2);
	assert_int_equal(leftovers(), 0);
	assert_ok(image_store_find(&env, "rocky9", a, &s, &e), e);
	assert_string_equal(s.image.dir, image.dir);
	assert_string_equal(s.about.release, "el9");
	assert_string_equal(s.about.family, "el7plus");
	assert_string_equal(s.about.source_sha256, "feed");
	assert_true(s.current && image_store_bytes(&s) > 0);
	run((const char *const[]){ "qemu-img", "info", image.disk, NULL }, &info);
	assert_has(info.text, "file format: qcow2");
	assert_has(info.text, "virtual size: 4 GiB");
	assert_int_equal(stat(arena_printf(a, "%s/log/install-rocky9.log", cache), &st), 0);
	assert_true(st.st_size > 0);
	assert_ok(image_store_remove(&env, &s, NULL, NULL, &e), e);
	assert_int_equal(image_store_find(&env, "rocky9", a, &s, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_int_equal(leftovers(), 0);
}

static void failures_have_reasons_and_leave_nothing(void **state)
{
	static const struct { const char *says; enum ending ending; enum fail_code code; const char *text; } cases[] = {
		{ "Please make a selection from the above: ", HANG, FAIL_OTHER, "asks a question" },
		{ "Kernel panic - not syncing: no root\r\n", HANG, FAIL_OTHER, "panicked" },
		{ "reboot: Restarting system\r\n", RESET, FAIL_OTHER, "restarted the machine" },
		{ "reboot: System halted\r\n", HANG, FAIL_OTHER, "did not switch the machine off" },
		{ "Traceback (most recent call last):\r\n", HANG, FAIL_OTHER, "installer failed" },
		{ "Traceback (most recent call last):\r\nreboot: Power down\r\n", OFF, FAIL_OTHER, "installer failed" },
		{ "Installing\r\n", OFF, FAIL_OTHER, "ended before its installer" },
		{ "Installing\r\n", HANG, FAIL_TIMEOUT, "hangs or runs in a loop" },
		{ "Retrying mirror 7\r\n", AGAIN, FAIL_TIMEOUT, "hangs or runs in a loop" },
	};

	(void)state;
	quiet_ms = 6000;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct fail e = { 0 };
		struct image image;

		assert_int_equal(install(a, make_iso(a, cases[i].says, cases[i].ending), &image, &e), -1);
		if (e.code != cases[i].code || !strstr(e.text, cases[i].text))
			fail_msg("case %zu: %s\n%s", i, e.text, e.evidence);
		assert_has(e.text, "image 'rocky9': ");
		assert_has(e.next, "install-rocky9.log");
		assert_has(e.evidence, arena_strndup(a, cases[i].says, 7));
		assert_int_equal(leftovers(), 0);
	}
	quiet_ms = 20000;
}

/* In a mount namespace where the cache is a small file system. */
static void without_room_nothing_starts(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *iso = make_iso(a, "Installing\r\n", HANG);
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		struct fail e = { 0 };
		struct image image;

		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || file_mkdirs(cache, 0755, &e) ||
		    mount("tmpfs", cache, "tmpfs", 0, "size=8m"))
			_exit(2);
		if (install(a, iso, &image, &e) != -1 || e.code != FAIL_HOST || !strstr(e.text, "MiB left, an installation needs 4096")) {
			fprintf(stderr, "%s\n", e.text);
			_exit(1);
		}
		_exit(leftovers() ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void *cancel_soon(void *ctx)
{
	(void)ctx;
	clock_sleep_ms(1000);
	atomic_store(&cancel, true);
	return NULL;
}

static void a_canceled_installation_leaves_nothing(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *iso = make_iso(a, "Installing\r\n", HANG);
	struct fail e = { 0 };
	struct image image;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	assert_int_equal(install(a, iso, &image, &e), -1);
	pthread_join(thread, NULL);
	atomic_store(&cancel, false);
	assert_int_equal(e.code, FAIL_CANCELED);
	assert_int_equal(leftovers(), 0);
}

/* Is a machine running whose disk is below the test's directory? */
static bool machine_runs(struct arena *a)
{
	const char *const argv[] = { "pgrep", "-f", arena_printf(a, "qemu-system-x86_64 .*%s/images/.rocky9.install", cache),
				     NULL };
	struct fail e = { 0 };
	int status = 1;

	assert_ok(proc_run(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(10000) }, &status, &e), e);
	return status == 0;
}

static void the_machine_dies_with_a_killed_installation(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *iso = make_iso(a, "Installing\r\n", HANG);
	int64_t deadline = clock_after_ms(20000);
	struct image_env env = { .cache_dir = cache };
	struct fail e = { 0 };
	struct image image;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(install(a, iso, &image, &e) == 0);
	while (!machine_runs(a) && clock_left_ms(deadline) > 0)
		clock_sleep_ms(50);
	assert_true(machine_runs(a));
	assert_null(cache_leftovers(env.cache_dir, a)[0]); /* still running */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (machine_runs(a) && clock_left_ms(deadline) > 0)
		clock_sleep_ms(50);
	assert_false(machine_runs(a));
	assert_int_equal(leftovers(), 1);
	assert_has(cache_leftovers(env.cache_dir, a)[0], ".rocky9.install");
	/* The next installation cleans up, whether it succeeds or not. */
	iso = make_iso(a, "reboot: Power down\r\n", OFF);
	assert_ok(install(a, iso, &image, &e), e);
	assert_int_equal(leftovers(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_in_the_initrd),
		cmocka_unit_test(files_with_two_names),
		cmocka_unit_test(media_that_cannot_work),
		cmocka_unit_test(media_of_other_systems),
		cmocka_unit_test(consoles_are_understood),
		cmocka_unit_test(repetition_is_no_news),
		cmocka_unit_test(identities_are_found_from_outside),
		cmocka_unit_test(an_installed_disk_is_an_image),
		cmocka_unit_test(failures_have_reasons_and_leave_nothing),
		cmocka_unit_test(without_room_nothing_starts),
		cmocka_unit_test(a_canceled_installation_leaves_nothing),
		cmocka_unit_test(the_machine_dies_with_a_killed_installation),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
