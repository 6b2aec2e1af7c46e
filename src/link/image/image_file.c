/* SPDX-License-Identifier: PostgreSQL */
/* CACHE/images/NAME-DIGEST12 with disk.qcow2, boot-sector and `digest`, beside the images of image.c. */
#include "image_file.h"

#include <ctype.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "digest.h"
#include "disk_arch.h"
#include "file.h"
#include "proc.h"
#include "quote.h"

#define NAME_LEN 60
#define BOOT_SECTOR "boot-sector" /* copy of the disk's first sector */
#define SECTOR 512u
#define CODE_LEN 440u             /* length of its code; the disk's identifier and the partition table follow */

/* --- what a file is, by its first bytes --- */

static const struct signature {
	size_t at;
	const char *bytes; size_t len;
	const char *format;  /* as qemu-img names it; NULL = cannot be used */
	const char *what;    /* if it cannot be used: what it is */
	const char *next;    /* and what to do next, with its path */
} signatures[] = {
#define BYTES(text) text, sizeof(text) - 1
#define CONVERT "qemu-img convert -O qcow2 %s DISK.qcow2"
	{ 0, BYTES("QFI\xfb"), "qcow2", NULL, NULL },
	{ 0, BYTES("\xfd" "7zXZ"), NULL, "an xz archive: unpack it first", "xz -dk %s" },
	{ 0, BYTES("\x1f\x8b"), NULL, "a gzip archive: unpack it first", "gzip -dk %s, or tar -xf %s" },
	{ 0, BYTES("\x28\xb5\x2f\xfd"), NULL, "a zstd archive: unpack it first", "zstd -d %s" },
	{ 0, BYTES("BZh"), NULL, "a bzip2 archive: unpack it first", "bzip2 -dk %s" },
	{ 0, BYTES("PK\x03\x04"), NULL, "a zip archive: unpack it first", "unzip %s" },
	{ 0, BYTES("KDMV"), NULL, "a VMDK disk; only qcow2 and raw are supported", CONVERT },
	{ 0, BYTES("vhdxfile"), NULL, "a VHDX disk; only qcow2 and raw are supported", CONVERT },
	{ 0, BYTES("conectix"), NULL, "a VHD disk; only qcow2 and raw are supported", CONVERT },
	{ 0, BYTES("<"), NULL, "text, perhaps a web page instead of the image", "less %s" },
	{ 0x8001, BYTES("CD001"), NULL, "an ISO: a medium to install from, not an installed disk",
	  "labctl image install NAME --kickstart RELEASE --media %s" },
	{ 510, BYTES("\x55\xaa"), "raw", NULL, NULL }, /* partition table, or GPT's protective one; last, since ISOs have it too */
#undef BYTES
#undef CONVERT
};

/* QEMU docs/interop/qcow2.txt, "Header": both name files of the host that would be read with our rights. */
#define QCOW2_BACKING_AT 8u
#define QCOW2_INCOMPATIBLE_AT 72u
#define QCOW2_EXTERNAL_DATA 4u
#define QCOW2_SIZE_AT 24u

/* Every "%s" of @next is @path. */
static int say_next(const char *next, const char *path, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	for (; *next; next++) {
		if (!strncmp(next, "%s", 2)) {
			quote_add(&text, QUOTE_SH, path);
			next++;
		} else {
			strbuf_char(&text, *next);
		}
	}
	return fail_next(e, "%s", strbuf_text(&text));
}

/* How qemu-img calls its format, and how large the disk in it is. */
static int format_of(const char *path, const char **ret_format, uint64_t *ret_bytes, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[0x8001 + 8] = { 0 };
	const struct signature *found = NULL;
	uint64_t backing, incompatible, bytes;
	struct stat st;
	ssize_t len = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);

	if (len < 0 || fstat(fd, &st))
		return fail_errno(e, FAIL_OTHER, "image %s", path);
	for (size_t i = 0; i < ARRAY_COUNT(signatures) && !found; i++)
		if (!memcmp(head + signatures[i].at, signatures[i].bytes, signatures[i].len))
			found = &signatures[i];
	if (!found) {
		fail(e, FAIL_HOST, "image %s: neither qcow2 nor a disk with a partition table", path);
		return say_next("file -k %s", path, e);
	}
	if (!found->format) {
		fail(e, FAIL_HOST, "image %s: is %s", path, found->what);
		return say_next(found->next, path, e);
	}
	memcpy(&backing, head + QCOW2_BACKING_AT, sizeof backing);
	memcpy(&incompatible, head + QCOW2_INCOMPATIBLE_AT, sizeof incompatible);
	if (!strcmp(found->format, "qcow2") &&
	    (backing || (head[7] >= 3 && be64toh(incompatible) & QCOW2_EXTERNAL_DATA))) {
		fail(e, FAIL_HOST, "image %s: is only a part of a disk; the rest is in a backing file", path);
		return say_next("qemu-img convert -O qcow2 %s WHOLE.qcow2", path, e);
	}
	memcpy(&bytes, head + QCOW2_SIZE_AT, sizeof bytes);
	*ret_bytes = strcmp(found->format, "qcow2") ? (uint64_t)st.st_size : be64toh(bytes);
	*ret_format = found->format;
	return 0;
}

/* --- the cache --- */

