/* SPDX-License-Identifier: PostgreSQL */
/*
 * Append-only JSON lines, intent before act, fsynced (docs/format/journal.md). The journal saves time and tells the
 * story; the truth is what probes and libvirt say. A torn last line is ignored. Also an event sink of the executor.
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
/* A record outside the executor: {"v":1,"t_ms":...,"what":...}. Durable when it returns 0. */
int journal_note(struct journal *j, const char *what, const char *text, struct fail *e);
/* Result of the last run, for status: "create done 2026-...". */
struct journal_last { char command[16]; int64_t wall_ms; bool finished; unsigned failed; };
int journal_last(const char *path, struct journal_last *ret, struct fail *e);

#endif
