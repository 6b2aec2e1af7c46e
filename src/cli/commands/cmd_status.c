/* SPDX-License-Identifier: PostgreSQL */
/* status: the state of machines from libvirt, that of roles by health checks in parallel. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask_loss.h"
#include "ask_roles.h"
#include "cmd_fault.h"
#include "documents.h"
#include "gc_expired.h"
#include "recipe.h"
#include "screen.h"
#include "snapshots.h"
#include "state.h"
#include "status_figures.h"

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

static json_t *node_row(const struct lab *lab, const struct node *n, const struct facts *facts, const struct asked *asked,
			unsigned asked_count)
{
	const struct fact_domain *d = ask_domain(facts, n);
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "node", n->name, "hostname", n->hostname, "address",
				n->ip_text, "domain", n->domain, "state", d ? d->state : ask_silent(facts, n) ? "unknown" : "missing", "cpus", (int)n->cpus,
				"memory_mib", (int)n->memory_mib);
	json_t *roles = json_array(), *shown = json_array(), *services = json_array(), *databases = json_array();
	unsigned up = 0, all = 0;

	if (lab->host_count)
		json_object_set_new(row, "host", json_string(node_host_name(lab, n)));

	for (unsigned i = 0; i < asked_count; i++) {
		json_t *service;

		if (asked[i].node != n)
			continue;
		service = service_row(&asked[i]);
		figures_add(lab, asked, asked_count, &asked[i], service);
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
	figures_sum(services, row);
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

/* What cannot be served, because a server is down. */
static json_t *unserved_json(struct cli *c, struct runtime *rt, const struct asked *asked, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		const char *sentence = asked[i].up ? NULL : ask_unserved(c, rt, asked, count, &asked[i]);

		if (sentence)
			json_array_append_new(list, json_string(sentence));
	}
	return list;
}

