/* SPDX-License-Identifier: PostgreSQL */
/* switchover, failover, rejoin: which server of a cluster is the primary. */
#include <limits.h>
#include <string.h>

#include "ask_loss.h"
#include "ask_takeover.h"
#include "cmd_node.h"
#include "complete.h"
#include "file.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"

/* What a command works on, from load to plan. */
struct takeover_run {
	struct lab *lab;
	struct runtime *rt;
	const struct standing *all;
	struct handover h;
	struct plan *plan;
	const char *const *silent; /* as in struct facts */
	const char *failed;       /* node of the server from which `failover` takes over; NULL in other commands */
};

static void takeover_run_clear_auto(struct takeover_run *t)
{
	plan_free(t->plan);
	runtime_close(t->rt);
	lab_free(t->lab);
}

/* Chooses the servers, promotes in t->lab, and plans. */
typedef int (*planner)(struct cli *c, struct takeover_run *t, struct fail *e);

/* No server takes over in this kind: why, what cannot be served without a server that the user names and that is down, the ways out. */
static int say_none(struct cli *c, const struct lab *lab, struct runtime *rt, struct fail *e)
{
	const struct recipe *r = lab->cluster.recipe;
	auto_(strbuf_clear) struct strbuf evidence = { 0 };
	bool named = c->arg_count > 0, *chosen = arena_alloc(c->arena, lab->node_count * sizeof *chosen);
	int role = named ? lab_role(lab, c->args[0]) : -1;
	const struct node *lost = NULL;
	struct facts facts = { 0 };
	struct asked *asked;
	unsigned count;

	if ((named && role < 0 && lab_select(lab, c->args[0], NULL, chosen, e) < 0) || runtime_facts(rt, c->arena, &facts, e) < 0)
		return -1;
	count = ask_list(c, rt, lab, &facts, &asked);
	ask_all(asked, count);
	for (unsigned i = 0; i < count; i++) {
		const struct member *m = recipe_member(r, ask_place(&asked[i])->role);
		const char *sentence = NULL;

		if (!asked[i].up && (!named || asked[i].role == role || chosen[asked[i].node->index - 1]))
			sentence = ask_unserved(c, rt, asked, count, &asked[i]);
		if (!sentence)
			continue;
		strbuf_printf(&evidence, "%s\n", sentence);
		lost = m->asked ? asked[i].node : lost;
	}
	fail(e, FAIL_USAGE, "%s is not possible in a cluster of kind %s: %s", c->path, r->kind, r->no_takeover);
	fail_evidence(e, strbuf_text(&evidence), UINT_MAX);
	if (lost)
		return fail_next(e, "labctl -l %s start %s; if it is lost: node remove %s --force (gives up what is listed)", lab->name, lost->name,
				 lost->name);
	return fail_next(e, "labctl -l %s start    (starts what does not run)", lab->name);
}

/* FAIL_USAGE with what is possible, for kinds whose servers have no standby. */
static int check_kind(struct cli *c, const struct lab *lab, struct runtime *rt, struct fail *e)
{
	const struct recipe *r = lab->cluster.recipe;

	if (!lab->net.subnet) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' is not created yet", lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	if (!r || !file_exists(runtime_paths(rt)->bootstrapped))
		return load_no_database(lab, "", e);
	if (r->takeover)
		return 0;
	return say_none(c, lab, rt, e);
}

