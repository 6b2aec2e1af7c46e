/* SPDX-License-Identifier: PostgreSQL */
/* status, list: what is there. Domains from libvirt, databases by asking each one, all nodes at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "cli.h"
#include "journal.h"
#include "recipe.h"
#include "state.h"

#define ASK_MS 2000 /* a database that does not answer a SELECT 1 in this time is reported so */

struct asked {
	struct world *w;
	const struct node *node;
	const struct role_place *place;
	const char *blocked; /* statement that counts sessions which have waited for a lock for long; NULL = the kind has none */
	const char *acts_as; /* SQL that says the real role, or NULL */
	json_t *ret;
	pthread_t thread;
};

/* One database: up, or why not. */
static void *ask(void *arg)
{
	struct asked *q = arg;
	struct fail e = { 0 };
	struct sql *sql = NULL;
	auto_(strbuf_clear) struct strbuf value = { 0 };
	const char *acts_as = q->acts_as ? q->acts_as : "SELECT ''";
	int rows = 0;
	bool up = world_sql(q->w, q->node, q->place->port, NULL, false, clock_after_ms(ASK_MS), &sql, &e) == 0 &&
		  sql_value(sql, acts_as, clock_after_ms(ASK_MS), &value, &rows, &e) == 0;

	long blocked = 0;
	const char *role = q->place->role;
	bool is_other = up && value.len && strcmp(value.text, role) != 0;

	q->ret = json_pack("{s:s, s:i, s:b}", "role", role, "port", (int)q->place->port, "up", up);
	if (is_other)
		json_object_set_new(q->ret, "acts_as", json_string(value.text));
	if (up && q->blocked) {
		strbuf_truncate(&value, 0);
		if (sql_value(sql, q->blocked, clock_after_ms(ASK_MS), &value, &rows, &e) == 0)
			blocked = strtol(strbuf_text(&value), NULL, 10);
	}
	sql_close(sql);
	if (q->blocked)
		json_object_set_new(q->ret, "blocked_count", json_integer(blocked));
	if (!up)
		json_object_set_new(q->ret, "why", json_string(e.text));
	return NULL;
}

static void ask_all(struct asked *asked, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&asked[i].thread, NULL, ask, &asked[i]) != 0) {
			ask(&asked[i]);
			asked[i].thread = 0;
		}
	for (unsigned i = 0; i < count; i++)
		if (asked[i].thread)
			pthread_join(asked[i].thread, NULL);
}

static const struct fact_domain *domain_of(const struct facts *facts, const struct node *n)
{
	for (unsigned i = 0; i < facts->domain_count; i++)
		if (!strcmp(facts->domains[i].node, n->name))
			return &facts->domains[i];
	return NULL;
}

static const char *blocked_of(const struct cli *c, const struct recipe *r, const char *role)
{
	for (const struct query *q = r->queries; q && q->name; q++)
		if (!strcmp(q->name, "blocked") && !strcmp(q->role, role))
			return library_text(c->lib, q->arg);
	return NULL;
}

/* Sessions that have waited for a lock for more than a minute, and what shows them. */
static void say_blocked(const struct lab *lab, const struct asked *q)
{
	json_int_t count = json_integer_value(json_object_get(q->ret, "blocked_count"));

	if (count)
		report_say("%s: %lld session%s waited for a lock for more than a minute: labctl -l %s db sessions\n",
			   q->node->name, (long long)count, count == 1 ? " has" : "s have", lab->name);
}

/* The SQL roles of running nodes of the lab's cluster. */
static unsigned list_databases(struct cli *c, struct world *w, const struct lab *lab, const struct facts *facts,
			       struct asked **ret)
{
	unsigned count = 0;

	*ret = NULL;
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct fact_domain *d = domain_of(facts, &lab->nodes[i]);

		for (unsigned k = 0; d && d->active && k < lab->cluster.place_count; k++)
			if (lab->cluster.recipe->roles[k].sql && node_has_role(&lab->nodes[i], (int)k))
				*arena_push(c->arena, *ret, count) =
					(struct asked){ .w = w, .node = &lab->nodes[i], .place = &lab->cluster.places[k],
							 .blocked = blocked_of(c, lab->cluster.recipe, lab->cluster.places[k].role),
							  .acts_as = lab->cluster.recipe->roles[k].acts_as };
	}
	return count;
}

