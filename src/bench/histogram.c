/* SPDX-License-Identifier: PostgreSQL */
#include "histogram.h"

#include <math.h>

/*
 * Below 2^7 us every microsecond is a bucket; above, each power of two has 64 of the same width, up to 2^40 us (12 days),
 * where the last takes all that is greater. Bucket i >= 128 begins at (64 + i % 64) << (i / 64 - 1).
 */
#define SUB_BITS 6
#define SUB (1u << SUB_BITS)
#define VALUE_BITS 40
#define BUCKETS ((VALUE_BITS - SUB_BITS + 1) * SUB)
#define COUNT_MAX ((uint64_t)INT64_MAX) /* of JSON's integers */

struct histogram { uint64_t count; uint64_t buckets[BUCKETS]; };

static unsigned bucket_of(double us)
{
	uint64_t v;
	unsigned shift;

	if (!(us >= 1))
		return 0;
	if (us >= (double)(1ull << VALUE_BITS))
		return BUCKETS - 1;
	v = (uint64_t)us;
	if (v < 2 * SUB)
		return (unsigned)v;
	shift = 63 - (unsigned)__builtin_clzll(v) - SUB_BITS;
	return shift * SUB + (unsigned)(v >> shift);
}

static uint64_t begin_of(unsigned i)
{
	return i < 2 * SUB ? i : (uint64_t)(SUB + i % SUB) << (i / SUB - 1);
}

static void add_to(uint64_t *count, uint64_t more)
{
	*count = more > COUNT_MAX - *count ? COUNT_MAX : *count + more;
}

struct histogram *histogram_new(struct arena *a)
{
	return arena_new_of(a, struct histogram);
}

void histogram_add(struct histogram *h, double us)
{
	add_to(&h->count, 1);
	add_to(&h->buckets[bucket_of(us)], 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	add_to(&into->count, from->count);
	for (unsigned i = 0; i < BUCKETS; i++)
		add_to(&into->buckets[i], from->buckets[i]);
}

uint64_t histogram_count(const struct histogram *h)
{
	return h->count;
}

double histogram_quantile(const struct histogram *h, double q)
{
	uint64_t below = 0, wanted;

	if (!h->count)
		return 0;
	wanted = (uint64_t)ceil(fmin(fmax(q, 0), 1) * (double)h->count);
	for (unsigned i = 0; i < BUCKETS; i++) {
		below += h->buckets[i];
		if (below >= wanted && below)
			return ((double)begin_of(i) + (double)begin_of(i + 1) - 1) / 2;
	}
	return (double)begin_of(BUCKETS); /* only if counts have reached their limit */
}

void histogram_each(const struct histogram *h, void (*bucket)(void *ctx, double from, double to, uint64_t count), void *ctx)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		if (h->buckets[i])
			bucket(ctx, (double)begin_of(i), (double)begin_of(i + 1), h->buckets[i]);
}

json_t *histogram_json(const struct histogram *h)
{
	json_t *pairs = json_array();

	for (unsigned i = 0; i < BUCKETS; i++)
		if (h->buckets[i])
			json_array_append_new(pairs, json_pack("[i,I]", (int)i, (json_int_t)h->buckets[i]));
	return pairs;
}

int histogram_read(const json_t *pairs, struct arena *a, struct histogram **ret, struct fail *e)
{
	struct histogram *h = histogram_new(a);
	json_int_t before = -1;

	if (!json_is_array(pairs))
		return fail(e, FAIL_LAB, "a histogram is not a list");
	for (size_t i = 0; i < json_array_size(pairs); i++) {
		const json_t *pair = json_array_get(pairs, i), *at = json_array_get(pair, 0), *count = json_array_get(pair, 1);
		json_int_t bucket = json_integer_value(at), n = json_integer_value(count);

		if (json_array_size(pair) != 2 || !json_is_integer(at) || !json_is_integer(count))
			return fail(e, FAIL_LAB, "entry %zu of a histogram is not a pair of integers", i + 1);
		if (bucket <= before || bucket >= BUCKETS)
			return fail(e, FAIL_LAB, "entry %zu of a histogram has bucket %lld: they ascend and are below %u", i + 1,
				    (long long)bucket, BUCKETS);
		if (n < 1 || (uint64_t)n > COUNT_MAX - h->count)
			return fail(e, FAIL_LAB, "entry %zu of a histogram has the count %lld", i + 1, (long long)n);
		before = bucket;
		h->buckets[bucket] = (uint64_t)n;
		h->count += (uint64_t)n;
	}
	*ret = h;
	return 0;
}
