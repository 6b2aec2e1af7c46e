/* SPDX-License-Identifier: PostgreSQL */
/*
 * Recorded runs of benchmarks for tests: the same every time, with numbers as a lab would give them. bench-runs.c writes
 * them as directories.
 */
#ifndef LABCTL_TESTS_BENCH_RUNS_H
#define LABCTL_TESTS_BENCH_RUNS_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define DATA_STARTED_MS 1764430000000
#define HOSTILE "</title></script><script>alert(1)</script><img src=x onerror=\"alert('2')\">"
#define TURNING "\xe2\x80\xae" "gnp.daol" /* U+202E: what follows would be shown from right to left */
#define ARABIC "\xd9\x82\xd8\xa7\xd8\xb9\xd8\xaf\xd8\xa9"

struct data_state { struct arena *arena; uint64_t state; };

/* From 0 to 1; xorshift, because rand(3) differs between systems. */
static inline double data_random(struct data_state *d)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (double)(d->state >> 11) / 9007199254740992.0;
}

/* About normal: mean 0, standard deviation 1. */
static inline double data_normal(struct data_state *d)
{
	double sum = 0;

	for (unsigned i = 0; i < 12; i++)
		sum += data_random(d);
	return sum - 6;
}

static inline struct bench_run *data_new(struct data_state *d, const char *lab, const char *kind)
{
	struct arena *a = arena_new();
	struct bench_run *run = arena_new_of(a, struct bench_run);

	*d = (struct data_state){ a, 88172645463325252ull };
	*run = (struct bench_run){ .arena = a, .labctl = "0.1.0", .lab = lab, .kind = kind, .started_ms = DATA_STARTED_MS, .seed = 42, .repeats = 2,
				   .time_s = 5 };
	return run;
}

static inline void data_workload(struct data_state *d, struct bench_run *run, const char *name, const char *title, const char *baseline, int shards)
{
	*arena_push(d->arena, run->workloads, run->workload_count) = (struct bench_workload_info){ name, title, baseline, shards };
}

static inline void data_point(struct data_state *d, struct bench_run *run, const char *workload, const char *target, unsigned clients, double rate,
			      unsigned percent)
{
	const char *name = rate > 0 ? arena_printf(d->arena, "%s/%s/%u@%u", workload, target, clients, percent)
				    : arena_printf(d->arena, "%s/%s/%u", workload, target, clients);

	*arena_push(d->arena, run->points, run->point_count) = (struct bench_point){ name, workload, target, clients, rate, percent, NULL };
}

