/* SPDX-License-Identifier: PostgreSQL */
/* ISO 9660 images: makes small ones, which cloud-init finds by the volume's label; reads single files of large ones. */
#ifndef LABCTL_LINK_ISO_H
#define LABCTL_LINK_ISO_H

#include <stdatomic.h>
#include <stdint.h>

#include "fail.h"

struct iso_file { const char *name, *text; }; /* in the root directory of the volume */

/* Replaces @path by rename, mode 0600: such volumes hold keys. Thread-safe. */
int iso_write(const char *path, const char *label, const struct iso_file *files, unsigned count, struct fail *e);
/*
 * Copies the file @member ("isolinux/vmlinuz") of @iso to @to, mode 0600. FAIL_NOT_FOUND when @iso has no such file,
 * FAIL_HOST when it cannot be read, FAIL_TIMEOUT, FAIL_CANCELED (@cancel may be NULL). Thread-safe.
 */
int iso_extract(const char *iso, const char *member, const char *to, const atomic_bool *cancel, int64_t deadline_ms,
		struct fail *e);

#endif
