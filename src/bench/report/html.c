/* SPDX-License-Identifier: PostgreSQL */
/*
 * The report as one HTML file that requests nothing. Its policy (CSP) allows the one style sheet and the one script by their
 * digests, and nothing else; every text of the run is escaped (text.h).
 */
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "formats.h"
#include "graph.h"
#include "page.h"
#include "plural.h"

/* The SHA-256 of @text in base64, as a policy names it. */
static void add_digest(struct strbuf *out, const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char hex[DIGEST_HEX];
	unsigned bits = 0, value = 0;

	digest_text(text, strlen(text), hex);
	strbuf_str(out, "'sha256-");
	for (const char *h = hex; *h; h++) {
		value = value << 4 | (unsigned)(*h <= '9' ? *h - '0' : *h - 'a' + 10);
		bits += 4;
		if (bits >= 6) {
			bits -= 6;
			strbuf_char(out, letters[value >> bits & 63]);
		}
	}
	/* 256 bits: four are left over. */
	strbuf_char(out, letters[value << 2 & 63]);
	strbuf_str(out, "='");
}

static void add_title(struct page *p)
{
	text_add(p->out, "Benchmark of ");
	for (unsigned i = 0; i < p->view->run_count; i++) {
		bool named = false;

		for (unsigned k = 0; k < i; k++)
			named |= !strcmp(p->view->runs[k]->lab, p->view->runs[i]->lab);
		if (named)
			continue;
		strbuf_str(p->out, i ? ", " : "");
		text_add(p->out, p->view->runs[i]->lab);
	}
}

