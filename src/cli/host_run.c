/* SPDX-License-Identifier: PostgreSQL */
/* The other end of a connection to a host: for `labctl host-run`. */
#include <stdio.h>

#include "cli.h"
#include "host_serve.h"
#include "verbs.h"

int host_run(struct cli *c, struct fail *e)
{
	struct runtime_options runtime = { .state_dir = c->state_dir, .cache_dir = c->cache_dir, .lib = c->lib };

	return host_serve(&(struct host_serve){ .in = stdin, .out = stdout, .runtime = &runtime, .verbs = verbs }, e);
}
