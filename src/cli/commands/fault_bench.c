/* SPDX-License-Identifier: PostgreSQL */
#include "fault_bench.h"

#include <time.h>

#include "clock.h"
#include "file.h"
#include "inventory.h"

/* Not that of `bench run`, which may have one of its own at the same time. */
#define DATABASE "labctl_scenario"
#define TASK_MS 600000
#define DROP_MS 90000      /* transactions that were prepared keep it; Citus looks for them once a minute */
#define DROP_PAUSE_MS 5000

/* One point, so that it is clear what the load was. Rates in percent would need a measurement before. */
static int check_one(const struct bench_spec *s, struct fail *e)
{
	if (s->load_count == 1 && s->target_count == 1 && s->client_count == 1 && s->rate_count <= 1 && !(s->rate_count && s->rates[0].percent) &&
	    s->slo.quantile == 0 && s->clients[0] <= BENCH_PLAY_CLIENTS_MAX)
		return 0;
	fail(e, FAIL_USAGE, "%s: a scenario runs under one load: one workload, one target, one number of clients, at most %u, and at most one rate "
			    "in transactions per second", s->file, BENCH_PLAY_CLIENTS_MAX);
	return fail_next(e, "{workloads: tpcb, clients: 8}, for example; docs/format/bench-spec.md has the keys");
}

int fault_bench_read(struct fault_bench *b, const struct lab *lab, const char *file, const char *dir, struct fail *e)
{
	static const struct bench_words words = { .repeats = "1", .seed = "1" };
	struct bench_spec *spec;
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;

	if (bench_spec_load(file, &words, lab, b->c->lib, b->c->arena, &spec, e) < 0 || check_one(spec, e) < 0)
		return -1;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	b->spec = spec;
	b->dir = dir ? dir : arena_printf(b->c->arena, "fault-%s-%s", lab->name, stamp);
	if (!file_exists(arena_printf(b->c->arena, "%s/run.json", b->dir)))
		return 0;
	fail(e, FAIL_CONFLICT, "%s has a run already", b->dir);
	return fail_next(e, "name another directory with --bench-out");
}

static void news(void *ctx, const struct bench_news *n)
{
	struct fault_bench *b = ctx;

	if (!n->measure && b->c->verbose)
		report_say("%s\n", n->doing);
}

static void drop_database(struct fault_bench *b)
{
	static const char *const drop[] = { "db", "drop", DATABASE, "--force", NULL };
	int64_t deadline = clock_after_ms(DROP_MS);
	struct fail e = { 0 };

	while (b->labctl(b->ctx, drop, TASK_MS, &e) < 0) {
		if (clock_left_ms(deadline) < DROP_PAUSE_MS || atomic_load(b->c->cancel)) {
			report_say("warning: lab '%s' still has the database of the load: labctl -l %s db drop " DATABASE " --force\n",
				   runtime_lab(b->rt)->name, runtime_lab(b->rt)->name);
			return;
		}
		clock_sleep_ms(DROP_PAUSE_MS);
		e = (struct fail){ 0 };
	}
}

int fault_bench_run(struct fault_bench *b, const struct bench_play *play, struct fail *e)
{
	static const char *const create[] = { "db", "create", DATABASE, NULL };
	struct bench_job job = { .variants[0] = { .rt = b->rt, .passwords = arena_printf(b->c->arena, "%s/" INVENTORY_DIR "/pgpass",
											 runtime_paths(b->rt)->lab) },
				 .variant_count = 1, .spec = b->spec, .dir = b->dir, .database = DATABASE, .version = LABCTL_VERSION,
				 .play = play, .cancel = b->c->cancel, .news = news, .ctx = b };
	int r;

	report_say("load: %s, %u clients on %s; its data are loaded\n", b->spec->loads[0].name, b->spec->clients[0], b->spec->targets[0]);
	if (b->labctl(b->ctx, create, TASK_MS, e) < 0)
		return fail_wrap(e, "the database of the load");
	r = bench_execute(&job, e);
	atomic_store(b->c->cancel, false); /* a second Ctrl-C ends what follows */
	drop_database(b);
	return r;
}