/* @service_us: how long one transaction takes alone; @cores: how many run at once. */
static inline struct bench_measure data_measure(struct data_state *d, struct bench_run *run, unsigned point, unsigned repeat, double service_us,
						double cores, unsigned nodes)
{
	const struct bench_point *p = &run->points[point];
	double noise = exp(0.03 * data_normal(d)), busy = p->clients / (1 + 0.02 * (p->clients - 1) + p->clients / cores);
	double us = service_us * p->clients / busy / noise;
	struct bench_measure m = { .point = p, .repeat = repeat, .order = run->measure_count + 1,
				   .started_ms = run->started_ms + 1000 * (int64_t)(run->time_s + 5) * run->measure_count, .warmup_s = 3,
				   .seconds = run->time_s, .client_cores = 2 };
	unsigned seconds = (unsigned)run->time_s, samples;

	m.tps = p->rate_tps > 0 ? p->rate_tps * (1 + 0.002 * data_normal(d)) : p->clients * 1e6 / us;
	if (p->rate_tps > 0)
		us = service_us * (1 + 0.4 * p->rate_percent / (101.0 - p->rate_percent)) / noise;
	m.transactions = (uint64_t)(m.tps * run->time_s);
	m.client_cpu = fmin(2, m.tps * 9e-5);
	m.lag_p99 = p->rate_tps > 0 ? 180 : 0;
	m.histogram = histogram_new(d->arena);
	samples = m.transactions > 1000 ? 1000 : (unsigned)m.transactions; /* a test under TSan takes 15 times as long */
	for (unsigned i = 0; i < samples; i++) {
		double v = us * 0.9 * exp(0.35 * data_normal(d)) * (data_random(d) < 0.004 ? 8 : 1);

		histogram_add(m.histogram, v);
		m.latency.max = fmax(m.latency.max, v);
	}
	m.latency.mean = us;
	m.latency.stddev = us * 0.5;
	m.latency.p50 = histogram_quantile(m.histogram, 0.5);
	m.latency.p95 = histogram_quantile(m.histogram, 0.95);
	m.latency.p99 = histogram_quantile(m.histogram, 0.99);
	m.latency.p999 = histogram_quantile(m.histogram, 0.999);
	m.series.seconds = seconds;
	m.series.tps = arena_alloc(d->arena, (seconds + 1) * sizeof(double));
	m.series.latency = arena_alloc(d->arena, (seconds + 1) * sizeof(double));
	for (unsigned s = 0; s < seconds; s++) {
		double dip = repeat == 2 && s > seconds / 2 && s < seconds / 2 + 4 ? 0.6 : 1;

		m.series.tps[s] = floor(m.tps * dip * (1 + 0.05 * data_normal(d)));
		m.series.latency[s] = us / dip * (1 + 0.05 * data_normal(d));
	}
	for (unsigned n = 0; n <= nodes; n++) {
		struct bench_track t = { n ? arena_printf(d->arena, "node%u", n) : "host", "cpu",
					 arena_alloc(d->arena, (seconds + 1) * sizeof(double)) };

		for (unsigned s = 0; s < seconds; s++)
			t.values[s] = n == 0 ? 190 + 5 * data_normal(d) : n == nodes && s == 0 ? -1 : fabs(18 * n + 6 * data_normal(d));
		*arena_push(d->arena, m.series.tracks, m.series.track_count) = t;
	}
	if (repeat == 2)
		*arena_push(d->arena, m.series.events, m.series.event_count) = (struct bench_event){ .at = seconds / 2 + 0.4, .what = "checkpoint node3" };
	*arena_push(d->arena, m.counters, m.counter_count) = (struct bench_counter){ "node1", "pg_stat_database.xact_commit", (double)m.transactions };
	*arena_push(d->arena, m.checks, m.check_count) = (struct bench_check){ "sums", true, "balances and history agree" };
	m.raw = arena_printf(d->arena, "raw/%u", m.order);
	return m;
}

static inline void data_add(struct data_state *d, struct bench_run *run, struct bench_measure m)
{
	*arena_push(d->arena, run->measures, run->measure_count) = m;
}

static inline void data_fail(struct bench_measure *m, const char *reason)
{
	m->status = BENCH_FAILED;
	m->reason = reason;
	m->checks[0].ok = false;
	m->checks[0].text = "sum of balances 1200, sum of the deltas 1180";
}

static inline json_t *data_topology(unsigned nodes)
{
	json_t *list = json_array();

	for (unsigned n = 1; n <= nodes; n++) {
		char name[16], address[20];
		json_t *roles = n == 1 ? json_pack("[{s:s,s:i}]", "role", "gtm", "port", 1920)
				: n == 2 ? json_pack("[{s:s,s:i}]", "role", "gtm_standby", "port", 1920)
					 : json_pack("[{s:s,s:i},{s:s,s:i},{s:s,s:i}]", "role", "gtm_proxy", "port", 1924, "role", "datanode", "port",
						     1923, "role", "coordinator", "port", 1921);

		snprintf(name, sizeof name, "node%u", n);
		snprintf(address, sizeof address, "10.88.0.%u", 10 + n);
		json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:i,s:o}", "name", name, "address", address, "cpus", 1, "memory_mib", 512, "roles",
						      roles));
	}
	return json_pack("{s:s,s:s,s:s,s:{s:s,s:s},s:o,s:[{s:s,s:s,s:s,s:b},{s:s,s:s,s:s,s:b},{s:s,s:s,s:s,s:b}]}", "lab", "bench8", "kind", "pgxc",
			 "hypervisor", "lxc", "network", "subnet", "10.88.0.0/24", "gateway", "10.88.0.1", "nodes", list, "edges", "from", "gtm_proxy",
			 "to", "gtm", "what", "snapshots", "same_node", 0, "from", "datanode", "to", "gtm_proxy", "what", "snapshots", "same_node", 1,
			 "from", "coordinator", "to", "datanode", "what", "parts of each query", "same_node", 0);
}

