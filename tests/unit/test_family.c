/* SPDX-License-Identifier: PostgreSQL */
/* The tables of guest families: complete, and consistent with the rest of the tree. */
#include "test.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "auto.h"
#include "clock.h"
#include "family.h"
#include "file.h"
#include "proc.h"

/* `yum -y install` of the walk-through, word for word. */
static const char *const old_packages[] = {
	"lrzsz", "sysstat", "e4fsprogs", "ntp", "readline-devel", "zlib", "zlib-devel", "openssl", "openssl-devel",
	"pam-devel", "libxml2-devel", "libxslt-devel", "python-devel", "tcl-devel",
};
/* The walk-through's chkconfig lines. */
static const char *const old_services[] = {
	"acpid", "avahi-daemon", "bluetooth", "hidd", "smartd", "yum-updatesd", "hplip", "isdn", "iscsi", "iscsid",
	"multipathd",
};

static void words(void **state)
{
	static const struct { const char *word; enum release_id id; } known[] = {
		{ "debian12", RELEASE_DEBIAN12 }, { "bookworm", RELEASE_DEBIAN12 }, { "debian13", RELEASE_DEBIAN13 },
		{ "trixie", RELEASE_DEBIAN13 }, { "el5", RELEASE_EL5 },
		{ "centos5", RELEASE_EL5 }, { "centos6", RELEASE_EL6 }, { "rhel7", RELEASE_EL7 }, { "almalinux8", RELEASE_EL8 },
		{ "alma9", RELEASE_EL9 }, { "rocky9", RELEASE_EL9 }, { "el10", RELEASE_EL10 }, { "centos-stream10", RELEASE_EL10 },
	};
	static const char *const unknown[] = { "", "el", "el4", "el90", "el1", "rocky", "debian", "debian14", "10",
					       "fedora9" };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (family_find(known[i].word) != &releases[known[i].id])
			fail_msg("%s", known[i].word);
	for (size_t i = 0; i < ARRAY_COUNT(unknown); i++)
		if (family_find(unknown[i]))
			fail_msg("'%s' is a release?", unknown[i]);
	for (unsigned i = 0; i < RELEASE_COUNT; i++)
		assert_string_equal(release_names[i], releases[i].name);
	assert_null(release_names[RELEASE_COUNT]);
}

