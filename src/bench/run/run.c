/* SPDX-License-Identifier: PostgreSQL */
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "evidence.h"
#include "file.h"
#include "graph.h"
#include "measure.h"
#include "recipe.h"
#include "stats.h"

#define WARMUP_MIN_S 1.
#define WARMUP_PART 4.     /* the first warm-up is this part of the measured time */
#define OVERHEAD_S 3.      /* per measurement, until one has been made: reset, checkpoint, check */
#define LEVEL .95
#define SEARCH_STEPS 6     /* of the search for a rate: 70 % of the capacity first, then halves of what is left */
#define SEARCH_FIRST .7

struct runner {
	const struct bench_job *job;
	const struct bench_spec *spec;
	const struct lab *lab;
	struct bench_run *run;      /* the run as it is on the disk, with what this process has measured */
	struct measurer measurer;
	double *warmup_s;           /* per point: longer after a repeat that still drifted */
	unsigned done, total, order;
	int64_t start_ms;
	const char *doing;          /* "tpcb/primary/8, repeat 2" */
};

static double first_warmup(const struct bench_spec *s)
{
	double wanted = s->time_s / WARMUP_PART < WARMUP_MIN_S ? WARMUP_MIN_S : s->time_s / WARMUP_PART;

	return wanted < s->warmup_s ? wanted : s->warmup_s;
}

double bench_estimate(const struct bench_spec *s, unsigned *ret_measurements)
{
	unsigned pairs = s->load_count * s->target_count;
	unsigned count = pairs * (s->client_count + s->rate_count) * s->repeats + (s->slo.quantile > 0 ? pairs * SEARCH_STEPS : 0);

	*ret_measurements = count;
	return count * (s->time_s + first_warmup(s) + OVERHEAD_S);
}

/* --- news --- */

static void news(struct runner *r, const char *doing, const struct bench_measure *m)
{
	double spent_s = (double)(clock_now_ms() - r->start_ms) / 1000;
	double each_s = r->order > 1 && r->done ? spent_s / r->done : r->spec->time_s + first_warmup(r->spec) + OVERHEAD_S;
	struct bench_news n = { .doing = doing, .measure = m, .done = r->done, .total = r->total,
				.left_s = r->total > r->done ? each_s * (r->total - r->done) : 0 };

	r->job->news(r->job->ctx, &n);
}

static void say(void *ctx, const char *text)
{
	struct runner *r = ctx;
	char line[256];

	snprintf(line, sizeof line, "%s%s%s", r->doing ? r->doing : "", r->doing ? ": " : "", text);
	news(r, line, NULL);
}

/* --- one point --- */

static const struct bench_load *load_of(const struct runner *r, const struct bench_point *p)
{
	for (unsigned i = 0; i < r->spec->load_count; i++)
		if (!strcmp(r->spec->loads[i].name, p->workload))
			return &r->spec->loads[i];
	return NULL;
}

static const struct bench_measure *measured(const struct runner *r, const struct bench_point *p, unsigned repeat)
{
	for (unsigned i = 0; i < r->run->measure_count; i++)
		if (r->run->measures[i].point == p && r->run->measures[i].repeat == repeat)
			return &r->run->measures[i];
	return NULL;
}

/* Measures a repeat of a point, unless a run that is resumed has it. *ret is the measurement. */
static int measure(struct runner *r, unsigned point, unsigned repeat, double rate_tps, bool (*keeps)(const struct runner *, const struct bench_measure *),
		   const struct bench_measure **ret, struct fail *e)
{
	const struct bench_point *p = &r->run->points[point];
	struct bench_measure m = { .point = p, .repeat = repeat, .order = r->order + 1 };
	struct measure_order o = { .load = load_of(r, p), .warmup_s = r->warmup_s[point], .rate_tps = rate_tps,
				   .seed = r->run->seed + m.order };
	const struct bench_measure *old = measured(r, p, repeat);

	if (old) {
		*ret = old;
		return 0;
	}
	if (*r->job->cancel)
		return fail(e, FAIL_CANCELED, "interrupted");
	r->order++;
	r->doing = arena_printf(r->run->arena, "%s, repeat %u", p->name, repeat);
	o.script = arena_printf(r->run->arena, "script.%u", (unsigned)(o.load - r->spec->loads));
	if (bench_target_find(r->lab, p->target, r->run->arena, &o.target, e) < 0 ||
	    measure_point(&r->measurer, &o, r->run->arena, &m, e) < 0)
		return -1;
	m.kept_slo = keeps && keeps(r, &m);
	if (bench_append(r->run, &m, e) < 0)
		return -1;
	/* Measurements point to the points, which do not move; the array of measurements may. */
	*arena_push(r->run->arena, r->run->measures, r->run->measure_count) = m;
	*ret = &r->run->measures[r->run->measure_count - 1];
	if (m.marks & BENCH_DRIFTS && r->warmup_s[point] * 2 <= r->spec->warmup_s)
		r->warmup_s[point] *= 2;
	r->done++;
	news(r, r->doing, *ret);
	if (m.status == BENCH_FAILED && r->spec->stop_on_failure)
		return fail(e, FAIL_DB, "%s, repeat %u: %s", p->name, repeat, m.reason);
	return 0;
}

