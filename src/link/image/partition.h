/* SPDX-License-Identifier: PostgreSQL */
/* The partition table of a disk (GPT or MBR, sectors of 512 bytes) and its file systems, as libblkid sees them. */
#ifndef LABCTL_LINK_PARTITION_H
#define LABCTL_LINK_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#define PARTITIONS_MAX 32u

struct partition {
	uint64_t at, len; /* bytes */
	char type[37];    /* "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" (GPT), "ef" (MBR) */
};

/*
 * Reads the partition table of @fd, a file of the disk's size that needs only its first sectors; returns the number of
 * partitions, 0 if the table's checksums are wrong. An extended partition counts as one, as does each in it. Thread-safe.
 */
unsigned partitions_read(int fd, struct partition ret[PARTITIONS_MAX]);
/* True if the partition has ext2, ext3 or ext4. Thread-safe. */
bool partition_is_ext(int fd, const struct partition *p);

#endif
