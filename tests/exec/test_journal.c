/* SPDX-License-Identifier: PostgreSQL */
/* The journal: order of writing, torn lines, concurrent writers. */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "journal.h"

static char dir[] = "/tmp/labctl-journal-XXXXXX";
static char path[128];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/journal.jsonl", dir);
	return 0;
}

static int remove_dir(void **state)
{
	struct fail e;

	(void)state;
	return file_remove_tree(dir, &e);
}

static int fresh(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* Reads all records; a line that does not parse fails the test unless @torn. */
static json_t *records(bool torn)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail e = { 0 };
	json_t *list = json_array();

	assert_int_equal(file_read(path, 1 << 26, &text, &e), 0);
	for (char *save, *line = strtok_r(text.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *record = json_loads(line, 0, NULL);

		assert_true(record || torn);
		if (record)
			json_array_append_new(list, record);
	}
	return list;
}

static const char *member(json_t *list, size_t i, const char *key)
{
	const char *s = json_string_value(json_object_get(json_array_get(list, i), key));

	return s ? s : "";
}

/* The start of a step must be in the file before its verb runs. */
static int verb(struct run *r, enum step_state *ret_state, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, wanted = { 0 };
	struct fail why;

	strbuf_printf(&wanted, "\"intent\",\"step\":\"%s\"", run_step(r)->id);
	if (file_read(path, 1 << 26, &text, &why) < 0 || !strstr(strbuf_text(&text), wanted.text))
		return fail(e, FAIL_OTHER, "no intent");
	if (!strcmp(run_step(r)->id, "b")) {
		fail(e, FAIL_REMOTE, "it \"broke\"\n");
		fail_evidence(e, "one\ntwo \xff\n", 5);
		return fail_next(e, "labctl doctor");
	}
	run_note(r, "changed: \xc3\xa4");
	*ret_state = STEP_DONE;
	return 0;
}

static int run_steps(unsigned count, unsigned jobs, struct exec_report *rep)
{
	verb_fn table[VERB_COUNT];
	auto_(arena_free) struct arena *a = arena_new();
	struct plan p = { .command = "create", .step_count = count, .arena = a };
	struct journal *j;
	struct fail e = { 0 };
	struct event_sink sink;
	struct exec_options o = { .verbs = table, .jobs = jobs, .deadline_ms = CLOCK_NEVER, .sinks = &sink, .sink_count = 1 };
	int status;

	for (unsigned i = 0; i < VERB_COUNT; i++)
		table[i] = verb;
	p.steps = arena_alloc(a, count * sizeof *p.steps);
	for (unsigned i = 0; i < count; i++)
		p.steps[i] = (struct step){ .id = count > 26 ? arena_printf(a, "s%u", i) : arena_printf(a, "%c", 'a' + (int)i),
					    .verb = VERB_NODE_SCRIPT };
	if (count == 3)
		*arena_push(a, p.steps[2].after, p.steps[2].after_count) = 1;
	assert_int_equal(journal_open(path, "create", &j, &e), 0);
	sink = journal_sink(j);
	status = exec_run(&p, &o, rep, &e);
	journal_close(j);
	return status;
}

static void intent_before_act(void **state)
{
	struct exec_report rep;
	struct stat st;
	json_t *list;

	(void)state;
	assert_int_equal(run_steps(3, 1, &rep), -1);
	assert_int_equal(rep.counts[STEP_DONE], 1);
	assert_int_equal(rep.counts[STEP_FAILED], 1);
	assert_int_equal(rep.counts[STEP_BLOCKED], 1);
	exec_report_clear(&rep);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	list = records(false);
	assert_int_equal(json_array_size(list), 7);
	assert_string_equal(member(list, 0, "event"), "run");
	assert_string_equal(member(list, 0, "command"), "create");
	assert_string_equal(member(list, 1, "event"), "intent");
	assert_string_equal(member(list, 1, "verb"), "node.script");
	assert_string_equal(member(list, 2, "state"), "done");
	assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(list, 2), "notes"), 0)),
			    "changed: \xc3\xa4");
	assert_string_equal(member(list, 4, "state"), "failed");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json_array_get(list, 4), "fail"), "code")),
			    "REMOTE");
	assert_string_equal(member(list, 5, "state"), "blocked");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 6), "failed")), 1);
	json_decref(list);
}

