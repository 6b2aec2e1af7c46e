/* SPDX-License-Identifier: PostgreSQL */
/* bench/spec.h: files, options, defaults, and every mistake with its line. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lab.h"
#include "spec.h"
#include "spec_source.h"

static char dir[64];
static struct arena *arena;

static const char *path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

static const char *put(const char *name, const void *text, size_t len)
{
	struct fail e = {0};

	if (file_write(path_of(name), text, len, 0600, &e) < 0)
		fail_msg("%s", e.text);
	return path_of(name);
}

static struct lab *lab_of(const char *text)
{
	struct lab *lab = NULL;
	struct fail e = {0};

	if (lab_parse(text, strlen(text), NULL, NULL, &lab, &e) < 0)
		fail_msg("%s", e.text);
	return lab;
}

#define CITUS "{lab: c4, nodes: 4, cluster: {kind: citus}}"
#define POSTGRES "{lab: p2, nodes: 2, cluster: {kind: postgres}}"

/* The specification; NULL after a failure. */
static struct bench_spec *load(const char *lab_text, const char *text, const struct bench_words *words, struct fail *e)
{
	static const struct bench_words nothing;
	struct lab *lab = lab_of(lab_text);
	struct bench_spec *s = NULL;
	int r = bench_spec_load(text ? put("bench.yaml", text, strlen(text)) : NULL, words ? words : &nothing, lab, NULL, arena, &s, e);

	if (s && s->from)
		s->from = arena_strdup(arena, s->from); /* may be in the lab */
	lab_free(lab);
	return r < 0 ? NULL : s;
}

static struct bench_spec *good(const char *lab_text, const char *text, const struct bench_words *words)
{
	struct fail e = {0};
	struct bench_spec *s = load(lab_text, text, words, &e);

	if (!s)
		fail_msg("%s\n%s", e.text, e.evidence);
	return s;
}

static const char *names(const struct bench_spec *s)
{
	struct strbuf out = {0};
	const char *text;

	for (unsigned i = 0; i < s->load_count; i++)
		strbuf_printf(&out, "%s%s", i ? " " : "", s->loads[i].name);
	text = arena_strdup(arena, strbuf_text(&out));
	strbuf_clear(&out);
	return text;
}

static void defaults(void **state)
{
	struct bench_spec *s = good(CITUS, NULL, NULL);

	(void)state;
	assert_string_equal(names(s), "select-only tpcb tpcb-key");
	assert_int_equal(s->target_count, 1);
	assert_string_equal(s->targets[0], "coordinator");
	assert_int_equal(s->client_count, 5);
	assert_int_equal(s->clients[4], 16);
	assert_int_equal(s->repeats, 5);
	assert_int_equal(s->repeats_max, 5);
	assert_true(s->time_s == 30 && s->warmup_s == 60 && s->budget_s == 0 && s->precision == .03);
	assert_int_equal(s->scale, 10);
	assert_int_equal(s->reset, RESET_RELOAD);
	assert_int_equal(s->protocol, PROTOCOL_SIMPLE);
	assert_true(!s->from && !s->seed && !s->threads && !s->rate_count && s->slo.quantile == 0 && !s->stop_on_failure);
	assert_string_equal(names(good(POSTGRES, "", NULL)), "select-only tpcb");
}

