/* SPDX-License-Identifier: PostgreSQL */
/*
 * Images and their copies: building by the script of kickstart/, the content-addressed cache,
 * qcow2 overlays, kernels, overlay mounts of root trees.
 */
#ifndef LABCTL_LINK_IMAGE_H
#define LABCTL_LINK_IMAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"

#define IMAGE_KERNEL "vmlinuz"
#define IMAGE_INITRD "initrd.img"

struct image {
	const char *name;     /* "debian12" */
	const char *digest;   /* 64 hex digits, of its recipe and its resolved inputs */
	const char *dir;      /* CACHE/images/NAME-DIGEST12 */
	const char *root, *disk, *kernel, *initrd; /* paths; NULL if the image has none (build images have only root) */
};

struct image_env {
	const char *cache_dir;    /* CACHE */
	const char *kickstart;    /* directory with the recipes and build-image */
	void (*line)(void *ctx, const char *line); void *line_ctx; /* progress */
	void (*far)(void *ctx, const char *text); /* called with .line_ctx every few seconds with progress; or NULL */
	const atomic_bool *cancel;
	int64_t deadline_ms;
	bool resolve; /* image_build(): use an existing image only if apt's sources would give the same now */
};

/* Looks in the cache. FAIL_NOT_FOUND (next: labctl image build NAME) if it was not built. */
int image_find(const struct image_env *env, const char *name, struct arena *a, struct image *ret_image, struct fail *e);
/* Finds or builds, under a lock per image name; *ret_built says which. A failed build leaves only its log (CACHE/log/). */
int image_build(const struct image_env *env, const char *name, struct arena *a, struct image *ret_image, bool *ret_built,
		struct fail *e);
/* All built images. */
int image_list(const struct image_env *env, struct arena *a, struct image **ret, unsigned *ret_count, struct fail *e);
/* Names of the recipes that can be built ("debian12", "debian12-build", ...), NULL-terminated. */
const char *const *image_recipes(const struct image_env *env, struct arena *a);

/* qemu-img create -f qcow2 -F qcow2 -b BASE; unchanged if it exists with that base. */
int image_overlay(const char *base, const char *path, uint64_t size_gib, bool *ret_changed, struct fail *e);

/*
 * Copies kernel and initrd into @dir, a node's own, 0600; unchanged if they are there. libvirt gives the files that it hands to
 * a machine to qemu's user: the image's own would then be writable for every machine that gets out of its confinement.
 */
int image_copy_boot(const struct image *image, const char *dir, bool *ret_changed, struct fail *e);
/* Makes the image's files ours again, 0644, if libvirt gave them away for a machine that an older labctl defined. FAIL_HOST. */
int image_take_back(const struct image *image, struct fail *e);

/* Mounts an overlay of a root tree for lxc: @dir gets upper/ work/ root/; root/ is the mount point. Unchanged if mounted. */
int root_mount(const char *lower, const char *dir, bool *ret_changed, struct fail *e);
/* Unmounts (lazily if busy); succeeds if not mounted. The files of @dir are kept. */
int root_unmount(const char *dir, struct fail *e);

#endif
