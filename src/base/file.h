/* SPDX-License-Identifier: PostgreSQL */
/*
 * Files: whole reads, atomic private writes, directories, locks. Thread-safe.
 * All failures are FAIL_OTHER with the path and the reason, unless a function says otherwise.
 */
#ifndef LABCTL_BASE_FILE_H
#define LABCTL_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fail.h"
#include "strbuf.h"

/* Appends the file to @out. FAIL_NOT_FOUND when it does not exist, FAIL_OTHER when larger than @max_bytes. */
int file_read(const char *path, size_t max_bytes, struct strbuf *out, struct fail *e);

/*
 * Replaces @path by fsync and rename, with exactly @mode: also after a crash it holds the old content or all of the new.
 * The temporary name PATH.new is fixed, so the caller holds a lock.
 */
int file_write(const char *path, const void *data, size_t len, mode_t mode, struct fail *e);

bool file_exists(const char *path);

/* mkdir -p; @mode is for new directories. */
int file_mkdirs(const char *path, mode_t mode, struct fail *e);

/*
 * Checks that only root and we can create entries (above all symlinks) in @path and the directories above it. Missing
 * directories are fine. FAIL_CONFLICT names the directory that others can write.
 */
int file_check_dir(const char *path, struct fail *e);

/*
 * Removes @path and everything below it. Never follows a symlink and stays on one file
 * system: a mount point below is FAIL_CONFLICT. A missing @path is fine.
 */
int file_remove_tree(const char *path, struct fail *e);

/*
 * Advisory lock (flock) on @path, created 0600 when missing; writes "process PID (WHAT)" into it.
 * Waits until @deadline_ms (base/clock.h), then FAIL_CONFLICT names the holder. Closing @ret_fd releases it.
 */
int file_lock(const char *path, const char *what, int64_t deadline_ms, int *ret_fd, struct fail *e);

/* Appends the last @max_bytes of a file, from the start of a line. Fails as file_read(), but not for large files. */
int file_end(const char *path, size_t max_bytes, struct strbuf *out, struct fail *e);

/* Last @line_max lines of a text file, at most 4 KiB, as a string the caller frees; "" when unreadable. */
char *file_tail(const char *path, unsigned line_max);

/* Bytes free for root on the file system of @path or of its nearest existing parent; -1 if unknown. */
int64_t file_space_bytes(const char *path);

#endif
