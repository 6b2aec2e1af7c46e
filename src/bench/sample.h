/* SPDX-License-Identifier: PostgreSQL */
/* What stats.c and ratio.c share. */
#ifndef LABCTL_BENCH_SAMPLE_H
#define LABCTL_BENCH_SAMPLE_H

struct sample { unsigned count; double mean, sd; };

#define SAMPLE_FLAT 1e-12    /* an sd of logarithms below this is rounding */
#define SAMPLE_LOG_MAX 690.0 /* exp() of it is still a number */
#define HUGE_RATIO 1e300

void sample_of(const double *x, unsigned count, struct sample *ret);
/* Index of the first value that is not a finite number above zero, or @count. */
unsigned sample_bad(const double *x, unsigned count);

#endif
