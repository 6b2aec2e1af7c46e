/* SPDX-License-Identifier: PostgreSQL */
/* What the numbers were measured on: evidence, specification, every measurement with its counters and raw files. */
#include <math.h>
#include <string.h>

#include "page.h"

static void measures_table(struct page *p, unsigned run_index)
{
	static const char *const titles[] = { "point", "variant", "status", "marks", "output", "started", "order", "repeat", "warm-up s", "seconds",
					      "transactions", "failed", "tps", "mean ms", "stddev ms", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms",
					      "max ms", "lag p99 ms", NULL };
	const struct bench_run *run = p->view->runs[run_index];

	details_begin(p, "Every measurement");
	table_begin(p, "In the order of time", titles, 5);
	for (unsigned i = 0; i < run->measure_count; i++) {
		const struct bench_measure *m = &run->measures[i];
		const double us[] = { m->latency.mean, m->latency.stddev, m->latency.p50, m->latency.p95, m->latency.p99, m->latency.p999,
				      m->latency.max, m->lag_p99 };

		table_row(p, m->status == BENCH_OK ? NULL : "bad");
		table_text(p, m->point->name);
		table_text(p, m->variant);
		table_text(p, m->status == BENCH_OK ? "ok" : "failed");
		strbuf_str(p->out, "<td>");
		for (unsigned k = 0; k < BENCH_MARK_COUNT; k++)
			if (m->marks >> k & 1)
				strbuf_printf(p->out, "<span class=\"mark\">%s</span> ", bench_marks[k]);
		strbuf_str(p->out, "</td><td>");
		page_raw(p, run_index, m);
		strbuf_printf(p->out, "</td><td class=\"n\" data-v=\"%lld\">%s</td>", (long long)m->started_ms, num_utc(m->started_ms).text);
		table_number(p, m->order, num_count(m->order));
		table_number(p, m->repeat, num_count(m->repeat));
		table_number(p, m->warmup_s, num_plain(m->warmup_s));
		table_number(p, m->seconds, num_plain(m->seconds));
		table_number(p, (double)m->transactions, num_count(m->transactions));
		table_number(p, (double)m->failed, num_count(m->failed));
		table_number(p, m->tps, num_rate(m->tps));
		for (unsigned k = 0; k < ARRAY_COUNT(us); k++)
			table_number(p, us[k], num_ms(us[k]));
		strbuf_str(p->out, "</tr>");
	}
	table_end(p);
	details_end(p);
}

static const struct bench_counter *find_counter(const struct bench_measure *m, const struct bench_counter *like)
{
	for (unsigned i = 0; i < m->counter_count; i++)
		if (!strcmp(m->counters[i].node, like->node) && !strcmp(m->counters[i].what, like->what))
			return &m->counters[i];
	return NULL;
}

static bool same_point(const struct bench_measure *a, const struct bench_measure *b)
{
	return a->point == b->point && (!a->variant || !strcmp(a->variant, b->variant));
}

/* One counter over all repeats of a point. */
static void counter_row(struct page *p, const struct bench_run *run, const struct bench_measure *first, const struct bench_counter *c)
{
	double sum = 0, low = INFINITY, high = -INFINITY;
	unsigned count = 0;

	for (unsigned i = 0; i < run->measure_count; i++) {
		const struct bench_counter *other = same_point(first, &run->measures[i]) ? find_counter(&run->measures[i], c) : NULL;

		if (!other)
			continue;
		sum += other->value;
		low = fmin(low, other->value);
		high = fmax(high, other->value);
		count++;
	}
	table_row(p, NULL);
	table_text(p, first->point->name);
	table_text(p, first->variant);
	table_text(p, c->node);
	table_text(p, c->what);
	table_number(p, count, num_count(count));
	table_number(p, low, num_plain(low));
	table_number(p, sum / count, num_plain(sum / count));
	table_number(p, high, num_plain(high));
	strbuf_str(p->out, "</tr>");
}

static bool is_first(const struct bench_run *run, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (run->measures[i].counter_count && same_point(&run->measures[i], &run->measures[index]))
			return false;
	return run->measures[index].counter_count;
}

