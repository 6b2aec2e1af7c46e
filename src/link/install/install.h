/* SPDX-License-Identifier: PostgreSQL */
/*
 * Unattended installations: a temporary machine of its own (QEMU as a child of ours: docs/why/005-installer.md), its
 * console watched to the end, the disk looked at, made compact and put into the image cache. However it ends,
 * nothing stays but the image and two logs.
 */
#ifndef LABCTL_LINK_INSTALL_H
#define LABCTL_LINK_INSTALL_H

#include "image.h"
#include "medium.h"

struct installer {
	const char *name;                                /* of the image that is made */
	const struct release *release;
	const char *media;                               /* path of an ISO, or "netboot" */
	const char *media_sha256;                        /* NULL = none (netboot) */
	const struct inject *files; unsigned file_count; /* the answers, called medium_of()->answers, and what they name */
	uint64_t disk_gib;
	bool kvm;
	int64_t quiet_ms;                                /* neither a new line nor a growing disk: it hangs or runs in a loop */
};

/*
 * Replaces nothing: another image of that name stays until it is removed. FAIL_OTHER: the installer asked, failed,
 * started over; FAIL_TIMEOUT; FAIL_CANCELED; FAIL_HOST: medium, space. Evidence: the end of the console.
 */
int install_image(const struct image_env *env, const struct installer *i, struct arena *a, struct image *ret_image,
		  struct fail *e);

#endif
