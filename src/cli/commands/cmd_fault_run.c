/* SPDX-License-Identifier: PostgreSQL */
/* fault run: the steps of a scenario, under load, and what became of the rows. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_fault.h"
#include "complete.h"
#include "fault_bench.h"
#include "fault_load.h"
#include "faults.h"
#include "file.h"
#include "pool.h"
#include "proc.h"
#include "recipe.h"
#include "scenario.h"
#include "when.h"

#define SCENARIO_MAX_BYTES (1u << 20)
#define QUIET_MS 3000        /* of load before a first step without a time, to compare with */
#define TAIL_MS 4000         /* of load after the last step: a window of outage.h and more */
#define HEAL_MS 120000
#define VERIFY_MS 300000

DEFINE_AUTO(json_t *, json_decref)

struct run_words { const char *out, *bench, *bench_out; };

/* What a step did. */
struct done { int64_t begun_ms, ended_ms; bool ran, ok; const char *printed; /* sql: what it printed, without the last newline */ };

struct scene {
	struct cli *c;
	const struct lab *lab;
	const struct scenario *scenario;
	struct rows *rows;       /* NULL = no load */
	struct done *done;       /* per step */
	int64_t start_ms, end_ms; /* by the clock; the end of the load */
	atomic_bool stop;        /* the writers */
	int64_t start_wall_us;   /* the same moment as start_ms, since the epoch */
	struct fail *e;          /* the first failure */
	int result;
	bool played, ended;      /* the steps; what follows them */
	json_t *doc;
};

static int read_scenario(struct cli *c, const char *path, struct scenario **ret, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (file_read(path, SCENARIO_MAX_BYTES, &text, e) < 0)
		return fail_next(e, "labctl help fault run");
	return scenario_parse(strbuf_text(&text), text.len, path, c->arena, ret, e);
}

/* The command line of a step, or of what `fault run` itself asks for. */
static const char *const *argv_of(struct scene *s, const char *const *words)
{
	const char **argv = NULL;
	unsigned n = 0;

	*arena_push(s->c->arena, argv, n) = "/proc/self/exe";
	*arena_push(s->c->arena, argv, n) = "-y";
	*arena_push(s->c->arena, argv, n) = "-l";
	*arena_push(s->c->arena, argv, n) = s->lab->name;
	if (s->c->connect) {
		*arena_push(s->c->arena, argv, n) = "--connect";
		*arena_push(s->c->arena, argv, n) = s->c->connect;
	}
	for (; *words; words++)
		*arena_push(s->c->arena, argv, n) = *words;
	*arena_push(s->c->arena, argv, n) = NULL;
	return argv;
}

/* A wrong word in the last step should not be found after an hour: reads every command line as labctl will. */
static int check_words(struct scene *s, struct fail *e)
{
	for (unsigned i = 0; i < s->scenario->step_count; i++) {
		const struct scenario_step *step = &s->scenario->steps[i];
		const char *const *argv = argv_of(s, step->words);
		struct cli probe = { .arena = s->c->arena };
		int argc = 0;

		while (argv[argc])
			argc++;
		if (command_line_parse(&probe, argc, (char **)(void *)argv, e) < 0)
			return fail_wrap(e, "%s: step %u (%s)", s->scenario->lab.file, i + 1, step->text);
		if (probe.cmd == s->c->cmd)
			return fail(e, FAIL_USAGE, "%s: step %u: a scenario cannot run a scenario", s->scenario->lab.file, i + 1);
	}
	return 0;
}

static int check_lab(struct scene *s, struct runtime *rt, struct fail *e)
{
	const struct scenario *c = s->scenario;
	struct facts facts = { 0 };
	json_t *faults;
	size_t count;

	if (!fault_has_cluster(s->c, s->lab))
		return load_no_database(s->lab, "", e);
	if (c->kind && strcmp(c->kind, s->lab->cluster.recipe->kind) != 0)
		return fail(e, FAIL_CONFLICT, "%s is for a cluster of kind %s; lab '%s' has one of kind %s", c->lab.file, c->kind, s->lab->name,
			    s->lab->cluster.recipe->kind);
	if (runtime_facts(rt, s->c->arena, &facts, e) < 0)
		return -1;
	faults = faults_rows(s->c, s->lab, rt, &facts, e);
	if (!faults)
		return -1;
	count = json_array_size(faults);
	json_decref(faults);
	if (!count)
		return 0;
	fail(e, FAIL_CONFLICT, "lab '%s' has %zu fault%s already; a scenario begins with a whole lab", s->lab->name, count, count == 1 ? "" : "s");
	return fail_next(e, "labctl -l %s fault heal --all", s->lab->name);
}

