/* SPDX-License-Identifier: PostgreSQL */
/* bench-runs NAME DIR: writes a recorded run of bench_runs.h. */
#include "bench_runs.h"

static int write_run(struct bench_run *run, const char *dir)
{
	struct fail e = { 0 };
	int r;

	run->dir = dir;
	r = bench_create(run, &e);
	for (unsigned i = 0; i < run->measure_count && r == 0; i++)
		r = bench_append(run, &run->measures[i], &e);
	if (r < 0)
		fprintf(stderr, "bench-runs: %s\n", e.text);
	bench_free(run);
	return r < 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < ARRAY_COUNT(data_runs); i++)
		if (!strcmp(argv[1], data_runs[i].name))
			return write_run(data_runs[i].make(), argv[2]);
	fprintf(stderr, "Usage: bench-runs small|full|pairs|empty|failed|hostile|scale1|scale2|scale4 DIR\n");
	return 2;
}
