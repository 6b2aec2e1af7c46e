/* SPDX-License-Identifier: PostgreSQL */
/* status, list: the state of machines from libvirt, that of roles by health checks in parallel. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask_roles.h"
#include "journal.h"
#include "recipe.h"
#include "state.h"

/* Reports sessions that have waited for a lock for more than a minute, and the command that shows them. */
static void say_blocked(const struct lab *lab, const struct asked *q)
{
	if (q->blocked_count)
		report_say("%s: %ld session%s waited for a lock for more than a minute: labctl -l %s db sessions\n",
			   q->node->name, q->blocked_count, q->blocked_count == 1 ? " has" : "s have", lab->name);
}

static json_t *service_row(const struct asked *q)
{
	json_t *row = json_pack("{s:s, s:i, s:b}", "role", ask_place(q)->role, "port", (int)ask_place(q)->port, "up", q->up);

	if (*q->acts_as)
		json_object_set_new(row, "acts_as", json_string(q->acts_as));
	if (q->blocked)
		json_object_set_new(row, "blocked_count", json_integer(q->blocked_count));
	if (!q->up)
		json_object_set_new(row, "why", json_string(q->why.text));
	return row;
}

static json_t *node_row(const struct lab *lab, const struct node *n, const struct fact_domain *d, const struct asked *asked,
			unsigned asked_count)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "node", n->name, "hostname", n->hostname, "address",
				n->ip_text, "domain", n->domain, "state", d ? d->state : "missing", "cpus", (int)n->cpus,
				"memory_mib", (int)n->memory_mib);
	json_t *roles = json_array(), *shown = json_array(), *services = json_array(), *databases = json_array();
	unsigned up = 0, all = 0;

	for (unsigned i = 0; i < asked_count; i++) {
		json_t *service;

		if (asked[i].node != n)
			continue;
		service = service_row(&asked[i]);
		json_array_append_new(roles, json_string(ask_place(&asked[i])->role));
		json_array_append_new(shown, *asked[i].acts_as ? json_sprintf("%s (acts as %s)", ask_place(&asked[i])->role,
									     asked[i].acts_as)
							      : json_string(ask_place(&asked[i])->role));
		json_array_append(services, service);
		if (lab->cluster.recipe->roles[asked[i].role].sql)
			json_array_append(databases, service);
		json_decref(service);
		all++;
		up += asked[i].up;
	}
	json_object_set_new(row, "roles_now", shown);
	json_object_set_new(row, "roles", roles);
	json_object_set_new(row, "services", services);
	json_object_set_new(row, "databases", databases);
	json_object_set_new(row, "up", !all ? json_string("") : up == all ? json_string("up") : json_sprintf("%u of %u up", up, all));
	return row;
}

static json_t *warnings_json(const char *lines)
{
	json_t *list = json_array();

	for (size_t len; *lines; lines += len + (lines[len] == '\n')) {
		len = strcspn(lines, "\n");
		json_array_append_new(list, json_stringn(lines, len));
	}
	return list;
}

static int status(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "node", "NODE", false },     { "address", "ADDRESS", false },
						 { "hostname", "HOSTNAME", false }, { "state", "STATE", false },
						 { "up", "SERVICES", false }, { "roles_now", "ROLES", false } };
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(strbuf_clear) struct strbuf warnings = { 0 };
	struct facts facts = { 0 };
	struct fail down = { 0 };
	struct asked *asked;
	unsigned asked_count;
	json_t *rows, *doc;
	int r;

	if (load_existing(c, &lab, e) < 0 || load_runtime(c, lab, &rt, e) < 0 || runtime_facts(rt, c->arena, &facts, e) < 0)
		return -1;
	if (state_warnings(runtime_paths(rt), &warnings, e) < 0)
		return -1;
	asked_count = ask_list(c, rt, lab, &facts, &asked);
	ask_all(asked, asked_count);
	rows = json_array();
	for (unsigned i = 0; i < lab->node_count; i++)
		json_array_append_new(rows, node_row(lab, &lab->nodes[i], ask_domain(&facts, &lab->nodes[i]), asked, asked_count));
	doc = json_pack("{s:i, s:s, s:s, s:s, s:O}", "v", 1, "lab", lab->name, "hypervisor", hypervisor_names[lab->hypervisor],
			"kind", lab->cluster.recipe ? lab->cluster.recipe->kind : "", "nodes", rows);
	json_object_set_new(doc, "warnings", warnings_json(strbuf_text(&warnings)));
	if (ask_judge(lab, asked, asked_count, &down) < 0)
		json_object_set_new(doc, "error", report_error(&down));
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	for (unsigned i = 0; i < asked_count && !c->json; i++)
		say_blocked(lab, &asked[i]);
	if (!c->json)
		run_show_warnings(strbuf_text(&warnings));
	c->reported = c->json; /* the failure is in the document */
	json_decref(doc);
	json_decref(rows);
	if (r == 0 && down.code) {
		*e = down;
		r = -1;
	}
	return r;
}

const struct command cmd_status = {
	.name = "status", .run = status,
	.summary = "show the nodes of a lab, their state and what runs on them",
	.help =
	"Asks every role of the cluster whether it does its work. Exit status 30 when one does not, with the reasons by node.",
};

static json_t *lab_row(struct cli *c, const char *name)
{
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *lab = NULL;
	struct journal_last last = { 0 };
	struct paths paths;
	struct fail e = { 0 };
	char subnet[24] = "-";
	json_t *row;

	load_paths(c, name, &paths);
	if (lab_load(paths.lab_file, &o, &lab, &e) < 0)
		return json_pack("{s:s, s:s}", "lab", name, "last", e.text);
	if (lab->net.subnet) {
		ip_format(lab->net.subnet, subnet);
		snprintf(subnet + strlen(subnet), 4, "/%u", lab->net.prefix_len);
	}
	row = json_pack("{s:s, s:i, s:s, s:s, s:s}", "lab", name, "nodes", (int)lab->node_count, "hypervisor",
			hypervisor_names[lab->hypervisor], "subnet", subnet, "kind",
			lab->cluster.recipe ? lab->cluster.recipe->kind : "");
	if (journal_last(paths.journal, &last, &e) == 0 && *last.command) {
		time_t when = (time_t)(last.wall_ms / 1000);
		struct tm tm;
		char text[32] = "";

		strftime(text, sizeof text, "%Y-%m-%d %H:%M", localtime_r(&when, &tm));
		json_object_set_new(row, "last", json_sprintf("%s %s %s", last.command,
							      !last.finished ? "not finished" : last.failed ? "failed" : "ok", text));
	}
	return row;
}

static int list(struct cli *c, struct fail *e)
{
	static const struct column columns[] = { { "lab", "LAB", false },       { "nodes", "NODES", true },
						 { "hypervisor", "HYPERVISOR", false }, { "subnet", "SUBNET", false },
						 { "kind", "KIND", false },     { "last", "LAST", false } };
	const char *const *names;
	json_t *rows, *doc;
	int r;

	if (state_labs(c->state_dir, c->arena, &names, e) < 0)
		return -1;
	rows = json_array();
	for (; *names; names++)
		json_array_append_new(rows, lab_row(c, *names));
	doc = json_pack("{s:i, s:O}", "v", 1, "labs", rows);
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	if (!c->json && json_array_size(rows) == 0)
		report_say("there are no labs in %s\nnext: labctl create 3\n", c->state_dir);
	json_decref(doc);
	json_decref(rows);
	return r;
}

const struct command cmd_list = {
	.name = "list", .run = list, .without = NO_LAB,
	.summary = "show the labs of this host",
};
