/* SPDX-License-Identifier: PostgreSQL */
/* The lab that a command is to make: the lab file and the command line beside the record of what exists. */
#include <string.h>

#include "cli.h"
#include "file.h"
#include "load.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"
#include "suggest.h"

#define SAMPLE_SUBNET 0x0a580000u /* 10.88.0.0, for plans of labs that have no lease yet */

/* Suggests the same command with the value of the existing lab, which repairs that lab. */
static int next_repair(const struct lab *saved, const char *option, const char *value, struct fail *e)
{
	return fail_next(e, "labctl -l %s%s%s%s%s create    (repairs the lab as it is); for another lab beside it: labctl -l NAME create",
			 saved->name, option ? " " : "", option ? option : "", value ? " " : "", value ? value : "");
}

/* Refuses options of the command line that differ from the existing lab. */
static int same_words(const struct cli *c, const struct lab_words *said, const struct lab *saved, const struct lab *wanted,
		      struct fail *e)
{
	if (said->node_count && said->node_count != saved->node_count) {
		fail(e, FAIL_CONFLICT, "lab '%s' exists with other settings: nodes has %u, wanted %u", saved->name, saved->node_count,
		     said->node_count);
		if (said->node_count > saved->node_count)
			return fail_next(e, "labctl -l %s node add %u; for another lab beside it: labctl -l NAME create %u", saved->name,
					 said->node_count - saved->node_count, said->node_count);
		return next_repair(saved, NULL, NULL, e);
	}
	if (c->hypervisor.type != HYPERVISOR_AUTO && c->hypervisor.type != saved->hypervisor) {
		fail(e, FAIL_CONFLICT, "lab '%s' exists with other settings: hypervisor has %s, wanted %s", saved->name,
		     hypervisor_names[saved->hypervisor], hypervisor_names[c->hypervisor.type]);
		return next_repair(saved, "--hypervisor", hypervisor_names[saved->hypervisor], e);
	}
	if (said->image && strcmp(wanted->image, saved->image) != 0) {
		fail(e, FAIL_CONFLICT, "lab '%s' exists with other settings: image has %s, wanted %s", saved->name,
		     quote_url(saved->image, saved->arena), quote_url(wanted->image, saved->arena));
		return next_repair(saved, NULL, NULL, e);
	}
	return 0;
}

/*
 * Compares the lab file with the existing lab. If all differences can be applied, notes them in @c and prepares *wanted to
 * replace the recorded lab; else refuses all of them.
 */
static int take_wishes(struct cli *c, const struct lab *saved, struct lab **wanted, struct fail *e)
{
	struct paths paths;

	load_paths(c, saved->name, &paths);
	if (lab_keep(saved, wanted, c->state_dir, e) < 0)
		return -1;
	lab_set_id(*wanted, saved->uuid);
	lab_changes(saved, *wanted, file_exists(paths.bootstrapped), c->arena, &c->changes, &c->change_count);
	return lab_changes_check(saved, lab_file(c), c->changes, c->change_count, e);
}

bool load_is_change(struct cli *c, const struct lab *lab)
{
	struct paths paths;

	load_paths(c, lab->name, &paths);
	return file_exists(paths.bootstrapped) && (c->change_count || state_is_changing(&paths));
}

int load_plan_bootstrap(struct cli *c, const struct lab *lab, struct plan **ret_plan, struct fail *e)
{
	return (load_is_change(c, lab) ? plan_change : plan_bootstrap)(lab, c->lib, ret_plan, e);
}

void load_say_changes(const struct cli *c, const struct lab *lab)
{
	for (unsigned i = 0; i < c->change_count; i++) {
		auto_(strbuf_clear) struct strbuf text = { 0 };

		lab_change_say(&c->changes[i], &text);
		report_say("lab '%s': %s\n", lab->name, strbuf_text(&text));
	}
}

/* Merges @saved with the command line and the lab file. */
static int wanted_lab(struct cli *c, const struct lab_words *said, struct lab **saved, struct lab **wanted, struct lab **ret_lab,
		      struct fail *e)
{
	if (!lab_file(c)) {
		if (same_words(c, said, *saved, *wanted, e) < 0)
			return -1;
		*ret_lab = steal(*saved);
		return 0;
	}
	if (take_wishes(c, *saved, wanted, e) < 0)
		return -1;
	*ret_lab = steal(*wanted);
	return 0;
}