static void whole_file(void **state)
{
	struct bench_spec *s;
	struct bench_words words = { .clients = "3,1", .workloads = "pack", .time = "5s", .slo = "p99.9=1s" };
	json_t *json;

	(void)state;
	put("mine.sql", "select @{scale};\n", 17);
	s = good(CITUS, "workloads:\n  - tpcb\n  - {name: mine, script: mine.sql, dataset: pack, writes: false}\n"
		 "targets: [coordinator, workers]\nclients: [8, 2]\nrates: [50%, 120.5]\nslo: p99=20ms\nrepeats: 3\nrepeats_max: 9\n"
		 "precision: 2.5%\nbudget: 1h\ntime: 1.5m\nwarmup: 0s\nscale: 20\nreset: none\nprotocol: prepared\nthreads: 4\n"
		 "from: node4\nseed: 9223372036854775807\nstop_on_failure: true\n", NULL);
	assert_string_equal(names(s), "tpcb mine");
	assert_null(s->loads[0].script);
	assert_string_equal(s->loads[1].script, "select 20;\n");
	assert_string_equal(s->loads[1].workload->dataset, "pack");
	assert_string_equal(s->loads[1].workload->title, "script mine.sql");
	assert_false(s->loads[1].workload->writes);
	assert_string_equal(s->targets[1], "workers");
	assert_true(s->client_count == 2 && s->clients[0] == 2 && s->clients[1] == 8);
	assert_true(s->rate_count == 2 && s->rates[0].percent == 50 && s->rates[0].tps == 0 && s->rates[1].tps == 120.5);
	assert_true(s->slo.quantile == .99 && s->slo.limit_us == 20000);
	assert_true(s->repeats == 3 && s->repeats_max == 9 && s->precision == .025 && s->budget_s == 3600);
	assert_true(s->time_s == 90 && s->warmup_s == 0 && s->scale == 20);
	assert_true(s->reset == RESET_NONE && s->protocol == PROTOCOL_PREPARED && s->threads == 4);
	assert_string_equal(s->from, "node4");
	assert_true(s->seed == INT64_MAX && s->stop_on_failure);
	json = bench_spec_json(s);
	assert_int_equal(json_array_size(json_object_get(json, "workloads")), 2);
	assert_true(json_integer_value(json_object_get(json, "seed")) == INT64_MAX);
	assert_true(json_real_value(json_object_get(json, "time_s")) == 90);
	assert_string_equal(json_string_value(json_object_get(json, "protocol")), "prepared");
	json_decref(json);

	/* Options win; what they do not name comes from the file. */
	s = good(CITUS, "workloads: tpcb\nclients: 8\nrepeats: 3\n", &words);
	assert_int_equal(s->load_count, 13);
	assert_true(s->client_count == 2 && s->clients[0] == 1 && s->repeats == 3 && s->time_s == 5);
	assert_true(s->slo.quantile == .999 && s->slo.limit_us == 1e6);
	words = (struct bench_words) { .workloads = arena_printf(arena, "mine=%s/mine.sql,tpcb", dir) };
	s = good(CITUS, NULL, &words);
	assert_string_equal(names(s), "mine tpcb");
	assert_true(s->loads[0].workload->writes && !s->loads[0].workload->dataset);
	assert_int_equal(good(CITUS, "precision: 5%", NULL)->repeats_max, 20);
}

