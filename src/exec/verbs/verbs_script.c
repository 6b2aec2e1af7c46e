/* SPDX-License-Identifier: PostgreSQL */
/* Scripts and SQL on nodes. The protocol of scripts is at the top of tuning/lib.sh. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "peer.h"
#include "plan.h"
#include "quote.h"
#include "recipe.h"
#include "verb.h"

#define COMMAND "exec bash --norc --noprofile -s"
#define EVIDENCE_LINES 20u
#define TAIL_TIMEOUT_MS 10000
#define TALK_MAX_BYTES 65536u /* limit of evidence and of other output: a node may print for ever */
#define NOTES_MAX 1000u
#define NFS_ANSWER_MS 500
#define TRIES 3 /* connections for one script */
#define PAUSE_MS 1000 /* after a broken connection: long enough for an sshd to restart or a machine to shut down */

/* What a script reported. */
struct answer {
	struct run *r;
	bool changed, needed, failed;
	unsigned notes;
	struct strbuf evidence; /* ::evidence lines */
	struct strbuf other;    /* lines outside the protocol: evidence if the script fails */
	char why[512], next[256];
};

/* The keywords of the protocol; WORD_NONE is any other line. */
enum word { WORD_CHANGED, WORD_SKIPPED, WORD_WARN, WORD_SAY, WORD_VALUE, WORD_NEEDED, WORD_EVIDENCE, WORD_NEXT, WORD_FAIL, WORD_NONE };
static const char *const words[WORD_NONE] = { "::changed", "::skipped", "::warn", "::say", "::value", "::needed", "::evidence",
						"::next", "::fail" };

/* Sets *ret_rest to the text after the keyword and a blank; to the whole line for WORD_NONE. */
static enum word word_of(const char *line, const char **ret_rest)
{
	*ret_rest = line;
	for (unsigned i = 0; i < WORD_NONE; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(line, words[i], len) || (line[len] != ' ' && line[len] != '\0'))
			continue;
		*ret_rest = line + len + (line[len] == ' ');
		return i;
	}
	return WORD_NONE;
}

/* Parses "NAME NUMBER", and refuses anything else: later scripts and SQL contain the number. */
static bool value_of(const char *rest, char ret_name[32], unsigned long long *ret_value)
{
	size_t len = strcspn(rest, " "), digits = strspn(rest + len + (rest[len] == ' '), "0123456789");
	const char *number = rest + len + 1;

	if (!len || len > 31 || !digits || digits > 19 || number[digits] || (*number == '0' && digits > 1))
		return false;
	memcpy(ret_name, rest, len);
	ret_name[len] = '\0';
	*ret_value = strtoull(number, NULL, 10);
	return true;
}

static void take_line(void *ctx, const char *line)
{
	struct answer *a = ctx;
	auto_(free) char *text = strdup(line);
	const char *rest;
	unsigned long long value;
	char name[32];

	if (!text)
		abort();
	secrets_redact(runtime_secrets(runtime_of(a->r)), text);
	switch (word_of(text, &rest)) {
	case WORD_CHANGED:
		a->changed = true;
		if (a->notes++ < NOTES_MAX)
			run_note(a->r, "changed: %s", rest);
		break;
	case WORD_SKIPPED:
		if (a->notes++ < NOTES_MAX)
			run_note(a->r, "skipped: %s", rest);
		break;
	case WORD_WARN:
		if (a->notes++ < NOTES_MAX)
			run_warn(a->r, "%s", rest);
		break;
	case WORD_SAY:
		run_say(a->r, "%s", rest);
		break;
	case WORD_VALUE: /* for later steps of the run (payload.h) */
		if (value_of(rest, name, &value))
			outputs_set(runtime_outputs(runtime_of(a->r)), name, value);
		break;
	case WORD_NEEDED:
		a->needed = true;
		break;
	case WORD_EVIDENCE:
		if (a->evidence.len > TALK_MAX_BYTES) /* only the last lines are shown */
			strbuf_truncate(&a->evidence, 0);
		strbuf_printf(&a->evidence, "%s\n", rest);
		break;
	case WORD_NEXT:
		snprintf(a->next, sizeof a->next, "%s", rest);
		break;
	case WORD_FAIL:
		a->failed = true;
		snprintf(a->why, sizeof a->why, "%s", rest);
		break;
	case WORD_NONE:
		if (a->other.len < TALK_MAX_BYTES)
			strbuf_printf(&a->other, "%s\n", text);
	}
}