/* --- the steps --- */

static void say_at(const struct scene *s, const char *what)
{
	report_say("%6.1fs  %s\n", (double)(clock_now_ms() - s->start_ms) / 1000, what);
}

static int check_outcome(const struct scenario_step *step, int status, const char *printed, struct fail *e)
{
	if ((unsigned)status != step->status) {
		fail(e, FAIL_OTHER, "%s: exit status %d, and %u was expected", step->text, status, step->status);
		return -1;
	}
	if (!step->expect)
		return 0;
	if (strcmp(printed, step->expect) != 0)
		return fail(e, FAIL_DB, "%s: printed '%.200s', and '%.200s' was expected", step->text, printed, step->expect);
	return 0;
}

static int play_step(struct scene *s, unsigned i, struct fail *e)
{
	const struct scenario_step *step = &s->scenario->steps[i];
	auto_(strbuf_clear) struct strbuf out = { 0 };
	struct done *d = &s->done[i];
	struct proc p = { .argv = argv_of(s, step->words), .out = &out, .deadline_ms = clock_after_ms(step->timeout_ms), .cancel = s->c->cancel };
	int status = 0, r;

	say_at(s, arena_printf(s->c->arena, "%s %s", step->act->key, step->text));
	*d = (struct done){ .ran = true, .begun_ms = clock_now_ms() - s->start_ms };
	/* A step that must succeed has its last lines as evidence, if it does not. */
	r = step->status ? proc_run(&p, &status, e) : proc_check(&p, e);
	d->ended_ms = clock_now_ms() - s->start_ms;
	if (r < 0) /* it names the program; the last lines are the evidence */
		snprintf(e->text, sizeof e->text, "%s %s %s", step->act->key, step->text,
			 e->code == FAIL_CANCELED ? "was interrupted" : e->code == FAIL_TIMEOUT ? "does not end in time" : "failed");
	strbuf_truncate(&out, out.len - (out.len && out.text[out.len - 1] == '\n'));
	if (step->act->whole) {
		d->printed = arena_strdup(s->c->arena, strbuf_text(&out));
		say_at(s, arena_printf(s->c->arena, "  %.200s", d->printed));
	}
	if (r == 0)
		r = check_outcome(step, status, strbuf_text(&out), e);
	d->ok = r == 0;
	return r < 0 ? fail_wrap(e, "step %u", i + 1) : 0;
}

static int pause_until(struct scene *s, int64_t at_ms, struct fail *e)
{
	while (!atomic_load(s->c->cancel) && clock_left_ms(at_ms) > 0)
		clock_sleep_ms(clock_left_ms(at_ms) < 100 ? clock_left_ms(at_ms) : 100);
	return atomic_load(s->c->cancel) ? fail(e, FAIL_CANCELED, "interrupted") : 0;
}

static int run_steps(struct scene *s, struct fail *e)
{
	const struct scenario *c = s->scenario;

	for (unsigned i = 0; i < c->step_count; i++) {
		int64_t at = c->steps[i].at_ms >= 0 ? c->steps[i].at_ms : i == 0 && s->rows ? QUIET_MS : 0;

		if (pause_until(s, s->start_ms + at, e) < 0 || play_step(s, i, e) < 0)
			return -1;
	}
	return s->rows ? pause_until(s, clock_after_ms(TAIL_MS), e) : 0;
}

/* Thread 0 runs the steps, the others write. */
static void play(void *ctx, unsigned i)
{
	struct scene *s = ctx;

	if (i > 0) {
		rows_write(s->rows, i - 1, &s->stop);
		return;
	}
	s->result = run_steps(s, s->e);
	s->end_ms = clock_now_ms();
	atomic_store(&s->stop, true);
}

