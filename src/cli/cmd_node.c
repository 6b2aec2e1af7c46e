/* SPDX-License-Identifier: PostgreSQL */
/* ssh, exec, psql: into the nodes. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "family.h"
#include "file.h"
#include "inventory.h"
#include "proc.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"
#include "virt.h"

#define CONNECT_MS 20000
#define KNOCK_MS 3000 /* in a lab's network an sshd that lives answers in milliseconds */

/* Words of a command line as ssh joins them: with blanks, for the remote shell. */
static char *join(const char *const *words, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };

	for (unsigned i = 0; words[i]; i++)
		strbuf_printf(&line, "%s%s", i ? " " : "", words[i]);
	return arena_strdup(a, strbuf_text(&line));
}

static const struct node *one_node(struct cli *c, const struct lab *lab, const char *word, const char *role, struct fail *e)
{
	bool *set = arena_alloc(c->arena, lab->node_count * sizeof *set);

	if (lab_select(lab, word, role, set, e) < 0)
		return NULL;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			return &lab->nodes[i];
	return NULL;
}

static int replace_by(const char *const *argv, struct fail *e)
{
	signal(SIGPIPE, SIG_DFL); /* an ignored signal stays ignored: `labctl ssh node1 -- yes | head` must end */
	execvp(argv[0], (char *const *)(void *)argv);
	return fail_errno(e, FAIL_HOST, "%s", argv[0]);
}

/*
 * A node that does not answer is mostly one that does not run: libvirt knows. Adds its state and the way back to @e,
 * whose cause was the connection; says nothing more where libvirt does not answer.
 */
static int explain_silence(struct cli *c, const struct lab *lab, const struct node *n, struct fail *e)
{
	const char *uri = c->connect ? c->connect : lab->hypervisor == HYPERVISOR_LXC ? "lxc:///system" : "qemu:///system";
	auto_(virt_close) struct virt *v = NULL;
	enum fail_code code = e->code;
	struct fail ignored;
	bool active = true;
	const char *state;

	if (virt_open(uri, &v, &ignored) < 0)
		return -1;
	state = virt_domain_state(v, n->domain, &active);
	if (active)
		return -1;
	fail(e, code == FAIL_TIMEOUT ? FAIL_SSH : code, "%s does not run: domain '%s' is %s", n->name, n->domain, state);
	return fail_next(e, "labctl -l %s create (starts what is stopped)", lab->name);
}

/* Does something listen where the node's sshd should? ssh itself would try for long, and name no domain. */
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