/* Adds the last lines of a file on the node as evidence. The caller has the session. */
static void add_log(struct ssh *s, const char *path, struct strbuf *evidence)
{
	auto_(strbuf_clear) struct strbuf command = { 0 }, out = { 0 }, err = { 0 };
	struct ssh_run tail = { .out = &out, .err = &err, .deadline_ms = clock_after_ms(TAIL_TIMEOUT_MS) };
	struct fail ignored;
	int status;

	strbuf_printf(&command, "tail -n %u -- ", EVIDENCE_LINES);
	quote_add(&command, QUOTE_SH, path);
	tail.command = command.text;
	if (ssh_run(s, &tail, &status, &ignored) == 0 && status == 0 && out.len)
		strbuf_printf(evidence, "-- %s\n%s", path, out.text);
}

/* Runs the script once over the session. Returns what ssh_run() does. */
static int run_over(struct answer *a, struct ssh *s, const struct strbuf *input, struct strbuf *err, int *ret_status,
		    struct fail *e)
{
	struct ssh_run run = { .command = COMMAND, .input = strbuf_text(input), .input_len = input->len, .err = err,
			       .line = take_line, .line_ctx = a, .deadline_ms = run_deadline_ms(a->r) };

	return ssh_run(s, &run, ret_status, e);
}

/* Makes the failure of a script that ran to its end. */
static int script_failed(struct answer *a, struct ssh *s, int status, const char *err, const char *log, struct fail *e)
{
	const struct step *step = run_step(a->r);
	auto_(strbuf_clear) struct strbuf evidence = { 0 };
	bool full;

	strbuf_add(&evidence, strbuf_text(&a->evidence), a->evidence.len);
	if (!a->evidence.len) {
		strbuf_str(&evidence, err);
		if (!*err)
			strbuf_add(&evidence, strbuf_text(&a->other), a->other.len);
		if (log)
			add_log(s, log, &evidence);
	}
	if (a->failed)
		fail(e, FAIL_REMOTE, "%s", a->why);
	else
		fail(e, FAIL_REMOTE, "the script failed with exit status %d", status);
	fail_evidence(e, strbuf_text(&evidence), EVIDENCE_LINES);
	full = e->cause == CAUSE_NO_SPACE;
	if (full)
		fail_wrap(e, "%s has no space left", step->node->name);
	secrets_redact_fail(runtime_secrets(runtime_of(a->r)), e);
	if (*a->next)
		return fail_next(e, "%s", a->next);
	if (full)
		return fail_next(e, "labctl -l %s exec %s -- df -h; free some space, then run the same command again",
				 runtime_lab(runtime_of(a->r))->name, step->node->name);
	if (step->db)
		return fail_next(e, "correct what is reported above, then: labctl -l %s %s", runtime_lab(runtime_of(a->r))->name,
				 step->db->said);
	return fail_next(e, "labctl -l %s ssh %s", runtime_lab(runtime_of(a->r))->name, step->node->name);
}

/* A node that does not answer is usually not running: asks libvirt, and if so sets @e. */
static bool is_off(struct run *r, struct fail *e)
{
	const struct node *n = run_step(r)->node;
	struct fail silence = *e;
	const char *state;

	if ((e->code != FAIL_SSH && e->code != FAIL_DB && e->code != FAIL_TIMEOUT) ||
	    !runtime_is_off(runtime_of(r), n, &state))
		return false;
	fail(e, FAIL_VIRT, "%s is no longer running: domain '%s' is %s", n->name, n->domain, state);
	fail_cause(e, CAUSE_NODE_OFF);
	fail_evidence(e, silence.text, 1);
	fail_next(e, "labctl -l %s create (starts it again); then run the same command again", runtime_lab(runtime_of(r))->name);
	return true;
}

static bool is_served(struct runtime *rt, const struct node *n)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct nfs_lab nfs;
	char ip[16];

	if (n->host == runtime_host(rt)) {
		nfs_of(rt, a, &nfs);
		return nfs_serving(&nfs, NFS_KIND_KERNEL) || nfs_serving(&nfs, NFS_KIND_GANESHA);
	}
	ip_format(host_address(runtime_lab(rt), n->host), ip);
	return peer_try(ip, NFS_PORT, NFS_ANSWER_MS) == 0;
}

/* A node whose NFS mount is gone blocks for ever. Its host serves the mount. */
static void explain_wait(struct run *r, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const char *host = node_host_name(runtime_lab(rt), run_step(r)->node);

	if (e->code != FAIL_TIMEOUT || runtime_lab(rt)->hypervisor == HYPERVISOR_LXC || is_served(rt, run_step(r)->node))
		return;
	fail_wrap(e, "the lab's NFS server %s%s is not running", host ? "on host " : "", host ? host : "");
	fail_next(e, "labctl -l %s create (starts it again); then run the same command again", runtime_lab(rt)->name);
}

