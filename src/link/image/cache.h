/* SPDX-License-Identifier: PostgreSQL */
/*
 * The layout of the cache, its locks and its temporary names. No other module builds paths below CACHE.
 *
 *   CACHE/images/NAME-DIGEST12/          an image; created and removed by a rename
 *   CACHE/images/.NAME.{lock,new,install} .NAME-DIGEST12.gone (being removed)
 *   CACHE/builds/KEY.{tar,json,lock}     built software
 *   CACHE/downloads/DIGEST12-FILE        .part, .part.tag and .lock beside it
 *   CACHE/log/  CACHE/tmp/build-KEY12/
 *   CACHE/users/DIGEST12                 links to the state directories whose labs use images of this cache
 *
 * Any thread and any number of processes: all state is in files. Returned paths are in the caller's arena.
 */
#ifndef LABCTL_LINK_CACHE_H
#define LABCTL_LINK_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

#define CACHE_ID_LEN 12 /* digits of the digest in names */

enum cache_file {
	CACHE_IMAGES,          /* the directory of images; @name is "" */
	CACHE_IMAGE_NEW,       /* an image being built, under the lock of NAME */
	CACHE_IMAGE_INSTALL,   /* a running installation, under the same lock */
	CACHE_IMAGE_LOG,
	CACHE_INSTALL_LOG,
	CACHE_INSTALL_SYSLOG,
	CACHE_BUILD_TAR,
	CACHE_BUILD_RECORD,
	CACHE_BUILD_LOG,       /* of KEY12 */
	CACHE_BUILD_WORK,      /* of KEY12 */
	CACHE_DOWNLOAD,        /* of DIGEST12-FILE */
	CACHE_FILE_COUNT
};

const char *cache_path(const char *cache_dir, enum cache_file file, const char *name, struct arena *a);
const char *cache_image(const char *cache_dir, const char *name, const char *digest, struct arena *a);
/* True if @entry is the name of an image's directory, NAME-DIGEST12; *ret_digest points to its DIGEST12. */
bool cache_is_image(const char *entry, const char **ret_digest);

/*
 * Locks image @name, build @key or download @name until *ret_fd is closed, and creates the directories that the holder
 * writes to. @what is what the holder does ("image build"), for the failures of others. FAIL_CONFLICT names the holder if
 * the lock is not free at @deadline_ms.
 */
int cache_lock_image(const char *cache_dir, const char *name, const char *what, int64_t deadline_ms, int *ret_fd, struct fail *e);
int cache_lock_build(const char *cache_dir, const char *key, int64_t deadline_ms, int *ret_fd, struct fail *e);
int cache_lock_download(const char *cache_dir, const char *name, int64_t deadline_ms, int *ret_fd, struct fail *e);

/* Renames @temp to @dir, unless @failed. If it fails or @failed, removes @temp and returns -1; @failed: keeps @e. */
int cache_publish(const char *temp, const char *dir, bool failed, struct fail *e);
/*
 * Removes an image's directory: renames it, then removes its files. In between it calls @used (NULL: cannot be in use); if a
 * lab has begun to use the image, it undoes the rename and sets *ret_used.
 */
int cache_remove_image(const char *cache_dir, const char *dir, bool (*used)(void *ctx), void *ctx, bool *ret_used,
		       struct fail *e);

/* Records that labs of @state_dir use images of this cache. Best effort: no failure. */
void cache_claim(const char *cache_dir, const char *state_dir);
/* The recorded state directories that still exist, NULL-terminated. @forget: removes the records of others. */
const char *const *cache_states(const char *cache_dir, bool forget, struct arena *a);
/* Left-overs of killed builds, imports and installations, NULL-terminated paths; without those whose lock is held. */
const char *const *cache_leftovers(const char *cache_dir, struct arena *a);

#endif
