/* SPDX-License-Identifier: PostgreSQL */
/* start, stop, restart: the machines of a lab and the servers on them. */
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "complete.h"
#include "file.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"
#include "virt.h"

struct power_words { const char *role; bool now; };

/* The command line that repeats this one: "stop -r datanode 2-4". */
static const char *said_again(struct cli *c)
{
	const struct power_words *said = c->options;
	auto_(strbuf_clear) struct strbuf line = { 0 };

	strbuf_str(&line, c->path);
	strbuf_str(&line, said->now ? " --now" : "");
	strbuf_printf(&line, "%s%s", said->role ? " -r " : "", said->role ? said->role : "");
	if (c->arg_count) {
		strbuf_str(&line, " ");
		quote_add(&line, QUOTE_SH, c->args[0]);
	}
	return arena_strdup(c->arena, strbuf_text(&line));
}

/* What the lab has now, and which part of it is meant. FAIL_NOT_FOUND before `create`. */
static int look(struct cli *c, const struct lab *lab, struct runtime *rt, struct facts *ret_facts, struct choice *ret_what,
		struct fail *e)
{
	const struct power_words *said = c->options;
	bool cluster = lab->cluster.recipe && file_exists(runtime_paths(rt)->bootstrapped);

	if (!lab->net.subnet) {
		fail(e, FAIL_NOT_FOUND, "lab '%s' is not created yet", lab->name);
		return fail_next(e, "labctl -l %s create", lab->name);
	}
	if (said->role && !cluster)
		return load_no_database(lab, arena_printf(c->arena, ", and so no role '%.64s'", said->role), e);
	if (plan_choose(lab, c->arg_count ? c->args[0] : NULL, said->role, cluster, c->arena, ret_what, e) < 0 ||
	    runtime_facts(rt, c->arena, ret_facts, e) < 0)
		return -1;
	ret_what->said = said_again(c);
	return plan_check_names(lab, ret_facts, e);
}

/* plan_stop() or plan_restart(); NULL = start. */
typedef int (*planner)(const struct lab *lab, const struct library *lib, const struct facts *facts, const struct choice *what,
		       const struct stop_options *o, struct plan **ret_plan, struct fail *e);

static int make_plan(struct cli *c, planner stop, struct runtime *rt, struct lab *lab, const struct facts *facts,
		     const struct choice *what, struct plan **ret_plan, struct fail *e)
{
	const struct power_words *said = c->options;

	if (stop)
		return stop(lab, c->lib, facts, what, &(struct stop_options){ .now = said->now }, ret_plan, e);
	/* The network may be gone, and another one in its place. */
	if (!c->dry_run && (cli_check_capacity(c, rt, lab, e) < 0 || runtime_lease(rt, lab, e) < 0))
		return -1;
	return plan_start(lab, c->lib, what, ret_plan, e);
}

/*
 * Takes the servers out of a start of the whole lab that another one took over from: they cannot start before they have
 * rejoined, and the others need not wait for that. Returns their nodes, "node1 node3"; NULL = there is none.
 */
static const char *leave_out(struct cli *c, const struct lab *lab, struct choice *what)
{
	const struct takeover *t = lab->cluster.recipe ? lab->cluster.recipe->takeover : NULL;
	uint32_t *roles = arena_alloc(c->arena, lab->node_count * sizeof *roles);
	const char *names = NULL;
	int from = t ? lab_role(lab, t->from) : -1;

	memcpy(roles, what->roles, lab->node_count * sizeof *roles);
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];

		if (!t || !t->fenced || !(roles[i] >> from & 1) || !state_server_has(lab, n, from, t->fenced))
			continue;
		roles[i] &= ~(1u << from);
		names = arena_printf(c->arena, "%s%s%s", names ? names : "", names ? " " : "", n->name);
	}
	what->roles = roles;
	return names;
}

/* Runs the plan. A start of the whole cluster that passed its smoke test ends half a takeover; one that failed may be due to what did not end. */
static int run_start(struct cli *c, struct runtime *rt, const struct plan *p, bool whole, struct fail *e)
{
	const struct paths *paths = runtime_paths(rt);
	auto_(strbuf_clear) struct strbuf unfinished = { 0 };

	if (state_unfinished(paths, UNFINISHED_COMMAND, &unfinished, e) < 0)
		return -1;
	if (run_plan(c, rt, p, e) == 0)
		return whole && run_is_takeover(strbuf_text(&unfinished)) ? state_put_unfinished(paths, UNFINISHED_COMMAND, NULL, e) : 0;
	return unfinished.len ? fail_next(e, "labctl -l %s %s    (it did not end)", p->lab->name, unfinished.text) : -1;
}

