/* SPDX-License-Identifier: PostgreSQL */
/* From tuned nodes to a running cluster; and the tasks of `labctl db`. */
#include <string.h>

#include "plan.h"
#include "plan_rules.h"
#include "quote.h"
#include "recipe.h"

#define READY_TIMEOUT_S 120 /* the node exists already: it is running, or just restarting */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* @after: step that all nodes wait for, or NULL. */
static void add_ready(struct plan *p, const char *after)
{
	for (unsigned i = 0; i < p->lab->node_count; i++) {
		struct step *s;

		if (!p->lab->nodes[i].roles)
			continue;
		s = plan_add_node(p, VERB_NODE_READY, &p->lab->nodes[i], "node.ready", "check that it answers on SSH");
		s->timeout_ms = READY_TIMEOUT_S * 1000;
		if (after)
			plan_after(p, s, after);
	}
}

struct step *plan_add_record(struct plan *p)
{
	struct step *s = plan_add(p, VERB_LAB_RECORD, NULL, "lab.record",
				  arena_printf(p->arena, "record the %s cluster", p->lab->cluster.recipe->kind));

	plan_after(p, plan_add(p, VERB_LAB_FILES, NULL, "lab.files", "inventory for psql, ssh, Ansible"), "lab.record");
	return s;
}

/*
 * The cluster is recorded once its software is built, before any node changes: a lab whose
 * archive does not build can still get another kind of cluster.
 *
 * The tuning runs again: a lab that was created without a cluster lacks the cluster's user
 * and what depends on roles, and where nothing changes it is quick.
 */
static int add_nodes(struct rules *b, bool made)
{
	struct plan *p = b->plan;
	const struct lab *lab = p->lab;
	const struct cluster *c = &lab->cluster;
	bool builds = lab_builds(lab);
	unsigned tuned = 0;
	struct step *s;

	if (!made)
		add_ready(p, NULL);
	if (builds) { /* takes minutes: first check that the nodes answer */
		s = plan_add(p, VERB_SOURCE_BUILD, NULL, "source.build",
			     c->archive ? arena_printf(p->arena, "build %s", base_name(quote_url(c->archive, p->arena)))
					: "build the software");
		for (unsigned i = 0; i < lab->node_count; i++)
			if (lab->nodes[i].roles)
				plan_after_node(p, s, "node.ready", lab->nodes[i].name);
	} else if (b->recipe->software && rules_add(b, b->recipe->software, "node.ready") < 0)
		return -1;
	if (!made) {
		s = plan_add_record(p);
		if (builds)
			plan_after(p, s, "source.build");
		rules_before(b, s);
	}
	for (unsigned i = 0; i < lab->node_count && !made; i++) {
		if (!lab->nodes[i].roles)
			continue;
		if (plan_add_tuning(p, b->lib, &b->cache, &lab->nodes[i], tuned++, &s, b->e) < 0)
			return -1;
		plan_after(p, s, "lab.record");
	}
	for (unsigned i = 0; i < lab->node_count && builds; i++) {
		if (!lab->nodes[i].roles)
			continue;
		s = plan_add_node(p, VERB_SOURCE_INSTALL, &lab->nodes[i], "source.install",
				  arena_printf(p->arena, "install %s", c->prefix));
		plan_after(p, s, "source.build");
		plan_after_node(p, s, "tune", lab->nodes[i].name);
	}
	return 0;
}

int plan_add_cluster(struct rules *b, bool made)
{
	const char *base = lab_builds(b->plan->lab) ? "source.install" : "tune";

	if (add_nodes(b, made) < 0)
		return -1;
	if (b->changes && b->recipe->changes) {
		if (rules_add(b, b->recipe->changes, base) < 0)
			return -1;
		plan_add_stage(b->plan, base = "changed");
	}
	return rules_add(b, b->recipe->rules, base);
}

static int make_plan(const struct lab *lab, const struct library *lib, bool changes, struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new("bootstrap", lab);
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .cache = { .arena = p->arena }, .changes = changes, .e = e };

	if (!b.recipe)
		return fail(e, FAIL_USAGE, "lab '%s' has no cluster to bootstrap", lab->name);
	if (plan_add_cluster(&b, false) < 0 || plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}

int plan_bootstrap(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e)
{
	return make_plan(lab, lib, false, ret_plan, e);
}

int plan_change(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e)
{
	return make_plan(lab, lib, true, ret_plan, e);
}

/* Recorded before any server has them, so that whatever happens then the record has what the servers must get. */
static const char *add_passwords(struct plan *p, const struct db_request *db)
{
	struct step *s = plan_add(p, VERB_LAB_PASSWORDS, NULL, "lab.passwords",
				  db->name ? arena_printf(p->arena, "new password: %s", db->name) : "new passwords");

	s->db = db;
	plan_after_ends(p, s);
	plan_after(p, plan_add(p, VERB_LAB_FILES, NULL, "lab.files", "inventory for psql, ssh, Ansible"), "lab.passwords");
	plan_add_stage(p, "renewed");
	return "renewed";
}

int plan_task(const struct lab *lab, const struct library *lib, const char *task, const struct db_request *db,
	      struct plan **ret_plan, struct fail *e)
{
	auto_(plan_free) struct plan *p = plan_new(db->said ? db->said : "db", lab);
	struct rules b = { .plan = p, .recipe = lab->cluster.recipe, .lib = lib, .db = db, .cache = { .arena = p->arena }, .e = e };
	const struct task *c = b.recipe ? recipe_task(b.recipe, task) : NULL;
	const char *base = "node.ready";

	if (!c)
		return fail(e, FAIL_USAGE, "'db %s' is not supported for kind %s", task, b.recipe ? b.recipe->kind : "(none)");
	add_ready(p, c->record == RECORD_FIRST ? plan_add_record(p)->id : NULL);
	if (c->record == RECORD_PASSWORDS)
		base = add_passwords(p, db);
	if (rules_add(&b, c->rules, base) < 0)
		return -1;
	if (c->record == RECORD_LAST)
		rules_before(&b, plan_add_record(p));
	if (plan_finish(p, e) < 0)
		return -1;
	*ret_plan = steal(p);
	return 0;
}
