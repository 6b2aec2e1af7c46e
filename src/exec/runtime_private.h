/* SPDX-License-Identifier: PostgreSQL */
/* The inside of struct runtime, for runtime.c and runtime_image.c only. */
#ifndef LABCTL_EXEC_RUNTIME_PRIVATE_H
#define LABCTL_EXEC_RUNTIME_PRIVATE_H

#include <pthread.h>

#include "verbs.h"

/* The kept session of one node. .ssh belongs to whoever is busy with it. */
struct place {
	struct runtime *runtime;
	const struct node *node;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	bool busy, started;
	struct ssh *ssh;
	int64_t used_ms;
};

struct runtime {
	const struct lab *lab;
	struct runtime_options o;
	struct paths paths;
	struct arena *arena;         /* of paths; afterwards of images and builds, under .image_lock */
	struct place *places;        /* one per node */
	pthread_mutex_t lock;        /* of .virt, .secrets and of what verbs make together */
	struct virt *virt;
	struct secret { char name[64], value[64]; } secrets[DB_USERS_MAX + 16];
	unsigned secret_count;
	struct told { char name[32]; unsigned long long value; } told[8]; /* runtime_tell() */
	unsigned told_count;
	pthread_mutex_t image_lock;
	struct image images[4];
	unsigned image_count;
	const char *software;        /* runtime_software() */
};

#endif
