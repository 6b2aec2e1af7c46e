/* SPDX-License-Identifier: PostgreSQL */
/* A topology for graphviz and for Mermaid. Links from many to many meet in a point, so that their number grows with the nodes. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "quote.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* Adds @s with every character that means something as its code in HTML, which both programs read. */
static void add_safe(struct strbuf *out, const char *s)
{
	auto_(free) char *tame = strdup(s);

	if (!tame)
		abort();
	quote_tame(tame, strlen(tame));
	for (const char *p = tame; *p; p++) {
		if (strchr("\"\\{}|<>&[]()#;`\n\t", *p))
			strbuf_printf(out, "&#%d;", *p);
		else
			strbuf_char(out, *p);
	}
}

static void add_role(struct strbuf *out, const json_t *role)
{
	json_int_t port = json_integer_value(json_object_get(role, "port"));

	add_safe(out, text_of(role, "role"));
	if (port > 0)
		strbuf_printf(out, " %lld", (long long)port);
}

/* Calls @add for every server with the role @name: numbers of its node and of the role on it. */
static unsigned each_server(const json_t *graph, const char *name, void (*add)(void *ctx, size_t node, size_t role), void *ctx)
{
	const json_t *node, *role;
	unsigned count = 0;
	size_t i, k;

	json_array_foreach(json_object_get(graph, "nodes"), i, node)
		json_array_foreach(json_object_get(node, "roles"), k, role)
			if (!strcmp(text_of(role, "role"), name)) {
				count++;
				if (add)
					add(ctx, i, k);
			}
	return count;
}

/* How a language writes things; everything else is the same. */
struct language {
	const char *server;            /* node, role */
	const char *arrow, *line;      /* an edge with an arrow, one without: from, to */
	const char *labelled[2];       /* an edge with an arrow and a text: before the text, after it */
	const char *point;             /* where many edges meet: its number */
};

struct edges { const struct language *lang; struct strbuf *out; const json_t *graph, *edge; size_t number, node, role; bool to_point, same_node; };

static void add_server(const struct language *l, struct strbuf *out, size_t node, size_t role)
{
	/* "%1" is the node, "%2" the role: not a format, as the words of the languages are not. */
	for (const char *p = l->server; *p; p++) {
		if (*p == '%')
			strbuf_printf(out, "%zu", *++p == '1' ? node : role);
		else
			strbuf_char(out, *p);
	}
}

static void add_labelled(struct edges *e, size_t from_node, size_t from_role, size_t node, size_t role)
{
	strbuf_str(e->out, "  ");
	add_server(e->lang, e->out, from_node, from_role);
	strbuf_str(e->out, e->lang->labelled[0]);
	if (e->lang->labelled[0][strlen(e->lang->labelled[0]) - 1] == '|') {
		/* Mermaid: the text stands before the end of the edge. */
		strbuf_char(e->out, '"');
		add_safe(e->out, text_of(e->edge, "what"));
		strbuf_str(e->out, e->lang->labelled[1]);
		add_server(e->lang, e->out, node, role);
		strbuf_char(e->out, '\n');
		return;
	}
	add_server(e->lang, e->out, node, role);
	strbuf_str(e->out, e->lang->labelled[1]);
	add_safe(e->out, text_of(e->edge, "what"));
	strbuf_str(e->out, "\"]\n");
}

static void to_server(void *ctx, size_t node, size_t role)
{
	struct edges *e = ctx;

	if ((e->same_node && node != e->node) || (node == e->node && role == e->role))
		return;
	add_labelled(e, e->node, e->role, node, role);
}

static void from_server(void *ctx, size_t node, size_t role)
{
	struct edges *e = ctx;

	e->node = node;
	e->role = role;
	each_server(e->graph, text_of(e->edge, "to"), to_server, e);
}

static void with_point(void *ctx, size_t node, size_t role)
{
	struct edges *e = ctx;

	strbuf_str(e->out, "  ");
	if (e->to_point) {
		add_server(e->lang, e->out, node, role);
		strbuf_printf(e->out, "%spoint%zu\n", e->lang->line, e->number);
	} else {
		strbuf_printf(e->out, "point%zu%s", e->number, e->lang->arrow);
		add_server(e->lang, e->out, node, role);
		strbuf_char(e->out, '\n');
	}
}

