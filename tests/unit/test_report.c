/* SPDX-License-Identifier: PostgreSQL */
/* Numbers, texts and ticks of charts; and that no text of a stranger becomes markup. */
#include "test.h"

#include "bench_runs.h"
#include "file.h"
#include "report.h"
#include "svg.h"
#include "view.h"
#include "words.h"

static void numbers(void **state)
{
	(void)state;
	assert_string_equal(num_count(0).text, "0");
	assert_string_equal(num_count(999).text, "999");
	assert_string_equal(num_count(1234567).text, "1,234,567");
	assert_string_equal(num_bytes(0).text, "0 B");
	assert_string_equal(num_bytes(9999).text, "9999 B");
	assert_string_equal(num_bytes(10240).text, "10 kB");
	assert_string_equal(num_bytes(31.0 * 1024 * 1024).text, "31 MB");
	assert_string_equal(num_bytes(1e18).text, "909495 TB");
	assert_string_equal(num_rate(0).text, "0");
	assert_string_equal(num_rate(0.0123).text, "0.012");
	assert_string_equal(num_rate(9.996).text, "10.0");
	assert_string_equal(num_rate(99.96).text, "100");
	assert_string_equal(num_rate(4210.4).text, "4,210");
	assert_string_equal(num_rate(NAN).text, "—");
	assert_string_equal(num_ms(850).text, "0.85");
	assert_string_equal(num_time(850).text, "850\u00a0µs");
	assert_string_equal(num_time(5123).text, "5.12\u00a0ms");
	assert_string_equal(num_time(1234567).text, "1.23\u00a0s");
	assert_string_equal(num_ratio(1.837).text, "1.84");
	assert_string_equal(num_percent(0.031).text, "3.1");
	assert_string_equal(num_percent(0.31).text, "31");
	assert_string_equal(num_tick(1500).text, "1,500");
	assert_string_equal(num_tick(0.5).text, "0.5");
	assert_string_equal(num_utc(DATA_STARTED_MS).text, "2025-11-29 15:26:40 UTC");
}

static void check_text(const char *in, unsigned max, const char *wanted)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };

	text_cut(&out, in, max);
	assert_string_equal(strbuf_text(&out), wanted);
}

static void texts(void **state)
{
	(void)state;
	check_text("<a href=\"x\">&'", 0, "&lt;a href=&quot;x&quot;&gt;&amp;&apos;");
	check_text("nodes", 5, "nodes");
	check_text("nodes", 4, "nod…");
	check_text("wwwww", 5, "ww…");
	check_text("iiiii", 4, "iiiii");
	check_text("äöü", 2, "ä…");
	check_text(TURNING, 0, "?gnp.daol");
	check_text("a\xe2\x81\xa6" "b\xd8\x9c" "c\x1b[0m\xff", 0, "a?b?c?[0m?");
	check_text(ARABIC, 0, ARABIC);
	check_text("", 3, "");
}

/* "0 500 1000" */
static void check_ticks(enum svg_scale scale, double min, double max, const char *wanted)
{
	auto_(strbuf_clear) struct strbuf seen = { 0 };
	double ticks[64];
	unsigned count = svg_ticks(scale, min, max, 5, ticks, ARRAY_COUNT(ticks));

	for (unsigned i = 0; i < count; i++)
		strbuf_printf(&seen, "%s%.6g", i ? " " : "", ticks[i]);
	assert_string_equal(strbuf_text(&seen), wanted);
}

static void ticks(void **state)
{
	(void)state;
	check_ticks(SVG_LINEAR, 0, 1333, "0 500 1000 1500");
	check_ticks(SVG_LINEAR, 0, 100, "0 20 40 60 80 100");
	check_ticks(SVG_LINEAR, 0, 0.7, "0 0.2 0.4 0.6 0.8");
	check_ticks(SVG_LINEAR, 0, 8, "0 2 4 6 8");
	check_ticks(SVG_LINEAR, 3, 3, "2 2.5 3 3.5 4 4.5");
	check_ticks(SVG_LOG, 1.2, 9, "1 2 5 10");
	check_ticks(SVG_LOG, 1, 10, "1 2 5 10");
	check_ticks(SVG_LOG, 0.03, 4000, "0.01 0.1 1 10 100 1000 10000");
	check_ticks(SVG_LOG, 7, 7, "2 5 10 20");
	check_ticks(SVG_LOG, 0.97, 1.13, "0.95 1 1.05 1.1 1.15");
	check_ticks(SVG_NINES, 0, 0.9999, "0 0.5 0.9 0.99 0.999 0.9999");
	check_ticks(SVG_NINES, 0, 0.93, "0 0.5 0.9");
}

static char *print(struct bench_run *run, const char *format)
{
	const struct bench_run *const runs[] = { run };
	const char *const places[] = { "" };
	struct strbuf out = { 0 };

	report_format(format)->print(&(struct report){ .runs = runs, .run_count = 1, .places = places }, &out);
	return strbuf_steal(&out);
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		count++;
	return count;
}

