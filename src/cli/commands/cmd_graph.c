/* SPDX-License-Identifier: PostgreSQL */
/* graph: a drawing of the lab. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "complete.h"
#include "file.h"
#include "graph.h"
#include "suggest.h"

struct graph_words { struct lab_words lab; const char *file, *format; };

static const struct graph_format *find_format(const char *name, struct fail *e)
{
	const char *known[8];
	size_t count = 0;

	for (const struct graph_format *f = graph_formats; f->name; f++) {
		if (!name || !strcmp(f->name, name))
			return f;
		known[count++] = f->name;
	}
	known[count] = NULL;
	suggest_fail(e, "--format: unknown format", name, known);
	return NULL;
}

static int print_graph(struct cli *c, struct fail *e)
{
	struct graph_words *said = c->options;
	const struct graph_format *f = find_format(said->format, e);
	auto_(lab_free) struct lab *lab = NULL;
	auto_(strbuf_clear) struct strbuf out = { 0 };
	json_t *graph;
	int r = 0;

	said->lab.kind = c->arg_count ? c->args[0] : NULL;
	if (!f || load_for_show(c, true, &said->lab, &lab, e) < 0)
		return -1;
	graph = graph_json(lab);
	if (c->json)
		r = report_json(graph, e);
	else
		f->print(graph, &out);
	json_decref(graph);
	if (c->json)
		return r;
	if (said->file)
		return file_write(said->file, out.text, out.len, 0644, e);
	fputs(strbuf_text(&out), stdout);
	return 0;
}

static void complete_drawings(struct completion *to)
{
	for (const struct graph_format *f = graph_formats; f->name; f++)
		complete_add(to, f->name, f->title);
}

static const struct option_row options[] = {
	{ "out", 'o', .arg = "FILE", .complete = complete_files, .at = offsetof(struct graph_words, file),
	  .text = "write to FILE instead of standard output" },
	{ "format", .arg = "FORMAT", .complete = complete_drawings, .at = offsetof(struct graph_words, format),
	  .text = "one of svg, dot or mermaid; svg by default" },
	{ 0 },
};

const struct command cmd_graph = {
	.name = "graph", .run = print_graph, .options = options, .options_size = sizeof(struct graph_words),
	.args = { { "KIND", .optional = true, .complete = complete_kinds } },
	.summary = "draw the lab: nodes, roles, who connects to whom",
	.help =
	"Draws the existing lab, or the one that the lab file describes; changes nothing. KIND adds a cluster to a lab without "
	"one. With --json, prints what is drawn (docs/format/bench.md).\n\n"
	"  svg      a picture, for light and dark\n"
	"  dot      for graphviz: labctl graph --format dot | dot -T png -o lab.png\n"
	"  mermaid  for a block ```mermaid in Markdown\n\n"
	"  labctl graph -o lab.svg",
};
