/* SPDX-License-Identifier: PostgreSQL */
/* Unattended installations: their text, the check's findings, and the seed of a clone. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "kickstart.h"
#include "kickstart_check.h"
#include "proc.h"
#include "seed.h"

static struct library *lib;
static struct lab *lab;

static int open_all(void **state)
{
	static const char yaml[] = "lab: d\nnodes: 2\nnetwork: {subnet: 10.88.0.0/22}\n"
				   "tuning: {profile: classic, timezone: Asia/Shanghai, ntp_server: time.example}\n";
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	struct fail e = { 0 };

	(void)state;
	if (library_load(SOURCE_DIR, &lib, &e) < 0)
		return -1;
	return lab_parse(yaml, sizeof yaml - 1, "test.yaml", &o, &lab, &e);
}

static int close_all(void **state)
{
	(void)state;
	lab_free(lab);
	library_free(lib);
	return 0;
}

static bool has(const char *const *list, unsigned count, const char *word)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(list[i], word))
			return true;
	return false;
}

static struct install install_for(const char *release, struct arena *a)
{
	struct install i;
	struct fail e = { 0 };

	if (install_init(&i, lab, family_find(release), "img", lib, a, &e) < 0)
		fail_msg("%s", e.text);
	i.mirror_host = "mirror.example";
	return i;
}

static void from_the_lab(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct install i = install_for("el5", a);
	struct fail e = { 0 };
	const char *text;

	(void)state;
	assert_string_equal(i.timezone, "Asia/Shanghai");
	assert_string_equal(i.ntp_server, "time.example");
	assert_string_equal(i.selinux, "disabled");
	assert_string_equal(i.services_on, "multipathd");
	assert_non_null(strstr(i.services_off, "acpid,avahi-daemon,bluetooth,hidd,"));
	assert_null(i.user);
	assert_true(has(i.packages, i.package_count, "e4fsprogs"));
	i = install_for("el9", a);
	assert_non_null(strstr(i.kernel_args, "selinux=0"));
	assert_false(has(i.packages, i.package_count, "e4fsprogs"));
	assert_false(has(i.packages, i.package_count, ""));
	assert_int_equal(i.left_out_count, 2);
	i = install_for("debian12", a);
	i.mirror_host = "";
	assert_int_equal(kickstart_render(&i, lib, a, &text, &e), -1);
	assert_int_equal(e.code, FAIL_USAGE);
	assert_true(has(i.packages, i.package_count, "openssh-server"));
	assert_true(has(i.packages, i.package_count, "zlib1g"));
	assert_true(has(i.packages, i.package_count, "libperl5.36"));
	assert_true(has(i.packages, i.package_count, "postgresql-15-repack"));
	i = install_for("debian13", a);
	assert_true(has(i.packages, i.package_count, "libperl5.40"));
	assert_true(has(i.packages, i.package_count, "postgresql-17-repack"));
	for (unsigned k = 0; k < i.package_count; k++)
		if (strchr(i.packages[k], '#') || strchr(i.packages[k], '?') || !strncmp(i.packages[k], "linux-image", 11))
			fail_msg("%s", i.packages[k]);
}

/* Each release's kickstart installs the packages of the walk-through's yum line, by its own names for them. */
static void the_walkthroughs_packages_everywhere(void **state)
{
	static const char *const line[] = { "lrzsz", "sysstat", "e4fsprogs", "ntp", "readline-devel", "zlib", "zlib-devel", "openssl",
					    "openssl-devel", "pam-devel", "libxml2-devel", "libxslt-devel", "python-devel", "tcl-devel" };

	(void)state;
	for (unsigned r = RELEASE_EL5; r < RELEASE_COUNT; r++) {
		auto_(arena_free) struct arena *a = arena_new();
		struct install i = install_for(releases[r].name, a);
		struct fail e = { 0 };
		const char *text;

		assert_int_equal(kickstart_render(&i, lib, a, &text, &e), 0);
		text = strstr(text, "\n%packages");
		assert_non_null(text);
		for (size_t k = 0; k < ARRAY_COUNT(line); k++)
			if (!strstr(text, arena_printf(a, "\n%s\n", family_package(&releases[r], line[k], NULL))))
				fail_msg("%s (%s) is not installed in %s", line[k], family_package(&releases[r], line[k], NULL),
					 releases[r].name);
	}
}

