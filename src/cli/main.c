/* SPDX-License-Identifier: PostgreSQL */
/* labctl: the command table, signals, exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "file.h"
#include "virt.h"

#define OVERDUE_GRACE_S 10 /* for what a step does after its deadline: ask for a state, read a console */

const struct cmd cmds[] = {
	{ "create", cmd_create, "[N]", 1, false, "S", "make a lab of N nodes, or complete and repair one",
	  "Defines the lab's network and nodes, boots them in parallel, mounts their data directories and tunes their "
	  "operating systems. Running it again does only what is missing.\n\n"
	  "  labctl create 8                  eight nodes, no lab file needed\n"
	  "  labctl -f lab.yaml create        what the lab file says\n"
	  "  labctl -n create 3               show the steps, touch nothing\n"
	  "  labctl --hypervisor lxc create 3 containers instead of machines" },
	{ "bootstrap", cmd_bootstrap, "[KIND]", 1, false, "s", "build, install, configure and start a database cluster",
	  "KIND is pgxc (Postgres-XC: GTM, standby, proxies, datanodes, coordinators), citus (a coordinator and workers, "
	  "pgpool-II in front) or postgres (a primary with streaming standbys); without KIND, what the lab file says. "
	  "Ends with a gate: rows written through one node are read through the others. Running it again changes "
	  "nothing, or goes on where it stopped.\n\n"
	  "  labctl bootstrap postgres\n"
	  "  labctl bootstrap pgxc --source pgxc-v1.0.2.tar.gz\n"
	  "  labctl bootstrap citus --source citus-12.1.12.tar.gz" },
	{ "destroy", cmd_destroy, "", 0, false, "k", "remove everything that labctl made for the lab",
	  "Stops and removes domains, network, disks, mounts, exports, keys and the record of the lab, and nothing "
	  "else: what does not carry the lab's tag is left alone and named. A lab whose record is lost or damaged goes "
	  "by its name (-l). Asks on a terminal unless -y is given." },
	{ "plan", cmd_plan, "create|bootstrap|destroy [N|KIND]", 2, false, "sdS", "show the steps of a command",
	  "Prints what the command would do, in order, as text, with --json as one document, with --dot as a graph.\n\n"
	  "  labctl plan create 8\n  labctl plan bootstrap pgxc --dot | dot -Tsvg > plan.svg" },
	{ "render", cmd_render, "[KIND]", 1, false, "so", "write every file, script and statement to a directory",
	  "Writes into DIR what labctl would put anywhere: XML and exports of the host, files, scripts and SQL of "
	  "every node, with secrets as placeholders. Touches nothing else." },
	{ "status", cmd_status, "", 0, false, "", "show the nodes of a lab, their state and their databases", "" },
	{ "list", cmd_list, "", 0, false, "", "show the labs of this host", "" },
	{ "ssh", cmd_ssh, "NODE [-- COMMAND...]", 1, true, "", "log in to a node, or run one command on it",
	  "Keeps the exit status of the command.\n\n  labctl ssh node3\n  labctl ssh 3 -- uptime" },
	{ "exec", cmd_exec, "[NODES] -- COMMAND...", 1, true, "r", "run a command on several nodes in parallel",
	  "NODES is a name, a number, a range or a list: node3, 3, 1-3,5; all nodes when left out. The exit status is "
	  "that of the first node whose command failed. COMMAND \"-\" reads a script from standard input.\n\n"
	  "  labctl exec -- uptime\n  labctl exec -r datanode -- df -h /data\n  labctl exec 1-3 -- - < script.sh" },
	{ "psql", cmd_psql, "[NODE] [-- ARGS...]", 1, true, "r", "open psql on a database of the lab",
	  "Goes to the kind's usual entry (a coordinator, the primary) unless NODE or --role says otherwise. ARGS are "
	  "psql's.\n\n  labctl psql\n  labctl psql node4 -- -c 'select 1'" },
	{ "env", cmd_env, "", 0, false, "", "print what a shell needs to work with a lab",
	  "Lines of export for eval: the lab's name, and what psql and every other program with libpq reads to reach the "
	  "kind's usual entry. No password is among them: PGPASSFILE names the file that has it.\n\n"
	  "  eval \"$(labctl env)\" && psql\n  eval \"$(labctl env)\" && psql service=lab-node2" },
	{ "inventory", cmd_inventory, "", 0, false, "i", "print the lab for psql, JDBC, Ansible, ssh, jq",
	  "Prints one format; without --format, the formats and the files that have them. The files are written by create "
	  "and bootstrap and go with the lab. pgpass and jdbc hold passwords, on standard output too.\n\n"
	  "  labctl inventory --format hosts >>/etc/hosts\n"
	  "  labctl inventory --format json | jq '.endpoints[]'" },
	{ "db", cmd_db, "ACTION [NAME|TABLE]", 2, false, "DNCPFL", "make, drop and look into the databases of a lab",
	  "  create NAME [--template citus|postgis] [--force]   on every node that holds databases, nodes registered in it\n"
	  "  drop NAME [--force]         on every node; asks for the name on a terminal unless -y is given\n"
	  "  update-extensions [NAME]    to what is installed; without NAME the templates and the default database\n"
	  "  list                        every database, and on which nodes it is\n"
	  "  tables [--db D] [--schema S]   how each table is distributed, its column and size\n"
	  "  nodes [--db D]              the nodes that the database knows\n"
	  "  shards TABLE [--db D]       where the parts of a table are, and how full the nodes are\n"
	  "  distribute --schema S --column C [--db D] [--truncate-local]\n"
	  "                              every table of S that has the column, one by one; -n shows which\n\n"
	  "Sessions that hold a database or its template are named, and ended only with --force. Running create, drop and "
	  "distribute again completes what is missing.\n\n"
	  "  labctl db create osm --template postgis\n"
	  "  labctl db distribute --db osm --schema public --column osm_id\n"
	  "  labctl db shards public.planet_osm_point --db osm" },
	{ "doctor", cmd_doctor, "", 0, false, "", "check whether this host can run labs, and say what is missing", "" },
	{ "image", cmd_image, "list|show|build|install|import|rm|gc [NAME] [FILE|URL]", 3, false, "Kmz2R",
	  "build, install, import, list and remove the images that nodes boot from",
	  "  labctl image build            debian12, what every lab boots from\n"
	  "  labctl image build debian12-build   with compilers, for building from source\n"
	  "  labctl image install rocky9 --kickstart el9 --media Rocky-9-x86_64-dvd.iso\n"
	  "  labctl image install deb12 --kickstart debian12 --media netboot\n"
	  "  labctl image import alma9 https://.../AlmaLinux-9-GenericCloud.qcow2 --sha256 DIGEST\n"
	  "  labctl image list             which are there, and which labs use them\n"
	  "  labctl image show NAME        all that is known of one\n"
	  "  labctl image rm NAME          unless a lab uses it\n"
	  "  labctl image gc               remove what nobody uses and no recipe of today leads to (-n: show it)" },
	{ "version", cmd_version, "", 0, false, "", "show the version of labctl and of its libraries", "" },
	{ "help", cmd_help, "[COMMAND]", 1, false, "", "explain a command", "" },
	{ 0 },
};

