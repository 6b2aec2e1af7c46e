/* SPDX-License-Identifier: PostgreSQL */
/* audit: what was done to a lab, when, and how it ended; from its journal. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "documents.h"
#include "journal.h"
#include "state.h"
#include "when.h"

/* A run that has not ended: another labctl is at it, or it was killed. */
static const char *unfinished(const struct paths *paths, const struct journal_run *r, bool last)
{
	bool lives = r->pid > 0 && (kill((pid_t)r->pid, 0) == 0 || errno == EPERM);

	return last && lives && state_is_locked(paths) ? "running" : "killed";
}

static const char *outcome(const struct journal_run *r)
{
	static const struct { int status; const char *word; } words[] = {
		{ FAIL_NONE, "done" }, { FAIL_PARTIAL, "in part" }, { FAIL_CANCELED, "canceled" }, { FAIL_TIMEOUT, "timed out" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (r->status == words[i].status)
			return words[i].word;
	return r->status < 0 && !r->failed ? "done" : "failed"; /* journals of older versions have no status */
}

static json_t *row_of(const struct paths *paths, const struct journal_run *r, bool last)
{
	time_t start = (time_t)(r->start_ms / 1000);
	char text[32] = "";
	struct tm tm;
	json_t *row;

	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&start, &tm));
	row = json_pack("{s:s, s:I, s:f, s:s, s:s, s:i, s:i}", "start", text, "start_ms", (json_int_t)r->start_ms, "took_s",
			(double)(r->end_ms - r->start_ms) / 1000, "command", r->command, "outcome",
			r->finished ? outcome(r) : unfinished(paths, r, last), "done_count", (int)r->done, "failed_count", (int)r->failed);
	if (r->finished && r->status >= 0)
		json_object_set_new(row, "exit_status", json_integer(r->status));
	if (r->why)
		json_object_set_new(row, "why", json_string(r->why));
	return row;
}

json_t *audit_document(const struct lab *lab, const struct paths *paths, int64_t since_ms, struct arena *a, struct fail *e)
{
	struct journal_run *runs;
	json_t *rows;
	unsigned count;

	if (journal_runs(paths->journal, a, &runs, &count, e) < 0)
		return NULL;
	rows = json_array();
	for (unsigned i = 0; i < count; i++)
		if (runs[i].start_ms >= since_ms)
			json_array_append_new(rows, row_of(paths, &runs[i], i + 1 == count));
	return json_pack("{s:i, s:s, s:o}", "v", 1, "lab", lab->name, "runs", rows);
}

struct audit_words { const char *since; };

static int audit(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "start", "START", false },    { "took_s", "TOOK s", true },
						 { "exit_status", "STATUS", true }, { "outcome", "OUTCOME", false },
						 { "command", "COMMAND", false }, { "why", "WHY", false } };
	auto_(lab_free) struct lab *lab = NULL;
	const struct audit_words *said = c->options;
	int64_t since_s = 0;
	struct paths paths;
	const json_t *rows;
	json_t *doc;
	int r;

	if (said->since && when_parse("--since", said->since, clock_wall_ms() / 1000, &since_s, e) < 0)
		return -1;
	if (load_existing(c, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	doc = audit_document(lab, &paths, since_s * 1000, c->arena, e);
	if (!doc)
		return -1;
	rows = json_object_get(doc, "runs");
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	if (!c->json && json_array_size(rows) == 0)
		report_say("no command has changed lab '%s'%s\n", lab->name, since_s ? " since then" : "");
	json_decref(doc);
	return r;
}

static const struct option_row options[] = {
	{ "since", .arg = "TIME", .at = offsetof(struct audit_words, since),
	  .text = "only commands that began since then: 10m, 2h, 3d; 14:30; 2026-11-29 14:30" },
	{ 0 },
};

const struct command cmd_audit = {
	.name = "audit", .run = audit, .without = NO_LIBRARY,
	.options = options, .options_size = sizeof(struct audit_words),
	.summary = "list the commands that changed a lab: when, how long, and how they ended",
	.help =
	"The outcome is done, in part, failed, timed out, canceled, killed (the command ended without a word) or running. WHY is what "
	"the first step that failed says; the journal of the lab (STATE/labs/NAME/journal.jsonl) has every step. Commands that only "
	"look are not recorded, and a lab's record goes with the lab.",
};
