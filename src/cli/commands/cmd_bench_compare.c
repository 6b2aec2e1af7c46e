/* SPDX-License-Identifier: PostgreSQL */
/* bench compare: two runs of different times. Also how `bench ab` shows its comparison. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd_bench.h"
#include "complete.h"
#include "quote.h"
#include "suggest.h"

#define SHOWN_MAX 60 /* columns of a value in the table of differences */

/* --- options --- */

int bench_set_metric(void *field, const char *what, const char *value, struct fail *e)
{
	const struct compare_metric *found = compare_metric_find(value);
	const char *known[16];
	char asked[96];
	size_t count = 0;

	if (found) {
		*(const struct compare_metric **)field = found;
		return 0;
	}
	for (const struct compare_metric *m = compare_metrics; m->name; m++)
		known[count++] = m->name;
	known[count] = NULL;
	snprintf(asked, sizeof asked, "%s: unknown metric", what);
	return suggest_fail(e, asked, value, known);
}

int bench_set_percent(void *field, const char *what, const char *value, struct fail *e)
{
	char *end;
	double percent = strtod(value, &end);

	if (end == value || strcmp(end, *end == '%' ? "%" : "") != 0 || !(percent > 0 && percent <= 50))
		return fail(e, FAIL_USAGE, "%s: '%s' is not a percentage above 0 and up to 50", what, value);
	*(double *)field = percent / 100;
	return 0;
}

void complete_metrics(struct completion *to)
{
	for (const struct compare_metric *m = compare_metrics; m->name; m++)
		complete_add(to, m->name, m->title);
}

/* --- output --- */

/* Names come from files that may be another machine's. */
__attribute__((format(printf, 1, 2))) static void print(const char *fmt, ...)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };
	char text[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	strbuf_str(&line, text);
	quote_tame(line.text, line.len);
	puts(strbuf_text(&line));
}

static void print_list(const char *title, const char *const *names, unsigned count)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };

	for (unsigned i = 0; i < count; i++)
		strbuf_printf(&line, "%s%s", i ? ", " : "", names[i]);
	if (count)
		print("%s: %s", title, strbuf_text(&line));
}

static json_t *shown(const char *value)
{
	auto_(free) char *text = strdup(value ? value : "-");
	auto_(strbuf_clear) struct strbuf cut = { 0 };

	if (!text)
		abort();
	say_cut(text, SHOWN_MAX);
	strbuf_printf(&cut, "%s%s", text, value && strlen(text) < strlen(value) ? "..." : "");
	return json_string(strbuf_text(&cut));
}

static int print_differences(const struct compare *compared, struct fail *e)
{
	static const struct column columns[] = { { "where", "WHERE", false }, { "what", "WHAT", false }, { "a", "A", false },
						 { "b", "B", false } };
	json_t *rows = json_array();
	int r;

	for (unsigned i = 0; i < compared->difference_count; i++) {
		const struct compare_difference *d = &compared->differences[i];
		char where[128];

		snprintf(where, sizeof where, d->also ? "%s and %u more" : "%s", d->where, d->also);
		json_array_append_new(rows, json_pack("{s:o, s:s, s:o, s:o}", "where", shown(where), "what", d->what, "a", shown(d->a),
						      "b", shown(d->b)));
	}
	r = report_table(rows, columns, ARRAY_COUNT(columns), e);
	json_decref(rows);
	return r;
}

static int status_of(const struct compare *compared)
{
	switch (compared->verdict) {
	case STATS_SLOWER:
		return BENCH_SLOWER;
	case STATS_UNDECIDED:
		return BENCH_UNDECIDED;
	default:
		return 0;
	}
}

int bench_show_comparison(struct cli *c, const struct compare *compared, json_t *doc, struct fail *e)
{
	if (c->json) {
		int r;

		json_object_set_new(doc, "comparison", compare_json(compared));
		r = report_json(doc, e);
		json_decref(doc);
		return r < 0 ? -1 : status_of(compared);
	}
	json_decref(doc);
	for (unsigned i = 0; i < compared->point_count; i++)
		print("%s", compared->points[i].text);
	print_list("only in A", compared->only_a, compared->only_a_count);
	print_list("only in B", compared->only_b, compared->only_b_count);
	if (compared->difference_count) {
		puts("\nWhat else differs:");
		if (print_differences(compared, e) < 0)
			return -1;
	}
	for (unsigned i = 0; i < compared->objection_count; i++)
		print("%sWithout --force this comparison is refused: %s.", i ? "" : "\n", compared->objections[i]);
	return status_of(compared);
}