/* --- the closed loop --- */

static bool is_closed(const struct bench_point *p)
{
	return !p->rate_percent && !p->slo;
}

/* Fixed rates are measured with the closed loop: they need nothing from it. */
static int measure_blocks(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	unsigned *closed = arena_alloc(a, (r->run->point_count + 1) * sizeof *closed), count = 0, *order;
	const struct bench_measure *m;

	for (unsigned i = 0; i < r->run->point_count; i++)
		if (is_closed(&r->run->points[i]))
			closed[count++] = i;
	bench_order(count, r->spec->repeats, r->run->seed, a, &order);
	for (unsigned i = 0; i < count * r->spec->repeats; i++) {
		unsigned point = closed[order[i]];

		if (measure(r, point, i / count + 1, r->run->points[point].rate_tps, NULL, &m, e) < 0)
			return -1;
	}
	return 0;
}

/* The good measurements of a point. */
static unsigned tps_of(const struct runner *r, const struct bench_point *p, double **ret)
{
	unsigned count = 0;

	*ret = arena_alloc(r->run->arena, (r->run->measure_count + 1) * sizeof **ret);
	for (unsigned i = 0; i < r->run->measure_count; i++)
		if (r->run->measures[i].point == p && r->run->measures[i].status == BENCH_OK)
			(*ret)[count++] = r->run->measures[i].tps;
	return count;
}

static bool wants_more(const struct runner *r, const struct bench_point *p)
{
	struct stats_summary s;
	double *tps;
	unsigned count = tps_of(r, p, &tps);

	if (count < r->spec->repeats)
		return false; /* some failed: more of them would not help */
	stats_summarize(tps, count, LEVEL, &s);
	return stats_repeats_wanted(&s, LEVEL, r->spec->precision) > count;
}