/* Names of the snapshots, and of the one whose restore did not end. */
static int add_snapshots(struct cli *c, const struct paths *paths, json_t *doc, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf restoring = { 0 }, freezing = { 0 };
	json_t *names = json_array();
	struct snapshot *all;
	unsigned count;

	json_object_set_new(doc, "snapshots", names);
	if (snapshots_list(paths, c->arena, &all, &count, e) < 0 || snapshot_mark(paths, SNAPSHOT_RESTORING, &restoring, e) < 0 ||
	    snapshot_mark(paths, SNAPSHOT_FREEZING, &freezing, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(names, json_string(all[i].name));
	if (restoring.len)
		json_object_set_new(doc, "restoring", json_string(restoring.text));
	if (freezing.len)
		json_object_set_new(doc, "freezing", json_string(freezing.text));
	return 0;
}

/* What status shows of a lab, and why it fails if a role is not up. */
struct view { struct asked *asked; unsigned asked_count; struct strbuf warnings; struct fail down; json_t *doc; };

static void view_clear(struct view *v)
{
	figures_clear(v->asked, v->asked_count);
	strbuf_clear(&v->warnings);
	json_decref(v->doc);
}

/* Without servers to ask, machines are all that can be wrong: a create that was interrupted, or half a destroy. */
static void judge_machines(const struct lab *lab, struct view *ret)
{
	const json_t *row;
	unsigned missing = 0;
	size_t i;

	json_array_foreach(json_object_get(ret->doc, "nodes"), i, row)
		missing += !strcmp(json_string_value(json_object_get(row, "state")), "missing");
	if (!missing)
		return;
	fail(&ret->down, FAIL_PARTIAL, "%u of the %u machines of lab '%s' %s missing", missing, lab->node_count, lab->name, missing == 1 ? "is" : "are");
	fail_next(&ret->down, "labctl -l %s create    (makes the machines that are missing)", lab->name);
}

/* A host that does not answer is the cause to name; what it makes fail is the evidence. */
static void add_silent(const struct lab *lab, const struct facts *facts, struct view *ret)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *down = arena_strdup(a, ret->down.evidence);
	struct fail given_up = { 0 };
	json_t *list = NULL;

	for (unsigned h = 0; facts->silent && h < lab->host_count; h++) {
		if (!facts->silent[h])
			continue;
		if (!list)
			fail(&ret->down, FAIL_PARTIAL, "%s; the state of the machines of %s is not known", facts->silent[h], host_nodes(lab, h, a));
		list = list ? list : json_array();
		json_array_append_new(list, json_string(facts->silent[h]));
	}
	if (!list)
		return;
	fail_evidence(&ret->down, down, UINT32_MAX);
	if (lab_check_given_up(lab, &given_up) == 0)
		fail_next(&ret->down, "labctl -l %s status    (when that host answers again)", lab->name);
	else
		fail_next(&ret->down, "%s", given_up.next);
	json_object_set_new(ret->doc, "silent", list);
}

static int look(struct cli *c, const struct lab *lab, struct runtime *rt, struct view *ret, struct fail *e)
{
	struct facts facts = { 0 };
	auto_(strbuf_clear) struct strbuf unfinished = { 0 };
	struct fail half = { 0 };
	json_t *rows;

	if (runtime_facts(rt, c->arena, &facts, e) < 0 || state_warnings(runtime_paths(rt), &ret->warnings, e) < 0)
		return -1;
	ret->asked_count = ask_list(c, rt, lab, &facts, &ret->asked);
	figures_want(c, lab, ret->asked, ret->asked_count);
	ask_all(ret->asked, ret->asked_count);
	rows = json_array();
	for (unsigned i = 0; i < lab->node_count; i++)
		json_array_append_new(rows, node_row(lab, &lab->nodes[i], &facts, ret->asked, ret->asked_count));
	ret->doc = json_pack("{s:i, s:s, s:s, s:s, s:o}", "v", 1, "lab", lab->name, "hypervisor", hypervisor_names[lab->hypervisor],
			     "kind", lab->cluster.recipe ? lab->cluster.recipe->kind : "", "nodes", rows);
	json_object_set_new(ret->doc, "warnings", warnings_json(strbuf_text(&ret->warnings)));
	json_object_set_new(ret->doc, "drift", figures_drift(ret->asked, ret->asked_count));
	json_object_set_new(ret->doc, "prepared", figures_prepared(lab, ret->asked, ret->asked_count));
	json_object_set_new(ret->doc, "unknown", figures_unknown(ret->asked, ret->asked_count));
	rows = faults_rows(c, lab, rt, &facts, e);
	if (!rows)
		return -1;
	json_object_set_new(ret->doc, "faults", rows);
	if (add_snapshots(c, runtime_paths(rt), ret->doc, e) < 0)
		return -1;
	json_object_set_new(ret->doc, "unserved", unserved_json(c, rt, ret->asked, ret->asked_count));
	if (lab_expires(c, lab->name))
		json_object_set_new(ret->doc, "expires", json_string(lab_expires(c, lab->name)));
	if (!ret->asked_count)
		judge_machines(lab, ret);
	else
		ask_judge(lab, ret->asked, ret->asked_count, &ret->down);
	if (ret->down.code) {
		if (state_unfinished(runtime_paths(rt), UNFINISHED_COMMAND, &unfinished, e) < 0)
			return -1;
		if (unfinished.len)
			fail_next(&ret->down, "labctl -l %s %s    (it did not end)", lab->name, unfinished.text);
		if (run_check_whole(c, runtime_paths(rt), &half) < 0)
			fail_next(&ret->down, "%s", half.next); /* nothing else is possible before */
	}
	add_silent(lab, &facts, ret);
	if (ret->down.code)
		json_object_set_new(ret->doc, "error", report_error(&ret->down));
	return 0;
}

json_t *status_document(struct cli *c, const struct lab *lab, struct runtime *rt, struct fail *e)
{
	struct view v = { 0 };
	json_t *doc = look(c, lab, rt, &v, e) < 0 ? NULL : json_incref(v.doc);

	view_clear(&v);
	return doc;
}

/* What the table cannot show, a line each. */
static void add_sentences(const struct lab *lab, const json_t *doc, struct strbuf *out)
{
	static const char *const keys[] = { "prepared", "unknown", "unserved" };
	const json_t *row, *restoring = json_object_get(doc, "restoring"), *freezing = json_object_get(doc, "freezing"),
		     *snapshots = json_object_get(doc, "snapshots");
	size_t i;

	if (restoring)
		strbuf_printf(out, "a restore did not end, the lab is a mixture of then and now: labctl -l %s snapshot restore %s\n", lab->name,
			      json_string_value(restoring));
	if (freezing)
		strbuf_printf(out, "a save did not end, nodes stand still: labctl -l %s snapshot save %s\n", lab->name,
			      json_string_value(freezing));
	json_array_foreach(snapshots, i, row)
		strbuf_printf(out, "%s%s%s", i ? " " : "snapshots: ", json_string_value(row), i + 1 == json_array_size(snapshots) ? "\n" : "");
	for (size_t k = 0; k < ARRAY_COUNT(keys); k++)
		json_array_foreach(json_object_get(doc, keys[k]), i, row)
			strbuf_printf(out, "%s\n", json_string_value(row));
	json_array_foreach(json_object_get(doc, "faults"), i, row)
		strbuf_printf(out, "fault %d: %s, %s    (labctl -l %s fault heal %d)\n", (int)json_integer_value(json_object_get(row, "id")),
			      json_string_value(json_object_get(row, "fault")), json_string_value(json_object_get(row, "state")), lab->name,
			      (int)json_integer_value(json_object_get(row, "id")));
}

static int show(struct cli *c, const struct lab *lab, const struct view *v, struct fail *e)
{
	static const struct table_column all[] = {
		{ { "node", "NODE", false }, false },   { { "host", "HOST", false }, true },
		{ { "address", "ADDRESS", false }, false },
		{ { "hostname", "HOSTNAME", false }, false }, { { "state", "STATE", false }, false },
		{ { "up", "SERVICES", false }, false }, { { "lag", "LAG", true }, true },
		{ { "data", "DATA", true }, true },     { { "roles_now", "ROLES", false }, false } };
	struct column columns[ARRAY_COUNT(all)];
	const json_t *rows = json_object_get(v->doc, "nodes");
	auto_(strbuf_clear) struct strbuf sentences = { 0 };
	json_t *sentence;
	size_t i;

	if (c->json)
		return report_json(v->doc, e);
	if (report_table(rows, columns, columns_choose(all, ARRAY_COUNT(all), rows, columns), e) < 0)
		return -1;
	for (unsigned k = 0; k < v->asked_count; k++)
		say_blocked(lab, &v->asked[k]);
	json_array_foreach(json_object_get(v->doc, "drift"), i, sentence)
		report_say("%s\n", json_string_value(sentence));
	if (json_array_size(json_object_get(v->doc, "drift")))
		report_say("next: labctl -l %s bootstrap    (registers all nodes everywhere)\n", lab->name);
	add_sentences(lab, v->doc, &sentences);
	report_say("%s", strbuf_text(&sentences));
	if (json_object_get(v->doc, "expires"))
		report_say("lab '%s' expires %s    (labctl -l %s extend%s)\n", lab->name,
			   json_string_value(json_object_get(v->doc, "expires")), lab->name, lab->ttl ? "" : " 8h");
	run_show_warnings(strbuf_text(&v->warnings));
	if (lab->cluster.recipe && !v->asked_count && !v->down.code)
		report_say("lab '%s' has no database yet\nnext: labctl -l %s bootstrap\n", lab->name, lab->name);
	return 0;
}

/* --- --watch --- */

#define WATCH_MS 2000

struct watch { struct cli *c; const struct lab *lab; struct runtime *rt; };

static int draw(void *ctx, struct strbuf *out, struct fail *e)
{
	/* what matters most is at the left, for narrow terminals */
	static const struct table_column all[] = {
		{ { "node", "NODE", false }, false }, { { "state", "STATE", false }, false }, { { "up", "SERVICES", false }, false },
		{ { "lag", "LAG", true }, true },     { { "data", "DATA", true }, true },     { { "roles_now", "ROLES", false }, false },
		{ { "address", "ADDRESS", false }, false } };
	struct watch *w = ctx;
	struct column columns[ARRAY_COUNT(all)];
	time_t now = time(NULL);
	struct view v = { 0 };
	const json_t *rows;
	json_t *sentence;
	char clock[16] = "";
	struct tm tm;
	size_t i;
	int r = -1;

	if (look(w->c, w->lab, w->rt, &v, e) == 0) {
		strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
		strbuf_printf(out, "%s  %s  %s\n\n", w->lab->name, clock, v.down.code ? v.down.text : "all up");
		rows = json_object_get(v.doc, "nodes");
		r = report_table_text(rows, columns, columns_choose(all, ARRAY_COUNT(all), rows, columns), out, e);
		strbuf_printf(out, "\n%s%s", *v.down.evidence ? v.down.evidence : "", *v.down.evidence ? "\n" : "");
		json_array_foreach(json_object_get(v.doc, "drift"), i, sentence)
			strbuf_printf(out, "%s\n", json_string_value(sentence));
		add_sentences(w->lab, v.doc, out);
	}
	view_clear(&v);
	return r;
}

struct status_words { bool watch; };

static int status(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	const struct status_words *said = c->options;
	struct view v = { 0 };
	int r = -1;

	if (said->watch && c->json)
		return fail(e, FAIL_USAGE, "--watch draws a screen; without it, --json prints one document");
	if (load_existing(c, &lab, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	if (said->watch)
		return screen_run(c, WATCH_MS, draw, &(struct watch){ c, lab, rt }, e);
	if (look(c, lab, rt, &v, e) == 0) {
		r = show(c, lab, &v, e);
		c->reported = c->json; /* the failure is in the document */
	}
	if (r == 0 && v.down.code) {
		*e = v.down;
		r = -1;
	}
	view_clear(&v);
	return r;
}

static const struct option_row status_options[] = {
	{ "watch", .at = offsetof(struct status_words, watch),
	  .text = "draw the table again and again on the whole terminal, until Ctrl-C" },
	{ 0 },
};

const struct command cmd_status = {
	.name = "status", .run = status, .options = status_options, .options_size = sizeof(struct status_words),
	.summary = "show the nodes of a lab, their state and what runs on them",
	.help =
	"Asks every role of the cluster whether it does its work: servers by a query, the GTM and its standby, which is up only if it "
	"is in sync, by a script. Exit status 30 when one does not, with the reasons by node.\n\n"
	"LAG is what a standby has not replayed yet of its primary's log, DATA the size of the databases. Coordinators of Postgres-XC that "
	"know different nodes are named; so is a transaction that was prepared more than five minutes ago, with the command that ends it, and a "
	"server that works, but does not say its figures.\n\n"
	"  labctl status\n"
	"  labctl status --watch",
};