static void same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(data_runs); i++)
		for (const struct report_format *f = report_formats; f->name; f++) {
			struct bench_run *one = data_runs[i].make(), *two = data_runs[i].make();
			auto_(free) char *a = print(one, f->name), *b = print(two, f->name);

			assert_string_equal(a, b);
			assert_true(strlen(a) > 50);
			bench_free(one);
			bench_free(two);
		}
	assert_null(report_format("pdf"));
}

static void hostile_names(void **state)
{
	struct bench_run *run = data_hostile();
	auto_(free) char *html = print(run, "html"), *markdown = print(run, "markdown"), *csv = print(run, "csv");

	(void)state;
	assert_int_equal(count_of(html, "<script>"), 1);
	assert_int_equal(count_of(html, "<img"), 0);
	assert_int_equal(count_of(html, "<b>1"), 0);
	assert_true(count_of(html, "&lt;script&gt;alert(1)") > 20);
	assert_int_equal(count_of(html, "\xe2\x80\xae"), 0);
	assert_int_equal(count_of(html, "javascript:alert"), count_of(html, "href=\"./javascript%3Aalert%281%29/\""));
	assert_int_equal(count_of(html, "etc/passwd"), 0);
	assert_int_equal(count_of(markdown, "<"), 0);
	assert_int_equal(count_of(csv, "\n"), 1 + run->point_count);
	bench_free(run);
}

/* A formula of a spreadsheet, and what must be quoted. */
static void csv_cells(void **state)
{
	struct bench_run *run = data_empty();
	auto_(free) char *text = NULL;

	(void)state;
	run->lab = "=cmd|' /C calc'!A0";
	run->kind = "a,\"b\"";
	text = print(run, "csv");
	assert_non_null(strstr(text, "\n\"'=cmd|' /C calc'!A0\",\"a,\"\"b\"\"\","));
	bench_free(run);
}

static void check_words(struct bench_run *run, const char *const *wanted)
{
	auto_(free) char *text = print(run, "json");

	for (; *wanted; wanted++)
		if (!strstr(text, *wanted))
			fail_msg("'%s' is missing in\n%.3000s", *wanted, text);
	bench_free(run);
}

static void words(void **state)
{
	(void)state;
	check_words(data_empty(), (const char *const[]){ "Nothing has been measured yet.", NULL });
	check_words(data_failed(), (const char *const[]){ "8 of 8 measurements failed; their numbers are not used.",
							  "two/primary/4: there is no number, because every measurement failed: node2 is not running.", NULL });
	check_words(data_small(), (const char *const[]){ "1 of 8 measurements failed", "1 measurement drifts", "two takes ", " in 2 pairs", NULL });
	check_words(data_pairs(), (const char *const[]){ "synchronous_commit=off is 1.", ", faster.", NULL });
	check_words(data_full(), (const char *const[]){ "Shared host: ", "tpcb on coordinators keeps p99=200ms at ", "client-saturated", "behind-schedule", NULL });
}

/* No interval from one repeat, none of a failed measurement's numbers, marks of valid ones only. */
static void view(void **state)
{
	struct bench_run *run = data_small();
	const struct bench_run *const runs[] = { run };
	auto_(arena_free) struct arena *a = arena_new();
	struct view v;

	(void)state;
	run->measures[6].tps = 1e9;
	run->measures[6].marks = BENCH_SATURATED;
	view_make(runs, 1, a, &v);
	assert_int_equal(v.point_count, 4);
	assert_int_equal(v.curve_count, 2);
	assert_int_equal(v.cost_count, 2);
	assert_int_equal(v.failed, 1);
	assert_int_equal(v.marked[1], 0);
	assert_int_equal(v.points[2].ok, 1);
	assert_true(v.points[2].tps.gmean < 1e6);
	assert_int_not_equal(v.points[2].tps.interval.why, STATS_OK);
	assert_int_equal(v.points[0].tps.interval.why, STATS_OK);
	/* one pair is left where a repeat failed */
	assert_int_equal(v.costs[1].ratio.count_a, 1);
	assert_int_not_equal(v.costs[1].ratio.why, STATS_OK);
	assert_true(v.costs[0].ratio.ratio > 1.5 && v.costs[0].ratio.ratio < 2.5);
	bench_free(run);
}

static void several_runs(void **state)
{
	struct bench_run *a = data_small(), *b = data_small(), *c = data_empty();
	const struct bench_run *const runs[] = { a, b, c };
	auto_(strbuf_clear) struct strbuf out = { 0 };

	(void)state;
	b->lab = "other";
	report_format("html")->print(&(struct report){ .runs = runs, .run_count = 3 }, &out);
	assert_non_null(strstr(out.text, "bench3: primary"));
	assert_non_null(strstr(out.text, "other: primary"));
	assert_non_null(strstr(out.text, "citus: coordinator"));
	assert_null(strstr(out.text, "href=\"./"));
	bench_free(a);
	bench_free(b);
	bench_free(c);
}

