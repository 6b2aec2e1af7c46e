/* SPDX-License-Identifier: PostgreSQL */
/* logs: the logs of servers and systems of a lab as one stream, in the order of time. A thread per node reads, this one prints. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_node.h"
#include "complete.h"
#include "file.h"
#include "log_merge.h"
#include "log_script.h"
#include "node_console.h"
#include "plural.h"
#include "quote.h"
#include "recipe.h"
#include "secrets.h"
#include "sessions.h"
#include "terminal.h"
#include "when.h"

#define CONNECT_MS 30000          /* limit for a login; libvirt says earlier if a node is not running */
#define SILENT_MS 60000           /* a node whose logs are being waited for, and which says nothing for so long, is left out */
#define FOLLOW_S 60               /* how much of the past comes before what is new, unless the user says it */
#define LINE_MAX_BYTES (16u << 10) /* a longer line is printed in pieces */
#define CONSOLE_BYTES (16 << 10)  /* of a console, what it wrote last */
#define CONSOLE_POLL_MS 500
#define RETURN_POLL_MS 1000       /* how often a node that went away is looked for */
#define RETURN_LOGIN_MS 10000

static const char JOURNAL[] = "journal", CONSOLE[] = "console";

struct logs_words { const char *role, *since; bool follow; };

struct logs {
	struct cli *c;
	struct runtime *rt;
	const struct lab *lab;
	struct log_merge *merge;
	struct feed *feeds; unsigned count;
	int64_t since_s;
	bool follow;
	int node_width, source_width; /* of the widest names */
};

/* A stream: what a node sends, or its console, which is a file of its host. */
struct feed {
	struct logs *all;
	unsigned stream;
	const struct node *node;
	const char *script;          /* NULL = the console */
	uint32_t roles;              /* whose logs the script reads */
	bool attached;               /* it was read from once: it is waited for when its node goes away */
	pthread_t thread;
	bool started, failed;
	atomic_bool stop;
	struct fail fail;
	/* of the output and of the journal that follows: the line that is not complete yet, and its beginning that was already added */
	struct partial { struct strbuf text; char time[LOG_TIME_LEN + 1], source[LOG_SOURCE_MAX]; bool begun; } partial[2];
};

/* --- what a node sends --- */

/* Adds a line, or a further piece of one. @is_err: of the journal that is followed, else what the script prints. */
static void add_line(struct feed *f, bool is_err, char *line, size_t len)
{
	struct partial *p = &f->partial[is_err];
	const char *time, *source;
	char *text = line;

	line[len] = '\0';
	if (!p->begun && is_err) {
		log_journal_time(line, p->time); /* a line without a time keeps that of the one before */
		snprintf(p->source, sizeof p->source, "%s", JOURNAL);
	} else if (!p->begun) {
		if (len == 2 + LOG_TIME_LEN && line[0] == '.') {
			log_merge_promise(f->all->merge, f->stream, line + 2);
			return;
		}
		if (!log_line_split(line, &time, &source, &text))
			return;
		snprintf(p->time, sizeof p->time, "%s", time);
		snprintf(p->source, sizeof p->source, "%s", source);
	}
	if (*p->time)
		log_merge_add(f->all->merge, f->stream, p->time, p->source, text, len - (size_t)(text - line));
}

static void on_data(void *feed, bool is_err, const char *data, size_t len)
{
	struct feed *f = feed;
	struct partial *p = &f->partial[is_err];

	while (len > 0) {
		const char *newline = memchr(data, '\n', len);
		size_t piece = newline ? (size_t)(newline - data) : len;

		strbuf_add(&p->text, data, piece);
		data += piece + (newline != NULL);
		len -= piece + (newline != NULL);
		if (newline || p->text.len >= LINE_MAX_BYTES) {
			if (p->text.len)
				add_line(f, is_err, p->text.text, p->text.len);
			p->begun = !newline;
			strbuf_truncate(&p->text, 0);
		}
	}
}

