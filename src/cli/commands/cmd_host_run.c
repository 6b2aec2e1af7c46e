/* SPDX-License-Identifier: PostgreSQL */
/* host-run: does on this host what labctl on the first host of a lab asks for. */
#include "cli.h"

const struct command cmd_host_run = {
	.name = "host-run", .run = host_run, .hidden = true, .without = NO_LAB,
	.summary = "work for labctl on another host",
};
