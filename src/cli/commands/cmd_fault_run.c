/* SPDX-License-Identifier: PostgreSQL */
/* fault run: the steps of a scenario, under load, and what became of the rows. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "cmd_fault.h"
#include "complete.h"
#include "fault_load.h"
#include "faults.h"
#include "file.h"
#include "pool.h"
#include "proc.h"
#include "recipe.h"
#include "scenario.h"

#define SCENARIO_MAX_BYTES (1u << 20)
#define QUIET_MS 3000        /* of load before a first step without a time, to compare with */
#define TAIL_MS 4000         /* of load after the last step: a window of outage.h and more */
#define HEAL_MS 120000
#define VERIFY_MS 300000

struct run_words { const char *out; };

/* What a step did. */
struct done { int64_t begun_ms, ended_ms; bool ran, ok; };

struct scene {
	struct cli *c;
	const struct lab *lab;
	const struct scenario *scenario;
	struct rows *rows;       /* NULL = no load */
	struct done *done;       /* per step */
	int64_t start_ms, end_ms; /* by the clock; the end of the load */
	atomic_bool stop;        /* the writers */
	struct fail *e;
	int result;
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

	if (!fault_has_cluster(s->c, s->lab)) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' has no database yet", s->lab->name);
		return fail_next(e, "labctl -l %s bootstrap", s->lab->name);
	}
	if (c->kind && strcmp(c->kind, s->lab->cluster.recipe->kind) != 0)
		return fail(e, FAIL_CONFLICT, "%s is for a cluster of kind %s; lab '%s' has one of kind %s", c->lab.file, c->kind, s->lab->name,
			    s->lab->cluster.recipe->kind);
	if (runtime_facts(rt, s->c->arena, &facts, e) < 0)
		return -1;
	faults = faults_rows(s->c, s->lab, &facts, e);
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

static int check_outcome(const struct scenario_step *step, int status, struct strbuf *out, struct fail *e)
{
	if ((unsigned)status != step->status) {
		fail(e, FAIL_OTHER, "%s: exit status %d, and %u was expected", step->text, status, step->status);
		return -1;
	}
	if (!step->expect)
		return 0;
	strbuf_truncate(out, out->len - (out->len && out->text[out->len - 1] == '\n'));
	if (strcmp(strbuf_text(out), step->expect) != 0)
		return fail(e, FAIL_DB, "%s: printed '%.200s', and '%.200s' was expected", step->text, strbuf_text(out), step->expect);
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
	if (r == 0)
		r = check_outcome(step, status, &out, e);
	d->ok = r == 0;
	return r < 0 ? fail_wrap(e, "step %u", i + 1) : 0;
}

static int pause_until(struct scene *s, int64_t at_ms, struct fail *e)
{
	while (clock_left_ms(at_ms) > 0) {
		if (atomic_load(s->c->cancel))
			return fail(e, FAIL_CANCELED, "interrupted");
		clock_sleep_ms(clock_left_ms(at_ms) < 100 ? clock_left_ms(at_ms) : 100);
	}
	return 0;
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

/* Ends what the scenario began, also after Ctrl-C. */
static int heal_all(struct scene *s, struct fail *e)
{
	static const char *const words[] = { "fault", "heal", "--all", NULL };
	struct proc p = { .argv = argv_of(s, words), .deadline_ms = clock_after_ms(HEAL_MS) };
	struct paths paths;

	load_paths(s->c, s->lab->name, &paths);
	return faults_recorded(&paths) ? proc_check(&p, e) : 0;
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
			json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:b}", "do", s->scenario->steps[i].act->key, "text",
							      s->scenario->steps[i].text, "from_s", (double)s->done[i].begun_ms / 1000,
							      "to_s", (double)s->done[i].ended_ms / 1000, "ok", s->done[i].ok));
	return list;
}

/* Counts, and says what is wrong: FAIL_DB. */
static int judge(struct scene *s, json_t *doc, struct fail *e)
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
	json_object_set_new(doc, "load", load_json(all, count, fault_ms, end_ms, &outage, &check));
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

static int write_document(struct cli *c, json_t *doc, struct fail *e)
{
	const struct run_words *said = c->options;
	char *text = said->out ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	int r = text ? file_write(said->out, text, strlen(text), 0644, e) : 0;

	free(text);
	return r < 0 || !c->json ? r : report_json(doc, e);
}

static int perform(struct scene *s, struct runtime *rt, struct fail *e)
{
	const struct scenario *c = s->scenario;
	auto_(rows_free) struct rows *rows = c->writers ? rows_new(rt, c->writers, c->rate) : NULL;
	json_t *doc = json_pack("{s:i, s:s, s:s, s:s}", "v", 1, "lab", s->lab->name, "kind", s->lab->cluster.recipe->kind, "scenario", c->lab.file);
	struct fail later = { 0 };
	int r;

	if (rows && rows_create(rows, clock_after_ms(HEAL_MS), e) < 0) {
		json_decref(doc);
		return -1;
	}
	s->rows = rows;
	s->e = e;
	s->done = arena_alloc(s->c->arena, c->step_count * sizeof *s->done);
	s->start_ms = clock_now_ms();
	if (rows)
		rows_begin(rows);
	pool_run(1 + (rows ? c->writers : 0), 1 + (rows ? c->writers : 0), play, s);
	r = s->result;
	if (atomic_exchange(s->c->cancel, false)) /* that ended the steps; a second one ends what follows */
		report_say("interrupted: healing the faults and counting the rows\n");
	if (heal_all(s, r < 0 ? &later : e) < 0)
		r = -1;
	json_object_set_new(doc, "steps", steps_json(s));
	if (rows && judge(s, doc, r < 0 ? &later : e) < 0) {
		if (r < 0) /* the failure of a step is the one that is reported */
			report_say("%s\n", later.text);
		r = -1;
	}
	json_object_set_new(doc, "ok", json_boolean(r == 0));
	if (write_document(s->c, doc, r < 0 ? &later : e) < 0)
		r = -1;
	s->c->reported = s->c->json && r < 0;
	json_decref(doc);
	return r;
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
	auto_(close) int lock = -1;
	const struct run_words *said = c->options;
	struct scene s = { .c = c };
	struct scenario *scenario;
	const char *lock_file;
	struct paths paths;
	int r;

	if (load_existing(c, &lab, e) < 0 || read_scenario(c, c->args[0], &scenario, e) < 0)
		return -1;
	s.lab = lab;
	s.scenario = scenario;
	if (check_words(&s, e) < 0 || load_runtime(c, lab, &rt, e) < 0 || check_lab(&s, rt, e) < 0)
		return -1;
	if (c->dry_run) {
		show_steps(scenario);
		return 0;
	}
	if (said->out && file_write(said->out, "", 0, 0644, e) < 0) /* an hour later would be too late */
		return -1;
	load_paths(c, lab->name, &paths);
	lock_file = arena_printf(c->arena, "%s/scenario", paths.lab);
	if (file_lock(lock_file, "fault run", 0, &lock, e) < 0)
		return fail_next(e, "wait until the other scenario has ended: both would count the same rows");
	r = perform(&s, rt, e);
	unlink(lock_file);
	return r;
}

static const struct option_row options[] = {
	{ "out", 'o', .arg = "FILE", .complete = complete_files, .at = offsetof(struct run_words, out),
	  .text = "write the document of --json to a file, too" },
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
	"  labctl fault run docs/examples/scenarios/loss-of-the-primary.yaml",
};
