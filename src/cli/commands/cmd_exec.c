/* SPDX-License-Identifier: PostgreSQL */
/* exec: runs a command on many nodes in parallel; prints each line as it comes, after the node's name. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_node.h"
#include "complete.h"
#include "plural.h"
#include "pool.h"
#include "quote.h"
#include "sessions.h"

#define CONNECT_MS 60000         /* limit for all login attempts; libvirt says earlier if a node is not running */
#define LINE_MAX_BYTES (64u << 10) /* a longer line is printed in pieces */

struct job {
	struct cli *c;
	struct runtime *rt;
	const struct lab *lab;
	const struct node *node;
	const char *command, *input;
	unsigned width;              /* of the longest node name */
	pthread_mutex_t *output;     /* shared by all jobs: one line at a time */
	struct strbuf text[2];       /* stdout, stderr: everything for JSON, else the unfinished line */
	int status;
	struct fail fail;
	bool failed;
};

struct jobs {
	struct job *items;
	unsigned count;
};

/* --- output --- */

/* Prints a line after the node's name; on a terminal without control characters of the node. */
static void print_line(const struct job *j, bool is_err, char *line, size_t len)
{
	FILE *to = is_err ? stderr : stdout;

	if (isatty(fileno(to)))
		quote_tame(line, len);
	fprintf(to, "%-*s  ", (int)j->width, j->node->name);
	fwrite(line, 1, len, to); /* any bytes, including zeros */
	fputc('\n', to);
}

/* Prints the finished lines of the job's text; with @all the rest too. */
static void print_text(struct job *j, bool is_err, bool all)
{
	struct strbuf *text = &j->text[is_err];
	size_t done = 0;

	if (!text->len)
		return;
	pthread_mutex_lock(j->output);
	while (done < text->len) {
		char *line = text->text + done, *newline = memchr(line, '\n', text->len - done);
		size_t len = newline ? (size_t)(newline - line) : text->len - done;

		if (!newline && !all && len < LINE_MAX_BYTES)
			break;
		print_line(j, is_err, line, len);
		done += len + (newline != NULL);
	}
	say_flush(is_err ? stderr : stdout);
	pthread_mutex_unlock(j->output);
	memmove(text->text, text->text + done, text->len - done);
	strbuf_truncate(text, text->len - done);
}

static void on_data(void *ctx, bool is_err, const char *data, size_t len)
{
	struct job *j = ctx;

	strbuf_add(&j->text[is_err], data, len);
	print_text(j, is_err, false);
}

static void print_end(struct job *j)
{
	print_text(j, false, true);
	print_text(j, true, true);
	pthread_mutex_lock(j->output);
	if (j->failed)
		report_say("%-*s  %s\n", (int)j->width, j->node->name, j->fail.text);
	else if (j->status)
		fprintf(stderr, "%-*s  exit status %d\n", (int)j->width, j->node->name, j->status);
	pthread_mutex_unlock(j->output);
}

/* --- work --- */

/*
 * On a busy host one of many logins may take long, and on a very busy one all do: each attempt has twice the time of the
 * one before. Between attempts libvirt is asked, since retrying does not help if the node is not running.
 */
static int log_in(struct job *j, int64_t deadline, struct ssh **ret, bool *ret_explained)
{
	int64_t connect = clock_after_ms(CONNECT_MS), login_ms = session_login_ms(runtime_sessions(j->rt));

	if (deadline < connect)
		connect = deadline;
	*ret_explained = false;
	while (session_get_within(runtime_sessions(j->rt), j->node, login_ms, connect, ret, &j->fail) < 0) {
		bool again = j->fail.code == FAIL_TIMEOUT && clock_left_ms(connect) > 0;

		if (j->fail.code == FAIL_SSH || j->fail.code == FAIL_TIMEOUT)
			*ret_explained = node_explain_silence(j->c, j->lab, j->node, &j->fail);
		if (!again || *ret_explained)
			return -1;
		login_ms *= 2;
		j->fail = (struct fail){ 0 };
	}
	return 0;
}

static void run_job(struct job *j)
{
	int64_t deadline = j->c->timeout_ms < 0 ? CLOCK_NEVER : j->c->start_ms + j->c->timeout_ms;
	struct ssh_run run = { .command = j->command, .input = j->input, .input_len = j->input ? strlen(j->input) : 0,
			       .deadline_ms = deadline };
	bool explained;
	struct ssh *s;

	j->failed = true;
	if (log_in(j, deadline, &s, &explained) < 0)
		return;
	if (j->c->json) {
		run.out = &j->text[0];
		run.err = &j->text[1];
	} else {
		run.data = on_data;
		run.data_ctx = j;
	}
	j->failed = ssh_run(s, &run, &j->status, &j->fail) < 0;
	session_done(runtime_sessions(j->rt), j->node, j->failed);
	if (j->failed && j->fail.code == FAIL_TIMEOUT && !*j->fail.next)
		fail_next(&j->fail, "labctl --timeout SECONDS exec ...    (allows more time)");
}