/* The role that a server with @role has by now, when it is another one. */
static const char *really(const json_t *databases, const char *role)
{
	const json_t *d;
	size_t i;

	json_array_foreach(databases, i, d)
		if (!strcmp(json_string_value(json_object_get(d, "role")), role))
			return json_string_value(json_object_get(d, "acts_as"));
	return NULL;
}

static json_t *node_row(const struct lab *lab, const struct node *n, const struct fact_domain *d, struct asked *asked,
			unsigned asked_count)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "node", n->name, "hostname", n->hostname, "address",
				n->ip_text, "domain", n->domain, "state",
				!d ? "missing" : d->active ? "running" : "stopped", "cpus", (int)n->cpus, "memory_mib",
				(int)n->memory_mib);
	json_t *roles = json_array(), *shown = json_array(), *databases = json_array(), *down = json_array();
	unsigned up = 0, all = 0;

	for (unsigned i = 0; i < asked_count; i++) {
		if (asked[i].node != n)
			continue;
		all++;
		if (json_is_true(json_object_get(asked[i].ret, "up")))
			up++;
		else
			json_array_append_new(down, json_string(asked[i].place->role));
		json_array_append_new(databases, asked[i].ret);
	}
	for (unsigned k = 0; k < lab->cluster.place_count; k++) {
		const char *acts_as = really(databases, lab->cluster.places[k].role);

		if (!node_has_role(n, (int)k))
			continue;
		json_array_append_new(roles, json_string(lab->cluster.places[k].role));
		json_array_append_new(shown, acts_as ? json_sprintf("%s (acts as %s)", lab->cluster.places[k].role, acts_as)
						     : json_string(lab->cluster.places[k].role));
	}
	json_object_set_new(row, "roles_now", shown);
	json_object_set_new(row, "roles", roles);
	json_object_set_new(row, "databases", databases);
	json_object_set_new(row, "database",
			    !all ? json_string("") : up == all ? json_string("up") : json_sprintf("%u of %u up", up, all));
	json_decref(down);
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
						 { "database", "DATABASE", false }, { "roles_now", "ROLES", false } };
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(strbuf_clear) struct strbuf warnings = { 0 };
	struct facts facts = { 0 };
	struct asked *asked;
	unsigned asked_count;
	json_t *rows, *doc;
	int r;

	if (load_existing(c, &lab, e) < 0 || load_world(c, lab, &w, e) < 0 || world_facts(w, c->arena, &facts, e) < 0)
		return -1;
	if (state_warnings(world_paths(w), &warnings, e) < 0)
		return -1;
	asked_count = list_databases(c, w, lab, &facts, &asked);
	ask_all(asked, asked_count);
	rows = json_array();
	for (unsigned i = 0; i < lab->node_count; i++)
		json_array_append_new(rows, node_row(lab, &lab->nodes[i], domain_of(&facts, &lab->nodes[i]), asked, asked_count));
	doc = json_pack("{s:i, s:s, s:s, s:s, s:O}", "v", 1, "lab", lab->name, "hypervisor", hypervisor_names[lab->hypervisor],
			"kind", lab->cluster.recipe ? lab->cluster.recipe->kind : "", "nodes", rows);
	json_object_set_new(doc, "warnings", warnings_json(strbuf_text(&warnings)));
	r = c->json ? report_json(doc, e) : report_table(rows, columns, ARRAY_COUNT(columns), e);
	for (unsigned i = 0; i < asked_count && !c->json; i++)
		if (!json_is_true(json_object_get(asked[i].ret, "up")))
			report_say("%s\n", json_string_value(json_object_get(asked[i].ret, "why")));
		else
			say_blocked(lab, &asked[i]);
	if (!c->json)
		run_show_warnings(strbuf_text(&warnings));
	json_decref(doc);
	json_decref(rows);
	return r;
}

const struct command cmd_status = {
	.name = "status", .run = status,
	.summary = "show the nodes of a lab, their state and their databases",
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
