/* SPDX-License-Identifier: PostgreSQL */
/*
 * Kills labctl with SIGKILL at every point where it changes something: create, bootstrap and destroy, from main() on,
 * with libvirt's test driver. Usage: kill-all [COMMAND POINT]; with COMMAND and POINT only that one.
 * After each point, (a) the same command must reach the state of an undisturbed run, and separately (b) destroy must
 * leave nothing. Nodes are fakes (kill-fakes.c). kill-points.c, linked into this program, counts the points.
 * tests/trust/kill-anywhere does the same with real nodes.
 */
#include <fcntl.h>
#include <fts.h>
#include <libvirt/libvirt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>

#define print_error(...) fprintf(stderr, __VA_ARGS__)
#include "private_server.h"

#define WORKERS 4
#define DURING_US "200" /* time into a libvirt call; the test driver is quick */

int labctl_main(int argc, char **argv); /* main() of src/cli */
void kill_points_begin(void);           /* kill-points.c */

/* --- labctl --- */

struct worker {
	unsigned number, of;
	char dir[128], uri[192];
};

static const struct command {
	const char *name, *words[3];
	unsigned before; /* number of commands of this table that run before it */
} commands[] = {
	{ "create", { "create", "1" }, 0 },
	{ "bootstrap", { "bootstrap", "postgres" }, 1 },
	{ "destroy", { "destroy" }, 2 },
};
#define DESTROY (&commands[ARRAY_COUNT(commands) - 1])

/* For each command, by all workers together. */
static struct score { atomic_uint points, tried, converged, left, missed; } *scores;

static const char *in(const struct worker *w, const char *name)
{
	static char path[4][256];
	static unsigned next;

	snprintf(path[next %= 4], sizeof *path, "%s/%s", w->dir, name);
	return path[next++];
}

/* Runs @body in a child process with its output in the file "out"; returns its wait status. */
#define IN_CHILD(w, body) \
	({ \
		int status_ = 0; \
		pid_t pid_ = fork(); \
		if (pid_ == 0) { \
			int out_ = open(in(w, "out"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); \
			dup2(out_, 1); \
			dup2(out_, 2); \
			body; \
		} \
		waitpid(pid_, &status_, 0); \
		status_; \
	})

/* Runs labctl, killed at point @at (0 = never). @log: writes the points that it passes to the file "points". */
static int labctl(const struct worker *w, const struct command *c, unsigned long at, bool log)
{
	const char *argv[] = { "labctl", "-l", "kill", "--hypervisor", "lxc", "--connect", w->uri, "--jobs", "1",
			       c->words[0], c->words[1], NULL };
	int argc = c->words[1] ? 11 : 10;
	char number[24];

	snprintf(number, sizeof number, "%lu", at);
	return IN_CHILD(w, {
		setenv("LABCTL_KILL_AT", number, 1);
		setenv("LABCTL_KILL_LOG", in(w, log ? "points" : "points.other"), 1);
		kill_points_begin();
		exit(labctl_main(argc, (char **)(uintptr_t)argv));
	});
}

/* --- states --- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Names, types and modes of all files, and contents of those that are equal in every run: no keys, no journal. */
static void describe_files(const struct worker *w, struct strbuf *out)
{
	char *const tops[] = { (char *)(uintptr_t)in(w, "state"), (char *)(uintptr_t)in(w, "data"), NULL };
	FTS *tree = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	struct fail e = { 0 };

	for (FTSENT *f; (f = fts_read(tree));) {
		if (f->fts_info == FTS_DP || f->fts_level == 0)
			continue;
		strbuf_printf(out, "%o %s\n", f->fts_statp->st_mode, f->fts_path + strlen(w->dir));
		if (f->fts_info == FTS_F && !strstr(f->fts_name, "key") &&
		    (!strcmp(f->fts_name, "lab.yaml") || strstr(f->fts_path, "/leases/") || strstr(f->fts_path, "/root/")))
			file_read(f->fts_path, 1 << 20, out, &e);
	}
	fts_close(tree);
}

static void describe_libvirt(const struct worker *w, struct strbuf *out)
{
	virConnectPtr c = virConnectOpenReadOnly(w->uri);
	virDomainPtr *domains = NULL;
	virNetworkPtr *networks = NULL;
	int count = c ? virConnectListAllDomains(c, &domains, 0) : -1;

	if (count < 0)
		private_die("libvirtd is gone");
	for (int i = 0; i < count; i++) {
		char *xml = virDomainGetXMLDesc(domains[i], VIR_DOMAIN_XML_INACTIVE);

		strbuf_printf(out, "domain %s active %d\n%s", virDomainGetName(domains[i]), virDomainIsActive(domains[i]), xml);
		free(xml);
		virDomainFree(domains[i]);
	}
	free(domains);
	count = virConnectListAllNetworks(c, &networks, 0);
	for (int i = 0; i < count; i++) {
		char *xml = virNetworkGetXMLDesc(networks[i], 0);

		strbuf_printf(out, "network %s active %d\n%s", virNetworkGetName(networks[i]), virNetworkIsActive(networks[i]), xml);
		free(xml);
		virNetworkFree(networks[i]);
	}
	free(networks);
	virConnectClose(c);
}

/* Writes the state to the file @name. In a child process, because libvirt makes threads and this process forks. */
static void describe(const struct worker *w, const char *name)
{
	int status = IN_CHILD(w, {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		describe_files(w, &text);
		describe_libvirt(w, &text);
		private_write(in(w, name), 0600, strbuf_text(&text));
		strbuf_clear(&text);
		exit(0);
	});

	if (status)
		private_die("cannot look at the state: %d", status);
}

static bool show(const struct worker *w, const char *file)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };

	file_read(in(w, file), 1 << 20, &text, &e);
	fputs(strbuf_text(&text), stdout);
	return false;
}

