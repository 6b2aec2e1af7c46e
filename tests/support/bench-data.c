/* SPDX-License-Identifier: PostgreSQL */
/*
 * bench-data KIND SCALE load|reset|check DATASET
 * bench-data KIND SCALE script WORKLOAD
 * bench-data KIND SCALE workloads|datasets
 *
 * The data sets and workloads of benchmarks, without a runner: for tests. The server is that of PGHOST (an address), PGPORT,
 * PGUSER, PGPASSWORD and PGDATABASE. `check` prints its rows and fails if one is not ok.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "library.h"
#include "sql.h"
#include "workload.h"

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static void check_row(void *ctx, int columns, const char *const *names, const char *const *values)
{
	bool ok = columns == 3 && !strcmp(names[1], "ok") && values[1] && !strcmp(values[1], "t");

	*(bool *)ctx &= ok;
	printf("%s\t%s\t%s\n", values[0], ok ? "ok" : "WRONG", values[2] ? values[2] : "");
}

static int data(const struct library *lib, const char *kind, unsigned scale, const char *action, const struct dataset *d,
		struct arena *a, struct fail *e)
{
	struct sql_target to = { .node = "server", .ip = variable("PGHOST"), .port = (unsigned)atoi(variable("PGPORT")),
				 .user = variable("PGUSER"), .password = variable("PGPASSWORD"), .database = variable("PGDATABASE") };
	int64_t begin = clock_now_ms(), deadline = begin + 1800000;
	auto_(sql_close) struct sql *c = NULL;
	bool changed = false, ok = true;
	const char *text;

	if (dataset_text(lib, d, !strcmp(action, "load") ? DATASET_LOAD : !strcmp(action, "reset") ? DATASET_RESET : DATASET_CHECK,
			 kind, scale, a, &text, e) < 0 ||
	    sql_open(&to, false, deadline, &c, e) < 0)
		return -1;
	if (!strcmp(action, "check")) {
		if (sql_rows(c, text, NULL, deadline, check_row, &ok, e) < 0)
			return -1;
		return ok ? 0 : fail(e, FAIL_DB, "the data are wrong");
	}
	if (sql_blocks(c, d->name, text, deadline, &changed, e) < 0)
		return -1;
	printf("%s %s: %s, %.1f s\n", action, d->name, changed ? "changed" : "unchanged", (double)(clock_now_ms() - begin) / 1000);
	return 0;
}

static int run(char **args, struct fail *e)
{
	auto_(library_free) struct library *lib = NULL;
	auto_(arena_free) struct arena *a = arena_new();
	const char *kind = args[0], *what = args[2], *name = args[3] ? args[3] : "", *text;
	unsigned scale = (unsigned)atoi(args[1]);
	const struct dataset *d = dataset_find(name);
	const struct workload *w = workload_find(name);

	if (library_load(NULL, &lib, e) < 0)
		return -1;
	if (!strcmp(what, "workloads")) {
		for (w = workloads; w->name; w++)
			if (workload_has_kind(w->kinds, kind))
				printf("%s\t%s\t%s\n", w->name, w->dataset ? w->dataset : "-", w->driver ? w->driver : "pgbench");
		return 0;
	}
	if (!strcmp(what, "datasets")) {
		for (d = datasets; d->name; d++)
			if (workload_has_kind(d->kinds, kind))
				printf("%s\n", d->name);
		return 0;
	}
	if (!strcmp(what, "script")) {
		if (!w)
			return fail(e, FAIL_USAGE, "no workload '%s'", name);
		if (workload_script(lib, w, kind, scale, a, &text, e) < 0)
			return -1;
		fputs(text, stdout);
		return 0;
	}
	return d ? data(lib, kind, scale, what, d, a, e) : fail(e, FAIL_USAGE, "no data set '%s'", name);
}

int main(int argc, char **argv)
{
	struct fail e = {0};

	if (argc < 4) {
		fprintf(stderr, "usage: bench-data KIND SCALE load|reset|check|script|workloads|datasets [NAME]\n");
		return FAIL_USAGE;
	}
	if (run(argv + 1, &e) == 0)
		return 0;
	fprintf(stderr, "bench-data: %s\n%s", e.text, e.evidence);
	return e.code;
}