/* Values that cannot be quoted are refused; others are quoted as one word. */
static void values(void **state)
{
	static const char *const one_package[] = { "two words" };
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	const char *text = NULL;

	(void)state;
#define REFUSED(field, bad) do { \
		struct install i = install_for("el9", a); \
		i.field = bad; \
		e = (struct fail){ 0 }; \
		if (kickstart_render(&i, lib, a, &text, &e) == 0 || e.code != FAIL_USAGE) \
			fail_msg(#field " '%s': %s", bad, e.text); \
	} while (0)
	REFUSED(hostname, "a\nreboot");
	REFUSED(timezone, "Europe/Berlin\r");
	REFUSED(media, "%include /etc/shadow");
	REFUSED(authorized_keys, "ssh-ed25519 AAAA\tme");
#undef REFUSED
	struct install i = install_for("el9", a);

	i.packages = one_package, i.package_count = 1;
	assert_int_equal(kickstart_render(&i, lib, a, &text, &e), -1);
	i = install_for("el9", a);
	i.media = "http://host/a b?x='1'";
	i.authorized_keys = "ssh-rsa A it's $HOME\n\nssh-rsa B\n";
	assert_int_equal(kickstart_render(&i, lib, a, &text, &e), 0);
	assert_non_null(strstr(text, "\nurl --url='http://host/a b?x='\\''1'\\'''\n"));
	assert_non_null(strstr(text, "\nprintf '%s\\n' 'ssh-rsa A it'\\''s $HOME' >>"));
	assert_non_null(strstr(text, "\nprintf '%s\\n' 'ssh-rsa B' >>"));
}

/* Mistakes added to a correct kickstart, and what the check reports. */
static void mistakes(void **state)
{
	static const struct { const char *release, *cut, *add, *key, *says; } cases[] = {
		{ "el9", NULL, "install\n", "install", "unknown in el9 (el5 to el7)" },
		{ "el8", NULL, "timesource --ntp-server=x\n", "timesource", "el9 and later" },
		{ "el10", NULL, "timezone UTC --ntpservers=x\n", "timezone", "el10 has no --ntpservers (el7 to el9)" },
		{ "el8", NULL, "rootpw --allow-ssh x\n", "rootpw", "--allow-ssh" },
		{ "el5", NULL, "user --name=x --lock\n", "user", "--lock" },
		{ "el7", NULL, "partitoin / --size=1\n", "partitoin", "unknown in every release" },
		{ "el7", NULL, "lang 'en_US\n", "", "quote" },
		{ "el7", NULL, "lang en_US # isn't one\n", NULL, NULL },
		{ "el7", NULL, "%pst\n%end\n", "%pst", "unknown in every release" },
		{ "el6", NULL, "%addon x\n%end\n", "%addon", "el7 and later" },
		{ "el9", NULL, "%post\necho\n", "%post", "not closed" },
		{ "el9", NULL, "%post\n%pre\n%end\n", "%post", "not closed with %end before line" },
		{ "el5", NULL, "%post\necho\n", NULL, NULL },
		{ "el5", NULL, "%end\n", "%end", "unknown in el5" },
		{ "el9", NULL, "%end\n", "%end", "no section is open" },
		{ "el9", NULL, "%packages --nobase\n%end\n", "%packages", "--nobase" },
		{ "el9", NULL, "%packages\na b\n%end\n", "%packages", "'a b'" },
		{ "el9", NULL, "%packages\n@^minimal-environment\n-x* # why\n%end\n", NULL, NULL },
		{ "el9", NULL, "firewall --port=@{port}\n", "@{", "placeholder" },
		{ "el9", NULL, "user --name=x --password=\x01secret:x\x02\n", "secret", "placeholder" },
		{ "el9", "\npoweroff", "", "poweroff shutdown", "the installer asks to be restarted" },
		{ "el6", "\ncmdline", "", "cmdline text", "how to show itself" },
		{ "el5", "\nkey --skip", "", "key", "number of the installation" },
		{ "el10", "\nzerombr", "", "zerombr", "initialise" },
		{ "debian12", NULL, "d-i only/two\n", "d-i", "owner question type value" },
		{ "debian12", NULL, "d-i a/b bolean true\n", "a/b", "'bolean'" },
		{ "debian12", NULL, "d-i a/b boolean yes\n", "a/b", "true or false" },
		{ "debian12", NULL, "d-i a/b string one \\\n\td-i is not an owner\n", NULL, NULL },
		{ "debian12", NULL, "d-i time/zone string UTC\n", "time/zone", "twice" },
		{ "debian12", "\nd-i partman/confirm boolean true", "", "partman/confirm", "missing" },
		{ "debian12", "\nd-i mirror/http/proxy", "", "mirror/http/proxy", "missing" },
	};
	auto_(arena_free) struct arena *a = arena_new();

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(cases); k++) {
		struct install i = install_for(cases[k].release, a);
		struct problems p = { .arena = a };
		auto_(strbuf_clear) struct strbuf text = { 0 };
		const char *right, *cut;
		struct fail e = { 0 };
		int lines = 0;

		assert_int_equal(kickstart_render(&i, lib, a, &right, &e), 0);
		if (kickstart_check(i.release, "it", right, &p, &e) < 0)
			fail_msg("%s: %s", cases[k].release, e.text);
		cut = cases[k].cut ? strstr(right, cases[k].cut) : right;
		assert_non_null(cut);
		strbuf_add(&text, right, (size_t)(cut - right));
		strbuf_str(&text, cases[k].cut ? cut + 1 + strcspn(cut + 1, "\n") : right);
		/* el5's last section has no %end, so commands go before the first section. */
		if (!cases[k].cut && *cases[k].add != '%' && i.release->syntax) {
			strbuf_truncate(&text, 0);
			strbuf_printf(&text, "%s%s", cases[k].add, right);
			lines = 1;
		} else {
			for (const char *c = strbuf_text(&text); *c; c++)
				lines += *c == '\n';
			lines += *cases[k].add != '\0';
			strbuf_str(&text, cases[k].add);
		}
		if (!cases[k].key) {
			if (kickstart_check(i.release, "it", text.text, &p, &e) < 0)
				fail_msg("%s + %s: %s", cases[k].release, cases[k].add, e.text);
			continue;
		}
		if (kickstart_check(i.release, "it", text.text, &p, &e) == 0)
			fail_msg("%s + '%s' is right?", cases[k].release, cases[k].add);
		if (p.count != 1)
			fail_msg("%s + '%s': %s", cases[k].release, cases[k].add, e.evidence);
		if (strcmp(p.items[0].key, cases[k].key) != 0 || !strstr(p.items[0].text, cases[k].says))
			fail_msg("%s + '%s': %s: %s", cases[k].release, cases[k].add, p.items[0].key, p.items[0].text);
		/* The problem has the added line or the one after it; a missing command has no line. */
		if (*cases[k].add ? p.items[0].line < lines || p.items[0].line > lines + 1 : p.items[0].line != 0)
			fail_msg("%s + '%s': line %d, not %d", cases[k].release, cases[k].add, p.items[0].line, lines);
		assert_int_equal(e.code, FAIL_OTHER);
		assert_memory_equal(e.text, "it:", 3);
	}
}

