/* SPDX-License-Identifier: PostgreSQL */
/*
 * Software builds: unpack an archive inside the user land of the build image (an
 * overlay of its root tree, chroot), run the recipe's build script there, keep the
 * installed tree as CACHE/builds/KEY.tar. KEY = a digest of image, archive, script, patches and options.
 */
#ifndef LABCTL_LINK_BUILD_H
#define LABCTL_LINK_BUILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "fail.h"
#include "image.h"

struct build {
	const char *cache_dir;
	const struct image *image;    /* the build image */
	const char *archive, *archive_sha256;
	const char *script;           /* text of tuning/KIND/build.sh */
	const char *product;          /* what the archive must contain */
	const char *extra_name, *extra; /* name and text of a file beside the script; or NULL */
	const char *const *patches; unsigned patch_count; /* paths, in the order in which the script applies them */
	const char *prefix, *link;    /* "/opt/pgxc_VERSION", "/opt/pgxc" */
	const char *configure;        /* option string */
	unsigned port;
	unsigned jobs;
	bool keep;                    /* keep the build tree, CACHE/tmp/build-KEY12, and put a program `enter` there */
	void (*line)(void *ctx, const char *line); void *ctx; /* gets each ::line of the script, and progress */
	const atomic_bool *cancel;
	int64_t deadline_ms;
};

/*
 * Finds or builds; *ret_tar is the path of the cached archive. @b->keep also builds if only the tree is missing, and says
 * "::kept TREE" as a line; a kept tree is replaced by the next build of the same key. Failures name the step, the last
 * lines and the log file.
 */
int build_software(const struct build *b, struct arena *a, const char **ret_tar, bool *ret_built, struct fail *e);

#endif
