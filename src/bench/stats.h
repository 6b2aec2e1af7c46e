/* SPDX-License-Identifier: PostgreSQL */
/*
 * Statistics for few repeats: intervals, ratios of two configurations, verdicts. Pure: no I/O, no globals, nothing to
 * free; thread-safe. What cannot be computed is not a NaN but a reason (enum stats_why).
 *
 * Why these methods (docs/why has the figures): throughput and latency vary by a factor, not by an amount, so everything
 * is computed on logarithms. Intervals are Student's t, since a bootstrap over 3 to 10 repeats is too narrow. A
 * difference must also pass an exact permutation test, which assumes nothing about the distribution.
 */
#ifndef LABCTL_BENCH_STATS_H
#define LABCTL_BENCH_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* Why a number could not be computed. */
enum stats_why {
	STATS_OK,
	STATS_TOO_FEW,      /* fewer values than the method needs */
	STATS_BAD_VALUE,    /* a value is no number, or not above zero */
	STATS_NO_VARIANCE,  /* all values are the same, so nothing can be said about their spread */
	STATS_WHY_COUNT
};
/* "" for STATS_OK, else the end of the sentence "not computable: ..."; never NULL. */
const char *stats_why_text(enum stats_why why);

struct stats_interval { enum stats_why why; double low, high; };

/* --- repeats of one configuration --- */

struct stats_summary {
	enum stats_why why;               /* of the centres; the interval has its own */
	unsigned count;
	double mean, sd;                  /* arithmetic; sd is 0 for one value */
	double gmean, spread;             /* geometric mean; sd of the logarithms, about the coefficient of variation */
	struct stats_interval interval;   /* of the geometric mean, t on logarithms; needs 2 values */
	double half;                      /* how far the interval reaches above .gmean, relative: 0.05 is 5 % */
};
/* @level: 0.95 for an interval that covers the true value in 95 % of cases. */
void stats_summarize(const double *x, unsigned count, double level, struct stats_summary *ret);

/*
 * Are there enough repeats: is .half at most @goal (0.05 for 5 %)? Fewer than STATS_REPEATS_MIN are never enough, as the
 * spread itself is not known yet. Returns the number of repeats that would probably do (at least one more than @s has),
 * or 0 if they are enough. The rule looks only at the width of the interval, never at what it shows, so repeating until it
 * holds finds no difference where there is none.
 */
#define STATS_REPEATS_MIN 3
#define STATS_REPEATS_MAX 100000 /* "that many or more" */
unsigned stats_repeats_wanted(const struct stats_summary *s, double level, double goal);

/* --- two configurations --- */

enum stats_verdict { STATS_UNDECIDED, STATS_FASTER, STATS_SLOWER, STATS_EQUIVALENT };
const char *stats_verdict_name(enum stats_verdict v); /* "faster"... */

struct stats_rules {
	double alpha;      /* 0 = 0.05; intervals have the level 1 - alpha */
	double margin;     /* 0 = 0.03: ratios from 1/(1+margin) to 1+margin count as equivalent */
	double power;      /* 0 = 0.8: how probably .seen and .needed find what they promise */
	unsigned points;   /* that are compared and judged together, for Holm's correction; 0 = 1 */
	uint64_t seed;     /* of the random permutations, where there are too many for all */
};

/*
 * B compared with A. "Permutation" is sign flips of the logarithms of the ratios for pairs, and exchange of repeats
 * between A and B, judged by Welch's t, for unpaired ones.
 */
struct stats_ratio {
	enum stats_why why;               /* unless STATS_OK, only the fields up to .bad are set, and the verdict is undecided */
	bool paired, lower_is_better;     /* latency: lower is better */
	unsigned count_a, count_b;        /* equal for pairs */
	unsigned bad;                     /* STATS_BAD_VALUE: index of the value or pair */
	double ratio, low, high;          /* geometric mean of B / geometric mean of A, with its interval */
	double log_ratio, se, df;         /* of the logarithm: estimate, standard error, degrees of freedom */
	double spread;                    /* sd of the logarithms of the ratios; unpaired: sqrt(sd_a^2 + sd_b^2) */
	double p_t, p_permutation;        /* two-sided, that the ratio is not 1 */
	double p_least;                   /* the smallest p that the permutation test could give with so many values */
	bool exact;                       /* all permutations were looked at, not STATS_DRAWS random ones */
	bool permutation_counts;          /* p_least is at most alpha / points: see stats_judge() */
	double p;                         /* that decides */
	double p_equivalent;              /* two one-sided t tests: that the ratio is outside the margin */
	double p_holm, p_equivalent_holm; /* corrected by stats_judge() */
	enum stats_verdict verdict;       /* by stats_judge() */
	double seen;                      /* this difference would have been found with .power: 0.05 is 5 % */
	unsigned needed;                  /* pairs, or repeats of each: see stats_judge() */
};

#define STATS_FLIPS_EXACT 20        /* pairs: up to 2^20 sign flips are all looked at */
#define STATS_EXCHANGES_EXACT 1000000 /* so many ways to choose A's repeats are all looked at (11 and 11: 705,432) */
#define STATS_DRAWS 100000          /* otherwise so many random ones */

/* a[i] and b[i] are a pair. Needs 2 pairs. */
void stats_ratio_paired(const double *a, const double *b, unsigned count, bool lower_is_better, const struct stats_rules *rules,
			struct stats_ratio *ret);
/* Welch. Needs 2 values of each. */
void stats_ratio_unpaired(const double *a, unsigned count_a, const double *b, unsigned count_b, bool lower_is_better,
			  const struct stats_rules *rules, struct stats_ratio *ret);

/*
 * The verdicts of all points of a comparison. The p values are corrected by Holm's method over those that could be computed,
 * or over @rules->points if that is more: in at most alpha of the comparisons without any difference does one point say
 * "faster" or "slower".
 *
 *  equivalent: the ratio is within the margin, by two one-sided tests. Also where a difference is certain but that small.
 *  faster, slower: the t test and the permutation test both say so. With very few repeats no permutation could ever be
 *      significant (5 pairs: p >= 0.0625); then the t test decides alone, and .permutation_counts is false.
 *  undecided: neither. .seen is the difference that would have been found, and with .needed pairs or repeats a
 *      difference as large as the margin would be found, or if there is none, equivalence.
 */
void stats_judge(struct stats_ratio *points, unsigned count, const struct stats_rules *rules);

/* Holm's step-down correction of @count p values, for a family of at least @family. */
void stats_holm(const double *p, unsigned count, unsigned family, double *adjusted);

/* --- a series per second --- */

/* Does a series still drift, and where does its steady part begin? See steady.c. */
struct stats_steady {
	enum stats_why why;
	bool drifts;        /* no steady part: throughput still changes at the end */
	unsigned discard;   /* values at the front that belong to the warm-up; when it drifts, half of them */
	double mean;        /* of the rest */
	double change;      /* from the beginning to the end of the rest along a straight line, relative to the mean */
	double p;           /* that there is no such trend */
};
#define STATS_SERIES_MIN 16 /* values */
/* @tolerance: a trend is drift only if it changes the mean by more than this part (0 = 0.05). Values must be 0 or more. */
void stats_find_steady(const double *x, unsigned count, double tolerance, struct stats_steady *ret);

#endif
