/* SPDX-License-Identifier: PostgreSQL */
/* What the actions of `labctl bench` share. */
#ifndef LABCTL_CLI_CMD_BENCH_H
#define LABCTL_CLI_CMD_BENCH_H

#include "cli.h"
#include "compare.h"

/* Exit status of a comparison, so that a CI job can act on it. labctl(1), EXIT STATUS. */
enum {
	BENCH_SLOWER = 50,    /* at least one point */
	BENCH_UNDECIDED = 51, /* at least one point, and none is slower */
};

/*
 * Prints a comparison, with --json as @doc, which it takes and to which it adds `comparison`. Returns the exit status, 0 if
 * every point is faster or equivalent, or -1.
 */
int bench_show_comparison(struct cli *c, const struct compare *compared, json_t *doc, struct fail *e);

/* For `.set` of options: the name of a metric; a percentage above 0 and up to 50, stored as a part (double). */
int bench_set_metric(void *field, const char *what, const char *value, struct fail *e);
int bench_set_percent(void *field, const char *what, const char *value, struct fail *e);

struct completion;
void complete_metrics(struct completion *to);

#endif
