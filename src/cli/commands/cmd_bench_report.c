/* SPDX-License-Identifier: PostgreSQL */
/* bench report: what a run measured, as a page, a table or JSON. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "complete.h"
#include "file.h"
#include "report.h"
#include "suggest.h"

struct report_words { const char *file, *format; };

static const struct report_format *find_format(const char *name, struct fail *e)
{
	const char *known[8];
	size_t count = 0;

	for (const struct report_format *f = report_formats; f->name; f++) {
		if (!name || !strcmp(f->name, name))
			return f;
		known[count++] = f->name;
	}
	known[count] = NULL;
	suggest_fail(e, "--format: unknown format", name, known);
	return NULL;
}

/* The way from directory @from to directory @to, both absolute and without links: "../run2", "" for the same. */
static const char *way(struct arena *a, const char *from, const char *to)
{
	size_t same = 0, i = 0;
	const char *result = "";

	while (from[i] && from[i] == to[i]) {
		i++;
		if ((from[i] == '/' || !from[i]) && (to[i] == '/' || !to[i]))
			same = i;
	}
	for (const char *p = from + same; *p; p++)
		if (*p == '/' && p[1])
			result = arena_printf(a, "%s%s..", result, *result ? "/" : "");
	to += same;
	to += *to == '/';
	return *to ? arena_printf(a, "%s%s%s", result, *result ? "/" : "", to) : result;
}

/* Where the run is, seen from the report; NULL if one of both cannot be found. */
static const char *place_of(struct cli *c, const char *report, const char *run)
{
	char from[PATH_MAX], to[PATH_MAX];
	const char *slash = report ? strrchr(report, '/') : NULL;
	const char *dir = !slash ? "." : slash == report ? "/" : arena_strndup(c->arena, report, (size_t)(slash - report));

	return realpath(dir, from) && realpath(run, to) ? way(c->arena, from, to) : NULL;
}

static int print_report(struct cli *c, struct fail *e)
{
	const struct report_words *said = c->options;
	const struct report_format *f = find_format(said->format ? said->format : c->json ? "json" : NULL, e);
	struct bench_run *runs[ARGUMENTS_MAX] = { NULL };
	const char *places[ARGUMENTS_MAX];
	struct report report = { .runs = (const struct bench_run *const *)runs, .places = places };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	int r = f ? 0 : -1;

	for (unsigned i = 0; i < c->arg_count && r == 0; i++) {
		r = bench_read(c->args[i], &runs[i], e);
		places[i] = place_of(c, said->file, c->args[i]);
		report.run_count += r == 0;
	}
	if (r == 0) {
		f->print(&report, &out);
		if (said->file)
			r = file_write(said->file, out.text, out.len, 0644, e);
		else
			fwrite(out.text, 1, out.len, stdout);
	}
	for (unsigned i = 0; i < report.run_count; i++)
		bench_free(runs[i]);
	return r;
}

static void complete_report_formats(struct completion *to)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		complete_add(to, f->name, f->title);
}

static const struct option_row options[] = {
	{ "output", .letter = 'o', .arg = "FILE", .complete = complete_files, .at = offsetof(struct report_words, file),
	  .text = "write to FILE instead of standard output" },
	{ "format", .arg = "FORMAT", .complete = complete_report_formats, .at = offsetof(struct report_words, format),
	  .text = "one of html, markdown, csv or json; html by default" },
	{ 0 },
};

const struct command cmd_bench_report = {
	.name = "report", .run = print_report, .options = options, .options_size = sizeof(struct report_words),
	.args = { { "DIR", .complete = complete_directories }, { "DIR", .optional = true, .complete = complete_directories },
		  { "DIR", .optional = true, .complete = complete_directories } },
	.without = NO_LAB | NO_LIBRARY | NO_STATE,
	.summary = "show what a run measured: a page with charts and tables, CSV, JSON",
	.help =
	"Reads the directories that bench run wrote, and nothing else: the same files give the same report, byte for byte, on any "
	"machine. Several runs are shown side by side. The HTML report is one file that requests nothing from anywhere; it links to "
	"the raw output of the drivers, relative to where it is written.\n\n"
	"  html      a page with charts and tables\n"
	"  markdown  the summary and the tables\n"
	"  csv       a line per point, with intervals\n"
	"  json      the same, and every measurement\n\n"
	"  labctl bench report runs/1 -o runs/1/report.html\n"
	"  labctl bench report runs/pgxc runs/citus runs/postgres -o systems.html",
};