static int read_node(struct feed *f, struct fail *e)
{
	struct cli *c = f->all->c;
	struct sessions *sessions = runtime_sessions(f->all->rt);
	struct ssh_run run = { .command = "exec bash --norc --noprofile -s", .input = f->script, .input_len = strlen(f->script),
			       .data = on_data, .data_ctx = f,
			       .deadline_ms = c->timeout_ms < 0 ? CLOCK_NEVER : c->start_ms + c->timeout_ms };
	const char *state;
	struct ssh *s;
	int status = 0, r;

	if (runtime_is_off(f->all->rt, f->node, &state)) {
		fail(e, FAIL_SSH, "is %s", state);
		return fail_cause(e, CAUSE_NODE_OFF);
	}
	if (session_get(sessions, f->node, clock_after_ms(CONNECT_MS), &s, e) < 0)
		return -1;
	f->attached = true;
	ssh_set_cancel(s, &f->stop);
	r = ssh_run(s, &run, &status, e);
	ssh_set_cancel(s, c->cancel);
	session_done(sessions, f->node, r < 0);
	if (r < 0 && atomic_load(&f->stop))
		return fail(e, FAIL_SSH, "has sent nothing for %d s", SILENT_MS / 1000);
	if (r < 0)
		return -1;
	return status ? fail(e, FAIL_REMOTE, "cannot read its logs: exit status %d", status)
		      : f->all->follow ? fail(e, FAIL_SSH, "has ended the connection") : 0;
}

static bool is_over(const struct feed *f)
{
	return atomic_load(&f->stop) || atomic_load(f->all->c->cancel);
}

/* Can it be logged in to again? Meanwhile the other nodes' lines need not wait for this one's. */
static bool is_back(struct feed *f)
{
	struct sessions *sessions = runtime_sessions(f->all->rt);
	struct fail ignored = { 0 };
	char time[LOG_TIME_LEN + 1];
	const char *state;
	struct ssh *s;

	log_time(clock_wall_ms(), time);
	log_merge_promise(f->all->merge, f->stream, time);
	if (runtime_is_off(f->all->rt, f->node, &state) ||
	    session_get(sessions, f->node, clock_after_ms(RETURN_LOGIN_MS), &s, &ignored) < 0)
		return false;
	session_done(sessions, f->node, false);
	return true;
}

/* Follows a node over its restarts. */
static int follow_node(struct feed *f, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	while (read_node(f, e) < 0) {
		struct log_wish wish = { .roles = f->roles, .journal = f->roles == UINT32_MAX, .follow = true,
					 .since_s = clock_wall_ms() / 1000 };

		if (!f->attached || is_over(f))
			return -1;
		secrets_redact_fail(runtime_secrets(f->all->rt), e);
		report_say("%s: %s; waiting for it\n", f->node->name, e->text);
		*e = (struct fail){ 0 };
		strbuf_truncate(&f->partial[0].text, 0);
		strbuf_truncate(&f->partial[1].text, 0);
		f->partial[0].begun = f->partial[1].begun = false;
		while (!is_back(f)) {
			if (is_over(f))
				return 0;
			clock_sleep_ms(RETURN_POLL_MS);
		}
		report_say("%s: is back\n", f->node->name);
		if (log_script(f->all->lab, f->all->c->lib, f->node, &wish, a, &f->script, e) < 0)
			return -1;
	}
	return 0;
}

/* --- the console --- */

/*
 * A console has no times. What it wrote last counts as written when its file was changed, and what it writes meanwhile as
 * written when it is seen.
 */
static void add_console(struct feed *f, struct strbuf *text, int64_t wall_ms)
{
	char time[LOG_TIME_LEN + 1], *line, *rest = text->text;

	for (size_t i = 0; i < text->len; i++)
		if (text->text[i] == '\0')
			text->text[i] = '?';
	log_time(wall_ms, time);
	while (rest && (line = strsep(&rest, "\n"))) {
		size_t len = strcspn(line, "\r");

		if (len)
			log_merge_add(f->all->merge, f->stream, time, CONSOLE, line, len);
	}
}

static int read_console(struct feed *f, struct fail *e)
{
	struct console_file file = { 0 };
	char time[LOG_TIME_LEN + 1];
	bool first = true;

	do {
		auto_(strbuf_clear) struct strbuf text = { 0 };
		int64_t seen = file.size;

		if (!first)
			clock_sleep_ms(CONSOLE_POLL_MS);
		log_time(clock_wall_ms(), time);
		if (console_text(f->all->rt, f->node, seen, CONSOLE_BYTES, &text, &file, e) < 0)
			return -1;
		if (!first || file.changed_ms / 1000 >= f->all->since_s)
			add_console(f, &text, first ? file.changed_ms : clock_wall_ms());
		if (f->all->follow)
			log_merge_promise(f->all->merge, f->stream, time);
		first = false;
	} while (f->all->follow && !is_over(f));
	return 0;
}

