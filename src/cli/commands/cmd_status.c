/* SPDX-License-Identifier: PostgreSQL */
/* status, list: the state of machines from libvirt, that of roles by health checks in parallel. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "cli.h"
#include "journal.h"
#include "plural.h"
#include "pool.h"
#include "recipe.h"
#include "sessions.h"
#include "sql.h"
#include "state.h"

#define ASK_MS 2000     /* limit for a statement; a database that takes longer is reported as not answering */
#define ASK_THREADS 256 /* threads only wait for nodes */
#define SCRIPT_MS 15000 /* limit for a script: a login takes seconds under emulation */

struct asked {
	struct runtime *rt;
	const struct node *node;
	int role;             /* index of the role in the recipe and in the lab's placement */
	const char *blocked;  /* statement that counts sessions that have waited long for a lock; NULL = the kind has none */
	long blocked_count;
	char acts_as[32];     /* its actual role, if that has changed; else empty */
	const char *off;      /* why its machine is not running; NULL = it is */
	bool up;
	struct fail why;
};

static const struct role_place *place_of(const struct asked *q)
{
	return &runtime_lab(q->rt)->cluster.places[q->role];
}

static const struct rule *status_rule(const struct recipe *r, const char *role)
{
	for (const struct rule *rule = r->status; rule && rule->id; rule++)
		if (!strcmp(rule->on, role))
			return rule;
	return NULL;
}

/* Makes the rule's text for this node, with placeholders replaced. */
static int status_text(const struct asked *q, const struct rule *rule, struct strbuf *out, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct step step = { .verb = rule->verb == RULE_SQL ? VERB_NODE_SQL : VERB_NODE_SCRIPT, .node = q->node, .rule = rule };
	const struct payload *p;

	if (plan_payload(runtime_lab(q->rt), runtime_library(q->rt), &step, NULL, a, &p, e) < 0)
		return -1;
	return runtime_resolve(q->rt, rule->verb == RULE_SQL ? p->sql : p->script, out, e);
}

static int ask_sql(struct asked *q, const struct rule *rule, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, value = { 0 };
	auto_(sql_close) struct sql *sql = NULL;
	const char *acts_as = runtime_lab(q->rt)->cluster.recipe->roles[q->role].acts_as;
	struct fail ignored;
	int rows = 0;

	if (rule && status_text(q, rule, &text, e) < 0)
		return -1;
	if (runtime_sql(q->rt, q->node, place_of(q)->port, NULL, false, clock_after_ms(ASK_MS), &sql, e) < 0)
		return -1;
	if (acts_as && sql_value(sql, acts_as, clock_after_ms(ASK_MS), &value, &rows, e) < 0)
		return -1;
	if (value.len && strcmp(value.text, place_of(q)->role) != 0)
		snprintf(q->acts_as, sizeof q->acts_as, "%s", value.text);
	strbuf_truncate(&value, 0);
	if (sql_value(sql, rule ? text.text : "SELECT ''", clock_after_ms(ASK_MS), &value, &rows, e) < 0)
		return -1;
	if (!rows || value.len)
		return fail(e, FAIL_DB, "%s", value.len ? value.text : "gives no answer");
	if (q->blocked && sql_value(sql, q->blocked, clock_after_ms(ASK_MS), &value, &rows, &ignored) == 0)
		q->blocked_count = strtol(strbuf_text(&value), NULL, 10);
	return 0;
}

static void keep_reason(void *ctx, const char *line)
{
	static const char word[] = "::fail ";

	if (!strncmp(line, word, sizeof word - 1))
		strbuf_printf(ctx, "%s", line + sizeof word - 1);
}

static int ask_script(const struct asked *q, const struct rule *rule, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, reason = { 0 }, err = { 0 };
	struct ssh_run run = { .command = "exec bash --norc --noprofile -s", .line = keep_reason, .line_ctx = &reason, .err = &err,
			       .deadline_ms = clock_after_ms(SCRIPT_MS) };
	struct ssh *s;
	int status = 0, r;

	if (status_text(q, rule, &text, e) < 0 || session_get(runtime_sessions(q->rt), q->node, run.deadline_ms, &s, e) < 0)
		return -1;
	run.input = text.text;
	run.input_len = text.len;
	r = ssh_run(s, &run, &status, e);
	session_done(runtime_sessions(q->rt), q->node, r < 0);
	if (r == 0 && (status || reason.len))
		r = fail(e, FAIL_REMOTE, "%s", reason.len ? reason.text : "its check ended badly");
	return r;
}

