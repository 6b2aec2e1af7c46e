/* SPDX-License-Identifier: PostgreSQL */
/* The partition table of a disk: GPT or MBR, sectors of 512 bytes. */
#ifndef LABCTL_LINK_PARTITION_H
#define LABCTL_LINK_PARTITION_H

#include <stdint.h>

#define PARTITIONS_MAX 16u

struct partition {
	uint64_t at, len; /* bytes */
	char type[37];    /* "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" (GPT), "ef" (MBR) */
};

/* What the first sectors of @fd say, which may be all there is of the disk; how many. Extended partitions are one. */
unsigned partitions_read(int fd, struct partition ret[PARTITIONS_MAX]);

#endif