static inline json_t *data_evidence(void)
{
	return json_pack("{s:{s:s,s:s},s:{s:s}}", "host", "cpu.model", "Example CPU @ 2.00GHz", "kernel", "6.1.0", "node1", "shared_buffers", "128MB");
}

/* 2 workloads, a ratio, one failed repeat, one that drifts. */
static inline struct bench_run *data_small(void)
{
	struct data_state d;
	struct bench_run *run = data_new(&d, "bench3", "postgres");

	run->spec = json_pack("{s:i,s:[s]}", "repeats", 2, "targets", "primary");
	run->evidence = data_evidence();
	data_workload(&d, run, "one", "two keys of one shard", NULL, 1);
	data_workload(&d, run, "two", "two keys of two shards", "one", 2);
	for (unsigned clients = 1; clients <= 4; clients *= 4) {
		data_point(&d, run, "one", "primary", clients, 0, 0);
		data_point(&d, run, "two", "primary", clients, 0, 0);
	}
	for (unsigned repeat = 1; repeat <= 2; repeat++)
		for (unsigned i = 0; i < run->point_count; i++)
			data_add(&d, run, data_measure(&d, run, i, repeat, i % 2 ? 1900 : 1000, 2, 3));
	run->measures[3].marks = BENCH_DRIFTS;
	data_fail(&run->measures[6], "pgbench ended with status 2: partial results");
	return run;
}

static inline struct bench_run *data_full(void)
{
	static const char *const targets[] = { "coordinator", "coordinators" };
	static const struct { const char *name, *title, *baseline; int shards; double us; } loads[] = {
		{ "tpcb", "TPC-B-like, distributed by branch", NULL, 0, 5200 },
		{ "select-only", "read of one key", NULL, 1, 640 },
		{ "update-1", "update of two keys of one shard", NULL, 1, 2400 },
		{ "update-2", "update of two keys of two shards", "update-1", 2, 4400 },
		{ "insert-all", "INSERT of rows that touch all shards", "update-1", -1, 9800 },
	};
	struct data_state d;
	struct bench_run *run = data_new(&d, "bench8", "pgxc");

	run->repeats = 5;
	run->time_s = 20;
	run->shared_host = true;
	run->topology = data_topology(8);
	run->evidence = data_evidence();
	run->spec = json_pack("{s:i}", "repeats", 5);
	for (size_t w = 0; w < ARRAY_COUNT(loads); w++) {
		data_workload(&d, run, loads[w].name, loads[w].title, loads[w].baseline, loads[w].shards);
		for (size_t t = 0; t < ARRAY_COUNT(targets); t++) {
			for (unsigned clients = 1; clients <= 64; clients *= 4)
				data_point(&d, run, loads[w].name, targets[t], clients, 0, 0);
			for (unsigned percent = 50; percent <= 90 && w < 2; percent += 20)
				data_point(&d, run, loads[w].name, targets[t], 16, 1e6 / loads[w].us * 0.03 * percent * (t ? 1.7 : 1), percent);
		}
	}
	for (unsigned repeat = 1; repeat <= run->repeats; repeat++)
		for (unsigned i = 0; i < run->point_count; i++) {
			const struct bench_point *p = &run->points[i];
			size_t w = 0;

			while (strcmp(loads[w].name, p->workload) != 0)
				w++;
			data_add(&d, run, data_measure(&d, run, i, repeat, loads[w].us * (strcmp(p->target, "coordinator") ? 1.05 : 1),
						       strcmp(p->target, "coordinator") ? 7 : 4, 8));
		}
	data_point(&d, run, "tpcb", "coordinators", 64, 0, 0);
	run->points[run->point_count - 1].name = "tpcb/coordinators/p99=200ms";
	run->points[run->point_count - 1].slo = "p99=200ms";
	for (unsigned step = 1; step <= 4; step++) {
		struct bench_measure m = data_measure(&d, run, run->point_count - 1, step, 5200, step * 2, 8);

		m.kept_slo = m.latency.p99 <= 200000;
		data_add(&d, run, m);
	}
	for (unsigned i = 0; i < run->measure_count; i++) {
		struct bench_measure *m = &run->measures[i];

		if (i % 61 == 20)
			m->marks |= BENCH_DRIFTS;
		if (m->point->clients == 64 && !strcmp(m->point->workload, "select-only"))
			m->marks |= BENCH_SATURATED;
		if (m->point->rate_percent == 90 && m->repeat > 3)
			m->marks |= BENCH_LATE;
		if (m->point->clients == 64 && !strcmp(m->point->workload, "insert-all") && !strcmp(m->point->target, "coordinator"))
			data_fail(m, "FATAL: remaining connection slots are reserved");
		if (i == 77)
			data_fail(m, "the data are wrong afterwards");
	}
	return run;
}