/* Every problem of a file, alone: "LINE: KEY: text" of the evidence. */
static void mistakes(void **state)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "worklaods: tpcb", ":1: worklaods: unknown key (did you mean workloads?)" },
		{ "\nxyzzyxyzzy: 1", ":2: xyzzyxyzzy: unknown key; known: workloads, targets," },
		{ "time: 5s\ntime: 6s", ":2: time: duplicate key, first in line 1" },
		{ "- a", ":1: yaml: must be a map of keys" },
		{ "time: [", ":2: yaml: did not find expected node content" },
		{ "time: 5s\n---\ntime: 5s", ":3: yaml: a second document" },
		{ "time:", ":1: time: must have a value" },
		{ "time: [5s]", ":1: time: must be one value, got a list" },
		{ "time: {a: b}", ":1: time: must be a value, got a map" },
		{ "clients: []", ":1: clients: is an empty list" },
		{ "clients: [[1]]", ":1: clients: must be a value, got a list" },
		{ "clients: [1,\n  0,\n  2]", ":2: clients: must be from 1 to 5000 (each is a session, and a process of the server), got '0'" },
		{ "clients: 5001", ":1: clients: must be from 1 to 5000" },
		{ "clients: 1.5", "got '1.5'" },
		{ "clients: 99999999999999999999", "got '99999999999999999999'" },
		{ "clients: [4, 4]", ":1: clients: 4 is named twice" },
		{ "workloads: [tpcb, tcpb]", ":1: workloads: unknown value 'tcpb' (did you mean tpcb?)" },
		{ "workloads: [tpcb, short]", "workloads: 'tpcb' is named twice" },
		{ "workloads: [{name: mine}]", "needs name and script" },
		{ "workloads: [{name: mine, script: mine.sql, scirpt: x}]", "unknown key 'scirpt' (did you mean script?)" },
		{ "workloads: [{name: Mine, script: mine.sql}]", "'Mine' must be a-z, 0-9 and '-'" },
		{ "workloads: [{name: tpcb, script: mine.sql}]", "'tpcb' is the name of a workload of labctl" },
		{ "workloads: [{name: mine, script: mine.sql, dataset: pac}]", "unknown value 'pac' (did you mean pack?)" },
		{ "workloads: [{name: mine, script: mine.sql, writes: maybe}]", "unknown value 'maybe'; known: false, true" },
		{ "workloads: [{name: mine, script: missing.sql}]", "missing.sql: No such file" },
		{ "workloads: [{name: mine, script: empty.sql}]", "empty.sql is empty" },
		{ "workloads: [{name: mine, script: binary.sql}]", "binary.sql is not a text: it has a byte 0x00 at offset 1" },
		{ "workloads: [{name: mine, script: big.sql}]", "big.sql" },
		{ "workloads: [{name: mine, script: .}]", "script of 'mine':" },
		{ "workloads: [{name: mine, script: schema.sql}]", "unknown name schema" },
		{ "targets: workrs", "targets: unknown value 'workrs' (did you mean workers?)" },
		{ "targets: [workers, workers]", "'workers' is named twice" },
		{ "targets: primary", "known: coordinator, worker, workers, pgpool" },
		{ "rates: 101%", "must be a whole number from 1% to 100% (above its capacity a server queues without end), got '101%'" },
		{ "rates: 50.5%", "got '50.5%'" },
		{ "rates: 0", "must be from 0.1 to 10000000" },
		{ "rates: fast", "must be transactions per second or a part of the capacity" },
		{ "rates: [70%, 70%]", "'70%' is named twice" },
		{ "slo: p98=20ms", "must be a percentile (p50, p95, p99, p99.9) and a latency, like p99=20ms, got 'p98=20ms'" },
		{ "slo: p99=20", "got 'p99=20'" },
		{ "slo: p99=0ms", "got 'p99=0ms'" },
		{ "repeats: 0", "must be from 1 to 1000, got '0'" },
		{ "repeats: 5\nrepeats_max: 4", ":2: repeats_max: must be at least repeats, which is 5; got 4" },
		{ "precision: 0.03", "must be from 0.1% to 50%, got '0.03'" },
		{ "time: 30", "must be a time with a unit like 30s, 5m or 1h, got '30'" },
		{ "time: 0s", "must be from 1 to 86400 seconds (logs of transactions fill disks), got '0s'" },
		{ "time: 25h", "got '25h'" },
		{ "time: 1d", "got '1d'" },
		{ "warmup: 2h", "must be from 0 to 3600 seconds" },
		{ "budget: 0s", "must be from 1 to" },
		{ "scale: 20001", "must be from 1 to 20000 (account numbers are integers of 32 bits), got '20001'" },
		{ "workloads: sysbench-read-write\nrates: 50%", ":2: rates: 'sysbench-read-write' cannot be measured at a rate" },
		{ "workloads: sysbench-read-write\nslo: p99=9ms", ":2: slo: 'sysbench-read-write' cannot be measured at a rate" },
		{ "reset: relaod", "unknown value 'relaod' (did you mean reload?)" },
		{ "reset: template", ":1: reset: template: a copy of a database of a cluster of kind citus" },
		{ "protocol: fast", "known: simple, extended, prepared" },
		{ "threads: 0", "must be from 1 to 1024, got '0'" },
		{ "from: node9", "unknown value 'node9' (did you mean" },
		{ "seed: 0", "must be a whole number from 1 to 9223372036854775807, got '0'" },
		{ "seed: 9223372036854775808", "got '9223372036854775808'" },
		{ "stop_on_failure: yes", "unknown value 'yes'" },
		{ "workloads: all\nclients: [1,2,3,4,5,6,7,8,9,10]\nrepeats: 1000", "190000 measurements" },
	};
	char *big = malloc((1 << 20) + 1);

	(void)state;
	memset(big, 'x', (1 << 20) + 1);
	put("big.sql", big, (1 << 20) + 1);
	free(big);
	put("mine.sql", "select 1;\n", 10);
	put("empty.sql", " \n\n", 3);
	put("binary.sql", "a\0b", 3);
	put("schema.sql", "select 1;\nselect @{schema:raw};", 31);
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		struct fail e = {0};

		if (load(CITUS, rows[i].text, NULL, &e))
			fail_msg("accepted: %s", rows[i].text);
		if (!strstr(e.evidence, rows[i].want))
			fail_msg("%s: no '%s' in:\n%s", rows[i].text, rows[i].want, e.evidence);
		assert_int_equal(e.code, FAIL_LAB);
		assert_non_null(strstr(e.text, "bench.yaml"));
	}
}

/* The same mistakes in options: FAIL_USAGE, with the option's name. */
static void wrong_options(void **state)
{
	static const struct { struct bench_words words; const char *want; } rows[] = {
		{ { .workloads = "tcpb" }, "command line: --workloads: unknown value 'tcpb' (did you mean tpcb?)" },
		{ { .workloads = "mine=/nonexistent.sql" }, "/nonexistent.sql: No such file" },
		{ { .clients = "1,,2" }, "command line: --clients: a word is missing beside a comma" },
		{ { .clients = "" }, "command line: --clients: must have a value" },
		{ { .time = "9" }, "command line: --time: must be a time with a unit" },
		{ { .repeats = "many" }, "command line: --repeats: must be from 1 to 1000, got 'many'" },
		{ { .targets = "primary" }, "command line: --targets: unknown value" },
		{ { .from = "elsewhere" }, "command line: --from: unknown value" },
		{ { .reset = "template" }, "command line: --reset: template:" },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
		struct fail e = {0};

		assert_null(load(CITUS, NULL, &rows[i].words, &e));
		if (!strstr(e.evidence, rows[i].want))
			fail_msg("no '%s' in:\n%s", rows[i].want, e.evidence);
		assert_int_equal(e.code, FAIL_USAGE);
	}
}