static void head(struct page *p, const char *style)
{
	strbuf_str(p->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src ");
	add_digest(p->out, style);
	strbuf_str(p->out, "; script-src ");
	add_digest(p->out, page_script);
	strbuf_str(p->out, "; base-uri 'none'; form-action 'none'\">\n"
			   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
			   "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
	add_title(p);
	strbuf_printf(p->out, "</title>\n<style>%s</style>\n</head>\n<body>\n<header><h1>", style);
	add_title(p);
	strbuf_str(p->out, "</h1>\n");
	for (unsigned i = 0; i < p->view->run_count; i++) {
		const struct bench_run *run = p->view->runs[i];

		strbuf_str(p->out, "<p class=\"sub\">");
		if (p->view->run_count > 1) {
			text_name(p->out, view_run_label(p->view, i));
			strbuf_str(p->out, ": ");
		}
		text_name(p->out, run->kind);
		strbuf_printf(p->out, ", %s: ", num_utc(run->started_ms).text);
		if (run->scenario) {
			strbuf_str(p->out, "under the scenario ");
			text_name(p->out, run->scenario);
		} else {
			strbuf_printf(p->out, "%u point%s, %u repeat%s of %s s each", run->point_count, plural(run->point_count), run->repeats,
				      plural(run->repeats), num_plain(run->time_s).text);
		}
		strbuf_str(p->out, ", measured with labctl ");
		text_name(p->out, run->labctl);
		if (run->cpu_quota)
			strbuf_printf(p->out, "; each node may use %u %% of a core", run->cpu_quota);
		strbuf_str(p->out, "</p>\n");
	}
	strbuf_str(p->out, "</header>\n");
}

static void summary(struct page *p)
{
	static const char *const classes[] = { [TONE_PLAIN] = "plain", [TONE_GOOD] = "good", [TONE_WARNING] = "warning", [TONE_BAD] = "bad" };
	unsigned count;
	const struct sentence *words = words_of(p->view, &count);

	if (p->view->shared_host)
		strbuf_str(p->out, "<p class=\"banner\"><strong>" SHARED_STAMP "</strong></p>\n");
	strbuf_str(p->out, "<ul class=\"words\">\n");
	for (unsigned i = 0; i < count; i++) {
		strbuf_printf(p->out, "<li class=\"%s\">", classes[words[i].tone]);
		text_add(p->out, words[i].text);
		strbuf_str(p->out, "</li>\n");
	}
	strbuf_str(p->out, "</ul>\n");
}

static void topology_table(struct page *p, const json_t *graph)
{
	static const char *const titles[] = { "node", "address", "role", "port", NULL };
	const json_t *node, *role;
	size_t i, k;

	details_begin(p, "Nodes and roles");
	table_begin(p, "Nodes and roles", titles, 3);
	json_array_foreach(json_object_get(graph, "nodes"), i, node)
		json_array_foreach(json_object_get(node, "roles"), k, role) {
			table_row(p, NULL);
			table_text(p, json_string_value(json_object_get(node, "name")));
			table_text(p, json_string_value(json_object_get(node, "address")));
			table_text(p, json_string_value(json_object_get(role, "role")));
			strbuf_printf(p->out, "<td class=\"n\">%lld</td></tr>", (long long)json_integer_value(json_object_get(role, "port")));
		}
	table_end(p);
	details_end(p);
}

static void topology(struct page *p)
{
	for (unsigned i = 0; i < p->view->run_count; i++) {
		if (!json_is_object(p->view->runs[i]->topology))
			continue;
		strbuf_str(p->out, "<figure><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Topology of ");
		text_add(p->out, p->view->runs[i]->lab);
		strbuf_str(p->out, "\">");
		graph_svg(p->view->runs[i]->topology, p->out);
		strbuf_str(p->out, "</div></figure>\n");
		topology_table(p, p->view->runs[i]->topology);
	}
}

static void reading(struct page *p)
{
	strbuf_str(p->out, "<dl>\n<dt>Interval</dt><dd>95 % interval of the geometric mean over the repeats (Student's t on logarithms). "
			   "If the whole benchmark were repeated many times, about 95 of 100 such intervals would contain the true "
			   "mean of this lab on this host. It says nothing about other hosts. With one repeat there is none.</dd>\n"
			   "<dt>Ratio</dt><dd>Geometric mean of the ratios of pairs, with its interval. An interval that contains 1 shows no "
			   "difference; it does not show that there is none.</dd>\n");
	if (p->view->closed_loop)
		strbuf_str(p->out, "<dt>Closed loop</dt><dd>" CLOSED_TEXT "</dd>\n");
	if (p->view->open_loop)
		strbuf_str(p->out, "<dt>Open loop</dt><dd>" OPEN_TEXT "</dd>\n");
	for (unsigned i = 0; i < BENCH_MARK_COUNT; i++)
		strbuf_printf(p->out, "<dt>%s</dt><dd>A mark: %s.</dd>\n", bench_marks[i], words_marks[i]);
	strbuf_str(p->out, "<dt>failed</dt><dd>The driver reported an error, or the data were wrong afterwards. No number of a failed "
			   "measurement is used.</dd>\n</dl>\n");
}

static bool always(const struct view *v) { (void)v; return true; }
static bool has_references(const struct view *v) { return v->reference_count > 0; }
static bool has_points(const struct view *v) { return v->point_count > 0; }
static bool has_pairs(const struct view *v) { return v->pair_count > 0; }
static bool has_scales(const struct view *v) { return v->scale_count > 0; }
static bool has_costs(const struct view *v) { return v->cost_count > 0; }
static bool has_tracks(const struct view *v) { return v->track_count > 0; }
static bool has_measures(const struct view *v) { return v->measures > 0; }
static bool has_failed(const struct view *v) { return v->failed > 0; }
static bool has_outages(const struct view *v)
{
	for (unsigned i = 0; i < v->run_count; i++)
		for (unsigned k = 0; k < v->runs[i]->measure_count; k++)
			if (v->runs[i]->measures[k].outage_count)
				return true;
	return false;
}
static bool has_topology(const struct view *v)
{
	for (unsigned i = 0; i < v->run_count; i++)
		if (json_is_object(v->runs[i]->topology))
			return true;
	return false;
}

static const struct section {
	const char *id, *title;
	bool (*there)(const struct view *v);
	void (*print)(struct page *p);
} sections[] = {
	{ "summary", "Summary", always, summary },
	{ "comparison", "B compared with A", has_pairs, page_pairs },
	{ "outage", "Outage", has_outages, page_outage },
	{ "failures", "Failed measurements", has_failed, page_failures },
	{ "scale", "Scale", has_scales, page_scale },
	{ "workloads", "Workloads", has_points, page_workloads },
	{ "costs", "Cost of cross-shard transactions", has_costs, page_costs },
	{ "published", "Published results", has_references, page_references },
	{ "cpu", "CPU", has_tracks, page_cpu },
	{ "time", "Over time", has_measures, page_time },
	{ "topology", "Topology", has_topology, topology },
	{ "reading", "How to read this", always, reading },
	{ "evidence", "Evidence", always, page_evidence },
};

void html_print(const struct report *r, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct view v;
	struct page p = { .report = r, .view = &v, .out = out };
	const char *style = arena_printf(a, "%s%s", page_style, graph_style);

	view_make(r->runs, r->run_count, a, &v);
	v.reference_count = r->reference_count;
	head(&p, style);
	strbuf_str(out, "<main>\n<nav aria-label=\"Sections\">");
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++)
		if (sections[i].there(&v))
			strbuf_printf(out, "<a href=\"#%s\">%s</a>", sections[i].id, sections[i].title);
	strbuf_str(out, "</nav>\n");
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
		if (!sections[i].there(&v))
			continue;
		strbuf_printf(out, "<section id=\"%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">%s</h2>\n", sections[i].id, sections[i].id,
			      sections[i].id, sections[i].title);
		sections[i].print(&p);
		strbuf_str(out, "</section>\n");
	}
	strbuf_str(out, "</main>\n<footer>Made by labctl bench report from the files of the run; the same files give the same report.</footer>\n");
	strbuf_printf(out, "<script>%s</script>\n</body>\n</html>\n", page_script);
}
