/* SPDX-License-Identifier: PostgreSQL */
/*
 * The layout of the cache, its locks and its temporary names; nobody else puts paths below CACHE together.
 *
 *   CACHE/images/NAME-DIGEST12/          an image; it appears by one rename and goes by one
 *   CACHE/images/.NAME.{lock,new,install} .NAME-DIGEST12.gone
 *   CACHE/builds/KEY.{tar,json,lock}     built software
 *   CACHE/downloads/DIGEST12-FILE        .part, .part.tag and .lock beside it
 *   CACHE/log/  CACHE/tmp/build-KEY12/
 *   CACHE/users/DIGEST12                 links to the state directories whose labs use images of this cache
 *
 * Threads and processes: any number; all state is in files. Paths live in the caller's arena.
 */
#ifndef LABCTL_LINK_CACHE_H
#define LABCTL_LINK_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

#define CACHE_ID_LEN 12 /* digits of the digest in names */

enum cache_file {
	CACHE_IMAGES,          /* the directory; its name is "" */
	CACHE_IMAGE_NEW,       /* an image while it is made, under the lock of NAME */
	CACHE_IMAGE_INSTALL,   /* an installation, under the same lock */
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
/* Is it the name of an image's directory, NAME-DIGEST12? *ret_digest: its DIGEST12. */
bool cache_is_image(const char *entry, const char **ret_digest);

/*
 * The lock of image @name, build @key or download @name, with the directories that its holder writes into; the lock ends
 * when *ret_fd is closed. @what says in the failure of the next one what the holder does ("image build"). FAIL_CONFLICT names
 * who has it at @deadline_ms.
 */
int cache_lock_image(const char *cache_dir, const char *name, const char *what, int64_t deadline_ms, int *ret_fd, struct fail *e);
int cache_lock_build(const char *cache_dir, const char *key, int64_t deadline_ms, int *ret_fd, struct fail *e);
int cache_lock_download(const char *cache_dir, const char *name, int64_t deadline_ms, int *ret_fd, struct fail *e);

/* Renames a finished @temp to @dir. When that fails, or @failed, @temp is removed and the return is -1; @e is the caller's then. */
int cache_publish(const char *temp, const char *dir, bool failed, struct fail *e);
/*
 * Removes an image's directory: by one rename, then file by file. Between the two @used (NULL = nothing can) is asked: a lab
 * that has taken the image meanwhile gets it back, and *ret_used says so.
 */
int cache_remove_image(const char *cache_dir, const char *dir, bool (*used)(void *ctx), void *ctx, bool *ret_used,
		       struct fail *e);

/* Notes that labs of @state_dir use images of this cache. */
void cache_claim(const char *cache_dir, const char *state_dir);
/* All that were noted and still exist, NULL-terminated paths. @forget: removes the notes of those that do not. */
const char *const *cache_states(const char *cache_dir, bool forget, struct arena *a);
/* What killed builds, imports and installations left, NULL-terminated paths; those whose lock is held are still running. */
const char *const *cache_leftovers(const char *cache_dir, struct arena *a);

#endif
