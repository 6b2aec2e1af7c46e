/* SPDX-License-Identifier: PostgreSQL */
/*
 * The files of a run, read. They may come from another machine, so nothing in them is trusted: missing members and wrong
 * types are failures, and no text becomes a format or a path outside the run's directory.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "bench.h"
#include "file.h"
#include "lab.h"

#define RUN_MAX_BYTES (16u << 20)
#define MEASURES_MAX_BYTES (1u << 30)
#define SECONDS_MAX 1000000u

/* What is being read, for failures. The first problem is kept. */
struct reader { struct arena *arena; const char *path; unsigned line; struct fail *e; bool bad; };

__attribute__((format(printf, 2, 3))) static void problem(struct reader *r, const char *fmt, ...)
{
	va_list args;
	char text[256];

	if (r->bad)
		return;
	r->bad = true;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	fail(r->e, FAIL_LAB, "%s:%u: %s", r->path, r->line, text);
}

static const char *text_of(struct reader *r, const json_t *o, const char *key, bool needed)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (!text && needed)
		problem(r, "'%s' is missing or not a text", key);
	return text ? arena_strdup(r->arena, text) : needed ? "" : NULL;
}

static double number_of(struct reader *r, const json_t *o, const char *key, double min, double max)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_number(v) || !(json_number_value(v) >= min && json_number_value(v) <= max)) {
		problem(r, "'%s' is missing or not a number from %g to %g", key, min, max);
		return min;
	}
	return json_number_value(v);
}

static unsigned count_of(struct reader *r, const json_t *o, const char *key)
{
	return (unsigned)number_of(r, o, key, 0, UINT_MAX);
}

static const json_t *list_of(struct reader *r, const json_t *o, const char *key)
{
	const json_t *list = json_object_get(o, key);

	if (!json_is_array(list))
		problem(r, "'%s' is missing or not a list", key);
	return list;
}

static double *numbers(struct reader *r, const json_t *list, size_t count)
{
	double *values;

	if (!json_is_array(list) || json_array_size(list) != count) {
		problem(r, "a list of the series has not as many numbers as the others");
		return NULL;
	}
	values = arena_alloc(r->arena, (count ? count : 1) * sizeof *values);
	for (size_t i = 0; i < count; i++) {
		const json_t *v = json_array_get(list, i);

		if (!json_is_number(v) || !isfinite(json_number_value(v)))
			problem(r, "a number of the series is none");
		values[i] = json_number_value(v);
	}
	return values;
}

static void read_points(struct reader *r, const json_t *o, struct bench_run *run)
{
	const json_t *list = list_of(r, o, "points");

	run->points = arena_alloc(r->arena, (json_array_size(list) + 1) * sizeof *run->points);
	for (size_t i = 0; i < json_array_size(list) && !r->bad; i++) {
		const json_t *p = json_array_get(list, i);

		run->points[run->point_count++] = (struct bench_point) {
			.name = text_of(r, p, "name", true),
			.workload = text_of(r, p, "workload", true),
			.target = text_of(r, p, "target", true),
			.clients = count_of(r, p, "clients"),
			.rate_tps = json_object_get(p, "rate_tps") ? number_of(r, p, "rate_tps", 0, 1e12) : 0,
			.rate_percent = json_object_get(p, "rate_percent") ? count_of(r, p, "rate_percent") : 0,
			.slo = text_of(r, p, "slo", false),
		};
	}
}

static void read_workloads(struct reader *r, const json_t *o, struct bench_run *run)
{
	const json_t *list = list_of(r, o, "workloads");

	run->workloads = arena_alloc(r->arena, (json_array_size(list) + 1) * sizeof *run->workloads);
	for (size_t i = 0; i < json_array_size(list) && !r->bad; i++) {
		const json_t *w = json_array_get(list, i);

		run->workloads[run->workload_count++] = (struct bench_workload_info) {
			.name = text_of(r, w, "name", true),
			.title = text_of(r, w, "title", true),
			.baseline = text_of(r, w, "baseline", false),
			.shards = (int)number_of(r, w, "shards", -1, 1e6),
		};
	}
}

