/* SPDX-License-Identifier: PostgreSQL */
/* One connection to another host, and the questions that are asked on it. Internal to src/exec; what it is for: hosts.h. */
#ifndef LABCTL_EXEC_HOSTS_LINK_H
#define LABCTL_EXEC_HOSTS_LINK_H

#include <pthread.h>

#include "coproc.h"
#include "hosts_ask.h"

struct link {
	struct hosts *all;
	unsigned host;
	pthread_mutex_t opening;   /* held while the connection is made */
	pthread_mutex_t lock;      /* guards everything below, and sending */
	pthread_cond_t changed;
	struct coproc *proc;
	char *exports;             /* where that host has the data directories; set while .opening is held */
	pthread_t reader;
	bool reads, canceled, greeted;
	struct fail lost;          /* .code != 0: it did not answer, or broke */
	struct ask *asks;          /* open ones */
	unsigned asked;
};

struct hosts {
	struct hosts_env env;
	unsigned count;
	struct link *links;
};

/* What runs there. Nothing else ends with that status: labctl is not in the PATH that ssh gives to commands. */
#define NO_LABCTL 97
#define LABCTL_THERE "sh -c 'command -v labctl >/dev/null || exit 97; exec labctl host-run'"

const struct host *link_host(const struct link *l);
bool link_is_lost(struct link *l, struct fail *e);
/* The connection is of no use any more; everybody who waits is told the same. The lock is held, or nobody else has the link. */
void link_give_up(struct link *l, const char *why);
/* The same after its input ended; the lock is not held. */
void link_ended(struct link *l, const char *why);
/* Sends @o, which is consumed and may have keys. The lock is held, or nobody else has the link. */
int link_send(struct link *l, json_t *o, struct fail *e);
/* The thread of the link @ctx that hears answers until the connection ends. */
void *link_read(void *ctx);
/* Sends the question @o, which is consumed, and waits. The caller frees the answer. A failure there is one here. */
int link_ask(struct link *l, json_t *o, struct run *run, int64_t deadline_ms, json_t **ret_answer, struct fail *e);

#endif
