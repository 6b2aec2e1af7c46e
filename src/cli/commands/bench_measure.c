/* SPDX-License-Identifier: PostgreSQL */
/* What the measuring actions of `labctl bench` share: the plan and its duration, progress, the database of the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bench.h"
#include "clock.h"
#include "bench_measure.h"
#include "file.h"
#include "inventory.h"
#include "recipe.h"

#define BENCH_DATABASE "labctl_bench"
#define SEED_MAX (1u << 30) /* numbers that a person can type again */

/* --- the plan --- */

static void print_length(double seconds)
{
	unsigned long s = (unsigned long)(seconds + .5);

	if (s >= 3600)
		printf("%lu h %02lu min", s / 3600, s % 3600 / 60);
	else
		printf("%lu min %02lu s", s / 60, s % 60);
}

static int show_plan(struct bench_work *w, struct fail *e)
{
	const struct bench_spec *s = w->spec;
	struct bench_point *points;
	unsigned point_count, count, *order;
	double seconds = bench_estimate(s, w->side_count, &count);

	bench_points(s, w->c->arena, &points, &point_count);
	bench_order(point_count, s->repeats, s->seed, w->c->arena, &order);
	if (w->c->json) {
		json_t *list = json_array(), *doc;
		int r;

		for (unsigned i = 0; i < point_count * s->repeats; i++)
			json_array_append_new(list, json_string(points[order[i]].name));
		doc = json_pack("{s:i, s:s, s:i, s:f, s:o, s:o}", "v", 1, "lab", w->sides[0].lab->name, "measurements", (int)count,
				"seconds", seconds, "spec", bench_spec_json(s), "order", list);
		r = report_json(doc, e);
		json_decref(doc);
		return r;
	}
	printf("%u measurements, about ", count);
	print_length(seconds);
	printf(" and the time to load the data; seed %llu\n", (unsigned long long)s->seed);
	for (unsigned i = 0; i < point_count * s->repeats; i++)
		printf("%4u  %s, repeat %u\n", i + 1, points[order[i]].name, i / point_count + 1);
	for (unsigned i = 0; i < s->rate_count; i++)
		if (s->rates[i].percent)
			printf("then  %u %% of the capacity found, %u repeats for each workload and target\n", s->rates[i].percent, s->repeats);
	if (s->slo.quantile > 0)
		printf("then  search for the highest rate with p%g below %g ms\n", s->slo.quantile * 100, s->slo.limit_us / 1000);
	return 0;
}

/* --- progress --- */

static void say_measure(struct bench_work *w, const struct bench_news *n)
{
	const struct bench_measure *m = n->measure;
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "[%7.1f s] %3u/%u %s%s%s, repeat %u: ", (double)(clock_now_ms() - w->c->start_ms) / 1000, n->done, n->total,
		      m->point->name, m->variant ? ", " : "", m->variant ? m->variant : "", m->repeat);
	if (m->status == BENCH_FAILED) {
		strbuf_printf(&text, "FAILED: %s", m->reason);
		w->failed++;
	} else {
		strbuf_printf(&text, "%.0f tps, mean %.2f ms, p99 %.2f ms", m->tps, m->latency.mean / 1000, m->latency.p99 / 1000);
	}
	for (unsigned i = 0; i < BENCH_MARK_COUNT; i++)
		if (m->marks & (1u << i))
			strbuf_printf(&text, ", %s", bench_marks[i]);
	if (n->total > n->done)
		strbuf_printf(&text, " (%.0f min %02.0f s left)", (double)((unsigned)n->left_s / 60), (double)((unsigned)n->left_s % 60));
	report_say("%s\n", strbuf_text(&text));
	w->said_ms = clock_now_ms();
}

static void news(void *ctx, const struct bench_news *n)
{
	struct bench_work *w = ctx;

	if (n->measure)
		say_measure(w, n);
	else if (w->c->verbose || clock_now_ms() - w->said_ms > PROGRESS_BEAT_MS) {
		report_say("[%7.1f s] %s\n", (double)(clock_now_ms() - w->c->start_ms) / 1000, n->doing);
		w->said_ms = clock_now_ms();
	}
}

/* --- the database --- */

static int database_task(struct bench_work *w, const struct bench_side *side, const char *task, struct fail *e)
{
	const struct recipe *recipe = side->lab->cluster.recipe;
	const struct database_template *t = recipe_template(recipe, recipe->kind);
	bool creates = !strcmp(task, "create"), json = w->c->json;
	struct db_request request = { .name = BENCH_DATABASE, .template = !creates ? "" : t ? t->name : "template1", .force = true,
				      .said = arena_printf(w->c->arena, "db %s " BENCH_DATABASE, task) };
	auto_(plan_free) struct plan *p = NULL;
	int r;

	if (plan_task(side->lab, w->c->lib, creates && t ? "create-from" : task, &request, &p, e) < 0)
		return -1;
	w->c->json = false; /* the document of this command comes later */
	r = run_plan(w->c, side->runtime, p, e);
	w->c->json = json;
	return r;
}

/* True if an earlier side has the same lab, and so the same database. */
static bool is_shared(const struct bench_work *w, unsigned side)
{
	for (unsigned i = 0; i < side; i++)
		if (w->sides[i].lab == w->sides[side].lab)
			return true;
	return false;
}

