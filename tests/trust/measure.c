/* SPDX-License-Identifier: PostgreSQL */
/*
 * Measures what a program needs. Usage: measure FILE COMMAND...; returns COMMAND's exit status and writes one line to FILE:
 * wall ms, CPU ms (user and system), and maxima: resident KiB, open file descriptors, threads (the last two sampled every
 * 2 ms).
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Entries of a directory, without . and .. */
static unsigned count(const char *path)
{
	DIR *dir = opendir(path);
	unsigned found = 0;

	while (dir && readdir(dir))
		found++;
	if (dir)
		closedir(dir);
	return found > 2 ? found - 2 : 0;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
	char fds[64], tasks[64];
	unsigned most_fds = 0, most_tasks = 0;
	struct rusage usage;
	double start = now_ms();
	int status;
	FILE *out;
	pid_t pid;

	if (argc < 3 || !(out = fopen(argv[1], "we"))) {
		fprintf(stderr, "usage: measure FILE COMMAND...\n");
		return 2;
	}
	pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	snprintf(fds, sizeof fds, "/proc/%d/fd", (int)pid);
	snprintf(tasks, sizeof tasks, "/proc/%d/task", (int)pid);
	while (wait4(pid, &status, WNOHANG, &usage) == 0) {
		unsigned n = count(fds), m = count(tasks);

		most_fds = n > most_fds ? n : most_fds;
		most_tasks = m > most_tasks ? m : most_tasks;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	fprintf(out, "%.0f %.0f %ld %u %u\n", now_ms() - start, ms(usage.ru_utime) + ms(usage.ru_stime), usage.ru_maxrss,
		most_fds, most_tasks);
	fclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
