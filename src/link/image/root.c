/* SPDX-License-Identifier: PostgreSQL */
/* A node's copies of an image: for machines a qcow2 overlay, kernel and initrd; for containers an overlay mount. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "image.h"
#include "proc.h"

/* --- qcow2 --- */

/* First bytes of a qcow2 file, big-endian. Source: QEMU docs/interop/qcow2.txt, "Header". */
struct qcow2_header {
	uint32_t magic, version;
	uint64_t base_offset;
	uint32_t base_len, cluster_bits;
	uint64_t size_bytes;
};

#define QCOW2_MAGIC 0x514649fbu

/* Reads the header directly: `qemu-img info` would cost a process per node, and has trouble with disks in use. */
static int read_qcow2(const char *path, char ret_base[4096], uint64_t *ret_size_bytes, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct qcow2_header h;
	size_t base_len;

	if (fd < 0)
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "%s", path);
	if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h || be32toh(h.magic) != QCOW2_MAGIC)
		return fail(e, FAIL_OTHER, "%s: is not a qcow2 disk", path);
	base_len = h.base_offset ? be32toh(h.base_len) : 0;
	if (base_len >= 4096 || pread(fd, ret_base, base_len, (off_t)be64toh(h.base_offset)) != (ssize_t)base_len)
		return fail(e, FAIL_OTHER, "%s: has a damaged header", path);
	ret_base[base_len] = '\0';
	*ret_size_bytes = be64toh(h.size_bytes);
	return 0;
}

static int create_overlay(const char *base, const char *path, uint64_t size_gib, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf size = { 0 }, temp = { 0 };
	const char *argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, NULL, NULL, NULL };

	strbuf_printf(&temp, "%s.new", path);
	strbuf_printf(&size, "%lluG", (unsigned long long)size_gib);
	argv[9] = temp.text;
	argv[10] = size_gib ? size.text : NULL;
	if (proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(60000) }, e)) {
		unlink(temp.text);
		return fail_wrap(e, "disk %s", path);
	}
	/* 0600: it will contain keys and passwords. libvirt gives the file to qemu's user. */
	if (chmod(temp.text, 0600) || rename(temp.text, path)) {
		fail_errno(e, FAIL_OTHER, "%s", path);
		unlink(temp.text);
		return -1;
	}
	return 0;
}

int image_overlay(const char *base, const char *path, uint64_t size_gib, bool *ret_changed, struct fail *e)
{
	uint64_t base_bytes, found_bytes;
	struct fail missing = { 0 };
	char found[4096], of_base[4096];

	if (read_qcow2(base, of_base, &base_bytes, e))
		return -1;
	if (read_qcow2(path, found, &found_bytes, &missing) == 0) {
		if (strcmp(found, base) != 0) {
			fail(e, FAIL_CONFLICT, "disk %s: was made on %s, not on %s", path, found, base);
			return fail_next(e, "labctl destroy, then labctl create");
		}
		*ret_changed = false;
		return 0;
	}
	if (missing.code != FAIL_NOT_FOUND) {
		*e = missing;
		return -1;
	}
	/* a smaller copy would cut off the end of the image's file system */
	if (size_gib && size_gib << 30 < base_bytes)
		return fail(e, FAIL_LAB, "disk %s: %llu GiB is less than the image's %llu GiB", path,
			    (unsigned long long)size_gib, (unsigned long long)(base_bytes + (1u << 30) - 1) >> 30);
	if (create_overlay(base, path, size_gib, e))
		return -1;
	*ret_changed = true;
	return 0;
}

/* --- kernel and initrd --- */

/* Shares the blocks if the file system can. */
static int copy_data(int from, int to)
{
	struct stat st;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (fstat(from, &st) < 0)
		return -1;
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0) {
			errno = EIO;
			return -1;
		}
	}
	return 0;
}

static int copy_file(const char *from, const char *path, bool *changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf temp = { 0 };
	auto_(close) int in = -1;
	auto_(close) int out = -1;

	if (file_exists(path))
		return 0;
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return fail_errno(e, FAIL_OTHER, "%s", from);
	strbuf_printf(&temp, "%s.new", path);
	out = open(temp.text, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0 || copy_data(in, out) < 0 || rename(temp.text, path) < 0) {
		fail_errno(e, FAIL_OTHER, "%s", path);
		unlink(temp.text);
		return -1;
	}
	*changed = true;
	return 0;
}

int image_copy_boot(const struct image *image, const char *dir, bool *ret_changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf kernel = { 0 }, initrd = { 0 };

	*ret_changed = false;
	strbuf_printf(&kernel, "%s/" IMAGE_KERNEL, dir);
	strbuf_printf(&initrd, "%s/" IMAGE_INITRD, dir);
	return copy_file(image->kernel, kernel.text, ret_changed, e) || copy_file(image->initrd, initrd.text, ret_changed, e) ? -1 : 0;
}

