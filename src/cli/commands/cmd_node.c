/* SPDX-License-Identifier: PostgreSQL */
/* ssh, psql: run the system's own programs with the options that reach a node. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_node.h"
#include "complete.h"
#include "family.h"
#include "file.h"
#include "inventory.h"
#include "proc.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"

#define KNOCK_MS 3000 /* in a lab's network a running sshd answers in milliseconds */

char *node_command(const char *const *words, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };

	if (words[0] && !words[1])
		return arena_strdup(a, words[0]);
	for (unsigned i = 0; words[i]; i++) {
		strbuf_str(&line, i ? " " : "");
		quote_add(&line, QUOTE_SH, words[i]);
	}
	return arena_strdup(a, strbuf_text(&line));
}

const struct node *node_one(struct cli *c, const struct lab *lab, const char *word, const char *role, struct fail *e)
{
	bool *set = arena_alloc(c->arena, lab->node_count * sizeof *set);

	if (lab_select(lab, word, role, set, e) < 0)
		return NULL;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			return &lab->nodes[i];
	return NULL;
}

int node_named(const struct cli *c, const struct lab *lab, const struct node **ret, struct fail *e)
{
	bool *set = arena_alloc(c->arena, lab->node_count * sizeof *set);
	unsigned count = 0;

	if (lab_select(lab, c->args[0], NULL, set, e) < 0)
		return -1;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i] && count++ == 0)
			*ret = &lab->nodes[i];
	return count == 1 ? 0 : fail(e, FAIL_USAGE, "'%.64s' names %u nodes: one is needed", c->args[0], count);
}

static int replace_by(const char *const *argv, struct fail *e)
{
	signal(SIGPIPE, SIG_DFL); /* exec(2) keeps ignored signals ignored, but `labctl ssh node1 -- yes | head` must end */
	execvp(argv[0], (char *const *)(void *)argv);
	return fail_errno(e, FAIL_HOST, "%s", argv[0]);
}

bool node_explain_silence(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e)
{
	auto_(runtime_close) struct runtime *rt = NULL;
	enum fail_code code = e->code;
	bool active, stalled;
	struct fail ignored;
	const char *state;

	if (load_runtime(c, lab, &rt, &ignored) < 0)
		return false;
	state = runtime_state(rt, n, &active, &stalled);
	if (!stalled)
		return false;
	state = arena_strdup(c->arena, state);
	fail(e, code == FAIL_TIMEOUT ? FAIL_SSH : code, "%s is not running: domain '%s' is %s", n->name, n->domain, state);
	fail_next(e, "labctl -l %s start (starts what is stopped, resumes what is paused)", lab->name);
	return true;
}

