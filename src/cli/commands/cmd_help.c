/* SPDX-License-Identifier: PostgreSQL */
/* help, and `manual`, which writes the generated parts of labctl(1). */
#include <stdio.h>

#include "cli.h"
#include "command_line.h"
#include "complete.h"
#include "help.h"
#include "strbuf.h"

static int explain(struct cli *c, struct fail *e)
{
	struct line l = { .arena = c->arena, .cmd = &command_root, .path = "" };

	for (unsigned i = 0; i < c->arg_count; i++) {
		if (!l.cmd->actions)
			return fail(e, FAIL_USAGE, "labctl %s has no actions; usage: labctl help %s", l.path, l.path);
		if (line_read(&l, c->args[i], e) < 0)
			return -1;
	}
	if (l.cmd == &command_root)
		help_overview();
	else
		help_command(l.cmd, l.path, c->arena);
	return 0;
}

const struct command cmd_help = {
	.name = "help", .run = explain, .without = NO_LAB | NO_LIBVIRT | NO_LIBRARY | NO_STATE,
	.args = { { "COMMAND", .optional = true, .complete = complete_commands },
		  { "ACTION", .optional = true, .complete = complete_commands } },
	.summary = "explain a command",
};

static int manual(struct cli *c, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	(void)e;
	help_manual(&text, c->arena);
	fputs(strbuf_text(&text), stdout);
	return 0;
}

/* tests/cli/tree.bats writes its output into docs/labctl.1. */
const struct command cmd_manual = {
	.name = "manual", .run = manual, .hidden = true, .without = NO_LAB | NO_LIBVIRT | NO_LIBRARY | NO_STATE,
	.summary = "print the sections of labctl(1) that are generated from the command tables",
};
