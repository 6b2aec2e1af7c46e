/* SPDX-License-Identifier: PostgreSQL */
#include "scale.h"

#include <math.h>
#include <string.h>

#include "plural.h"
#include "strbuf.h"

#define LEVEL 0.95
#define SHOWN 0.05 /* a parameter of the curve is shown not to be 0 if its p is at most this */

/* --- words --- */

static const char *peak_of(const struct usl *u, const char *what, struct arena *a)
{
	if (u->shape == USL_PEAK)
		return arena_printf(a, "throughput is highest with about %.0f %s and falls with more (kappa %.2g, p %.2g)", u->peak, what,
				    u->kappa, u->p_kappa);
	return arena_printf(a, "throughput would be highest with about %.0f %s: an extrapolation, as only up to %.0f were measured "
			    "(kappa %.2g, p %.2g)", u->peak, what, u->max_n, u->kappa, u->p_kappa);
}

const char *scale_conclusion(const struct usl *u, const char *what, struct arena *a)
{
	if (u->why == STATS_TOO_FEW)
		return "no curve of scalability: it needs 3 different numbers";
	if (u->why)
		return arena_printf(a, "no curve of scalability: %s", stats_why_text(u->why));
	if (u->count <= 3)
		return arena_printf(a, "the curve of scalability has as many parameters as there are measurements, so it shows nothing "
				    "about more %s", what);
	if (u->p_kappa <= SHOWN)
		return peak_of(u, what, a);
	if (u->p_sigma > SHOWN)
		return arena_printf(a, "no limit is shown from %.0f to %.0f %s", u->min_n, u->max_n, what);
	return arena_printf(a, "no peak is shown from %.0f to %.0f %s, but growth slows down: %.0f %% of the work does not run side by "
			    "side (sigma, p %.2g)", u->min_n, u->max_n, what, 100 * u->sigma, u->p_sigma);
}

static const char *sentence(const struct scale *s, const struct scale_curve *c, struct arena *a)
{
	const struct scale_step *first = &c->steps[0], *last = &c->steps[c->step_count - 1];
	auto_(strbuf_clear) struct strbuf b = { 0 };
	const char *what = arena_printf(a, "%ss", s->role);

	strbuf_printf(&b, "%s on %s, %u client%s: ", c->point->workload, c->point->target, c->point->clients, plural(c->point->clients));
	if (c->step_count < 2) {
		strbuf_str(&b, "fewer than 2 numbers have a measurement that stands");
		return arena_strdup(a, strbuf_text(&b));
	}
	if (last->speedup.why)
		strbuf_printf(&b, "the speed-up of %u %s is not computable: %s", last->count, what, stats_why_text(last->speedup.why));
	else
		strbuf_printf(&b, "%u %s do %.2fx as much as %u (%.2f-%.2f), where linear would be %.3gx", last->count, what,
			      last->speedup.ratio, first->count, last->speedup.low, last->speedup.high, last->linear);
	strbuf_printf(&b, "; %s", scale_conclusion(&c->usl, what, a));
	if (s->shared_host)
		strbuf_str(&b, "; shared host: not scale-out");
	return arena_strdup(a, strbuf_text(&b));
}

/* --- numbers --- */

static unsigned values_of(const struct bench_run *run, const char *point, double *ret)
{
	unsigned count = 0;

	for (unsigned i = 0; i < run->measure_count; i++) {
		const struct bench_measure *m = &run->measures[i];

		if (m->status == BENCH_OK && !strcmp(m->point->name, point))
			ret[count++] = m->tps;
	}
	return count;
}

static bool has_point(const struct bench_run *run, const char *name)
{
	for (unsigned i = 0; i < run->point_count; i++)
		if (!strcmp(run->points[i].name, name))
			return true;
	return false;
}

struct numbered { unsigned number; const struct bench_run *run; };

static void draw(const struct numbered *runs, unsigned count, unsigned total, struct arena *a, struct scale *s,
		 struct scale_curve *c)
{
	const struct stats_rules rules = { .points = count > 1 ? count - 1 : 1, .seed = runs[0].run->seed };
	double *n = arena_alloc(a, (total + 1) * sizeof *n), *x = arena_alloc(a, (total + 1) * sizeof *x);
	unsigned used = 0, first = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned here = values_of(runs[i].run, c->point->name, x + used);
		struct scale_step *step;

		if (!here)
			continue;
		step = arena_push(a, c->steps, c->step_count);
		step->count = runs[i].number;
		step->linear = (double)step->count / c->steps[0].count;
		stats_summarize(x + used, here, LEVEL, &step->tps);
		if (c->step_count == 1) {
			first = here;
			step->speedup = (struct stats_ratio) { .ratio = 1, .low = 1, .high = 1, .count_a = here, .count_b = here };
		} else {
			stats_ratio_unpaired(x, first, x + used, here, false, &rules, &step->speedup);
			stats_judge(&step->speedup, 1, &rules);
		}
		for (unsigned k = 0; k < here; k++)
			n[used++] = step->count;
	}
	usl_fit(n, x, used, &c->usl);
	c->text = sentence(s, c, a);
}

static int check(const struct bench_run *const *runs, unsigned count, struct fail *e)
{
	if (count < 2)
		return fail(e, FAIL_USAGE, "one number shows no growth: at least two runs of `labctl bench scale` are needed");
	for (unsigned i = 0; i < count; i++) {
		if (!runs[i]->scale_role || !runs[i]->scale_count)
			return fail(e, FAIL_USAGE, "%s is not a run of `labctl bench scale`", runs[i]->dir);
		if (strcmp(runs[i]->scale_role, runs[0]->scale_role) != 0)
			return fail(e, FAIL_USAGE, "%s varies the number of %ss, %s that of %ss", runs[0]->dir, runs[0]->scale_role,
				    runs[i]->dir, runs[i]->scale_role);
		for (unsigned k = 0; k < i; k++)
			if (runs[k]->scale_count == runs[i]->scale_count)
				return fail(e, FAIL_USAGE, "%s and %s both measured %u %s%s", runs[k]->dir, runs[i]->dir,
					    runs[i]->scale_count, runs[i]->scale_role, plural(runs[i]->scale_count));
	}
	return 0;
}

int scale_of(const struct bench_run *const *runs, unsigned count, struct arena *a, struct scale *ret, struct fail *e)
{
	struct numbered *sorted = NULL;
	struct scale s = { 0 };
	unsigned total = 0, sorted_count = 0;

	if (check(runs, count, e) < 0)
		return -1;
	s.role = runs[0]->scale_role;
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;

		arena_push(a, sorted, sorted_count);
		for (; at && sorted[at - 1].number > runs[i]->scale_count; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = (struct numbered) { runs[i]->scale_count, runs[i] };
		total += runs[i]->measure_count;
		s.shared_host |= runs[i]->shared_host;
	}
	for (unsigned i = 0; i < sorted[0].run->point_count; i++) {
		const struct bench_point *p = &sorted[0].run->points[i];
		bool everywhere = !(p->rate_tps > 0 || p->rate_percent);
		struct scale_curve *c;

		for (unsigned k = 1; k < count; k++)
			everywhere = everywhere && has_point(sorted[k].run, p->name);
		if (!everywhere)
			continue;
		c = arena_push(a, s.curves, s.curve_count);
		c->point = p;
		draw(sorted, count, total, a, &s, c);
	}
	*ret = s;
	return 0;
}
