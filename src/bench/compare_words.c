/* SPDX-License-Identifier: PostgreSQL */
/* A comparison in sentences and as JSON. */
#include <math.h>
#include <string.h>

#include "compare.h"
#include "plural.h"
#include "strbuf.h"

/* Enough decimals that the ends of the interval differ: 1.12 (1.08-1.16), 1.003 (1.001-1.005). */
static int decimals_of(const struct stats_ratio *r)
{
	double width = fmin(r->high - r->low, r->ratio);
	int decimals = 2;

	while (decimals < 5 && width * pow(10, decimals) < 4)
		decimals++;
	return decimals;
}

static void add_percent(struct strbuf *b, double part)
{
	double percent = 100 * part;

	if (part >= 10)
		strbuf_printf(b, "a factor of %.0f", 1 + part);
	else if (percent < 10 && fabs(percent - round(percent)) > 0.05)
		strbuf_printf(b, "%.1f %%", percent);
	else
		strbuf_printf(b, "%.0f %%", percent);
}

static void add_point(struct strbuf *b, const struct bench_point *p)
{
	strbuf_printf(b, "%s on %s, %u client%s", p->workload, p->target, p->clients, plural(p->clients));
	if (p->rate_percent)
		strbuf_printf(b, " at %u %% of the capacity", p->rate_percent);
	else if (p->rate_tps > 0)
		strbuf_printf(b, " at %.0f tps", p->rate_tps);
}

/* What would decide, after "undecided". */
static void add_advice(struct strbuf *b, const struct compare *c, const struct stats_ratio *r)
{
	const char *what = r->paired ? "pairs" : "repeats of each";

	strbuf_str(b, ": in 8 of 10 cases a difference of ");
	add_percent(b, r->seen);
	strbuf_str(b, " would have been found; ");
	if (r->needed >= STATS_REPEATS_MAX)
		strbuf_printf(b, "%u %s would not be enough", STATS_REPEATS_MAX, what);
	else
		strbuf_printf(b, "about %u %s would be enough", r->needed, what);
	strbuf_str(b, " for ");
	add_percent(b, c->margin);
}

static void add_verdict(struct strbuf *b, const struct compare *c, const struct compare_point *p)
{
	const struct stats_ratio *r = &p->ratio;

	switch (r->verdict) {
	case STATS_EQUIVALENT:
		strbuf_str(b, ", equivalent within ");
		add_percent(b, c->margin);
		break;
	case STATS_UNDECIDED:
		strbuf_str(b, ", undecided");
		add_advice(b, c, r);
		break;
	default:
		strbuf_printf(b, ", %s", stats_verdict_name(r->verdict));
		if (!r->permutation_counts)
			strbuf_printf(b, " by the t test alone: there are too few %s for a permutation test",
				      r->paired ? "pairs" : "repeats");
	}
}

const char *compare_sentence(const struct compare *c, const struct compare_point *p, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf b = { 0 };
	const struct stats_ratio *r = &p->ratio;
	bool throughput = p->metric == compare_metrics;
	int decimals = decimals_of(r);

	add_point(&b, p->point);
	if (r->why) {
		strbuf_printf(&b, ": not comparable: %s (%s %u, %s %u)", stats_why_text(r->why), c->name_a, r->count_a, c->name_b,
			      r->count_b);
	} else {
		if (throughput)
			strbuf_printf(&b, ": %s is %.*fx %s", c->name_b, decimals, r->ratio, c->name_a);
		else
			strbuf_printf(&b, ": the %s of %s is %.*fx that of %s", p->metric->title, c->name_b, decimals, r->ratio, c->name_a);
		strbuf_printf(&b, " (%.*f-%.*f)", decimals, r->low, decimals, r->high);
		add_verdict(&b, c, p);
	}
	if (p->failed)
		strbuf_printf(&b, "; %u failed %s left out", p->failed, c->paired ? p->failed == 1 ? "pair is" : "pairs are" :
			      p->failed == 1 ? "measurement is" : "measurements are");
	for (unsigned bit = 0; bit < BENCH_MARK_COUNT; bit++)
		if (p->marks >> bit & 1)
			strbuf_printf(&b, "; marked: %s", bench_marks[bit]);
	return arena_strdup(a, strbuf_text(&b));
}

/* --- JSON --- */

static json_t *point_json(const struct compare_point *p)
{
	const struct stats_ratio *r = &p->ratio;
	json_t *marks = json_array(), *o;

	for (unsigned bit = 0; bit < BENCH_MARK_COUNT; bit++)
		if (p->marks >> bit & 1)
			json_array_append_new(marks, json_string(bench_marks[bit]));
	o = json_pack("{s:s, s:s, s:b, s:s, s:i, s:i, s:i, s:o, s:s}", "point", p->point->name, "metric", p->metric->name,
		      "lower_is_better", r->lower_is_better, "verdict", stats_verdict_name(r->verdict), "count_a", (int)r->count_a,
		      "count_b", (int)r->count_b, "failed", (int)p->failed, "marks", marks, "text", p->text);
	if (r->why) {
		json_object_set_new(o, "not_computable", json_string(stats_why_text(r->why)));
		return o;
	}
	json_object_update_new(o, json_pack("{s:f, s:f, s:f, s:f, s:f, s:b, s:b, s:f, s:f, s:f, s:f, s:f}", "ratio", r->ratio, "low",
		r->low, "high", r->high, "p_t", r->p_t, "p_permutation", r->p_permutation, "exact", r->exact, "permutation_counts",
		r->permutation_counts, "p", r->p, "p_holm", r->p_holm, "p_equivalent", r->p_equivalent, "p_equivalent_holm",
		r->p_equivalent_holm, "seen", r->seen));
	if (r->verdict == STATS_UNDECIDED)
		json_object_set_new(o, "needed", json_integer(r->needed));
	return o;
}

static json_t *texts(const char *const *list, unsigned count)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

json_t *compare_json(const struct compare *c)
{
	json_t *points = json_array(), *differences = json_array();

	for (unsigned i = 0; i < c->point_count; i++)
		json_array_append_new(points, point_json(&c->points[i]));
	for (unsigned i = 0; i < c->difference_count; i++) {
		const struct compare_difference *d = &c->differences[i];

		json_array_append_new(differences, json_pack("{s:s, s:s, s:i, s:s?, s:s?, s:b}", "where", d->where, "what", d->what,
			"also", (int)d->also, "a", d->a, "b", d->b, "grave", d->grave));
	}
	return json_pack("{s:b, s:s, s:f, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "paired", c->paired, "verdict",
		stats_verdict_name(c->verdict), "margin", c->margin, "a", c->name_a, "b", c->name_b, "points", points, "only_a",
		texts(c->only_a, c->only_a_count), "only_b", texts(c->only_b, c->only_b_count), "differences", differences,
		"objections", texts(c->objections, c->objection_count));
}
