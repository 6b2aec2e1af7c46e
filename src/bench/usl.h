/* SPDX-License-Identifier: PostgreSQL */
/*
 * The Universal Scalability Law (Gunther 1993): throughput with n nodes or clients,
 *     X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1)),
 * sigma: the part of the work that cannot run side by side; kappa: what every one costs every other. Pure.
 */
#ifndef LABCTL_BENCH_USL_H
#define LABCTL_BENCH_USL_H

#include "arena.h"
#include "stats.h"

/* What the curve says about more nodes. */
enum usl_shape {
	USL_LINEAR,       /* sigma and kappa are 0: no limit in sight */
	USL_SATURATES,    /* kappa is 0: approaches .limit, never falls */
	USL_PEAK,         /* highest at .peak, which lies in the measured range */
	USL_PEAK_BEYOND,  /* highest at .peak, beyond the measured range: an extrapolation */
};

struct usl {
	enum stats_why why;       /* STATS_TOO_FEW: fewer than 3 different n */
	unsigned count, different; /* measurements, different n */
	double lambda;            /* throughput of one */
	double sigma, kappa;      /* at least 0 */
	double r2;                /* part of the variance of the throughputs that the curve explains; may be below 0 for a bad fit */
	double min_n, max_n;
	enum usl_shape shape;
	double peak, peak_x;      /* n and throughput of the highest point; 0 unless the shape has one */
	double limit;             /* USL_SATURATES: lambda / sigma; otherwise 0 */
	/*
	 * F tests of a curve without the parameter against this one: 1 where it is 0, or where there are no more measurements
	 * than parameters. Above 0.05 the data do not show that the parameter is not 0, so with p_kappa above 0.05 nothing is
	 * known about a peak.
	 */
	double p_sigma, p_kappa;
};

/*
 * Least squares of the logarithms, since throughput varies by a factor: n[i] >= 1 nodes gave x[i] > 0. Repeats of one n
 * are separate measurements.
 */
void usl_fit(const double *n, const double *x, unsigned count, struct usl *ret);
double usl_at(const struct usl *u, double n);

/*
 * What the curve shows about more than was measured, and what it does not show: the end of a sentence, in @a. @what: "datanodes".
 */
const char *usl_conclusion(const struct usl *u, const char *what, struct arena *a);

#endif
