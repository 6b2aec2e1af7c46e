/* SPDX-License-Identifier: PostgreSQL */
/* labctl: signals, deadlines, exit status. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "file.h"
#include "help.h"
#include "sandbox.h"
#include "startup.h"
#include "terminal.h"
#include "trace.h"
#include "virt.h"

#define OVERDUE_GRACE_S 10 /* time for a step to finish after its deadline: ask for a state, read a console */

static atomic_bool canceled;
static const char stopping[] = "\nlabctl: interrupted: finishing running steps (Ctrl-C again to quit now)\n";

/* First Ctrl-C: start no more steps; running ones see the flag. Second: exit now; the journal has what was begun. */
static void on_interrupt(int signo)
{
	(void)signo;
	if (atomic_exchange(&canceled, true))
		_exit(FAIL_CANCELED);
	(void)!write(STDERR_FILENO, stopping, sizeof stopping - 1);
}

static const char overdue[] = "\nlabctl: timed out (--timeout); a call is still blocked [TIMEOUT]\n"
			      "  next: if virsh list does not answer either, systemctl restart libvirtd (nodes run on); then the same command again\n";

static void on_overdue(int signo)
{
	(void)signo;
	terminal_restore();
	(void)!write(STDERR_FILENO, overdue, sizeof overdue - 1);
	_exit(FAIL_TIMEOUT);
}

/*
 * Every wait of ours has a deadline, but a call into libvirt has none. So --timeout also ends the process, a little after
 * the deadlines should have; without --timeout on_hang() does. exec(2) of ssh and psql removes the timer.
 */
static void limit_time(int64_t timeout_ms)
{
	struct sigaction end = { .sa_handler = on_overdue };
	struct itimerspec at = { .it_value.tv_sec = timeout_ms / 1000 + OVERDUE_GRACE_S };
	timer_t timer;

	if (timeout_ms < 0 || timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0)
		return;
	sigaction(SIGALRM, &end, NULL);
	timer_settime(timer, 0, &at, NULL);
}

/* One SSH session per node stays open: raise the shell's limit of 1024 open files, though not to the host's maximum. */
static void allow_files(void)
{
	const rlim_t wanted = 2 * LAB_NODES_MAX;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &files);
}

#define PATIENCE_MAX 100
#define HANG_MS 120000 /* libvirt starts a machine or container in seconds, even eight emulated ones at once */

static void on_hang(void *ctx, const char *uri)
{
	struct cli *c = ctx;
	struct fail e = { 0 };

	terminal_restore();
	fail(&e, FAIL_TIMEOUT, "libvirt (%s) has not answered for %u s", uri, HANG_MS / 1000 * c->patience);
	fail_next(&e, "if virsh list does not answer either, systemctl restart libvirtd (nodes run on); then the same command again; if the "
		      "host is only slow: LABCTL_PATIENCE=10 labctl ...");
	report_fail(c, &e);
	fflush(NULL);
	_exit(FAIL_TIMEOUT);
}

/* How much slower than usual this host may be. */
static int patience(unsigned *ret, struct fail *e)
{
	const char *text = getenv("LABCTL_PATIENCE");
	char *end;
	long factor = text && *text ? strtol(text, &end, 10) : 1;

	*ret = 1;
	if (text && *text && (*end || factor < 1 || factor > PATIENCE_MAX))
		return fail(e, FAIL_USAGE, "LABCTL_PATIENCE: '%s' is no number from 1 to %d", text, PATIENCE_MAX);
	*ret = (unsigned)factor;
	return 0;
}

/* Adds the next command for causes that any operation on files may have. */
static void advise(struct fail *e)
{
	/* If a node's disk is full, the step has already said what to do. */
	if (e->cause == CAUSE_NO_SPACE && !e->next[0] && e->code != FAIL_REMOTE && e->code != FAIL_DB)
		fail_next(e, "df -h; free some space, then run the same command again");
	else if (e->cause == CAUSE_DENIED && geteuid() != 0)
		fail_next(e, "run labctl as root");
}

static void print_trace(const char *text)
{
	report_say("%s\n", text);
}

/* Root trusts these directories: anybody else who could write there could become root. */
static int check_places(const struct cli *c, struct fail *e)
{
	if (c->cmd->without & NO_STATE)
		return 0;
	return file_check_dir(c->state_dir, e) < 0 || file_check_dir(c->cache_dir, e) < 0 ? -1 : 0;
}

static int run_command(struct cli *c, struct fail *e)
{
	/* Commands that only talk to nodes do not need the data files. */
	if (!(c->cmd->without & NO_LIBRARY) && library_load(NULL, &c->lib, e) < 0)
		return -1;
	return check_places(c, e) < 0 ? -1 : c->cmd->run(c, e);
}

static int help_print(const struct cli *c)
{
	if (*c->path)
		help_command(c->cmd, c->path, c->arena);
	else
		help_overview();
	return 0;
}

/* Even a command line that cannot be parsed may ask for JSON. */
static bool wants_json(char **argv)
{
	const char *set = getenv("LABCTL_JSON");

	while (*argv && strcmp(*argv, "--") != 0 && strcmp(*argv, "--json") != 0)
		argv++;
	return (*argv && !strcmp(*argv, "--json")) || (set && !strcmp(set, "1"));
}

int main(int argc, char **argv)
{
	struct fail e = { 0 };
	struct cli c = { .cancel = &canceled, .start_ms = clock_now_ms(), .timeout_ms = -1 };
	pid_t inside = 0;
	int r;

	startup_streams();
	startup_environment();
	startup_signals(on_interrupt);
	/* Input and output are UTF-8, whatever the caller's locale is; no other part of the locale is used. */
	setlocale(LC_CTYPE, "C.UTF-8");
	/* Files are created with explicit modes; directories must be searchable by QEMU's user. */
	umask(022);
	startup_core();
	allow_files();
	c.arena = arena_new();
	r = command_line_parse(&c, argc, argv, &e);
	if (r == 0 && !c.help && (c.cmd->without & NO_LIBVIRT))
		sandbox_stay_out(c.arena);
	else if (r == 0 && !c.help && !c.connect)
		r = sandbox_enter(c.arena, &inside, &e);
	if (inside)
		_exit(sandbox_wait(inside)); /* at once: a child of this process would be inside, which the leak sanitizer does not know */
	if (r == 0)
		r = trace_start(getenv("LABCTL_TRACE"), print_trace, &e);
	if (r == 0)
		r = patience(&c.patience, &e);
	limit_time(c.timeout_ms);
	virt_watch((int64_t)HANG_MS * c.patience, on_hang, &c);
	if (r < 0)
		c.json = c.json || wants_json(argv);
	if (r == 0)
		r = c.help ? help_print(&c) : run_command(&c, &e);
	if (r < 0) {
		advise(&e);
		report_fail(&c, &e);
	}
	library_free(c.lib);
	arena_free(c.arena);
	if (fflush(stdout) != 0 && r == 0)
		return FAIL_OTHER;
	return r < 0 ? (int)e.code : r;
}