/* The system's ssh: it has the terminal, agent and escapes that people expect of a login. */
int cmd_ssh(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct node *n;
	struct paths paths;
	const char *argv[24];
	unsigned k = 0;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	if (!c->arg_count) {
		fail(e, FAIL_USAGE, "labctl ssh: which node?");
		return fail_next(e, "labctl -l %s ssh %s", lab->name, lab->nodes[0].name);
	}
	n = one_node(c, lab, c->args[0], NULL, e);
	if (!n)
		return -1;
	if (!n->ip) {
		fail(e, FAIL_NOT_FOUND, "%s has no address: lab '%s' was not created", n->name, lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	if (knock(n, e) < 0) {
		fail_next(e, "labctl -l %s status", lab->name);
		return explain_silence(c, lab, n, e);
	}
	load_paths(c, lab->name, &paths);
	argv[k++] = "ssh";
	argv[k++] = "-i";
	argv[k++] = paths.key;
	argv[k++] = "-o";
	argv[k++] = arena_printf(c->arena, "UserKnownHostsFile=%s", paths.known_hosts);
	argv[k++] = "-oGlobalKnownHostsFile=/dev/null";
	argv[k++] = "-oStrictHostKeyChecking=yes";
	argv[k++] = "-oIdentitiesOnly=yes";
	argv[k++] = "-oConnectTimeout=10";
	argv[k++] = "-oServerAliveInterval=15";
	argv[k++] = "-oLogLevel=ERROR";
	if (lab->release->family->ssh) {
		const struct ssh_algorithms *old = lab->release->family->ssh;

		argv[k++] = arena_printf(c->arena, "-oKexAlgorithms=+%s", old->kex);
		argv[k++] = arena_printf(c->arena, "-oHostKeyAlgorithms=+%s", old->host_key);
		argv[k++] = arena_printf(c->arena, "-oPubkeyAcceptedAlgorithms=%s", old->host_key);
		argv[k++] = arena_printf(c->arena, "-oCiphers=+%s", old->ciphers);
		argv[k++] = arena_printf(c->arena, "-oMACs=+%s", old->macs);
	}
	argv[k++] = "-F";
	argv[k++] = "none";
	argv[k++] = arena_printf(c->arena, "root@%s", n->ip_text);
	if (c->rest && c->rest[0]) {
		argv[k++] = "--";
		argv[k++] = join(c->rest, c->arena);
	}
	argv[k] = NULL;
	return replace_by(argv, e);
}

struct job {
	struct cli *c;
	struct world *w;
	const struct lab *lab;
	const struct node *node;
	const char *command, *input;
	int status;
	struct strbuf out, err;
	struct fail fail;
	bool failed;
};

struct jobs {
	struct job *items;
	unsigned count;
	atomic_uint next;
};

static void run_job(struct job *j)
{
	int64_t deadline = j->c->timeout_ms < 0 ? CLOCK_NEVER : j->c->start_ms + j->c->timeout_ms;
	int64_t connect = clock_after_ms(CONNECT_MS);
	struct ssh *s;
	int r;

	j->failed = true;
	if (deadline < connect)
		connect = deadline;
	r = world_ssh(j->w, j->node, connect, &s, &j->fail);
	/* A host that is busy lets one in many logins wait too long: as everywhere, one is not the last word. */
	if (r < 0 && j->fail.code == FAIL_TIMEOUT && clock_left_ms(connect) > 0)
		r = world_ssh(j->w, j->node, connect, &s, &j->fail);
	if (r < 0) {
		if (j->fail.code == FAIL_SSH || j->fail.code == FAIL_TIMEOUT)
			explain_silence(j->c, j->lab, j->node, &j->fail);
		return;
	}
	j->failed = ssh_run(s, &(struct ssh_run){ .command = j->command, .input = j->input,
						  .input_len = j->input ? strlen(j->input) : 0, .out = &j->out,
						  .err = &j->err, .deadline_ms = deadline },
			    &j->status, &j->fail) < 0;
	world_ssh_done(j->w, j->node, j->failed);
	if (j->failed && j->fail.code == FAIL_TIMEOUT && !*j->fail.next)
		fail_next(&j->fail, "more time: labctl --timeout SECONDS exec ...");
}

static void *job_worker(void *arg)
{
	struct jobs *jobs = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&jobs->next, 1)) < jobs->count)
		run_job(&jobs->items[i]);
	return NULL;
}

