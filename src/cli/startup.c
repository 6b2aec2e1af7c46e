/* SPDX-License-Identifier: PostgreSQL */
#include "startup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "auto.h"

extern char **environ;

void startup_streams(void)
{
	int fd;

	/* open() returns the lowest free number: 0, 1, 2 one after the other. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void startup_environment(void)
{
	for (char **at = environ; at && *at;) {
		size_t len = strcspn(*at, "=");
		char *name;

		if (strncmp(*at, "PG", 2) != 0) {
			at++;
			continue;
		}
		name = strndup(*at, len);
		if (!name)
			abort();
		unsetenv(name); /* moves the rest down: do not advance */
		free(name);
	}
}

void startup_core(void)
{
	const char *wanted = getenv("LABCTL_CORE");
	struct rlimit size;

	if (wanted && strcmp(wanted, "1") == 0) {
		if (getrlimit(RLIMIT_CORE, &size) == 0) {
			size.rlim_cur = size.rlim_max;
			setrlimit(RLIMIT_CORE, &size);
		}
	} else if (geteuid() == 0) {
		prctl(PR_SET_DUMPABLE, 0);
	}
}

void startup_signals(void (*on_stop)(int signo))
{
	static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction stop = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
	struct sigaction before;

	for (size_t i = 0; i < ARRAY_COUNT(stopping); i++)
		if (sigaction(stopping[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(stopping[i], &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
}
