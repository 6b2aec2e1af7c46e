/* SPDX-License-Identifier: PostgreSQL */
#include "dist.h"

#include <float.h>
#include <math.h>

#define TERMS_MAX 100000
#define TINY 1e-300 /* stands for a zero in a denominator */

/* lgamma() writes a global. */
static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/* log(x^a y^b / B(a,b)) */
static double log_beta_term(double x, double y, double a, double b)
{
	return a * log(x) + b * log(y) + log_gamma(a + b) - log_gamma(a) - log_gamma(b);
}

/* The continued fraction of I_x(a,b), by the method of Lentz. Converges fast for x < (a+1)/(a+b+2). */
static double beta_fraction(double x, double a, double b)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1), f;

	d = 1 / (fabs(d) < TINY ? TINY : d);
	f = d;
	for (int m = 1; m < TERMS_MAX; m++) {
		const double terms[] = {
			m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
			-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
		};

		for (int k = 0; k < 2; k++) {
			d = 1 + terms[k] * d;
			d = 1 / (fabs(d) < TINY ? TINY : d);
			c = 1 + terms[k] / c;
			c = fabs(c) < TINY ? TINY : c;
			f *= c * d;
		}
		if (fabs(c * d - 1) < 4 * DBL_EPSILON)
			break;
	}
	return f;
}

double beta_inc(double x, double y, double a, double b)
{
	if (!(x > 0))
		return 0;
	if (!(y > 0))
		return 1;
	if (x < (a + 1) / (a + b + 2))
		return exp(log_beta_term(x, y, a, b)) * beta_fraction(x, a, b) / a;
	return 1 - exp(log_beta_term(x, y, a, b)) * beta_fraction(y, b, a) / b;
}

double t_upper(double t, double df)
{
	double square = t * t;
	double half;

	if (isinf(square))
		return t > 0 ? 0 : 1;
	half = 0.5 * beta_inc(df / (df + square), square / (df + square), df / 2, 0.5);
	return t > 0 ? half : 1 - half;
}

double t_cdf(double t, double df)
{
	return t_upper(-t, df);
}

static double t_density(double t, double df)
{
	return exp(log_gamma((df + 1) / 2) - log_gamma(df / 2) - (df + 1) / 2 * log1p(t * t / df)) / sqrt(df * M_PI);
}

double t_quantile(double p, double df)
{
	double tail = p < 0.5 ? p : 1 - p, low = 0, high = 1, t;

	if (tail == 0.5)
		return 0;
	while (t_upper(high, df) > tail && high < 1e300) {
		low = high;
		high *= 2;
	}
	/* Newton's method on the logarithm of the tail, inside a bracket that it halves where it would leave it. */
	t = (low + high) / 2;
	for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
		double upper = t_upper(t, df), step;

		if (upper > tail)
			low = t;
		else
			high = t;
		step = log(upper / tail) * upper / t_density(t, df);
		t += step;
		if (fabs(step) < 1e-14 * t)
			break;
		if (!(t > low && t < high))
			t = low + (high - low) / 2;
	}
	return p < 0.5 ? -t : t;
}

/* Lenth, algorithm AS 243, Applied Statistics 38 (1989): a sum of central beta distributions with Poisson weights. */
double t_noncentral_cdf(double t, double df, double shift)
{
	double x, y, half, sum, p, q, odd, even, odd_term, even_term, weight;

	if (t < 0)
		return 1 - t_noncentral_cdf(-t, df, -shift);
	if (fabs(shift) > 37) /* exp(-shift^2/2) becomes zero; Abramowitz and Stegun 26.7.10, two to three digits */
		return 0.5 * erfc(-(t * (1 - 1 / (4 * df)) - shift) / sqrt(1 + t * t / (2 * df)) / sqrt(2));
	sum = 0.5 * erfc(shift / sqrt(2));
	x = t * t / (t * t + df);
	y = df / (t * t + df);
	if (!(x > 0))
		return sum;
	half = shift * shift / 2;
	p = 0.5 * exp(-half);
	q = sqrt(2 / M_PI) * p * shift;
	weight = 0.5 - p;
	odd = beta_inc(x, y, 0.5, df / 2);
	odd_term = 2 * exp(log_beta_term(x, y, 0.5, df / 2));
	even = 1 - pow(y, df / 2);
	even_term = df / 2 * x * pow(y, df / 2);
	/* odd = I_x(j + 1/2, df/2), even = I_x(j + 1, df/2); the terms lead from one j to the next. */
	for (int j = 0; j < TERMS_MAX; j++) {
		sum += p * odd + q * even;
		if (2 * weight * odd < 1e-13 && j > half)
			break;
		odd -= odd_term;
		even -= even_term;
		odd_term *= x * (df / 2 + j + 0.5) / (j + 1.5);
		even_term *= x * (df / 2 + j + 1) / (j + 2);
		p *= half / (j + 1);
		q *= half / (j + 1.5);
		weight -= p;
	}
	return fmin(fmax(sum, 0), 1);
}