/* --- bench compare --- */

struct compare_words { const struct compare_metric *metric; double margin; bool force; };

static int refuse(struct cli *c, const struct compare *compared, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf why = { 0 }, evidence = { 0 };

	for (unsigned i = 0; i < compared->objection_count; i++)
		strbuf_printf(&why, "%s%s", i ? "; " : "", compared->objections[i]);
	for (unsigned i = 0; i < compared->difference_count && compared->differences[i].grave; i++) {
		const struct compare_difference *d = &compared->differences[i];

		strbuf_printf(&evidence, "%s %s: A %s, B %s\n", d->where, d->what, d->a ? d->a : "-", d->b ? d->b : "-");
	}
	fail(e, FAIL_CONFLICT, "comparing these runs would say nothing: %s", strbuf_text(&why));
	fail_evidence(e, strbuf_text(&evidence), 20);
	if (!compared->point_count)
		return fail_next(e, "labctl bench report %s %s", c->args[0], c->args[1]);
	return fail_next(e, "labctl bench compare --force %s %s", c->args[0], c->args[1]);
}

static const char *when(const struct bench_run *run, char *text, size_t size)
{
	time_t seconds = (time_t)(run->started_ms / 1000);
	struct tm tm;

	strftime(text, size, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
	return text;
}

static int show(struct cli *c, const struct bench_run *a, const struct bench_run *b, struct fail *e)
{
	const struct compare_words *said = c->options;
	struct compare_options o = { .metric = said->metric, .margin = said->margin };
	struct compare compared;
	char at[2][32];

	compare_runs(a, b, &o, c->arena, &compared);
	if (compared.objection_count && (!said->force || !compared.point_count))
		return refuse(c, &compared, e);
	if (!c->json) {
		print("A: %s (lab %s, %s)", a->dir, a->lab, when(a, at[0], sizeof at[0]));
		print("B: %s (lab %s, %s)", b->dir, b->lab, when(b, at[1], sizeof at[1]));
		puts("unpaired: weaker than `labctl bench ab`, since whatever changed between the runs is part of the difference\n");
	}
	return bench_show_comparison(c, &compared, json_pack("{s:i, s:s, s:s}", "v", 1, "a", a->dir, "b", b->dir), e);
}

static int compare_two(struct cli *c, struct fail *e)
{
	auto_(bench_free) struct bench_run *a = NULL, *b = NULL;

	if (bench_read(c->args[0], &a, e) < 0 || bench_read(c->args[1], &b, e) < 0)
		return -1;
	return show(c, a, b, e);
}

#define AT(field) offsetof(struct compare_words, field)

static const struct option_row options[] = {
	{ "metric", .arg = "METRIC", .complete = complete_metrics, .set = bench_set_metric, .at = AT(metric),
	  .text = "one of tps, latency, p50, p95, p99 or p999; throughput, in an open loop mean latency" },
	{ "margin", .arg = "PERCENT", .set = bench_set_percent, .at = AT(margin),
	  .text = "difference that does not matter, for `equivalent`; 3 by default" },
	{ "force", .at = AT(force), .text = "compare even if it says nothing, for example because the hosts differ" },
	{ 0 },
};

const struct command cmd_bench_compare = {
	.name = "compare", .run = compare_two, .options = options, .options_size = sizeof(struct compare_words),
	.args = { { "A", .complete = complete_directories }, { "B", .complete = complete_directories } },
	.without = NO_LAB | NO_LIBVIRT | NO_LIBRARY | NO_STATE,
	.summary = "compare two runs that were measured at different times",
	.help =
	"Compares the points that both runs have: the ratio B/A with its 95 % interval, and a verdict that is corrected for the "
	"number of points (Holm).\n\n"
	"  faster, slower  Welch's t test on logarithms and an exact permutation test both say so\n"
	"  equivalent      the ratio is within the margin, by two one-sided tests\n"
	"  undecided       neither; says which difference would have been found, and how many\n"
	"                  repeats would be enough\n\n"
	"The runs are unpaired: whatever changed between them, including the load of the host, is part of the difference. `labctl bench "
	"ab` measures pairs and sees more. All differences in what was measured on are listed. A comparison that would say nothing is "
	"refused without --force: runs on different processors, with other amounts of data, of other lengths, or without a common point.\n\n"
	"The exit status is 0 if every point is faster or equivalent, 50 if one is slower, and 51 if none is slower but one undecided.\n\n"
	"  labctl bench compare runs/before runs/after\n"
	"  labctl bench compare --metric p99 --margin 10 runs/before runs/after",
};
