/* SPDX-License-Identifier: PostgreSQL */
/* Can an installed disk start, and does it carry nothing that two nodes must not share? Looked at from outside. */
#ifndef LABCTL_LINK_GENERALIZE_H
#define LABCTL_LINK_GENERALIZE_H

#include "image.h"

/*
 * @disk is raw. Reads ext2/3/4 (debugfs); that there is a file system which it cannot read is said through env->line.
 * FAIL_OTHER names what was found.
 */
int generalize_check(const char *disk, const struct image_env *env, struct fail *e);

#endif
