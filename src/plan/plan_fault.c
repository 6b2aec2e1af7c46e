/* SPDX-License-Identifier: PostgreSQL */
/* Puts a fault into a lab, and ends one. */
#include "fault.h"
#include "plan.h"
#include "plan_build.h"
#include "quote.h"
#include "script.h"

static struct payload *signal_payload(struct plan *p, const struct library *lib, const struct fault *f, const char *signal)
{
	const struct role_place *place = &p->lab->cluster.places[f->role];
	const char *function = library_text(lib, "tuning/fault/signal.sh");
	struct payload *made = arena_alloc(p->arena, sizeof *made);
	auto_(strbuf_clear) struct strbuf body = { 0 };

	strbuf_printf(&body, "%s\nsignal_server %s ", function ? function : "", signal);
	quote_add(&body, QUOTE_SH, place->role);
	strbuf_str(&body, " ");
	quote_add(&body, QUOTE_SH, place->dir);
	strbuf_str(&body, "\n");
	*made = (struct payload){ .script = script_compose(lib, NULL, NULL, 0, strbuf_text(&body), p->arena) };
	return made;
}

static void add_signals(struct plan *p, const struct library *lib, const struct fault *f, const char *signal)
{
	const struct payload *payload = signal_payload(p, lib, f, signal);

	for (unsigned i = 0; i < p->lab->node_count; i++)
		if (f->a[i])
			plan_add_node(p, VERB_NODE_SCRIPT, &p->lab->nodes[i], "signal",
				      arena_printf(p->arena, "SIG%s to the %s", signal, p->lab->cluster.places[f->role].role))->payload = payload;
}

/* The same script at the begin and at the end. */
static void add_system(struct plan *p, const struct library *lib, const struct fault *f, bool begins)
{
	const char *functions = library_text(lib, "tuning/fault/system.sh");
	struct payload *payload = arena_alloc(p->arena, sizeof *payload);
	auto_(strbuf_clear) struct strbuf body = { 0 };

	strbuf_printf(&body, "%s\n%s %s %u\n", functions ? functions : "", f->kind->function, begins ? "begin" : "end", f->amount);
	*payload = (struct payload){ .script = script_compose(lib, NULL, NULL, 0, strbuf_text(&body), p->arena) };
	for (unsigned i = 0; i < p->lab->node_count; i++)
		if (f->a[i])
			plan_add_node(p, VERB_NODE_SCRIPT, &p->lab->nodes[i], "system",
				      arena_printf(p->arena, "%s%s", begins ? "" : "end of ", f->kind->name))->payload = payload;
}

/* One step of each host that it is on makes what is in force there. */
static void add_by_record(struct plan *p, const struct fault *f, const char *title)
{
	static const struct { enum verb verb; const char *id; } steps[] = {
		[FAULT_LINKS] = { VERB_FAULT_FILTER, "fault.filter" },
		[FAULT_DATA] = { VERB_FAULT_FILTER, "fault.filter" },
		[FAULT_SPACE] = { VERB_DATA_FILL, "data.fill" },
	};

	for (unsigned h = 0; h == 0 || h < p->lab->host_count; h++)
		if (fault_is_on(p->lab, f, h))
			plan_add_at(p, h, steps[f->kind->on].verb, NULL, plan_on(p, steps[f->kind->on].id, h), title);
}

/* What happens to a domain: when the fault begins, and when it ends. */
struct move { enum verb verb; const char *id, *title; };
enum { BEGINS, ENDS };
static const struct move cable[] = { [BEGINS] = { VERB_NODE_UNPLUG, "node.unplug", "take the cable out of" },
				     [ENDS] = { VERB_NODE_PLUG, "node.plug", "put the cable into" } };
/* Both times: the record says what it is. */
static const struct move quota = { VERB_NODE_QUOTA, "node.quota", "set the processor time of" };

static void add_moves(struct plan *p, const struct fault *f, const struct move *m)
{
	for (unsigned i = 0; i < p->lab->node_count; i++)
		if (f->a[i])
			plan_add_node(p, m->verb, &p->lab->nodes[i], m->id, arena_printf(p->arena, "%s %s", m->title, p->lab->nodes[i].domain));
}

int plan_fault_inject(const struct lab *lab, const struct library *lib, const struct fault *f, const char *said, struct plan **ret_plan,
		      struct fail *e)
{
	static const struct move moves[] = {
		[MACHINE_PAUSE] = { VERB_NODE_PAUSE, "node.pause", "pause" },
		[MACHINE_OFF] = { VERB_NODE_OFF, "node.off", "power off" },
		[MACHINE_RESET] = { VERB_NODE_RESET, "node.reset", "reset" },
	};
	auto_(plan_free) struct plan *p = plan_new(said, lab);

	switch (f->kind->on) {
	case FAULT_LINKS:
	case FAULT_DATA:
	case FAULT_SPACE:
		add_by_record(p, f, fault_text(lab, f, p->arena));
		break;
	case FAULT_MACHINE:
		add_moves(p, f, &moves[f->kind->machine]);
		break;
	case FAULT_CPU:
		add_moves(p, f, &quota);
		break;
	case FAULT_CABLE:
		add_moves(p, f, &cable[BEGINS]);
		break;
	case FAULT_SERVER:
		add_signals(p, lib, f, f->kind->signal);
		break;
	case FAULT_SYSTEM:
		add_system(p, lib, f, true);
		break;
	case FAULT_ON_COUNT:
		break;
	}
	p->partial = true;
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

/* Machines that were switched off start again, with their servers. */
static int plan_power_on(const struct lab *lab, const struct library *lib, const struct fault *f, bool cluster, const char *said,
			 struct plan **ret_plan, struct fail *e)
{
	uint32_t roles[LAB_NODES_MAX];

	for (unsigned i = 0; i < lab->node_count; i++)
		roles[i] = cluster && f->a[i] ? lab->nodes[i].roles : 0;
	return plan_start(lab, lib, &(struct choice){ .nodes = f->a, .roles = roles, .machines = true, .said = said }, ret_plan, e);
}

int plan_fault_heal(const struct lab *lab, const struct library *lib, const struct fault *f, bool cluster, const char *said,
		    struct plan **ret_plan, struct fail *e)
{
	static const struct move resume = { VERB_NODE_RESUME, "node.resume", "resume" };
	auto_(plan_free) struct plan *p = NULL;

	if (f->kind->on == FAULT_MACHINE && f->kind->machine == MACHINE_OFF)
		return plan_power_on(lab, lib, f, cluster, said, ret_plan, e);
	p = plan_new(said, lab);
	switch (f->kind->on) {
	case FAULT_LINKS:
	case FAULT_DATA:
	case FAULT_SPACE:
		add_by_record(p, f, arena_printf(p->arena, "end of: %s", fault_text(lab, f, p->arena)));
		break;
	case FAULT_MACHINE:
		add_moves(p, f, &resume);
		break;
	case FAULT_CPU:
		add_moves(p, f, &quota);
		break;
	case FAULT_CABLE:
		add_moves(p, f, &cable[ENDS]);
		break;
	case FAULT_SERVER:
		add_signals(p, lib, f, f->kind->heal_signal);
		break;
	case FAULT_SYSTEM:
		add_system(p, lib, f, false);
		break;
	case FAULT_ON_COUNT:
		break;
	}
	p->partial = true;
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