static int run_labctl(void *ctx, const char *const *words, int64_t limit_ms, struct fail *e)
{
	struct scene *s = ctx;

	return proc_check(&(struct proc){ .argv = argv_of(s, words), .deadline_ms = clock_after_ms(limit_ms) }, e);
}

/* Ends what the scenario began, also after Ctrl-C. */
static int heal_all(struct scene *s, struct fail *e)
{
	static const char *const words[] = { "fault", "heal", "--all", NULL };
	struct paths paths;

	load_paths(s->c, s->lab->name, &paths);
	return faults_recorded(&paths) ? run_labctl(s, words, HEAL_MS, e) : 0;
}

/* --- what became of it --- */

static int64_t first_fault(const struct scene *s)
{
	int64_t first = -1;

	for (unsigned i = s->scenario->step_count; i-- > 0;)
		if (s->done[i].ran && (s->scenario->steps[i].act == &scenario_acts[0] || first < 0))
			first = s->done[i].begun_ms;
	return first;
}

static json_t *steps_json(const struct scene *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->scenario->step_count; i++)
		if (s->done[i].ran)
			json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:b, s:s*}", "do", s->scenario->steps[i].act->key, "text",
							      s->scenario->steps[i].text, "from_s", (double)s->done[i].begun_ms / 1000,
							      "to_s", (double)s->done[i].ended_ms / 1000, "ok", s->done[i].ok, "printed",
							      s->done[i].printed));
	return list;
}

/* Counts, and says what is wrong: FAIL_DB. The numbers are in *ret, whose .of stays NULL if the rows cannot be read. */
static int judge(struct scene *s, struct bench_outage *ret, struct fail *e)
{
	int64_t fault_ms = first_fault(s), end_ms = s->end_ms - s->start_ms;
	struct rows_check check;
	struct outage outage;
	const struct tx *all;
	unsigned count;

	if (rows_verify(s->rows, clock_after_ms(VERIFY_MS), &check, e) < 0)
		return fail_wrap(e, "the rows cannot be read again");
	all = rows_all(s->rows, &count);
	outage_measure(all, count, fault_ms > 0 ? fault_ms : 0, end_ms, &outage);
	load_say(&outage, &check);
	*ret = (struct bench_outage){ .of = "numbered rows", .times = outage, .rows = check, .checked = true };
	json_object_set_new(s->doc, "load", load_json(all, count, fault_ms, end_ms, &outage, &check));
	if (!check.by_outcome[TX_COMMITTED] && s->result == 0) {
		fail(e, FAIL_DB, "no transaction was committed, so that nothing is known of lost ones");
		return fail_next(e, "labctl -l %s status", s->lab->name);
	}
	if (check.lost > s->scenario->may_lose || check.torn || check.failed_there) {
		fail(e, FAIL_DB, "%u committed transactions are lost (%u may be), %u are there in part, %u are there that had failed", check.lost,
		     s->scenario->may_lose, check.torn, check.failed_there);
		return fail_next(e, "labctl -l %s psql -- -c 'SELECT * FROM labctl_rows'", s->lab->name);
	}
	return rows_drop(s->rows, clock_after_ms(VERIFY_MS), e);
}

static int write_document(struct scene *s, struct fail *e)
{
	const struct run_words *said = s->c->options;
	char *text = said->out ? json_dumps(s->doc, JSON_INDENT(2)) : NULL;
	int r = text ? file_write(said->out, text, strlen(text), 0644, e) : 0;

	free(text);
	return r < 0 || !s->c->json ? r : report_json(s->doc, e);
}

static void play_all(void *ctx)
{
	struct scene *s = ctx;
	unsigned threads = 1 + (s->rows ? s->scenario->writers : 0);
	struct fail later = { 0 };

	s->played = true;
	s->start_ms = clock_now_ms();
	s->start_wall_us = clock_wall_ms() * 1000;
	if (s->rows)
		rows_begin(s->rows);
	pool_run(threads, threads, play, s);
	/* Before anything asks the servers again: what became of the data can only be read in a whole lab. */
	if (atomic_exchange(s->c->cancel, false)) /* that ended the steps; a second one ends what follows */
		report_say("interrupted: healing the faults and counting the rows\n");
	if (heal_all(s, s->result < 0 ? &later : s->e) < 0)
		s->result = -1;
}

