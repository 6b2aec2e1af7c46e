/* SPDX-License-Identifier: PostgreSQL */
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auto.h"

struct pool {
	atomic_uint next;
	unsigned count;
	void (*work)(void *ctx, unsigned i);
	void *ctx;
};

static void *pool_main(void *arg)
{
	struct pool *p = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->count)
		p->work(p->ctx, i);
	return NULL;
}

void pool_run(unsigned count, unsigned workers, void (*work)(void *ctx, unsigned i), void *ctx)
{
	struct pool p = { .count = count, .work = work, .ctx = ctx };
	unsigned wanted = workers ? workers : 1, made = 0;
	auto_(free) pthread_t *threads = NULL;
	sigset_t all, old;

	if (wanted > count)
		wanted = count;
	threads = calloc(wanted ? wanted : 1, sizeof *threads);
	if (!threads)
		abort();
	/* Signals must not interrupt a worker's system calls. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	while (made < wanted && pthread_create(&threads[made], NULL, pool_main, &p) == 0)
		made++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (made == 0)
		pool_main(&p);
	for (unsigned i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
}
