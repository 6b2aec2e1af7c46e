/* SPDX-License-Identifier: PostgreSQL */
/*
 * Reports of a small recorded run, byte for byte: tests/golden/reports/small.FORMAT, and the drawings of labs.
 * LABCTL_REGENERATE=1 rewrites them; review the difference.
 */
#include "test.h"

#include "bench_runs.h"
#include "file.h"
#include "graph.h"
#include "report.h"

#define GOLDEN SOURCE_DIR "/tests/golden/reports/"

static void compare(const char *name, const char *seen)
{
	auto_(strbuf_clear) struct strbuf expected = { 0 }, path = { 0 };
	struct fail e = { 0 };
	const char *a, *b;
	unsigned line = 1;

	strbuf_printf(&path, "%s", name);
	if (getenv("LABCTL_REGENERATE")) {
		assert_int_equal(file_write(path.text, seen, strlen(seen), 0644, &e), 0);
		return;
	}
	if (file_read(path.text, 16 << 20, &expected, &e) < 0)
		fail_msg("%s", e.text);
	a = strbuf_text(&expected);
	b = seen;
	if (!strcmp(a, b))
		return;
	while (*a && *a == *b) {
		line += *a == '\n';
		a++;
		b++;
	}
	fail_msg("%s:%u:\n  expected %.100s\n  seen     %.100s", name, line, a, b);
}

static void check_run(struct bench_run *run, const char *run_name, const char *format)
{
	const struct bench_run *const runs[] = { run };
	const char *const places[] = { "" };
	auto_(strbuf_clear) struct strbuf out = { 0 }, name = { 0 };

	strbuf_printf(&name, GOLDEN "%s.%s", run_name, format);
	report_format(format)->print(&(struct report){ .runs = runs, .run_count = 1, .places = places }, &out);
	compare(name.text, out.text);
	bench_free(run);
}

static void check_report(const char *format) { check_run(data_small(), "small", format); }
static void outage(void **state) { (void)state; check_run(data_outage(), "outage", "markdown"); }
static void outage_html(void **state) { (void)state; check_run(data_outage(), "outage", "html"); }

static void html(void **state) { (void)state; check_report("html"); }
static void markdown(void **state) { (void)state; check_report("markdown"); }
static void csv(void **state) { (void)state; check_report("csv"); }
static void json(void **state) { (void)state; check_report("json"); }

static void check_graph(const char *name, const char *yaml, const char *format)
{
	const struct lab_options o = { .state_dir = "/state", .hypervisor = HYPERVISOR_LXC };
	auto_(strbuf_clear) struct strbuf out = { 0 };
	auto_(lab_free) struct lab *lab = NULL;
	struct fail e = { 0 };
	json_t *graph;

	if (lab_parse(yaml, strlen(yaml), "lab.yaml", &o, &lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	lab_set_subnet(lab, 0x0a580000, 24);
	graph = graph_json(lab);
	for (const struct graph_format *f = graph_formats; f->name; f++)
		if (!strcmp(f->name, format))
			f->print(graph, &out);
	json_decref(graph);
	compare(name, strbuf_text(&out));
}

#define PGXC "lab: lab\nnodes: 8\ncluster: {kind: pgxc}\n"
#define CITUS "lab: lab\nnodes: 4\ncluster: {kind: citus}\n"

static void graph_svg_pgxc(void **state) { (void)state; check_graph(GOLDEN "pgxc.svg", PGXC, "svg"); }
static void graph_dot_pgxc(void **state) { (void)state; check_graph(GOLDEN "pgxc.dot", PGXC, "dot"); }
static void graph_mermaid_pgxc(void **state) { (void)state; check_graph(GOLDEN "pgxc.mermaid", PGXC, "mermaid"); }
static void graph_svg_citus(void **state) { (void)state; check_graph(GOLDEN "citus.svg", CITUS, "svg"); }
static void graph_mermaid_citus(void **state) { (void)state; check_graph(GOLDEN "citus.mermaid", CITUS, "mermaid"); }
/* No cluster, and more nodes than a row shows. */
static void graph_svg_plain(void **state) { (void)state; check_graph(GOLDEN "plain.svg", "lab: lab\nnodes: 1\n", "svg"); }
static void graph_svg_many(void **state) { (void)state; check_graph(GOLDEN "many.svg", "lab: lab\nnodes: 40\ncluster: {kind: postgres}\n", "svg"); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html), cmocka_unit_test(markdown), cmocka_unit_test(csv), cmocka_unit_test(outage), cmocka_unit_test(outage_html), cmocka_unit_test(json),
		cmocka_unit_test(graph_svg_pgxc), cmocka_unit_test(graph_dot_pgxc), cmocka_unit_test(graph_mermaid_pgxc),
		cmocka_unit_test(graph_svg_citus), cmocka_unit_test(graph_mermaid_citus), cmocka_unit_test(graph_svg_plain),
		cmocka_unit_test(graph_svg_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
