/* SPDX-License-Identifier: PostgreSQL */
/*
 * Unattended installations: runs a temporary machine (QEMU as a child process: docs/why/005-installer.md), watches its
 * console to the end, checks the disk, compacts it and stores it in the image cache. However it ends, only the image
 * and two logs remain.
 */
#ifndef LABCTL_LINK_INSTALL_H
#define LABCTL_LINK_INSTALL_H

#include "image.h"
#include "medium.h"

struct installer {
	const char *name;                                /* name of the new image */
	const struct release *release;
	const char *media;                               /* path of an ISO, or "netboot" */
	const char *media_sha256;                        /* NULL = none (netboot) */
	const struct inject *files; unsigned file_count; /* the answers, named medium_of()->answers, and files they refer to */
	uint64_t disk_gib;
	bool kvm;
	int64_t quiet_ms;                                /* limit without a new line and without disk growth: it hangs or loops */
};

/*
 * Replaces nothing: an older image of that name is kept until it is removed. FAIL_OTHER: the installer asked, failed or
 * restarted; FAIL_TIMEOUT; FAIL_CANCELED; FAIL_HOST: medium, space. Evidence: the end of the console.
 */
int install_image(const struct image_env *env, const struct installer *i, struct arena *a, struct image *ret_image,
		  struct fail *e);

#endif
