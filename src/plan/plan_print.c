/* SPDX-License-Identifier: PostgreSQL */
/* Plans for people, for jq and for graphviz. */
#include <string.h>

#include "plan.h"
#include "plural.h"

#define TITLE_MAX 64 /* a longer title shifts only its own line */

/* "node.start" of "node.start/node3" */
static size_t phase_len(const char *id)
{
	return strcspn(id, "/");
}

static bool same_phase(const char *a, const char *b)
{
	return phase_len(a) == phase_len(b) && !strncmp(a, b, phase_len(a));
}

/* "node.disk, net.create, all data.create": without the node's name for its own steps; several of a phase as one. */
static void add_after(const struct plan *p, const struct step *s, struct strbuf *out)
{
	for (unsigned i = 0, end; i < s->after_count; i = end) {
		const struct step *before = &p->steps[s->after[i]];

		end = i + 1;
		while (end < s->after_count && same_phase(before->id, p->steps[s->after[end]].id))
			end++;
		strbuf_str(out, i ? ", " : "after ");
		if (before->verb == VERB_JOIN || end - i > 1)
			strbuf_printf(out, "all %.*s", (int)phase_len(before->id), before->id);
		else if (before->node && before->node == s->node)
			strbuf_add(out, before->id, phase_len(before->id));
		else
			strbuf_str(out, before->id);
	}
}

static void pad(struct strbuf *out, size_t from, size_t width)
{
	while (out->len - from < width)
		strbuf_char(out, ' ');
}

/* "on NAME: 2 nodes (node1,node3), 2 processors of 8, 2048 MiB of 16384" for each host of the lab. */
static void add_hosts(const struct lab *lab, struct strbuf *out)
{
	auto_(arena_free) struct arena *a = arena_new();

	for (unsigned h = 0; h < lab->host_count; h++) {
		const struct host *host = &lab->hosts[h];
		struct host_load load = host_load(lab, h);

		strbuf_printf(out, "host %s: %u node%s", host->name, load.nodes, plural(load.nodes));
		if (load.nodes)
			strbuf_printf(out, " (%s)", host_nodes(lab, h, a));
		strbuf_printf(out, ", %u processor%s", load.cpus, plural(load.cpus));
		if (host->cpus)
			strbuf_printf(out, " of %u", host->cpus);
		strbuf_printf(out, ", %llu MiB", (unsigned long long)load.memory_mib);
		if (host->memory_mib)
			strbuf_printf(out, " of %llu", (unsigned long long)host->memory_mib);
		strbuf_char(out, '\n');
	}
}

void plan_print_text(const struct plan *p, struct strbuf *out)
{
	const struct lab *lab = p->lab;
	size_t id_width = 0, title_width = 0, host_width = 0;
	unsigned shown = 0;

	for (unsigned i = 0; i < p->step_count; i++) {
		size_t id = strlen(p->steps[i].id), title = strlen(p->steps[i].title);

		if (p->steps[i].verb == VERB_JOIN)
			continue;
		shown++;
		if (id > id_width)
			id_width = id;
		if (title > title_width && title <= TITLE_MAX)
			title_width = title;
	}
	strbuf_printf(out, "%s lab '%s': %u step%s on %u node%s\n", p->command, p->lab->name, shown, shown == 1 ? "" : "s",
		      p->lab->node_count, p->lab->node_count == 1 ? "" : "s");
	if (p->loss)
		strbuf_printf(out, "lost: %s\n", p->loss);
	add_hosts(lab, out);
	for (unsigned h = 0; h < lab->host_count; h++)
		if (strlen(lab->hosts[h].name) + 2 > host_width)
			host_width = strlen(lab->hosts[h].name) + 2;
	for (unsigned i = 0; i < p->step_count; i++) {
		const struct step *s = &p->steps[i];
		size_t line = out->len;

		if (s->verb == VERB_JOIN)
			continue;
		if (host_width)
			strbuf_str(out, lab->hosts[s->host].name);
		pad(out, line, host_width);
		strbuf_str(out, s->id);
		pad(out, line += host_width, id_width + 2);
		strbuf_str(out, s->title);
		if (s->after_count) {
			pad(out, line, id_width + 2 + title_width + 2);
			if (strlen(s->title) > title_width)
				strbuf_str(out, "  ");
			add_after(p, s, out);
		}
		strbuf_char(out, '\n');
	}
}