static inline struct bench_run *data_pairs(void)
{
	struct data_state d;
	struct bench_run *run = data_new(&d, "ab", "postgres");

	run->repeats = 10;
	data_workload(&d, run, "tpcb", "TPC-B-like", NULL, 1);
	data_workload(&d, run, "select-only", "read of one key", NULL, 1);
	run->variants[0] = "synchronous_commit=on";
	run->variants[1] = "synchronous_commit=off";
	data_point(&d, run, "tpcb", "primary", 8, 0, 0);
	data_point(&d, run, "select-only", "primary", 8, 0, 0);
	for (unsigned repeat = 1; repeat <= run->repeats; repeat++)
		for (unsigned i = 0; i < run->point_count; i++)
			for (unsigned b = 0; b < 2; b++) {
				struct bench_measure m = data_measure(&d, run, i, repeat, i || !b ? 2000 : 1780, 2, 1);

				m.variant = b ? "B" : "A";
				data_add(&d, run, m);
			}
	return run;
}

/* A run of `bench scale` with so many data nodes. */
static inline struct bench_run *data_scale(unsigned nodes)
{
	struct data_state d;
	struct bench_run *run = data_new(&d, "bench8", "pgxc");

	run->repeats = 4;
	run->scale_role = "datanode";
	run->scale_count = nodes;
	run->cpu_quota = 18;
	run->shared_host = nodes > 2;
	d.state += nodes;
	data_workload(&d, run, "tpcb", "TPC-B-like", NULL, 0);
	data_point(&d, run, "tpcb", "coordinators", 8, 0, 0);
	data_point(&d, run, "tpcb", "coordinators", 32, 0, 0);
	for (unsigned repeat = 1; repeat <= run->repeats; repeat++)
		for (unsigned i = 0; i < run->point_count; i++)
			data_add(&d, run, data_measure(&d, run, i, repeat, 4000, 2 * pow(nodes, 0.8), nodes));
	return run;
}

static inline struct bench_run *data_scale1(void) { return data_scale(1); }
static inline struct bench_run *data_scale2(void) { return data_scale(2); }
static inline struct bench_run *data_scale4(void) { return data_scale(4); }

static inline struct bench_run *data_empty(void)
{
	struct data_state d;
	struct bench_run *run = data_new(&d, "empty", "citus");

	data_workload(&d, run, "tpcb", "TPC-B-like", NULL, 1);
	data_point(&d, run, "tpcb", "coordinator", 8, 0, 0);
	return run;
}

static inline struct bench_run *data_failed(void)
{
	struct bench_run *run = data_small();

	for (unsigned i = 0; i < run->measure_count; i++)
		data_fail(&run->measures[i], "node2 is not running");
	return run;
}

