/* SPDX-License-Identifier: PostgreSQL */
#include "test.h"

#include <stdatomic.h>

#include "clock.h"
#include "ticker.h"

struct ticks { atomic_uint count; unsigned last; };

static bool tick(void *ctx)
{
	struct ticks *t = ctx;

	return atomic_fetch_add(&t->count, 1) + 1 != t->last;
}

static void test_ticks_at_once_and_at_the_end(void **state)
{
	struct ticks t = { 0 };
	struct ticker *k = ticker_start(3600000, tick, &t);

	(void)state;
	assert_non_null(k);
	while (!atomic_load(&t.count))
		clock_sleep_ms(1);
	ticker_stop(k);
	assert_int_equal(atomic_load(&t.count), 2);
}

static void test_ends_when_told(void **state)
{
	struct ticks t = { .last = 3 };
	struct ticker *k = ticker_start(1, tick, &t);

	(void)state;
	while (atomic_load(&t.count) < 3)
		clock_sleep_ms(1);
	clock_sleep_ms(20);
	ticker_stop(k);
	assert_int_equal(atomic_load(&t.count), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks_at_once_and_at_the_end),
		cmocka_unit_test(test_ends_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
