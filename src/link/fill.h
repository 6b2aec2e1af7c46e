/* SPDX-License-Identifier: PostgreSQL */
/*
 * A file that takes what is free in the file system of a directory. Only of one that nothing else of the host needs. Blocks are allocated,
 * not written. Needs root. Test: tests/link/test_fill.c.
 */
#ifndef LABCTL_LINK_FILL_H
#define LABCTL_LINK_FILL_H

#include <stdbool.h>

#include "fail.h"

/*
 * FAIL_CONFLICT if @dir is in the file system of one of @others (NULL-terminated) or of a directory that every host needs, or if that is in
 * memory; FAIL_OTHER if it cannot be looked at.
 */
int fill_check(const char *dir, const char *const *others, struct fail *e);
/* Makes the file, or makes it longer: users other than root have nothing left. *ret_changed unless nothing was free. */
int fill_up(const char *dir, bool *ret_changed, struct fail *e);
/* Removes it. */
int fill_free(const char *dir, bool *ret_changed, struct fail *e);
bool fill_is_there(const char *dir);

#endif
