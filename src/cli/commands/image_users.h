/* SPDX-License-Identifier: PostgreSQL */
/* Labs that use an image: those of our state directory and of others that share the cache. */
#ifndef LABCTL_CLI_IMAGE_USERS_H
#define LABCTL_CLI_IMAGE_USERS_H

#include "cli.h"
#include "image_store.h"

struct image_user { const char *lab, *state, *image, *digest; }; /* state NULL: our state directory; digest NULL: not chosen yet */

/* Lists our own labs first. Allocates in c->arena. */
int image_users(struct cli *c, const struct image_env *env, struct image_user **ret, unsigned *ret_count, struct fail *e);
bool image_user_of(const struct image_user *u, const struct stored *s);
/* "demo", or "demo (/its/state)". */
const char *image_user_text(const struct image_user *u, struct arena *a);
/* Callback of image_store_remove(), which checks again: another labctl may have made a lab in the meantime. */
bool image_is_used(void *cli, const struct stored *s);

#endif
