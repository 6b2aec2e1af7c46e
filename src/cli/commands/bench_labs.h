/* SPDX-License-Identifier: PostgreSQL */
/* Benchmarks of labs that are made for them, one after the other: `bench scale` and `bench systems`. */
#ifndef LABCTL_CLI_BENCH_LABS_H
#define LABCTL_CLI_BENCH_LABS_H

#include "bench_measure.h"

/* A lab that exists only while it is measured. */
struct bench_station {
	const char *name;       /* of its run's directory and lab file, below the benchmark's: "datanode-4" */
	struct lab *lab;        /* as it will be created: its file is what lab_print() makes of it */
	const char *scale_role; unsigned scale_count; /* bench.h; NULL and 0 for `bench systems` */
};

/*
 * Creates, bootstraps, measures and destroys every lab, and writes report.html. A lab that cannot be bootstrapped or measured
 * is destroyed, and the others are measured; then the first failure is returned. With -n only shows what would be done.
 */
int bench_stations(struct cli *c, const struct bench_options *said, const struct bench_station *stations, unsigned count,
		   struct fail *e);

/*
 * Sets a quota of processor time so that @nodes nodes use three quarters of the host at most: the rest is for the client. @text is
 * the option's value: percent of a core, "none", or NULL = computed.
 */
int bench_set_quota(struct lab *lab, const char *text, unsigned nodes, struct fail *e);

/* The lab's file must not depend on what belongs to another lab: its name, subnet and directories are chosen again. */
void bench_rename_lab(struct lab *lab, const char *name);

#define BENCH_OPTION_QUOTA(type) { "cpu-quota", .arg = "PERCENT", .at = offsetof(type, quota), \
	.text = "processor time of each node, in percent of a core, or none; what fits the host by default" }

#endif
