/* SPDX-License-Identifier: PostgreSQL */
/* Runs a plan for the user: lock, journal, progress, report, timings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cli.h"
#include "file.h"
#include "journal.h"
#include "snapshots.h"
#include "state.h"
#include "trace.h"
#include "verbs.h"

#define LOCK_WAIT_MS 2000 /* how long a second labctl waits for the first before it names it */
#define JOBS_MAX 64       /* steps mostly wait for the node; more threads only cost memory */

/* Commands that end what was interrupted, or touch no node. */
static bool may_run(const struct cli *c, const char *what)
{
	static const char *const allowed[] = { "destroy", "gc", "protect", "unprotect", "extend", "host give-up" };

	for (size_t i = 0; i < ARRAY_COUNT(allowed); i++)
		if (!strcmp(c->path, allowed[i]))
			return true;
	return !strcmp(c->path, what);
}

bool run_is_takeover(const char *words)
{
	static const char *const takeovers[] = { "switchover ", "failover " };

	for (size_t i = 0; i < ARRAY_COUNT(takeovers); i++)
		if (!strncmp(words, takeovers[i], strlen(takeovers[i])))
			return true;
	return false;
}

/*
 * After half a takeover the servers do not agree on who has the role. These commands would build on that; `start` of the whole
 * cluster, and the takeover itself, end it.
 */
static int check_takeover(const struct cli *c, const struct paths *paths, const char *lab, struct fail *e)
{
	static const char *const kept_out[] = { "bootstrap", "node add", "node remove" };
	auto_(strbuf_clear) struct strbuf words = { 0 };
	bool out = false;

	for (size_t i = 0; i < ARRAY_COUNT(kept_out); i++)
		out |= !strcmp(c->path, kept_out[i]);
	if (!out)
		return 0;
	if (state_unfinished(paths, UNFINISHED_COMMAND, &words, e) < 0)
		return -1;
	if (!run_is_takeover(strbuf_text(&words)))
		return 0;
	fail(e, FAIL_CONFLICT, "'%s' did not end: the servers of lab '%s' may not agree on who has the role", words.text, lab);
	return fail_next(e, "labctl -l %s %s    (goes on), then the same command again", lab, words.text);
}

int run_check_whole(const struct cli *c, const struct paths *paths, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf restoring = { 0 }, cloning = { 0 }, freezing = { 0 }, removing = { 0 };
	const char *lab = strrchr(paths->lab, '/') + 1;

	if (state_unfinished(paths, UNFINISHED_DESTROY, &removing, e) < 0)
		return -1;
	if (removing.len && !may_run(c, "destroy")) {
		fail(e, FAIL_CONFLICT, "destroy of lab '%s' did not end: some of its nodes and data are gone, others are not", lab);
		return fail_next(e, "labctl -l %s destroy", lab);
	}
	if (snapshot_mark(paths, SNAPSHOT_RESTORING, &restoring, e) < 0 || snapshot_mark(paths, SNAPSHOT_CLONING, &cloning, e) < 0 ||
	    snapshot_mark(paths, SNAPSHOT_FREEZING, &freezing, e) < 0)
		return -1;
	if (restoring.len && !may_run(c, "snapshot restore")) {
		fail(e, FAIL_CONFLICT, "the restore of snapshot '%s' did not end: lab '%s' is a mixture of then and now", restoring.text, lab);
		return fail_next(e, "labctl -l %s snapshot restore %s", lab, restoring.text);
	}
	if (freezing.len && !may_run(c, "snapshot save") && !may_run(c, "snapshot restore")) {
		fail(e, FAIL_CONFLICT, "the save of snapshot '%s' did not end: nodes of lab '%s' stand still", freezing.text, lab);
		return fail_next(e, "labctl -l %s snapshot save %s", lab, freezing.text);
	}
	if (!cloning.len || (may_run(c, "create") && (strcmp(c->path, "create") || ((const struct lab_words *)c->options)->from)))
		return check_takeover(c, paths, lab, e);
	fail(e, FAIL_CONFLICT, "the copy of %s did not end: nodes of lab '%s' have nothing yet", cloning.text, lab);
	return fail_next(e, "labctl -l %s create --from %s", lab, cloning.text);
}

