/* SPDX-License-Identifier: PostgreSQL */
#include "generalize.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "partition.h"
#include "proc.h"

/* Files with a machine's identity. Up to max_bytes are allowed: a file may exist without content. */
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
	{ "/var/log/installer", "*", 0, "the installer's logs" },
};

/* --- partitions --- */

/* True if there is code in the first sector, before the disk's signature and the partition table. */
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

/* --- files --- */

/* Parses `ls -p` of debugfs: /INODE/MODE/UID/GID/NAME/SIZE/ per line; only files have a size. */
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

int generalize_check(const char *disk, const struct image_env *env, struct fail *e)
{
	auto_(close) int fd = open(disk, O_RDONLY | O_CLOEXEC);
	struct partition parts[PARTITIONS_MAX];
	unsigned count, read = 0;

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", disk);
	count = partitions_read(fd, parts);
	if (!count)
		return fail(e, FAIL_OTHER, "the installer left no partition on the disk");
	if (!has_boot_code(fd))
		return fail(e, FAIL_OTHER, "the installer left no boot loader on the disk");
	for (unsigned i = 0; i < count; i++) {
		if (!partition_is_ext(fd, &parts[i]))
			continue;
		read++;
		for (size_t k = 0; k < ARRAY_COUNT(traces); k++) {
			auto_(strbuf_clear) struct strbuf listing = { 0 };

			if (list(disk, parts[i].at, traces[k].dir, &listing, e))
				return -1;
			if (listing.len && find_trace(listing.text, &traces[k]))
				return fail(e, FAIL_OTHER, "the installed system was not generalized: %s has %s", traces[k].dir,
					    traces[k].what);
		}
	}
	if (!read)
		env->line(env->line_ctx, "identity check skipped: debugfs can read no file system on the disk");
	return 0;
}
