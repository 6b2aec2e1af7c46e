/* SPDX-License-Identifier: PostgreSQL */
/* Internal to src/exec: what the files of host_serve.h share. */
#ifndef LABCTL_EXEC_HOST_SERVER_H
#define LABCTL_EXEC_HOST_SERVER_H

#include <pthread.h>

#include "host_serve.h"
#include "host_words.h"

struct server {
	const struct host_serve *o;
	struct lab *lab;
	struct runtime *rt;
	const char *record, *master; /* the lab as the master prints it; who that is */
	unsigned host;
	int lock_fd;                 /* the lab's lock here, once something is kept; -1 */
	struct arena *arena;
	atomic_bool canceled;
	pthread_mutex_t lock;        /* guards .out of .o and .running */
	pthread_cond_t ended;
	unsigned running;
	int image_fd;                /* lock of the image that is being copied here; -1 */
};

/* The text of a key of a question, or NULL. */
const char *asked_text(const json_t *q, const char *key);

/* "keep": takes the lab's lock and lease here, and writes its record and the keys of this host's nodes. */
int server_keep(struct server *s, const json_t *q, struct fail *e);
/* "image": is it here? If not, tells where to put it, and keeps others from making it until it is placed. */
int server_want_image(struct server *s, const json_t *q, json_t *reply, struct fail *e);
int server_place_image(struct server *s, const json_t *q, struct fail *e);
/* host_tell.c: "usage", "objects", "faults", "snapshot" */
void server_tell_usage(struct server *s, const json_t *q, json_t *reply, struct fail *e);
void server_tell_objects(struct server *s, json_t *reply, struct fail *e);
void server_tell_faults(struct server *s, json_t *reply, struct fail *e);
void server_tell_snapshot(struct server *s, const char *name, json_t *reply, struct fail *e);
/* Writes a file of this host's part, unless it has this text. */
int server_write(const char *path, const char *text, struct fail *e);

#endif