static void do_job(void *jobs, unsigned i)
{
	struct job *j = &((struct jobs *)jobs)->items[i];

	run_job(j);
	if (!j->c->json)
		print_end(j);
}

/* The whole output as a JSON string; a byte that is not UTF-8 becomes U+FFFD. */
static json_t *json_bytes(const struct strbuf *text)
{
	auto_(strbuf_clear) struct strbuf clean = { 0 };
	const char *p = strbuf_text(text);
	size_t left = text->len;
	json_t *all = json_stringn(p, left);

	while (!all && left > 0) {
		/* the longest valid UTF-8 prefix of at most four bytes */
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
	unsigned bad = 0;
	struct fail ignored;
	int status = 0;

	for (unsigned i = 0; i < jobs->count; i++) {
		struct job *j = &jobs->items[i];
		json_t *row = json_pack("{s:s, s:i}", "node", j->node->name, "status", j->failed ? -1 : j->status);

		if (c->json) {
			json_object_set_new(row, "stdout", json_bytes(&j->text[0]));
			json_object_set_new(row, "stderr", json_bytes(&j->text[1]));
		}
		if (j->failed)
			json_object_set_new(row, "why", json_string(j->fail.text));
		json_array_append_new(rows, row);
		bad += j->failed || j->status;
		if (!status && !j->failed)
			status = j->status;
	}
	for (unsigned i = 0; i < jobs->count && status >= 0; i++)
		if (jobs->items[i].failed) {
			*e = jobs->items[i].fail;
			status = fail_wrap(e, "%u of %u node%s failed", bad, jobs->count, plural(jobs->count));
		}
	if (c->json) {
		json_t *doc = json_pack("{s:i, s:O}", "v", 1, "nodes", rows);

		/* the document contains the failure */
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

struct exec_words { const char *role; };

static int exec(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(strbuf_clear) struct strbuf script = { 0 };
	const struct exec_words *said = c->options;
	pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
	struct jobs jobs = { 0 };
	unsigned width = 0;
	const char *command;
	bool *set;
	int r;

	if (load_existing(c, &lab, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	set = arena_alloc(c->arena, lab->node_count * sizeof *set);
	if (lab_select(lab, c->arg_count ? c->args[0] : "all", said->role, set, e) < 0)
		return -1;
	command = node_command(c->rest, c->arena);
	if (!strcmp(command, "-")) {
		if (read_script(&script, e) < 0)
			return -1;
		command = "exec bash --norc --noprofile -s";
	}
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i] && strlen(lab->nodes[i].name) > width)
			width = (unsigned)strlen(lab->nodes[i].name);
	for (unsigned i = 0; i < lab->node_count; i++)
		if (set[i])
			*arena_push(c->arena, jobs.items, jobs.count) =
				(struct job){ .c = c, .rt = rt, .lab = lab, .node = &lab->nodes[i], .command = command,
					      .input = script.len ? script.text : NULL, .width = width, .output = &output };
	pool_run(jobs.count, c->jobs ? c->jobs : 64, do_job, &jobs);
	r = report_jobs(c, &jobs, e);
	for (unsigned i = 0; i < jobs.count; i++) {
		strbuf_clear(&jobs.items[i].text[0]);
		strbuf_clear(&jobs.items[i].text[1]);
	}
	return r;
}

static const struct option_row options[] = {
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct exec_words, role),
	  .text = "only nodes with this role" },
	{ 0 },
};

const struct command cmd_exec = {
	.name = "exec", .run = exec, .args = { { "NODES", .optional = true, .complete = complete_nodes } }, .rest = "COMMAND...",
	.options = options, .options_size = sizeof(struct exec_words), .without = NO_LIBRARY,
	.summary = "run a command on several nodes in parallel",
	.help =
	"NODES is a name, a number, a range or a list: node3, 3, 1-3,5; all nodes when left out. The exit status is "
	"that of the first node whose command failed. Each line of output is printed as it arrives, after its node's name.\n\n"
	"A COMMAND of one word is run by the node's shell; several words are a program and its arguments, passed on "
	"unchanged; \"-\" reads a script from standard input.\n\n"
	"  labctl exec -- uptime\n"
	"  labctl exec -r datanode -- df -h /data\n"
	"  labctl exec 1-3 -- - < script.sh",
};