/* Is the state equal to the one in @name? */
static bool same(const struct worker *w, const char *name)
{
	auto_(strbuf_clear) struct strbuf now = { 0 }, then = { 0 };
	struct fail e = { 0 };

	describe(w, "now");
	if (file_read(in(w, "now"), 1 << 24, &now, &e) < 0 || file_read(in(w, name), 1 << 24, &then, &e) < 0)
		private_die("%s", e.text);
	return !strcmp(strbuf_text(&now), strbuf_text(&then));
}

static bool complain(const struct worker *w, const struct command *c, unsigned long at, const char *what,
		     const char *then)
{
	char shell[1024];

	snprintf(shell, sizeof shell, "sed -n '%lus/^/  %s, point /p' %s; %s %s %s | sed 's/^/    /' | head -n 20", at,
		 c->name, in(w, "points"), then ? "diff -U0" : "cat", in(w, then ? then : "out"), then ? in(w, "now") : "");
	printf("  %s:\n", what);
	fflush(stdout);
	return system(shell) < 0;
}

/* --- trials --- */

static void prepare(const struct worker *w, const struct command *c)
{
	for (unsigned i = 0; i < c->before; i++)
		if (labctl(w, &commands[i], 0, false)) {
			show(w, "out");
			private_die("%s failed", commands[i].name);
		}
}

/* Exit status 4: there is no such lab. */
static bool nothing_left(const struct worker *w, const struct command *c, unsigned long at)
{
	int status = labctl(w, DESTROY, 0, false);

	if (status && !(WIFEXITED(status) && WEXITSTATUS(status) == 4))
		return complain(w, c, at, "destroy failed", NULL);
	return same(w, "before") || complain(w, c, at, "left by destroy", "before");
}