static void read_run(struct reader *r, const json_t *o, struct bench_run *run)
{
	const char *format = text_of(r, o, "format", true);
	unsigned version = count_of(r, o, "version");

	if (strcmp(format, "labctl-bench") != 0)
		problem(r, "this is not the run of a benchmark of labctl: 'format' is '%s'", format);
	if (version != BENCH_VERSION)
		problem(r, "format version %u; this labctl reads version %d", version, BENCH_VERSION);
	run->labctl = text_of(r, o, "labctl", true);
	run->lab = text_of(r, o, "lab", true);
	run->kind = text_of(r, o, "kind", true);
	run->started_ms = (int64_t)number_of(r, o, "started_ms", 0, 1e15);
	run->seed = (uint64_t)number_of(r, o, "seed", 0, 9e15);
	run->repeats = count_of(r, o, "repeats");
	run->time_s = number_of(r, o, "time_s", 0, 1e9);
	if (json_object_get(o, "variants"))
		for (unsigned i = 0; i < ARRAY_COUNT(run->variants); i++) {
			const char *text = json_string_value(json_array_get(json_object_get(o, "variants"), i));

			if (!text)
				problem(r, "'variants' must be two texts");
			run->variants[i] = arena_strdup(r->arena, text ? text : "");
		}
	if (json_object_get(o, "scale")) {
		run->scale_role = text_of(r, json_object_get(o, "scale"), "role", true);
		run->scale_count = (unsigned)number_of(r, json_object_get(o, "scale"), "count", 0, LAB_NODES_MAX);
	}
	run->scenario = text_of(r, o, "scenario", false);
	if (json_object_get(o, "cpu_quota"))
		run->cpu_quota = (unsigned)number_of(r, o, "cpu_quota", 0, 1e6);
	run->shared_host = json_is_true(json_object_get(o, "shared_host"));
	read_workloads(r, o, run);
	read_points(r, o, run);
	run->spec = json_incref(json_object_get(o, "spec"));
	run->evidence = json_incref(json_object_get(o, "evidence"));
	run->topology = json_incref(json_object_get(o, "topology"));
}

static void read_series(struct reader *r, const json_t *o, struct bench_series *s)
{
	const json_t *tracks = list_of(r, o, "tracks"), *events = list_of(r, o, "events");
	size_t seconds = json_array_size(json_object_get(o, "tps"));

	if (seconds > SECONDS_MAX)
		problem(r, "the series is longer than %u seconds", SECONDS_MAX);
	if (r->bad)
		return;
	s->seconds = (unsigned)seconds;
	s->tps = numbers(r, json_object_get(o, "tps"), seconds);
	s->latency = numbers(r, json_object_get(o, "latency"), seconds);
	s->tracks = arena_alloc(r->arena, (json_array_size(tracks) + 1) * sizeof *s->tracks);
	for (size_t i = 0; i < json_array_size(tracks) && !r->bad; i++) {
		const json_t *t = json_array_get(tracks, i);

		s->tracks[s->track_count++] = (struct bench_track) { text_of(r, t, "node", true), text_of(r, t, "what", true),
								     numbers(r, json_object_get(t, "values"), seconds) };
	}
	s->events = arena_alloc(r->arena, (json_array_size(events) + 1) * sizeof *s->events);
	for (size_t i = 0; i < json_array_size(events) && !r->bad; i++) {
		const json_t *v = json_array_get(events, i);

		s->events[s->event_count++] = (struct bench_event) { number_of(r, v, "at", -1e9, 1e9), text_of(r, v, "what", true),
									  json_is_true(json_object_get(v, "fault")) };
	}
}

