/* SPDX-License-Identifier: PostgreSQL */
/* Small ISO 9660 images, made with xorriso: what cloud-init and installers look for by the volume's label. */
#ifndef LABCTL_LINK_ISO_H
#define LABCTL_LINK_ISO_H

#include "fail.h"

struct iso_file { const char *name, *text; }; /* in the root directory of the volume */

/* Replaces @path by rename, mode 0600: such volumes hold keys. FAIL_HOST where xorriso is not installed. */
int iso_write(const char *path, const char *label, const struct iso_file *files, unsigned count, struct fail *e);

#endif
