/* SPDX-License-Identifier: PostgreSQL */
#include "partition.h"

#include <blkid/blkid.h>
#include <stdio.h>

#include "auto.h"

#define SECTOR 512u /* the library's unit, whatever the disk's is */

DEFINE_AUTO(blkid_probe, blkid_free_probe)

/* Only these formats: the library knows many more, and each reads what anybody wrote. */
static char *tables[] = { "dos", "gpt", NULL }, *ext[] = { "ext2", "ext3", "ext4", NULL };

unsigned partitions_read(int fd, struct partition ret[PARTITIONS_MAX])
{
	auto_(blkid_free_probe) blkid_probe probe = blkid_new_probe();
	blkid_partlist list = NULL;
	unsigned count = 0;

	if (probe && !blkid_probe_set_device(probe, fd, 0, 0) && !blkid_probe_enable_superblocks(probe, 0) &&
	    !blkid_probe_enable_partitions(probe, 1) &&
	    !blkid_probe_filter_partitions_type(probe, BLKID_FLTR_ONLYIN, tables))
		list = blkid_probe_get_partitions(probe);
	for (int i = 0; list && i < blkid_partlist_numof_partitions(list) && count < PARTITIONS_MAX; i++) {
		blkid_partition p = blkid_partlist_get_partition(list, i);
		const char *guid = blkid_partition_get_type_string(p);
		struct partition *to = &ret[count++];

		to->at = (uint64_t)blkid_partition_get_start(p) * SECTOR;
		to->len = (uint64_t)blkid_partition_get_size(p) * SECTOR;
		if (guid)
			snprintf(to->type, sizeof to->type, "%s", guid);
		else
			snprintf(to->type, sizeof to->type, "%02x", (unsigned)blkid_partition_get_type(p));
	}
	return count;
}

bool partition_is_ext(int fd, const struct partition *p)
{
	auto_(blkid_free_probe) blkid_probe probe = blkid_new_probe();

	return probe && !blkid_probe_set_device(probe, fd, (blkid_loff_t)p->at, (blkid_loff_t)p->len) &&
	       !blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_ONLYIN, ext) && blkid_do_safeprobe(probe) == 0;
}
