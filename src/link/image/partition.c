/* SPDX-License-Identifier: PostgreSQL */
#include "partition.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512u
#define ENTRIES_MAX 128u

/* Source: UEFI specification, 5.2.1 (MBR partition record) and 5.3 (GPT). Little-endian, unaligned. */
static uint64_t little(const unsigned char *p, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

/* Its first three parts are numbers, the rest is bytes: appendix A. */
static void guid_text(const unsigned char *g, char ret[37])
{
	snprintf(ret, 37, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", (unsigned)little(g, 4), (unsigned)little(g + 4, 2),
		 (unsigned)little(g + 6, 2), g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

static unsigned read_gpt(int fd, const unsigned char *head, struct partition ret[PARTITIONS_MAX])
{
	static const unsigned char unused[16];
	uint64_t table = little(head + 72, 8) * SECTOR, size = little(head + 84, 4);
	unsigned char entry[128];
	unsigned count = 0;

	for (unsigned i = 0; i < ENTRIES_MAX && count < PARTITIONS_MAX; i++) {
		uint64_t first, last;

		if (pread(fd, entry, sizeof entry, (off_t)(table + i * size)) != (ssize_t)sizeof entry)
			break;
		if (!memcmp(entry, unused, sizeof unused))
			continue;
		first = little(entry + 32, 8);
		last = little(entry + 40, 8);
		ret[count].at = first * SECTOR;
		ret[count].len = last >= first ? (last - first + 1) * SECTOR : 0;
		guid_text(entry, ret[count++].type);
	}
	return count;
}

unsigned partitions_read(int fd, struct partition ret[PARTITIONS_MAX])
{
	unsigned char head[2 * SECTOR];
	unsigned count = 0;

	if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
		return 0;
	if (memcmp(head + SECTOR, "EFI PART", 8) == 0)
		return read_gpt(fd, head + SECTOR, ret);
	for (unsigned i = 0; i < 4; i++) {
		const unsigned char *entry = head + 446 + 16 * i;

		if (!entry[4])
			continue;
		ret[count].at = little(entry + 8, 4) * SECTOR;
		ret[count].len = little(entry + 12, 4) * SECTOR;
		snprintf(ret[count++].type, sizeof ret->type, "%02x", entry[4]);
	}
	return count;
}