const struct cmd *cmd_find(const char *name)
{
	for (const struct cmd *cmd = cmds; cmd->name; cmd++)
		if (!strcmp(cmd->name, name))
			return cmd;
	return NULL;
}

static atomic_bool canceled;
static const char stopping[] = "\nlabctl: stopping: no new steps; once more to leave at once\n";

/* First Ctrl-C: stop starting, let what runs see the flag. Second: leave now; the journal has the intents. */
static void on_interrupt(int signo)
{
	(void)signo;
	if (atomic_exchange(&canceled, true))
		_exit(FAIL_CANCELED);
	(void)!write(STDERR_FILENO, stopping, sizeof stopping - 1);
}

static void catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static const char overdue[] = "\nlabctl: the time is over (--timeout) and something does not come back [TIMEOUT]\n"
			      "  next: is libvirtd stuck? (systemctl status libvirtd); then the same command again\n";

static void on_overdue(int signo)
{
	(void)signo;
	(void)!write(STDERR_FILENO, overdue, sizeof overdue - 1);
	_exit(FAIL_TIMEOUT);
}

/*
 * Every wait of ours has a deadline, but a call into libvirt has none. So --timeout ends the process itself when its
 * deadlines did not, a little later; without --timeout it is on_hang(). The timer ends with the program: exec(2) of ssh and psql removes it.
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

/* An SSH session stays open per node: more files than the 1024 that a shell allows. Not all that the host would give. */
static void allow_files(void)
{
	const rlim_t wanted = 2 * LAB_NODES_MAX;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &files);
}

#define HANG_MS 120000 /* libvirt starts a machine or container in seconds, also where eight start at once in emulation */

static void on_hang(void *ctx, const char *uri)
{
	struct fail e = { 0 };

	fail(&e, FAIL_TIMEOUT, "libvirt (%s) has not answered for %d s", uri, HANG_MS / 1000);
	fail_next(&e, "is libvirtd stuck? (systemctl status libvirtd); then the same command again");
	report_fail(ctx, &e);
	fflush(NULL);
	_exit(FAIL_TIMEOUT);
}

/* Causes that any file may have, with the same way out. */
static void advise(struct fail *e)
{
	/* Where a node's disk is full, the step has said what to do there. */
	if (e->cause == CAUSE_NO_SPACE && e->code != FAIL_REMOTE && e->code != FAIL_DB)
		fail_next(e, "df -h; make room, then run the same command again");
	else if (e->cause == CAUSE_DENIED && geteuid() != 0)
		fail_next(e, "run labctl as root");
}

/* Root trusts what is there; whoever else could write there would be root. */
static int check_places(const struct cli *c, struct fail *e)
{
	if (c->cmd->run == cmd_help || c->cmd->run == cmd_version)
		return 0;
	return file_check_dir(c->state_dir, e) < 0 || file_check_dir(c->cache_dir, e) < 0 ? -1 : 0;
}

/* A command line that cannot be read may still say how its failure is to be told. */
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
	int r;

	/* Files say their modes themselves; directories must be passable for QEMU's own user. */
	umask(022);
	/* No core file with keys and passwords in it. Others cannot read any; and their /proc/self would be root's. */
	if (geteuid() == 0)
		prctl(PR_SET_DUMPABLE, 0);
	allow_files();
	catch_signals();
	c.arena = arena_new();
	r = options_parse(&c, argc, argv, &e);
	limit_time(c.timeout_ms);
	virt_watch(HANG_MS, on_hang, &c);
	if (r < 0)
		c.json = c.json || wants_json(argv);
	/* What only talks to nodes does without the data files. */
	if (r == 0 && !c.cmd->takes_command)
		r = library_load(NULL, &c.lib, &e);
	if (r == 0)
		r = check_places(&c, &e);
	if (r == 0)
		r = c.cmd->run(&c, &e);
	else if (r > 0)
		r = 0;
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