/* Removes the databases, also after Ctrl-C: a second one ends labctl at once. */
static int drop_databases(struct bench_work *w, int result, struct fail *e)
{
	bool canceled = atomic_exchange(w->c->cancel, false);
	struct fail drop;

	for (unsigned i = 0; i < w->side_count; i++) {
		if (is_shared(w, i) || database_task(w, &w->sides[i], "drop", &drop) == 0)
			continue;
		if (canceled || result < 0 || w->failed) {
			report_say("warning: lab '%s' still has the database " BENCH_DATABASE ": %s\n", w->sides[i].lab->name, drop.text);
		} else {
			*e = drop;
			result = -1;
		}
	}
	if (canceled)
		atomic_store(w->c->cancel, true);
	return result;
}

/* --- the run --- */

int bench_choose_dir(struct cli *c, const struct bench_options *said, const char *what, const char **ret, struct fail *e)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	if (said->resume && said->out)
		return fail(e, FAIL_USAGE, "--resume continues the run in its own directory: leave -o out");
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	*ret = said->resume ? said->resume : said->out ? said->out : arena_printf(c->arena, "bench-%s-%s", what, stamp);
	return 0;
}

static uint64_t new_seed(void)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		abort();
	return seed % SEED_MAX + 1;
}

/* Sides of the same lab share everything but the variant. */
static int open_side(struct bench_work *w, unsigned number, struct fail *e)
{
	struct bench_side *side = &w->sides[number], *first = &w->sides[0];
	const char *name = w->c->lab_name;
	int r;

	side->lock = -1;
	if (number && (!side->lab_name || !strcmp(side->lab_name, first->lab->name))) {
		side->lab = first->lab;
		return 0;
	}
	w->c->lab_name = side->lab_name ? side->lab_name : name;
	r = load_existing(w->c, &side->lab, e);
	w->c->lab_name = name;
	if (r < 0)
		return -1;
	if (side->lab->cluster.recipe)
		return 0;
	return load_no_database(side->lab, "", e);
}

int bench_open(struct bench_work *w, bool *ret_done, struct fail *e)
{
	struct cli *c = w->c;

	*ret_done = false;
	for (unsigned i = 0; i < w->side_count; i++)
		if (open_side(w, i, e) < 0)
			return -1;
	if (bench_choose_dir(c, w->said, w->sides[0].lab->name, &w->dir, e) < 0 || bench_spec_load(c->arg_count ? c->args[0] : NULL, &w->said->words, w->sides[0].lab, c->lib,
						    c->arena, &w->spec, e) < 0)
		return -1;
	if (w->check && w->check(w, e) < 0)
		return -1;
	if (!w->spec->seed)
		w->spec->seed = new_seed();
	if (c->dry_run) {
		*ret_done = true;
		return show_plan(w, e);
	}
	if (!w->said->resume && file_exists(arena_printf(c->arena, "%s/run.json", w->dir))) {
		fail(e, FAIL_CONFLICT, "%s has a run already", w->dir);
		return fail_next(e, "name another directory with -o, or continue that run: labctl bench %s --resume %s", c->cmd->name, w->dir);
	}
	return 0;
}

/* Locks a lab and opens its runtime. */
static int begin_side(struct bench_work *w, unsigned number, struct fail *e)
{
	struct bench_side *side = &w->sides[number];
	struct paths paths;

	load_paths(w->c, side->lab->name, &paths);
	side->variant.passwords = arena_printf(w->c->arena, "%s/" INVENTORY_DIR "/pgpass", paths.lab);
	if (is_shared(w, number))
		side->runtime = w->sides[0].runtime;
	else if (run_lock(w->c, &paths, &side->lock, e) < 0 || load_runtime(w->c, side->lab, &side->runtime, e) < 0 ||
		 database_task(w, side, "create", e) < 0)
		return -1;
	side->variant.rt = side->runtime;
	return 0;
}

int bench_measure_all(struct bench_work *w, struct fail *e)
{
	struct bench_job job = { .variant_count = w->side_count, .spec = w->spec, .dir = w->dir, .resume = w->said->resume,
				 .database = BENCH_DATABASE, .version = LABCTL_VERSION, .cancel = w->c->cancel, .news = news, .ctx = w,
				 .scale_role = w->scale_role, .scale_count = w->scale_count };
	int r;

	for (unsigned i = 0; i < w->side_count; i++) {
		if (begin_side(w, i, e) < 0)
			return -1;
		job.variants[i] = w->sides[i].variant;
	}
	r = bench_execute(&job, e);
	if (!w->said->keep)
		r = drop_databases(w, r, e);
	if (r < 0 && (e->code == FAIL_CANCELED || e->code == FAIL_DB || e->code == FAIL_CONFLICT || e->cause == CAUSE_NO_SPACE) &&
	    file_exists(arena_printf(w->c->arena, "%s/run.json", w->dir)))
		fail_next(e, "%slabctl bench %s --resume %s    (with the options of the first time)",
			  e->cause == CAUSE_NO_SPACE ? "free some space, then " : "", w->c->cmd->name, w->dir);
	return r;
}

void bench_close(struct bench_work *w)
{
	for (unsigned i = w->side_count; i-- > 0;) {
		struct bench_side *side = &w->sides[i];

		if (is_shared(w, i))
			continue;
		if (side->runtime)
			runtime_close(side->runtime);
		if (side->lock >= 0)
			close(side->lock);
		if (side->lab)
			lab_free(side->lab);
	}
}