/* Checks one role of one node: up, or why not. */
static void ask(void *asked, unsigned i)
{
	struct asked *q = (struct asked *)asked + i;
	const struct recipe *recipe = runtime_lab(q->rt)->cluster.recipe;
	const struct rule *rule = status_rule(recipe, recipe->roles[q->role].name);
	bool script = rule && rule->verb == RULE_SCRIPT;

	if (q->off)
		fail(&q->why, FAIL_VIRT, "its machine is %s", q->off);
	else
		q->up = (script ? ask_script(q, rule, &q->why) : ask_sql(q, rule, &q->why)) == 0;
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

/* Reports sessions that have waited for a lock for more than a minute, and the command that shows them. */
static void say_blocked(const struct lab *lab, const struct asked *q)
{
	if (q->blocked_count)
		report_say("%s: %ld session%s waited for a lock for more than a minute: labctl -l %s db sessions\n",
			   q->node->name, q->blocked_count, q->blocked_count == 1 ? " has" : "s have", lab->name);
}

/* Lists the roles of the lab's nodes, in the order of nodes. */
static unsigned list_roles(struct cli *c, struct runtime *rt, const struct lab *lab, const struct facts *facts, struct asked **ret)
{
	unsigned count = 0;

	*ret = NULL;
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct fact_domain *d = domain_of(facts, &lab->nodes[i]);

		for (unsigned k = 0; k < lab->cluster.place_count; k++)
			if (node_has_role(&lab->nodes[i], (int)k))
				*arena_push(c->arena, *ret, count) =
					(struct asked){ .rt = rt, .node = &lab->nodes[i], .role = (int)k,
							.blocked = blocked_of(c, lab->cluster.recipe, lab->cluster.places[k].role),
							.off = !d ? "missing" : d->runs ? NULL : d->state };
	}
	return count;
}

static json_t *service_row(const struct asked *q)
{
	json_t *row = json_pack("{s:s, s:i, s:b}", "role", place_of(q)->role, "port", (int)place_of(q)->port, "up", q->up);

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
		json_array_append_new(roles, json_string(place_of(&asked[i])->role));
		json_array_append_new(shown, *asked[i].acts_as ? json_sprintf("%s (acts as %s)", place_of(&asked[i])->role,
									     asked[i].acts_as)
							      : json_string(place_of(&asked[i])->role));
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

/* 0 if all roles are up; else FAIL_DB with what is not up and why, by node. */
static int judge(const struct lab *lab, const struct asked *asked, unsigned count, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf reasons = { 0 };
	const struct node *last = NULL;
	unsigned down = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct asked *q = &asked[i];
		bool first = q->node != last;

		if (q->up)
			continue;
		down++;
		last = q->node;
		/* A machine that is off explains all its roles: report it once. */
		if (q->off && !first)
			continue;
		if (first)
			strbuf_printf(&reasons, "%s%s\n", q->node->name, q->off ? "" : ":");
		if (q->off) {
			strbuf_truncate(&reasons, reasons.len - 1);
			strbuf_printf(&reasons, ": %s\n", q->why.text);
		} else {
			strbuf_printf(&reasons, "  %s: %s\n", place_of(q)->role, q->why.text);
		}
	}
	if (!down)
		return 0;
	fail(e, FAIL_DB, "%u of the %u role%s of the %s cluster %s not up", down, count, plural(count),
	     lab->cluster.recipe->kind, down == 1 ? "is" : "are");
	fail_evidence(e, strbuf_text(&reasons), UINT_MAX);
	return fail_next(e, "labctl -l %s create; labctl -l %s bootstrap    (start what does not run)", lab->name, lab->name);
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
	asked_count = list_roles(c, rt, lab, &facts, &asked);
	pool_run(asked_count, ASK_THREADS, ask, asked);
	rows = json_array();
	for (unsigned i = 0; i < lab->node_count; i++)
		json_array_append_new(rows, node_row(lab, &lab->nodes[i], domain_of(&facts, &lab->nodes[i]), asked, asked_count));
	doc = json_pack("{s:i, s:s, s:s, s:s, s:O}", "v", 1, "lab", lab->name, "hypervisor", hypervisor_names[lab->hypervisor],
			"kind", lab->cluster.recipe ? lab->cluster.recipe->kind : "", "nodes", rows);
	json_object_set_new(doc, "warnings", warnings_json(strbuf_text(&warnings)));
	if (judge(lab, asked, asked_count, &down) < 0)
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