static int change(struct cli *c, planner stop, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;
	const struct power_words *said = c->options;
	const char *left = NULL;
	struct facts facts = { 0 };
	struct choice what;

	if (load_existing(c, &lab, e) < 0 || (!stop && lab_check_given_up(lab, e) < 0) || load_runtime(c, lab, &rt, e) < 0 || look(c, lab, rt, &facts, &what, e) < 0)
		return -1;
	if (!stop && !c->arg_count && !said->role)
		left = leave_out(c, lab, &what);
	if (make_plan(c, stop, rt, lab, &facts, &what, &p, e) < 0)
		return -1;
	if (left)
		report_say("lab '%s': without the server on %s, which must rejoin first\n", lab->name, left);
	if (c->dry_run)
		return run_show(c, p, e);
	if ((stop ? run_plan(c, rt, p, e) : run_start(c, rt, p, !c->arg_count && !said->role && !left, e)) < 0)
		return -1;
	if (!left)
		return 0;
	fail(e, FAIL_PARTIAL, "the server on %s was not started: another one took over from it, and it must rejoin", left);
	return fail_next(e, "labctl -l %s rejoin %.*s", lab->name, (int)strcspn(left, " "), left);
}

/* Loads the lab, and again under the lock: another labctl may have changed or removed it while we waited. */
static int run(struct cli *c, planner stop, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(close) int lock = -1;
	struct paths paths;
	int r;

	if (c->dry_run)
		return change(c, stop, e);
	if (load_existing(c, &lab, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, lab->name);
	load_paths(c, c->lab_name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	r = change(c, stop, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}

static int start(struct cli *c, struct fail *e)
{
	return run(c, NULL, e);
}

static int stop(struct cli *c, struct fail *e)
{
	return run(c, plan_stop, e);
}

static int restart(struct cli *c, struct fail *e)
{
	return run(c, plan_restart, e);
}

#define ARGS { { "NODES", .optional = true, .complete = complete_nodes } }
#define OPTION_ROLE { "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct power_words, role), \
	.text = "only servers with this role" }
#define OPTION_NOW { "now", .at = offsetof(struct power_words, now), \
	.text = "power the machines off without asking them: what a database has not written is lost to it" }

static const struct option_row start_options[] = { OPTION_ROLE, { 0 } };
static const struct option_row stop_options[] = { OPTION_ROLE, OPTION_NOW, { 0 } };

const struct command cmd_start = {
	.name = "start", .run = start, .args = ARGS, .options = start_options, .options_size = sizeof(struct power_words),
	.summary = "start the machines of a lab and its database, also after a reboot of the host",
	.help =
	"Starts network, NFS server and machines that do not run, then the servers in the order that the cluster needs, and "
	"checks them; of the whole cluster also with the smoke test of bootstrap. Makes nothing new: a node whose data directory "
	"is not there, perhaps because a file system is not mounted yet, is refused. With NODES or a role only these. An old primary that another server took over from stays down until "
	"it rejoins: the rest is started, and the exit status is 12.\n\n"
	"  labctl start                     the whole lab, for instance after a reboot of the host\n"
	"  labctl start 2-4                 these machines and the servers on them\n"
	"  labctl start -r standby          these servers, and their machines if they are off",
};

const struct command cmd_stop = {
	.name = "stop", .run = stop, .args = ARGS, .options = stop_options, .options_size = sizeof(struct power_words),
	.summary = "stop the database of a lab and its machines",
	.help =
	"Stops the servers in the order that the cluster needs, each cleanly, then shuts the machines down. Nothing is lost: start "
	"brings everything back. With NODES only these machines; with a role only the servers, whose machines keep running. "
	"Servers that cannot work without a chosen one are stopped before it: those of Postgres-XC before the GTM. The lab's "
	"network and its NFS server stay.\n\n"
	"If a node does not answer in time or a machine does not shut down, the rest is stopped and the exit status is 12; --now "
	"powers the machines off. That is no true loss of power: what a machine has written is in the host's memory, and safe.\n\n"
	"  labctl stop\n"
	"  labctl stop node3\n"
	"  labctl stop -r pgpool\n"
	"  labctl stop --now node3          as if somebody pulled its plug",
};

const struct command cmd_restart = {
	.name = "restart", .run = restart, .args = ARGS, .options = stop_options, .options_size = sizeof(struct power_words),
	.summary = "stop and start machines and servers",
	.help =
	"The same as stop and then start. If servers that cannot work without a chosen one were stopped too, the whole cluster is "
	"started.\n\n"
	"  labctl restart -r coordinator\n"
	"  labctl restart node2",
};
