/* SPDX-License-Identifier: PostgreSQL */
/* What transactions tell of an outage. */
#include "test.h"

#include "outage.h"

#define MAX 10000

struct load { struct tx all[MAX]; unsigned count; };

/* A transaction every @every ms from @from to @to. */
static void add(struct load *l, int64_t from, int64_t to, int64_t every, int64_t took, enum tx_outcome outcome)
{
	for (int64_t at = from; at < to; at += every) {
		assert_true(l->count < MAX);
		l->all[l->count++] = (struct tx){ .begun_ms = at - took, .ended_ms = at, .outcome = (uint8_t)outcome };
	}
}

static struct outage measured(const struct load *l, int64_t fault_ms, int64_t end_ms)
{
	struct outage o;

	outage_measure(l->all, l->count, fault_ms, end_ms, &o);
	return o;
}

static void an_outage(void **state)
{
	struct load l = { .count = 0 };
	struct outage o;

	(void)state;
	add(&l, 0, 10000, 10, 3, TX_COMMITTED);
	add(&l, 10200, 15000, 200, 100, TX_REFUSED);
	add(&l, 15000, 17000, 100, 50, TX_COMMITTED); /* slow at first */
	add(&l, 17000, 30000, 10, 5, TX_COMMITTED);
	o = measured(&l, 10000, 30000);
	assert_true(o.before_tps > 99.9 && o.before_tps < 100.1);
	assert_true(o.before_p99_ms > 2.9 && o.before_p99_ms < 3.1);
	assert_true(o.after_p99_ms > 4.9 && o.after_p99_ms < 50.1);
	assert_int_equal(o.error_ms, 200);
	assert_int_equal(o.gap_ms, 5000);
	assert_int_equal(o.gap_at_ms, 0);
	assert_true(o.dropped);
	/* 3 s with at least 270: from 16.7 s on, 0.3 s of it slow */
	assert_int_equal(o.recovered_ms, 6700);
}

static void no_outage(void **state)
{
	struct load l = { .count = 0 };
	struct outage o;

	(void)state;
	add(&l, 0, 20000, 10, 3, TX_COMMITTED);
	o = measured(&l, 10000, 20000);
	assert_int_equal(o.error_ms, -1);
	assert_int_equal(o.gap_ms, 10);
	assert_false(o.dropped);
	assert_int_equal(o.recovered_ms, -1);
}

static void never_back(void **state)
{
	struct load l = { .count = 0 };
	struct outage o;

	(void)state;
	add(&l, 0, 10000, 10, 3, TX_COMMITTED);
	add(&l, 12000, 12500, 10, 3, TX_COMMITTED); /* too short to be a recovery */
	o = measured(&l, 10000, 20000);
	assert_true(o.dropped);
	assert_int_equal(o.recovered_ms, -1);
	assert_int_equal(o.gap_ms, 20000 - 12490);
	assert_int_equal(o.gap_at_ms, 2490);
}

static void nothing_to_compare(void **state)
{
	struct load l = { .count = 0 };
	struct outage o = measured(&l, 0, 0);

	(void)state;
	assert_true(o.before_tps == 0 && o.before_p99_ms == 0 && !o.dropped);
	add(&l, 500, 1000, 10, 3, TX_COMMITTED); /* all of it in the first second */
	o = measured(&l, 900, 5000);
	assert_true(o.before_tps == 0 && !o.dropped);
	assert_int_equal(o.gap_ms, 4010);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(an_outage), cmocka_unit_test(no_outage), cmocka_unit_test(never_back),
					    cmocka_unit_test(nothing_to_compare) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