/* Speed-up over the fewest nodes, whatever the order of the runs. */
static void systems(void **state)
{
	struct bench_run *a = data_scale(2), *b = data_scale(1);
	const struct bench_run *const runs[] = { a, b };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	auto_(arena_free) struct arena *arena = arena_new();
	struct view v;

	(void)state;
	a->scale_role = b->scale_role = NULL;
	view_make(runs, 2, arena, &v);
	assert_int_equal(v.system_count, 0);
	b->kind = "postgres";
	view_make(runs, 2, arena, &v);
	assert_int_equal(v.system_count, 1);
	assert_true(v.systems[0].point->run == a && v.systems[0].base->run == b);
	assert_true(v.systems[0].ratio.low > 1 && v.systems[0].ratio.high < 3);
	report_format("markdown")->print(&(struct report){ .runs = runs, .run_count = 2 }, &out);
	assert_non_null(strstr(out.text, "- tpcb on pgxc: coordinators: "));
	assert_non_null(strstr(out.text, " times the throughput of postgres: coordinators ("));
	bench_free(a);
	bench_free(b);
}

static void scale(void **state)
{
	struct bench_run *a = data_scale(4), *b = data_scale(1), *c = data_scale(2);
	const struct bench_run *const runs[] = { a, b, c };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	auto_(arena_free) struct arena *arena = arena_new();
	struct view v;

	(void)state;
	view_make(runs, 3, arena, &v);
	assert_int_equal(v.scale_count, 1);
	assert_int_equal(v.scales[0].count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(v.scales[0].steps[i].count, 1u << i);
		assert_int_equal(v.scales[0].steps[i].point->point->clients, 32);
	}
	assert_true(v.scales[0].steps[2].ratio.ratio > 1.8 && v.scales[0].steps[2].ratio.ratio < 4);
	assert_int_equal(v.scales[0].usl.why, STATS_OK);
	report_format("html")->print(&(struct report){ .runs = runs, .run_count = 3 }, &out);
	assert_non_null(strstr(out.text, "tpcb on coordinators: 4 datanodes instead of 1 give "));
	assert_non_null(strstr(out.text, "class=\"stamp\""));
	assert_non_null(strstr(out.text, "<h1>Benchmark of bench8</h1>"));
	/* Two numbers are too few for a law: the measured line and the linear one remain. */
	strbuf_clear(&out);
	report_format("html")->print(&(struct report){ .runs = runs, .run_count = 2 }, &out);
	assert_non_null(strstr(out.text, "<title>measured</title>"));
	assert_null(strstr(out.text, "<title>USL</title>"));
	view_make(runs, 1, arena, &v);
	assert_int_equal(v.scale_count, 0);
	bench_free(a);
	bench_free(b);
	bench_free(c);
}

static void references(void **state)
{
	static const struct { const char *text; bool fine; } cases[] = {
		{ "# comment\n\na;5;3.4;b;c\n", true }, { "a;-;0.5;b;c\n", true }, { "a;x;0.5;b;c\n", false }, { "a;5;0;b;c\n", false },
		{ "a;5;1.5;b\n", false }, { "a;5;1.5;b;c;d\n", false }, { "a;5;1.5x;b;c\n", false },
	};
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 }, out = { 0 };
	struct bench_run *one = data_scale(1), *two = data_scale(2), *four = data_scale(4);
	const struct bench_run *runs[] = { one, two, four };
	struct report r = { .runs = runs, .run_count = 3 };
	struct fail e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(reference_read(cases[i].text, a, &r.references, &r.reference_count, &e) == 0, cases[i].fine);
	/* The file that is shipped: drawn and listed with its sources. */
	assert_int_equal(file_read(SOURCE_DIR "/tuning/bench/reference.csv", 1 << 20, &text, &e), 0);
	assert_int_equal(reference_read(text.text, a, &r.references, &r.reference_count, &e), 0);
	assert_int_equal(r.reference_count, 11);
	report_format("html")->print(&r, &out);
	assert_non_null(strstr(out.text, "Postgres-XC, DBT-1, 10 servers: 6.4"));
	assert_non_null(strstr(out.text, "PGDay.EU 2010, abstract</"));
	bench_free(one);
	bench_free(two);
	bench_free(four);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(texts), cmocka_unit_test(ticks), cmocka_unit_test(same_bytes),
		cmocka_unit_test(hostile_names), cmocka_unit_test(csv_cells), cmocka_unit_test(words), cmocka_unit_test(view),
		cmocka_unit_test(several_runs), cmocka_unit_test(systems), cmocka_unit_test(scale), cmocka_unit_test(references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