int run_lock(struct cli *c, const struct paths *paths, int *ret_fd, struct fail *e)
{
	int64_t wait = c->timeout_ms >= 0 && c->timeout_ms < LOCK_WAIT_MS ? c->timeout_ms : LOCK_WAIT_MS;
	auto_(close) int fd = -1;

	if (state_lock(paths, c->path, clock_after_ms(wait), &fd, e) < 0)
		return -1;
	if (run_check_whole(c, paths, e) < 0)
		return -1;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int run_show(struct cli *c, const struct plan *p, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (c->json) {
		json_t *doc = plan_json(p);
		int r = report_json(doc, e);

		json_decref(doc);
		return r;
	}
	plan_print_text(p, &text);
	fputs(strbuf_text(&text), stdout);
	return 0;
}

struct total {
	const char *name;
	int64_t work_ms, first_ms, last_ms;
	unsigned steps;
};

static void add_total(struct total *totals, unsigned *count, const char *name, const struct step_result *r)
{
	struct total *t = totals;

	while (t < totals + *count && strcmp(t->name, name) != 0)
		t++;
	if (t == totals + *count)
		totals[(*count)++] = (struct total){ .name = name, .first_ms = r->start_ms };
	t->work_ms += r->end_ms - r->start_ms;
	t->steps++;
	if (r->start_ms < t->first_ms)
		t->first_ms = r->start_ms;
	if (r->end_ms > t->last_ms)
		t->last_ms = r->end_ms;
}

/* The phase of a step: its id without the node. */
static const char *phase(const struct step *s, struct arena *a)
{
	return arena_strndup(a, s->id, strcspn(s->id, "/"));
}

static json_t *totals_json(const struct plan *p, const struct exec_report *rep, bool by_node, struct arena *a)
{
	struct total *totals = arena_alloc(a, (p->step_count + 1) * sizeof *totals);
	json_t *list = json_array();
	unsigned count = 0;

	for (unsigned i = 0; i < p->step_count; i++) {
		const struct step *s = &p->steps[i];

		if (s->verb == VERB_JOIN || !rep->results[i].start_ms)
			continue;
		add_total(totals, &count, !by_node ? phase(s, a) : progress_place(p, s),
			  &rep->results[i]);
	}
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:f, s:f, s:f}", by_node ? "node" : "phase", totals[i].name,
						      "steps", (int)totals[i].steps, "from_s",
						      (double)(totals[i].first_ms - rep->start_ms) / 1000, "to_s",
						      (double)(totals[i].last_ms - rep->start_ms) / 1000, "work_s",
						      (double)totals[i].work_ms / 1000));
	return list;
}

static json_t *steps_json(const struct plan *p, const struct exec_report *rep)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < p->step_count; i++) {
		const struct step_result *r = &rep->results[i];
		json_t *row;

		if (p->steps[i].verb == VERB_JOIN)
			continue;
		row = json_pack("{s:s, s:s, s:f}", "id", p->steps[i].id, "state", step_state_names[r->state], "took_s",
				(double)(r->end_ms - r->start_ms) / 1000);
		if (r->notes.len)
			json_object_set_new(row, "notes", json_string(r->notes.text));
		if (r->warnings.len)
			json_object_set_new(row, "warnings", json_string(r->warnings.text));
		if (r->state == STEP_FAILED || r->state == STEP_TIMEOUT)
			json_object_set_new(row, "why", json_string(r->fail.text));
		json_array_append_new(list, row);
	}
	return list;
}

