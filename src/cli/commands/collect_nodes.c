/* SPDX-License-Identifier: PostgreSQL */
/* What collect takes from the nodes: their logs, a description of their systems, the settings in force in their databases. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "collect.h"
#include "log_script.h"
#include "node_console.h"
#include "pool.h"
#include "recipe.h"
#include "sessions.h"
#include "sql.h"

#define CONNECT_MS 30000
#define REPORT_MS 60000
#define LOGS_MS 300000
#define SQL_MS 10000
#define LOG_BYTES (8u << 20)     /* of the logs of a node, the end */
#define NODES_AT_ONCE 8          /* each may need twice LOG_BYTES of memory */
#define REPORT "tuning/report.sh"

struct visit { struct collect *w; const struct node *node; const char *report, *logs; };

/* Runs a script and adds what it prints; false if the node does not answer any more. */
static bool add_output(const struct visit *v, const char *file, const char *script, int64_t limit_ms)
{
	struct sessions *sessions = runtime_sessions(v->w->rt);
	auto_(strbuf_clear) struct strbuf out = { 0 }, name = { 0 };
	struct ssh_run run = { .command = "exec bash --norc --noprofile -s", .input = script, .input_len = strlen(script), .out = &out };
	struct fail e = { 0 };
	struct ssh *s;
	int status = 0, r;

	strbuf_printf(&name, "nodes/%s/%s", v->node->name, file);
	r = session_get(sessions, v->node, clock_after_ms(CONNECT_MS), &s, &e);
	if (r == 0) {
		run.deadline_ms = clock_after_ms(limit_ms);
		r = ssh_run(s, &run, &status, &e);
		session_done(sessions, v->node, r < 0);
	}
	/* of a script that was cut off, what it printed until then */
	if (out.len)
		collect_add(v->w, name.text, &out);
	if (r < 0)
		collect_miss(v->w, name.text, &e);
	return r == 0;
}

static void add_setting(void *ctx, int columns, const char *const *names, const char *const *values)
{
	(void)names;
	for (int i = 0; i < columns; i++)
		strbuf_printf(ctx, "%s%s", i ? "\t" : "", values[i] ? values[i] : "");
	strbuf_char(ctx, '\n');
}

static void add_settings(const struct visit *v, unsigned role)
{
	const struct role_place *place = &v->w->lab->cluster.places[role];
	auto_(strbuf_clear) struct strbuf out = { 0 }, name = { 0 };
	auto_(sql_close) struct sql *sql = NULL;
	struct fail e = { 0 };

	strbuf_printf(&name, "nodes/%s/settings-%s.tsv", v->node->name, place->role);
	strbuf_str(&out, "name\tsetting\tunit\tsource\n");
	if (runtime_sql(v->w->rt, v->node, place->port, NULL, false, clock_after_ms(SQL_MS), &sql, &e) < 0 ||
	    sql_rows(sql, "SELECT name, setting, unit, source FROM pg_settings ORDER BY name", NULL, clock_after_ms(SQL_MS), add_setting,
		     &out, &e) < 0)
		collect_miss(v->w, name.text, &e);
	else
		collect_add(v->w, name.text, &out);
}

/* The console of a machine is a file of its host. */
static void add_console(const struct visit *v)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *name = arena_printf(a, "nodes/%s/console.log", v->node->name);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct console_file file;
	struct fail e = { 0 };

	if (v->w->lab->hypervisor == HYPERVISOR_LXC)
		return;
	if (console_text(v->w->rt, v->node, 0, CONSOLE_MAX_BYTES, &text, &file, &e) < 0)
		collect_miss(v->w, name, &e);
	else if (file.size)
		collect_add(v->w, name, &text);
}

static void visit(void *visits, unsigned i)
{
	const struct visit *v = (struct visit *)visits + i;
	const struct cluster *cluster = &v->w->lab->cluster;
	auto_(strbuf_clear) struct strbuf name = { 0 };
	struct fail e = { 0 };
	const char *state;

	add_console(v);
	strbuf_printf(&name, "nodes/%s", v->node->name);
	if (!v->node->ip) {
		fail(&e, FAIL_NOT_FOUND, "has no address, the lab is not created yet");
		collect_miss(v->w, name.text, &e);
		return;
	}
	if (runtime_is_off(v->w->rt, v->node, &state)) {
		fail(&e, FAIL_SSH, "is %s", state);
		collect_miss(v->w, name.text, &e);
		return;
	}
	if (!add_output(v, "system.txt", v->report, REPORT_MS))
		return;
	add_output(v, "logs.txt", v->logs, LOGS_MS);
	for (unsigned role = 0; role < cluster->place_count; role++)
		if (cluster->recipe->roles[role].sql && node_has_role(v->node, (int)role))
			add_settings(v, role);
}

void collect_nodes(struct collect *w)
{
	const struct log_wish wish = { .roles = UINT32_MAX, .journal = true, .since_s = w->since_s, .limit_bytes = LOG_BYTES };
	struct visit *visits = arena_alloc(w->c->arena, w->lab->node_count * sizeof *visits);
	unsigned count = 0;

	for (unsigned i = 0; i < w->lab->node_count; i++) {
		struct visit v = { .w = w, .node = &w->lab->nodes[i], .report = library_text(w->c->lib, REPORT) };
		struct fail e = { 0 };

		if (!v.report)
			fail(&e, FAIL_OTHER, "labctl's data files lack " REPORT " (%s)", library_dir(w->c->lib));
		if (!v.report || log_script(w->lab, w->c->lib, v.node, &wish, w->c->arena, &v.logs, &e) < 0)
			collect_miss(w, "nodes", &e);
		else
			visits[count++] = v;
	}
	pool_run(count, NODES_AT_ONCE, visit, visits);
}
