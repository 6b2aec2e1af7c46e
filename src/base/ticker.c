/* SPDX-License-Identifier: PostgreSQL */
#include "ticker.h"

#include <pthread.h>
#include <time.h>

struct ticker {
	unsigned period_ms;
	bool (*tick)(void *ctx);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

static void add_ms(struct timespec *t, unsigned ms)
{
	t->tv_sec += ms / 1000;
	t->tv_nsec += ms % 1000 * 1000000L;
	if (t->tv_nsec >= 1000000000L) {
		t->tv_nsec -= 1000000000L;
		t->tv_sec++;
	}
}

static void *work(void *arg)
{
	struct ticker *t = arg;
	struct timespec next;
	bool more = true;

	clock_gettime(CLOCK_MONOTONIC, &next);
	pthread_mutex_lock(&t->lock);
	while (!t->stop && more) {
		pthread_mutex_unlock(&t->lock);
		more = t->tick(t->ctx);
		add_ms(&next, t->period_ms);
		pthread_mutex_lock(&t->lock);
		while (!t->stop && more && pthread_cond_timedwait(&t->wake, &t->lock, &next) == 0)
			;
	}
	pthread_mutex_unlock(&t->lock);
	if (more)
		t->tick(t->ctx);
	return NULL;
}

static void discard(struct ticker *t)
{
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct ticker *ticker_start(unsigned period_ms, bool (*tick)(void *ctx), void *ctx)
{
	struct ticker *t = calloc(1, sizeof *t);
	pthread_condattr_t monotonic;

	if (!t)
		abort();
	t->period_ms = period_ms;
	t->tick = tick;
	t->ctx = ctx;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&t->thread, NULL, work, t) == 0)
		return t;
	discard(t);
	return NULL;
}

void ticker_stop(struct ticker *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	discard(t);
}