static void all_at_once(void **state)
{
	struct bench_words words = { .protocol = "fast" };
	struct fail e = {0};

	(void)state;
	assert_null(load(CITUS, "tme: 5s\nclients: 0\nworkloads: tpc\nscale: x\n", &words, &e));
	assert_int_equal(e.code, FAIL_LAB);
	assert_non_null(strstr(e.text, "bench.yaml:1: tme: unknown key (did you mean time?) (and 3 more problems)"));
	assert_non_null(strstr(e.evidence, "bench.yaml:2: clients: "));
	assert_non_null(strstr(e.evidence, "bench.yaml:3: workloads: "));
	assert_non_null(strstr(e.evidence, "bench.yaml:4: scale: "));
	assert_non_null(strstr(e.evidence, "command line: --protocol: unknown value 'fast'"));
}

static void what_a_lab_cannot_do(void **state)
{
	struct bench_words words = { .workloads = "insert-2,select-only", .targets = "standby" };
	struct fail e = {0};

	(void)state;
	assert_null(load(POSTGRES, "workloads: tpcb\ntargets: [primary, standby]\n", NULL, &e));
	assert_non_null(strstr(e.text, "bench.yaml:2: targets: 'tpcb' writes, and standby cannot be written to"));
	assert_non_null(good(POSTGRES, "workloads: select-only\ntargets: [primary, standby]\n", NULL));
	assert_null(load(POSTGRES, NULL, &words, &e));
	assert_non_null(strstr(e.text, "command line: --targets: 'insert-2' writes, and standby cannot be written to"));
	words.targets = NULL;
	assert_non_null(good(POSTGRES, NULL, &words));
	assert_null(load("{lab: x1, nodes: 2, cluster: {kind: pgxc}}", NULL, &words, &e));
	assert_non_null(strstr(e.text, "--workloads: 'insert-2' needs two nodes with shards, and lab x1 has one"));
	assert_non_null(good("{nodes: 4, cluster: {kind: pgxc}}", NULL, &words));
	assert_non_null(good(POSTGRES, "reset: template", NULL));
	assert_null(load("{lab: none, nodes: 2}", NULL, NULL, &e));
	assert_string_equal(e.text, "lab none has no cluster to measure");
}

/* The example of the documentation is complete, and its table names every key with its default. */
static void documented(void **state)
{
	struct strbuf doc = {0};
	struct fail e = {0};
	const char *from, *to;
	struct bench_spec *s;

	(void)state;
	assert_int_equal(file_read(SOURCE_DIR "/docs/format/bench-spec.md", 1 << 20, &doc, &e), 0);
	from = strstr(strbuf_text(&doc), "```yaml\n");
	to = from ? strstr(from, "\n```\n") : NULL;
	assert_non_null(to);
	put("mine.sql", "select 1;\n", 10);
	s = good(CITUS, arena_strndup(arena, from + 8, (size_t)(to - from - 7)), NULL);
	assert_string_equal(names(s), "tpcb update-two-one-shard update-two-two-shards mine");
	for (const struct spec_key *k = spec_keys; k->name; k++) {
		assert_non_null(strstr(from, arena_printf(arena, "\n%s:", k->name)));
		assert_non_null(strstr(to, arena_printf(arena, "\n| `%s` | %s", k->name, k->option ? "yes |" : "| ")));
	}
	for (const struct workload *w = workloads; w->name; w++)
		assert_non_null(strstr(to, arena_printf(arena, "`%s`", w->name)));
	strbuf_clear(&doc);
}

static void missing_file(void **state)
{
	struct lab *lab = lab_of(CITUS);
	struct bench_words words = {0};
	struct bench_spec *s;
	struct fail e = {0};

	(void)state;
	assert_int_equal(bench_spec_load(path_of("nowhere.yaml"), &words, lab, NULL, arena, &s, &e), -1);
	assert_int_equal(e.code, FAIL_NOT_FOUND);
	assert_int_equal(bench_spec_load(path_of("big.sql"), &words, lab, NULL, arena, &s, &e), -1);
	assert_int_equal(e.code, FAIL_LAB);
	lab_free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(whole_file),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(what_a_lab_cannot_do),
		cmocka_unit_test(documented),
		cmocka_unit_test(missing_file),
	};
	struct fail e = {0};
	int failed;

	snprintf(dir, sizeof dir, "/tmp/labctl-spec.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	arena = arena_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	file_remove_tree(dir, &e);
	return failed;
}
