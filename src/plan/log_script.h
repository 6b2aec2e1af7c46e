/* SPDX-License-Identifier: PostgreSQL */
/* The script that prints the logs of a node (tuning/logs.sh). Pure. */
#ifndef LABCTL_PLAN_LOG_SCRIPT_H
#define LABCTL_PLAN_LOG_SCRIPT_H

#include "lab.h"
#include "library.h"

struct log_wish {
	uint32_t roles;        /* bits of the recipe's roles whose logs are wanted; others than the node's are ignored */
	bool journal;          /* also the system's journal */
	bool follow;
	int64_t since_s;       /* since the epoch; 0 = everything */
	uint64_t limit_bytes;  /* only the end of it, not when following; 0 = all */
};

/* *ret_script is in @a. Which files there are is the recipe's: struct role_log. Fails only if labctl's data files are incomplete. */
int log_script(const struct lab *lab, const struct library *lib, const struct node *n, const struct log_wish *w, struct arena *a,
	       const char **ret_script, struct fail *e);

#define LOG_TIME_LEN 23 /* "2026-11-29 14:22:11.123" */

/*
 * Splits a line of its output, in place: "TIME<tab>SOURCE<tab>TEXT". False if it has another form: a first line that the
 * limit cut, or garbage.
 */
bool log_line_split(char *line, const char **ret_time, const char **ret_source, char **ret_text);
/* Sets @ret to the time at the start of a line as journalctl prints it; false if there is none. */
bool log_journal_time(const char *line, char ret[LOG_TIME_LEN + 1]);
/* A time of this process' time zone in that form; @ms since the epoch. */
void log_time(int64_t ms, char ret[LOG_TIME_LEN + 1]);

#endif
