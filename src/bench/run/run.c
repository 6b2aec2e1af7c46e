/* SPDX-License-Identifier: PostgreSQL */
/* A run: its files, its data, its measurements. In which order these are made: loops.c. */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "evidence.h"
#include "file.h"
#include "graph.h"
#include "recipe.h"
#include "runner.h"

#define WARMUP_MIN_S 1.
#define WARMUP_PART 4. /* the first warm-up is this part of the measured time */
#define OVERHEAD_S 3.  /* per measurement, until one has been made: reset, checkpoint, check */

static double first_warmup(const struct bench_spec *s)
{
	double wanted = s->time_s / WARMUP_PART < WARMUP_MIN_S ? WARMUP_MIN_S : s->time_s / WARMUP_PART;

	return wanted < s->warmup_s ? wanted : s->warmup_s;
}

double bench_estimate(const struct bench_spec *s, unsigned variants, unsigned *ret_measurements)
{
	unsigned pairs = s->load_count * s->target_count, count;

	if (variants > 1)
		count = pairs * s->client_count * s->repeats * variants;
	else
		count = pairs * (s->client_count + s->rate_count) * s->repeats + (s->slo.quantile > 0 ? pairs * BENCH_SEARCH_STEPS : 0);
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

/* --- one measurement --- */

static const struct bench_load *load_of(const struct runner *r, const struct side *side, const struct bench_point *p)
{
	if (side->variant->load)
		return side->variant->load;
	for (unsigned i = 0; i < r->spec->load_count; i++)
		if (!strcmp(r->spec->loads[i].name, p->workload))
			return &r->spec->loads[i];
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static const struct bench_measure *measured(const struct runner *r, const struct bench_point *p, unsigned repeat,
					    const char *variant)
{
	for (unsigned i = 0; i < r->run->measure_count; i++) {
		const struct bench_measure *m = &r->run->measures[i];

		if (m->point == p && m->repeat == repeat && same(m->variant, variant))
			return m;
	}
	return NULL;
}

int runner_measure(struct runner *r, unsigned side_number, unsigned point, unsigned repeat, double rate_tps, keeps_fn keeps,
		   const struct bench_measure **ret, struct fail *e)
{
	struct side *side = &r->sides[side_number];
	const struct bench_point *p = &r->run->points[point];
	const char *variant = side->variant->name;
	struct bench_measure m = { .point = p, .repeat = repeat, .order = r->order + 1, .variant = variant };
	struct measure_order o = { .load = load_of(r, side, p), .warmup_s = r->warmup_s[point], .rate_tps = rate_tps,
				   .seed = r->run->seed + m.order };

	*ret = measured(r, p, repeat, variant);
	if (*ret)
		return 0;
	if (*r->job->cancel)
		return fail(e, FAIL_CANCELED, "interrupted");
	r->order++;
	r->doing = arena_printf(r->run->arena, "%s%s%s, repeat %u", p->name, variant ? ", " : "", variant ? variant : "", repeat);
	o.script = arena_printf(r->run->arena, "script.%u", side->variant->load ? 0 : (unsigned)(o.load - r->spec->loads));
	if (bench_target_find(side->lab, side->variant->target ? side->variant->target : p->target, r->run->arena, &o.target, e) < 0 ||
	    measure_point(&side->measurer, &o, r->run->arena, &m, e) < 0)
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
		return fail(e, FAIL_DB, "%s: %s", r->doing, m.reason);
	return 0;
}

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

/* Evidence of the second side has its name before each section, but for the host, which is the same. */
static int add_evidence(struct runner *r, const struct side *side, struct fail *e)
{
	json_t *own = json_object(), *section;
	const char *name;
	int result = 0;

	if (evidence_collect(side->variant->rt, r->job->version, own, e) < 0 || servers_evidence(side->servers, own, e) < 0)
		result = -1;
	json_object_foreach(own, name, section)
		json_object_set(r->run->evidence, !side->variant->name || !strcmp(name, "host") ? name :
				arena_printf(r->run->arena, "%s %s", side->variant->name, name), section);
	json_decref(own);
	return result;
}

static void add_points(struct runner *r)
{
	struct bench_run *run = r->run;
	struct bench_point *points;
	unsigned count;

	bench_points(r->spec, run->arena, &points, &count);
	for (unsigned i = 0; i < count; i++)
		*arena_push(run->arena, run->points, run->point_count) = points[i];
	if (r->side_count == 1)
		add_open_points(r);
	if (r->job->play) { /* the rate, if there is one */
		run->points[0] = run->points[run->point_count - 1];
		run->point_count = 1;
	}
}

static json_t *spec_json(const struct runner *r)
{
	json_t *o = bench_spec_json(r->spec), *list = json_array();

	for (unsigned i = 0; i < r->side_count && r->side_count > 1; i++)
		json_array_append_new(list, json_string(r->sides[i].variant->text));
	if (json_array_size(list))
		json_object_set(o, "variants", list);
	json_decref(list);
	return o;
}

static int new_run(struct runner *r, struct fail *e)
{
	const struct lab *lab = r->sides[0].lab;
	const struct bench_spec *s = r->spec;
	struct arena *a = arena_new();
	struct bench_run *run = arena_new_of(a, struct bench_run);

	run->arena = a;
	r->run = run;
	run->dir = arena_strdup(a, r->job->dir);
	run->labctl = r->job->version;
	run->lab = arena_strdup(a, lab->name);
	run->kind = lab->cluster.recipe->kind;
	run->started_ms = clock_wall_ms();
	run->seed = s->seed;
	run->repeats = r->job->play ? 1 : s->repeats;
	run->time_s = s->time_s;
	run->scenario = r->job->play ? arena_strdup(a, r->job->play->name) : NULL;
	run->cpu_quota = lab->cpu_quota;
	run->scale_role = r->job->scale_role;
	run->scale_count = r->job->scale_count;
	for (unsigned i = 0; i < r->side_count; i++) {
		if (r->side_count > 1)
			run->variants[i] = arena_strdup(a, r->sides[i].variant->text);
		run->cpu_quota = r->sides[i].lab->cpu_quota == run->cpu_quota ? run->cpu_quota : 0;
		run->shared_host |= evidence_shared_host(r->sides[i].lab, !strcmp(client_name(r->sides[i].client), "host"));
	}
	for (unsigned i = 0; i < s->load_count; i++) {
		const struct workload *w = s->loads[i].workload;

		*arena_push(a, run->workloads, run->workload_count) = (struct bench_workload_info) {
			.name = s->loads[i].name, .title = w ? w->title : "a script of the user's",
			.baseline = w ? w->baseline : NULL, .shards = w ? workload_shards(w, run->kind) : 0 };
	}
	add_points(r);
	run->spec = spec_json(r);
	run->evidence = json_object();
	run->topology = graph_json(lab);
	say(r, "collect evidence");
	json_object_set_new(run->evidence, "client", json_pack("{s:s}", "runs on", client_name(r->sides[0].client)));
	for (unsigned i = 0; i < r->side_count; i++)
		if (add_evidence(r, &r->sides[i], e) < 0)
			return -1;
	return bench_create(run, e);
}

/* A resumed run must measure the same: its specification says so. */
static int old_run(struct runner *r, struct fail *e)
{
	json_t *wanted = spec_json(r);
	bool same;

	if (bench_read(r->job->dir, &r->run, e) < 0) {
		json_decref(wanted);
		return -1;
	}
	json_object_set(wanted, "seed", json_object_get(r->run->spec, "seed"));
	same = json_equal(wanted, r->run->spec);
	json_decref(wanted);
	if (strcmp(r->run->lab, r->sides[0].lab->name) != 0)
		return fail(e, FAIL_CONFLICT, "%s is a run of lab '%s', not of '%s'", r->job->dir, r->run->lab, r->sides[0].lab->name);
	if (!same)
		return fail(e, FAIL_CONFLICT, "%s was started with another specification; it can be resumed only with the same", r->job->dir);
	for (unsigned i = 0; i < r->run->measure_count; i++)
		if (r->run->measures[i].order > r->order)
			r->order = r->run->measures[i].order;
	return 0;
}

/* Every server must accept its part of the largest number of clients. */
static int check_sessions(struct runner *r, const struct side *side, struct fail *e)
{
	unsigned most = r->spec->clients[r->spec->client_count - 1];
	struct bench_target t;

	for (unsigned i = 0; i < r->spec->target_count; i++) {
		const char *word = side->variant->target ? side->variant->target : r->spec->targets[i];

		if (bench_target_find(side->lab, word, r->run->arena, &t, e) < 0)
			return -1;
		for (unsigned n = 0; n < t.node_count; n++) {
			unsigned limit, part = (most + t.node_count - 1) / t.node_count;

			if (servers_session_limit(side->servers, t.nodes[n], t.role, &limit, e) < 0)
				return -1;
			if (limit && part > limit)
				return fail(e, FAIL_USAGE, "%u clients are too many: %s accepts %u sessions (max_connections) and would get %u",
					    most, t.nodes[n]->name, limit, part);
		}
	}
	return 0;
}

/* The workloads of a side: the specification's, or the variant's own. */
static const struct bench_load *side_loads(const struct runner *r, const struct side *side, unsigned *ret_count)
{
	*ret_count = side->variant->load ? 1 : r->spec->load_count;
	return side->variant->load ? side->variant->load : r->spec->loads;
}

static int put_scripts(struct runner *r, const struct side *side, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf passwords = { 0 };
	unsigned count;
	const struct bench_load *loads = side_loads(r, side, &count);

	if (file_read(side->variant->passwords, 1 << 20, &passwords, e) < 0 ||
	    client_put(side->client, "pgpass", strbuf_text(&passwords), e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		const char *text = loads[i].script, *name = arena_printf(r->run->arena, "script.%u", i);

		if (!text && workload_script(runtime_library(side->variant->rt), loads[i].workload, side->lab->cluster.recipe->kind,
					     r->spec->scale, r->run->arena, &text, e) < 0)
			return -1;
		if (client_put(side->client, name, text, e) < 0)
			return -1;
	}
	return 0;
}

/* Loads each data set once. */
static int load_data(struct runner *r, struct side *side, struct fail *e)
{
	unsigned count;
	const struct bench_load *loads = side_loads(r, side, &count);

	for (unsigned i = 0; i < count; i++) {
		const struct workload *w = loads[i].workload;
		bool loaded = !w || !w->dataset;

		for (unsigned k = 0; k < i && !loaded; k++) {
			const struct workload *other = loads[k].workload;

			loaded = other && other->dataset && !strcmp(other->dataset, w->dataset);
		}
		if (!loaded && measure_prepare(&side->measurer, w, true, e) < 0)
			return -1;
	}
	return 0;
}

static int prepare(struct runner *r, struct side *side, struct fail *e)
{
	side->measurer.run = r->run;
	if (check_sessions(r, side, e) < 0 || put_scripts(r, side, e) < 0 || load_data(r, side, e) < 0)
		return -1;
	return r->spec->reset == RESET_TEMPLATE ? measure_make_copy(&side->measurer, e) : 0;
}

static int execute(struct runner *r, struct fail *e)
{
	const struct bench_measure *m;

	if ((r->job->resume ? old_run(r, e) : new_run(r, e)) < 0)
		return -1;
	r->warmup_s = arena_alloc(r->run->arena, (r->run->point_count + 1) * sizeof *r->warmup_s);
	for (unsigned i = 0; i < r->run->point_count; i++)
		r->warmup_s[i] = first_warmup(r->spec);
	bench_estimate(r->spec, r->side_count, &r->total);
	r->total -= r->total < r->run->measure_count ? r->total : r->run->measure_count;
	for (unsigned i = 0; i < r->side_count; i++)
		if (prepare(r, &r->sides[i], e) < 0)
			return -1;
	r->start_ms = clock_now_ms();
	if (r->job->play)
		return runner_measure(r, 0, 0, 1, r->run->points[0].rate_tps, NULL, &m, e);
	if (r->side_count > 1)
		return runner_pairs(r, e);
	return runner_blocks(r, e) < 0 || runner_more(r, e) < 0 || runner_rates(r, e) < 0 || runner_search(r, e) < 0 ? -1 : 0;
}

/* Where the drivers of a side run: as the specification says, else on a node with the role "client", else on the host. */
static const struct node *client_node(const struct runner *r, const struct lab *lab)
{
	int role = lab->cluster.recipe ? lab_role(lab, "client") : -1;

	for (unsigned i = 0; i < lab->node_count; i++)
		if (r->spec->from ? !strcmp(lab->nodes[i].name, r->spec->from) : node_has_role(&lab->nodes[i], role))
			return &lab->nodes[i];
	return NULL;
}

static int open_side(struct runner *r, const struct bench_variant *v, struct fail *e)
{
	struct side *side = &r->sides[r->side_count];

	side->variant = v;
	side->lab = runtime_lab(v->rt);
	if (r->job->play && client_node(r, side->lab))
		return fail(e, FAIL_USAGE, "the load of a scenario comes from this host; its specification needs `from: host`");
	if (client_open(v->rt, client_node(r, side->lab), r->job->play ? "scenario.load" : "bench", r->job->cancel, &side->client, e) < 0)
		return -1;
	r->side_count++;
	side->servers = servers_new(v->rt, r->job->database);
	side->measurer = (struct measurer) { .rt = v->rt, .spec = r->spec, .client = side->client, .servers = side->servers,
					     .database = r->job->database, .settings = v->settings, .play = r->job->play,
					     .cancel = r->job->cancel, .say = say, .say_ctx = r };
	for (unsigned i = 0; i < r->spec->load_count; i++) {
		const struct driver *d = driver_find(r->spec->loads[i].workload ? r->spec->loads[i].workload->driver : NULL);

		if (client_needs(side->client, d->program, d->package, e) < 0)
			return -1;
		if (r->job->play && !d->refused)
			return fail(e, FAIL_USAGE, "%s: %s cannot go on after an error; a scenario needs a workload of pgbench", r->spec->loads[i].name,
				    d->program);
	}
	return 0;
}

int bench_execute(const struct bench_job *job, struct fail *e)
{
	struct runner r = { .job = job, .spec = job->spec, .start_ms = clock_now_ms() };
	int result = 0;

	for (unsigned i = 0; i < job->variant_count && result == 0; i++)
		result = open_side(&r, &job->variants[i], e);
	if (result == 0)
		result = execute(&r, e);
	for (unsigned i = 0; i < r.side_count; i++) {
		if (r.spec->reset == RESET_TEMPLATE)
			measure_drop_copy(&r.sides[i].measurer);
		servers_free(r.sides[i].servers);
		client_close(r.sides[i].client);
	}
	if (r.run)
		bench_free(r.run);
	return result;
}
