/* SPDX-License-Identifier: PostgreSQL */
/* The report as Markdown, CSV and JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"
#include "plural.h"
#include "text.h"
#include "view.h"
#include "words.h"

/* --- Markdown --- */

/* Names are text, not markup: what Markdown reads as such gets a backslash, and a line stays a line. */
static void add_md(struct strbuf *out, const char *s)
{
	auto_(strbuf_clear) struct strbuf safe = { 0 };

	text_add(&safe, s);
	for (const char *p = strbuf_text(&safe); *p; p++) {
		if (strchr("\\`*_{}[]|#!~", *p))
			strbuf_char(out, '\\');
		strbuf_char(out, *p);
	}
}

static void md_cells(struct strbuf *out, const struct view *v, const struct view_point *p)
{
	const struct stats_summary *const shown[] = { &p->p50, &p->p95, &p->p99, &p->p999 };

	strbuf_str(out, "| ");
	add_md(out, p->series);
	strbuf_str(out, " | ");
	add_md(out, words_load(v, p->point));
	strbuf_printf(out, " | %u of %u | %s | %s |", p->ok, p->count > p->run->repeats ? p->count : p->run->repeats,
		      p->tps.why == STATS_OK ? num_rate(p->tps.gmean).text : "—", words_interval(v, &p->tps, num_rate));
	for (unsigned k = 0; k < ARRAY_COUNT(shown); k++)
		strbuf_printf(out, " %s |", shown[k]->why == STATS_OK ? num_ms(shown[k]->gmean).text : "—");
	strbuf_char(out, ' ');
	for (unsigned k = 0; k < BENCH_MARK_COUNT; k++)
		if (p->marks >> k & 1)
			strbuf_printf(out, "%s ", bench_marks[k]);
	if (p->count && view_is_empty(p))
		strbuf_str(out, "**failed** ");
	else if (p->failed)
		strbuf_printf(out, "%u failed ", p->failed);
	strbuf_str(out, "|\n");
}

static void md_costs(struct strbuf *out, const struct view *v)
{
	if (!v->cost_count)
		return;
	strbuf_str(out, "\n## Cost of cross-shard transactions\n\nMean latency over that of the baseline, 95 % interval.\n\n"
			"| workload | baseline | target | clients | ratio |\n| --- | --- | --- | ---: | --- |\n");
	for (unsigned i = 0; i < v->cost_count; i++) {
		const struct view_ratio *c = &v->costs[i];

		strbuf_str(out, "| ");
		add_md(out, c->point->point->workload);
		strbuf_str(out, " | ");
		add_md(out, c->base->point->workload);
		strbuf_str(out, " | ");
		add_md(out, c->point->series);
		strbuf_printf(out, " | %u | %s |\n", c->point->point->clients, words_ratio(v, &c->ratio));
	}
}

void markdown_print(const struct report *r, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();
	const struct sentence *words;
	unsigned count;
	struct view v;

	view_make(r->runs, r->run_count, a, &v);
	words = words_of(&v, &count);
	strbuf_str(out, "# Benchmark of ");
	for (unsigned i = 0; i < v.run_count; i++) {
		strbuf_str(out, i ? ", " : "");
		add_md(out, v.runs[i]->lab);
	}
	strbuf_str(out, "\n\n");
	if (v.shared_host)
		strbuf_str(out, "**" SHARED_STAMP "**\n\n");
	for (unsigned i = 0; i < count; i++) {
		strbuf_str(out, "- ");
		add_md(out, words[i].text);
		strbuf_char(out, '\n');
	}
	for (unsigned i = 0; i < v.workload_count; i++) {
		strbuf_str(out, "\n## ");
		add_md(out, v.workloads[i].name);
		strbuf_str(out, "\n\n");
		add_md(out, v.workloads[i].title);
		strbuf_str(out, "\n\n| target | load | repeats | tps | 95 % interval | p50 ms | p95 ms | p99 ms | p99.9 ms | |\n"
				"| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |\n");
		for (unsigned k = 0; k < v.point_count; k++)
			if (!strcmp(v.points[k].point->workload, v.workloads[i].name))
				md_cells(out, &v, &v.points[k]);
	}
	md_costs(out, &v);
	if (v.closed_loop)
		strbuf_str(out, "\n" CLOSED_TEXT "\n");
	if (v.open_loop)
		strbuf_str(out, "\n" OPEN_TEXT "\n");
}

