/* SPDX-License-Identifier: PostgreSQL */
/* top: what the nodes use now, by libvirt's counters. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "complete.h"
#include "screen.h"
#include "text.h"
#include "virt.h"

#define PERIOD_MS 2000 /* between two frames */
#define FIRST_MS 1000  /* what is measured for a single table */

struct top {
	struct cli *c;
	const struct lab *lab;
	struct runtime *rt;
	const struct node **nodes; unsigned count;
	struct fail silent; /* a host that does not answer */
	struct virt_usage *before, *now; /* two samples */
	int64_t before_ms, now_ms;       /* 0 = not taken yet */
};

static int sample(struct top *t, struct fail *e)
{
	struct virt_usage *oldest = t->before;

	t->before = t->now;
	t->before_ms = t->now_ms;
	t->now = oldest;
	t->now_ms = clock_now_ms();
	return runtime_usage(t->rt, t->nodes, t->count, t->now, &t->silent, e);
}

/* What a counter grew by per second; -1 = not known. A domain that was started again counts from zero. */
static double rate(const struct top *t, double before, double now)
{
	double seconds = (double)(t->now_ms - t->before_ms) / 1000;

	return seconds > 0 && now >= before ? (now - before) / seconds : -1;
}

/* Counters in the order of the columns; 0 in both samples = libvirt does not say. */
static const struct { const char *key, *text; size_t at; } counters[] = {
	{ "read_bytes_s", "read", offsetof(struct virt_usage, read_bytes) },
	{ "written_bytes_s", "written", offsetof(struct virt_usage, written_bytes) },
	{ "received_bytes_s", "received", offsetof(struct virt_usage, received_bytes) },
	{ "sent_bytes_s", "sent", offsetof(struct virt_usage, sent_bytes) },
};

static double counter(const struct virt_usage *u, size_t at)
{
	return *(const double *)(const void *)((const char *)u + at);
}

static json_t *row_of(const struct top *t, unsigned i)
{
	const struct virt_usage *before = &t->before[i], *now = &t->now[i];
	json_t *row = json_pack("{s:s, s:b}", "node", t->nodes[i]->name, "running", now->known);
	double cpu = before->known && now->known ? rate(t, before->cpu_s, now->cpu_s) : -1;

	json_object_set_new(row, "memory_total_bytes", json_integer((json_int_t)t->nodes[i]->memory_mib << 20));
	json_object_set_new(row, "of", json_string(num_bytes((double)(t->nodes[i]->memory_mib << 20)).text));
	if (!now->known)
		return row;
	if (now->memory_bytes > 0) {
		json_object_set_new(row, "memory_bytes", json_integer((json_int_t)now->memory_bytes));
		json_object_set_new(row, "memory", json_string(num_bytes(now->memory_bytes).text));
	}
	if (cpu >= 0) {
		json_object_set_new(row, "cpu_percent", json_real(cpu * 100));
		json_object_set_new(row, "cpu", json_sprintf("%.0f %%", cpu * 100));
	}
	for (size_t k = 0; k < ARRAY_COUNT(counters); k++) {
		double then = counter(before, counters[k].at), value = counter(now, counters[k].at), per_s = rate(t, then, value);

		if (!before->known || value <= 0 || per_s < 0)
			continue;
		json_object_set_new(row, counters[k].key, json_integer((json_int_t)per_s));
		json_object_set_new(row, counters[k].text, json_string(num_bytes(per_s).text));
	}
	return row;
}

static const struct column columns[] = { { "node", "NODE", false },    { "cpu", "CPU", true },       { "memory", "MEMORY", true },
					 { "of", "OF", true },         { "received", "NET IN/s", true }, { "sent", "OUT/s", true },
					 { "read", "DISK READ/s", true }, { "written", "WRITTEN/s", true } };

static json_t *rows_of(const struct top *t)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < t->count; i++)
		json_array_append_new(rows, row_of(t, i));
	return rows;
}

static int draw(void *ctx, struct strbuf *out, struct fail *e)
{
	struct top *t = ctx;
	time_t now = time(NULL);
	char clock[16] = "";
	struct tm tm;
	json_t *rows;
	int r;

	if (sample(t, e) < 0)
		return -1;
	strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
	strbuf_printf(out, "%s  %s  100 %% of CPU are one processor of the host\n\n", t->lab->name, clock);
	rows = rows_of(t);
	r = report_table_text(rows, columns, ARRAY_COUNT(columns), out, e);
	if (t->silent.code)
		strbuf_printf(out, "\n%s\n", t->silent.text);
	json_decref(rows);
	return r;
}

static int print_once(struct top *t, struct fail *e)
{
	json_t *rows, *doc;
	int r;

	clock_sleep_ms(FIRST_MS);
	if (sample(t, e) < 0)
		return -1;
	rows = rows_of(t);
	doc = json_pack("{s:i, s:s, s:f, s:O}", "v", 1, "lab", t->lab->name, "seconds", (double)(t->now_ms - t->before_ms) / 1000, "nodes", rows);
	r = t->c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	json_decref(doc);
	json_decref(rows);
	if (r == 0 && t->silent.code) {
		*e = t->silent;
		e->code = FAIL_PARTIAL;
		return -1;
	}
	return r;
}

static int top(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	struct top t = { .c = c };
	bool *set;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	set = arena_alloc(c->arena, lab->node_count * sizeof *set);
	if (lab_select(lab, c->arg_count ? c->args[0] : "all", NULL, set, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	t.rt = rt;
	t.lab = lab;
	t.nodes = arena_alloc(c->arena, lab->node_count * sizeof *t.nodes);
	t.before = arena_alloc(c->arena, lab->node_count * sizeof *t.before);
	t.now = arena_alloc(c->arena, lab->node_count * sizeof *t.now);
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			t.nodes[t.count++] = &lab->nodes[i];
	if (sample(&t, e) < 0)
		return -1;
	if (c->json || !isatty(STDOUT_FILENO))
		return print_once(&t, e);
	clock_sleep_ms(FIRST_MS);
	return screen_run(c, PERIOD_MS, draw, &t, e);
}

const struct command cmd_top = {
	.name = "top", .run = top, .args = { { "NODES", .optional = true, .complete = complete_nodes } }, .without = NO_LIBRARY,
	.summary = "show the processor, memory, network and disk use of the nodes",
	.help =
	"What libvirt counts for each domain, drawn every two seconds until Ctrl-C; with --json, or if standard output is no terminal, "
	"once, for one second. 100 % of CPU are one processor of the host. \"-\" is what libvirt does not count: the disk use of "
	"containers, whose disks are directories of the host. A node that is off has no values.\n\n"
	"  labctl top\n"
	"  labctl top 1-3 | cat",
};
