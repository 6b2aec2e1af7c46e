/* SPDX-License-Identifier: PostgreSQL */
/* bench ab: two variants in turn, in random order. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bench_measure.h"
#include "cmd_bench.h"
#include "compare.h"
#include "complete.h"
#include "recipe.h"

#define PAIRS "10" /* when the user does not say: finds 10 % at a spread of 5 % in most cases */
#define WORDS_MAX 16

struct ab_words { struct bench_options common; const char *a, *b; const struct compare_metric *metric; double margin; };

static bool is_setting(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";

	return *text && !text[strspn(text, letters)];
}

/* Values that need no quoting inside libpq's `options`. */
static bool is_value(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+:/%";

	return *text && !text[strspn(text, letters)];
}

/* A word of a variant: lab=NAME, workload=NAME, target=WORD, or a setting of the session. */
static int read_word(struct bench_work *w, struct bench_side *side, const char *option, char *word, struct strbuf *settings,
		     struct fail *e)
{
	char *value = strchr(word, '=');
	struct bench_load *load;

	if (!value)
		return fail(e, FAIL_USAGE, "%s: '%s' is not KEY=VALUE", option, word);
	*value++ = '\0';
	if (!strcmp(word, "lab")) {
		side->lab_name = value;
	} else if (!strcmp(word, "target")) {
		side->variant.target = value;
	} else if (!strcmp(word, "workload")) {
		load = arena_new_of(w->c->arena, struct bench_load);
		load->workload = workload_find(value);
		load->name = value;
		side->variant.load = load;
		if (!load->workload)
			return fail(e, FAIL_USAGE, "%s: there is no workload '%s'", option, value);
	} else if (!is_setting(word) || !is_value(value)) {
		return fail(e, FAIL_USAGE, "%s: '%s=%s' is no setting: values may have letters, digits and _ . - + : / %%", option, word, value);
	} else {
		strbuf_printf(settings, "%s-c %s=%s", settings->len ? " " : "", word, value);
	}
	return 0;
}

static int read_variant(struct bench_work *w, unsigned number, const char *option, const char *text, struct fail *e)
{
	static const char *const names[] = { "A", "B" };
	auto_(strbuf_clear) struct strbuf settings = { 0 };
	struct bench_side *side = &w->sides[number];
	char *rest = arena_strdup(w->c->arena, text), *word;

	side->variant.name = names[number];
	side->variant.text = *text ? text : "as it is";
	while ((word = strsep(&rest, ",")))
		if (*word && read_word(w, side, option, word, &settings, e) < 0)
			return -1;
	side->variant.settings = settings.len ? arena_strdup(w->c->arena, strbuf_text(&settings)) : NULL;
	return 0;
}

/* pgpool-II gives clients sessions that others opened, with the settings of those. */
static bool uses_pgpool(const struct bench_work *w, const struct bench_side *side)
{
	if (side->variant.target)
		return !strcmp(side->variant.target, "pgpool");
	for (unsigned i = 0; i < w->spec->target_count; i++)
		if (!strcmp(w->spec->targets[i], "pgpool"))
			return true;
	return false;
}

/* What a comparison in pairs would ignore is refused. */
static int check(const struct bench_work *w, struct fail *e)
{
	if (w->spec->rate_count || w->spec->slo.quantile > 0)
		return fail(e, FAIL_USAGE, "pairs are measured in a closed loop: leave rates and slo out of the specification");
	for (unsigned i = 0; i < w->side_count; i++) {
		const struct bench_load *load = w->sides[i].variant.load;
		const char *kind = w->sides[i].lab->cluster.recipe->kind;

		if (load && !workload_has_kind(load->workload->kinds, kind))
			return fail(e, FAIL_USAGE, "--%c: a cluster of kind %s has no workload '%s'", "ab"[i], kind, load->name);
		if (w->sides[i].variant.settings && uses_pgpool(w, &w->sides[i])) {
			fail(e, FAIL_USAGE, "--%c: pgpool-II shares sessions among its clients, so settings of a session may not hold", "ab"[i]);
			return fail_next(e, "compare two labs with these settings in `cluster: settings:` (lab=NAME), or another target");
		}
	}
	return 0;
}

static int report(struct bench_work *w, struct fail *e)
{
	const struct ab_words *said = w->c->options;
	struct compare_options o = { .metric = said->metric, .margin = said->margin };
	auto_(bench_free) struct bench_run *run = NULL;
	struct compare compared;

	if (bench_read(w->dir, &run, e) < 0)
		return -1;
	compare_variants(run, &o, w->c->arena, &compared);
	report_say("%u measurements in %s\n", run->measure_count, w->dir);
	if (!w->c->json)
		printf("A: %s\nB: %s\n\n", run->variants[0], run->variants[1]);
	return bench_show_comparison(w->c, &compared, json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "dir", w->dir, "a", run->variants[0],
								"b", run->variants[1]), e);
}

static int run(struct cli *c, struct fail *e)
{
	const struct ab_words *said = c->options;
	struct bench_options common = said->common;
	struct bench_work w = { .c = c, .said = &common, .side_count = BENCH_VARIANTS, .check = check };
	bool done = false;
	int r;

	if (!common.words.repeats && !c->arg_count)
		common.words.repeats = PAIRS;
	r = read_variant(&w, 0, "--a", said->a ? said->a : "", e) < 0 ||
	    read_variant(&w, 1, "--b", said->b, e) < 0 ? -1 : bench_open(&w, &done, e);
	if (r == 0 && !done)
		r = bench_measure_all(&w, e) < 0 ? -1 : report(&w, e);
	bench_close(&w);
	return r;
}

static const struct option_row options[] = {
	{ "a", .arg = "VARIANT", .at = offsetof(struct ab_words, a), .text = "what A is: KEY=VALUE words, separated by commas; the lab as it is by default" },
	{ "b", .arg = "VARIANT", .required = true, .at = offsetof(struct ab_words, b), .text = "what B is" },
	{ "metric", .arg = "METRIC", .complete = complete_metrics, .set = bench_set_metric, .at = offsetof(struct ab_words, metric),
	  .text = "one of tps, latency, p50, p95, p99 or p999; throughput, in an open loop mean latency" },
	{ "margin", .arg = "PERCENT", .set = bench_set_percent, .at = offsetof(struct ab_words, margin),
	  .text = "difference that does not matter, for `equivalent`; 3 by default" },
	BENCH_OPTIONS(struct ab_words),
	{ 0 },
};

const struct command cmd_bench_ab = {
	.name = "ab", .run = run, .args = { { .name = "SPEC", .optional = true, .complete = complete_files } },
	.options = options, .options_size = sizeof(struct ab_words),
	.summary = "compare two variants, measured in turn",
	.help =
	"A VARIANT is a list of words: lab=NAME measures another lab, workload=NAME and target=NAME other ones, and any other "
	"KEY=VALUE is a setting of each session. Each pair is measured on reset data, one right after the other, in random order; "
	"there are 10 pairs unless --repeats says otherwise.\n\n"
	"Verdicts and exit status are those of `labctl bench compare`.\n\n"
	"  labctl bench ab --a work_mem=4MB --b work_mem=64MB --workloads tpcb --clients 8\n"
	"  labctl bench ab --a lab=citus12 --b lab=citus13\n"
	"  labctl bench ab --a target=primary --b target=pgpool --workloads select-only",
};
