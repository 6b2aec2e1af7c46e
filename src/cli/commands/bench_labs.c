/* SPDX-License-Identifier: PostgreSQL */
#include "bench_labs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "file.h"
#include "recipe.h"
#include "report.h"

#define HOST_PART 75 /* percent of the host's cores that all nodes together may use */

extern const struct command cmd_create, cmd_bootstrap, cmd_destroy;

/*
 * What is measured when the user does not say. More nodes are worth nothing to clients of one of them, so `bench scale` loads all;
 * `bench systems` shows one entry point beside all of them. Standbys only read.
 */
static const struct { const char *kind, *scale_targets, *scale_workloads, *targets; } usual[] = {
	{ "postgres", "standbys", "select-only", "primary" },
	{ "citus", "workers", NULL, "coordinator,workers" },
	{ "pgxc", "coordinators", NULL, "coordinator,coordinators" },
};

static struct bench_options options_of(const struct cli *c, const struct bench_options *said, const struct bench_station *s)
{
	struct bench_options options = *said;

	for (unsigned i = 0; i < ARRAY_COUNT(usual); i++) {
		/* A specification says both, or means the defaults of `bench run`. */
		if (c->arg_count || options.words.targets || strcmp(usual[i].kind, s->lab->cluster.recipe->kind) != 0)
			continue;
		options.words.targets = s->scale_role ? usual[i].scale_targets : usual[i].targets;
		if (s->scale_role && !options.words.workloads)
			options.words.workloads = usual[i].scale_workloads;
	}
	return options;
}

void bench_rename_lab(struct lab *lab, const char *name)
{
	lab->name = arena_strdup(lab->arena, name);
	lab->net.subnet = 0;
	lab->net.gateway = 0;
	lab->data.export_root = NULL;
}

int bench_set_quota(struct lab *lab, const char *text, unsigned nodes, struct fail *e)
{
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), quota = cores * HOST_PART / nodes;
	char end;

	lab->cpu_quota = 0;
	if (text && !strcmp(text, "none"))
		return 0;
	if (text && (sscanf(text, "%u%c", &quota, &end) != 1 || !quota || quota > cores * 100))
		return fail(e, FAIL_USAGE, "--cpu-quota: '%s' is not a number from 1 to %u, or none", text, cores * 100);
	if (!quota)
		return fail(e, FAIL_HOST, "%u nodes are too many for %u cores: none would get one percent of a core", nodes, cores);
	lab->cpu_quota = quota;
	return 0;
}

/* Runs another command as the user would, on the lab of this file, without asking. */
static int call(struct cli *c, const struct command *cmd, const char *file, const char *lab_name, struct fail *e)
{
	auto_(free) void *options = calloc(1, cmd->options_size ? cmd->options_size : 1);
	struct cli sub = *c;

	if (!options)
		abort();
	sub.cmd = cmd;
	sub.path = cmd->name;
	sub.options = options;
	sub.args = NULL;
	sub.arg_count = 0;
	sub.rest = NULL;
	sub.file = file;
	sub.no_file = true;
	sub.lab_name = lab_name;
	sub.yes = true;
	sub.json = false;
	sub.timings = false;
	sub.changes = NULL;
	sub.change_count = 0;
	return cmd->run(&sub, e);
}

static int measure(struct cli *c, const struct bench_options *said, const struct bench_station *s, const char *dir,
		   const char *file, unsigned *failed, struct fail *e)
{
	struct bench_options options = options_of(c, said, s);
	struct cli sub = *c;
	struct bench_work w = { .c = &sub, .said = &options, .side_count = 1, .scale_role = s->scale_role,
				.scale_count = s->scale_count };
	bool done = false, resumes = file_exists(arena_printf(c->arena, "%s/run.json", dir));
	int r;

	sub.lab_name = s->lab->name;
	sub.file = file;
	options.out = resumes ? NULL : dir;
	options.resume = resumes ? dir : NULL;
	r = bench_open(&w, &done, e);
	if (r == 0 && !done)
		r = bench_measure_all(&w, e);
	bench_close(&w);
	*failed += w.failed;
	return r;
}

static int write_lab(const struct lab *lab, const char *file, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	lab_print(lab, &text);
	return file_write(file, strbuf_text(&text), text.len, 0644, e);
}

