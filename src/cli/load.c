/* SPDX-License-Identifier: PostgreSQL */
/* Finds the lab that a command works on: the lab file's, a saved one, or the only one that exists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "defaults.h"
#include "family.h"
#include "file.h"
#include "host_serve.h"
#include "image_store.h"
#include "quote.h"
#include "recipe.h"
#include "state.h"
#include "suggest.h"
#include "virt.h"
#include "vxlan.h"

#define SAMPLE_SUBNET 0x0a580000u /* 10.88.0.0, for plans of labs that have no lease yet */

/* Makes the path of an archive or image absolute, since it is saved with the lab. URLs are unchanged. */
static const char *absolute(struct cli *c, const char *source)
{
	auto_(free) char *here = NULL;

	if (!source || *source == '/' || strstr(source, "://"))
		return source;
	here = getcwd(NULL, 0);
	return here ? arena_printf(c->arena, "%s/%s", here, source) : source;
}

void load_find_stored(struct cli *c, struct lab_options *o)
{
	const struct image_env env = { .cache_dir = c->cache_dir };
	struct stored_disk *disks = NULL;
	struct fail ignored = { 0 };
	struct stored *list;
	unsigned count;

	if (image_store_named(&env, c->arena, &list, &count, &ignored) < 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		const struct image_about *about = &list[i].about;

		*arena_push(c->arena, disks, o->stored_count) =
			(struct stored_disk){ list[i].image.name, about->boot && !strcmp(about->boot, "uefi") ? BOOT_UEFI : BOOT_BIOS,
					      about->seed && !strcmp(about->seed, "labctl") ? SEED_LABCTL : SEED_NOCLOUD,
					      about->release && family_find(about->release) ? about->release : NULL };
	}
	o->stored = disks;
}

/* What the command line, the environment and the configuration say. */
static int options_of(struct cli *c, const struct lab_words *said, struct lab_options *ret, struct fail *e)
{
	const struct config *config;

	if (config_load(c, &config, e) < 0)
		return -1;
	*ret = (struct lab_options){ .name = c->lab_name, .hypervisor = c->hypervisor.type,
				     .node_count = said->node_count,
				     .image = said->image && strchr(said->image, '/') ? absolute(c, said->image) : said->image,
				     .archive = absolute(c, said->source), .state_dir = c->state_dir, .config = config };
	load_find_stored(c, ret);
	return 0;
}

int load_described(struct cli *c, const struct lab *has, struct lab **ret_lab, struct fail *e)
{
	struct lab_options o;

	if (options_of(c, &(struct lab_words){ 0 }, &o, e) < 0)
		return -1;
	o.has = has;
	return lab_file_load(c, &o, ret_lab, e);
}

int load_paths(struct cli *c, const char *lab_name, struct paths *ret)
{
	paths_init(ret, c->state_dir, c->cache_dir, lab_name, c->arena);
	return 0;
}

int load_runtime(struct cli *c, const struct lab *lab, struct runtime **ret, struct fail *e)
{
	struct runtime_options o = { .state_dir = c->state_dir, .cache_dir = c->cache_dir, .connect_uri = c->connect,
				     .cancel = c->cancel, .find_source = c->source_said ? NULL : source_find, .ctx = c };

	/* Also for a command that needs none itself: other hosts are asked only with the same data files. */
	if (lab && lab->host_count && !c->lib && library_load(NULL, &c->lib, e) < 0)
		return -1;
	o.lib = c->lib;
	return runtime_open(lab, &o, ret, e);
}

/* auto: KVM only if it can work, else emulation (docs/why/001). */
static int decide_hypervisor(struct lab *lab, struct fail *e)
{
	const char *why;

	if (lab->hypervisor != HYPERVISOR_AUTO)
		return 0;
	lab->hypervisor = virt_kvm_works(&why) ? HYPERVISOR_KVM : HYPERVISOR_QEMU;
	if (lab->data.transport != TRANSPORT_FILESYSTEM)
		return 0;
	fail(e, FAIL_LAB, "%s: data.transport: filesystem is for containers only, and hypervisor: auto is %s on this host", lab->file,
	     hypervisor_names[lab->hypervisor]);
	return fail_next(e, "hypervisor: lxc in %s, or data.transport: auto", lab->file);
}