/* --- all together --- */

static void *run_feed(void *arg)
{
	struct feed *f = arg;

	f->failed = (!f->script ? read_console(f, &f->fail) : f->all->follow ? follow_node(f, &f->fail) : read_node(f, &f->fail)) < 0;
	if (f->failed && !atomic_load(f->all->c->cancel)) {
		secrets_redact_fail(runtime_secrets(f->all->rt), &f->fail);
		report_say("%s: %s\n", f->node->name, f->fail.text);
	}
	log_merge_end(f->all->merge, f->stream);
	return NULL;
}

/* Workers take no signals. A thread that cannot be started is a failure of its stream. */
static void start_feeds(struct logs *l)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (struct feed *f = l->feeds; f < l->feeds + l->count; f++) {
		f->started = pthread_create(&f->thread, NULL, run_feed, f) == 0;
		if (!f->started) {
			f->failed = true;
			fail(&f->fail, FAIL_OTHER, "no thread can be started for it");
			report_say("%s: %s\n", f->node->name, f->fail.text);
			log_merge_end(l->merge, f->stream);
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void end_feeds(struct logs *l)
{
	for (struct feed *f = l->feeds; f < l->feeds + l->count; f++)
		atomic_store(&f->stop, true);
	for (struct feed *f = l->feeds; f < l->feeds + l->count; f++) {
		if (f->started)
			pthread_join(f->thread, NULL);
		strbuf_clear(&f->partial[0].text);
		strbuf_clear(&f->partial[1].text);
	}
}

static void print_line(const struct logs *l, struct log_line *line)
{
	const char *node = l->feeds[line->stream].node->name;

	secrets_redact(runtime_secrets(l->rt), line->text);
	if (l->c->json) {
		json_t *row;

		quote_tame(line->text, strlen(line->text));
		row = json_pack("{s:s, s:s, s:s, s:s}", "time", line->time, "node", node, "source", line->source, "text", line->text);
		json_dumpf(row, stdout, JSON_COMPACT);
		json_decref(row);
		putchar('\n');
		return;
	}
	if (isatty(STDOUT_FILENO))
		quote_tame(line->text, line->len);
	printf("%-*s  %-*s  ", l->node_width, node, l->source_width, line->source);
	fwrite(line->text, 1, line->len, stdout); /* any bytes, including zeros */
	putchar('\n');
}

enum end { LOGS_WHOLE, LOGS_CANCELED, LOGS_UNWRITTEN };

static enum end print_all(struct logs *l)
{
	struct log_line *line;
	unsigned stream;

	for (;;) {
		switch (log_merge_next(l->merge, SILENT_MS, &line, &stream)) {
		case LOG_LINE:
			print_line(l, line);
			free(line);
			if (!ferror(stdout))
				break;
			say_flush(stdout); /* ends here if the reader has gone */
			return LOGS_UNWRITTEN;
		case LOG_IDLE:
			say_flush(stdout);
			break;
		case LOG_SILENT:
			atomic_store(&l->feeds[stream].stop, true);
			break;
		case LOG_END:
			say_flush(stdout);
			return LOGS_WHOLE;
		case LOG_CANCELED:
			return LOGS_CANCELED;
		}
	}
}

static void add_feed(struct logs *l, const struct node *n, const char *script, uint32_t roles)
{
	const struct feed f = { .all = l, .stream = l->count, .node = n, .script = script, .roles = roles };
	int width = (int)strlen(n->name);

	*arena_push(l->c->arena, l->feeds, l->count) = f;
	if (width > l->node_width)
		l->node_width = width;
}

static int list_feeds(struct logs *l, const bool *set, const char *role, struct fail *e)
{
	struct arena *a = l->c->arena;
	const struct log_wish wish = { .roles = role ? 1u << lab_role(l->lab, role) : UINT32_MAX, .journal = !role,
				       .follow = l->follow, .since_s = l->since_s };
	const char *script;

	for (unsigned i = 0; i < l->lab->node_count; i++) {
		const struct node *n = &l->lab->nodes[i];

		if (!set[i])
			continue;
		if (log_script(l->lab, l->c->lib, n, &wish, a, &script, e) < 0)
			return -1;
		add_feed(l, n, script, wish.roles);
		/* of a machine on another host it is not known whether there is one */
		if (!role && l->lab->hypervisor != HYPERVISOR_LXC &&
		    (n->host != runtime_host(l->rt) || file_exists(paths_node(runtime_paths(l->rt), n->name, "console.log", a))))
			add_feed(l, n, NULL, 0);
	}
	l->source_width = role ? (int)strlen(role) : (int)sizeof JOURNAL - 1;
	for (unsigned i = 0; !role && i < l->lab->cluster.place_count; i++)
		if (l->lab->cluster.places[i].on && (int)strlen(l->lab->cluster.places[i].role) > l->source_width)
			l->source_width = (int)strlen(l->lab->cluster.places[i].role);
	return 0;
}

static int judge(const struct logs *l, struct fail *e)
{
	const struct feed *first = NULL;
	unsigned bad = 0;

	for (const struct feed *f = l->feeds; f < l->feeds + l->count; f++)
		if (f->failed) {
			first = first ? first : f;
			bad++;
		}
	if (!bad)
		return 0;
	if (bad == l->count) {
		*e = first->fail;
		return fail_wrap(e, "%s", first->node->name);
	}
	fail(e, FAIL_PARTIAL, "logs of %u node%s are missing, see above", bad, plural(bad));
	return fail_next(e, "labctl -l %s status", l->lab->name);
}

static int logs(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(log_merge_free) struct log_merge *merge = NULL;
	const struct logs_words *said = c->options;
	struct logs l = { .c = c, .follow = said->follow };
	int64_t now_s = clock_wall_ms() / 1000;
	enum end why;
	bool *set;

	if (load_existing(c, &lab, e) < 0)
		return -1;
	/* Times are those of the nodes. No other thread runs yet. */
	setenv("TZ", lab->tuning.timezone, 1);
	tzset();
	l.since_s = said->follow ? now_s - FOLLOW_S : 0;
	if (said->since && when_parse("--since", said->since, now_s, &l.since_s, e) < 0)
		return -1;
	set = arena_alloc(c->arena, lab->node_count * sizeof *set);
	if (lab_select(lab, c->arg_count ? c->args[0] : "all", said->role, set, e) < 0)
		return -1;
	if (!lab->net.subnet) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' is not created yet", lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	if (load_runtime(c, lab, &rt, e) < 0 || secrets_read_all(runtime_secrets(rt), e) < 0)
		return -1;
	l.rt = rt;
	l.lab = lab;
	if (list_feeds(&l, set, said->role, e) < 0)
		return -1;
	terminal_quiet_cancel(c->cancel);
	l.merge = merge = log_merge_new(l.count, c->cancel);
	start_feeds(&l);
	why = print_all(&l);
	end_feeds(&l);
	c->reported = c->json; /* lines of JSON, no document */
	return why == LOGS_WHOLE ? judge(&l, e) : why == LOGS_CANCELED ? FAIL_CANCELED : fail(e, FAIL_OTHER, "cannot write to standard output");
}

static const struct option_row options[] = {
	{ "follow", 'f', .at = offsetof(struct logs_words, follow),
	  .text = "go on with what is new, until Ctrl-C; begins with the last minute unless --since says otherwise" },
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct logs_words, role),
	  .text = "only the logs of servers with this role, without the system's" },
	{ "since", .arg = "TIME", .at = offsetof(struct logs_words, since),
	  .text = "only lines since then: 10m, 2h, 3d; 14:30; 2026-11-29 14:30" },
	{ 0 },
};

const struct command cmd_logs = {
	.name = "logs", .run = logs, .args = { { "NODES", .optional = true, .complete = complete_nodes } },
	.options = options, .options_size = sizeof(struct logs_words),
	.summary = "show the logs of servers and nodes, merged by time",
	.help =
	"Merges the logs of the database's servers and of pgpool, the journals of the systems and the consoles of machines: each "
	"line comes after the name of its node and its source. A line without a time belongs to the one before. Clocks and time "
	"zone are those of the nodes.\n\n"
	"The console of a machine has no times: its last lines come at the time when it wrote last. Containers have no log of "
	"theirs.\n\n"
	"A node that does not answer is named, the others go on, and the exit status is 12. One that goes away while it is followed is "
	"waited for. While following, lines appear a second "
	"or two after they were written. A lab file is named by --file, or by -f before the word logs. With --json every line is a JSON object with time, node, source and text.\n\n"
	"  labctl logs --since 10m\n"
	"  labctl logs -f -r datanode\n"
	"  labctl logs 2-4 --since '2026-11-29 14:30' | less",
};
