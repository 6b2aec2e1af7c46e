/* SPDX-License-Identifier: PostgreSQL */
/*
 * Append-only JSON lines, each intent written before its act (docs/format/journal.md). The journal only documents runs:
 * probes and libvirt decide what to do, so nothing resumes from it and no record is fsynced. An incomplete last line is
 * ignored. The journal is also an event sink of the executor, which calls it from one thread at a time.
 */
#ifndef LABCTL_EXEC_JOURNAL_H
#define LABCTL_EXEC_JOURNAL_H

#include "arena.h"
#include "executor.h"

struct journal;

/* Opens STATE/labs/NAME/journal.jsonl for appending and writes the run's header. */
int journal_open(const char *path, const char *command, struct journal **ret_journal, struct fail *e);
/* The exit status of the command, for the record that journal_close() writes. */
void journal_status(struct journal *j, int exit_status);
void journal_close(struct journal *j);
DEFINE_AUTO(struct journal *, journal_close)
struct event_sink journal_sink(struct journal *j);
/* Result of the last run, for status: "create done 2026-...". */
struct journal_last { char command[80]; int64_t wall_ms; bool finished; unsigned failed; };
int journal_last(const char *path, struct journal_last *ret, struct fail *e);

/* What a run did, for `labctl audit`. Texts are in the arena. */
struct journal_run {
	const char *id, *command;
	int64_t start_ms, end_ms;       /* since the epoch; .end_ms of an unfinished run: its last record */
	bool finished;
	int status;                     /* exit status; -1 = not recorded */
	long pid;
	unsigned done, failed;          /* steps */
	const char *why;                /* what the first failed step says; NULL = none failed */
};
/* All runs of the journal and of the one before it (.old), the oldest first. None is no failure. FAIL_OTHER: cannot be read. */
int journal_runs(const char *path, struct arena *a, struct journal_run **ret, unsigned *ret_count, struct fail *e);

#endif
