/* SPDX-License-Identifier: PostgreSQL */
/*
 * Programs that put load on a database, as const rows. A driver says what shell text runs it once against one server, and
 * how to read what it printed and logged. Several servers are loaded by one process each, at the same time.
 */
#ifndef LABCTL_BENCH_DRIVER_H
#define LABCTL_BENCH_DRIVER_H

#include "spec.h"
#include "strbuf.h"

struct drive {
	const char *conninfo;    /* of the server, for libpq; contains no password */
	unsigned number;         /* of the process: names of its files end with it */
	unsigned clients, threads, seconds;
	double rate_tps;         /* 0 = closed loop */
	const char *script;      /* file with the workload's script */
	unsigned scale;
	enum bench_protocol protocol;
	uint64_t seed;
};

struct driver {
	const char *name;
	const char *program;     /* must be in PATH */
	const char *package;     /* Debian's, that has it */
	/* Adds a command that reads .script and writes out.N, err.N and log.N* in the working directory. */
	void (*command)(const struct drive *d, struct strbuf *out);
	const char *log_pattern; /* of all logs, in the format of pgbench (txlog.h): "log.*" */
	const char *error;       /* what a line of err.N with an error contains */
	/*
	 * What err.N contains when a process with one client has ended because there was no connection, or because it broke. NULL: this
	 * driver cannot be started again after an error (play.c).
	 */
	const char *refused, *lost;
};

extern const struct driver driver_pgbench, driver_sysbench;

/* By the word of a workload's row; NULL = pgbench. */
const struct driver *driver_find(const char *name);

#endif
