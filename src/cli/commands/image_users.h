/* SPDX-License-Identifier: PostgreSQL */
/* Which labs stand on an image: ours, and those of other state directories that share the cache. */
#ifndef LABCTL_CLI_IMAGE_USERS_H
#define LABCTL_CLI_IMAGE_USERS_H

#include "cli.h"
#include "image_store.h"

struct image_user { const char *lab, *state, *image, *digest; }; /* state NULL: ours; digest NULL: it has not settled on one */

/* Our own labs first. All is the command line's arena's. */
int image_users(struct cli *c, const struct image_env *env, struct image_user **ret, unsigned *ret_count, struct fail *e);
bool image_user_of(const struct image_user *u, const struct stored *s);
/* "demo", or "demo (/its/state)". */
const char *image_user_text(const struct image_user *u, struct arena *a);
/* For image_store_remove(): somebody may have made a lab while we asked, or since. */
bool image_is_used(void *cli, const struct stored *s);

#endif