static void read_latency(struct reader *r, const json_t *o, struct bench_latency *l)
{
	const struct { const char *key; double *at; } rows[] = {
		{ "mean", &l->mean }, { "stddev", &l->stddev }, { "p50", &l->p50 }, { "p95", &l->p95 },
		{ "p99", &l->p99 }, { "p999", &l->p999 }, { "max", &l->max },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		*rows[i].at = number_of(r, o, rows[i].key, 0, 1e15);
}

static const struct bench_point *point_named(const struct bench_run *run, const char *name)
{
	for (unsigned i = 0; i < run->point_count; i++)
		if (!strcmp(run->points[i].name, name))
			return &run->points[i];
	return NULL;
}

static void read_marks(struct reader *r, const json_t *list, struct bench_measure *m)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));
		unsigned bit = 0;

		while (bit < BENCH_MARK_COUNT && !(word && !strcmp(word, bench_marks[bit])))
			bit++;
		if (bit == BENCH_MARK_COUNT)
			problem(r, "unknown mark '%s'", word ? word : "");
		else
			m->marks |= 1u << bit;
	}
}

static void read_lists(struct reader *r, const json_t *o, struct bench_measure *m)
{
	const json_t *counters = list_of(r, o, "counters"), *checks = list_of(r, o, "checks");

	m->counters = arena_alloc(r->arena, (json_array_size(counters) + 1) * sizeof *m->counters);
	for (size_t i = 0; i < json_array_size(counters) && !r->bad; i++) {
		const json_t *c = json_array_get(counters, i);

		m->counters[m->counter_count++] = (struct bench_counter) { text_of(r, c, "node", true), text_of(r, c, "what", true),
									   number_of(r, c, "value", -1e18, 1e18) };
	}
	m->checks = arena_alloc(r->arena, (json_array_size(checks) + 1) * sizeof *m->checks);
	for (size_t i = 0; i < json_array_size(checks) && !r->bad; i++) {
		const json_t *c = json_array_get(checks, i);

		m->checks[m->check_count++] = (struct bench_check) { text_of(r, c, "name", true), json_is_true(json_object_get(c, "ok")),
								     text_of(r, c, "text", true) };
	}
}

static int64_t ms_of(struct reader *r, const json_t *o, const char *key)
{
	return llround(number_of(r, o, key, -1e9, 1e9) * 1000);
}

static void read_outages(struct reader *r, const json_t *list, struct bench_measure *m)
{
	m->outages = arena_alloc(r->arena, (json_array_size(list) + 1) * sizeof *m->outages);
	for (size_t i = 0; i < json_array_size(list) && !r->bad; i++) {
		const json_t *v = json_array_get(list, i), *o = json_object_get(v, "outage"), *rows = json_object_get(v, "rows");
		struct bench_outage x = { .of = text_of(r, v, "of", true), .fault_s = number_of(r, v, "fault_s", -1e9, 1e9),
					  .checked = json_object_get(rows, "lost") };

		x.times = (struct outage){ .before_tps = number_of(r, o, "before_tps", 0, 1e12),
					   .before_p99_ms = number_of(r, o, "before_p99_ms", 0, 1e12),
					   .after_p99_ms = number_of(r, o, "after_p99_ms", 0, 1e12), .error_ms = ms_of(r, o, "error_s"),
					   .gap_ms = ms_of(r, o, "gap_s"), .gap_at_ms = ms_of(r, o, "gap_at_s"),
					   .dropped = json_is_true(json_object_get(o, "dropped")), .recovered_ms = ms_of(r, o, "recovered_s") };
		x.rows.by_outcome[TX_COMMITTED] = count_of(r, rows, "committed");
		x.rows.by_outcome[TX_FAILED] = count_of(r, rows, "failed");
		x.rows.by_outcome[TX_DOUBTFUL] = count_of(r, rows, "doubtful");
		x.rows.by_outcome[TX_REFUSED] = count_of(r, rows, "refused");
		if (x.checked) {
			x.rows.doubtful_there = count_of(r, rows, "doubtful_there");
			x.rows.failed_there = count_of(r, rows, "failed_there");
			x.rows.lost = count_of(r, rows, "lost");
			x.rows.torn = count_of(r, rows, "torn");
		}
		m->outages[m->outage_count++] = x;
	}
}