int load_for_create(struct cli *c, const struct lab_words *said, struct lab **ret_lab, struct fail *e)
{
	auto_(lab_free) struct lab *wanted = NULL, *saved = NULL;
	struct lab_options o;
	struct paths paths;

	if (load_options(c, said, &o, e) < 0)
		return -1;
	/* With no name given, use the only lab, as all other commands do; a number of nodes means a new lab. */
	if (!o.node_count && load_choose_name(c, &o.name, e) < 0)
		return -1;
	if (lab_file_load(c, &o, &wanted, e) < 0)
		return -1;
	load_paths(c, wanted->name, &paths);
	if (!file_exists(paths.lab_file)) {
		if (state_identify(&paths, wanted, e) < 0 || load_decide_hypervisor(wanted, e) < 0)
			return -1;
		*ret_lab = steal(wanted);
		return 0;
	}
	if (load_saved(c, wanted->name, &saved, e) < 0)
		return -1;
	if (lab_file(c)) { /* now it is known what exists */
		lab_free(wanted);
		wanted = NULL;
		o.has = saved;
		if (lab_file_load(c, &o, &wanted, e) < 0)
			return -1;
	}
	return wanted_lab(c, said, &saved, &wanted, ret_lab, e);
}

/* Applies the lab file to an existing lab; if the file names no kind, it may come from the command line. */
static int apply_file(struct cli *c, const struct lab_words *said, struct lab **lab, struct fail *e)
{
	auto_(lab_free) struct lab *wanted = NULL;
	struct lab_options o;

	if (!lab_file(c))
		return 0;
	if (load_options(c, said, &o, e) < 0)
		return -1;
	o.name = (*lab)->name;
	o.has = *lab;
	if (lab_file_load(c, &o, &wanted, e) < 0 || take_wishes(c, *lab, &wanted, e) < 0)
		return -1;
	lab_free(*lab);
	*lab = steal(wanted);
	return 0;
}

/* Sets the kind of the command line, which must agree with the lab's. */
static int set_cluster(struct cli *c, const struct lab_words *said, struct lab *lab, struct fail *e)
{
	const struct recipe *has = lab->cluster.recipe;
	const char *kind = said->kind;
	struct paths paths;

	if (kind && !recipe_find(kind))
		return suggest_fail(e, "unknown kind of cluster", kind, recipe_kinds());
	if (has && kind && strcmp(has->kind, kind) != 0) {
		load_paths(c, lab->name, &paths);
		if (!file_exists(paths.bootstrapped)) {
			fail(e, FAIL_CONFLICT, "cluster.kind of lab '%s' is %s, not %s", lab->name, has->kind, kind);
			return fail_next(e, "labctl -l %s bootstrap %s; or another kind in its lab file, by -f", lab->name, has->kind);
		}
		fail(e, FAIL_CONFLICT, "lab '%s' has a cluster of kind %s already", lab->name, has->kind);
		return fail_next(e, "labctl -l %s bootstrap %s    (repairs it); for a cluster of kind %s beside it: labctl -l NAME create", lab->name,
				 has->kind, kind);
	}
	if (!has && !kind) {
		fail(e, FAIL_USAGE, "bootstrap needs a kind of cluster: lab '%s' has none yet", lab->name);
		return fail_next(e, "labctl -l %s bootstrap postgres", lab->name);
	}
	return lab_set_cluster(lab, kind ? kind : has->kind, load_absolute(c, said->source), e);
}

int load_cluster(struct cli *c, const struct lab_words *said, struct lab **lab, struct fail *e)
{
	c->source_said = said->source;
	return apply_file(c, said, lab, e) < 0 || set_cluster(c, said, *lab, e) < 0 ? -1 : source_default(c, *lab, e);
}

void load_sample_subnet(struct lab *lab)
{
	if (!lab->net.subnet)
		lab_set_subnet(lab, SAMPLE_SUBNET, lab_prefix_len(lab));
}

int load_to_create(struct cli *c, const struct lab_words *said, struct lab **ret_lab, struct fail *e)
{
	if (load_for_create(c, said, ret_lab, e) < 0)
		return -1;
	load_sample_subnet(*ret_lab);
	return 0;
}

int load_for_show(struct cli *c, bool by_file, const struct lab_words *said, struct lab **ret_lab, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	struct lab_options o;
	const char *name;
	struct paths paths;

	if (load_options(c, said, &o, e) < 0 || load_choose_name(c, &name, e) < 0)
		return -1;
	load_paths(c, name, &paths);
	if (name && file_exists(paths.lab_file)) {
		if (load_saved(c, name, &lab, e) < 0 || (by_file && apply_file(c, said, &lab, e) < 0))
			return -1;
	} else {
		if (lab_file_load(c, &o, &lab, e) < 0)
			return -1;
		load_paths(c, lab->name, &paths);
		if (state_identify(&paths, lab, e) < 0 || load_decide_hypervisor(lab, e) < 0)
			return -1;
		load_sample_subnet(lab);
	}
	if ((said->kind && set_cluster(c, said, lab, e) < 0) || source_default(c, lab, e) < 0)
		return -1;
	*ret_lab = steal(lab);
	return 0;
}
