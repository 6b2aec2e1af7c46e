/* SPDX-License-Identifier: PostgreSQL */
/* bench report: what a run measured, as a page, a table or JSON. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "complete.h"
#include "file.h"
#include "report.h"
#include "suggest.h"

#define REFERENCES "tuning/bench/reference.csv"

struct report_words { const char *file, *format; bool reference; };

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

struct runs { struct bench_run **all; const char **places; unsigned count; };

static int add_run(struct cli *c, const char *dir, struct runs *to, struct fail *e)
{
	const struct report_words *said = c->options;
	struct bench_run *run;
	unsigned places = to->count;

	if (bench_read(dir, &run, e) < 0)
		return -1;
	*arena_push(c->arena, to->places, places) = place_of(c, said->file, dir);
	*arena_push(c->arena, to->all, to->count) = run;
	return 0;
}

static int is_run(const char *dir)
{
	auto_(strbuf_clear) struct strbuf path = { 0 };

	strbuf_printf(&path, "%s/run.json", dir);
	return file_exists(path.text);
}

/* A run; or a directory with runs, as `bench scale` makes them: all of them, in the order of their names. */
static int add_runs(struct cli *c, const char *dir, struct runs *to, struct fail *e)
{
	struct dirent **entries = NULL;
	int count = is_run(dir) ? 0 : scandir(dir, &entries, NULL, versionsort), r = 0;
	unsigned before = to->count;

	for (int i = 0; i < count; i++) {
		const char *inside = arena_printf(c->arena, "%s/%s", dir, entries[i]->d_name);

		if (r == 0 && entries[i]->d_name[0] != '.' && is_run(inside))
			r = add_run(c, inside, to, e);
		free(entries[i]);
	}
	free(entries);
	/* No run at all: bench_read() says what is missing. */
	return r < 0 || to->count > before ? r : add_run(c, dir, to, e);
}

static int read_references(struct cli *c, struct report *to, struct fail *e)
{
	const char *text = library_text(c->lib, REFERENCES);

	if (!text)
		return fail(e, FAIL_OTHER, "%s/" REFERENCES " is missing", library_dir(c->lib));
	return reference_read(text, c->arena, &to->references, &to->reference_count, e);
}

static int print_report(struct cli *c, struct fail *e)
{
	const struct report_words *said = c->options;
	const struct report_format *f = find_format(said->format ? said->format : c->json ? "json" : NULL, e);
	struct runs runs = { 0 };
	struct report report = { 0 };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	int r = f ? 0 : -1;

	for (unsigned i = 0; i < c->arg_count && r == 0; i++)
		r = add_runs(c, c->args[i], &runs, e);
	if (r == 0 && said->reference)
		r = read_references(c, &report, e);
	if (r == 0) {
		report.runs = (const struct bench_run *const *)runs.all;
		report.run_count = runs.count;
		report.places = runs.places;
		f->print(&report, &out);
		if (said->file)
			r = file_write(said->file, out.text, out.len, 0644, e);
		else
			fwrite(out.text, 1, out.len, stdout);
	}
	for (unsigned i = 0; i < runs.count; i++)
		bench_free(runs.all[i]);
	return r;
}

static void complete_report_formats(struct completion *to)
{
	for (const struct report_format *f = report_formats; f->name; f++)
		complete_add(to, f->name, f->title);
}

static const struct option_row options[] = {
	{ "out", 'o', .arg = "FILE", .complete = complete_files, .at = offsetof(struct report_words, file),
	  .text = "write to FILE instead of standard output" },
	{ "format", .arg = "FORMAT", .complete = complete_report_formats, .at = offsetof(struct report_words, format),
	  .text = "one of html, markdown, csv or json; html by default" },
	{ "reference", .at = offsetof(struct report_words, reference),
	  .text = "show published results beside the run's own, as factors with their sources (html)" },
	{ 0 },
};

const struct command cmd_bench_report = {
	.name = "report", .run = print_report, .options = options, .options_size = sizeof(struct report_words),
	.args = { { "DIR", .complete = complete_directories }, { "DIR", .optional = true, .complete = complete_directories },
		  { "DIR", .optional = true, .complete = complete_directories } },
	.without = NO_LAB | NO_LIBVIRT | NO_STATE,
	.summary = "show what a run measured: a page with charts and tables, CSV, JSON",
	.help =
	"Reads the directories that bench run wrote, and nothing else: the same files give the same report, byte for byte, on any "
	"machine. Several runs are shown side by side; a directory of runs "
	"stands for all of them. The HTML report is one file that requests nothing from anywhere; it links to "
	"the raw output of the drivers, relative to where it is written.\n\n"
	"  html      a page with charts and tables\n"
	"  markdown  the summary and the tables\n"
	"  csv       a line per point, with intervals\n"
	"  json      the same, and every measurement\n\n"
	"  labctl bench report runs/1 -o runs/1/report.html\n"
	"  labctl bench report runs/pgxc runs/citus runs/postgres -o systems.html",
};
