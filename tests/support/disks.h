/* SPDX-License-Identifier: PostgreSQL */
/* Partition tables as partitioning tools write them, checksums included. */
#ifndef LABCTL_TESTS_DISKS_H
#define LABCTL_TESTS_DISKS_H

#include "test.h"

#include <endian.h>
#include <string.h>
#include <unistd.h>

#define DISK_SECTOR 512
#define DISK_GPT_SECTORS 34 /* sectors of a table: protective MBR, header, 128 entries */

/* One partition of a disk, in sectors. */
struct disk_part {
	unsigned slot;
	const char *type; /* 16 bytes as on the disk for GPT, one byte for MBR */
	uint64_t first, last;
};

static inline uint32_t disk_crc32(const unsigned char *data, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static inline void disk_le(unsigned char *to, uint64_t value, unsigned bytes)
{
	for (; bytes--; value >>= 8)
		*to++ = (unsigned char)value;
}

/* Writes an MBR entry and keeps the boot code. Source: UEFI specification, 5.2.1. */
static inline void disk_put_mbr(int fd, const struct disk_part *p)
{
	unsigned char entry[16] = { 0 };

	entry[4] = (unsigned char)p->type[0];
	disk_le(entry + 8, p->first, 4);
	disk_le(entry + 12, p->last - p->first + 1, 4);
	assert_int_equal(pwrite(fd, entry, sizeof entry, 446 + 16 * p->slot), (ssize_t)sizeof entry);
	assert_int_equal(pwrite(fd, "\x55\xaa", 2, 510), 2);
}

/* Writes a GPT with its protective MBR on a disk of @sectors. Source: UEFI specification, 5.3. */
static inline void disk_put_gpt(int fd, uint64_t sectors, const struct disk_part *parts, unsigned count)
{
	const struct disk_part whole = { 0, "\xee", 1, sectors - 1 };
	static unsigned char table[(DISK_GPT_SECTORS - 1) * DISK_SECTOR];
	unsigned char *h = table, *entries = table + DISK_SECTOR;

	memset(table, 0, sizeof table);
	for (unsigned i = 0; i < count; i++) {
		unsigned char *entry = entries + 128 * parts[i].slot;

		memcpy(entry, parts[i].type, 16);
		memset(entry + 16, 0x11 + (int)i, 16);
		disk_le(entry + 32, parts[i].first, 8);
		disk_le(entry + 40, parts[i].last, 8);
	}
	memcpy(h, "EFI PART\0\0\1", 12);
	disk_le(h + 12, 92, 4);
	disk_le(h + 24, 1, 8);
	disk_le(h + 32, sectors - 1, 8);
	disk_le(h + 40, DISK_GPT_SECTORS, 8);
	disk_le(h + 48, sectors - DISK_GPT_SECTORS, 8);
	memset(h + 56, 0x77, 16);
	disk_le(h + 72, 2, 8);
	disk_le(h + 80, 128, 4);
	disk_le(h + 84, 128, 4);
	disk_le(h + 88, disk_crc32(entries, 128 * 128), 4);
	disk_le(h + 16, disk_crc32(h, 92), 4);
	disk_put_mbr(fd, &whole);
	assert_int_equal(pwrite(fd, table, sizeof table, DISK_SECTOR), (ssize_t)sizeof table);
}

#endif
