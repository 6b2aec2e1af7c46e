/* SPDX-License-Identifier: PostgreSQL */
/* What a source archive may hold, looked at before anything of it is written. Test: tests/link/test_build.c. */
#ifndef LABCTL_LINK_ARCHIVE_H
#define LABCTL_LINK_ARCHIVE_H

#include <stdatomic.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

/*
 * Files, directories, and links that stay inside, all below one directory, which is *ret_top. Else FAIL_OTHER names the
 * member.
 */
int archive_check(const char *archive, const atomic_bool *cancel, int64_t deadline_ms, struct arena *a, const char **ret_top,
		  struct fail *e);

#endif
