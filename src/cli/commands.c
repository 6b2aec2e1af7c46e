/* SPDX-License-Identifier: PostgreSQL */
/* The command tree as tables, made from the rows of commands.h. */
#include "commands.h"

#include <string.h>

#include "command.h"

#define DECLARE(name) extern const struct command cmd_##name;
#define POINT_TO(name) &cmd_##name,
#define TABLE(name, ROWS) \
	ROWS(DECLARE) \
	const struct command *const name[] = { ROWS(POINT_TO) NULL }

TABLE(commands_node, COMMANDS_NODE);
TABLE(commands_host, COMMANDS_HOST);
TABLE(commands_fault, COMMANDS_FAULT);
TABLE(commands_snapshot, COMMANDS_SNAPSHOT);
TABLE(commands_plan, COMMANDS_PLAN);
TABLE(commands_bench, COMMANDS_BENCH);
TABLE(commands_db, COMMANDS_DB);
TABLE(commands_db_user, COMMANDS_DB_USER);
TABLE(commands_image, COMMANDS_IMAGE);

COMMANDS(DECLARE)
static const struct command *const commands[] = { COMMANDS(POINT_TO) NULL };
const struct command command_root = { .name = "labctl", .actions = commands };

const struct command *command_find(const struct command *in, const char *name)
{
	for (const struct command *const *cmd = in->actions; cmd && *cmd; cmd++)
		if (!strcmp((*cmd)->name, name))
			return *cmd;
	return NULL;
}

unsigned command_args_max(const struct command *cmd)
{
	unsigned count = 0;

	while (cmd->args[count].name)
		count++;
	return count;
}

unsigned command_args_min(const struct command *cmd)
{
	unsigned count = 0;

	while (cmd->args[count].name && !cmd->args[count].optional)
		count++;
	return count;
}