const char *image_file_name(const char *source, struct arena *a)
{
	size_t len = strstr(source, "://") ? strcspn(source, "?#") : strlen(source);
	const char *slash = memrchr(source, '/', len), *from = slash ? slash + 1 : source;
	const char *dot = memrchr(from, '.', len - (size_t)(from - source));
	char *name, *c;

	len = dot && dot > from ? (size_t)(dot - from) : len - (size_t)(from - source);
	name = arena_strndup(a, from, len < NAME_LEN ? len : NAME_LEN);
	for (c = name; *c; c++)
		*c = isalnum((unsigned char)*c) || *c == '.' ? (char)tolower((unsigned char)*c) : '-';
	return name[0] && name[0] != '.' ? name : "disk";
}

bool image_file_find(const struct image_env *env, const char *name, const char *digest, struct arena *a,
		     struct image *ret_image)
{
	const char *dir = cache_image(env->cache_dir, name, digest, a), *disk = arena_printf(a, "%s/disk.qcow2", dir);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };

	if (!file_exists(disk) || file_read(arena_printf(a, "%s/digest", dir), 4096, &text, &ignored) ||
	    strncasecmp(strbuf_text(&text), digest, DIGEST_HEX - 1) != 0)
		return false;
	*ret_image = (struct image){ .name = name, .digest = arena_strndup(a, text.text, DIGEST_HEX - 1), .dir = dir,
				     .disk = disk };
	return true;
}

static int convert(const struct image_env *env, const char *path, const char *temp, const char *digest, struct arena *a,
		   struct fail *e)
{
	const char *format = NULL, *line = arena_printf(a, "%s\n", digest);
	uint64_t bytes;

	if (format_of(path, &format, &bytes, e))
		return -1;
	/* What is missing at the end of a qcow2 reads as zeros; only a check notices. It reads no data. */
	const char *const check[] = { "qemu-img", "check", "-q", "-U", "-f", "qcow2", path, NULL };
	const char *const copy[] = { "qemu-img", "convert", "-q", "-W", "-U", "-f", format, "-O", "qcow2", path,
				     arena_printf(a, "%s/disk.qcow2", temp), NULL };
	const char *start = arena_printf(a, "%s/start", temp);
	const char *const first[] = { "qemu-img", "dd", "-U", "-f", format, "-O", "raw", "bs=1M", "count=1",
				      arena_printf(a, "if=%s", path), arena_printf(a, "of=%s", start), NULL };
	auto_(strbuf_clear) struct strbuf head = { 0 };

	if (!strcmp(format, "qcow2") &&
	    proc_check(&(struct proc){ .argv = check, .deadline_ms = env->deadline_ms, .cancel = env->cancel }, e)) {
		if (e->code == FAIL_CANCELED || e->code == FAIL_TIMEOUT)
			return -1;
		fail_wrap(e, "image %s: damaged or truncated", path);
		return fail_next(e, "download it again, and compare its SHA-256 with the vendor's");
	}
	if (file_mkdirs(temp, 0755, e))
		return -1;
	if (proc_check(&(struct proc){ .argv = first, .deadline_ms = env->deadline_ms, .cancel = env->cancel }, e))
		return fail_wrap(e, "image %s", path);
	if (file_read(start, 1u << 20, &head, e) || disk_arch_check(env, path, format, bytes, start, temp, e))
		return -1;
	unlink(start);
	if (proc_check(&(struct proc){ .argv = copy, .deadline_ms = env->deadline_ms, .cancel = env->cancel }, e))
		return fail_wrap(e, "image %s", path);
	if (file_write(arena_printf(a, "%s/" BOOT_SECTOR, temp), strbuf_text(&head), head.len < SECTOR ? head.len : SECTOR, 0644, e))
		return -1;
	return file_write(arena_printf(a, "%s/digest", temp), line, strlen(line), 0644, e);
}

int image_file_import(const struct image_env *env, const char *path, const char *name, const char *digest, struct arena *a,
		      struct image *ret_image, bool *ret_made, struct fail *e)
{
	const char *dir = cache_image(env->cache_dir, name, digest, a);
	const char *temp = cache_path(env->cache_dir, CACHE_IMAGE_NEW, name, a);
	auto_(close) int lock = -1;

	if (cache_lock_image(env->cache_dir, name, "image import", env->deadline_ms, &lock, e))
		return -1;
	if (image_file_find(env, name, digest, a, ret_image))
		return 0;
	env->line(env->line_ctx, "copying the image into the cache");
	/* Under the lock: what is there is of an import that was killed. */
	if (file_remove_tree(temp, e) || file_remove_tree(dir, e))
		return -1;
	if (cache_publish(temp, dir, convert(env, path, temp, digest, a, e) != 0, e))
		return -1;
	*ret_made = true;
	if (!image_file_find(env, name, digest, a, ret_image))
		return fail(e, FAIL_OTHER, "image %s: is not in the cache although it was just put there", path);
	return 0;
}

int image_file_check_bios(const struct image *image, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf sector = { 0 };
	struct fail unknown;
	const char *named;

	if (file_read(arena_printf(a, "%s/" BOOT_SECTOR, image->dir), SECTOR, &sector, &unknown))
		return 0;
	for (size_t i = 0; i < CODE_LEN && i < sector.len; i++)
		if (sector.text[i])
			return 0;
	named = disk_arch_named(image->name);
	fail(e, FAIL_HOST, "image %s: its disk has no boot loader for BIOS%s%s%s", image->name, named ? "; its name says " : "",
	     named ? named : "", named ? ", and this host's machines are x86_64" : "");
	return fail_next(e, "in the lab file: image: {source: ..., boot: uefi}, if its disk has one for UEFI");
}