/* More repeats of the points whose interval is still too wide, a block at a time, until there are enough or time is up. */
static int measure_more(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	unsigned *wide = arena_alloc(a, (r->run->point_count + 1) * sizeof *wide), *order;
	const struct bench_measure *m;

	for (unsigned repeat = r->spec->repeats + 1; repeat <= r->spec->repeats_max; repeat++) {
		unsigned count = 0;

		for (unsigned i = 0; i < r->run->point_count; i++)
			if (is_closed(&r->run->points[i]) && wants_more(r, &r->run->points[i]))
				wide[count++] = i;
		if (!count)
			break;
		bench_order(count, 1, r->run->seed + repeat, a, &order);
		r->total += count;
		for (unsigned i = 0; i < count; i++) {
			if (r->spec->budget_s > 0 && (double)(clock_now_ms() - r->start_ms) > r->spec->budget_s * 1000)
				return 0;
			if (measure(r, wide[order[i]], repeat, r->run->points[wide[order[i]]].rate_tps, NULL, &m, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- the open loop --- */

/* The most that the closed loop reached with this workload and target; 0 = nothing was measured. */
static double capacity(const struct runner *r, const struct bench_point *like)
{
	struct stats_summary s;
	double best = 0, *tps;

	for (unsigned i = 0; i < r->run->point_count; i++) {
		const struct bench_point *p = &r->run->points[i];
		unsigned count;

		if (!is_closed(p) || p->rate_tps > 0 || strcmp(p->workload, like->workload) || strcmp(p->target, like->target))
			continue;
		count = tps_of(r, p, &tps);
		stats_summarize(tps, count, LEVEL, &s);
		if (s.why == STATS_OK && s.gmean > best)
			best = s.gmean;
	}
	return best;
}

static int measure_rates(struct runner *r, struct fail *e)
{
	struct arena *a = r->run->arena;
	unsigned *open = arena_alloc(a, (r->run->point_count + 1) * sizeof *open), count = 0, *order;
	const struct bench_measure *m;

	for (unsigned i = 0; i < r->run->point_count; i++)
		if (r->run->points[i].rate_percent)
			open[count++] = i;
	bench_order(count, r->spec->repeats, r->run->seed + 1, a, &order);
	for (unsigned i = 0; i < count * r->spec->repeats; i++) {
		const struct bench_point *p = &r->run->points[open[order[i]]];
		double most = capacity(r, p);

		if (most > 0 && measure(r, open[order[i]], i / count + 1, most * p->rate_percent / 100, NULL, &m, e) < 0)
			return -1;
	}
	return 0;
}

static double quantile(const struct bench_measure *m, double q)
{
	return q >= .999 ? m->latency.p999 : q >= .99 ? m->latency.p99 : q >= .95 ? m->latency.p95 : m->latency.p50;
}

static bool keeps_slo(const struct runner *r, const struct bench_measure *m)
{
	return m->status == BENCH_OK && !(m->marks & BENCH_LATE) && quantile(m, r->spec->slo.quantile) <= r->spec->slo.limit_us;
}

static int search_rates(struct runner *r, struct fail *e)
{
	for (unsigned i = 0; i < r->run->point_count; i++) {
		const struct bench_point *p = &r->run->points[i];
		double low = 0, high = p->slo ? capacity(r, p) : 0, rate = high * SEARCH_FIRST;
		const struct bench_measure *m;

		for (unsigned step = 1; high > 0 && step <= SEARCH_STEPS; step++) {
			if (measure(r, i, step, rate, keeps_slo, &m, e) < 0)
				return -1;
			if (m->kept_slo)
				low = rate;
			else
				high = rate;
			rate = (low + high) / 2;
		}
	}
	return 0;
}

/* --- the run --- */

static void add_open_points(struct runner *r)
{
	const struct bench_spec *s = r->spec;
	struct bench_run *run = r->run;
	unsigned most = s->clients[s->client_count - 1];

	for (unsigned l = 0; l < s->load_count; l++)
		for (unsigned t = 0; t < s->target_count; t++) {
			const char *load = s->loads[l].name, *target = s->targets[t];

			for (unsigned k = 0; k < s->rate_count; k++)
				if (s->rates[k].percent)
					*arena_push(run->arena, run->points, run->point_count) = (struct bench_point) {
						.name = arena_printf(run->arena, "%s/%s/%u%%", load, target, s->rates[k].percent),
						.workload = load, .target = target, .clients = most, .rate_percent = s->rates[k].percent };
			if (s->slo.quantile > 0) {
				const char *slo = arena_printf(run->arena, "p%g=%gms", s->slo.quantile * 100, s->slo.limit_us / 1000);

				*arena_push(run->arena, run->points, run->point_count) = (struct bench_point) {
					.name = arena_printf(run->arena, "%s/%s/%s", load, target, slo), .workload = load,
					.target = target, .clients = most, .slo = slo };
			}
		}
}

static int new_run(struct runner *r, struct fail *e)
{
	const struct bench_spec *s = r->spec;
	struct arena *a = arena_new();
	struct bench_run *run = arena_new_of(a, struct bench_run);

	run->arena = a;
	r->run = run;
	run->dir = arena_strdup(a, r->job->dir);
	run->labctl = r->job->version;
	run->lab = arena_strdup(a, r->lab->name);
	run->kind = r->lab->cluster.recipe->kind;
	run->started_ms = clock_wall_ms();
	run->seed = s->seed;
	run->repeats = s->repeats;
	run->time_s = s->time_s;
	run->shared_host = evidence_shared_host(r->lab, !strcmp(client_name(r->measurer.client), "host"));
	for (unsigned i = 0; i < s->load_count; i++) {
		const struct workload *w = s->loads[i].workload;

		*arena_push(a, run->workloads, run->workload_count) = (struct bench_workload_info) {
			.name = s->loads[i].name, .title = w ? w->title : "a script of the user's",
			.baseline = w ? w->baseline : NULL, .shards = w ? w->shards : 0 };
	}
	bench_points(s, a, &run->points, &run->point_count);
	add_open_points(r);
	run->spec = bench_spec_json(s);
	run->evidence = json_object();
	run->topology = graph_json(r->lab);
	say(r, "collect evidence");
	json_object_set_new(run->evidence, "client", json_pack("{s:s}", "runs on", client_name(r->measurer.client)));
	if (evidence_collect(r->job->rt, r->job->version, run->evidence, e) < 0 ||
	    servers_evidence(r->measurer.servers, run->evidence, e) < 0)
		return -1;
	return bench_create(run, e);
}

/* A resumed run must measure the same: its specification says so. */
static int old_run(struct runner *r, struct fail *e)
{
	json_t *wanted = bench_spec_json(r->spec);
	bool same;

	if (bench_read(r->job->dir, &r->run, e) < 0) {
		json_decref(wanted);
		return -1;
	}
	json_object_set(wanted, "seed", json_object_get(r->run->spec, "seed"));
	same = json_equal(wanted, r->run->spec);
	json_decref(wanted);
	if (strcmp(r->run->lab, r->lab->name) != 0)
		return fail(e, FAIL_CONFLICT, "%s is a run of lab '%s', not of '%s'", r->job->dir, r->run->lab, r->lab->name);
	if (!same) {
		fail(e, FAIL_CONFLICT, "%s was started with another specification; it can be resumed only with the same", r->job->dir);
		return fail_next(e, "labctl bench run --resume %s    (with the options of the first time)", r->job->dir);
	}
	for (unsigned i = 0; i < r->run->measure_count; i++)
		if (r->run->measures[i].order > r->order)
			r->order = r->run->measures[i].order;
	return 0;
}

/* Every server must accept its part of the largest number of clients. */
static int check_sessions(struct runner *r, struct fail *e)
{
	unsigned most = r->spec->clients[r->spec->client_count - 1];
	struct bench_target t;

	for (unsigned i = 0; i < r->spec->target_count; i++) {
		if (bench_target_find(r->lab, r->spec->targets[i], r->run->arena, &t, e) < 0)
			return -1;
		for (unsigned n = 0; n < t.node_count; n++) {
			unsigned limit, part = (most + t.node_count - 1) / t.node_count;

			if (servers_session_limit(r->measurer.servers, t.nodes[n], t.role, &limit, e) < 0)
				return -1;
			if (limit && part > limit)
				return fail(e, FAIL_USAGE, "%u clients are too many: %s accepts %u sessions (max_connections) and would get %u",
					    most, t.nodes[n]->name, limit, part);
		}
	}
	return 0;
}

static int put_scripts(struct runner *r, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf passwords = { 0 };

	if (file_read(r->job->passwords, 1 << 20, &passwords, e) < 0 ||
	    client_put(r->measurer.client, "pgpass", strbuf_text(&passwords), e) < 0)
		return -1;
	for (unsigned i = 0; i < r->spec->load_count; i++) {
		const struct bench_load *l = &r->spec->loads[i];
		const char *text = l->script, *name = arena_printf(r->run->arena, "script.%u", i);

		if (!text && workload_script(runtime_library(r->job->rt), l->workload, r->lab->cluster.recipe->kind, r->spec->scale,
					     r->run->arena, &text, e) < 0)
			return -1;
		if (client_put(r->measurer.client, name, text, e) < 0)
			return -1;
	}
	return 0;
}

/* Loads each data set once. */
static int load_data(struct runner *r, struct fail *e)
{
	for (unsigned i = 0; i < r->spec->load_count; i++) {
		const struct workload *w = r->spec->loads[i].workload;
		bool loaded = !w || !w->dataset;

		for (unsigned k = 0; k < i && !loaded; k++) {
			const struct workload *other = r->spec->loads[k].workload;

			loaded = other && other->dataset && !strcmp(other->dataset, w->dataset);
		}
		if (!loaded && measure_prepare(&r->measurer, w, true, e) < 0)
			return -1;
	}
	return 0;
}

static int execute(struct runner *r, struct fail *e)
{
	const struct bench_job *job = r->job;

	if ((job->resume ? old_run(r, e) : new_run(r, e)) < 0)
		return -1;
	r->measurer.run = r->run;
	r->warmup_s = arena_alloc(r->run->arena, (r->run->point_count + 1) * sizeof *r->warmup_s);
	for (unsigned i = 0; i < r->run->point_count; i++)
		r->warmup_s[i] = first_warmup(r->spec);
	bench_estimate(r->spec, &r->total);
	r->total -= r->total < r->run->measure_count ? r->total : r->run->measure_count;
	if (check_sessions(r, e) < 0 || put_scripts(r, e) < 0 || load_data(r, e) < 0)
		return -1;
	r->start_ms = clock_now_ms();
	if (measure_blocks(r, e) < 0 || measure_more(r, e) < 0 || measure_rates(r, e) < 0 || search_rates(r, e) < 0)
		return -1;
	return 0;
}

int bench_execute(const struct bench_job *job, struct fail *e)
{
	auto_(servers_free) struct servers *servers = NULL;
	auto_(client_close) struct client *client = NULL;
	struct runner r = { .job = job, .spec = job->spec, .lab = runtime_lab(job->rt), .start_ms = clock_now_ms() };
	const struct node *node = NULL;
	int result;

	for (unsigned i = 0; i < r.lab->node_count; i++)
		if (job->spec->from && !strcmp(r.lab->nodes[i].name, job->spec->from))
			node = &r.lab->nodes[i];
	if (client_open(job->rt, node, driver_pgbench.program, job->cancel, &client, e) < 0)
		return -1;
	servers = servers_new(job->rt, job->database);
	r.measurer = (struct measurer) { .rt = job->rt, .spec = job->spec, .client = client, .servers = servers,
					 .driver = &driver_pgbench, .database = job->database, .cancel = job->cancel,
					 .say = say, .say_ctx = &r };
	result = execute(&r, e);
	if (r.run)
		bench_free(r.run);
	return result;
}