/* --- CSV: RFC 4180 --- */

/* A cell that a spreadsheet would take for a formula begins with a quote. */
static void csv_text(struct strbuf *out, const char *s)
{
	bool formula = s && *s && strchr("=+-@\t\r", *s);

	if (!s)
		return;
	if (!formula && !strpbrk(s, ",\"\r\n")) {
		strbuf_str(out, s);
		return;
	}
	strbuf_str(out, formula ? "\"'" : "\"");
	for (; *s; s++) {
		if (*s == '"')
			strbuf_char(out, '"');
		strbuf_char(out, *s);
	}
	strbuf_char(out, '"');
}

static void csv_number(struct strbuf *out, bool there, double v)
{
	strbuf_char(out, ',');
	if (there && isfinite(v))
		strbuf_printf(out, "%.6g", v);
}

void csv_print(const struct report *r, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct view v;

	view_make(r->runs, r->run_count, a, &v);
	strbuf_str(out, "lab,kind,point,workload,target,variant,clients,rate_tps,valid,failed,marks,tps,tps_low,tps_high,mean_us,p50_us,p95_us,"
			"p99_us,p999_us,max_us,client_cpu,client_cores,shared_host\n");
	for (unsigned i = 0; i < v.point_count; i++) {
		const struct view_point *p = &v.points[i];
		const char *const texts[] = { p->run->lab, p->run->kind, p->point->name, p->point->workload, p->point->target, p->variant };
		const struct stats_summary *const shown[] = { &p->mean, &p->p50, &p->p95, &p->p99, &p->p999 };
		bool interval = p->tps.why == STATS_OK && p->tps.interval.why == STATS_OK;

		for (size_t k = 0; k < ARRAY_COUNT(texts); k++) {
			csv_text(out, texts[k]);
			strbuf_char(out, ',');
		}
		strbuf_printf(out, "%u", p->point->clients);
		csv_number(out, true, view_rate(p));
		strbuf_printf(out, ",%u,%u,", p->ok, p->failed);
		for (unsigned k = 0, n = 0; k < BENCH_MARK_COUNT; k++)
			if (p->marks >> k & 1)
				strbuf_printf(out, "%s%s", n++ ? " " : "", bench_marks[k]);
		csv_number(out, p->tps.why == STATS_OK, p->tps.gmean);
		csv_number(out, interval, p->tps.interval.low);
		csv_number(out, interval, p->tps.interval.high);
		for (size_t k = 0; k < ARRAY_COUNT(shown); k++)
			csv_number(out, shown[k]->why == STATS_OK, shown[k]->gmean);
		csv_number(out, p->ok, p->max);
		csv_number(out, p->ok, p->client_cpu);
		csv_number(out, p->ok, p->client_cores);
		strbuf_printf(out, ",%s\n", p->run->shared_host ? "true" : "false");
	}
}

/* --- JSON --- */

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *summary_json(const struct stats_summary *s)
{
	bool interval = s->why == STATS_OK && s->interval.why == STATS_OK;

	if (s->why != STATS_OK)
		return json_pack("{s:s}", "why", stats_why_text(s->why));
	return json_pack("{s:i,s:o,s:o,s:o,s:o}", "count", (int)s->count, "mean", number(s->gmean), "spread", number(s->spread), "low",
			 interval ? number(s->interval.low) : json_null(), "high", interval ? number(s->interval.high) : json_null());
}

