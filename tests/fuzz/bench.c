/* SPDX-License-Identifier: PostgreSQL */
/*
 * The directory of a benchmark run with any files: the first line is run.json, the others are measurements.jsonl. What is
 * read can be compared, with itself and as pairs, and every figure of that is a number.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare.h"

static char dir[] = "/tmp/labctl-fuzz-bench-XXXXXX";
static char run_file[64], measurements_file[64];

static void clean(void)
{
	unlink(run_file);
	unlink(measurements_file);
	rmdir(dir);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	PROMISE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void check(const struct compare *c)
{
	json_t *o = compare_json(c);

	PROMISE(o);
	for (unsigned i = 0; i < c->point_count; i++) {
		const struct stats_ratio *r = &c->points[i].ratio;

		PROMISE(*c->points[i].text);
		PROMISE(r->why || (isfinite(r->ratio) && isfinite(r->low) && isfinite(r->high) && r->low <= r->high));
		PROMISE(r->why || (isfinite(r->seen) && r->p_holm >= 0 && r->p_holm <= 1 && r->p_equivalent_holm >= 0));
	}
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t first = end ? (size_t)(end - data) + 1 : size;
	auto_(bench_free) struct bench_run *run = NULL;
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	struct compare c;

	if (!*run_file) {
		PROMISE(mkdtemp(dir));
		snprintf(run_file, sizeof run_file, "%s/run.json", dir);
		snprintf(measurements_file, sizeof measurements_file, "%s/measurements.jsonl", dir);
		atexit(clean);
	}
	write_file(run_file, data, first);
	write_file(measurements_file, data + first, size - first);
	if (bench_read(dir, &run, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(e.code == FAIL_LAB, "%s", e.text);
		return 0;
	}
	compare_runs(run, run, &(struct compare_options) { 0 }, a, &c);
	PROMISE(c.objection_count > 0 && c.difference_count == 0);
	check(&c);
	compare_variants(run, &(struct compare_options) { .metric = compare_metric_find("p99") }, a, &c);
	check(&c);
	return 0;
}