static void run_jobs(struct jobs *jobs, unsigned workers)
{
	pthread_t threads[256];
	unsigned started = 0;

	if (workers > jobs->count)
		workers = jobs->count;
	while (started + 1 < workers && started < ARRAY_COUNT(threads) &&
	       pthread_create(&threads[started], NULL, job_worker, jobs) == 0)
		started++;
	job_worker(jobs);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

/* Each line behind the node's name, so that nothing of eight nodes is mixed up. A terminal gets no controls of theirs. */
static void print_lines(FILE *to, const char *node, unsigned width, struct strbuf *text)
{
	if (text->len && isatty(fileno(to)))
		quote_tame(text->text, text->len);
	for (const char *p = strbuf_text(text), *end = p + text->len; p < end;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = newline ? (size_t)(newline - p) : (size_t)(end - p);

		fprintf(to, "%-*s  ", (int)width, node);
		fwrite(p, 1, len, to); /* whatever bytes it printed, zeros too */
		fputc('\n', to);
		p += len + (newline != NULL);
	}
}

/* The whole output as a JSON string; a byte that is no UTF-8 becomes U+FFFD. */
static json_t *json_bytes(const struct strbuf *text)
{
	auto_(strbuf_clear) struct strbuf clean = { 0 };
	const char *p = strbuf_text(text);
	size_t left = text->len;
	json_t *all = json_stringn(p, left);

	while (!all && left > 0) {
		/* the longest piece of at most four bytes that is UTF-8 by itself */
		size_t len = left < 4 ? left : 4;
		json_t *piece = NULL;

		while (len > 0 && !(piece = json_stringn(p, len)))
			len--;
		json_decref(piece);
		if (len)
			strbuf_add(&clean, p, len);
		else
			strbuf_str(&clean, "\xEF\xBF\xBD");
		len += len == 0;
		p += len;
		left -= len;
	}
	return all ? all : json_stringn(strbuf_text(&clean), clean.len);
}

static int report_jobs(struct cli *c, struct jobs *jobs, struct fail *e)
{
	json_t *rows = json_array();
	unsigned width = 0, bad = 0;
	struct fail ignored;
	int status = 0;

	for (unsigned i = 0; i < jobs->count; i++)
		if (strlen(jobs->items[i].node->name) > width)
			width = (unsigned)strlen(jobs->items[i].node->name);
	for (unsigned i = 0; i < jobs->count; i++) {
		struct job *j = &jobs->items[i];
		json_t *row = json_pack("{s:s, s:i}", "node", j->node->name, "status", j->failed ? -1 : j->status);

		if (c->json) {
			json_object_set_new(row, "stdout", json_bytes(&j->out));
			json_object_set_new(row, "stderr", json_bytes(&j->err));
		}
		if (j->failed)
			json_object_set_new(row, "why", json_string(j->fail.text));
		json_array_append_new(rows, row);
		if (!c->json) {
			print_lines(stdout, j->node->name, width, &j->out);
			print_lines(stderr, j->node->name, width, &j->err);
			if (j->failed)
				report_say("%-*s  %s\n", (int)width, j->node->name, j->fail.text);
			else if (j->status)
				fprintf(stderr, "%-*s  exit status %d\n", (int)width, j->node->name, j->status);
		}
		bad += j->failed || j->status;
		if (!status && !j->failed)
			status = j->status;
	}
	for (unsigned i = 0; i < jobs->count && status >= 0; i++)
		if (jobs->items[i].failed) {
			*e = jobs->items[i].fail;
			status = fail_wrap(e, "%u of %u nodes failed", bad, jobs->count);
		}
	if (c->json) {
		json_t *doc = json_pack("{s:i, s:O}", "v", 1, "nodes", rows);

		/* one document: the failure is in it */
		if (status < 0)
			json_object_set_new(doc, "error", report_error(e));
		c->reported = true;
		if (report_json(doc, status < 0 ? &ignored : e) < 0)
			status = -1;
		json_decref(doc);
	}
	json_decref(rows);
	return status;
}

static int read_script(struct strbuf *out, struct fail *e)
{
	char block[8192];
	size_t got;

	while ((got = fread(block, 1, sizeof block, stdin)) > 0)
		strbuf_add(out, block, got);
	return ferror(stdin) ? fail(e, FAIL_OTHER, "cannot read the script from standard input") : 0;
}

int cmd_exec(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(strbuf_clear) struct strbuf script = { 0 };
	struct jobs jobs = { 0 };
	const char *command;
	bool *set;
	int r;

	if (!c->rest || !c->rest[0]) {
		fail(e, FAIL_USAGE, "labctl exec: which command? It stands after '--'");
		return fail_next(e, "labctl exec %s -- uptime", c->arg_count ? c->args[0] : "");
	}
	if (load_existing(c, &lab, e) < 0 || load_world(c, lab, &w, e) < 0)
		return -1;
	set = arena_alloc(c->arena, lab->node_count * sizeof *set);
	if (lab_select(lab, c->arg_count ? c->args[0] : "all", c->role, set, e) < 0)
		return -1;
	command = join(c->rest, c->arena);
	if (!strcmp(command, "-")) {
		if (read_script(&script, e) < 0)
			return -1;
		command = "exec bash --norc --noprofile -s";
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			*arena_push(c->arena, jobs.items, jobs.count) =
				(struct job){ .c = c, .w = w, .lab = lab, .node = &lab->nodes[i], .command = command,
					      .input = script.len ? script.text : NULL };
	run_jobs(&jobs, c->jobs ? c->jobs : 64);
	r = report_jobs(c, &jobs, e);
	for (unsigned i = 0; i < jobs.count; i++) {
		strbuf_clear(&jobs.items[i].out);
		strbuf_clear(&jobs.items[i].err);
	}
	return r;
}

/* psql of the host. The password is neither among its arguments nor in its environment: the lab's file has it. */
int cmd_psql(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
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
	if (!recipe) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' has no database yet", lab->name);
		return fail_next(e, "labctl -l %s bootstrap postgres", lab->name);
	}
	role = c->role ? c->role : recipe->psql_role;
	n = one_node(c, lab, c->arg_count ? c->args[0] : "all", c->arg_count && !c->role ? NULL : role, e);
	if (!n)
		return -1;
	number = lab_role(lab, role);
	/* A node that was named may answer SQL in another role: the first one it has. */
	for (unsigned i = 0; !node_has_role(n, number) && !c->role && i < lab->cluster.place_count; i++)
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
	unsetenv("PGPASSWORD"); /* somebody's own, which would win */
	setenv("PGPASSFILE", passwords, 1);
	setenv("PGCONNECT_TIMEOUT", "10", 0);
	snprintf(port, sizeof port, "%u", lab->cluster.places[number].port);
	argv[k++] = "psql";
	argv[k++] = "-h";
	argv[k++] = n->ip_text;
	argv[k++] = "-p";
	argv[k++] = port;
	argv[k++] = "-U";
	argv[k++] = recipe->superuser;
	argv[k++] = "-d";
	argv[k++] = recipe->database;
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