static json_t *point_json(const struct view_point *p)
{
	json_t *o = json_object(), *marks = json_array();

	json_object_set_new(o, "run", json_integer(p->run_index));
	json_object_set_new(o, "point", json_string(p->point->name));
	json_object_set_new(o, "workload", json_string(p->point->workload));
	json_object_set_new(o, "target", json_string(p->point->target));
	json_object_set_new(o, "clients", json_integer(p->point->clients));
	if (p->point->rate_tps > 0)
		json_object_set_new(o, "rate_tps", json_real(p->point->rate_tps));
	if (p->point->rate_percent)
		json_object_set_new(o, "rate_percent", json_integer(p->point->rate_percent));
	if (p->point->slo)
		json_object_set_new(o, "slo", json_string(p->point->slo));
	if (p->variant)
		json_object_set_new(o, "variant", json_string(p->variant));
	json_object_set_new(o, "valid", json_integer(p->ok));
	json_object_set_new(o, "failed", json_integer(p->failed));
	for (unsigned k = 0; k < BENCH_MARK_COUNT; k++)
		if (p->marks >> k & 1)
			json_array_append_new(marks, json_string(bench_marks[k]));
	json_object_set_new(o, "marks", marks);
	json_object_set_new(o, "tps", summary_json(&p->tps));
	json_object_set_new(o, "mean_us", summary_json(&p->mean));
	json_object_set_new(o, "p50_us", summary_json(&p->p50));
	json_object_set_new(o, "p95_us", summary_json(&p->p95));
	json_object_set_new(o, "p99_us", summary_json(&p->p99));
	json_object_set_new(o, "p999_us", summary_json(&p->p999));
	return o;
}

static json_t *ratio_json(const struct view_ratio *r, const char *what)
{
	json_t *o = json_pack("{s:i,s:s,s:s,s:s}", "run", (int)r->point->run_index, "what", what, "point", r->point->point->name, "base",
			      r->base->point->name);

	if (r->ratio.why != STATS_OK) {
		json_object_set_new(o, "why", json_string(stats_why_text(r->ratio.why)));
		return o;
	}
	json_object_set_new(o, "pairs", json_integer(r->ratio.count_a));
	json_object_set_new(o, "ratio", number(r->ratio.ratio));
	json_object_set_new(o, "low", number(r->ratio.low));
	json_object_set_new(o, "high", number(r->ratio.high));
	return o;
}

void json_print(const struct report *r, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();
	json_t *doc = json_object(), *runs = json_array(), *points = json_array(), *ratios = json_array(), *sentences = json_array();
	const struct sentence *words;
	struct view v;
	unsigned count;
	char *text;

	view_make(r->runs, r->run_count, a, &v);
	words = words_of(&v, &count);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(sentences, json_string(words[i].text));
	for (unsigned i = 0; i < v.run_count; i++) {
		json_t *run = bench_run_json(v.runs[i]), *measures = json_array();

		for (unsigned k = 0; k < v.runs[i]->measure_count; k++)
			json_array_append_new(measures, bench_measure_json(&v.runs[i]->measures[k]));
		json_object_set_new(run, "measurements", measures);
		json_array_append_new(runs, run);
	}
	for (unsigned i = 0; i < v.point_count; i++)
		json_array_append_new(points, point_json(&v.points[i]));
	for (unsigned i = 0; i < v.cost_count; i++)
		json_array_append_new(ratios, ratio_json(&v.costs[i], "mean latency"));
	for (unsigned i = 0; i < v.pair_count; i++) {
		json_t *o = ratio_json(&v.pairs[i], v.pairs[i].metric);

		json_object_set_new(o, "verdict", json_string(stats_verdict_name(v.pairs[i].ratio.verdict)));
		json_array_append_new(ratios, o);
	}
	json_object_set_new(doc, "v", json_integer(1));
	json_object_set_new(doc, "level", json_real(VIEW_LEVEL));
	json_object_set_new(doc, "summary", sentences);
	json_object_set_new(doc, "points", points);
	json_object_set_new(doc, "ratios", ratios);
	json_object_set_new(doc, "runs", runs);
	text = json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(doc);
	if (!text)
		abort();
	strbuf_printf(out, "%s\n", text);
	free(text);
}
