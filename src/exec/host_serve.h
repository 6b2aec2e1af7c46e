/* SPDX-License-Identifier: PostgreSQL */
/*
 * `labctl host-run`, the other end of hosts.h: does on this host what a lab's master asks for, until its input ends. No daemon: what it keeps
 * is what verbs keep, and a part of the lab's record, with the name of the master in STATE/labs/NAME/master.
 */
#ifndef LABCTL_EXEC_HOST_SERVE_H
#define LABCTL_EXEC_HOST_SERVE_H

#include <stdio.h>

#include "runtime.h"

struct host_serve {
	FILE *in, *out;
	const struct runtime_options *runtime; /* .host is set from what the master says */
	const verb_fn *verbs;
};
/* Returns when the input has ended and all steps with it. A failure of the greeting is also sent. */
int host_serve(const struct host_serve *s, struct fail *e);

/* The master of a lab that is only a part here, "MACHINE STATE HOST", in @a; NULL = the lab is whole, or there is none. */
const char *host_master(const struct paths *p, struct arena *a);

#endif
