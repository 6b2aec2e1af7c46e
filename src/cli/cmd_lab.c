/* SPDX-License-Identifier: PostgreSQL */
/* create, bootstrap, destroy: what changes a lab. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"
#include "recipe.h"
#include "state.h"

int cmd_create(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	unsigned node_count = 0;
	struct paths paths;

	if (c->arg_count && parse_count(c->args[0], &node_count, e) < 0)
		return -1;
	if (c->dry_run) {
		if (load_for_show(c, node_count, NULL, &lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0)
			return -1;
		return run_show(c, p, e);
	}
	if (load_for_create(c, node_count, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0 || load_world(c, lab, &w, e) < 0)
		return -1;
	/* The lease comes first: every address of the plan follows from it. */
	if (world_lease(w, lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0)
		return -1;
	if (run_plan(c, w, p, e) < 0)
		return -1;
	if (!c->json)
		fprintf(stderr, "next: labctl -l %s bootstrap postgres | ssh %s | status | destroy\n", lab->name,
			lab->nodes[0].name);
	return 0;
}

int cmd_bootstrap(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	const char *kind = c->arg_count ? c->args[0] : NULL;
	struct paths paths;
	bool changed;

	if (load_existing(c, &lab, e) < 0 || load_cluster(c, &lab, kind, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (!c->dry_run && run_lock(c, &paths, &lock, e) < 0)
		return -1;
	if (plan_bootstrap(lab, c->lib, &p, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, p, e);
	if (lab->cluster.recipe->build && !lab->cluster.archive) {
		fail(e, FAIL_USAGE, "a %s cluster is built from source: which archive?", lab->cluster.recipe->kind);
		return fail_next(e, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, lab->cluster.recipe->kind);
	}
	if (state_save(&paths, lab, &changed, e) < 0 || load_world(c, lab, &w, e) < 0 || run_plan(c, w, p, e) < 0)
		return -1;
	if (!c->json)
		fprintf(stderr, "next: labctl -l %s psql | status | destroy\n", lab->name);
	return 0;
}

static int confirm(const struct lab *lab, struct fail *e)
{
	char answer[64];

	fprintf(stderr, "This removes lab '%s' with its %u nodes and their data. Type the lab's name to go on: ", lab->name,
		lab->node_count);
	if (!fgets(answer, sizeof answer, stdin))
		return fail(e, FAIL_CANCELED, "not confirmed, nothing was removed");
	answer[strcspn(answer, "\n")] = '\0';
	return strcmp(answer, lab->name) == 0 ? 0 : fail(e, FAIL_CANCELED, "not confirmed, nothing was removed");
}

/*
 * A lab whose record is lost is still what libvirt's tags say: nodes by name, no
 * more. Enough to remove it.
 */
static int load_lost(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	struct lab_options o = { .name = c->lab_name, .node_count = 1, .hypervisor = c->hypervisor,
				 .state_dir = c->state_dir };
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	struct facts facts = { 0 };
	struct fail ignored;

	if (!c->lab_name || lab_load(NULL, &o, &lab, &ignored) < 0 || load_world(c, lab, &w, &ignored) < 0 ||
	    world_facts(w, c->arena, &facts, &ignored) < 0 || facts.domain_count + facts.network_count == 0)
		return -1; /* @e still says that there is no such lab */
	e->code = FAIL_NONE;
	if (facts.domain_count && !strcmp(facts.domains[0].type, "lxc"))
		lab->hypervisor = HYPERVISOR_LXC;
	lab->node_count = 0;
	*ret_lab = steal(lab);
	return 0;
}

int cmd_destroy(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct destroy_options o = { .keep_data = c->keep_data };
	struct facts facts = { 0 };
	struct paths paths;

	if (load_existing(c, &lab, e) < 0 && (e->code != FAIL_NOT_FOUND || load_lost(c, &lab, e) < 0))
		return -1;
	load_paths(c, lab->name, &paths);
	if (load_world(c, lab, &w, e) < 0)
		return -1;
	if (!c->dry_run && !c->yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && confirm(lab, e) < 0)
		return -1;
	if (!c->dry_run && run_lock(c, &paths, &lock, e) < 0)
		return -1;
	if (world_facts(w, c->arena, &facts, e) < 0 || plan_destroy(lab, &facts, &o, &p, e) < 0)
		return -1;
	return c->dry_run ? run_show(c, p, e) : run_plan(c, w, p, e);
}
