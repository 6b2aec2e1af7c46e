/* SPDX-License-Identifier: PostgreSQL */
/* Finds a disk's architecture by what firmware looks for on it, without mounting or running anything. */
#ifndef LABCTL_LINK_DISK_ARCH_H
#define LABCTL_LINK_DISK_ARCH_H

#include "image.h"

/*
 * FAIL_HOST if the disk at @path (@format: as qemu-img names it) has signs of another architecture than that of our
 * machines, and none of theirs; a disk without signs passes. @start has its first MiB and is extended (without data) to
 * the size of the disk, @bytes, or more; @dir is for a temporary file.
 */
int disk_arch_check(const struct image_env *env, const char *path, const char *format, uint64_t bytes, const char *start,
		    const char *dir, struct fail *e);
/* "aarch64" if a name contains it: a hint for messages. NULL = no architecture in the name, or ours. */
const char *disk_arch_named(const char *name);

#endif