/* Checks that the node's SSH port is open: ssh itself would try for long, and its message would not name the domain. */
static int knock(const struct node *n, struct fail *e)
{
	auto_(close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(n->ip) };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof errno;
	int error = 0;

	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return 0;
	if (errno != EINPROGRESS)
		error = errno;
	else if (poll(&p, 1, KNOCK_MS) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = error;
	return error ? fail_errno(e, FAIL_SSH, "%s (%s) does not answer on port 22", n->name, n->ip_text) : 0;
}

/* Quotes a path for ssh -o, which parses its value as a line of ssh_config. */
static const char *path_option(struct cli *c, const char *option, const char *path)
{
	auto_(strbuf_clear) struct strbuf quoted = { 0 };

	quote_add(&quoted, QUOTE_SSH, path);
	return arena_printf(c->arena, "-o%s=%s", option, strbuf_text(&quoted));
}

/* Checks that the node can be logged in to. */
static int check_node(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e)
{
	if (!n->ip) {
		fail(e, FAIL_NOT_FOUND, "%s has no address: lab '%s' is not created yet", n->name, lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	if (knock(n, e) == 0)
		return 0;
	fail_next(e, "labctl -l %s status", lab->name);
	node_explain_silence(c, lab, n, e);
	return -1;
}

#define SSH_ARGS 24

/* Adds the options with which ssh and scp reach a node of the lab: its key, its host keys, nothing of the user's. */
static void add_options(struct cli *c, const struct lab *lab, const char **argv, unsigned *k)
{
	struct paths paths;

	load_paths(c, lab->name, &paths);
	argv[(*k)++] = path_option(c, "IdentityFile", paths.key);
	argv[(*k)++] = path_option(c, "UserKnownHostsFile", paths.known_hosts);
	argv[(*k)++] = "-oGlobalKnownHostsFile=/dev/null";
	argv[(*k)++] = "-oStrictHostKeyChecking=yes";
	argv[(*k)++] = "-oIdentitiesOnly=yes";
	argv[(*k)++] = "-oConnectTimeout=10";
	argv[(*k)++] = "-oServerAliveInterval=15";
	argv[(*k)++] = "-oLogLevel=ERROR";
	if (lab->release->family->ssh) {
		const struct ssh_algorithms *old = lab->release->family->ssh;

		argv[(*k)++] = arena_printf(c->arena, "-oKexAlgorithms=+%s", old->kex);
		argv[(*k)++] = arena_printf(c->arena, "-oHostKeyAlgorithms=+%s", old->host_key);
		argv[(*k)++] = arena_printf(c->arena, "-oPubkeyAcceptedAlgorithms=%s", old->host_key);
		argv[(*k)++] = arena_printf(c->arena, "-oCiphers=+%s", old->ciphers);
		argv[(*k)++] = arena_printf(c->arena, "-oMACs=+%s", old->macs);
	}
	argv[(*k)++] = "-F";
	argv[(*k)++] = "none";
}

/* Runs the system's ssh, which has the terminal, agent and escapes that users expect. */
static int run_ssh(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct node *n;
	const char *argv[SSH_ARGS];
	unsigned k = 0;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	n = node_one(c, lab, c->args[0], NULL, e);
	if (!n || check_node(c, lab, n, e) < 0)
		return -1;
	argv[k++] = "ssh";
	add_options(c, lab, argv, &k);
	argv[k++] = arena_printf(c->arena, "root@%s", n->ip_text);
	if (c->rest && c->rest[0]) {
		argv[k++] = "--";
		argv[k++] = node_command(c->rest, c->arena);
	}
	argv[k] = NULL;
	return replace_by(argv, e);
}

const struct command cmd_ssh = {
	.name = "ssh", .run = run_ssh, .args = { { "NODE", .complete = complete_nodes } },
	.rest = "COMMAND...", .rest_optional = true, .without = NO_LIBRARY,
	.summary = "log in to a node, or run one command on it",
	.help =
	"Exits with the status of the command. "
	"A COMMAND of one word is run by the node's shell; several words are a program and its arguments, passed on "
	"unchanged.\n\n"
	"  labctl ssh node3\n"
	"  labctl ssh 3 -- uptime",
};

/*
 * An argument of cp in scp's words: NODE:PATH of the lab, or a path of this host, which may have a colon only after a slash.
 * *ret_node is NULL for a path.
 */
static int place_of(struct cli *c, const struct lab *lab, const char *word, const struct node **ret_node, const char **ret_text,
		    struct fail *e)
{
	const char *colon = strchr(word, ':'), *slash = strchr(word, '/');

	*ret_node = NULL;
	if (!colon || (slash && slash < colon)) {
		*ret_text = *word == '-' ? arena_printf(c->arena, "./%s", word) : word;
		return 0;
	}
	*ret_node = node_one(c, lab, arena_strndup(c->arena, word, (size_t)(colon - word)), NULL, e);
	if (!*ret_node)
		return -1;
	*ret_text = arena_printf(c->arena, "root@%s:%s", (*ret_node)->ip_text, colon + 1);
	return 0;
}

/* Runs the system's scp, which shows its progress on a terminal. */
static int run_cp(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct node *from, *to;
	const char *argv[SSH_ARGS], *source, *target;
	unsigned k = 0;

	if (load_existing(c, &lab, e) < 0 || place_of(c, lab, c->args[0], &from, &source, e) < 0 ||
	    place_of(c, lab, c->args[1], &to, &target, e) < 0)
		return -1;
	if (!from && !to) {
		fail(e, FAIL_USAGE, "neither '%.64s' nor '%.64s' is on a node", c->args[0], c->args[1]);
		return fail_next(e, "labctl cp FILE NODE:PATH, or labctl cp NODE:PATH FILE");
	}
	if ((from && check_node(c, lab, from, e) < 0) || (to && check_node(c, lab, to, e) < 0))
		return -1;
	argv[k++] = "scp";
	add_options(c, lab, argv, &k);
	argv[k++] = "-rp3";
	argv[k++] = "--";
	argv[k++] = source;
	argv[k++] = target;
	argv[k] = NULL;
	return replace_by(argv, e);
}

const struct command cmd_cp = {
	.name = "cp", .run = run_cp, .args = { { .name = "FROM" }, { .name = "TO" } }, .without = NO_LIBRARY,
	.summary = "copy files and directories to a node, from a node, or between two",
	.help =
	"FROM or TO is NODE:PATH, the other one the same or a path of this host; a path with a colon begins with ./ or /. Copies "
	"directories with all that is in them, with times and modes, through this host. Exits with the status of scp.\n\n"
	"  labctl cp data.csv node3:/tmp/\n"
	"  labctl cp node1:/data/pgsql/log .\n"
	"  labctl cp 1:/etc/hosts 2:/tmp/",
};

struct psql_words { const char *role; };

/* Runs the host's psql. The password is neither in its arguments nor in its environment, but in the lab's password file. */
static int run_psql(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct psql_words *said = c->options;
	const struct recipe *recipe;
	const struct node *n;
	const char *role, *passwords, *argv[64];
	char port[8];
	struct paths paths;
	unsigned k = 0;
	int number;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	recipe = lab->cluster.recipe;
	if (!recipe)
		return load_no_database(lab, "", e);
	role = said->role ? said->role : recipe->psql_role;
	n = node_one(c, lab, c->arg_count ? c->args[0] : "all", c->arg_count && !said->role ? NULL : role, e);
	if (!n)
		return -1;
	number = lab_role(lab, role);
	/* A node given by name may serve SQL in another role: take its first one. */
	for (unsigned i = 0; !node_has_role(n, number) && !said->role && i < lab->cluster.place_count; i++)
		if (recipe->roles[i].sql && node_has_role(n, (int)i))
			number = (int)i;
	if (!node_has_role(n, number) || !recipe->roles[number].sql)
		return fail(e, FAIL_USAGE, "%s has no role that answers SQL", n->name);
	load_paths(c, lab->name, &paths);
	passwords = arena_printf(c->arena, "%s/" INVENTORY_DIR "/pgpass", paths.lab);
	if (!file_exists(passwords)) {
		fail(e, FAIL_NOT_FOUND, "%s does not exist", passwords);
		return fail_next(e, "labctl -l %s bootstrap", lab->name);
	}
	/* The caller's PG* variables were unset at start-up: only these are set. */
	setenv("PGPASSFILE", passwords, 1);
	setenv("PGCONNECT_TIMEOUT", "10", 1);
	setenv("PGDATABASE", recipe->database, 1); /* not -d, which would override a database among the arguments */
	snprintf(port, sizeof port, "%u", lab->cluster.places[number].port);
	argv[k++] = "psql";
	argv[k++] = "-h";
	argv[k++] = n->ip_text;
	argv[k++] = "-p";
	argv[k++] = port;
	argv[k++] = "-U";
	argv[k++] = recipe->superuser;
	for (unsigned i = 0; c->rest && c->rest[i]; i++) {
		if (k + 1 >= ARRAY_COUNT(argv))
			return fail(e, FAIL_USAGE, "too many arguments for psql");
		argv[k++] = c->rest[i];
	}
	argv[k] = NULL;
	if (!proc_found("psql")) {
		fail(e, FAIL_HOST, "psql: not installed on this host");
		return fail_next(e, "apt-get install postgresql-client");
	}
	return replace_by(argv, e);
}

static const struct option_row psql_options[] = {
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct psql_words, role),
	  .text = "only nodes with this role" },
	{ 0 },
};

const struct command cmd_psql = {
	.name = "psql", .run = run_psql, .args = { { "NODE", .optional = true, .complete = complete_nodes } },
	.rest = "ARGS...", .rest_optional = true, .options = psql_options, .options_size = sizeof(struct psql_words),
	.without = NO_LIBRARY,
	.summary = "open psql on a database of the lab",
	.help =
	"Connects to the default entry point (a coordinator, the primary) unless NODE or --role says otherwise. ARGS are "
	"passed to psql.\n\n"
	"  labctl psql\n"
	"  labctl psql node4 -- -c 'select 1'",
};