static bool killed(const struct worker *w, const struct command *c, unsigned long at)
{
	int status;

	prepare(w, c);
	status = labctl(w, c, at, true);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool converges(const struct worker *w, const struct command *c, unsigned long at)
{
	if (labctl(w, c, 0, false))
		return complain(w, c, at, "again: failed", NULL);
	return same(w, c->name) || complain(w, c, at, "again: another state", c->name);
}

static void trial(const struct worker *w, const struct command *c, unsigned long at)
{
	struct score *s = &scores[c - commands];
	bool was_killed = false, clean = true, good = true;

	/* Repeats a trial in which labctl ended before it could be killed in the middle of a call. */
	for (unsigned i = 0; i < 3 && !was_killed; i++) {
		was_killed = killed(w, c, at);
		clean &= nothing_left(w, c, at);
	}
	if (c != DESTROY && was_killed && killed(w, c, at)) {
		good = converges(w, c, at);
		clean &= nothing_left(w, c, at);
	}
	atomic_fetch_add(was_killed ? &s->tried : &s->missed, 1);
	atomic_fetch_add(&s->left, !clean);
	atomic_fetch_add(&s->converged, was_killed && good && clean);
}

/* The undisturbed run; returns its number of points. */
static unsigned long undisturbed(const struct worker *w, const struct command *c)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	unsigned long count = 0;

	prepare(w, c);
	if (labctl(w, c, 0, true)) {
		show(w, "out");
		private_die("%s failed undisturbed", c->name);
	}
	if (file_read(in(w, "points"), 1 << 24, &text, &e) < 0)
		private_die("%s", e.text);
	for (const char *p = text.text; *p; p++)
		count += *p == '\n';
	describe(w, c->name);
	if (!nothing_left(w, c, 0))
		private_die("%s undisturbed, then destroy, leaves something", c->name);
	return count;
}

/* libvirtd, for the test driver's state, which lasts as long as a connection is open. */
static void start_libvirtd(const struct worker *w)
{
	const char *own = in(w, "libvirt"), *argv[] = { "/usr/sbin/libvirtd", "-f", in(w, "libvirtd.conf"), NULL };
	char conf[256];
	int ready[2];

	snprintf(conf, sizeof conf, "unix_sock_dir = \"%s\"\n", own);
	private_write(argv[2], 0644, conf);
	if (mkdir(own, 0755) < 0 || chown(own, 65534, 65534) < 0)
		private_die("%s: %s", own, strerror(errno));
	for (const char *const *name = (const char *const[]){ "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
							      "XDG_DATA_HOME", NULL }; *name; name++)
		setenv(*name, own, 1);
	/* As user nobody it is a session daemon: it keeps its files below these directories and can change nothing else. */
	private_spawn(argv, 65534, 65534, in(w, "libvirtd.log"));
	for (unsigned i = 0; i < 300 && !file_exists(in(w, "libvirt/libvirt-sock")); i++)
		clock_sleep_ms(100);
	if (pipe2(ready, O_CLOEXEC) < 0)
		private_die("pipe: %s", strerror(errno));
	if (fork() == 0) {
		virConnectPtr c = NULL;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* the socket has its name before it listens */
		for (unsigned i = 0; i < 100 && !(c = virConnectOpen(w->uri)); i++)
			clock_sleep_ms(100);
		if (!c || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], conf, 1) != 1) {
		show(w, "libvirtd.log");
		private_die("no libvirtd");
	}
	close(ready[0]);
}

static void work(struct worker *w, const char *only, unsigned long at)
{
	if (mkdir(in(w, "state"), 0755) < 0 || mkdir(in(w, "data"), 0755) < 0)
		private_die("%s: %s", w->dir, strerror(errno));
	start_libvirtd(w);
	setenv("LABCTL_STATE", in(w, "state"), 1);
	setenv("LABCTL_FILE", in(w, "kill.yaml"), 1);
	describe(w, "before");
	for (const struct command *c = commands; c <= DESTROY; c++) {
		unsigned long count;

		if (only && strcmp(only, c->name) != 0)
			continue;
		count = undisturbed(w, c);
		atomic_store(&scores[c - commands].points, (unsigned)count);
		for (unsigned long i = at ? at : 1 + w->number; i <= (at ? at : count); i += w->of)
			trial(w, c, i);
	}
}