/* File names of vendors' cloud images. */
static void file_names(void **state)
{
	static const struct { const char *name; int id; } cases[] = {
		{ "Rocky-9-GenericCloud-Base.latest.x86_64.qcow2", RELEASE_EL9 },
		{ "Rocky-8-GenericCloud-LVM-8.10.x86_64.qcow2", RELEASE_EL8 },
		{ "AlmaLinux-9-GenericCloud-latest.x86_64.qcow2", RELEASE_EL9 },
		{ "CentOS-7-x86_64-GenericCloud.qcow2", RELEASE_EL7 },
		{ "CentOS-Stream-GenericCloud-x86_64-10-latest.x86_64.qcow2", RELEASE_EL10 },
		{ "CentOS-Stream-GenericCloud-9-latest.x86_64.qcow2", RELEASE_EL9 },
		{ "rhel-10.0-x86_64-kvm.qcow2", RELEASE_EL10 },
		{ "debian-12-generic-amd64.qcow2", RELEASE_DEBIAN12 },
		{ "debian-13-generic-amd64.qcow2", RELEASE_DEBIAN13 },
		{ "debian-9-generic.qcow2", -1 },
		{ "rocky.qcow2", -1 }, { "noble-server-cloudimg-amd64.img", -1 }, { "disk9.img", -1 }, { "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		if (family_guess(cases[i].name) != (cases[i].id < 0 ? NULL : &releases[cases[i].id]))
			fail_msg("%s", cases[i].name);
}

static void the_walkthroughs_packages(void **state)
{
	(void)state;
	for (unsigned r = 0; r < RELEASE_COUNT; r++) {
		for (size_t i = 0; i < ARRAY_COUNT(old_packages); i++) {
			const char *name = family_package(&releases[r], old_packages[i], NULL);

			if (!name || !*name)
				fail_msg("%s in %s", old_packages[i], releases[r].name);
			if (r == RELEASE_EL5 && strcmp(name, old_packages[i]) != 0)
				fail_msg("el5 is what the walk-through ran, and calls %s %s", old_packages[i], name);
		}
	}
	assert_string_equal(family_package(family_find("el9"), "ntp", NULL), "chrony");
	assert_string_equal(family_package(family_find("el10"), "zlib-devel", NULL), "zlib-ng-compat-devel");
	assert_string_equal(family_package(family_find("debian12"), "pam-devel", NULL), "libpam0g-dev");
}

/* On a Debian 12 host with apt's lists, apt knows every package of the table. */
static void names_that_apt_knows(void **state)
{
	const char *argv[80] = { "apt-cache", "policy" };
	auto_(strbuf_clear) struct strbuf host = { 0 }, known = { 0 };
	const struct release *debian = family_find("bookworm");
	const struct package *p;
	struct fail e = { 0 };
	unsigned count = 2;

	(void)state;
	for (unsigned i = 0; (p = family_package_row(i)) && count + 1 < ARRAY_COUNT(argv); i++)
		if (*family_package(debian, p->name, NULL))
			argv[count++] = family_package(debian, p->name, NULL);
	assert_true(count > 30);
	if (file_read("/etc/os-release", 1 << 16, &host, &e) || !strstr(strbuf_text(&host), "VERSION_CODENAME=bookworm") ||
	    proc_check(&(struct proc){ .argv = argv, .out = &known, .deadline_ms = clock_after_ms(50000) }, &e) ||
	    strncmp(strbuf_text(&known), "lrzsz:\n", 7) != 0) { /* the table's first row */
		print_message("apt of this host has no lists of Debian 12: not compared\n");
		return;
	}
	for (unsigned i = 2; i < count; i++) {
		char line[80];
		const char *at;

		snprintf(line, sizeof line, "%s:\n", argv[i]);
		at = strstr(strbuf_text(&known), line);
		if (!at || !strstr(at, "Candidate: ") || !strncmp(strstr(at, "Candidate: ") + 11, "(none)", 6))
			fail_msg("apt knows no %s", argv[i]);
	}
}

/* kickstart/releases, which build-image reads, says the same as the tables here. */
static void releases_of_images(void **state)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(arena_free) struct arena *a = arena_new();
	unsigned rows = 0, images = 0;
	struct fail e = { 0 };
	char *line, *rest;

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/kickstart/releases", 1 << 16, &text, &e), 0);
	for (line = strtok_r(text.text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *words, *word = *line == '#' ? NULL : strtok_r(line, " ", &words);
		const struct release *r = word ? family_find(word) : NULL;
		const char *name;

		if (!word)
			continue;
		assert_non_null(r);
		rows++;
		for (strtok_r(NULL, " ", &words); (word = strtok_r(NULL, " ", &words));) {
			name = arena_strndup(a, word, strcspn(word, "="));
			assert_string_equal(word + strlen(name) + 1, !strcmp(name, "suite")      ? r->suite :
								     !strcmp(name, "postgresql") ? r->postgresql :
												   family_package(r, name, NULL));
		}
	}
	for (unsigned i = 0; i < RELEASE_COUNT; i++)
		images += releases[i].postgresql != NULL;
	assert_int_equal(rows, images);
}

static void the_walkthroughs_services(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (const struct service *s; (s = family_service_row(rows)); rows++) {
		assert_string_equal(s->name, old_services[rows]);
		assert_string_equal(s->names[FAMILY_EL5], s->name);
		assert_int_equal(s->on, !strcmp(s->name, "multipathd"));
		for (unsigned f = 0; f < FAMILY_COUNT; f++)
			assert_non_null(s->names[f]);
	}
	assert_int_equal(rows, ARRAY_COUNT(old_services));
}

/* Every omission has a reason, and nothing is listed twice. */
static void every_row(void **state)
{
	const struct package *p, *other;
	const char *why;

	(void)state;
	for (unsigned i = 0; (p = family_package_row(i)); i++) {
		for (unsigned k = 0; k < i && (other = family_package_row(k)); k++)
			assert_string_not_equal(p->name, other->name);
		for (unsigned r = 0; r < RELEASE_COUNT; r++) {
			const char *name = family_package(&releases[r], p->name, &why);

			if (!*name != !!why)
				fail_msg("%s in %s: '%s', %s", p->name, releases[r].name, name, why ? why : "no reason");
			for (const char *c = name; *c; c++)
				assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || strchr("-.+", *c));
		}
	}
	assert_null(family_package(&releases[0], "no-such-package", NULL));
	assert_string_equal(family_value(&releases[RELEASE_EL9], "family.release"), "el9");
	assert_string_equal(family_value(&releases[RELEASE_EL9], "family.name"), "el7plus");
	assert_string_equal(family_value(&releases[RELEASE_EL9], "package.ntp"), "chrony");
	assert_string_equal(family_value(&releases[RELEASE_EL9], "service.hidd"), "");
	assert_null(family_value(&releases[0], "family"));
	assert_null(family_value(&releases[0], "packages.ntp"));
	for (unsigned f = 0; f < FAMILY_COUNT; f++) {
		const struct family *y = &families[f];

		assert_true(y->name && y->package_manager && y->package_query && y->service_manager && y->firewall);
		assert_true(y->firewall_conf && y->sysctl_conf && y->limits_conf && y->locale_conf && y->ntp_pool && y->nfs);
		/* Releases with old algorithms are exactly those with old key types. */
		assert_int_equal(y->ssh != NULL, !strcmp(y->key_type, "rsa"));
		assert_true(y->network && y->network_dir && y->sshd && y->ntp && y->ntp_conf && y->sudo_group && y->key_type);
		assert_int_equal(y->seed[0], '/');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words), cmocka_unit_test(file_names), cmocka_unit_test(the_walkthroughs_packages),
		cmocka_unit_test(names_that_apt_knows),
		cmocka_unit_test(releases_of_images), cmocka_unit_test(the_walkthroughs_services),
		cmocka_unit_test(every_row),
	};

	return cmocka_run_group_tests_name("family", tests, NULL, NULL);
}