static int show_timings(const json_t *phases, const json_t *nodes, struct fail *e)
{
	static const struct column phase_columns[] = { { "phase", "PHASE", false }, { "steps", "STEPS", true },
						       { "from_s", "FROM s", true }, { "to_s", "TO s", true },
						       { "work_s", "WORK s", true } };
	static const struct column node_columns[] = { { "node", "NODE", false }, { "steps", "STEPS", true },
						      { "from_s", "FROM s", true }, { "to_s", "TO s", true },
						      { "work_s", "WORK s", true } };

	if (report_table(phases, phase_columns, ARRAY_COUNT(phase_columns), e) < 0)
		return -1;
	putchar('\n');
	return report_table(nodes, node_columns, ARRAY_COUNT(node_columns), e);
}

static void say_summary(const struct cli *c, const struct plan *p, const struct exec_report *rep, enum fail_code code)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const unsigned *n = rep->counts;
	const char *end = code == FAIL_NONE ? "finished in" : code == FAIL_CANCELED ? "interrupted after" :
			  code == FAIL_PARTIAL ? "finished in part in" : "FAILED in";

	strbuf_printf(&text, "lab '%s': %s %s %.1f s: %u done, %u unchanged", p->lab ? p->lab->name : "-", p->command, end,
		      (double)(clock_now_ms() - c->start_ms) / 1000, n[STEP_DONE], n[STEP_UNCHANGED]);
	if (n[STEP_SKIPPED])
		strbuf_printf(&text, ", %u skipped", n[STEP_SKIPPED]);
	if (n[STEP_FAILED] + n[STEP_TIMEOUT])
		strbuf_printf(&text, ", %u failed", n[STEP_FAILED] + n[STEP_TIMEOUT]);
	if (n[STEP_BLOCKED] + n[STEP_CANCELED])
		strbuf_printf(&text, ", %u not run", n[STEP_BLOCKED] + n[STEP_CANCELED]);
	report_say("%s\n", strbuf_text(&text));
}

static int report_run(struct cli *c, const struct plan *p, const struct exec_report *rep, bool ok, struct fail *e)
{
	json_t *phases, *nodes;
	int r = 0;

	if (!c->timings && !(c->json && ok))
		return 0;
	phases = totals_json(p, rep, false, c->arena);
	nodes = totals_json(p, rep, true, c->arena);
	if (c->json && ok) {
		json_t *doc = json_pack("{s:i, s:s, s:s, s:f, s:O, s:O, s:o}", "v", 1, "lab", p->lab ? p->lab->name : "",
					"command", p->command, "took_s", (double)(rep->end_ms - rep->start_ms) / 1000,
					"phases", phases, "nodes", nodes, "steps", steps_json(p, rep));

		r = report_json(doc, e);
		json_decref(doc);
	} else if (!c->json) {
		r = show_timings(phases, nodes, e);
	}
	json_decref(phases);
	json_decref(nodes);
	return r;
}

/* "node3 node4: TEXT" per line: nodes with the same warning share a line. */
static void gather_warnings(const struct plan *p, const struct exec_report *rep, struct arena *a, struct strbuf *out)
{
	struct warning { const char *text; struct strbuf nodes; } *all = NULL;
	unsigned count = 0, k;

	for (unsigned i = 0; i < p->step_count; i++) {
		const char *line = strbuf_text(&rep->results[i].warnings);

		for (size_t len; *line; line += len + (line[len] == '\n')) {
			const char *text = arena_strndup(a, line, len = strcspn(line, "\n"));

			for (k = 0; k < count && strcmp(all[k].text, text); k++)
				;
			if (k == count)
				*arena_push(a, all, count) = (struct warning){ .text = text };
			if (p->steps[i].node)
				strbuf_printf(&all[k].nodes, "%s%s", all[k].nodes.len ? " " : "", p->steps[i].node->name);
		}
	}
	for (k = 0; k < count; k++) {
		strbuf_printf(out, "%s%s%s\n", strbuf_text(&all[k].nodes), all[k].nodes.len ? ": " : "", all[k].text);
		strbuf_clear(&all[k].nodes);
	}
}

