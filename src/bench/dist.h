/* SPDX-License-Identifier: PostgreSQL */
/*
 * Student's t distribution, central and noncentral: what the intervals, tests and powers of stats.h are made of. Pure.
 * Degrees of freedom may be any positive number. Errors are below 1e-10, relative in the tails (noncentral: absolute).
 */
#ifndef LABCTL_BENCH_DIST_H
#define LABCTL_BENCH_DIST_H

double t_cdf(double t, double df);           /* P(T <= t) */
double t_upper(double t, double df);         /* P(T > t), exact also where it is tiny */
double t_quantile(double p, double df);      /* inverse of t_cdf(); 0 < p < 1 */
double t_noncentral_cdf(double t, double df, double shift);

/* Regularised incomplete beta function I_x(a,b). @y = 1 - x, by the caller, who may know it more exactly. */
double beta_inc(double x, double y, double a, double b);

#endif
