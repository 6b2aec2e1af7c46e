/* SPDX-License-Identifier: PostgreSQL */
/* For which processors a disk is, by what their firmware looks for on it: nothing is mounted, nothing runs. */
#ifndef LABCTL_LINK_DISK_ARCH_H
#define LABCTL_LINK_DISK_ARCH_H

#include "image.h"

/*
 * FAIL_HOST when the disk at @path (@format: qemu-img's word) says that it is for other processors than our machines
 * have, and not for these; a disk that says nothing may be for any. @start holds its first MiB, and is made as large
 * (without data) as the disk, @bytes; @dir takes a file for a while.
 */
int disk_arch_check(const struct image_env *env, const char *path, const char *format, uint64_t bytes, const char *start,
		    const char *dir, struct fail *e);
/* "aarch64", when a name says so: a hint for messages. NULL = it says nothing, or the right one. */
const char *disk_arch_named(const char *name);

#endif
