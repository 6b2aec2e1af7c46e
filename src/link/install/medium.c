/* SPDX-License-Identifier: PostgreSQL */
#include "medium.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "iso.h"
#include "proc.h"

#define NETBOOT(n) "/usr/lib/debian-installer/images/" #n "/amd64/text/debian-installer/amd64/"
#define PXE "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"
/* The kernel's last messages tell poweroff from restart: the log level must show them. */
#define CONSOLE " console=ttyS0,115200n8 loglevel=5"
#define OLD_KS "ks=file:/ks.cfg cmdline"
#define KS "inst.ks=file:/ks.cfg inst.repo=cdrom inst.cmdline"
/* Debian reads /preseed.cfg of its initrd by itself. "text" asks on plain lines; TERM=dumb prevents drawing. */
#define PRESEED "auto=true priority=critical DEBIAN_FRONTEND=text TERM=dumb"

#define DEBIAN(n) { NETBOOT(n) "linux", NETBOOT(n) "initrd.gz", "debian-installer-" #n "-netboot-amd64", "preseed.cfg", \
		    PRESEED CONSOLE, "q35", 1024, "lib/debian-installer-startup.d/S11labctl", \
		    "tail -f /var/log/syslog </dev/null >/dev/ttyS1 2>/dev/null &\n" }

static const struct medium media[RELEASE_COUNT] = {
	[RELEASE_DEBIAN12] = DEBIAN(12),
	[RELEASE_DEBIAN13] = DEBIAN(13),
	[RELEASE_EL5] = { "isolinux/vmlinuz", "isolinux/initrd.img", NULL, "ks.cfg", OLD_KS CONSOLE, "pc", 1024, NULL, NULL },
	[RELEASE_EL6] = { PXE, NULL, "ks.cfg", OLD_KS CONSOLE, "pc", 1024, NULL, NULL },
	[RELEASE_EL7] = { PXE, NULL, "ks.cfg", KS CONSOLE, "q35", 2048, NULL, NULL },
	[RELEASE_EL8] = { PXE, NULL, "ks.cfg", KS CONSOLE, "q35", 3072, NULL, NULL },
	[RELEASE_EL9] = { PXE, NULL, "ks.cfg", KS CONSOLE, "q35", 3072, NULL, NULL },
	[RELEASE_EL10] = { PXE, NULL, "ks.cfg", KS CONSOLE, "q35", 3072, NULL, NULL },
};

const struct medium *medium_of(const struct release *r)
{
	return &media[r - releases];
}

int medium_check(const struct release *r, const char *path, struct fail *e)
{
	const struct medium *m = medium_of(r);
	bool netboot = !strcmp(path, "netboot");

	if (netboot && !m->package)
		return fail(e, FAIL_USAGE, "%s is installed from its ISO: --media FILE.iso|URL", r->name);
	if (!netboot && m->package)
		return fail(e, FAIL_USAGE, "%s is installed over the network: --media netboot", r->name);
	return 0;
}

/* --- files for the end of the initrd --- */

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int inject_entry(const char *path, const char *to, struct arena *a, struct inject **list, unsigned *count,
			struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct stat st;

	if (stat(path, &st))
		return fail_errno(e, FAIL_OTHER, "%s", path);
	if (S_ISDIR(st.st_mode))
		return inject_tree(path, to, a, list, count, e);
	if (file_read(path, 1u << 20, &text, e))
		return -1;
	*arena_push(a, *list, *count) = (struct inject){ .path = to, .data = arena_strndup(a, strbuf_text(&text), text.len),
							 .len = text.len, .mode = S_IFREG | (st.st_mode & 0100 ? 0755 : 0644) };
	return 0;
}

