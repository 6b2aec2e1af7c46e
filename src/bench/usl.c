/* SPDX-License-Identifier: PostgreSQL */
/*
 * log X = log lambda + log n - log(1 + sigma (n-1) + kappa n (n-1)). For given sigma and kappa the best lambda is a mean, so
 * only these two are searched, by Levenberg and Marquardt with steps that stop at 0. The start is the linear fit of
 * n/X = (1 + sigma (n-1) + kappa n (n-1)) / lambda.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "dist.h"
#include "usl.h"

#define STEPS_MAX 2000

struct data { const double *n, *x; unsigned count; };
/* log lambda, sigma, kappa, and the sum of squares with them */
struct guess { double level, p[2], squares; };

static double cost_at(const double *p, double n)
{
	return 1 + p[0] * (n - 1) + p[1] * n * (n - 1);
}

static void evaluate(const struct data *d, struct guess *g)
{
	g->level = g->squares = 0;
	for (unsigned i = 0; i < d->count; i++)
		g->level += (log(d->x[i] / d->n[i]) + log(cost_at(g->p, d->n[i]))) / d->count;
	for (unsigned i = 0; i < d->count; i++) {
		double r = log(d->x[i] / d->n[i]) + log(cost_at(g->p, d->n[i])) - g->level;

		g->squares += r * r;
	}
}

/* Solves the symmetric system [a b; b c] s = v; false if it has no one solution. */
static bool solve2(double a, double b, double c, const double *v, double *s)
{
	double det = a * c - b * b;

	if (!(fabs(det) > 1e-14 * fabs(a * c)))
		return false;
	s[0] = (c * v[0] - b * v[1]) / det;
	s[1] = (a * v[1] - b * v[0]) / det;
	return true;
}

/* Ordinary least squares of n/X on n-1 and n(n-1), both without their means; negative parameters become 0. */
static void start(const struct data *d, const bool *free_, struct guess *g)
{
	double my = 0, mu[2] = { 0 }, a = 0, b = 0, c = 0, v[2] = { 0 }, s[2], one;

	for (unsigned i = 0; i < d->count; i++) {
		my += d->n[i] / d->x[i] / d->count;
		mu[0] += (d->n[i] - 1) / d->count;
		mu[1] += d->n[i] * (d->n[i] - 1) / d->count;
	}
	for (unsigned i = 0; i < d->count; i++) {
		double y = d->n[i] / d->x[i] - my, u = d->n[i] - 1 - mu[0], w = d->n[i] * (d->n[i] - 1) - mu[1];

		a += u * u;
		b += u * w;
		c += w * w;
		v[0] += u * y;
		v[1] += w * y;
	}
	*g = (struct guess) { 0 };
	if (free_[0] && free_[1] && solve2(a, b, c, v, s)) {
		one = my - s[0] * mu[0] - s[1] * mu[1];
	} else {
		s[0] = free_[0] ? v[0] / a : 0;
		s[1] = !free_[0] && free_[1] ? v[1] / c : 0;
		one = my - s[0] * mu[0] - s[1] * mu[1];
	}
	for (unsigned k = 0; k < 2 && one > 0; k++)
		g->p[k] = fmax(s[k] / one, 0);
	evaluate(d, g);
}

/* The normal equations of the residuals at @g, and their gradient. */
static void linearize(const struct data *d, const struct guess *g, double *m, double *v)
{
	double mean[2] = { 0 };

	memset(m, 0, 3 * sizeof *m);
	memset(v, 0, 2 * sizeof *v);
	for (unsigned i = 0; i < d->count; i++) {
		double n = d->n[i], cost = cost_at(g->p, n);

		mean[0] += (n - 1) / cost / d->count;
		mean[1] += n * (n - 1) / cost / d->count;
	}
	for (unsigned i = 0; i < d->count; i++) {
		double n = d->n[i], cost = cost_at(g->p, n);
		double r = log(d->x[i] / n) + log(cost) - g->level, j[2] = { (n - 1) / cost - mean[0], n * (n - 1) / cost - mean[1] };

		m[0] += j[0] * j[0];
		m[1] += j[0] * j[1];
		m[2] += j[1] * j[1];
		v[0] -= j[0] * r;
		v[1] -= j[1] * r;
	}
}

/* Minimises over the parameters that are free; the others stay 0. */
static void refine(const struct data *d, const bool *free_, struct guess *g)
{
	double damping = 1e-3;

	for (int step = 0; step < STEPS_MAX && damping < 1e15; step++) {
		double m[3], v[2], s[2] = { 0 }, moved = 0;
		struct guess next = *g;
		bool moves[2];

		linearize(d, g, m, v);
		for (unsigned k = 0; k < 2; k++)
			moves[k] = free_[k] && (g->p[k] > 0 || v[k] > 0);
		if (!moves[0])
			m[1] = v[0] = 0;
		if (!moves[1])
			m[1] = v[1] = 0;
		if (!solve2(m[0] * (1 + damping), m[1], m[2] * (1 + damping), v, s)) {
			damping *= 10;
			continue;
		}
		for (unsigned k = 0; k < 2; k++) {
			next.p[k] = moves[k] ? fmax(g->p[k] + s[k], 0) : g->p[k];
			moved = fmax(moved, fabs(next.p[k] - g->p[k]) / (g->p[k] + 1e-12));
		}
		evaluate(d, &next);
		if (next.squares <= g->squares) {
			*g = next;
			damping = fmax(damping / 10, 1e-12);
			if (moved < 1e-11)
				break;
		} else {
			damping *= 10;
		}
	}
}