int image_take_back(const struct image *image, struct fail *e)
{
	const char *const files[] = { image->disk, image->kernel, image->initrd };

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		struct stat st;

		if (!files[i])
			continue;
		if (stat(files[i], &st) < 0)
			return fail_errno(e, FAIL_OTHER, "%s", files[i]);
		if (st.st_uid == geteuid() && (st.st_mode & 0777) == 0644)
			continue;
		if (chown(files[i], geteuid(), getegid()) < 0 || chmod(files[i], 0644) < 0)
			return fail_errno(e, FAIL_HOST, "image %s: %s cannot be made read-only for machines", image->name, files[i]);
	}
	return 0;
}

/* --- overlay mounts --- */

/* 1: @path is a mount point (*ret_overlay: of an overlay); 0: it is not; -1: failed. Source: statx(2), Linux 5.8. */
static int find_mount(const char *path, bool *ret_overlay, struct fail *e)
{
	struct statfs fs;
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &st) || statfs(path, &fs))
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_errno(e, FAIL_OTHER, "%s", path);
	if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return fail(e, FAIL_HOST, "%s: this kernel does not say what is a mount point; Linux 5.8 and later do", path);
	*ret_overlay = fs.f_type == OVERLAYFS_SUPER_MAGIC;
	return !!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Adds a path to overlay's mount options, escaped: its parser splits at commas, lowerdir also at colons. */
static void add_option(struct strbuf *options, const char *name, const char *dir, const char *sub)
{
	strbuf_printf(options, "%s%s=", options->len ? "," : "", name);
	for (const char *part = dir; part; part = part == dir ? sub : NULL) {
		if (part == sub)
			strbuf_char(options, '/');
		for (const char *c = part; *c; c++) {
			if (strchr(",:\\", *c))
				strbuf_char(options, '\\');
			strbuf_char(options, *c);
		}
	}
}

static int make_dirs(const char *dir, struct fail *e)
{
	static const char *const names[] = { "upper", "work", "root" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		auto_(strbuf_clear) struct strbuf path = { 0 };

		strbuf_printf(&path, "%s/%s", dir, names[i]);
		if (file_mkdirs(path.text, 0755, e))
			return -1;
	}
	return 0;
}

/* Changes over one tree make no sense over another: dir/lower records the tree. */
static int check_lower(const char *lower, const char *path, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf before = { 0 };
	struct fail missing = { 0 };

	if (file_read(path, 8192, &before, &missing))
		return file_write(path, lower, strlen(lower), 0644, e);
	if (strcmp(strbuf_text(&before), lower) == 0)
		return 0;
	fail(e, FAIL_CONFLICT, "root tree %s: was made on %s, not on %s", path, strbuf_text(&before), lower);
	return fail_next(e, "labctl destroy, then labctl create");
}

int root_mount(const char *lower, const char *dir, bool *ret_changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf root = { 0 }, remembered = { 0 }, options = { 0 };
	bool overlay;
	int mounted;

	strbuf_printf(&root, "%s/root", dir);
	strbuf_printf(&remembered, "%s/lower", dir);
	if (make_dirs(dir, e) || check_lower(lower, remembered.text, e))
		return -1;
	mounted = find_mount(root.text, &overlay, e);
	if (mounted < 0)
		return -1;
	if (mounted) {
		if (!overlay)
			return fail(e, FAIL_CONFLICT, "root tree %s: something else is mounted there", root.text);
		*ret_changed = false;
		return 0;
	}
	add_option(&options, "lowerdir", lower, NULL);
	add_option(&options, "upperdir", dir, "upper");
	add_option(&options, "workdir", dir, "work");
	/* with index, the upper would require the lower's inode numbers, which change if an image is copied or restored */
	strbuf_str(&options, ",index=off");
	if (options.len >= 4096) /* mount(2) reads one page */
		return fail(e, FAIL_OTHER, "root tree %s: its path is too long", root.text);
	if (mount("labctl", root.text, "overlay", 0, options.text)) {
		if (errno == EINVAL)
			return fail(e, FAIL_HOST, "root tree %s: overlay mount refused (is it on an overlay itself? "
						  "see dmesg)", root.text);
		return fail_errno(e, errno == ENODEV ? FAIL_HOST : FAIL_OTHER, "root tree %s: overlay mount", root.text);
	}
	*ret_changed = true;
	return 0;
}

int root_unmount(const char *dir, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf root = { 0 };
	int mounted, layers = 0;
	bool overlay;

	strbuf_printf(&root, "%s/root", dir);
	while ((mounted = find_mount(root.text, &overlay, e)) == 1) {
		if (++layers > 16)
			return fail(e, FAIL_OTHER, "unmount %s: it is mounted again each time", root.text);
		if (umount2(root.text, UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT)
			continue;
		if (errno != EBUSY || umount2(root.text, UMOUNT_NOFOLLOW | MNT_DETACH))
			return fail_errno(e, FAIL_OTHER, "unmount %s", root.text);
	}
	return mounted;
}
