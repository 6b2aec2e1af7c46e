/* SPDX-License-Identifier: PostgreSQL */
/* A histogram of any JSON: what is accepted is written as it was read, and its quantiles ascend. */
#include "fuzz.h"

#include <jansson.h>

#include "arena.h"
#include "histogram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const double q[] = { 0, 0.5, 0.95, 0.99, 0.999, 1 };
	auto_(arena_free) struct arena *a = arena_new();
	json_t *pairs = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL), *again;
	struct histogram *h = NULL, *sum = histogram_new(a);
	struct fail e = { 0 };
	double before = 0;

	if (!pairs)
		return 0;
	if (histogram_read(pairs, a, &h, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(!h);
		json_decref(pairs);
		return 0;
	}
	again = histogram_json(h);
	PROMISE(json_equal(pairs, again));
	PROMISE(!histogram_count(h) == !json_array_size(pairs));
	histogram_merge(sum, h);
	for (size_t i = 0; i < ARRAY_COUNT(q); i++) {
		double at = histogram_quantile(h, q[i]);

		PROMISE(at >= before, "%g, after %g", at, before);
		PROMISE(at <= histogram_quantile(sum, q[i]) && at >= histogram_quantile(sum, q[i]));
		before = at;
	}
	json_decref(pairs);
	json_decref(again);
	return 0;
}
