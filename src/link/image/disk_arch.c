/* SPDX-License-Identifier: PostgreSQL */
#include "disk_arch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "partition.h"
#include "proc.h"

#define OURS "x86_64"   /* as in domains/ */
#define MIB (1u << 20)
#define LARGE (1ull << 42) /* no disk image is; sparse */
#define ESP_MIB 32u     /* how much of it is read; installers make its directories before they copy large files */
#define DIR_ENTRY 32u   /* FAT: directory entries start at multiples of this, with 11 bytes of name */
#define DIR_NAME 11u

enum where { FIRST_BYTES, PARTITION_TYPE, EFI_NAME };

/*
 * Signs of a disk's architecture that no disk for another one has. Code in the first sector is not among them, since
 * partitioning tools write it to any disk. Sources: the Discoverable Partitions Specification; UEFI specification, 3.5.1.1
 * (EFI/BOOT/BOOT*.EFI, here as in FAT, 8 + 3 letters); Linux, zipl's boot record.
 */
static const struct sign { enum where where; const char *bytes, *arch, *what; } signs[] = {
	{ EFI_NAME, "BOOTX64 EFI", OURS, NULL },
	{ EFI_NAME, "BOOTAA64EFI", "aarch64", "a boot loader BOOTAA64.EFI" },
	{ EFI_NAME, "BOOTARM EFI", "arm", "a boot loader BOOTARM.EFI" },
	{ EFI_NAME, "BOOTRI~1EFI", "riscv64", "a boot loader BOOTRISCV64.EFI" },
	{ PARTITION_TYPE, "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", OURS, NULL },
	{ PARTITION_TYPE, "b921b045-1df0-41c3-af44-4c6f280d3fae", "aarch64", "a root partition of that type" },
	{ PARTITION_TYPE, "69dad710-2ce4-4e3c-b16c-21a1d49abed3", "arm", "a root partition of that type" },
	{ PARTITION_TYPE, "72ec70a6-cf74-40e6-bd49-4bda08e8f224", "riscv64", "a root partition of that type" },
	{ PARTITION_TYPE, "c31c45e6-3f39-412e-80fb-4809c4980599", "ppc64le", "a root partition of that type" },
	{ PARTITION_TYPE, "9e1a2d38-c612-4316-aa26-8b49521e5a8b", "ppc64", "a PReP partition" },
	{ PARTITION_TYPE, "41", "ppc64", "a PReP partition" },
	{ PARTITION_TYPE, "5eead9a9-fe09-4a1e-a1d7-520d00531306", "s390x", "a root partition of that type" },
	{ FIRST_BYTES, "zIPL", "s390x", "zipl's boot record" },
};

/* What was found so far: whether there is a sign of our architecture, and the first sign of another. */
struct verdict { bool ours; const struct sign *other; };

static void take(struct verdict *v, const struct sign *s)
{
	if (!s->what)
		v->ours = true;
	else if (!v->other)
		v->other = s;
}

static void match_signs(struct verdict *v, enum where where, const char *bytes, size_t len)
{
	for (size_t i = 0; i < ARRAY_COUNT(signs); i++)
		if (signs[i].where == where && strlen(signs[i].bytes) == len && !memcmp(signs[i].bytes, bytes, len))
			take(v, &signs[i]);
}

/* Checks everything that could be a directory entry. Program text does not contain names in this form. */
static void look_at_names(struct verdict *v, const char *part, size_t len)
{
	for (size_t at = 0; at + DIR_ENTRY <= len; at += DIR_ENTRY)
		if (part[at] == 'B')
			match_signs(v, EFI_NAME, part + at, DIR_NAME);
}

static int look_at_esp(const struct image_env *env, const struct partition *p, const char *path, const char *format,
		       const char *dir, struct arena *a, struct verdict *v, struct fail *e)
{
	const char *to = arena_printf(a, "%s/esp", dir);
	const char *const argv[] = { "qemu-img", "dd", "-U", "-f", format, "-O", "raw", "bs=1M",
				     arena_printf(a, "count=%u", ESP_MIB),
				     arena_printf(a, "skip=%llu", (unsigned long long)(p->at / MIB)),
				     arena_printf(a, "if=%s", path), arena_printf(a, "of=%s", to), NULL };
	auto_(strbuf_clear) struct strbuf part = { 0 };
	size_t from = p->at % MIB, len;
	int r;

	r = proc_check(&(struct proc){ .argv = argv, .deadline_ms = env->deadline_ms, .cancel = env->cancel }, e) ||
	    file_read(to, ESP_MIB * MIB, &part, e) ? -1 : 0;
	unlink(to);
	if (r || part.len < from)
		return r;
	len = part.len - from;
	look_at_names(v, part.text + from, len < p->len ? len : p->len);
	return 0;
}

static bool is_esp(const struct partition *p)
{
	return !strcmp(p->type, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b") || !strcmp(p->type, "ef");
}

int disk_arch_check(const struct image_env *env, const char *path, const char *format, uint64_t bytes, const char *start,
		    const char *dir, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(close) int fd = open(start, O_RDWR | O_CLOEXEC);
	struct partition parts[PARTITIONS_MAX];
	struct verdict v = { 0 };
	char first[4] = "";
	unsigned count;
	bool extended;

	if (fd < 0 || pread(fd, first, sizeof first, 0) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", start);
	/*
	 * libblkid refuses a GPT that is larger than its file, and an image may be only the start of a disk. Not every file
	 * system can hold a file of that size.
	 */
	extended = ftruncate(fd, (off_t)(bytes > LARGE ? bytes : LARGE)) == 0 || ftruncate(fd, (off_t)bytes) == 0;
	count = extended ? partitions_read(fd, parts) : 0;
	match_signs(&v, FIRST_BYTES, first, sizeof first);
	for (unsigned i = 0; i < count; i++)
		match_signs(&v, PARTITION_TYPE, parts[i].type, strlen(parts[i].type));
	for (unsigned i = 0; i < count && !v.ours; i++)
		if (is_esp(&parts[i]) && look_at_esp(env, &parts[i], path, format, dir, a, &v, e))
			return -1;
	if (v.ours || !v.other)
		return 0;
	fail(e, FAIL_HOST, "image %s: is for %s, and this host's machines are " OURS ": its disk has %s", path, v.other->arch,
	     v.other->what);
	return fail_next(e, "the image of the same name for " OURS " (amd64)");
}

const char *disk_arch_named(const char *name)
{
	static const char *const words[][2] = { { "aarch64", "aarch64" }, { "arm64", "aarch64" }, { "ppc64", "ppc64le" },
						{ "s390x", "s390x" }, { "riscv64", "riscv64" } };

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (strcasestr(name, words[i][0]))
			return words[i][1];
	return NULL;
}
