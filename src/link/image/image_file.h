/* SPDX-License-Identifier: PostgreSQL */
/*
 * Disk images that anybody made: a qcow2 or raw file becomes a qcow2 of the cache, under the digest of the file it came
 * from, so that no lab depends on what happens to that file later.
 */
#ifndef LABCTL_LINK_IMAGE_FILE_H
#define LABCTL_LINK_IMAGE_FILE_H

#include "image.h"

/* "debian-12-generic" of ".../Debian-12_generic.qcow2?x=y": what its directory in the cache is called. */
const char *image_file_name(const char *source, struct arena *a);
/* The image of that digest in the cache; false when it is not there. Only .disk of its parts is set. */
bool image_file_find(const struct image_env *env, const char *name, const char *digest, struct arena *a,
		     struct image *ret_image);
/*
 * Take the file at @path, whose SHA-256 is @digest, into the cache, or find it there. FAIL_HOST for what no machine
 * could boot from: archives, installation media, truncated disks, disks that lean on other files.
 */
int image_file_import(const struct image_env *env, const char *path, const char *name, const char *digest, struct arena *a,
		      struct image *ret_image, bool *ret_made, struct fail *e);

/*
 * Could a BIOS start from this disk of the cache? FAIL_HOST when its first sector has no code: SeaBIOS would jump into
 * zeros and say nothing at all, so this is the only place where it can be noticed.
 */
int image_file_check_bios(const struct image *image, struct fail *e);

#endif