/* Every text of the run that a stranger may have chosen. */
static inline struct bench_run *data_hostile(void)
{
	struct data_state d;
	struct bench_run *run = data_new(&d, HOSTILE, TURNING);
	char longest[401] = "";

	memset(longest, 'w', sizeof longest - 1);
	run->labctl = "\"><b>1";
	run->spec = json_pack("{s:s}", HOSTILE, TURNING HOSTILE);
	run->evidence = json_pack("{s:{s:s}}", HOSTILE, HOSTILE, TURNING);
	run->topology = json_pack("{s:s,s:[{s:s,s:s,s:[{s:s,s:i}]}],s:[{s:s,s:s,s:s}]}", "lab", HOSTILE, "nodes", "name", HOSTILE, "address", TURNING,
				  "roles", "role", HOSTILE, "port", 1, "edges", "from", HOSTILE, "to", HOSTILE, "what", HOSTILE);
	data_workload(&d, run, HOSTILE, arena_strdup(d.arena, longest), NULL, 1);
	data_workload(&d, run, ARABIC, "=cmd()", HOSTILE, 2);
	data_point(&d, run, HOSTILE, HOSTILE, 1, 0, 0);
	data_point(&d, run, ARABIC, HOSTILE, 1, 0, 0);
	data_point(&d, run, ARABIC, arena_strdup(d.arena, longest), 4, 0, 0);
	for (unsigned repeat = 1; repeat <= 2; repeat++)
		for (unsigned i = 0; i < run->point_count; i++) {
			struct bench_measure m = data_measure(&d, run, i, repeat, 1000, 2, 1);

			m.raw = repeat == 1 ? "javascript:alert(1)" : "../../etc/passwd";
			m.series.tracks[1].node = HOSTILE;
			m.series.events = NULL;
			m.series.event_count = 0;
			*arena_push(d.arena, m.series.events, m.series.event_count) = (struct bench_event){ 2, HOSTILE, true };
			m.counters[0].what = HOSTILE;
			m.checks[0].name = HOSTILE;
			data_add(&d, run, m);
		}
	data_fail(&run->measures[0], HOSTILE TURNING);
	return run;
}

/* A primary that died, as `fault run --bench` writes it. */
static inline struct bench_run *data_outage(void)
{
	struct data_state d;
	struct bench_run *run = data_new(&d, "bench3", "postgres");
	struct bench_outage *outages = arena_alloc(run->arena, 2 * sizeof *outages);
	struct bench_measure m;

	run->repeats = 1;
	run->scenario = "loss-of-the-primary.yaml";
	data_workload(&d, run, "tpcb", "TPC-B-like", NULL, 1);
	data_point(&d, run, "tpcb", "primary", 8, 0, 0);
	m = data_measure(&d, run, 0, 1, 5000, 2, 30);
	*arena_push(d.arena, m.series.events, m.series.event_count) = (struct bench_event){ 10.02, "inject power-off node1 --for 10m", true };
	*arena_push(d.arena, m.series.events, m.series.event_count) = (struct bench_event){ 12.1, "command failover primary", true };
	for (unsigned i = 10; i < 16; i++)
		m.series.tps[i] = m.series.latency[i] = 0;
	outages[0] = (struct bench_outage){ .of = m.point->name, .fault_s = 10.02, .times = { 1570, 9, 31, 120, 6300, 100, true, 6700 },
					    .rows = { .by_outcome = { 30120, 0, 8, 160 } } };
	outages[1] = (struct bench_outage){ .of = "numbered rows", .fault_s = 10.02, .times = { 99.3, 20, 50, 100, 6250, 100, true, 6800 },
					    .rows = { { 4097, 0, 2, 84 }, .lost = 1 }, .checked = true };
	m.outages = outages;
	m.outage_count = 2;
	data_add(&d, run, m);
	return run;
}

static const struct { const char *name; struct bench_run *(*make)(void); } data_runs[] = {
	{ "small", data_small }, { "full", data_full }, { "pairs", data_pairs }, { "empty", data_empty }, { "failed", data_failed },
	{ "hostile", data_hostile }, { "outage", data_outage }, { "scale1", data_scale1 }, { "scale2", data_scale2 }, { "scale4", data_scale4 },
};

#endif
