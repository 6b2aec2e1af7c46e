/* SPDX-License-Identifier: PostgreSQL */
#include "clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t clock_after_ms(int64_t timeout_ms)
{
	return timeout_ms < 0 ? CLOCK_NEVER : clock_now_ms() + timeout_ms;
}

int64_t clock_left_ms(int64_t deadline_ms)
{
	int64_t now;

	if (deadline_ms == CLOCK_NEVER)
		return CLOCK_NEVER;
	now = clock_now_ms();
	return deadline_ms > now ? deadline_ms - now : 0;
}

int clock_poll_ms(int64_t deadline_ms, int cap_ms)
{
	int64_t left = clock_left_ms(deadline_ms);

	return left < cap_ms ? (int)left : cap_ms;
}

void clock_sleep_ms(int64_t timeout_ms)
{
	struct timespec t = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}