/* Counts the rows. The first failure is the one that is reported. */
static void end_all(struct scene *s, struct bench_outage *rows)
{
	struct fail later = { 0 };

	s->ended = true;
	json_object_set_new(s->doc, "steps", steps_json(s));
	if (!s->rows || judge(s, rows, s->result < 0 ? &later : s->e) == 0)
		return;
	if (s->result < 0)
		report_say("%s\n", later.text);
	s->result = -1;
}

/* A step as an event of the run, and the end of its fault, if it has a time. */
static void add_event(const struct scene *s, unsigned i, int64_t from_us, struct arena *a, struct bench_series *to)
{
	const struct scenario_step *step = &s->scenario->steps[i];
	double at = (double)(s->start_wall_us + s->done[i].begun_ms * 1000 - from_us) / 1e6;
	int64_t last;

	*arena_push(a, to->events, to->event_count) = (struct bench_event){ at, arena_printf(a, "%s %s", step->act->key, step->text), true };
	for (const char *const *w = step->words; step->act == &scenario_acts[0] && w[0] && w[1]; w++)
		if (!strcmp(w[0], "--for") && duration_parse(w[1], &last) && (double)last < to->seconds - at)
			*arena_push(a, to->events, to->event_count) = (struct bench_event){ at + (double)last,
				arena_printf(a, "the time of %s is over", step->text), true };
}

/* What the run's files get: the steps as events, and what became of the transactions of the load and of the numbered rows. */
static void tell(void *ctx, int64_t from_us, const struct tx *load, unsigned count, struct arena *a, struct bench_measure *m,
		 const char **ret_reason)
{
	struct scene *s = ctx;
	double shift_s = (double)(s->start_wall_us - from_us) / 1e6, fault_s = (double)first_fault(s) / 1000 + shift_s;
	struct bench_outage rows = { 0 }, of = { .of = m->point->name, .fault_s = fault_s };

	end_all(s, &rows);
	for (unsigned i = 0; i < s->scenario->step_count; i++)
		if (s->done[i].ran)
			add_event(s, i, from_us, a, &m->series);
	for (unsigned i = 0; i < count; i++)
		of.rows.by_outcome[load[i].outcome]++;
	outage_measure(load, count, (int64_t)(fault_s * 1000), (int64_t)m->series.seconds * 1000, &of.times);
	*arena_push(a, m->outages, m->outage_count) = of;
	rows.fault_s = fault_s;
	if (rows.of)
		*arena_push(a, m->outages, m->outage_count) = rows;
	if (s->result < 0)
		*ret_reason = arena_strdup(a, s->e->text);
}

static int perform(struct scene *s, struct fault_bench *bench, struct fail *e)
{
	const struct scenario *c = s->scenario;
	const struct bench_play under = { .name = c->lab.file, .play = play_all, .tell = tell, .ctx = s };
	struct bench_outage ignored;
	struct fail later = { 0 }, load = { 0 };

	if (s->rows && rows_create(s->rows, clock_after_ms(HEAL_MS), e) < 0)
		return -1;
	s->e = e;
	s->done = arena_alloc(s->c->arena, c->step_count * sizeof *s->done);
	if (!bench)
		play_all(s);
	else if (fault_bench_run(bench, &under, &load) < 0 && s->result == 0) {
		*e = load;
		s->result = -1;
	}
	if (s->played && !s->ended)
		end_all(s, &ignored);
	json_object_set_new(s->doc, "ok", json_boolean(s->result == 0));
	if (s->played && bench) {
		json_object_set_new(s->doc, "bench", json_string(bench->dir));
		report_say("next: labctl bench report %s -o report.html\n", bench->dir);
	}
	if (write_document(s, s->result < 0 ? &later : e) < 0)
		s->result = -1;
	s->c->reported = s->c->json && s->result < 0;
	return s->result;
}

