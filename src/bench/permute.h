/* SPDX-License-Identifier: PostgreSQL */
/* Permutation tests, two-sided: how many permutations are at least as extreme as what was measured. Pure. */
#ifndef LABCTL_BENCH_PERMUTE_H
#define LABCTL_BENCH_PERMUTE_H

#include <stdbool.h>
#include <stdint.h>

struct permutation {
	double p;
	double least;  /* the smallest p that was possible */
	bool exact;    /* all permutations, not a random part */
};

/* Sign flips of @count differences; the statistic is the absolute sum. */
void permute_signs(const double *d, unsigned count, uint64_t seed, struct permutation *ret);

/*
 * All ways to take the first @count_a of the @count values for A; the statistic is the absolute t of Welch, so that
 * different spreads of A and B do no harm (Janssen 1997). @x begins with A's values and may be changed.
 */
void permute_groups(double *x, unsigned count_a, unsigned count, uint64_t seed, struct permutation *ret);

#endif
