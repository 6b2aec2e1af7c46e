/* SPDX-License-Identifier: PostgreSQL */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "file.h"

#define BASE "/run/labctl-sandbox"

/* The mounts come last, because /proc and the control groups are found through them. */
static const struct { const char *name; int type; } spaces[] = {
	{ "pid", CLONE_NEWPID }, { "ipc", CLONE_NEWIPC }, { "net", CLONE_NEWNET }, { "cgroup", CLONE_NEWCGROUP }, { "mnt", CLONE_NEWNS },
};

/* Start time of a process, field 22 of its stat, whose second field may contain blanks; 0 if it has ended. */
static unsigned long long started(pid_t pid)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };
	unsigned long long start;
	const char *after;
	char path[40], state;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (file_read(path, 4096, &text, &ignored) < 0 || !(after = strrchr(strbuf_text(&text), ')')) ||
	    sscanf(after + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &state, &start) != 2 ||
	    state == 'Z' || state == 'X')
		return 0;
	return start;
}

/* The first process of a sandbox; 0 if it has ended, or if this process is inside and cannot see it. */
static pid_t living(const char *name, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored = { 0 };
	unsigned long long start;
	int pid;

	if (file_read(arena_printf(a, BASE "/%s/init", name), 256, &text, &ignored) < 0 ||
	    sscanf(strbuf_text(&text), "%d %llu", &pid, &start) != 2 || pid <= 0 || !start || started(pid) != start)
		return 0;
	return pid;
}

const char *const *sandbox_list(bool running, struct arena *a)
{
	const char **names = NULL;
	unsigned count = 0;
	DIR *dir = opendir(BASE);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		/* run-PID lasts as long as its command. */
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, "run-", 4) != 0 && (!running || living(entry->d_name, a)))
			*arena_push(a, names, count) = arena_strdup(a, entry->d_name);
	if (dir)
		closedir(dir);
	*arena_push(a, names, count) = NULL;
	return names;
}

static bool libvirt_is_here(void)
{
	return file_exists("/run/libvirt/libvirt-sock") || file_exists("/run/libvirt/virtqemud-sock") ||
	       file_exists("/run/libvirt/virtlxcd-sock");
}

/* Sets *ret to the name of the sandbox to enter; NULL = none. */
static int choose(struct arena *a, const char **ret, struct fail *e)
{
	const char *named = getenv("LABCTL_SANDBOX");
	const char *const *all;

	*ret = NULL;
	if (geteuid() != 0 || (named && !*named))
		return 0;
	if (named) {
		if (strchr(named, '/') || !file_exists(arena_printf(a, BASE "/%s", named))) {
			fail(e, FAIL_NOT_FOUND, "LABCTL_SANDBOX: there is no sandbox '%.80s'", named);
			return fail_next(e, "tests/support/sandbox --list");
		}
		*ret = named;
		return 0;
	}
	all = libvirt_is_here() ? NULL : sandbox_list(true, a);
	if (all && all[0] && !all[1])
		*ret = all[0];
	return 0;
}

/* A child of each of the sandbox's control groups. */
static int join_groups(const char *name, struct arena *a, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf groups = { 0 };

	if (file_read(arena_printf(a, BASE "/%s/cgroups", name), 65536, &groups, e) < 0)
		return -1;
	for (char *rest = groups.text, *line; rest && (line = strsep(&rest, "\n"));) {
		/* In version 2, only groups without children have processes. */
		const char *host = arena_printf(a, "%s/host", line), *group = file_exists(host) ? host : line;
		const char *path = arena_printf(a, "%s/cgroup.procs", group);
		auto_(close) int fd = *line ? open(path, O_WRONLY | O_CLOEXEC) : -1;

		if (*line && (fd < 0 || write(fd, "0", 1) != 1))
			return fail_errno(e, FAIL_HOST, "sandbox '%s': %s", name, path);
	}
	return 0;
}

static int enter(const char *name, pid_t init, struct arena *a, pid_t *ret_child, struct fail *e)
{
	auto_(free) char *here = getcwd(NULL, 0);
	int fds[ARRAY_COUNT(spaces)];

	for (size_t i = 0; i < ARRAY_COUNT(spaces); i++) {
		fds[i] = open(arena_printf(a, "/proc/%d/ns/%s", (int)init, spaces[i].name), O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			return fail_errno(e, FAIL_HOST, "sandbox '%s': its %s namespace", name, spaces[i].name);
	}
	/* The number may have been another process's since. */
	if (living(name, a) != init)
		return fail(e, FAIL_NOT_FOUND, "sandbox '%s' has just ended", name);
	if (setns(fds[0], spaces[0].type) < 0)
		return fail_errno(e, FAIL_HOST, "enter the sandbox '%s'", name);
	*ret_child = fork();
	if (*ret_child < 0)
		return fail_errno(e, FAIL_HOST, "fork");
	if (*ret_child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (join_groups(name, a, e) < 0)
			return -1;
		for (size_t i = 1; i < ARRAY_COUNT(spaces); i++)
			if (setns(fds[i], spaces[i].type) < 0)
				return fail_errno(e, FAIL_HOST, "enter the sandbox '%s': %s", name, spaces[i].name);
		if ((!here || chdir(here) < 0) && chdir("/") < 0)
			return fail_errno(e, FAIL_HOST, "/");
		setenv("LABCTL_SANDBOX", name, 1);
	}
	for (size_t i = 0; i < ARRAY_COUNT(spaces); i++)
		close(fds[i]);
	return 0;
}

int sandbox_enter(struct arena *a, pid_t *ret_child, struct fail *e)
{
	const char *name;
	pid_t init;

	*ret_child = 0;
	if (choose(a, &name, e) < 0)
		return -1;
	/* Inside a sandbox its variable names it, and its first process cannot be seen. */
	init = name ? living(name, a) : 0;
	return init ? enter(name, init, a, ret_child, e) : 0;
}

void sandbox_stay_out(struct arena *a)
{
	const char *named = getenv("LABCTL_SANDBOX");

	for (const char *const *all = sandbox_list(true, a); named && *all; all++)
		if (!strcmp(*all, named)) {
			unsetenv("LABCTL_SANDBOX");
			return;
		}
}

static volatile pid_t waited;

static void pass_on(int signo)
{
	kill(waited, signo);
}

int sandbox_wait(pid_t child)
{
	const struct sigaction pass = { .sa_handler = pass_on, .sa_flags = SA_RESTART };
	int status;

	waited = child;
	sigaction(SIGTERM, &pass, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return FAIL_OTHER;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}
