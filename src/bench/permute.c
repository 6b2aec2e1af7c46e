/* SPDX-License-Identifier: PostgreSQL */
#include "permute.h"

#include <math.h>
#include <stddef.h>

#include "random.h"
#include "stats.h"

/* Sums in another order differ in their last digits; that must not make a tie a difference. */
#define TIE 1e-9

void permute_signs(const double *d, unsigned count, uint64_t seed, struct permutation *ret)
{
	double sum = 0, size = 0, least;
	uint64_t extreme = 0;

	for (unsigned i = 0; i < count; i++) {
		sum += d[i];
		size += fabs(d[i]);
	}
	least = fabs(sum) - TIE * size;
	ret->exact = count <= STATS_FLIPS_EXACT;
	if (ret->exact) {
		/* Flipping all signs changes nothing, so the last keeps its sign. Each step of a Gray code flips one. */
		uint64_t all = 1ull << (count - 1), flipped = 0;

		for (uint64_t i = 1;; i++) {
			unsigned k;

			extreme += fabs(sum) >= least;
			if (i == all)
				break;
			k = (unsigned)__builtin_ctzll(i);
			flipped ^= 1ull << k;
			sum += (flipped >> k & 1) ? -2 * d[k] : 2 * d[k];
		}
		ret->p = (double)extreme / (double)all;
		ret->least = 1 / (double)all;
		return;
	}
	for (unsigned draw = 0; draw < STATS_DRAWS; draw++) {
		uint64_t bits = 0;

		sum = 0;
		for (unsigned i = 0; i < count; i++) {
			bits = i % 64 ? bits >> 1 : random_next(&seed);
			sum += bits & 1 ? d[i] : -d[i];
		}
		extreme += fabs(sum) >= least;
	}
	ret->p = (double)(extreme + 1) / (STATS_DRAWS + 1.0);
	ret->least = 1 / (STATS_DRAWS + 1.0);
}

/* The values, their sums, and what is counted. The values have mean 0, so that squares lose no digits. */
struct groups { const double *x; unsigned count, count_a; double sum, squares, least; uint64_t all, extreme; };

/* The square of Welch's t if A has @sum and @squares. */
static double welch_square(const struct groups *g, double sum, double squares)
{
	double na = g->count_a, nb = g->count - g->count_a;
	double rest = g->sum - sum, difference = rest / nb - sum / na;
	double within_a = (squares - sum * sum / na) / (na - 1) / na;
	double within_b = (g->squares - squares - rest * rest / nb) / (nb - 1) / nb;
	double within = fmax(within_a, 0) + fmax(within_b, 0);

	return within > TIE * TIE * g->squares ? difference * difference / within : INFINITY;
}

static void look(struct groups *g, double sum, double squares)
{
	g->all++;
	g->extreme += welch_square(g, sum, squares) >= g->least;
}

/* Every choice of @left more values from @i on. */
static void choose(struct groups *g, unsigned i, unsigned left, double sum, double squares)
{
	if (!left) {
		look(g, sum, squares);
		return;
	}
	for (; i + left <= g->count; i++)
		choose(g, i + 1, left - 1, sum + g->x[i], squares + g->x[i] * g->x[i]);
}

static double choices(unsigned n, unsigned k)
{
	double ways = 1;

	for (unsigned i = 1; i <= k; i++)
		ways = ways * (n - k + i) / i;
	return ways;
}

void permute_groups(double *x, unsigned count_a, unsigned count, uint64_t seed, struct permutation *ret)
{
	struct groups g = { .x = x, .count = count, .count_a = count_a };
	double mean = 0, sum = 0, squares = 0, ways = choices(count, count_a);

	for (unsigned i = 0; i < count; i++)
		mean += x[i] / count;
	for (unsigned i = 0; i < count; i++) {
		x[i] -= mean;
		g.sum += x[i];
		g.squares += x[i] * x[i];
		sum += i < count_a ? x[i] : 0;
		squares += i < count_a ? x[i] * x[i] : 0;
	}
	g.least = welch_square(&g, sum, squares) * (1 - TIE);
	ret->exact = ways <= STATS_EXCHANGES_EXACT;
	if (ret->exact) {
		choose(&g, 0, count_a, 0, 0);
		ret->p = (double)g.extreme / (double)g.all;
		/* Exchanging A and B as a whole changes nothing where they have as many values. */
		ret->least = (2 * count_a == count ? 2 : 1) / ways;
		return;
	}
	for (unsigned draw = 0; draw < STATS_DRAWS; draw++) {
		sum = squares = 0;
		for (unsigned i = 0; i < count_a; i++) {
			size_t k = i + random_below(&seed, count - i);
			double chosen = x[k];

			x[k] = x[i];
			x[i] = chosen;
			sum += chosen;
			squares += chosen * chosen;
		}
		look(&g, sum, squares);
	}
	ret->p = (double)(g.extreme + 1) / (STATS_DRAWS + 1.0);
	ret->least = 1 / (STATS_DRAWS + 1.0);
}