static void fit(const struct data *d, bool sigma, bool kappa, struct guess *g)
{
	const bool free_[2] = { sigma, kappa };

	start(d, free_, g);
	refine(d, free_, g);
}

/* That a parameter is 0: the squares that it saves, against those that remain. F with 1 and df degrees of freedom is t^2. */
static double p_of(double without, double with, double value, int df)
{
	if (!(value > 0) || df < 1)
		return 1;
	return with > 0 ? 2 * t_upper(sqrt(fmax(without - with, 0) / (with / df)), df) : 0;
}

static unsigned count_different(const double *n, unsigned count)
{
	unsigned different = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned k = 0;

		while (n[k] < n[i] || n[k] > n[i])
			k++;
		different += k == i;
	}
	return different;
}

static void conclude(struct usl *u)
{
	if (u->kappa > 0 && u->sigma < 1) {
		u->peak = fmax(sqrt((1 - u->sigma) / u->kappa), 1);
		u->peak_x = usl_at(u, u->peak);
		u->shape = u->peak <= u->max_n ? USL_PEAK : USL_PEAK_BEYOND;
	} else if (u->sigma >= 1) { /* more only slows it down */
		u->peak = 1;
		u->peak_x = u->lambda;
		u->shape = USL_PEAK;
	} else if (u->sigma > 0) {
		u->limit = u->lambda / u->sigma;
		u->shape = USL_SATURATES;
	}
}

void usl_fit(const double *n, const double *x, unsigned count, struct usl *ret)
{
	const struct data d = { n, x, count };
	struct guess best, no_sigma, no_kappa;
	double mean = 0, around = 0, off = 0;
	int df = (int)count - 3;

	*ret = (struct usl) { .count = count, .p_sigma = 1, .p_kappa = 1 };
	for (unsigned i = 0; i < count; i++)
		if (!(isfinite(n[i]) && isfinite(x[i]) && n[i] >= 1 && x[i] > 0))
			ret->why = STATS_BAD_VALUE;
	if (!ret->why)
		ret->different = count_different(n, count);
	if (!ret->why && ret->different < 3)
		ret->why = STATS_TOO_FEW;
	if (ret->why)
		return;
	fit(&d, true, true, &best);
	fit(&d, false, true, &no_sigma);
	fit(&d, true, false, &no_kappa);
	/* Each is a special case of the whole; where a bound holds, it may be found more exactly. */
	if (no_sigma.squares < best.squares)
		best = no_sigma;
	if (no_kappa.squares < best.squares)
		best = no_kappa;
	ret->lambda = exp(best.level);
	ret->sigma = best.p[0];
	ret->kappa = best.p[1];
	ret->p_sigma = p_of(no_sigma.squares, best.squares, ret->sigma, df);
	ret->p_kappa = p_of(no_kappa.squares, best.squares, ret->kappa, df);
	ret->min_n = ret->max_n = n[0];
	for (unsigned i = 0; i < count; i++) {
		ret->min_n = fmin(ret->min_n, n[i]);
		ret->max_n = fmax(ret->max_n, n[i]);
		mean += x[i] / count;
	}
	for (unsigned i = 0; i < count; i++) {
		around += (x[i] - mean) * (x[i] - mean);
		off += (x[i] - usl_at(ret, n[i])) * (x[i] - usl_at(ret, n[i]));
	}
	ret->r2 = around > 0 ? 1 - off / around : 0;
	conclude(ret);
}

double usl_at(const struct usl *u, double n)
{
	const double p[2] = { u->sigma, u->kappa };

	return u->lambda * n / cost_at(p, n);
}

/* --- words --- */

#define SHOWN 0.05 /* a parameter is shown not to be 0 if its p is at most this */

static const char *peak_of(const struct usl *u, const char *what, struct arena *a)
{
	if (u->shape == USL_PEAK)
		return arena_printf(a, "throughput is highest with about %.0f %s and falls with more (kappa %.2g, p %.2g)", u->peak, what,
				    u->kappa, u->p_kappa);
	return arena_printf(a, "throughput would be highest with about %.0f %s: an extrapolation, as only up to %.0f were measured "
			    "(kappa %.2g, p %.2g)", u->peak, what, u->max_n, u->kappa, u->p_kappa);
}

const char *usl_conclusion(const struct usl *u, const char *what, struct arena *a)
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