static void counters_table(struct page *p, const struct bench_run *run)
{
	static const char *const titles[] = { "point", "variant", "node", "counter", "repeats", "lowest", "mean", "highest", NULL };
	unsigned count = 0;

	for (unsigned i = 0; i < run->measure_count; i++)
		count += run->measures[i].counter_count;
	if (!count)
		return;
	strbuf_str(p->out, "<details class=\"long\"><summary>Counters of servers and nodes</summary>\n");
	table_begin(p, "Differences over a measurement; each measurement's own are in measurements.jsonl", titles, 4);
	for (unsigned i = 0; i < run->measure_count; i++)
		for (unsigned k = 0; is_first(run, i) && k < run->measures[i].counter_count; k++)
			counter_row(p, run, &run->measures[i], &run->measures[i].counters[k]);
	table_end(p);
	details_end(p);
}

static void checks_table(struct page *p, const struct bench_run *run)
{
	static const char *const titles[] = { "point", "check", "result", "text", "order", NULL };
	unsigned count = 0;

	for (unsigned i = 0; i < run->measure_count; i++)
		count += run->measures[i].check_count;
	if (!count)
		return;
	details_begin(p, "Checks of the data after each measurement");
	table_begin(p, "What had to be true of the data", titles, 4);
	for (unsigned i = 0; i < run->measure_count; i++)
		for (unsigned k = 0; k < run->measures[i].check_count; k++) {
			const struct bench_check *c = &run->measures[i].checks[k];

			table_row(p, c->ok ? NULL : "bad");
			table_text(p, run->measures[i].point->name);
			table_text(p, c->name);
			table_text(p, c->ok ? "ok" : "wrong");
			table_text(p, c->text);
			table_number(p, run->measures[i].order, num_count(run->measures[i].order));
			strbuf_str(p->out, "</tr>");
		}
	table_end(p);
	details_end(p);
}

/* "node3, node4" if both are the same; NULL if @section is the same as an earlier one. */
static const char *same_sections(struct page *p, json_t *evidence, const char *section, const json_t *values)
{
	const char *names = NULL, *other;
	json_t *others;

	json_object_foreach(evidence, other, others) {
		if (!json_equal(others, values))
			continue;
		if (!names && strcmp(other, section) != 0)
			return NULL;
		names = names ? arena_printf(p->view->arena, "%s, %s", names, other) : section;
	}
	return names;
}

/* Section by section, equal ones once; a value that is no text is shown as JSON. */
static void evidence_tables(struct page *p, json_t *evidence)
{
	static const char *const titles[] = { "what", "value", NULL };
	const char *section, *key;
	json_t *values, *value;

	json_object_foreach(evidence, section, values) {
		const char *names = same_sections(p, evidence, section, values);

		if (!names)
			continue;
		details_begin(p, arena_printf(p->view->arena, "Evidence: %s", names));
		table_begin(p, names, titles, 2);
		json_object_foreach(values, key, value) {
			auto_(free) char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);

			table_row(p, NULL);
			table_text(p, key);
			table_text(p, text ? text : json_string_value(value));
			strbuf_str(p->out, "</tr>");
		}
		table_end(p);
		details_end(p);
	}
}

static void spec(struct page *p, const struct bench_run *run)
{
	auto_(free) char *text = run->spec && !json_is_null(run->spec) ? json_dumps(run->spec, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;

	if (!text)
		return;
	details_begin(p, "Specification, with all defaults");
	strbuf_str(p->out, "<pre tabindex=\"0\">");
	/* Line by line: what follows one that is hostile stays as it is. */
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		text_add(p->out, line);
		strbuf_char(p->out, '\n');
	}
	strbuf_str(p->out, "</pre>\n");
	details_end(p);
}

void page_evidence(struct page *p)
{
	for (unsigned i = 0; i < p->view->run_count; i++) {
		const struct bench_run *run = p->view->runs[i];

		if (p->view->run_count > 1) {
			strbuf_printf(p->out, "<h3>Run %u: ", i + 1);
			text_name(p->out, run->lab);
			strbuf_str(p->out, "</h3>\n");
		}
		strbuf_str(p->out, "<p class=\"note\">Lab ");
		text_name(p->out, run->lab);
		strbuf_str(p->out, ", cluster ");
		text_name(p->out, run->kind);
		strbuf_printf(p->out, ", started %s, by labctl ", num_utc(run->started_ms).text);
		text_name(p->out, run->labctl);
		strbuf_printf(p->out, ", order from seed %llu.</p>\n", (unsigned long long)run->seed);
		measures_table(p, i);
		checks_table(p, run);
		counters_table(p, run);
		evidence_tables(p, run->evidence);
		spec(p, run);
	}
}
