/* SPDX-License-Identifier: PostgreSQL */
/* Checks, without booting, that an installed disk can boot and has no identity that two nodes must not share. */
#ifndef LABCTL_LINK_GENERALIZE_H
#define LABCTL_LINK_GENERALIZE_H

#include "image.h"

/*
 * @disk is raw. Reads ext2/3/4 (debugfs); reports other file systems, which it cannot check, through env->line.
 * FAIL_OTHER names what was found.
 */
int generalize_check(const char *disk, const struct image_env *env, struct fail *e);

#endif
