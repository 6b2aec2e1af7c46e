/* SPDX-License-Identifier: PostgreSQL */
/* Shared by cmd_collect.c (the host's part) and collect_nodes.c. Any thread may add to the archive. */
#ifndef LABCTL_CLI_COLLECT_H
#define LABCTL_CLI_COLLECT_H

#include <pthread.h>

#include "cli.h"

struct pack;

struct collect {
	struct cli *c;
	const struct lab *lab;
	struct runtime *rt;
	int64_t since_s;         /* of logs; 0 = everything */
	/* private to cmd_collect.c */
	struct pack *pack;
	const char *top;         /* directory of the archive that everything is below */
	pthread_mutex_t lock;    /* guards what follows, and .pack */
	unsigned files;
	struct strbuf missing;   /* "NAME: why" per line */
	bool broken;             /* the archive cannot be written: */
	struct fail why;
};

/* Adds a file, without the secrets that are in @text, which this changes. */
void collect_add(struct collect *w, const char *name, struct strbuf *text);
/* Notes that there is no such file, and why. */
void collect_miss(struct collect *w, const char *name, const struct fail *why);
/* Adds what the nodes say of themselves; returns when all have answered, or not. */
void collect_nodes(struct collect *w);

#endif
