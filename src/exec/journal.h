/* SPDX-License-Identifier: PostgreSQL */
/*
 * Append-only JSON lines, intent before act (docs/format/journal.md). The journal tells the story; the truth is what
 * probes and libvirt say, so nothing resumes from it and no record is waited for. A torn last line is ignored. Also an
 * event sink of the executor, which calls it from one thread at a time.
 */
#ifndef LABCTL_EXEC_JOURNAL_H
#define LABCTL_EXEC_JOURNAL_H

#include "executor.h"

struct journal;

/* Opens STATE/labs/NAME/journal.jsonl for appending and writes the run's header. */
int journal_open(const char *path, const char *command, struct journal **ret_journal, struct fail *e);
void journal_close(struct journal *j);
DEFINE_AUTO(struct journal *, journal_close)
struct event_sink journal_sink(struct journal *j);
/* Result of the last run, for status: "create done 2026-...". */
struct journal_last { char command[16]; int64_t wall_ms; bool finished; unsigned failed; };
int journal_last(const char *path, struct journal_last *ret, struct fail *e);

#endif