static json_t *hosts_json(const struct lab *lab)
{
	json_t *rows = json_array();

	for (unsigned h = 0; h < lab->host_count; h++) {
		struct host_load load = host_load(lab, h);

		json_array_append_new(rows, json_pack("{s:s, s:i, s:i, s:I}", "host", lab->hosts[h].name, "nodes", (int)load.nodes, "cpus",
						      (int)load.cpus, "memory_mib", (json_int_t)load.memory_mib));
	}
	return rows;
}

json_t *plan_json(const struct plan *p)
{
	json_t *steps = json_array(), *doc;

	for (unsigned i = 0; i < p->step_count; i++) {
		const struct step *s = &p->steps[i];
		json_t *after = json_array(), *step;

		for (unsigned k = 0; k < s->after_count; k++)
			json_array_append_new(after, json_string(p->steps[s->after[k]].id));
		step = json_pack("{s:s, s:s, s:s?, s:s, s:o, s:f}", "id", s->id, "verb", verb_names[s->verb], "node",
				 s->node ? s->node->name : NULL, "title", s->title, "after", after, "timeout_s",
				 (double)s->timeout_ms / 1000);
		if (p->lab->host_count)
			json_object_set_new(step, "host", json_string(p->lab->hosts[s->host].name));
		if (s->anyway)
			json_object_set_new(step, "anyway", json_true());
		if (s->gate)
			json_object_set_new(step, "gate", json_true());
		json_array_append_new(steps, step);
	}
	doc = json_pack("{s:i, s:s, s:s, s:o}", "v", 1, "command", p->command, "lab", p->lab->name, "steps", steps);
	if (p->lab->host_count)
		json_object_set_new(doc, "hosts", hosts_json(p->lab));
	if (p->loss)
		json_object_set_new(doc, "lost", json_string(p->loss));
	return doc;
}

static void dot_text(struct strbuf *out, const char *t)
{
	strbuf_char(out, '"');
	for (; *t; t++) {
		if (*t == '"' || *t == '\\')
			strbuf_char(out, '\\');
		strbuf_char(out, *t);
	}
	strbuf_char(out, '"');
}

static void dot_steps(const struct plan *p, const struct node *n, const char *indent, struct strbuf *out)
{
	for (unsigned i = 0; i < p->step_count; i++) {
		const struct step *s = &p->steps[i];

		if (s->node != n)
			continue;
		strbuf_str(out, indent);
		dot_text(out, s->id);
		if (s->verb == VERB_JOIN)
			strbuf_str(out, " [shape=point]");
		strbuf_str(out, ";\n");
	}
}

void plan_print_dot(const struct plan *p, struct strbuf *out)
{
	strbuf_str(out, "digraph ");
	dot_text(out, p->command);
	strbuf_str(out, " {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"sans-serif\"];\n");
	dot_steps(p, NULL, "\t", out);
	for (unsigned i = 0; i < p->lab->node_count; i++) {
		const struct node *n = &p->lab->nodes[i];

		strbuf_printf(out, "\tsubgraph cluster_%u {\n\t\tlabel=", n->index);
		dot_text(out, n->name);
		strbuf_str(out, ";\n");
		dot_steps(p, n, "\t\t", out);
		strbuf_str(out, "\t}\n");
	}
	for (unsigned i = 0; i < p->step_count; i++) {
		for (unsigned k = 0; k < p->steps[i].after_count; k++) {
			strbuf_char(out, '\t');
			dot_text(out, p->steps[p->steps[i].after[k]].id);
			strbuf_str(out, " -> ");
			dot_text(out, p->steps[i].id);
			strbuf_str(out, ";\n");
		}
	}
	strbuf_str(out, "}\n");
}
