/* SPDX-License-Identifier: PostgreSQL */
#include "words.h"

#include <string.h>

#include "plural.h"

const char *const words_marks[BENCH_MARK_COUNT] = {
	"throughput still changed when the time was up: the number is one of a system that had not settled",
	"the client was the limit: the servers may be faster than the number says",
	"the client could not keep to the schedule: the real rate was lower than the wanted one",
};

struct list { struct arena *arena; struct sentence *items; unsigned count; };

#define ADD(l, with_tone, ...)                                                                     \
	(*arena_push((l)->arena, (l)->items, (l)->count) = (struct sentence){ with_tone, arena_printf((l)->arena, __VA_ARGS__) })

const char *words_interval(const struct view *v, const struct stats_summary *s, struct num (*number)(double))
{
	if (s->why != STATS_OK || s->interval.why != STATS_OK)
		return "none";
	return arena_printf(v->arena, "%s to %s", number(s->interval.low).text, number(s->interval.high).text);
}

const char *words_load(const struct view *v, const struct bench_point *p)
{
	const char *clients = arena_printf(v->arena, "%u client%s", p->clients, plural(p->clients));

	if (p->slo)
		return arena_printf(v->arena, "%s, highest rate with %s", clients, p->slo);
	if (p->rate_percent)
		return arena_printf(v->arena, "%s at %u %% of the capacity", clients, p->rate_percent);
	return p->rate_tps > 0 ? arena_printf(v->arena, "%s at %s tps", clients, num_rate(p->rate_tps).text) : clients;
}

const char *words_ratio(const struct view *v, const struct stats_ratio *r)
{
	if (r->why != STATS_OK)
		return arena_printf(v->arena, "not computable: %s", stats_why_text(r->why));
	return arena_printf(v->arena, "%s (%s to %s)", num_ratio(r->ratio).text, num_ratio(r->low).text, num_ratio(r->high).text);
}

static const char *repeats(const struct view *v, const struct view_point *p)
{
	if (p->tps.interval.why != STATS_OK)
		return arena_printf(v->arena, "%u repeat%s, no interval", p->ok, plural(p->ok));
	return arena_printf(v->arena, "%s, %u repeats", words_interval(v, &p->tps, num_rate), p->ok);
}

const char *words_point(const struct view *v, const struct view_point *p)
{
	const char *what = arena_printf(v->arena, "%s, %s, %s", p->point->workload, p->series, words_load(v, p->point)), *marks = "";

	if (view_is_empty(p))
		return arena_printf(v->arena, "%s: %s", what, p->count ? "every measurement failed" : "not measured");
	if (p->point->slo && !p->kept)
		return arena_printf(v->arena, "%s: no rate that was tried keeps it", what);
	for (unsigned i = 0; i < BENCH_MARK_COUNT; i++)
		if (p->marks >> i & 1)
			marks = arena_printf(v->arena, "%s; %s", marks, bench_marks[i]);
	return arena_printf(v->arena, "%s: %s tps (%s); latency p50 %s, p99 %s%s", what, num_rate(p->tps.gmean).text, repeats(v, p),
			    num_time(p->p50.gmean).text, num_time(p->p99.gmean).text, marks);
}

static void add_pairs(struct list *l, const struct view *v)
{
	static const enum tone tones[] = { [STATS_UNDECIDED] = TONE_WARNING, [STATS_FASTER] = TONE_GOOD, [STATS_SLOWER] = TONE_BAD,
					   [STATS_EQUIVALENT] = TONE_PLAIN };

	for (unsigned i = 0; i < v->pair_count; i++)
		ADD(l, tones[v->pairs[i].ratio.verdict], "%s.", v->pairs[i].text);
}

static void add_best(struct list *l, const struct view *v)
{
	for (unsigned i = 0; i < v->curve_count; i++) {
		const struct view_curve *c = &v->curves[i];
		const struct view_point *p = c->best;

		if (!p)
			continue;
		ADD(l, TONE_PLAIN, "%s on %s: %s tps with %u client%s (%s)%s; latency p50 %s, p99 %s.", c->workload, c->series,
		    num_rate(p->tps.gmean).text, p->point->clients, plural(p->point->clients), repeats(v, p),
		    c->count > 1 ? arena_printf(l->arena, ", the most of %u client counts", c->count) : "",
		    num_time(p->p50.gmean).text, num_time(p->p99.gmean).text);
	}
}

static void add_searches(struct list *l, const struct view *v)
{
	for (unsigned i = 0; i < v->point_count; i++) {
		const struct view_point *p = &v->points[i];

		if (!p->point->slo || !p->count)
			continue;
		if (p->kept)
			ADD(l, TONE_PLAIN, "%s on %s keeps %s at %s tps, the highest of %u rates that were tried.", p->point->workload, p->series,
			    p->point->slo, num_rate(p->kept->tps).text, p->count);
		else
			ADD(l, TONE_WARNING, "%s on %s keeps %s at none of %u rates that were tried.", p->point->workload, p->series, p->point->slo,
			    p->count);
	}
}

static void add_scales(struct list *l, const struct view *v)
{
	for (unsigned i = 0; i < v->scale_count; i++) {
		const struct view_scale *s = &v->scales[i];
		const struct view_step *last = &s->steps[s->count - 1];

		ADD(l, TONE_PLAIN, "%s on %s: %u %ss instead of %u give %s times the throughput%s.", s->workload, s->target, last->count, s->role,
		    s->steps[0].count, num_ratio(last->point->tps.gmean / s->steps[0].point->tps.gmean).text,
		    last->ratio.why != STATS_OK ? ""
			    : arena_printf(l->arena, " (%s to %s)", num_ratio(last->ratio.low).text, num_ratio(last->ratio.high).text));
	}
}

