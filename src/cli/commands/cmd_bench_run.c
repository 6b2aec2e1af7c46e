/* SPDX-License-Identifier: PostgreSQL */
/* bench run: points, several times, in random order. */
#include "bench.h"
#include "bench_measure.h"
#include "complete.h"

struct run_words { struct bench_options common; };

static int report(struct bench_work *w, struct fail *e)
{
	struct bench_run *run;
	int r = 0;

	if (bench_read(w->dir, &run, e) < 0)
		return -1;
	if (w->c->json) {
		json_t *doc = bench_run_json(run), *list = json_array();

		for (unsigned i = 0; i < run->measure_count; i++)
			json_array_append_new(list, bench_measure_json(&run->measures[i]));
		json_object_set_new(doc, "measurements", list);
		json_object_set_new(doc, "dir", json_string(w->dir));
		r = report_json(doc, e);
		json_decref(doc);
	}
	if (run->shared_host)
		report_say("shared host: the nodes and the client have more cores than the host; these numbers say nothing about scale-out\n");
	report_say("%u measurements in %s\n", run->measure_count, w->dir);
	report_say("next: labctl bench report %s -o report.html\n", w->dir);
	bench_free(run);
	if (r == 0 && w->failed) {
		fail(e, FAIL_DB, "%u measurements failed", w->failed);
		return fail_next(e, "labctl bench report %s -o report.html", w->dir);
	}
	return r;
}

static int run(struct cli *c, struct fail *e)
{
	const struct run_words *said = c->options;
	struct bench_work w = { .c = c, .said = &said->common, .side_count = 1 };
	bool done;
	int r = bench_open(&w, &done, e);

	if (r == 0 && !done)
		r = bench_measure_all(&w, e) < 0 ? -1 : report(&w, e);
	bench_close(&w);
	return r;
}

static const struct option_row options[] = {
	BENCH_OPTIONS(struct run_words),
	{ "rates", .arg = "RATES", .at = BENCH_WORD(struct run_words, rates),
	  .text = "open loop: rates in transactions per second, or in percent of the capacity found" },
	{ "slo", .arg = "LIMIT", .at = BENCH_WORD(struct run_words, slo),
	  .text = "search the highest rate that keeps a limit, such as p99=20ms" },
	{ 0 },
};

const struct command cmd_bench_run = {
	.name = "run", .run = run, .args = { { "SPEC", .optional = true, .complete = complete_files } },
	.options = options, .options_size = sizeof(struct run_words),
	.summary = "measure points several times, in random order",
	.help =
	"SPEC is a YAML file (docs/format/bench-spec.md); options win over it. Without both, the usual workloads of the cluster's "
	"kind are measured. Before each measurement the data are reset and written to disk; after it they are checked: a "
	"measurement whose data are wrong has failed. The measured time begins after a warm-up; a measurement whose throughput "
	"still changes is marked.\n\n"
	"Ctrl-C keeps what was measured; --resume continues. -n shows the order of the measurements and how long they take. "
	"The workloads use a database of their own, labctl_bench, which is dropped at the end.",
};