void run_show_warnings(const char *lines)
{
	for (size_t len; *lines; lines += len + (lines[len] == '\n'))
		report_say("warning: %.*s\n", (int)(len = strcspn(lines, "\n")), lines);
}

/* A bootstrap's warnings about the cluster are saved until the next one; those of other commands are only shown. */
static int tell_warnings(struct cli *c, struct runtime *rt, const struct plan *p, const struct exec_report *rep, bool ok,
			 struct fail *e)
{
	auto_(strbuf_clear) struct strbuf lines = { 0 };

	gather_warnings(p, rep, c->arena, &lines);
	if (!c->json)
		run_show_warnings(strbuf_text(&lines));
	return ok && !strcmp(p->command, "bootstrap") ? state_put_warnings(runtime_paths(rt), strbuf_text(&lines), e) : 0;
}

static int64_t run_deadline(const struct cli *c)
{
	return c->timeout_ms < 0 ? CLOCK_NEVER : c->start_ms + c->timeout_ms;
}

int run_plan(struct cli *c, struct runtime *rt, const struct plan *p, struct fail *e)
{
	auto_(journal_close) struct journal *journal = NULL;
	bool removes = !strcmp(p->command, "destroy");
	struct progress *progress;
	struct exec_report rep = { 0 };
	struct event_sink sinks[2];
	struct exec_options o = { .verbs = verbs, .away = verb_away, .context = rt, .deadline_ms = run_deadline(c), .patience = c->patience, .cancel = c->cancel };
	struct fail report = { 0 };
	int r;

	/* Removing a lab must work on a full disk, since it makes room: only warn. */
	if (journal_open(runtime_paths(rt)->journal, p->command, &journal, removes ? &report : e) < 0) {
		if (!removes)
			return -1;
		report_say("labctl: %s; continuing without a journal\n", report.text);
		report = (struct fail){ 0 };
	}
	o.jobs = c->jobs ? c->jobs : p->lab && p->lab->node_count > 8 ? p->lab->node_count : 8;
	if (o.jobs > JOBS_MAX && !c->jobs)
		o.jobs = JOBS_MAX;
	progress = progress_new(&(struct progress_options){ .start_ms = c->start_ms, .verbose = c->verbose > 0,
							     .live = progress_can_live() && !trace_areas }, p);
	if (journal)
		sinks[o.sink_count++] = journal_sink(journal);
	sinks[o.sink_count++] = progress_sink(progress);
	o.sinks = sinks;
	r = exec_run(p, &o, &rep, e);
	progress_free(progress);
	say_summary(c, p, &rep, r < 0 ? e->code : FAIL_NONE);
	if (tell_warnings(c, rt, p, &rep, r == 0, &report) < 0 && r == 0) {
		*e = report;
		r = -1;
	}
	if (report_run(c, p, &rep, r == 0, &report) < 0 && r == 0) {
		*e = report;
		r = -1;
	}
	if (r < 0 && !*e->next)
		fail_next(e, "labctl -l %s %s    (continues where it stopped; journal: %s)", p->lab ? p->lab->name : "",
			  p->command, runtime_paths(rt)->journal);
	if (journal)
		journal_status(journal, r < 0 ? (int)e->code : 0);
	exec_report_clear(&rep);
	return r;
}

int run_whole(struct cli *c, struct runtime *rt, const struct plan *p, struct fail *e)
{
	const struct paths *paths = runtime_paths(rt);

	if (state_put_unfinished(paths, UNFINISHED_COMMAND, p->command, e) < 0 || run_plan(c, rt, p, e) < 0)
		return -1;
	return state_put_unfinished(paths, UNFINISHED_COMMAND, NULL, e);
}
