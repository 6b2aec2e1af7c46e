/* SPDX-License-Identifier: PostgreSQL */
/* base/pool.h: each job runs once, no more at a time than requested, with signals blocked. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "auto.h"
#include "clock.h"
#include "pool.h"

#define JOBS 200

static atomic_uint seen[JOBS], running, most, unblocked;

static void job(void *ctx, unsigned i)
{
	unsigned now = atomic_fetch_add(&running, 1) + 1, before = atomic_load(&most);
	sigset_t blocked;

	assert_ptr_equal(ctx, seen);
	while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
		;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	if (!sigismember(&blocked, SIGINT))
		atomic_fetch_add(&unblocked, 1);
	clock_sleep_ms(1);
	atomic_fetch_add(&seen[i], 1);
	atomic_fetch_sub(&running, 1);
}

static void every_job_once(void **state)
{
	static const struct { unsigned count, workers, at_most; } cases[] = {
		{ 0, 4, 0 }, { 1, 4, 1 }, { JOBS, 0, 1 }, { JOBS, 8, 8 }, { 3, 100, 3 },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(cases); k++) {
		for (unsigned i = 0; i < JOBS; i++)
			atomic_store(&seen[i], 0);
		atomic_store(&most, 0);
		pool_run(cases[k].count, cases[k].workers, job, seen);
		for (unsigned i = 0; i < JOBS; i++)
			assert_int_equal(atomic_load(&seen[i]), i < cases[k].count);
		assert_true(atomic_load(&most) <= cases[k].at_most);
	}
	assert_int_equal(atomic_load(&unblocked), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_job_once) };

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