static int no_lab(struct cli *c, const char *name, struct fail *e)
{
	const char *const *names;
	const char *near = NULL;

	if (state_labs(c->state_dir, c->arena, &names, e) < 0)
		return -1;
	if (name)
		near = suggest(name, names);
	if (name)
		fail(e, FAIL_NOT_FOUND, "there is no lab '%s'%s%s%s", name, near ? "; did you mean '" : "",
		     near ? near : "", near ? "'?" : "");
	else
		fail(e, FAIL_NOT_FOUND, "there is no lab on this host");
	return fail_next(e, *names ? "labctl list" : "labctl create 3");
}

/* Chooses the lab: -l, the lab file, or the only one that exists. *ret_name = NULL if there is none. */
static int choose_name(struct cli *c, const char **ret_name, struct fail *e)
{
	const char *const *names;

	*ret_name = c->lab_name;
	if (*ret_name)
		return 0;
	if (lab_file(c)) {
		auto_(lab_free) struct lab *lab = NULL;

		if (load_described(c, NULL, &lab, e) < 0)
			return -1;
		*ret_name = arena_strdup(c->arena, lab->name);
		return 0;
	}
	if (state_labs(c->state_dir, c->arena, &names, e) < 0)
		return -1;
	if (names[0] && names[1]) {
		fail(e, FAIL_USAGE, "which lab? This host has '%s', '%s'%s", names[0], names[1], names[2] ? " and more" : "");
		return strcmp(c->path, "create") ? fail_next(e, "labctl -l %s %s", names[0], c->path) :
						   fail_next(e, "labctl -l %s create, or for a new one labctl -l NAME create N", names[0]);
	}
	*ret_name = names[0];
	return 0;
}

/*
 * Of a lab of several hosts, one that is not the first has a part: labctl there removes it, and does nothing else, for when the first host
 * is lost.
 */
static int check_part(struct cli *c, const struct paths *paths, struct lab *lab, struct fail *e)
{
	const char *master = host_master(paths, c->arena);

	if (!master)
		return 0;
	lab->host_count = 0; /* destroy finds of it what is here */
	for (unsigned i = 0; i < lab->node_count; i++)
		lab->nodes[i].host = 0;
	if (!strcmp(c->path, "destroy") || !strcmp(c->path, "plan destroy") || !strcmp(c->path, "console"))
		return 0;
	fail(e, FAIL_CONFLICT, "lab '%s' is run from host %s; only a part of it is here", lab->name,
	     strrchr(master, ' ') ? strrchr(master, ' ') + 1 : master);
	return fail_next(e, "run labctl on that host; if it is lost: labctl -l %s destroy    (removes the part that is here)", lab->name);
}

static int load_saved(struct cli *c, const char *name, struct lab **ret_lab, struct fail *e)
{
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *lab = NULL;
	struct paths paths;

	load_paths(c, name, &paths);
	if (!file_exists(paths.lab_file))
		return no_lab(c, name, e);
	if (lab_load(paths.lab_file, &o, &lab, e) < 0 || state_identify(&paths, lab, e) < 0 || check_part(c, &paths, lab, e) < 0)
		return -1;
	*ret_lab = steal(lab);
	return 0;
}

/* No such lab here: if another state directory has one of this name, says so in @e. */
static int say_foreign(struct cli *c, const char *name, struct fail *e)
{
	auto_(runtime_close) struct runtime *rt = NULL;
	struct facts facts = { 0 };
	struct fail ignored = { 0 };

	if (load_runtime(c, NULL, &rt, &ignored) < 0 || runtime_facts(rt, c->arena, &facts, &ignored) < 0)
		return -1;
	for (unsigned i = 0; i < facts.network_count; i++)
		if (!strcmp(facts.networks[i].lab, name))
			return virt_foreign("network", facts.networks[i].name, name, facts.networks[i].state, e);
	return -1;
}

