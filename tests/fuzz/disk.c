/* SPDX-License-Identifier: PostgreSQL */
/*
 * Untrusted disks: format, partition tables, listings of their files, and the name in the store that is derived from
 * their path or URL.
 */
#include "../../src/link/image/image_file.c" /* format_of() */
#include "../../src/link/install/generalize.c"       /* find_trace() */

#include "fuzz.h"

#include <sys/mman.h>

static void disk(const uint8_t *data, size_t size)
{
	auto_(close) int fd = memfd_create("disk", MFD_CLOEXEC);
	struct partition parts[PARTITIONS_MAX];
	const char *format = NULL;
	struct fail e = { 0 };
	unsigned count;
	char path[32];
	uint64_t bytes;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (format_of(path, &format, &bytes, &e) < 0)
		fuzz_failure(&e);
	else
		PROMISE(!strcmp(format, "raw") || !strcmp(format, "qcow2"), "%s", format);
	/* An accepted disk refers to no other file: no backing file, no external data file. */
	if (format && !strcmp(format, "qcow2"))
		PROMISE(size < 16 || !memcmp(data + 8, "\0\0\0\0\0\0\0", 8));
	count = partitions_read(fd, parts);
	PROMISE(count <= PARTITIONS_MAX);
	for (unsigned i = 0; i < count; i++) {
		PROMISE(strlen(parts[i].type) == 2 || strlen(parts[i].type) == 36, "%s", parts[i].type);
		partition_is_ext(fd, &parts[i]);
	}
	has_boot_code(fd);
}

static void names(const char *text)
{
	static const char *const harmless = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	auto_(arena_free) struct arena *a = arena_new();
	auto_(free) char *listing = strdup(text);
	const char *name = image_file_name(text, a);

	PROMISE(*name && *name != '.' && strlen(name) <= NAME_LEN && !name[strspn(name, harmless)], "%s", name);
	for (size_t i = 0; listing && i < ARRAY_COUNT(traces); i++) {
		strcpy(listing, text);
		find_trace(listing, &traces[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);

	disk(data, size);
	names(text);
	return 0;
}
