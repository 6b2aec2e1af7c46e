/* SPDX-License-Identifier: PostgreSQL */
/* bench: benchmarks of a lab. An action is a file cmd_bench_ACTION.c. */
#include "command.h"

const struct command cmd_bench = {
	.name = "bench", .actions = commands_bench,
	.summary = "measure a lab, report and compare what was measured",
	.help =
	"A run is a directory (docs/format/bench.md). Reports and comparisons are made from it alone.\n\n"
	"  labctl bench report runs/1 -o report.html\n"
	"  labctl bench compare runs/before runs/after",
};