static void read_measure(struct reader *r, const json_t *o, struct bench_run *run)
{
	const char *point = text_of(r, o, "point", true), *status = text_of(r, o, "status", true);
	const json_t *client = json_object_get(o, "client"), *histogram = json_object_get(o, "histogram");
	struct bench_measure m = { .point = point_named(run, point) };

	if (!m.point)
		problem(r, "run.json has no point '%s'", point);
	m.repeat = count_of(r, o, "repeat");
	m.order = count_of(r, o, "order");
	m.variant = text_of(r, o, "variant", false);
	m.started_ms = (int64_t)number_of(r, o, "started_ms", 0, 1e15);
	m.warmup_s = number_of(r, o, "warmup_s", 0, 1e9);
	m.seconds = number_of(r, o, "seconds", 0, 1e9);
	m.rate_tps = json_object_get(o, "rate_tps") ? number_of(r, o, "rate_tps", 0, 1e12) : 0;
	m.status = strcmp(status, "ok") != 0 ? BENCH_FAILED : BENCH_OK;
	m.kept_slo = json_is_true(json_object_get(o, "kept_slo"));
	m.reason = text_of(r, o, "reason", false);
	m.transactions = (uint64_t)number_of(r, o, "transactions", 0, 9e15);
	m.failed = (uint64_t)number_of(r, o, "failed", 0, 9e15);
	m.tps = number_of(r, o, "tps", 0, 1e12);
	m.client_cpu = number_of(r, client, "cpu", 0, 1e6);
	m.client_cores = number_of(r, client, "cores", 0, 1e6);
	m.lag_p99 = number_of(r, client, "lag_p99", 0, 1e15);
	m.raw = text_of(r, o, "raw", false);
	read_latency(r, json_object_get(o, "latency"), &m.latency);
	read_series(r, json_object_get(o, "series"), &m.series);
	read_marks(r, json_object_get(o, "marks"), &m);
	read_lists(r, o, &m);
	read_outages(r, json_object_get(o, "outages"), &m);
	if (histogram && !r->bad && histogram_read(histogram, r->arena, &m.histogram, r->e) < 0) {
		fail_wrap(r->e, "%s:%u", r->path, r->line);
		r->bad = true;
	}
	if (!r->bad)
		*arena_push(r->arena, run->measures, run->measure_count) = m;
}

static int read_measures(struct reader *r, struct bench_run *run)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail missing;

	if (file_read(r->path, MEASURES_MAX_BYTES, &text, &missing) < 0) {
		if (missing.code == FAIL_NOT_FOUND)
			return 0;
		*r->e = missing;
		return -1;
	}
	for (char *rest = text.text, *line; rest && (line = strsep(&rest, "\n"));) {
		json_t *o = rest ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;

		r->line++;
		/* Cut off by a crash: the last line, or one that a later run ended. */
		if (!o)
			continue;
		read_measure(r, o, run);
		json_decref(o);
		if (r->bad)
			return -1;
	}
	return 0;
}

int bench_read(const char *dir, struct bench_run **ret, struct fail *e)
{
	auto_(bench_free) struct bench_run *run = NULL;
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct arena *a = arena_new();
	struct reader r = { .arena = a, .e = e };
	json_error_t where;
	json_t *o;

	run = arena_new_of(a, struct bench_run);
	run->arena = a;
	run->dir = arena_strdup(a, dir);
	r.path = arena_printf(a, "%s/run.json", dir);
	if (file_read(r.path, RUN_MAX_BYTES, &text, e) < 0) {
		if (e->code != FAIL_NOT_FOUND)
			return -1;
		fail(e, FAIL_NOT_FOUND, "%s is not the directory of a benchmark run: it has no run.json", dir);
		return -1;
	}
	o = json_loads(strbuf_text(&text), JSON_REJECT_DUPLICATES, &where);
	if (!o)
		return fail(e, FAIL_LAB, "%s:%d: %s", r.path, where.line, where.text);
	r.line = 1;
	read_run(&r, o, run);
	json_decref(o);
	if (r.bad)
		return -1;
	r.path = arena_printf(a, "%s/measurements.jsonl", dir);
	r.line = 0;
	if (read_measures(&r, run) < 0)
		return -1;
	*ret = steal(run);
	return 0;
}

void bench_free(struct bench_run *run)
{
	json_decref(run->spec);
	json_decref(run->evidence);
	json_decref(run->topology);
	arena_free(run->arena);
}
