/* SPDX-License-Identifier: PostgreSQL */
/*
 * The images and the built software that a running command needs: looked up or built once, then remembered. The cache
 * itself belongs to src/link/image (image_store.h, build.h). Any thread: one builds, the others wait.
 */
#ifndef LABCTL_EXEC_IMAGES_H
#define LABCTL_EXEC_IMAGES_H

#include "executor.h"
#include "image.h"
#include "library.h"
#include "paths.h"

struct images;

struct images_env {
	const struct lab *lab;
	const struct paths *paths;
	const struct library *library;
	bool (*find_source)(void *ctx, const char *url, struct arena *a, const char **ret_path); void *ctx; /* runtime.h */
};

struct images *images_new(const struct images_env *env); /* borrows what @env points to; aborts if out of memory */
void images_free(struct images *m);

/*
 * Finds the lab's image (name NULL) or another one; builds it if it is missing and @build is set. The first image of a lab
 * is recorded with the lab, so that all its nodes get the same one and a later `create` need not look at apt's sources.
 */
int images_find(struct images *m, const char *name, bool build, struct run *r, struct image *ret_image, bool *ret_built,
		struct fail *e);
/* The name by which the cache has the lab's image, in @a: of a disk that was given by path or URL, one that is derived from it. */
const char *images_cache_name(const struct lab *lab, struct arena *a);
/* From now on images_software() keeps the build tree (build.h). */
void images_keep_build(struct images *m);
const char *images_kept_build(struct images *m); /* its directory, once images_software() has returned; else NULL */
/* Archive of the built software: fetched and built if missing. Its file name without ".tar" is the cache key. */
int images_software(struct images *m, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e);

#endif
