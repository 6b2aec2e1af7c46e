/* SPDX-License-Identifier: PostgreSQL */
/*
 * The images and the built software that a running command needs: looked up or made once, then remembered. The cache
 * itself is link's (image_store.h, build.h). Any thread: one makes, the others wait.
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
};

struct images *images_new(const struct images_env *env); /* what @env names is borrowed; aborts without memory */
void images_free(struct images *m);

/*
 * The lab's image (name NULL) or another one; built when missing and @build. The first image of a lab is noted in its
 * record, so that all its nodes have the same and a later `create` need not ask for apt's sources.
 */
int images_find(struct images *m, const char *name, bool build, struct run *r, struct image *ret_image, bool *ret_built,
		struct fail *e);
/* Archive of the built software: fetched and built when missing. Its name without ".tar" is its key. */
int images_software(struct images *m, struct run *r, const char **ret_tar, bool *ret_built, struct fail *e);

#endif