int run_script(struct run *r, const char *script, const char *log, bool *ret_changed, bool *ret_needed, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	auto_(strbuf_clear) struct strbuf input = { 0 };
	int status = 0, result;

	if (runtime_resolve(rt, script, &input, e) < 0)
		return -1;
	for (int tries = 1;; tries++) {
		struct answer a = { .r = r };
		auto_(strbuf_clear) struct strbuf err = { 0 };
		struct fail why = { 0 };
		bool broken = false, connected, again;
		struct ssh *s;

		result = session_get(runtime_sessions(rt), n, run_deadline_ms(r), &s, &why);
		connected = result == 0;
		if (connected) {
			result = run_over(&a, s, &input, &err, &status, &why);
			broken = result < 0; /* the remote side may still be running it: close the session */
			if (result == 0 && (status || a.failed))
				result = script_failed(&a, s, status, strbuf_text(&err), log, &why);
			session_done(runtime_sessions(rt), n, broken);
		}
		*ret_changed |= a.changed;
		if (ret_needed)
			*ret_needed = a.needed;
		strbuf_clear(&a.evidence);
		strbuf_clear(&a.other);
		/* Retry after a broken connection: scripts may always be run again. */
		again = result < 0 && tries < TRIES && clock_left_ms(run_deadline_ms(r)) > 0 &&
			(why.code == FAIL_SSH || (why.code == FAIL_TIMEOUT && !connected));
		if (again)
			clock_sleep_ms(clock_poll_ms(run_deadline_ms(r), PAUSE_MS));
		if (result < 0 && !is_off(r, &why) && again) {
			run_note(r, "reconnected and tried again: %s", why.text);
			continue;
		}
		if (result < 0) {
			*e = why;
			explain_wait(r, e);
		}
		explicit_bzero(input.text, input.len);
		return result;
	}
}

/* Plans of large labs contain no texts: make the text here, where it is needed. */
static int payload_of(struct run *r, struct arena *a, const struct payload **ret, struct fail *e)
{
	struct runtime *rt = runtime_of(r);

	return plan_payload(runtime_lab(rt), runtime_library(rt), run_step(r), NULL, a, ret, e);
}

int verb_node_script(struct run *r, enum step_state *ret_state, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const struct payload *p;
	bool changed = false;

	if (payload_of(r, a, &p, e) < 0)
		return -1;
	if (!p->script)
		return fail(e, FAIL_OTHER, "the step has no script");
	if (run_script(r, p->script, p->log, &changed, NULL, e) < 0)
		return -1;
	*ret_state = state_of(changed);
	return 0;
}

/* --- SQL --- */

static void add_remote_log(struct run *r, const char *path, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf evidence = { 0 };
	struct fail ignored;
	struct ssh *s;

	if (!path || session_get(runtime_sessions(runtime_of(r)), run_step(r)->node, clock_after_ms(TAIL_TIMEOUT_MS), &s, &ignored) < 0)
		return;
	strbuf_printf(&evidence, "%s\n", e->evidence);
	add_log(s, path, &evidence);
	session_done(runtime_sessions(runtime_of(r)), run_step(r)->node, false);
	fail_evidence(e, strbuf_text(&evidence), 2 * EVIDENCE_LINES);
}

int verb_node_sql(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	const struct payload *p;
	auto_(strbuf_clear) struct strbuf blocks = { 0 };
	auto_(sql_close) struct sql *sql = NULL;
	bool changed = false, lost, shares = run_step(r)->rule && run_step(r)->rule->shares;
	int status = 0;

	if (payload_of(r, a, &p, e) < 0)
		return -1;
	if (!p->sql)
		return fail(e, FAIL_OTHER, "the step has no SQL");
	if (runtime_resolve(rt, p->sql, &blocks, e) < 0)
		return -1;
	if (shares)
		sql = runtime_sql_left(rt, n, p->port);
	if (!sql)
		status = runtime_sql(rt, n, p->port, p->database, true, run_deadline_ms(r), &sql, e);
	if (status == 0)
		status = sql_blocks(sql, p->source ? p->source : "SQL", blocks.text ? blocks.text : "", run_deadline_ms(r),
				    &changed, e);
	if (blocks.text)
		explicit_bzero(blocks.text, blocks.len);
	lost = status < 0 && (!sql || sql_broken(sql));
	if (lost)
		clock_sleep_ms(clock_poll_ms(run_deadline_ms(r), PAUSE_MS));
	if (status < 0) {
		if (!is_off(r, e))
			explain_wait(r, e);
		if (e->code == FAIL_DB || e->code == FAIL_TIMEOUT)
			add_remote_log(r, p->log, e);
		secrets_redact_fail(runtime_secrets(rt), e);
		if (!*e->next && lost)
			fail_next(e, "labctl -l %s bootstrap (starts what is not running); then run the same command again", runtime_lab(rt)->name);
		if (!*e->next)
			fail_next(e, "labctl -l %s psql %s", runtime_lab(rt)->name, n->name);
		return -1;
	}
	/* One that changed something may know what was before. */
	if (shares && !changed)
		runtime_sql_leave(rt, n, p->port, steal(sql));
	*ret_state = state_of(changed);
	return 0;
}
