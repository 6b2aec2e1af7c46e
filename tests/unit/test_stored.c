/* SPDX-License-Identifier: PostgreSQL */
/* `image: NAME` for stored disks: accepted besides recipes, and saved with the lab. */
#include "test.h"

#include <string.h>

#include "family.h"
#include "lab.h"

static const struct stored_disk disks[] = {
	{ "rocky9", BOOT_UEFI, SEED_LABCTL, "el9" }, { "alma8", BOOT_BIOS, SEED_NOCLOUD, NULL },
	{ "debian12", BOOT_UEFI, SEED_NOCLOUD, NULL },
};

static int load(const char *yaml, const char *option, unsigned stored, struct lab **ret, struct fail *e)
{
	const struct lab_options o = { .image = option, .stored = disks, .stored_count = stored };

	return lab_parse(yaml, strlen(yaml), "/labs/x.yaml", &o, ret, e);
}

static void names_of_the_store_are_words(void **state)
{
	static const struct { const char *yaml, *option, *image; bool disk, cloud; enum boot boot; } cases[] = {
		{ "image: rocky9", NULL, "rocky9", true, false, BOOT_UEFI },
		{ "image: alma8", NULL, "alma8", true, true, BOOT_BIOS },
		{ "", "alma8", "alma8", true, true, BOOT_BIOS },
		{ "image: alma8", "rocky9", "rocky9", true, false, BOOT_UEFI },
		{ "image: rocky9", "debian12", "debian12", false, false, BOOT_BIOS },
		{ "image: rocky9", "/a.img", "/a.img", true, true, BOOT_BIOS },
		{ "image: /x/Rocky-9-GenericCloud.qcow2", NULL, "/x/Rocky-9-GenericCloud.qcow2", true, true, BOOT_BIOS },
		/* a recipe takes precedence over a stored disk of the same name */
		{ "image: debian12", NULL, "debian12", false, false, BOOT_BIOS },
		{ "image: {source: /a.img, seed: labctl}", NULL, "/a.img", true, false, BOOT_BIOS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(lab_free) struct lab *lab = NULL, *again = NULL;
		auto_(strbuf_clear) struct strbuf text = { 0 }, text_again = { 0 };
		struct fail e = { 0 };

		if (load(cases[i].yaml, cases[i].option, ARRAY_COUNT(disks), &lab, &e) < 0)
			fail_msg("case %zu: %s\n%s", i, e.text, e.evidence);
		assert_string_equal(lab->image, cases[i].image);
		assert_int_equal(lab_boots_disk(lab), cases[i].disk);
		assert_int_equal(lab_uses_cloud_init(lab), cases[i].cloud);
		assert_string_equal(lab->release->name, strcasestr(cases[i].image, "rocky") ? "el9" : "debian12");
		if (strcmp(cases[i].image, "/a.img") != 0)
			assert_int_equal(lab->disk_image.boot, cases[i].boot);
		/* The saved lab has all properties, because the stored image may be gone when it is read. */
		lab_print(lab, &text);
		if (load(text.text, NULL, 0, &again, &e) < 0)
			fail_msg("case %zu, again: %s\n%s", i, e.text, text.text);
		lab_print(again, &text_again);
		assert_string_equal(text_again.text, text.text);
		assert_int_equal(lab_boots_disk(again), cases[i].disk);
		assert_int_equal(lab_uses_cloud_init(again), cases[i].cloud);
		assert_ptr_equal(again->release, lab->release);
	}
}

static void other_words_are_not(void **state)
{
	static const char *const yamls[][2] = {
		{ "image: rocky8", "did you mean rocky9?" },
		{ "image: suse", "known: debian12, debian13, rocky9, alma8" },
		{ "image: rocky9\nhypervisor: lxc", "is a disk" },
	};
	struct lab *lab = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(yamls); i++) {
		struct fail e = { 0 };

		assert_int_equal(load(yamls[i][0], NULL, ARRAY_COUNT(disks), &lab, &e), -1);
		assert_int_equal(e.code, FAIL_LAB);
		if (!strstr(e.text, yamls[i][1]))
			fail_msg("%s: %s", yamls[i][0], e.text);
	}
}

/* Nodes that NFS-Ganesha cannot serve. */
static void old_systems_mount_old_nfs(void **state)
{
	static const struct { const char *yaml; bool nfs3; } cases[] = {
		{ "image: {source: /a.img, release: el5}", true },
		{ "image: {source: /a.img, release: el6}", false },
		{ "image: {source: /a.img, release: el9}", false },
		{ "image: debian12", false },
		{ "image: debian12\ndata: {mount_options: 'vers=3,proto=tcp'}", true },
		{ "image: debian12\ndata: {mount_options: 'soft,nfsvers=3'}", true },
		{ "image: {source: /a.img, release: el5}\ndata: {mount_options: 'vers=4,proto=tcp'}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		auto_(arena_free) struct arena *a = arena_new();
		auto_(lab_free) struct lab *lab = NULL;
		struct lab *chosen = NULL;
		struct fail e = { 0 };
		bool has_data = strstr(cases[i].yaml, "data:") != NULL;

		if (load(cases[i].yaml, NULL, 0, &lab, &e) < 0)
			fail_msg("case %zu: %s", i, e.text);
		if (lab_mounts_nfs3(lab) != cases[i].nfs3)
			fail_msg("%s: %d", cases[i].yaml, !cases[i].nfs3);
		/* A lab file that demands Ganesha for such nodes is refused. */
		if (has_data || !cases[i].nfs3)
			continue;
		assert_int_equal(load(arena_printf(a, "%s\ndata: {server: ganesha}", cases[i].yaml), NULL, 0, &chosen, &e), -1);
		assert_non_null(strstr(e.text, "only the kernel's server"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_store_are_words),
		cmocka_unit_test(other_words_are_not),
		cmocka_unit_test(old_systems_mount_old_nfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
