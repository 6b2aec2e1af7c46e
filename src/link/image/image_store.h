/* SPDX-License-Identifier: PostgreSQL */
/*
 * The image cache as its owner sees it: what is there, since when, how large; taking in disks under a name, and taking
 * out what is not wanted. CACHE/images/NAME-DIGEST12 holds what image.h and image_file.h say, and for disks that were
 * taken in by name a file `about` (JSON): only those are `image: NAME` in a lab file, and no gc takes them away.
 *
 * Any function: FAIL_OTHER, with the cause no-space or denied where it is that, when the cache cannot be read or written.
 * Results live in the caller's arena. Threads and processes: any number, each with an arena of its own, for all state is in
 * files. image_store_import() holds the image's lock (cache_lock_image()); image_store_disk() is called with it held; a removal renames before it deletes. So what a list named
 * may be gone a moment later. First test to read: tests/link/test_image_file.c.
 */
#ifndef LABCTL_LINK_IMAGE_STORE_H
#define LABCTL_LINK_IMAGE_STORE_H

#include "image.h"

struct image_about {
	const char *name, *release, *family;      /* "rocky9", "el9", "el7plus"; NULL = not known */
	const char *source, *source_sha256;       /* "netboot", path or URL of the medium or disk; NULL = none */
	const char *boot, *seed;                  /* "bios", "uefi"; who reads a node's identity: "labctl", "nocloud" */
	const char *made;                         /* when, UTC: set when it is stored */
};

struct stored {
	struct image image;
	struct image_about about; /* .name is NULL for built images and for disks named in lab files */
	bool current;             /* by name, or of a recipe as it is today: gc leaves it */
	int64_t made_s;           /* since the epoch */
};

int image_store_list(const struct image_env *env, struct arena *a, struct stored **ret, unsigned *ret_count, struct fail *e);
/* Only those taken in by name, oldest first; cheaper. */
int image_store_named(const struct image_env *env, struct arena *a, struct stored **ret, unsigned *ret_count, struct fail *e);
/* Newest image NAME, or just that one: NAME-DIGEST12. FAIL_NOT_FOUND. */
int image_store_find(const struct image_env *env, const char *word, struct arena *a, struct stored *ret, struct fail *e);
/* Bytes on the host of all that belongs to it. */
int64_t image_store_bytes(const struct stored *s);

/* A copy of the disk at @path, compact, under the SHA-256 of that copy. The image's lock is the caller's. */
int image_store_disk(const struct image_env *env, const char *path, const char *format, const struct image_about *about,
		     struct arena *a, struct image *ret_image, struct fail *e);
/* image_file_import() by name; says of itself whether it boots by BIOS or needs UEFI. */
int image_store_import(const struct image_env *env, const char *path, const char *digest, const struct image_about *about,
		       struct arena *a, struct image *ret_image, bool *ret_made, struct fail *e);
/*
 * Gone for all who look for it at once, then file by file. Between the two @used (NULL = nothing can) is asked: a lab that
 * has taken it meanwhile gets it back, FAIL_CONFLICT, and one that takes it later finds nothing to stand on.
 */
int image_store_remove(const struct image_env *env, const struct stored *s, bool (*used)(void *ctx, const struct stored *s),
		       void *ctx, struct fail *e);

#endif
