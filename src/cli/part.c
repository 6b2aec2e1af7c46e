/* SPDX-License-Identifier: PostgreSQL */
#include "cli.h"
#include "clock.h"

struct cli cli_part(struct cli *c, const struct command *cmd, const char *lab)
{
	struct cli part = *c;

	part.cmd = cmd;
	part.path = cmd->name;
	part.options = arena_alloc(c->arena, cmd->options_size ? cmd->options_size : 1);
	part.args = NULL;
	part.arg_count = 0;
	part.lab_name = lab;
	part.file = NULL;
	part.no_file = true;
	part.json = false;
	part.start_ms = clock_now_ms();
	return part;
}
