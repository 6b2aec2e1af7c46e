/* SPDX-License-Identifier: PostgreSQL */
/* Writes an archive of texts: a tar, compressed as the name of its file says. One thread at a time. */
#ifndef LABCTL_LINK_PACK_H
#define LABCTL_LINK_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "auto.h"
#include "fail.h"

struct pack;

/* Ends of file names, by which pack_new() knows the compression: ".tar.zst", ".tar.gz", ".tar.xz"; NULL at the end. */
extern const char *const pack_suffixes[];

/*
 * Begins @path, mode 0600, under a name of its own. FAIL_USAGE: its name has none of the suffixes. FAIL_CONFLICT: it exists.
 * FAIL_HOST: libarchive lacks the compression.
 */
int pack_new(const char *path, struct pack **ret_pack, struct fail *e);
/* Adds a file; @name may have directories. FAIL_OTHER: cannot be written. */
int pack_add(struct pack *p, const char *name, const char *text, size_t len, struct fail *e);
/* Completes the archive and gives it its name. FAIL_CONFLICT: a file of that name has come meanwhile. */
int pack_finish(struct pack *p, struct fail *e);
/* Removes an archive that was not finished; frees. NULL is fine. */
void pack_free(struct pack *p);
DEFINE_AUTO(struct pack *, pack_free)

#endif