static void add_systems(struct list *l, const struct view *v)
{
	for (unsigned i = 0; i < v->system_count; i++) {
		const struct view_ratio *s = &v->systems[i];

		if (s->ratio.why == STATS_OK)
			ADD(l, TONE_PLAIN, "%s on %s: %s times the throughput of %s (%s to %s).", s->point->point->workload, s->point->series,
			    num_ratio(s->ratio.ratio).text, s->base->series, num_ratio(s->ratio.low).text, num_ratio(s->ratio.high).text);
	}
}

/* With the fewest clients, where no request waits for another. */
static void add_costs(struct list *l, const struct view *v)
{
	for (unsigned i = 0; i < v->cost_count; i++) {
		const struct view_ratio *c = &v->costs[i];
		bool fewest = true;

		for (unsigned k = 0; k < v->cost_count; k++) {
			const struct view_ratio *other = &v->costs[k];

			if (!strcmp(other->point->point->workload, c->point->point->workload) && other->point->color == c->point->color &&
			    other->point->point->clients < c->point->point->clients && other->ratio.why == STATS_OK)
				fewest = false;
		}
		if (!fewest || c->ratio.why != STATS_OK)
			continue;
		ADD(l, TONE_PLAIN, "%s takes %s times as long as %s on %s with %u client%s, %s to %s in %u pairs%s.",
		    c->point->point->workload, num_ratio(c->ratio.ratio).text, c->base->point->workload, c->point->series,
		    c->point->point->clients, plural(c->point->point->clients), num_ratio(c->ratio.low).text,
		    num_ratio(c->ratio.high).text, c->ratio.count_a,
		    c->ratio.low <= 1 && c->ratio.high >= 1 ? ": no difference is shown" : "");
	}
}

static const char *seconds(const struct list *l, int64_t ms)
{
	return arena_printf(l->arena, "%.1f s", (double)ms / 1000);
}

/* One sentence about the time, and one about the rows. */
static void add_outage(struct list *l, const struct bench_outage *o)
{
	const struct outage *t = &o->times;
	const unsigned *n = o->rows.by_outcome;
	bool bad = o->rows.lost || o->rows.torn || o->rows.failed_there;

	ADD(l, TONE_PLAIN, "%s under the scenario: %s tps before the fault; %s, %s without a commit from %s on, %s.", o->of,
	    num_rate(t->before_tps).text, t->error_ms < 0 ? "no error" : arena_printf(l->arena, "the first error %s after it", seconds(l, t->error_ms)),
	    seconds(l, t->gap_ms), seconds(l, t->gap_at_ms),
	    !t->dropped ? "never below 90 % of the rate over 3 s" : t->recovered_ms < 0 ? "below 90 % of the rate until the end"
	    : arena_printf(l->arena, "90 %% of the rate again after %s", seconds(l, t->recovered_ms)));
	if (o->checked)
		ADD(l, bad ? TONE_BAD : TONE_GOOD, "%s: %u committed, %u failed, %u doubtful, %u without a server; %u lost, %u there in part, %u there "
		    "that had failed.", o->of, n[TX_COMMITTED], n[TX_FAILED], n[TX_DOUBTFUL], n[TX_REFUSED], o->rows.lost, o->rows.torn,
		    o->rows.failed_there);
}

static void add_outages(struct list *l, const struct view *v)
{
	for (unsigned i = 0; i < v->run_count; i++)
		for (unsigned k = 0; k < v->runs[i]->measure_count; k++)
			for (unsigned n = 0; n < v->runs[i]->measures[k].outage_count; n++)
				add_outage(l, &v->runs[i]->measures[k].outages[n]);
}

static void add_limits(struct list *l, const struct view *v)
{
	unsigned wanted = 0;

	if (v->failed)
		ADD(l, TONE_BAD, "%u of %u measurement%s failed; their numbers are not used.", v->failed, v->measures,
		    plural(v->measures));
	for (unsigned i = 0; i < v->point_count; i++) {
		const struct view_point *p = &v->points[i];

		wanted += !p->point->slo && p->run->repeats > p->count ? p->run->repeats - p->count : 0;
		if (p->count && view_is_empty(p))
			ADD(l, TONE_BAD, "%s: there is no number, because every measurement failed: %s.", p->point->name,
			    p->measures[0]->reason ? p->measures[0]->reason : "no reason was recorded");
	}
	if (!v->measures)
		ADD(l, TONE_WARNING, "Nothing has been measured yet.");
	else if (wanted)
		ADD(l, TONE_WARNING, "The run is not complete: %u measurement%s %s missing. The same command with --resume measures them.", wanted,
		    plural(wanted), wanted == 1 ? "is" : "are");
	for (unsigned i = 0; i < BENCH_MARK_COUNT; i++)
		if (v->marked[i])
			ADD(l, TONE_WARNING, "%u measurement%s %s: %s.", v->marked[i], plural(v->marked[i]), bench_marks[i],
			    words_marks[i]);
	if (v->shared_host)
		ADD(l, TONE_WARNING, "%s", SHARED_TEXT);
}

struct sentence *words_of(const struct view *v, unsigned *ret_count)
{
	struct list l = { .arena = v->arena };

	add_outages(&l, v);
	add_pairs(&l, v);
	add_scales(&l, v);
	add_systems(&l, v);
	add_best(&l, v);
	add_searches(&l, v);
	add_costs(&l, v);
	add_limits(&l, v);
	*ret_count = l.count;
	return l.items;
}
