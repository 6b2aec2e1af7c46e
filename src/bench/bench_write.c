/* SPDX-License-Identifier: PostgreSQL */
/* The files of a run, written: docs/format/bench.md. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "bench.h"
#include "file.h"

const char *const bench_marks[BENCH_MARK_COUNT + 1] = { "drifts", "client-saturated", "behind-schedule", NULL };

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static void put_number(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real(value));
}

static void put_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *numbers(const double *values, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_real(values[i]));
	return list;
}

static json_t *point_json(const struct bench_point *p)
{
	json_t *o = json_object();

	put_text(o, "name", p->name);
	put_text(o, "workload", p->workload);
	put_text(o, "target", p->target);
	put_count(o, "clients", p->clients);
	if (p->rate_tps > 0)
		put_number(o, "rate_tps", p->rate_tps);
	if (p->rate_percent)
		put_count(o, "rate_percent", p->rate_percent);
	put_text(o, "slo", p->slo);
	return o;
}

json_t *bench_run_json(const struct bench_run *run)
{
	json_t *o = json_object(), *workloads = json_array(), *points = json_array();

	put_text(o, "format", "labctl-bench");
	put_count(o, "version", BENCH_VERSION);
	put_text(o, "labctl", run->labctl);
	put_text(o, "lab", run->lab);
	put_text(o, "kind", run->kind);
	put_count(o, "started_ms", (uint64_t)run->started_ms);
	put_count(o, "seed", run->seed);
	put_count(o, "repeats", run->repeats);
	put_number(o, "time_s", run->time_s);
	if (run->scale_role)
		json_object_set_new(o, "scale", json_pack("{s:s, s:i}", "role", run->scale_role, "count", (int)run->scale_count));
	put_text(o, "scenario", run->scenario);
	if (run->cpu_quota)
		put_count(o, "cpu_quota", run->cpu_quota);
	json_object_set_new(o, "shared_host", json_boolean(run->shared_host));
	if (run->variants[0])
		json_object_set_new(o, "variants", json_pack("[s, s]", run->variants[0], run->variants[1]));
	for (unsigned i = 0; i < run->workload_count; i++) {
		const struct bench_workload_info *w = &run->workloads[i];
		json_t *row = json_object();

		put_text(row, "name", w->name);
		put_text(row, "title", w->title);
		put_text(row, "baseline", w->baseline);
		json_object_set_new(row, "shards", json_integer(w->shards));
		json_array_append_new(workloads, row);
	}
	for (unsigned i = 0; i < run->point_count; i++)
		json_array_append_new(points, point_json(&run->points[i]));
	json_object_set_new(o, "workloads", workloads);
	json_object_set_new(o, "points", points);
	json_object_set(o, "spec", run->spec ? run->spec : json_null());
	json_object_set(o, "evidence", run->evidence ? run->evidence : json_null());
	json_object_set(o, "topology", run->topology ? run->topology : json_null());
	return o;
}

static json_t *latency_json(const struct bench_latency *l)
{
	return json_pack("{s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "mean", l->mean, "stddev", l->stddev, "p50", l->p50, "p95", l->p95,
			 "p99", l->p99, "p999", l->p999, "max", l->max);
}

static json_t *series_json(const struct bench_series *s)
{
	json_t *o = json_object(), *tracks = json_array(), *events = json_array();

	json_object_set_new(o, "tps", numbers(s->tps, s->seconds));
	json_object_set_new(o, "latency", numbers(s->latency, s->seconds));
	for (unsigned i = 0; i < s->track_count; i++) {
		json_t *track = json_object();

		put_text(track, "node", s->tracks[i].node);
		put_text(track, "what", s->tracks[i].what);
		json_object_set_new(track, "values", numbers(s->tracks[i].values, s->seconds));
		json_array_append_new(tracks, track);
	}
	for (unsigned i = 0; i < s->event_count; i++) {
		json_t *event = json_pack("{s:f,s:s}", "at", s->events[i].at, "what", s->events[i].what);

		if (s->events[i].fault)
			json_object_set_new(event, "fault", json_true());
		json_array_append_new(events, event);
	}
	json_object_set_new(o, "tracks", tracks);
	json_object_set_new(o, "events", events);
	return o;
}

static json_t *outages_json(const struct bench_measure *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->outage_count; i++) {
		const struct bench_outage *o = &m->outages[i];

		json_array_append_new(list, json_pack("{s:s, s:f, s:o, s:o}", "of", o->of, "fault_s", o->fault_s, "outage", outage_json(&o->times),
						      "rows", rows_check_json(&o->rows, o->checked)));
	}
	return list;
}

json_t *bench_measure_json(const struct bench_measure *m)
{
	json_t *o = json_object(), *marks = json_array(), *counters = json_array(), *checks = json_array();

	put_text(o, "point", m->point->name);
	put_count(o, "repeat", m->repeat);
	put_count(o, "order", m->order);
	put_text(o, "variant", m->variant);
	put_count(o, "started_ms", (uint64_t)m->started_ms);
	put_number(o, "warmup_s", m->warmup_s);
	put_number(o, "seconds", m->seconds);
	if (m->rate_tps > 0)
		put_number(o, "rate_tps", m->rate_tps);
	put_text(o, "status", m->status == BENCH_OK ? "ok" : "failed");
	put_text(o, "reason", m->reason);
	for (unsigned i = 0; i < BENCH_MARK_COUNT; i++)
		if (m->marks & (1u << i))
			json_array_append_new(marks, json_string(bench_marks[i]));
	json_object_set_new(o, "marks", marks);
	if (m->point->slo)
		json_object_set_new(o, "kept_slo", json_boolean(m->kept_slo));
	put_count(o, "transactions", m->transactions);
	put_count(o, "failed", m->failed);
	put_number(o, "tps", m->tps);
	json_object_set_new(o, "latency", latency_json(&m->latency));
	if (m->histogram)
		json_object_set_new(o, "histogram", histogram_json(m->histogram));
	json_object_set_new(o, "client", json_pack("{s:f,s:f,s:f}", "cpu", m->client_cpu, "cores", m->client_cores,
						   "lag_p99", m->lag_p99));
	json_object_set_new(o, "series", series_json(&m->series));
	for (unsigned i = 0; i < m->counter_count; i++)
		json_array_append_new(counters, json_pack("{s:s,s:s,s:f}", "node", m->counters[i].node, "what",
							  m->counters[i].what, "value", m->counters[i].value));
	for (unsigned i = 0; i < m->check_count; i++)
		json_array_append_new(checks, json_pack("{s:s,s:b,s:s}", "name", m->checks[i].name, "ok", (int)m->checks[i].ok,
							"text", m->checks[i].text ? m->checks[i].text : ""));
	json_object_set_new(o, "counters", counters);
	json_object_set_new(o, "checks", checks);
	if (m->outage_count)
		json_object_set_new(o, "outages", outages_json(m));
	put_text(o, "raw", m->raw);
	return o;
}

/* True if @path is a directory with nothing in it. */
static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	unsigned found = 0;

	if (!dir)
		return false;
	for (struct dirent *entry; (entry = readdir(dir));)
		found += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return found == 0;
}

