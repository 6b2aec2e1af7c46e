/* SPDX-License-Identifier: PostgreSQL */
/* node add, node remove: the nodes of a lab that exists. */
#include <string.h>

#include "ask_loss.h"
#include "cmd_node.h"
#include "complete.h"
#include "file.h"
#include "hosts.h"
#include "plural.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"

const struct command cmd_node = {
	.name = "node", .actions = commands_node,
	.summary = "add nodes to a lab, or remove one",
	.help =
	"Both also work while the cluster runs. The lab file is the user's: labctl never writes it, and says what it has to say "
	"from then on.\n\n"
	"  labctl node add\n"
	"  labctl node remove node4",
};

static bool is_bootstrapped(const struct cli *c, const struct lab *lab)
{
	struct paths paths;

	load_paths((struct cli *)c, lab->name, &paths);
	return lab->cluster.recipe && file_exists(paths.bootstrapped);
}

static int load_made(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	struct paths paths;

	if (load_existing(c, ret_lab, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, (*ret_lab)->name);
	load_paths(c, c->lab_name, &paths);
	if ((*ret_lab)->net.subnet)
		return run_check_whole(c, &paths, e);
	fail(e, FAIL_NOT_FOUND, "lab '%s' has no nodes yet", (*ret_lab)->name);
	return fail_next(e, "labctl -l %s create", (*ret_lab)->name);
}

/* The lab file describes another lab now: says what to write there. */
static void say_file(struct cli *c, const struct lab *lab)
{
	auto_(lab_free) struct lab *file = NULL;
	struct fail ignored = { 0 };

	if (!lab_file(c) || load_described(c, NULL, &file, &ignored) < 0)
		return;
	for (unsigned i = 0; i < lab->node_count; i++)
		if (!lab_find_node(file, lab->nodes[i].name))
			report_say("next: add %s to %s, which lacks it; until then create and bootstrap refuse the file\n", lab->nodes[i].name,
				   lab_file(c));
	for (unsigned i = 0; i < file->node_count; i++)
		if (!lab_find_node(lab, file->nodes[i].name))
			report_say("next: take %s out of %s; else the next create makes it again\n", file->nodes[i].name, lab_file(c));
}

/* --- add --- */

struct add_words { const char *role; bool rebalance; };

struct addition {
	struct lab *lab;          /* with the new nodes */
	struct runtime *rt;
	struct plan *plan;
	const char *names;        /* of the new nodes: "node4 node5" */
	bool continues;           /* an earlier command began to add them */
	struct node_add o;
};

static void addition_clear_auto(struct addition *t)
{
	plan_free(t->plan);
	runtime_close(t->rt);
	lab_free(t->lab);
}

/* A role that the cluster may get more of, or NULL for a lab without one. */
static int choose_role(const struct cli *c, const struct lab *lab, const char **ret, struct fail *e)
{
	const struct add_words *said = c->options;
	const struct recipe *r = lab->cluster.recipe;
	auto_(strbuf_clear) struct strbuf roles = { 0 };
	bool found = false;

	*ret = said->role ? said->role : r ? r->grows : NULL;
	if (!r) {
		if (!said->role)
			return 0;
		fail(e, FAIL_USAGE, "lab '%s' has no cluster, so a node has no role", lab->name);
		return fail_next(e, "labctl -l %s node add", lab->name);
	}
	for (const struct member *m = r->members; m && m->role; m++) {
		if (m->stays)
			continue;
		strbuf_printf(&roles, "%s%s", roles.len ? ", " : "", m->role);
		found = found || (*ret && !strcmp(*ret, m->role));
	}
	if (found)
		return 0;
	if (!roles.len) {
		if (!is_bootstrapped(c, lab))
			return 0;
		fail(e, FAIL_USAGE, "no server can join a cluster of kind %s that exists%s%s", r->kind, r->no_members ? ": " : "",
		     r->no_members ? r->no_members : "");
		return fail_next(e, "labctl -l NAME create N    (another lab beside it)");
	}
	if (!*ret)
		fail(e, FAIL_USAGE, "which role? A %s cluster can get more of: %s", r->kind, strbuf_text(&roles));
	else if (lab_role(lab, *ret) < 0)
		fail(e, FAIL_USAGE, "unknown role '%.64s'; a cluster of kind %s can get more of: %s", *ret, r->kind, strbuf_text(&roles));
	else
		fail(e, FAIL_USAGE, "a cluster of kind %s that exists cannot get another %s; it can get more of: %s", r->kind, *ret, strbuf_text(&roles));
	return fail_next(e, "labctl -l %s node add -r %s", lab->name, r->grows ? r->grows : "ROLE");
}

/* Are the nodes of an interrupted command what this one asks for? Sets .names and .lab if so. */
static int go_on(struct cli *c, struct addition *t, struct lab **has, unsigned count, const char *role, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf names = { 0 };
	const struct paths *paths;
	struct paths at;
	unsigned there = 0, same = 0;

	load_paths(c, (*has)->name, &at);
	paths = &at;
	if (state_unfinished(paths, UNFINISHED_ADD, &names, e) < 0)
		return -1;
	for (char *rest = names.len ? arena_strdup(c->arena, names.text) : NULL, *word; rest && (word = strsep(&rest, " "));) {
		const struct node *n = lab_find_node(*has, word);

		there += n != NULL;
		same += n && (!role || node_has_role(n, lab_role(*has, role)));
	}
	if (!there) /* it was interrupted before it changed anything, or node remove took them away */
		return 0;
	if (there != count || same != count) {
		fail(e, FAIL_CONFLICT, "the last node add was interrupted: %s of lab '%s' %s not finished", names.text, (*has)->name,
		     there == 1 ? "is" : "are");
		return fail_next(e, "labctl -l %s create, then bootstrap (finishes them); or node remove NODE", (*has)->name);
	}
	t->names = arena_strdup(c->arena, names.text);
	t->lab = steal(*has);
	t->continues = true;
	return 0;
}

/* Can the kind move data to new servers? */
static int check_rebalance(const struct lab *lab, bool cluster, struct fail *e)
{
	if (!cluster)
		return fail(e, FAIL_USAGE, "--rebalance: lab '%s' has no database yet", lab->name);
	if (recipe_task(lab->cluster.recipe, "rebalance"))
		return 0;
	fail(e, FAIL_USAGE, "--rebalance: a cluster of kind %s has no data that could move to a new server", lab->cluster.recipe->kind);
	return fail_next(e, "labctl -l %s node add", lab->name);
}

/* Hosts that only the lab file has: the new nodes may be on them. */
static int take_hosts(struct cli *c, struct lab **has, struct fail *e)
{
	auto_(lab_free) struct lab *file = NULL, *more = NULL;

	if (!lab_file(c))
		return 0;
	if (load_described(c, *has, &file, e) < 0 || lab_add_hosts(*has, file, &more, e) < 0)
		return -1;
	if (more) {
		lab_free(*has);
		*has = steal(more);
	}
	return 0;
}

static int plan_to_add(struct cli *c, struct addition *t, struct fail *e)
{
	const struct add_words *said = c->options;
	auto_(lab_free) struct lab *has = NULL;
	auto_(strbuf_clear) struct strbuf names = { 0 };
	unsigned count = 1;
	const char *role;

	if ((c->arg_count && parse_count(c->args[0], &count, e) < 0) || load_made(c, &has, e) < 0 || choose_role(c, has, &role, e) < 0)
		return -1;
	t->o = (struct node_add){ .cluster = is_bootstrapped(c, has), .rebalance = said->rebalance,
				  .said = arena_printf(c->arena, "node add %u%s%s%s", count, role ? " -r " : "", role ? role : "",
						       said->rebalance ? " --rebalance" : "") };
	if (said->rebalance && check_rebalance(has, t->o.cluster, e) < 0)
		return -1;
	if (lab_check_given_up(has, e) < 0 || go_on(c, t, &has, count, role, e) < 0)
		return -1;
	if (!t->lab) {
		if (take_hosts(c, &has, e) < 0 || lab_grow(has, count, role, &t->lab, e) < 0)
			return -1;
		for (unsigned i = has->node_count; i < t->lab->node_count; i++)
			strbuf_printf(&names, "%s%s", names.len ? " " : "", t->lab->nodes[i].name);
		t->names = arena_strdup(c->arena, names.text);
	}
	if (t->o.cluster && source_default(c, t->lab, e) < 0)
		return -1;
	return plan_node_add(t->lab, c->lib, &t->o, &t->plan, e);
}

static int add(struct cli *c, struct fail *e)
{
	auto_(addition_clear) struct addition first = { 0 }, t = { 0 };
	auto_(close) int lock = -1;
	struct paths paths;

	if (plan_to_add(c, &first, e) < 0)
		return -1;
	if (c->dry_run) {
		cli_say_capacity(c, first.lab);
		return run_show(c, first.plan, e);
	}
	load_paths(c, first.lab->name, &paths);
	/* Again under the lock: another labctl may have changed the lab while we waited. */
	if (run_lock(c, &paths, &lock, e) < 0 || plan_to_add(c, &t, e) < 0 || load_runtime(c, t.lab, &t.rt, e) < 0 ||
	    cli_check_capacity(c, t.rt, t.lab, e) < 0 || state_put_unfinished(&paths, UNFINISHED_ADD, t.names, e) < 0)
		return -1;
	if (!c->json)
		report_say("lab '%s': %s %s\n", t.lab->name, t.continues ? "continues to add" : "adds", t.names);
	if (run_whole(c, t.rt, t.plan, e) < 0 || state_put_unfinished(&paths, UNFINISHED_ADD, NULL, e) < 0)
		return -1;
	say_file(c, t.lab);
	return 0;
}

static const struct option_row add_options[] = {
	{ "role", 'r', .arg = "ROLE", .complete = complete_roles, .at = offsetof(struct add_words, role),
	  .text = "role of the new nodes; without it a standby (postgres), a worker (citus) or a coordinator (pgxc)" },
	{ "rebalance", .at = offsetof(struct add_words, rebalance), .text = "then move data to the new nodes, as `labctl db rebalance` does" },
	{ 0 },
};

const struct command cmd_node_add = {
	.name = "add", .run = add, .args = { { "N", .optional = true } },
	.options = add_options, .options_size = sizeof(struct add_words),
	.summary = "add nodes to a lab, and servers on them to its cluster",
	.help =
	"Adds N nodes (1) behind the last one: machine, data directory, tuning, names on all nodes, and in a lab with a cluster the software "
	"and a server, which the others know from then on. What is there already stays as it is. If it is interrupted, the same command goes "
	"on. A larger number of nodes in the lab file, create and bootstrap do the same.\n\n"
	"  labctl node add                  another standby or worker\n"
	"  labctl node add --rebalance      another worker that gets its share of the data\n"
	"  labctl -n node add 2             the steps\n"
	"  labctl node add -r client        a node for the programs of labctl bench",
};

/* --- remove --- */

struct remove_words { bool force; };

struct removal {
	struct lab *has, *lab;    /* with the node, and without */
	struct runtime *rt;       /* of .lab */
	struct plan *plan;
	struct node_remove o;
};

static void removal_clear_auto(struct removal *t)
{
	plan_free(t->plan);
	runtime_close(t->rt);
	lab_free(t->lab);
	lab_free(t->has);
}

static unsigned role_count(const struct lab *lab, unsigned role)
{
	unsigned count = 0;

	for (unsigned i = 0; i < lab->node_count; i++)
		count += node_has_role(&lab->nodes[i], (int)role);
	return count;
}

/* Can every server on the node leave? */
static int check_roles(const struct removal *t, struct fail *e)
{
	const struct lab *has = t->has;
	const struct node *gone = t->o.gone;

	for (unsigned r = 0; t->o.cluster && r < has->cluster.place_count; r++) {
		const struct member *m = recipe_member(has->cluster.recipe, has->cluster.places[r].role);

		if (!node_has_role(gone, (int)r))
			continue;
		if (m && m->last && role_count(has, r) == 1) {
			fail(e, FAIL_CONFLICT, "%s cannot be removed: it has the last %s; %s", gone->name, m->role, m->last);
			return fail_next(e, "labctl -l %s node add -r %s && labctl -l %s node remove %s", has->name, m->role, has->name, gone->name);
		}
		if (m && !m->stays)
			continue;
		if (m)
			fail(e, FAIL_CONFLICT, "%s cannot be removed: %s", gone->name, m->stays);
		else
			fail(e, FAIL_CONFLICT, "%s cannot be removed: it has a %s, and labctl cannot take one out of a cluster of kind %s that exists",
			     gone->name, has->cluster.places[r].role, has->cluster.recipe->kind);
		return m && m->instead ? fail_next(e, "labctl -l %s %s && labctl -l %s node remove %s", has->name, m->instead, has->name, gone->name) :
					 fail_next(e, "labctl -l NAME create N    (a smaller lab beside it)");
	}
	return 0;
}

static int plan_to_remove(struct cli *c, struct removal *t, struct fail *e)
{
	const struct remove_words *said = c->options;
	struct facts facts = { 0 };
	bool *on;

	if (load_made(c, &t->has, e) < 0 || node_named(c, t->has, &t->o.gone, e) < 0)
		return -1;
	t->o.cluster = is_bootstrapped(c, t->has);
	t->o.said = arena_printf(c->arena, "node remove %s%s", t->o.gone->name, said->force ? " --force" : "");
	if ((t->has->node_count > 1 && check_roles(t, e) < 0) || lab_shrink(t->has, t->o.gone, &t->lab, e) < 0 ||
	    load_runtime(c, t->lab, &t->rt, e) < 0)
		return -1;
	hosts_tell(runtime_hosts(t->rt), t->has);
	if (runtime_facts(t->rt, c->arena, &facts, e) < 0 || plan_check_names(t->lab, &facts, e) < 0)
		return -1;
	t->o.on = on = arena_alloc(c->arena, t->lab->node_count * sizeof *on);
	for (unsigned i = 0; i < t->lab->node_count; i++) {
		const struct fact_domain *d = ask_domain(&facts, &t->lab->nodes[i]);

		on[i] = d && d->runs;
	}
	if (ask_loss(c, t->rt, t->has, said->force, &facts, &t->o, e) < 0)
		return -1;
	return plan_node_remove(t->lab, c->lib, &t->o, &t->plan, e);
}

static int remove_node(struct cli *c, struct fail *e)
{
	auto_(removal_clear) struct removal first = { 0 }, t = { 0 };
	auto_(close) int lock = -1;
	const struct node *gone;
	struct paths paths;

	if (plan_to_remove(c, &first, e) < 0)
		return -1;
	gone = first.o.gone;
	if (c->dry_run)
		return run_show(c, first.plan, e);
	if (report_confirm(c, arena_printf(c->arena, "%s of lab '%s' and its data directory (lost: %s)", gone->name, first.has->name,
					   first.o.loss), gone->name, e) < 0)
		return -1;
	load_paths(c, first.has->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0 || plan_to_remove(c, &t, e) < 0)
		return -1;
	if (!c->json)
		report_say("lost: %s\n", t.o.loss);
	if (run_whole(c, t.rt, t.plan, e) < 0)
		return -1;
	/* Its keys, which this host has of the nodes of all hosts. */
	if (gone->host && file_remove_tree(paths_node(&paths, gone->name, NULL, c->arena), e) < 0)
		return -1;
	say_file(c, t.lab);
	return 0;
}

static const struct option_row remove_options[] = {
	{ "force", .at = offsetof(struct remove_words, force), .text = "remove it also if that loses data, which labctl names" },
	{ 0 },
};

const struct command cmd_node_remove = {
	.name = "remove", .run = remove_node, .args = { { "NODE", .complete = complete_nodes } },
	.options = remove_options, .options_size = sizeof(struct remove_words),
	.summary = "remove a node, and its servers from the cluster",
	.help =
	"The other servers forget it, then its machine and data directory are removed; names and numbers of the others stay as they are. It may be "
	"off, broken or gone. Says what is lost; what has the only copy of data is refused without --force, and so is a server that the cluster "
	"cannot do without: a primary needs a switchover first. Asks for confirmation unless -y is given. If it is interrupted, the same "
	"command goes on.\n\n"
	"  labctl -n node remove node4      what is lost, and the steps\n"
	"  labctl node remove node4",
};
