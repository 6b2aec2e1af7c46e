/* SPDX-License-Identifier: PostgreSQL */
/*
 * User-supplied disk images: a qcow2 or raw file is converted to a qcow2 in the cache, under the digest of the original
 * file, so that no lab depends on what happens to that file later.
 */
#ifndef LABCTL_LINK_IMAGE_FILE_H
#define LABCTL_LINK_IMAGE_FILE_H

#include "image.h"

/* The image's name in the cache: "debian-12-generic" for ".../Debian-12_generic.qcow2?x=y". */
const char *image_file_name(const char *source, struct arena *a);
/* Finds the image of that digest in the cache; false if it is not there. Of the paths only .disk is set. */
bool image_file_find(const struct image_env *env, const char *name, const char *digest, struct arena *a,
		     struct image *ret_image);
/*
 * Imports the file at @path, whose SHA-256 is @digest, into the cache, or finds it there. FAIL_HOST for files that no
 * machine can boot from: archives, installation media, truncated disks, disks with a backing file.
 */
int image_file_import(const struct image_env *env, const char *path, const char *name, const char *digest, struct arena *a,
		      struct image *ret_image, bool *ret_made, struct fail *e);

/*
 * Checks that a BIOS can boot this disk of the cache. FAIL_HOST if its first sector has no code: SeaBIOS would jump into
 * zeros without any message, so it must be noticed here.
 */
int image_file_check_bios(const struct image *image, struct fail *e);

#endif