/* The record is lost or damaged: libvirt's tags and the directories are enough to remove a lab. */
static int load_lost(struct cli *c, const char *name, struct lab **ret_lab, struct fail *e)
{
	static const enum hypervisor tried[] = { HYPERVISOR_LXC, HYPERVISOR_QEMU };
	struct lab_options o = { .name = name, .node_count = 1, .state_dir = c->state_dir };
	unsigned found = 0, highest = 0;
	auto_(lab_free) struct lab *lost = NULL;
	auto_(strbuf_clear) struct strbuf others = { 0 };
	struct fail ignored = { 0 };
	struct paths paths;
	bool answered = false;

	o.hypervisor = HYPERVISOR_QEMU;
	load_paths(c, name, &paths);
	for (unsigned i = 0; i < ARRAY_COUNT(tried); i++) {
		struct lab_options one = { .name = name, .node_count = 1, .hypervisor = tried[i], .state_dir = c->state_dir };
		auto_(lab_free) struct lab *lab = NULL;
		auto_(runtime_close) struct runtime *rt = NULL;
		struct facts facts = { 0 };

		if (lab_load(NULL, &one, &lab, &ignored) < 0 || state_identify(&paths, lab, &ignored) < 0 ||
		    load_runtime(c, lab, &rt, &ignored) < 0 ||
		    runtime_facts(rt, c->arena, &facts, &ignored) < 0)
			continue;
		answered = true;
		found += facts.domain_count + facts.network_count;
		if (facts.domain_count)
			o.hypervisor = tried[i];
	}
	/* Assume the usual node names; other nodes are removed by their tags, and their data directories are kept. */
	for (unsigned i = 1; i <= LAB_NODES_MAX; i++)
		if (file_exists(paths_node(&paths, arena_printf(c->arena, "node%u", i), NULL, c->arena)))
			highest = i;
	if (answered && !found && !file_exists(paths.lab))
		return say_foreign(c, name, e);
	if (!answered)
		return -1; /* @e still has the failure to load the record */
	if (highest)
		o.node_count = highest;
	if (lab_load(NULL, &o, &lost, &ignored) < 0 || state_identify(&paths, lost, &ignored) < 0)
		return -1;
	if (!highest)
		lost->node_count = 0;
	*ret_lab = steal(lost);
	if (!c->told_lost)
		report_say("labctl: %s; using libvirt's tags and the directory %s instead\n", e->text, paths.lab);
	vxlan_peers(arena_printf(c->arena, VXLAN_PREFIX "%.8s", (*ret_lab)->uuid), &others);
	if (!c->told_lost && others.len)
		report_say("labctl: lab '%s' has parts on other hosts (%s), which only `labctl -l %s destroy` there removes\n", name,
			   others.text, name);
	c->told_lost = true;
	*e = (struct fail){ 0 };
	return 0;
}

int load_for_destroy(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	const char *name;

	if (choose_name(c, &name, e) < 0)
		return -1;
	if (!name)
		return no_lab(c, NULL, e);
	if (load_saved(c, name, ret_lab, e) == 0)
		return 0;
	if (e->code != FAIL_NOT_FOUND && e->code != FAIL_LAB)
		return -1;
	return load_lost(c, name, ret_lab, e);
}

int load_no_database(const struct lab *lab, const char *so, struct fail *e)
{
	fail(e, FAIL_NOT_FOUND, "lab '%s' has no database yet%s", lab->name, so);
	return fail_next(e, "labctl -l %s bootstrap%s", lab->name, lab->cluster.recipe ? "" : " postgres");
}

int load_existing(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	const char *name;

	if (choose_name(c, &name, e) < 0)
		return -1;
	if (!name)
		return no_lab(c, NULL, e);
	return load_saved(c, name, ret_lab, e);
}

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

	if (options_of(c, said, &o, e) < 0)
		return -1;
	/* With no name given, use the only lab, as all other commands do; a number of nodes means a new lab. */
	if (!o.node_count && choose_name(c, &o.name, e) < 0)
		return -1;
	if (lab_file_load(c, &o, &wanted, e) < 0)
		return -1;
	load_paths(c, wanted->name, &paths);
	if (!file_exists(paths.lab_file)) {
		if (state_identify(&paths, wanted, e) < 0 || decide_hypervisor(wanted, e) < 0)
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
	if (options_of(c, said, &o, e) < 0)
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
	return lab_set_cluster(lab, kind ? kind : has->kind, absolute(c, said->source), e);
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

	if (options_of(c, said, &o, e) < 0 || choose_name(c, &name, e) < 0)
		return -1;
	load_paths(c, name, &paths);
	if (name && file_exists(paths.lab_file)) {
		if (load_saved(c, name, &lab, e) < 0 || (by_file && apply_file(c, said, &lab, e) < 0))
			return -1;
	} else {
		if (lab_file_load(c, &o, &lab, e) < 0)
			return -1;
		load_paths(c, lab->name, &paths);
		if (state_identify(&paths, lab, e) < 0 || decide_hypervisor(lab, e) < 0)
			return -1;
		load_sample_subnet(lab);
	}
	if ((said->kind && set_cluster(c, said, lab, e) < 0) || source_default(c, lab, e) < 0)
		return -1;
	*ret_lab = steal(lab);
	return 0;
}