static void add_edges(const json_t *graph, const struct language *lang, struct strbuf *out)
{
	struct edges e = { .lang = lang, .out = out, .graph = graph };

	json_array_foreach(json_object_get(graph, "edges"), e.number, e.edge) {
		unsigned from = each_server(graph, text_of(e.edge, "from"), NULL, NULL), to = each_server(graph, text_of(e.edge, "to"), NULL, NULL);

		e.same_node = json_is_true(json_object_get(e.edge, "same_node"));
		if (e.same_node || from <= 1 || to <= 1) {
			each_server(graph, text_of(e.edge, "from"), from_server, &e);
			continue;
		}
		strbuf_printf(out, "  point%zu%s", e.number, lang->point);
		add_safe(out, text_of(e.edge, "what"));
		strbuf_str(out, strchr(lang->point, '(') ? "\"))\n" : "\"]\n");
		e.to_point = true;
		each_server(graph, text_of(e.edge, "from"), with_point, &e);
		e.to_point = false;
		each_server(graph, text_of(e.edge, "to"), with_point, &e);
	}
}

static void add_host(const json_t *graph, struct strbuf *out)
{
	const json_t *network = json_object_get(graph, "network");

	add_safe(out, *text_of(graph, "lab") ? text_of(graph, "lab") : "lab");
	if (*text_of(graph, "hypervisor")) {
		strbuf_str(out, ", ");
		add_safe(out, text_of(graph, "hypervisor"));
	}
	if (*text_of(network, "subnet")) {
		strbuf_str(out, ", network ");
		add_safe(out, text_of(network, "subnet"));
		strbuf_str(out, ", host ");
		add_safe(out, text_of(network, "gateway"));
	}
}

static void add_node_name(const json_t *node, struct strbuf *out)
{
	add_safe(out, text_of(node, "name"));
	strbuf_char(out, ' ');
	add_safe(out, text_of(node, "address"));
}

static void print_dot(const json_t *graph, struct strbuf *out)
{
	static const struct language dot = { "n%1_%2", " -> ", " -> ", { " -> ", " [label=\"" }, " [shape=point, xlabel=\"" };
	const json_t *node, *role;
	size_t i, k;

	strbuf_str(out, "digraph lab {\n  graph [fontname=\"sans-serif\", compound=true, label=\"");
	add_host(graph, out);
	strbuf_str(out, "\"]\n  node [shape=box, fontname=\"sans-serif\", fontsize=10]\n  edge [fontname=\"sans-serif\", fontsize=9]\n");
	json_array_foreach(json_object_get(graph, "nodes"), i, node) {
		strbuf_printf(out, "  subgraph cluster_%zu {\n    label=\"", i);
		add_node_name(node, out);
		strbuf_str(out, "\"\n");
		json_array_foreach(json_object_get(node, "roles"), k, role) {
			strbuf_printf(out, "    n%zu_%zu [label=\"", i, k);
			add_role(out, role);
			strbuf_str(out, "\"]\n");
		}
		if (!json_array_size(json_object_get(node, "roles")))
			strbuf_printf(out, "    n%zu [label=\"no role\"]\n", i);
		strbuf_str(out, "  }\n");
	}
	add_edges(graph, &dot, out);
	strbuf_str(out, "}\n");
}

static void print_mermaid(const json_t *graph, struct strbuf *out)
{
	static const struct language mermaid = { "n%1_%2", " --> ", " --- ", { " -->|", "\"|" }, "((\"" };
	const json_t *node, *role;
	size_t i, k;

	strbuf_str(out, "flowchart TB\n  subgraph lab[\"");
	add_host(graph, out);
	strbuf_str(out, "\"]\n");
	json_array_foreach(json_object_get(graph, "nodes"), i, node) {
		strbuf_printf(out, "  subgraph n%zu[\"", i);
		add_node_name(node, out);
		strbuf_str(out, "\"]\n");
		json_array_foreach(json_object_get(node, "roles"), k, role) {
			strbuf_printf(out, "    n%zu_%zu[\"", i, k);
			add_role(out, role);
			strbuf_str(out, "\"]\n");
		}
		if (!json_array_size(json_object_get(node, "roles")))
			strbuf_printf(out, "    n%zu_0[\"no role\"]\n", i);
		strbuf_str(out, "  end\n");
	}
	strbuf_str(out, "  end\n");
	add_edges(graph, &mermaid, out);
}

const struct graph_format graph_formats[] = {
	{ "svg", "a picture", graph_svg_file },
	{ "dot", "for graphviz", print_dot },
	{ "mermaid", "for Markdown", print_mermaid },
	{ 0 },
};
