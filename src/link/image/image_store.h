/* SPDX-License-Identifier: PostgreSQL */
/*
 * Management of the image cache: list images with age and size, import disks under a name, remove images.
 * CACHE/images/NAME-DIGEST12 has the files described in image.h and image_file.h and, for disks imported by name, a
 * file `about` (JSON): `image: NAME` in a lab file finds them, and gc never removes them.
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
	const char *boot, *seed;                  /* "bios", "uefi"; format of the seed: "labctl", "nocloud" */
	const char *made;                         /* UTC time, set when it is stored */
};

struct stored {
	struct image image;
	struct image_about about; /* .name is NULL for built images and for disks that lab files give by path or URL */
	bool current;             /* imported by name, or of a current recipe: gc keeps it */
	int64_t made_s;           /* seconds since the epoch */
};

int image_store_list(const struct image_env *env, struct arena *a, struct stored **ret, unsigned *ret_count, struct fail *e);
/* Lists only those imported by name, oldest first; cheaper. */
int image_store_named(const struct image_env *env, struct arena *a, struct stored **ret, unsigned *ret_count, struct fail *e);
/* Finds the newest image NAME, or exactly NAME-DIGEST12. FAIL_NOT_FOUND. */
int image_store_find(const struct image_env *env, const char *word, struct arena *a, struct stored *ret, struct fail *e);
/* Bytes that the image occupies on the host. */
int64_t image_store_bytes(const struct stored *s);

/* Stores a compact copy of the disk at @path, under the SHA-256 of that copy. The caller holds the image's lock. */
int image_store_disk(const struct image_env *env, const char *path, const char *format, const struct image_about *about,
		     struct arena *a, struct image *ret_image, struct fail *e);
/* image_file_import() under a name; records whether the disk boots by BIOS or needs UEFI. */
int image_store_import(const struct image_env *env, const char *path, const char *digest, const struct image_about *about,
		       struct arena *a, struct image *ret_image, bool *ret_made, struct fail *e);
/*
 * Renames the image, so that it cannot be found any more, then deletes its files. In between it calls @used (may be NULL): if
 * a lab has begun to use the image meanwhile, renames it back, FAIL_CONFLICT. A lab that comes later does not find it.
 */
int image_store_remove(const struct image_env *env, const struct stored *s, bool (*used)(void *ctx, const struct stored *s),
		       void *ctx, struct fail *e);

#endif
