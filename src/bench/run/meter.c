/* SPDX-License-Identifier: PostgreSQL */
#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ticker.h"
#include "virt.h"

#define PERIOD_MS 1000
#define EDGE_US 500000

struct host_use { double busy_s, steal_s; };
struct sample { int64_t at_us; struct host_use host; struct virt_usage *nodes; };

struct meter {
	struct arena *arena;
	struct runtime *rt;
	const char **names; const struct node **nodes; unsigned node_count;
	struct sample *samples; unsigned count;
	struct ticker *ticker;
};

/* Field numbers of the line "cpu" of /proc/stat: proc(5). */
static struct host_use host_use(void)
{
	double user = 0, nice = 0, system = 0, idle, wait, irq = 0, softirq = 0, steal = 0, tick = (double)sysconf(_SC_CLK_TCK);
	FILE *f = fopen("/proc/stat", "r");

	if (!f)
		return (struct host_use) { 0 };
	if (fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal) < 4)
		user = nice = system = 0;
	fclose(f);
	return (struct host_use) { (user + nice + system + irq + softirq) / tick, steal / tick };
}

static bool look(void *ctx)
{
	struct meter *m = ctx;
	struct sample s = { .host = host_use(), .nodes = arena_alloc(m->arena, (m->node_count + 1) * sizeof *s.nodes) };
	struct timespec now;
	struct fail ignored;

	runtime_usage(m->rt, m->nodes, m->node_count, s.nodes, NULL, &ignored);
	clock_gettime(CLOCK_REALTIME, &now);
	s.at_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	*arena_push(m->arena, m->samples, m->count) = s;
	return true;
}

struct meter *meter_start(struct runtime *rt)
{
	const struct lab *lab = runtime_lab(rt);
	struct arena *a = arena_new();
	struct meter *m = arena_new_of(a, struct meter);

	m->arena = a;
	m->rt = rt;
	m->node_count = lab->node_count;
	m->names = arena_alloc(a, (lab->node_count + 1) * sizeof *m->names);
	m->nodes = arena_alloc(a, (lab->node_count + 1) * sizeof *m->nodes);
	for (unsigned i = 0; i < lab->node_count; i++) {
		m->names[i] = lab->nodes[i].name;
		m->nodes[i] = &lab->nodes[i];
	}
	m->ticker = ticker_start(PERIOD_MS, look, m);
	return m;
}

void meter_stop(struct meter *m)
{
	ticker_stop(steal(m->ticker));
}

void meter_free(struct meter *m)
{
	meter_stop(m);
	arena_free(m->arena);
}

/* One number of a sample; @node = node_count is the host. -1 = not known. */
typedef double (*reading_fn)(const struct meter *m, const struct sample *s, unsigned node);

static double cpu(const struct meter *m, const struct sample *s, unsigned node)
{
	return node == m->node_count ? s->host.busy_s : s->nodes[node].known ? s->nodes[node].cpu_s : -1;
}

static double stolen(const struct meter *m, const struct sample *s, unsigned node)
{
	return node == m->node_count ? s->host.steal_s : -1;
}

#define NODE_READING(name, field)                                                                \
	static double name(const struct meter *m, const struct sample *s, unsigned node)         \
	{                                                                                        \
		return node == m->node_count || !s->nodes[node].known ? -1 : s->nodes[node].field; \
	}
NODE_READING(read_bytes, read_bytes)
NODE_READING(written_bytes, written_bytes)
NODE_READING(received_bytes, received_bytes)
NODE_READING(sent_bytes, sent_bytes)

static const struct { const char *what; reading_fn of; } readings[] = {
	{ "cpu_seconds", cpu }, { "steal_seconds", stolen }, { "disk_read_bytes", read_bytes },
	{ "disk_written_bytes", written_bytes }, { "net_received_bytes", received_bytes }, { "net_sent_bytes", sent_bytes },
};

/*
 * The reading at a time, on a straight line between the samples around it; -1 = not known. The meter ends with the driver,
 * a moment before the measured time may end: that is its last sample.
 */
static double at(const struct meter *m, reading_fn of, unsigned node, int64_t at_us)
{
	if (m->count && at_us > m->samples[m->count - 1].at_us && at_us < m->samples[m->count - 1].at_us + EDGE_US)
		at_us = m->samples[m->count - 1].at_us;
	for (unsigned i = 1; i < m->count; i++) {
		const struct sample *x = &m->samples[i - 1], *y = &m->samples[i];
		double from = of(m, x, node), to = of(m, y, node);

		if (at_us < x->at_us || at_us > y->at_us)
			continue;
		if (from < 0 || to < 0)
			return -1;
		return from + (to - from) * (double)(at_us - x->at_us) / (double)(y->at_us - x->at_us);
	}
	return -1;
}

void meter_tracks(const struct meter *m, int64_t from_us, unsigned seconds, struct arena *a, struct bench_series *s)
{
	for (unsigned n = 0; n <= m->node_count; n++) {
		struct bench_track t = { n == m->node_count ? "host" : arena_strdup(a, m->names[n]), "cpu",
					 arena_alloc(a, (seconds + 1) * sizeof *t.values) };

		for (unsigned i = 0; i < seconds; i++) {
			double from = at(m, cpu, n, from_us + i * INT64_C(1000000));
			double to = at(m, cpu, n, from_us + (i + 1) * INT64_C(1000000));

			t.values[i] = from < 0 || to < from ? -1 : (to - from) * 100;
		}
		*arena_push(a, s->tracks, s->track_count) = t;
	}
}

void meter_counters(const struct meter *m, int64_t from_us, unsigned seconds, struct arena *a, struct bench_counter **items,
		    unsigned *count)
{
	for (unsigned n = 0; n <= m->node_count; n++)
		for (size_t r = 0; r < ARRAY_COUNT(readings); r++) {
			double from = at(m, readings[r].of, n, from_us);
			double to = at(m, readings[r].of, n, from_us + seconds * INT64_C(1000000));

			if (from >= 0 && to > from)
				*arena_push(a, *items, *count) = (struct bench_counter) {
					n == m->node_count ? "host" : arena_strdup(a, m->names[n]), readings[r].what, to - from };
		}
}
