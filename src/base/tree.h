/* SPDX-License-Identifier: PostgreSQL */
/*
 * Copies of whole directory trees, with owners, modes, times, extended attributes, hard links, holes and special files. Blocks
 * are shared where the file system can (FICLONE), else copied. Never follows a symbolic link and stays on one file system:
 * the tree may have been written by a guest. Thread-safe. First test to read: tests/unit/test_tree.c.
 */
#ifndef LABCTL_BASE_TREE_H
#define LABCTL_BASE_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "fail.h"

struct tree_sum {
	uint64_t files;            /* entries of any type, the topmost included */
	uint64_t bytes;            /* on the disk */
	char digest[DIGEST_HEX];   /* of names, types, modes, owners, sizes, times of files, targets of links; not of contents */
};

struct tree_copy {
	const char *from, *to;     /* @to must not exist */
	void (*progress)(void *ctx, uint64_t bytes); void *ctx; /* bytes copied so far, about every second; or NULL */
	int64_t deadline_ms;       /* absolute (base/clock.h) */
	const atomic_bool *cancel; /* may be NULL */
	const char *pins;          /* tree_restore(): a tree of tree_pin() of what @to was when @from was copied from it; else NULL */
};

/* A failure leaves a part of the copy. FAIL_CONFLICT: a file system is mounted in the tree. FAIL_HOST: no space is left. */
int tree_copy(const struct tree_copy *t, struct tree_sum *ret, struct fail *e);
/*
 * Gives every file of the tree @from a second name in the new tree @to, on the same file system: what is removed from @from later, or
 * gets another name, stays the same file (inode and generation, and so the same handle of an NFS client).
 */
int tree_pin(const char *from, const char *to, struct tree_sum *ret, struct fail *e);
/*
 * Makes @to, a directory that exists, what @from is: each file with the inode that it has in @pins, other entries are removed. What a
 * failure or a kill leaves, a second run completes. Nobody may use @to meanwhile.
 */
int tree_restore(const struct tree_copy *t, struct tree_sum *ret, struct fail *e);
/* Reads the tree without copying it. */
int tree_look(const char *path, struct tree_sum *ret, struct fail *e);
/* Only what it takes on the disk. Files that come and go meanwhile are fine: the tree is in use. */
int tree_size(const char *path, uint64_t *ret_bytes, struct fail *e);
/* Are both on the same file system? */
bool tree_same_system(const char *a, const char *b);
/* Can a copy below the directory @to share the blocks of @from? */
bool tree_can_share(const char *from, const char *to);
/* Returns when what was written to the file system of @path is on its disk. */
int tree_sync(const char *path, struct fail *e);

#endif
