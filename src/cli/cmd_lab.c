/* SPDX-License-Identifier: PostgreSQL */
/* create, bootstrap, destroy: what changes a lab. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"
#include "recipe.h"
#include "state.h"
#include "virt.h"

static int check_hypervisor(const struct lab *lab, struct fail *e)
{
	const char *why;

	if (lab->hypervisor != HYPERVISOR_KVM || virt_kvm_works(&why))
		return 0;
	fail(e, FAIL_HOST, "KVM cannot run the nodes of lab '%s' here: %s", lab->name, why);
	return fail_next(e, "labctl --hypervisor lxc create (containers), or --hypervisor qemu (emulated, slow)");
}

static int make_lab(struct cli *c, unsigned node_count, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(plan_free) struct plan *p = NULL;

	/* Loaded again under the lock: another labctl may have made or removed the lab while we waited for it. */
	if (load_for_create(c, node_count, &lab, e) < 0 || load_world(c, lab, &w, e) < 0)
		return -1;
	load_say_changes(c, lab);
	/* The lease comes first: every address of the plan follows from it. */
	if (world_lease(w, lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0 || run_plan(c, w, p, e) < 0)
		return -1;
	if (c->change_count && lab->cluster.recipe)
		fprintf(stderr, "next: labctl -l %s bootstrap    (the cluster takes up what the lab file changed)\n", lab->name);
	else if (!c->json)
		fprintf(stderr, "next: labctl -l %s bootstrap %s | ssh %s | status | destroy\n", lab->name,
			lab->cluster.recipe ? lab->cluster.recipe->kind : "citus|pgxc|postgres", lab->nodes[0].name);
	return 0;
}

int cmd_create(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	unsigned node_count = 0;
	struct paths paths;
	int r;

	if (c->arg_count && parse_count(c->args[0], &node_count, e) < 0)
		return -1;
	if (c->dry_run) {
		if (load_to_create(c, node_count, &lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0)
			return -1;
		load_say_changes(c, lab);
		return run_show(c, p, e);
	}
	if (load_for_create(c, node_count, &lab, e) < 0 || check_hypervisor(lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	r = make_lab(c, node_count, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}

static int load_to_bootstrap(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;

	if (load_existing(c, &lab, e) < 0 || load_cluster(c, &lab, c->arg_count ? c->args[0] : NULL, e) < 0)
		return -1;
	*ret_lab = steal(lab);
	return 0;
}

/* A file that is not there is better said before the cluster is on the lab's record. */
static int check_archive(const struct lab *lab, struct fail *e)
{
	const char *archive = lab->cluster.archive;
	struct stat st;

	if (!lab_builds(lab) || strstr(archive, "://"))
		return 0;
	if (stat(archive, &st) < 0)
		fail_errno(e, FAIL_NOT_FOUND, "source archive %s", archive);
	else if (!S_ISREG(st.st_mode))
		fail(e, FAIL_USAGE, "source archive %s: is not a file", archive);
	else
		return 0;
	return fail_next(e, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, lab->cluster.recipe->kind);
}

static int bootstrap_lab(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(plan_free) struct plan *p = NULL;

	/* Loaded again under the lock: another labctl may have removed the lab or put a cluster on it while we waited. */
	if (load_to_bootstrap(c, &lab, e) < 0 || plan_bootstrap(lab, c->lib, &p, e) < 0 || load_world(c, lab, &w, e) < 0)
		return -1;
	load_say_changes(c, lab);
	if (run_plan(c, w, p, e) < 0)
		return -1;
	if (!c->json)
		fprintf(stderr, "next: labctl -l %s psql | status | destroy\n", lab->name);
	return 0;
}

int cmd_bootstrap(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct paths paths;
	int r;

	if (load_to_bootstrap(c, &lab, e) < 0)
		return -1;
	if (c->dry_run) {
		load_say_changes(c, lab);
		return plan_bootstrap(lab, c->lib, &p, e) < 0 ? -1 : run_show(c, p, e);
	}
	if (lab_builds(lab) && !lab->cluster.archive) {
		fail(e, FAIL_USAGE, "a %s cluster is built from source: which archive?", lab->cluster.recipe->kind);
		return fail_next(e, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, lab->cluster.recipe->kind);
	}
	if (check_archive(lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	r = bootstrap_lab(c, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}

static int destroy_lab(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(world_close) struct world *w = NULL;
	auto_(plan_free) struct plan *p = NULL;
	struct destroy_options o = { .keep_data = c->keep_data };
	struct facts facts = { 0 };

	if (load_for_destroy(c, &lab, e) < 0 || load_world(c, lab, &w, e) < 0 || world_facts(w, c->arena, &facts, e) < 0 ||
	    plan_destroy(lab, &facts, &o, &p, e) < 0)
		return -1;
	return c->dry_run ? run_show(c, p, e) : run_plan(c, w, p, e);
}

int cmd_destroy(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(close) int lock = -1;
	struct paths paths;
	int r;

	if (c->dry_run)
		return destroy_lab(c, e);
	if (load_for_destroy(c, &lab, e) < 0)
		return -1;
	if (report_confirm(c, arena_printf(c->arena, "lab '%s' with its %u nodes and their data", lab->name, lab->node_count),
			   lab->name, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, lab->name);
	load_paths(c, c->lab_name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	/* What there is to remove is looked at under the lock. */
	r = destroy_lab(c, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}
