/* SPDX-License-Identifier: PostgreSQL */
/*
 * Files: whole reads, atomic private writes, directories, locks.
 * All failures are FAIL_OTHER with the path and the reason, unless said otherwise.
 */
#ifndef LABCTL_BASE_FILE_H
#define LABCTL_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fail.h"
#include "strbuf.h"

/* Appends the file to @out. FAIL_NOT_FOUND when it does not exist. Refuses more than @max_bytes. */
int file_read(const char *path, size_t max_bytes, struct strbuf *out, struct fail *e);

/* Replaces @path by rename, fsynced, with exactly @mode. Reads back equal or the old content stays. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, struct fail *e);

bool file_exists(const char *path);

/* mkdir -p; @mode for the directories that are made. */
int file_mkdirs(const char *path, mode_t mode, struct fail *e);

/*
 * Can nobody but root and us put anything, a symlink above all, into @path or on the way to it? What is not there yet is
 * fine. FAIL_CONFLICT names the directory.
 */
int file_check_dir(const char *path, struct fail *e);

/*
 * Removes @path with all below it, staying on one file system (a mount point
 * below it is an error, not a descent) and never following a symlink. Missing is fine.
 */
int file_remove_tree(const char *path, struct fail *e);

/*
 * Advisory lock (flock) on @path, made 0600 when missing; content becomes "PID COMMAND".
 * Waits until @deadline_ms, then FAIL_CONFLICT that names the holder. Closing @ret_fd releases it.
 */
int file_lock(const char *path, const char *what, int64_t deadline_ms, int *ret_fd, struct fail *e);

/* Last @line_max lines of a text file as a string the caller frees; "" when unreadable. Reads at most 64 KiB. */
char *file_tail(const char *path, unsigned line_max);

/* Bytes available to root on the file system of @path (or its nearest existing parent); -1 if unknown. */
int64_t file_space_bytes(const char *path);

#endif