/* --- the seed of a clone: the real script, run on a directory that imitates a system --- */

struct clone { char dir[64]; struct arena *a; };

static void put(const struct clone *c, const char *path, const char *text, size_t len)
{
	char *full = arena_printf(c->a, "%s%s", c->dir, path), *slash = strrchr(full, '/');
	struct fail e = { 0 };

	*slash = '\0';
	assert_int_equal(file_mkdirs(full, 0755, &e), 0);
	*slash = '/';
	if (file_write(full, text, len, 0644, &e) < 0)
		fail_msg("%s", e.text);
}

static const char *get(const struct clone *c, const char *path)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };

	if (file_read(arena_printf(c->a, "%s%s", c->dir, path), 1 << 20, &text, &e) < 0)
		fail_msg("%s", e.text);
	return arena_strdup(c->a, strbuf_text(&text));
}

static void run_seed(const struct clone *c, const char *how)
{
	const char *root = arena_printf(c->a, "SEED_ROOT=%s", c->dir);
	const char *argv[] = { "env", root, "sh", SOURCE_DIR "/kickstart/seed-el", how, NULL };
	struct fail e = { 0 };

	if (proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(20000) }, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
}

/* A system of @family with node 2's disks and network cards, and the seed that seed.c makes. */
static struct clone clone_of(const char *marker, struct arena *a)
{
	static const struct seed_keys keys = { "PRIVATE", "ssh-ed25519 AAAA host\n", "ssh-ed25519 BBBB lab\n" };
	struct clone c = { .dir = "/tmp/labctl-clone-XXXXXX", .a = a };
	const struct node *n = &lab->nodes[1];
	unsigned count;
	size_t len;
	const struct payload_file *files = seed_files(lab, n, &keys, a, &count);
	const void *tar = seed_tar(files, count, a, &len);

	assert_non_null(mkdtemp(c.dir));
	put(&c, "/sys/block/vda/serial", "", 0);
	put(&c, "/sys/block/vdb/serial", "labctl-seed", 11);
	put(&c, "/dev/vdb", tar, len);
	put(&c, "/sys/class/net/lo/address", "00:00:00:00:00:00\n", 18);
	put(&c, "/sys/class/net/eth7/address", arena_printf(a, "%s\n", n->mac), 18);
	put(&c, "/etc/machine-id", "old\n", 4);
	put(&c, "/etc/ssh/sshd_config", "HostKey /x\nUsePAM yes\n", 22);
	put(&c, "/etc/sysconfig/network-scripts/ifcfg-lo", "lo\n", 3);
	put(&c, "/etc/sysconfig/network-scripts/ifcfg-eth0", "installer\n", 10);
	put(&c, marker, "", 0);
	return c;
}