static void last_run(void **state)
{
	struct journal_last last = { 0 };
	struct exec_report rep;
	struct journal *j;
	struct fail e = { 0 };
	FILE *f;
	json_t *list;

	(void)state;
	assert_int_equal(journal_last(path, &last, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	run_steps(3, 4, &rep);
	exec_report_clear(&rep);
	assert_int_equal(journal_last(path, &last, &e), 0);
	assert_string_equal(last.command, "create");
	assert_true(last.finished);
	assert_int_equal(last.failed, 1);
	/* killed while writing a line of a later run */
	assert_int_equal(journal_open(path, "destroy", &j, &e), 0);
	f = fopen(path, "ae");
	assert_non_null(f);
	fputs("{\"v\":1,\"t_ms\":5,\"event\":\"ru", f);
	fclose(f);
	assert_int_equal(journal_last(path, &last, &e), 0);
	assert_string_equal(last.command, "destroy");
	assert_false(last.finished);
	journal_close(j);
	/* the next run begins a new line */
	assert_int_equal(journal_open(path, "create", &j, &e), 0);
	journal_close(j);
	assert_int_equal(journal_last(path, &last, &e), 0);
	assert_string_equal(last.command, "create");
	assert_true(last.finished);
	assert_int_equal(last.failed, 0);
	list = records(true);
	assert_string_equal(member(list, json_array_size(list) - 2, "event"), "run");
	json_decref(list);
	/* killed while writing the next header: no run began, whether or not the line is complete */
	f = fopen(path, "ae");
	assert_non_null(f);
	fputs("{\"v\":1,\"run\":\"x\",\"t_ms\":7,\"event\":\"run\",\"comm", f);
	for (int i = 0; i < 2; i++) {
		fflush(f);
		assert_int_equal(journal_last(path, &last, &e), 0);
		assert_string_equal(last.command, "create");
		assert_true(last.finished);
		fputs("\n", f);
	}
	fclose(f);
}

static void all_runs(void **state)
{
	auto_(arena_free) struct arena *a = arena_new();
	char old[160];
	struct journal_run *runs;
	struct exec_report rep;
	struct journal *j, *other;
	struct fail e = { 0 };
	unsigned count = 9;
	FILE *f;

	(void)state;
	snprintf(old, sizeof old, "%s.old", path);
	unlink(old);
	assert_int_equal(journal_runs(path, a, &runs, &count, &e), 0);
	assert_int_equal(count, 0);
	/* of a version that did not record the status */
	f = fopen(old, "we");
	assert_non_null(f);
	fputs("{\"v\":1,\"t_ms\":1000,\"run\":\"a\",\"event\":\"run\",\"command\":\"create\",\"pid\":7}\n"
	      "{\"v\":1,\"t_ms\":1500,\"run\":\"lost\",\"event\":\"end\",\"failed\":3}\n"
	      "{\"v\":1,\"t_ms\":1600,\"ru\n"
	      "{\"v\":1,\"t_ms\":3000,\"run\":\"a\",\"event\":\"end\",\"failed\":0}\n", f);
	fclose(f);
	run_steps(3, 4, &rep);
	exec_report_clear(&rep);
	assert_int_equal(journal_open(path, "stop node2", &j, &e), 0);
	/* its records are between those of another one */
	assert_int_equal(journal_open(path, "start", &other, &e), 0);
	journal_status(j, 12);
	journal_close(j);
	assert_int_equal(journal_runs(path, a, &runs, &count, &e), 0);
	assert_int_equal(count, 4);
	assert_string_equal(runs[0].command, "create");
	assert_int_equal(runs[0].end_ms - runs[0].start_ms, 2000);
	assert_int_equal(runs[0].pid, 7);
	assert_true(runs[0].finished);
	assert_int_equal(runs[0].status, -1);
	assert_int_equal(runs[1].done, 1);
	assert_int_equal(runs[1].failed, 1);
	assert_string_equal(runs[1].why, "b: it \"broke\"");
	assert_string_equal(runs[2].command, "stop node2");
	assert_int_equal(runs[2].status, 12);
	assert_null(runs[2].why);
	assert_int_equal(runs[2].pid, getpid());
	assert_string_equal(runs[3].command, "start");
	assert_false(runs[3].finished);
	journal_close(other);
	unlink(old);
}

static void many_at_once(void **state)
{
	struct exec_report rep;
	json_t *list;
	int64_t start = clock_now_ms();

	(void)state;
	assert_int_equal(run_steps(400, 16, &rep), 0);
	printf("400 steps on 16 workers: %d ms\n", (int)(clock_now_ms() - start));
	exec_report_clear(&rep);
	list = records(false);
	assert_int_equal(json_array_size(list), 802);
	json_decref(list);
}

static void unwritable(void **state)
{
	struct journal *j;
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(journal_open("/nonexistent/journal.jsonl", "create", &j, &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent/journal.jsonl"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(intent_before_act, fresh),
		cmocka_unit_test_setup(last_run, fresh),
		cmocka_unit_test_setup(all_runs, fresh),
		cmocka_unit_test_setup(many_at_once, fresh),
		cmocka_unit_test(unwritable),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