/* The lab file, and the library with a template of containers that the test driver accepts. */
static void write_inputs(const char *dir, const struct worker *workers, unsigned count)
{
	static const char script[] = "cp -r \"$1\"/domains \"$1\"/kickstart \"$1\"/tuning \"$2\" && sed -i "
				     "'s/type=\"lxc\"/type=\"test\"/; s/<type arch=\"x86_64\">exe</<type>hvm</; /<init>/d; "
				     "s/<privnet\\/>/<acpi\\/>/' \"$2\"/domains/lxc.xml";
	const char *argv[] = { "/bin/sh", "-euc", script, "sh", SOURCE_DIR, dir, NULL };
	char text[256];

	private_run(argv);
	setenv("LABCTL_DATA", dir, 1);
	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof text, "lab: kill\ndata: {export_root: %s/data/made/root}\n", workers[i].dir);
		private_write(in(&workers[i], "kill.yaml"), 0644, text);
	}
}

/* Runs all trials in @dir; returns the exit status. */
static int run(const char *dir, const char *only, unsigned long at)
{
	struct worker workers[WORKERS] = { 0 };
	unsigned count = only ? 1 : WORKERS, failed = 0;
	int64_t start = clock_now_ms();
	pid_t pids[WORKERS];
	int status;

	/* In memory, because the files need not survive the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "mode=0755") < 0)
		private_die("%s: %s", dir, strerror(errno));
	scores = mmap(NULL, sizeof *scores * ARRAY_COUNT(commands), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setenv("LABCTL_KILL_DURING", DURING_US, 1);
	setenv("LABCTL_YES", "1", 1);
	setenv("LABCTL_CACHE", "/nonexistent", 1);
	for (unsigned i = 0; i < count; i++) {
		workers[i].number = i;
		workers[i].of = count;
		snprintf(workers[i].dir, sizeof workers[i].dir, "%s/%u", dir, i);
		snprintf(workers[i].uri, sizeof workers[i].uri, "test+unix:///default?socket=%s/%u/libvirt/libvirt-sock", dir, i);
		mkdir(workers[i].dir, 0755);
	}
	write_inputs(dir, workers, count);
	for (unsigned i = 0; i < count; i++)
		if ((pids[i] = fork()) == 0) {
			work(&workers[i], only, at);
			exit(0);
		}
	for (unsigned i = 0; i < count; i++)
		failed |= waitpid(pids[i], &status, 0) != pids[i] || status != 0;
	printf("kill-all: libvirt's test driver, 1 node, %u workers, %.0f s\n", count,
	       (double)(clock_now_ms() - start) / 1000);
	for (unsigned i = 0; i < ARRAY_COUNT(commands); i++) {
		const struct score *s = &scores[i];

		if (only && strcmp(only, commands[i].name) != 0)
			continue;
		printf("%s: %u points, %u tried, %u converged, %u with left-overs, %u not reached\n", commands[i].name,
		       s->points, s->tried, s->converged, s->left, s->missed);
		failed |= s->tried == 0 || s->converged != s->tried || s->left > 0;
	}
	return (int)failed;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/labctl-kill-XXXXXX";
	int status = 1;
	pid_t pid;

	/* All mounts and processes from here on end with this child. */
	if (!mkdtemp(dir) || unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		private_die("%s: %s", dir, strerror(errno));
	pid = fork();
	if (pid == 0)
		exit(run(dir, argc > 2 ? argv[1] : NULL, argc > 2 ? strtoul(argv[2], NULL, 10) : 0));
	waitpid(pid, &status, 0);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return status != 0;
}