static bool gone(const struct clone *c, const char *path)
{
	return !file_exists(arena_printf(c->a, "%s%s", c->dir, path));
}

static void clone_with_init(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct clone c = clone_of("/etc/udev/rules.d/70-persistent-net.rules", a);
	struct fail e = { 0 };
	const char *text;

	(void)state;
	put(&c, "/etc/redhat-release", "CentOS release 5.9 (Final)\n", 27);
	run_seed(&c, "install");
	run_seed(&c, "install"); /* a second run changes nothing */
	text = get(&c, "/etc/ssh/sshd_config");
	assert_ptr_equal(strstr(text, "HostKey /etc/ssh/ssh_host_rsa_key\n"), text + 9);
	assert_null(strstr(text + 20, "HostKey"));
	assert_null(strstr(text, "MaxSessions"));
	assert_non_null(strstr(text, "UsePAM yes\n"));
	assert_non_null(strstr(get(&c, "/etc/rc.d/init.d/labctl-seed"), "# chkconfig: 2345 01 99\n"));
	assert_true(gone(&c, "/etc/sysconfig/network-scripts/ifcfg-eth0"));
	assert_true(gone(&c, "/etc/udev/rules.d/70-persistent-net.rules"));
	assert_false(gone(&c, "/etc/sysconfig/network-scripts/ifcfg-lo"));

	run_seed(&c, NULL);
	text = get(&c, "/etc/sysconfig/network-scripts/ifcfg-eth7");
	assert_non_null(strstr(text, "DEVICE=eth7\nHWADDR=52:54:0a:58:00:0c\n"));
	assert_non_null(strstr(text, "IPADDR=10.88.0.12\nNETMASK=255.255.252.0\nGATEWAY=10.88.0.1\n"));
	assert_string_equal(get(&c, "/etc/sysconfig/network"), "NETWORKING=yes\nNETWORKING_IPV6=no\nHOSTNAME=node2\n");
	assert_string_equal(get(&c, "/etc/hostname"), "node2\n");
	assert_string_equal(get(&c, "/root/.ssh/authorized_keys"), "ssh-ed25519 BBBB lab\n");
	assert_int_equal(file_remove_tree(c.dir, &e), 0);
}

static void clone_with_systemd(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct clone c = clone_of("/etc/NetworkManager/system-connections/installer.nmconnection", a);
	struct fail e = { 0 };
	const char *text;
	struct stat st;

	(void)state;
	put(&c, "/etc/systemd/system/x.service", "", 0);
	put(&c, "/etc/ssh/ssh_host_rsa_key", "PRIVATE", 7);
	put(&c, "/root/anaconda-ks.cfg", "rootpw", 6);
	run_seed(&c, "install");
	assert_non_null(strstr(get(&c, "/etc/systemd/system/sysinit.target.wants/labctl-seed.service"),
			       "ExecStart=/usr/libexec/labctl/seed\n"));
	text = get(&c, "/etc/ssh/sshd_config");
	assert_non_null(strstr(text, "HostKey /etc/ssh/ssh_host_ed25519_key\n"));
	assert_non_null(strstr(text, "MaxSessions 64\n"));
	assert_true(gone(&c, "/etc/NetworkManager/system-connections/installer.nmconnection"));
	assert_string_equal(get(&c, "/etc/machine-id"), "");
	assert_true(gone(&c, "/etc/ssh/ssh_host_rsa_key"));
	assert_true(gone(&c, "/root/anaconda-ks.cfg"));

	run_seed(&c, NULL);
	text = get(&c, "/etc/NetworkManager/system-connections/labctl.nmconnection");
	assert_non_null(strstr(text, "mac-address=52:54:0a:58:00:0c\n"));
	assert_non_null(strstr(text, "address1=10.88.0.12/22,10.88.0.1\ndns=10.88.0.1;\n"));
	assert_int_equal(stat(arena_printf(a, "%s/etc/NetworkManager/system-connections/labctl.nmconnection", c.dir), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(strlen(get(&c, "/etc/machine-id")), 33);
	assert_true(gone(&c, "/etc/sysconfig/network-scripts/ifcfg-eth7"));

	/* Without a seed disk nothing happens. */
	put(&c, "/sys/block/vdb/serial", "other", 5);
	put(&c, "/etc/hostname", "mine\n", 5);
	run_seed(&c, NULL);
	assert_string_equal(get(&c, "/etc/hostname"), "mine\n");
	assert_int_equal(file_remove_tree(c.dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_lab),
		cmocka_unit_test(the_walkthroughs_packages_everywhere), cmocka_unit_test(values), cmocka_unit_test(mistakes),
		cmocka_unit_test(clone_with_init), cmocka_unit_test(clone_with_systemd),
	};

	return cmocka_run_group_tests_name("kickstart", tests, open_all, close_all);
}
