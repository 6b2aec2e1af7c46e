/* SPDX-License-Identifier: PostgreSQL */
#include "seal.h"

#include <endian.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "proc.h"

#define SECTOR 512u
#define PARTITIONS_MAX 8u

/* What makes a machine this one and no other. Larger than max_bytes is too much: a file may be there and say nothing. */
static const struct trace { const char *dir, *name; unsigned max_bytes; const char *what; } traces[] = {
	{ "/etc/ssh", "ssh_host_*_key", 0, "an SSH host key" },
	{ "/etc", "machine-id", sizeof "uninitialized", "a machine id" },
	{ "/var/lib/dbus", "machine-id", sizeof "uninitialized", "a machine id" },
	{ "/var/lib/dhcp", "*.leases", 0, "an address lease" },
	{ "/var/lib/dhclient", "*.lease*", 0, "an address lease" },
	{ "/var/lib/NetworkManager", "*.lease", 0, "an address lease" },
	{ "/etc/udev/rules.d", "70-persistent-net.rules", 0, "the name of a network card" },
	{ "/var/lib/apt/lists", "*_Packages", 0, "lists of packages" },
	{ "/etc/apt/apt.conf.d", "*proxy*", 0, "the host's proxy" },
};

/* --- partitions --- */

/* Source: UEFI specification, 5.2.1 (MBR partition record) and 5.3 (GPT). Little-endian, unaligned. */
static uint64_t number(const unsigned char *p, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

static unsigned find_partitions(int fd, uint64_t ret_at[PARTITIONS_MAX])
{
	unsigned char head[2 * SECTOR], entry[128];
	unsigned count = 0;

	if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
		return 0;
	if (memcmp(head + SECTOR, "EFI PART", 8) == 0) {
		uint64_t table = number(head + SECTOR + 72, 8) * SECTOR, size = number(head + SECTOR + 84, 4);

		for (unsigned i = 0; i < 128 && count < PARTITIONS_MAX; i++) {
			if (pread(fd, entry, sizeof entry, (off_t)(table + i * size)) != (ssize_t)sizeof entry)
				break;
			if (number(entry, 8))
				ret_at[count++] = number(entry + 32, 8) * SECTOR;
		}
		return count;
	}
	for (unsigned i = 0; i < 4; i++)
		if (head[446 + 16 * i + 4])
			ret_at[count++] = number(head + 446 + 16 * i + 8, 4) * SECTOR;
	return count;
}

/* In the first sector, before the disk's signature and the partition table. */
static bool has_boot_code(int fd)
{
	unsigned char code[440] = { 0 };
	bool found = false;

	if (pread(fd, code, sizeof code, 0) != (ssize_t)sizeof code)
		return false;
	for (size_t i = 0; i < sizeof code; i++)
		found = found || code[i];
	return found;
}

static bool is_ext(int fd, uint64_t at)
{
	unsigned char magic[2] = { 0 };

	return pread(fd, magic, sizeof magic, (off_t)(at + 1024 + 56)) == 2 && number(magic, 2) == 0xef53;
}

/* --- files --- */

/* `ls -p` of debugfs: /INODE/MODE/UID/GID/NAME/SIZE/ a line, the size of what is a file only. */
static bool find_trace(char *listing, const struct trace *t)
{
	char *rest, *line;

	for (line = strtok_r(listing, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned mode, size;
		char name[256];

		if (sscanf(line, "/%*u/%o/%*u/%*u/%255[^/]/%u/", &mode, name, &size) == 3 && S_ISREG(mode) &&
		    size > t->max_bytes && fnmatch(t->name, name, 0) == 0)
			return true;
	}
	return false;
}

static int list(const char *disk, uint64_t at, const char *dir, struct strbuf *out, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf request = { 0 }, device = { 0 };
	const char *argv[] = { "debugfs", "-R", NULL, NULL, NULL };

	strbuf_printf(&request, "ls -p %s", dir);
	strbuf_printf(&device, "%s?offset=%llu", disk, (unsigned long long)at);
	argv[2] = request.text;
	argv[3] = device.text;
	return proc_check(&(struct proc){ .argv = argv, .out = out, .deadline_ms = clock_after_ms(60000) }, e);
}

int seal_check(const char *disk, const struct image_env *env, struct fail *e)
{
	auto_(close) int fd = open(disk, O_RDONLY | O_CLOEXEC);
	uint64_t at[PARTITIONS_MAX];
	unsigned count, read = 0;

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", disk);
	count = find_partitions(fd, at);
	if (!count)
		return fail(e, FAIL_OTHER, "the installer left no partition on the disk");
	if (!has_boot_code(fd))
		return fail(e, FAIL_OTHER, "the installer left no boot loader on the disk");
	for (unsigned i = 0; i < count; i++) {
		if (!is_ext(fd, at[i]))
			continue;
		read++;
		for (size_t k = 0; k < ARRAY_COUNT(traces); k++) {
			auto_(strbuf_clear) struct strbuf listing = { 0 };

			if (list(disk, at[i], traces[k].dir, &listing, e))
				return -1;
			if (listing.len && find_trace(listing.text, &traces[k]))
				return fail(e, FAIL_OTHER, "the installed system was not sealed: %s has %s", traces[k].dir,
					    traces[k].what);
		}
	}
	if (!read)
		env->line(env->line_ctx, "what it is sealed against was not looked at: no file system that debugfs reads");
	return 0;
}
