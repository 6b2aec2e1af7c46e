/* SPDX-License-Identifier: PostgreSQL */
/*
 * Preloaded into labctl and its child processes (LD_PRELOAD): adds to their wall clock the number of seconds that is in
 * the file LABCTL_CLOCK at that moment. The kernel's clock is not changed, so that a wait for a time of the wall clock
 * takes an hour too long or ends at once, as after a real jump.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

static long wrong(void)
{
	const char *file = getenv("LABCTL_CLOCK");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	char text[16];
	ssize_t len;

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof text - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int r = REAL(clock_gettime)(id, t);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += wrong();
	return r;
}

int gettimeofday(struct timeval *t, void *zone)
{
	int r = REAL(gettimeofday)(t, zone);

	if (r == 0)
		t->tv_sec += wrong();
	return r;
}

time_t time(time_t *at)
{
	time_t now = REAL(time)(NULL) + wrong();

	if (at)
		*at = now;
	return now;
}
