/* SPDX-License-Identifier: PostgreSQL */
/* Detects libvirt calls that hang: a list of the running calls, and a thread that checks it. */
#include <pthread.h>
#include <signal.h>

#include "clock.h"
#include "virt_call.h"

#define LOOK_MS 500

static struct {
	pthread_mutex_t lock;
	int64_t after_ms;
	void (*hang)(void *ctx, const char *uri);
	void *ctx;
	struct virt_running *first;
	bool looking;
} watch = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The thread runs until the program ends and is never joined. */
static void *watch_calls(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t now = clock_now_ms();

		pthread_mutex_lock(&watch.lock);
		for (struct virt_running *r = watch.first; r; r = r->next)
			if (!r->told && now >= r->since_ms + (r->within_ms ? r->within_ms : watch.after_ms)) {
				r->told = true;
				watch.hang(watch.ctx, r->uri);
			}
		pthread_mutex_unlock(&watch.lock);
		clock_sleep_ms(LOOK_MS);
	}
	return NULL;
}

/* Starts the thread; the lock is held. It blocks signals, which the main thread handles. */
static void start_looking(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	watch.looking = pthread_create(&thread, NULL, watch_calls, NULL) == 0;
	if (watch.looking)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void virt_watch(int64_t after_ms, void (*hang)(void *ctx, const char *uri), void *ctx)
{
	pthread_mutex_lock(&watch.lock);
	watch.after_ms = after_ms;
	watch.hang = hang;
	watch.ctx = ctx;
	pthread_mutex_unlock(&watch.lock);
}

void virt_begin(struct virt_running *r, const char *uri, int64_t within_ms)
{
	*r = (struct virt_running){ .uri = uri, .since_ms = clock_now_ms(), .within_ms = within_ms };
	pthread_mutex_lock(&watch.lock);
	if (watch.hang && !watch.looking)
		start_looking();
	r->next = watch.first;
	watch.first = r;
	pthread_mutex_unlock(&watch.lock);
}

void virt_end(struct virt_running *r)
{
	pthread_mutex_lock(&watch.lock);
	for (struct virt_running **at = &watch.first; *at; at = &(*at)->next)
		if (*at == r) {
			*at = r->next;
			break;
		}
	pthread_mutex_unlock(&watch.lock);
}