/* The lab is destroyed in any case, also after Ctrl-C. */
static int run_station(struct cli *c, const struct bench_options *said, const struct bench_station *s, const char *dir,
		       unsigned *failed, struct fail *e)
{
	const char *file = arena_printf(c->arena, "%s/%s.yaml", dir, s->name);
	const char *run = arena_printf(c->arena, "%s/%s", dir, s->name);
	bool canceled;
	struct fail gone;
	int r;

	report_say("%s: lab '%s' of %u nodes\n", s->name, s->lab->name, s->lab->node_count);
	if (write_lab(s->lab, file, e) < 0)
		return -1;
	r = call(c, &cmd_create, file, s->lab->name, e) < 0 || call(c, &cmd_bootstrap, file, s->lab->name, e) < 0 ||
	    measure(c, said, s, run, file, failed, e) < 0 ? -1 : 0;
	canceled = atomic_exchange(c->cancel, false);
	if (call(c, &cmd_destroy, NULL, s->lab->name, &gone) < 0) {
		report_say("warning: lab '%s' is still there: %s\n  next: labctl -l %s destroy\n", s->lab->name, gone.text, s->lab->name);
		if (r == 0) {
			*e = gone;
			r = -1;
		}
	}
	if (canceled)
		atomic_store(c->cancel, true);
	return r;
}

/* Every run that has measurements, in one report. */
static int write_report(struct cli *c, const struct bench_station *stations, unsigned count, const char *dir, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const struct bench_run **runs = arena_alloc(c->arena, (count + 1) * sizeof *runs);
	const char **places = arena_alloc(c->arena, (count + 1) * sizeof *places);
	struct report report = { .runs = runs, .places = places };
	const char *path = arena_printf(c->arena, "%s/report.html", dir);
	int r = 0;

	for (unsigned i = 0; i < count; i++) {
		struct bench_run *run;
		struct fail missing;

		if (bench_read(arena_printf(c->arena, "%s/%s", dir, stations[i].name), &run, &missing) < 0)
			continue;
		places[report.run_count] = stations[i].name;
		runs[report.run_count++] = run;
	}
	if (report.run_count) {
		report_formats[0].print(&report, &text);
		r = file_write(path, strbuf_text(&text), text.len, 0644, e);
	}
	for (unsigned i = 0; i < report.run_count; i++)
		bench_free((struct bench_run *)runs[i]);
	if (r == 0 && report.run_count)
		report_say("%u runs in %s\nreport: %s\n", report.run_count, dir, path);
	return r;
}

static int show(struct cli *c, const struct bench_options *said, const struct bench_station *stations, unsigned count,
		struct fail *e)
{
	for (unsigned i = 0; i < count; i++) {
		const struct bench_station *s = &stations[i];
		const struct bench_options options = options_of(c, said, s);
		struct bench_spec *spec;
		unsigned measurements;
		double seconds;

		if (bench_spec_load(c->arg_count ? c->args[0] : NULL, &options.words, s->lab, c->lib, c->arena, &spec, e) < 0)
			return -1;
		seconds = bench_estimate(spec, 1, &measurements);
		printf("%s: create lab '%s' of %u nodes", s->name, s->lab->name, s->lab->node_count);
		if (s->lab->cpu_quota)
			printf(", %u %% of a core each", s->lab->cpu_quota);
		printf(", bootstrap %s, %u measurements of ", s->lab->cluster.recipe->kind, measurements);
		for (unsigned t = 0; t < spec->target_count; t++)
			printf("%s%s", t ? ", " : "", spec->targets[t]);
		printf(" (about %.0f min), destroy\n", seconds / 60 + .5);
	}
	return 0;
}

/* A lab of the user's is not measured, and above all not destroyed, because of its name. */
static int check_names(struct cli *c, const struct bench_station *stations, unsigned count, struct fail *e)
{
	for (unsigned i = 0; i < count; i++) {
		struct paths paths;

		load_paths(c, stations[i].lab->name, &paths);
		if (!file_exists(paths.lab_file))
			continue;
		fail(e, FAIL_CONFLICT, "lab '%s' exists: `%s` creates and removes a lab of that name", stations[i].lab->name, c->path);
		return fail_next(e, "labctl -l %s destroy, if a benchmark that was killed left it; else -l or -f with another lab",
				 stations[i].lab->name);
	}
	return 0;
}

int bench_stations(struct cli *c, const struct bench_options *said, const struct bench_station *stations, unsigned count,
		   struct fail *e)
{
	const char *dir;
	struct fail one;
	unsigned failed = 0;
	int r = 0;

	if (check_names(c, stations, count, e) < 0)
		return -1;
	if (c->dry_run)
		return show(c, said, stations, count, e);
	if (bench_choose_dir(c, said, c->cmd->name, &dir, e) < 0 || file_mkdirs(dir, 0755, e) < 0)
		return -1;
	for (unsigned i = 0; i < count && !*c->cancel; i++)
		if (run_station(c, said, &stations[i], dir, &failed, &one) < 0) {
			report_say("%s: %s\n", stations[i].name, one.text);
			if (r == 0)
				*e = one;
			r = -1;
		}
	if (write_report(c, stations, count, dir, r == 0 ? e : &one) < 0)
		return -1;
	if (r < 0)
		return fail_next(e, "labctl bench %s --resume %s    (with the options of the first time)", c->cmd->name, dir);
	return failed ? fail(e, FAIL_DB, "%u measurements failed", failed) : 0;
}
