/* SPDX-License-Identifier: PostgreSQL */
/* Internal to src/exec: what the files of hosts.h share. */
#ifndef LABCTL_EXEC_HOSTS_ASK_H
#define LABCTL_EXEC_HOSTS_ASK_H

#include "host_words.h"
#include "hosts.h"

/* Connects if necessary, sends the question @o, which is consumed, and waits. The caller frees the answer. A failure there is one here. */
int hosts_ask(struct hosts *h, unsigned host, json_t *o, struct run *run, int64_t deadline_ms, json_t **ret_answer, struct fail *e);

#endif
