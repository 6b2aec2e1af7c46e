/* SPDX-License-Identifier: PostgreSQL */
/*
 * Unattended installations of every release, byte for byte: tests/golden/kickstart/RELEASE.ks and RELEASE-url.ks
 * (.preseed for Debian). LABCTL_REGENERATE=1 rewrites them; review the difference. All of them pass the check.
 */
#include "test.h"

#include <string.h>

#include "file.h"
#include "inputs.h"
#include "kickstart.h"
#include "kickstart_check.h"

/* What the walk-through has, installed from the CD-ROM. */
static const char plain[] = "lab: demo\ntuning: {profile: classic, timezone: Asia/Shanghai}\n";
/* Everything that the plain one leaves to its default. */
static const char full[] = "lab: demo\ntuning: {profile: modern, ntp_server: 10.88.0.1, locale: C.UTF-8}\n"
			   "cluster: {kind: postgres, user: dba}\n";

static void compare(const struct release *r, const char *variant, const char *seen)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *path = arena_printf(a, SOURCE_DIR "/tests/golden/kickstart/%s%s.%s", r->name, variant,
					r->syntax ? "ks" : "preseed");
	auto_(strbuf_clear) struct strbuf expected = { 0 };
	struct fail e = { 0 };
	unsigned line = 1;

	if (getenv("LABCTL_REGENERATE")) {
		assert_int_equal(file_write(path, seen, strlen(seen), 0644, &e), 0);
		return;
	}
	if (file_read(path, 1 << 20, &expected, &e) < 0)
		fail_msg("%s", e.text);
	for (const char *x = strbuf_text(&expected), *y = seen; *x || *y; x++, y++, line += x[-1] == '\n')
		if (*x != *y)
			fail_msg("%s:%u: differs from '%.*s'", path, line, (int)strcspn(y, "\n"), y);
}

static void check(const struct release *r, const char *variant, const char *lab_text)
{
	const struct lab_options o = { .state_dir = "/var/lib/labctl" };
	static const struct install_repo repo = { "AppStream", "http://mirror.example/AppStream/x86_64/os/" };
	static const char *const few[] = { "openssh-server", "chrony" };
	auto_(lab_free) struct lab *lab = NULL;
	auto_(arena_free) struct arena *a = arena_new();
	struct problems problems = { .arena = a };
	struct install i;
	struct fail e = { 0 };
	const char *text;

	if (lab_parse(lab_text, strlen(lab_text), "lab.yaml", &o, &lab, &e) < 0 ||
	    install_init(&i, lab, r, arena_printf(a, "%s-pg", r->name), lib, a, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	i.mirror_host = "mirror.example";
	if (!r->syntax) /* the list is the built image's: its changes are reviewed there */
		i.packages = few, i.package_count = ARRAY_COUNT(few);
	if (*variant) {
		i.media = r->number >= 8 ? "http://mirror.example/BaseOS/x86_64/os/" : "http://mirror.example/os/x86_64/";
		if (r->number >= 8)
			i.repos = &repo, i.repo_count = 1;
		i.root_hash = "$6$salt$0123456789abcdef./";
		i.authorized_keys = "ssh-ed25519 AAAA it's me\n\nssh-rsa BBBB another\n";
		i.firewall = true;
		i.lvm = true;
		i.mirror_proxy = "http://proxy.example:3128";
	}
	if (kickstart_render(&i, lib, a, &text, &e) < 0)
		fail_msg("%s", e.text);
	compare(r, variant, text);
	if (kickstart_check(r, "it", text, &problems, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
}

static void plain_ones(void **state)
{
	(void)state;
	for (unsigned r = 0; r < RELEASE_COUNT; r++)
		check(&releases[r], "", plain);
}

static void full_ones(void **state)
{
	(void)state;
	for (unsigned r = 0; r < RELEASE_COUNT; r++)
		check(&releases[r], "-url", full);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(plain_ones), cmocka_unit_test(full_ones) };

	return cmocka_run_group_tests_name("kickstarts", tests, open_library, close_library);
}