int inject_tree(const char *dir, const char *prefix, struct arena *a, struct inject **list, unsigned *count, struct fail *e)
{
	struct dirent **entries;
	int found = scandir(dir, &entries, not_dots, alphasort), r = 0;

	if (found < 0)
		return fail_errno(e, FAIL_OTHER, "%s", dir);
	*arena_push(a, *list, *count) = (struct inject){ .path = prefix, .data = "", .mode = S_IFDIR | 0755 };
	for (int i = 0; i < found; i++) {
		if (!r)
			r = inject_entry(arena_printf(a, "%s/%s", dir, entries[i]->d_name),
					 arena_printf(a, "%s/%s", prefix, entries[i]->d_name), a, list, count, e);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static void pad(struct strbuf *b)
{
	while (b->len % 4)
		strbuf_char(b, '\0');
}

static void add_member(struct strbuf *b, const struct inject *f, unsigned number)
{
	strbuf_printf(b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", number, (unsigned)f->mode, 0u, 0u, 1u, 0u,
		      (unsigned)f->len, 0u, 0u, 0u, 0u, (unsigned)strlen(f->path) + 1, 0u);
	strbuf_add(b, f->path, strlen(f->path) + 1);
	pad(b);
	strbuf_add(b, f->data, f->len);
	pad(b);
}

/*
 * An initrd is any number of archives one after the other, each compressed or not; an uncompressed one starts at a
 * multiple of four. Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
static int append_files(const char *initrd, const struct inject *files, unsigned count, const struct medium *m,
			struct fail *e)
{
	static const struct inject end = { .path = "TRAILER!!!", .data = "" };
	auto_(close) int fd = open(initrd, O_WRONLY | O_APPEND | O_CLOEXEC);
	auto_(strbuf_clear) struct strbuf b = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fail_errno(e, FAIL_OTHER, "%s", initrd);
	for (off_t at = st.st_size; at % 4; at++)
		if (write(fd, "", 1) != 1)
			return fail_errno(e, FAIL_OTHER, "%s", initrd);
	for (unsigned i = 0; i < count; i++)
		add_member(&b, &files[i], i + 1);
	if (m->log_hook)
		add_member(&b, &(struct inject){ m->log_hook, m->log_command, strlen(m->log_command), S_IFREG | 0644 }, count + 1);
	add_member(&b, &end, 0);
	return write(fd, b.text, b.len) == (ssize_t)b.len ? 0 : fail_errno(e, FAIL_OTHER, "%s", initrd);
}

/* --- files of the ISO --- */

#define SECTOR 2048u
#define VOLUME_AT (16u * SECTOR) /* ECMA-119, 8.4: the primary volume descriptor */

static int check_iso(const char *path, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[VOLUME_AT + 88] = { 0 };
	uint32_t sectors;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "medium %s", path);
	if (pread(fd, head, sizeof head, 0) < 0)
		return fail_errno(e, FAIL_OTHER, "medium %s", path);
	if (memcmp(head + VOLUME_AT + 1, "CD001", 5) != 0) {
		fail(e, FAIL_HOST, "medium %s is not an ISO image", path);
		return fail_next(e, "file -k %s", path);
	}
	memcpy(&sectors, head + VOLUME_AT + 80, sizeof sectors);
	sectors = le32toh(sectors);
	if ((int64_t)sectors * SECTOR > st.st_size) {
		fail(e, FAIL_HOST, "medium %s is truncated: it has %lld of %lld MiB", path, (long long)st.st_size >> 20,
		     (long long)sectors * SECTOR >> 20);
		return fail_next(e, "download it again, and compare its SHA-256 with the vendor's");
	}
	return 0;
}

static int extract(const char *iso, const char *member, const char *to, const atomic_bool *cancel, int64_t deadline_ms,
		   struct fail *e)
{
	if (iso_extract(iso, member, to, cancel, deadline_ms, e) == 0)
		return 0;
	if (e->code != FAIL_NOT_FOUND)
		return fail_wrap(e, "medium");
	fail(e, FAIL_HOST, "medium %s does not contain %s", iso, member);
	return fail_next(e, "the installation DVD of the release, as its vendor publishes it");
}

static int copy(const char *from, const char *to, const atomic_bool *cancel, int64_t deadline_ms, struct fail *e)
{
	const char *const argv[] = { "cp", "--reflink=auto", "--", from, to, NULL };

	return proc_check(&(struct proc){ .argv = argv, .deadline_ms = deadline_ms, .cancel = cancel }, e);
}

/* Checks the kernel, since QEMU would fail without a clear message. Source: Linux, Documentation/arch/x86/boot.rst. */
static int check_kernel(const char *kernel, const char *media_name, struct fail *e)
{
	auto_(close) int fd = open(kernel, O_RDONLY | O_CLOEXEC);
	char magic[4] = { 0 };

	if (fd < 0 || pread(fd, magic, sizeof magic, 0x202) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", kernel);
	if (memcmp(magic, "HdrS", 4) != 0) {
		fail(e, FAIL_HOST, "medium %s: its kernel is not for x86_64; is it for another architecture?", media_name);
		return fail_next(e, "the medium of the same name for x86_64");
	}
	return 0;
}

/* Value of @key in the section @section of an INI file, up to the end of its line. */
static const char *ini_value(const char *text, const char *section, const char *key, struct arena *a)
{
	size_t key_len = strlen(key), len;
	bool inside = false;

	for (const char *line = text; *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\r\n");
		len += line[len] == '\r';
		if (*line == '[')
			inside = !strncmp(line, section, strlen(section));
		if (inside && !strncmp(line, key, key_len) && strchr(" =", line[key_len])) {
			line += key_len + strspn(line + key_len, " =");
			return arena_strndup(a, line, strcspn(line, " \r\n"));
		}
	}
	return NULL;
}

/*
 * Checks .treeinfo of an Enterprise Linux medium (el5 on): "version = 9.4", "arch = x86_64". A 32-bit kernel would boot,
 * and the installer of another release would stop at unknown keywords. Without the file the release is not checked, and
 * check_kernel() is the only check.
 */
static int check_tree(const struct release *r, const char *iso, const char *to, struct arena *a, const atomic_bool *cancel,
		      int64_t deadline_ms, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail unknown = { 0 };
	const char *arch, *version;

	if (extract(iso, ".treeinfo", to, cancel, deadline_ms, &unknown) || file_read(to, 1u << 20, &text, &unknown))
		return 0;
	arch = ini_value(strbuf_text(&text), "[general]", "arch", a);
	version = ini_value(strbuf_text(&text), "[general]", "version", a);
	if (arch && strcmp(arch, "x86_64") != 0) {
		fail(e, FAIL_HOST, "medium %s: is for %s, and this host's machines are x86_64", iso, arch);
		return fail_next(e, "the medium of the same name for x86_64");
	}
	if (version && strtoul(version, NULL, 10) != r->number) {
		fail(e, FAIL_HOST, "medium %s: has version %s, not %s", iso, version, r->name);
		return fail_next(e, "labctl image install NAME --kickstart el%lu --media %s", strtoul(version, NULL, 10), iso);
	}
	return 0;
}

int medium_prepare(const struct release *r, const char *path, const struct inject *files, unsigned count, const char *dir,
		   const atomic_bool *cancel, int64_t deadline_ms, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *kernel = arena_printf(a, "%s/kernel", dir), *initrd = arena_printf(a, "%s/initrd", dir);
	const struct medium *m = medium_of(r);

	if (medium_check(r, path, e))
		return -1;
	if (m->package && (!file_exists(m->kernel) || !file_exists(m->initrd))) {
		fail(e, FAIL_HOST, "medium netboot: %s does not exist", file_exists(m->kernel) ? m->initrd : m->kernel);
		return fail_next(e, "apt-get install %s", m->package);
	}
	if (m->package ? copy(m->kernel, kernel, cancel, deadline_ms, e) || copy(m->initrd, initrd, cancel, deadline_ms, e) :
			 check_iso(path, e) || check_tree(r, path, arena_printf(a, "%s/treeinfo", dir), a, cancel, deadline_ms, e) ||
				 extract(path, m->kernel, kernel, cancel, deadline_ms, e) ||
				 extract(path, m->initrd, initrd, cancel, deadline_ms, e))
		return -1;
	return check_kernel(kernel, path, e) || append_files(initrd, files, count, m, e) ? -1 : 0;
}