/* Loads the lab and asks its servers. */
static int look(struct cli *c, struct takeover_run *t, struct fail *e)
{
	struct facts facts = { 0 };

	if (load_existing(c, &t->lab, e) < 0 || load_runtime(c, t->lab, &t->rt, e) < 0 || check_kind(c, t->lab, t->rt, e) < 0 ||
	    runtime_facts(t->rt, c->arena, &facts, e) < 0 || plan_check_names(t->lab, &facts, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, t->lab->name);
	t->silent = facts.silent;
	ask_standings(c, t->rt, t->lab, &facts, &t->all);
	return 0;
}

/* --- what each of them does --- */

/* Does the host of @n not answer? Then it is the host that has failed, and not the server. */
static int check_host(const struct takeover_run *t, const struct node *n, struct fail *e)
{
	const char *why = t->silent ? t->silent[n->host] : NULL;

	if (!why || t->lab->hosts[n->host].given_up)
		return 0;
	fail(e, FAIL_SSH, "%s; what is on %s cannot be known", why, n->name);
	return fail_next(e, "labctl -l %s host check; then the same command again", t->lab->name);
}

/* The servers on hosts that do not answer are not among those that could have been chosen. */
static int add_silent(const struct takeover_run *t, struct fail *e)
{
	for (unsigned h = 0; t->silent && h < t->lab->host_count; h++)
		if (t->silent[h])
			fail_evidence(e, t->silent[h], UINT_MAX);
	return -1;
}

static int plan_to_switch(struct cli *c, struct takeover_run *t, struct fail *e)
{
	const struct node *wanted = NULL, *to;

	if ((c->arg_count && node_named(c, t->lab, &wanted, e) < 0) || check_host(t, lab_leader(t->lab), e) < 0 ||
	    (wanted && check_host(t, wanted, e) < 0))
		return -1;
	if (plan_switchover_to(t->lab, t->all, wanted, &to, e) < 0)
		return add_silent(t, e);
	t->h = (struct handover){ .from = lab_leader(t->lab), .to = to, .all = t->all,
				  .said = arena_printf(c->arena, "switchover %s", to->name) };
	return lab_promote(t->lab, to, e) < 0 ? -1 : plan_switchover(t->lab, c->lib, &t->h, &t->plan, e);
}

/* The word is the role, or the node that has it; or that had it, if the same command did not end: then *ret_again is set. */
static int check_failed(const struct cli *c, struct takeover_run *t, bool *ret_again, struct fail *e)
{
	const struct lab *lab = t->lab;
	const struct takeover *takeover = lab->cluster.recipe->takeover;
	const struct node *leader = lab_leader(lab), *n;
	auto_(strbuf_clear) struct strbuf before = { 0 };

	if (state_unfinished(runtime_paths(t->rt), UNFINISHED_FAILOVER, &before, e) < 0)
		return -1;
	t->failed = before.len ? arena_strdup(c->arena, before.text) : leader->name;
	*ret_again = strcmp(t->failed, leader->name) != 0;
	if (!strcmp(c->args[0], takeover->role))
		return 0;
	if (lab_role(lab, c->args[0]) >= 0) {
		fail(e, FAIL_USAGE, "no server takes over from a %s", c->args[0]);
		return fail_next(e, "labctl -l %s failover %s, or start -r %s", lab->name, takeover->role, c->args[0]);
	}
	if (node_named(c, lab, &n, e) < 0)
		return -1;
	if (n == leader || !strcmp(n->name, t->failed))
		return 0;
	fail(e, FAIL_USAGE, "%s does not have the %s: it is on %s", n->name, takeover->role, leader->name);
	return fail_next(e, "labctl -l %s %s %s", lab->name, node_has_role(n, lab_role(lab, takeover->from)) ? "rejoin" : "start", n->name);
}

static int plan_to_fail_over(struct cli *c, struct takeover_run *t, struct fail *e)
{
	const struct node *leader = lab_leader(t->lab), *to;
	bool again;

	if (check_failed(c, t, &again, e) < 0)
		return -1;
	if (!again && t->silent && t->silent[leader->host] && !t->lab->hosts[leader->host].given_up) {
		fail(e, FAIL_CONFLICT, "%s; %s may still run there, and nothing can keep it from accepting writes", t->silent[leader->host], leader->name);
		return fail_next(e, "make that host answer, then the same command again; if it never will: labctl -l %s host give-up %s", t->lab->name,
				 t->lab->hosts[leader->host].name);
	}
	if (plan_failover_to(t->lab, t->all, again, &to, e) < 0)
		return add_silent(t, e);
	t->h = (struct handover){ .from = to == leader ? NULL : leader, .to = to, .all = t->all,
				  .said = arena_printf(c->arena, "failover %s", t->lab->cluster.recipe->takeover->role) };
	if (lab_promote(t->lab, to, e) < 0)
		return -1;
	t->h.lost = !t->h.from || !t->lab->cluster.recipe->takeover->lost ? 0 : t->all[leader->index - 1].on ?
		    ask_lost(t->rt, leader, t->all[to->index - 1].replayed) : LOST_UNKNOWN;
	return plan_failover(t->lab, c->lib, &t->h, &t->plan, e);
}

static int plan_to_rejoin(struct cli *c, struct takeover_run *t, struct fail *e)
{
	const struct node *n, *to;

	if (node_named(c, t->lab, &n, e) < 0 || check_host(t, n, e) < 0 || check_host(t, lab_leader(t->lab), e) < 0 ||
	    lab_check_given_up(t->lab, e) < 0 || plan_rejoin_to(t->lab, t->all, n, &to, e) < 0)
		return -1;
	t->h = (struct handover){ .from = n, .to = to, .all = t->all, .said = arena_printf(c->arena, "rejoin %s", n->name) };
	t->h.lost = !t->lab->cluster.recipe->takeover->lost ? 0 : t->all[n->index - 1].on ? ask_lost(t->rt, n, 0) : LOST_UNKNOWN;
	if (!c->dry_run && cli_check_capacity(c, t->rt, t->lab, e) < 0)
		return -1;
	return plan_rejoin(t->lab, c->lib, &t->h, &t->plan, e);
}

/* --- both rounds --- */

/* A first round without the lock, for -n and to ask the user; what was found out may have changed until the second. */
static int run(struct cli *c, planner make, struct fail *e)
{
	auto_(takeover_run_clear) struct takeover_run first = { 0 }, t = { 0 };
	auto_(close) int lock = -1;
	struct paths paths;

	if (look(c, &first, e) < 0 || make(c, &first, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, first.plan, e);
	if (first.h.lost && report_confirm(c, first.plan->loss, first.h.from->name, e) < 0)
		return -1;
	load_paths(c, c->lab_name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0 || look(c, &t, e) < 0 || make(c, &t, e) < 0)
		return -1;
	if (!c->json)
		report_say("lost: %s\n", t.plan->loss);
	if (t.failed && state_put_unfinished(&paths, UNFINISHED_FAILOVER, t.failed, e) < 0)
		return -1;
	return run_whole(c, t.rt, t.plan, e) < 0 || state_put_unfinished(&paths, UNFINISHED_FAILOVER, NULL, e) < 0 ? -1 : 0;
}

static int switch_over(struct cli *c, struct fail *e)
{
	return run(c, plan_to_switch, e);
}

static int fail_over(struct cli *c, struct fail *e)
{
	return run(c, plan_to_fail_over, e);
}

static int rejoin(struct cli *c, struct fail *e)
{
	return run(c, plan_to_rejoin, e);
}

static void complete_failed(struct completion *to)
{
	for (unsigned i = 0; recipe_at(i); i++)
		if (recipe_at(i)->takeover)
			complete_add(to, recipe_at(i)->takeover->role, recipe_at(i)->kind);
	complete_nodes(to);
}

const struct command cmd_switchover = {
	.name = "switchover", .run = switch_over, .args = { { "NODE", .optional = true, .complete = complete_nodes } },
	.summary = "make a standby the primary, and the primary a standby; no row is lost",
	.help =
	"Ends the primary cleanly, waits until the standby on NODE has all that it wrote, promotes it, and makes all others, the old "
	"primary too, follow it; then pgpool-II, the inventory and all other commands know the new one. Without NODE the standby that is "
	"farthest. Clients lose their sessions, and open transactions are rolled back. For kind postgres; for kind pgxc the GTM and its "
	"standby exchange their roles.\n\n"
	"  labctl -n switchover             what would be lost (nothing), and the steps\n"
	"  labctl switchover node2",
};

const struct command cmd_failover = {
	.name = "failover", .run = fail_over, .args = { { "ROLE|NODE", .complete = complete_failed } },
	.summary = "promote a standby in place of a primary that is dead",
	.help =
	"ROLE is primary, or gtm; NODE is the node that has the dead one. Promotes the standby that has received most, and makes the others follow it. "
	"First it makes sure that the old primary can start as a standby only: on its node, or, if the machine is off, in its data directory "
	"on this host. If its machine runs but does not answer, power it off (stop --now). Says what is lost: the transactions that the old "
	"primary committed and no standby received; counted, if its machine runs. If there are any, or nobody can say, asks for "
	"confirmation unless -y is given. A primary that answers is refused. For kind postgres.\n\n"
	"For kind pgxc the standby of the GTM becomes the GTM: it starts above the transaction numbers that all nodes have seen, gets "
	"all sequences of all databases, beyond their values in use, and the proxies are restarted with its address. Meanwhile the "
	"coordinators are closed to clients, and transactions in doubt are ended. No committed row is lost.\n\n"
	"  labctl -n failover primary       what is lost, and the steps\n"
	"  labctl failover node1",
};

const struct command cmd_rejoin = {
	.name = "rejoin", .run = rejoin, .args = { { "NODE", .complete = complete_nodes } },
	.summary = "make an old primary a standby of the new one",
	.help =
	"Starts the machine if it is off, rewinds the data of its server to what the new primary has (pg_rewind), and lets it follow. If that is "
	"impossible, it puts the data aside, in DIR.before-rejoin, and copies the primary. Transactions that only this server has are lost; "
	"they are counted, and if there are any, labctl asks for confirmation unless -y is given. Also for a standby that no longer follows. "
	"An old GTM becomes a standby in a new directory: nothing that it has is needed.\n\n"
	"  labctl -n rejoin node1           what is lost, and the steps\n"
	"  labctl rejoin node1",
};
