/* SPDX-License-Identifier: PostgreSQL */
/*
 * Source archives: tar, compressed or not, and zip. libarchive reads and writes them. The same parser checks and unpacks
 * each member, so the two cannot disagree. Tests: tests/link/test_build.c, tests/e2e/security.bats,
 * tests/fuzz/unpack.c.
 */
#ifndef LABCTL_LINK_UNPACK_H
#define LABCTL_LINK_UNPACK_H

#include <stdatomic.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

#define UNPACK_MAX_BYTES (4ull << 30) /* unpacked */
#define UNPACK_MAX_MEMBERS 500000u

/*
 * Checks that @archive contains only files, directories, and links that stay inside, all below one top directory, whose
 * name is *ret_top (in @a). Else FAIL_OTHER names the member. FAIL_TIMEOUT, FAIL_CANCELED (@cancel may be NULL). Thread-safe.
 */
int unpack_check(const char *archive, const atomic_bool *cancel, int64_t deadline_ms, struct arena *a, const char **ret_top,
		 struct fail *e);
/* Does @archive begin like one? A quick look before any work. FAIL_NOT_FOUND, FAIL_USAGE. */
int unpack_opens(const char *archive, struct fail *e);
/*
 * Checks @archive in the same way and unpacks it into the directory @dir. Keeps times, but not owners, set-id bits and
 * extended attributes. If a member is refused, the caller removes what was unpacked before it. Starts a
 * thread and waits for it.
 */
int unpack_archive(const char *archive, const char *dir, const atomic_bool *cancel, int64_t deadline_ms, struct arena *a,
		   const char **ret_top, struct fail *e);

#endif
