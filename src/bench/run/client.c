/* SPDX-License-Identifier: PostgreSQL */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "proc.h"
#include "quote.h"
#include "sessions.h"

#define SHORT_MS 30000 /* for commands that only look or clean up */

struct client {
	struct runtime *rt;
	const struct node *node; /* NULL = this host */
	const atomic_bool *cancel;
	struct strbuf dir; /* quoted for a shell */
	unsigned cores;
};

/* Takes the bytes that .line has seen: with it, the output has no limit. */
static void ignore_data(void *ctx, bool is_err, const char *data, size_t len)
{
	(void)ctx; (void)is_err; (void)data; (void)len;
}

/* Runs shell text, without entering the directory. The output has no limit if only @line gets it. */
static int run(struct client *c, const char *text, const char *input, const atomic_bool *cancel, int64_t deadline_ms,
	       void (*line)(void *ctx, const char *line), void *ctx, struct strbuf *out, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf error = { 0 };
	const char *argv[] = { "/bin/sh", "-c", text, NULL };
	struct ssh *ssh;
	int status, r;

	if (!c->node) {
		struct proc p = { .argv = argv, .input = input, .input_len = input ? strlen(input) : 0, .out = out, .line = line,
				  .line_ctx = ctx, .deadline_ms = deadline_ms, .cancel = cancel };

		return proc_check(&p, e);
	}
	if (session_get(runtime_sessions(c->rt), c->node, deadline_ms, &ssh, e) < 0)
		return -1;
	r = ssh_run(ssh, &(struct ssh_run) { .command = text, .input = input, .input_len = input ? strlen(input) : 0, .out = out,
					     .err = line && !out ? NULL : &error, .line = line, .line_ctx = ctx,
					     .data = line && !out ? ignore_data : NULL, .deadline_ms = deadline_ms }, &status, e);
	session_done(runtime_sessions(c->rt), c->node, r < 0);
	if (r < 0)
		return -1;
	if (status == 0)
		return 0;
	fail(e, FAIL_REMOTE, "%s: a command of the benchmark exited with %d", c->node->name, status);
	return fail_evidence(e, strbuf_text(&error), 20);
}

static void discard(struct client *c)
{
	strbuf_clear(&c->dir);
	free(c);
}

int client_open(struct runtime *rt, const struct node *node, const char *name, const atomic_bool *cancel, struct client **ret, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, out = { 0 }, dir = { 0 };
	struct client *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->rt = rt;
	c->node = node;
	c->cancel = cancel;
	/* Only one run at a time has a lock on this name: what is there was left by one that was killed. */
	strbuf_printf(&dir, "%s/%s", node ? "/run/labctl" : runtime_paths(rt)->lab, name);
	quote_add(&c->dir, QUOTE_SH, strbuf_text(&dir));
	strbuf_printf(&text, "rm -rf %s && mkdir -p -m 700 %s && nproc\n", c->dir.text, c->dir.text);
	if (run(c, strbuf_text(&text), NULL, cancel, clock_after_ms(SHORT_MS), NULL, NULL, &out, e) < 0) {
		discard(c);
		return -1;
	}
	c->cores = (unsigned)strtoul(strbuf_text(&out), NULL, 10);
	*ret = c;
	return 0;
}

int client_needs(struct client *c, const char *program, const char *package, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, out = { 0 };

	strbuf_printf(&text, "command -v %s || true\n", program);
	if (run(c, strbuf_text(&text), NULL, c->cancel, clock_after_ms(SHORT_MS), NULL, NULL, &out, e) < 0)
		return -1;
	if (out.len)
		return 0;
	fail(e, FAIL_HOST, "%s is not installed on %s", program, c->node ? c->node->name : "this host");
	return c->node ? fail_next(e, "labctl exec %s -- apt-get install %s, or --from host", c->node->name, package)
		       : fail_next(e, "apt-get install %s, or run it on a node: --from NODE", package);
}

void client_close(struct client *c)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;

	strbuf_printf(&text, "rm -rf %s", c->dir.text);
	/* Not canceled by Ctrl-C: the password file must go. */
	run(c, strbuf_text(&text), NULL, NULL, clock_after_ms(SHORT_MS), NULL, NULL, NULL, &ignored);
	discard(c);
}

const char *client_name(const struct client *c)
{
	return c->node ? c->node->name : "host";
}

unsigned client_cores(const struct client *c)
{
	return c->cores;
}

int client_put(struct client *c, const char *name, const char *text, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf command = { 0 };

	strbuf_printf(&command, "umask 077; cat > %s/%s", c->dir.text, name);
	return run(c, strbuf_text(&command), text, c->cancel, clock_after_ms(SHORT_MS), NULL, NULL, NULL, e);
}

int client_run(struct client *c, const char *command, int64_t deadline_ms, void (*line)(void *ctx, const char *line), void *ctx,
	       struct strbuf *out, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	strbuf_printf(&text, "umask 077; cd %s || exit 1\n%s", c->dir.text, command);
	return run(c, strbuf_text(&text), NULL, c->cancel, deadline_ms, line, ctx, out, e);
}

struct copy { FILE *file; void (*line)(void *ctx, const char *line); void *ctx; };

static void copy_line(void *ctx, const char *line)
{
	struct copy *copy = ctx;

	fputs(line, copy->file);
	fputc('\n', copy->file);
	if (copy->line)
		copy->line(copy->ctx, line);
}

int client_read(struct client *c, const char *pattern, const char *copy, void (*line)(void *ctx, const char *line), void *ctx,
		int64_t deadline_ms, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct copy to = { .file = fopen(copy, "a"), .line = line, .ctx = ctx };
	int r;

	if (!to.file)
		return fail_errno(e, FAIL_OTHER, "cannot write %s", copy);
	strbuf_printf(&text, "cd %s && for f in %s; do [ ! -e \"$f\" ] || cat \"$f\"; done", c->dir.text, pattern);
	r = run(c, strbuf_text(&text), NULL, c->cancel, deadline_ms, copy_line, &to, NULL, e);
	if (fclose(to.file) != 0 && r == 0)
		return fail_errno(e, FAIL_OTHER, "cannot write %s", copy);
	return r;
}

void client_signal(struct client *c, const char *signal)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;

	/* A pid may have been reused: only processes whose working directory is ours are meant. */
	strbuf_printf(&text, "cd %s && for p in $(cat pids* 2>/dev/null); do [ /proc/$p/cwd -ef . ] && kill -%s $p; done; true", c->dir.text, signal);
	run(c, strbuf_text(&text), NULL, NULL, clock_after_ms(SHORT_MS), NULL, NULL, NULL, &ignored);
}