int bench_create(const struct bench_run *run, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf path = { 0 };
	auto_(free) char *text = NULL;
	json_t *o;

	if (file_exists(run->dir) && !is_empty(run->dir)) {
		fail(e, FAIL_CONFLICT, "%s exists and is not empty", run->dir);
		return fail_next(e, "name another directory with -o, or resume that run with --resume %s", run->dir);
	}
	strbuf_printf(&path, "%s/raw", run->dir);
	if (file_mkdirs(strbuf_text(&path), 0755, e) < 0)
		return -1;
	o = bench_run_json(run);
	text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(o);
	strbuf_truncate(&path, 0);
	strbuf_printf(&path, "%s/run.json", run->dir);
	return file_write(strbuf_text(&path), text, strlen(text), 0644, e);
}

int bench_append(const struct bench_run *run, const struct bench_measure *m, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf path = { 0 }, line = { 0 };
	auto_(close) int fd = -1;
	json_t *o = bench_measure_json(m);
	char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
	char last = '\n';
	off_t end;

	json_decref(o);
	strbuf_printf(&path, "%s/measurements.jsonl", run->dir);
	fd = open(strbuf_text(&path), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		free(text);
		return fail_errno(e, FAIL_OTHER, "cannot write %s", strbuf_text(&path));
	}
	/* Ends a line that a crash cut off: readers ignore it. */
	end = lseek(fd, 0, SEEK_END);
	if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n')
		strbuf_char(&line, '\n');
	strbuf_str(&line, text);
	strbuf_char(&line, '\n');
	free(text);
	if (write(fd, line.text, line.len) != (ssize_t)line.len || fsync(fd) < 0)
		return fail_errno(e, FAIL_OTHER, "cannot write %s", strbuf_text(&path));
	return 0;
}