static void show_steps(const struct scenario *c)
{
	for (unsigned i = 0; i < c->step_count; i++) {
		const struct scenario_step *step = &c->steps[i];

		if (step->at_ms >= 0)
			printf("%6.1fs  ", (double)step->at_ms / 1000);
		else
			printf("   then  ");
		printf("%s %s\n", step->act->key, step->text);
	}
	printf("%u writers, %u transactions/s\n", c->writers, c->rate);
}

static int run(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(rows_free) struct rows *rows = NULL;
	auto_(json_decref) json_t *doc = NULL;
	auto_(close) int lock = -1;
	const struct run_words *said = c->options;
	struct scene s = { .c = c };
	struct fault_bench bench = { .c = c, .labctl = run_labctl, .ctx = &s };
	struct scenario *scenario;
	const char *lock_file;
	struct paths paths;
	int r;

	if (load_existing(c, &lab, e) < 0 || read_scenario(c, c->args[0], &scenario, e) < 0)
		return -1;
	s.lab = lab;
	s.scenario = scenario;
	if (said->bench_out && !said->bench)
		return fail(e, FAIL_USAGE, "--bench-out is for --bench");
	if (check_words(&s, e) < 0 || (said->bench && fault_bench_read(&bench, lab, said->bench, said->bench_out, e) < 0) ||
	    load_runtime(c, lab, &rt, e) < 0 || check_lab(&s, rt, e) < 0)
		return -1;
	if (c->dry_run) {
		show_steps(scenario);
		if (said->bench)
			printf("load: %s, %u clients on %s; results in %s\n", bench.spec->loads[0].name, bench.spec->clients[0],
			       bench.spec->targets[0], bench.dir);
		return 0;
	}
	if (said->out && file_write(said->out, "", 0, 0644, e) < 0) /* an hour later would be too late */
		return -1;
	load_paths(c, lab->name, &paths);
	lock_file = arena_printf(c->arena, "%s/scenario", paths.lab);
	if (file_lock(lock_file, "fault run", 0, &lock, e) < 0)
		return fail_next(e, "wait until the other scenario has ended: both would count the same rows");
	bench.rt = rt;
	s.rows = rows = scenario->writers ? rows_new(rt, scenario->writers, scenario->rate) : NULL;
	s.doc = doc = json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "lab", lab->name, "kind", lab->cluster.recipe->kind, "scenario", scenario->lab.file);
	r = perform(&s, said->bench ? &bench : NULL, e);
	unlink(lock_file);
	return r;
}

static const struct option_row options[] = {
	{ "out", 'o', .arg = "FILE", .complete = complete_files, .at = offsetof(struct run_words, out),
	  .text = "write the document of --json to a file, too" },
	{ "bench", .arg = "SPEC", .complete = complete_files, .at = offsetof(struct run_words, bench),
	  .text = "under the load of this specification, which is measured" },
	{ "bench-out", .arg = "DIR", .complete = complete_directories, .at = offsetof(struct run_words, bench_out),
	  .text = "directory for the measurement; fault-LAB-TIME by default" },
	{ 0 },
};

const struct command cmd_fault_run = {
	.name = "run", .run = run, .args = { { "SCENARIO", .complete = complete_files } },
	.options = options, .options_size = sizeof(struct run_words),
	.summary = "run the steps of a scenario under load, and count what was lost",
	.help =
	"SCENARIO is a YAML file (docs/format/scenario.md): at which time which fault begins or ends, which command runs, which SQL must give "
	"what. Meanwhile writers put numbered rows into the database, two per transaction. At the end all faults are healed and the rows "
	"are counted: what was committed and is lost, what is there in part, how long nothing was committed, when it was as fast as before.\n\n"
	"The command fails if a step fails, or if more rows are lost than the scenario allows. Ctrl-C ends the scenario and heals. "
	"docs/examples/scenarios has examples.\n\n"
	"With --bench a workload runs meanwhile, too: its throughput and latency per second, with the steps of the scenario on the time axis, are in "
	"the report that `labctl bench report DIR` makes. SPEC (docs/format/bench-spec.md) names one workload, one target and one number of clients; "
	"the measurement is as long as the scenario.\n\n"
	"  labctl fault run docs/examples/scenarios/loss-of-the-primary.yaml\n"
	"  labctl fault run docs/examples/scenarios/loss-of-the-primary.yaml --bench load.yaml",
};
