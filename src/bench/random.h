/* SPDX-License-Identifier: PostgreSQL */
/*
 * Random numbers that a printed seed repeats on every machine: SplitMix64 (Steele, Lea and Flood 2014). For orders and
 * permutations, never for secrets. The state is the caller's, and any number is a good seed.
 */
#ifndef LABCTL_BENCH_RANDOM_H
#define LABCTL_BENCH_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* From 0 to @limit - 1, all equally likely. @limit > 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	uint64_t unfair = -limit % limit, z;

	do
		z = random_next(state);
	while (z < unfair);
	return z % limit;
}

/* From 0 to 1, without both. */
static inline double random_unit(uint64_t *state)
{
	return ((double)(random_next(state) >> 11) + 0.5) * 0x1p-53;
}

#endif
