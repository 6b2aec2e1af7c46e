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
#include "load.h"
#include "state.h"
#include "suggest.h"
#include "virt.h"
#include "vxlan.h"

const char *load_absolute(struct cli *c, const char *source)
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

int load_options(struct cli *c, const struct lab_words *said, struct lab_options *ret, struct fail *e)
{
	const struct config *config;

	if (config_load(c, &config, e) < 0)
		return -1;
	*ret = (struct lab_options){ .name = c->lab_name, .hypervisor = c->hypervisor.type,
				     .node_count = said->node_count,
				     .image = said->image && strchr(said->image, '/') ? load_absolute(c, said->image) : said->image,
				     .archive = load_absolute(c, said->source), .state_dir = c->state_dir, .config = config };
	load_find_stored(c, ret);
	return 0;
}

int load_described(struct cli *c, const struct lab *has, struct lab **ret_lab, struct fail *e)
{
	struct lab_options o;

	if (load_options(c, &(struct lab_words){ 0 }, &o, e) < 0)
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

int load_decide_hypervisor(struct lab *lab, struct fail *e)
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

int load_choose_name(struct cli *c, const char **ret_name, struct fail *e)
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

int load_saved(struct cli *c, const char *name, struct lab **ret_lab, struct fail *e)
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

	if (load_choose_name(c, &name, e) < 0)
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

	if (load_choose_name(c, &name, e) < 0)
		return -1;
	if (!name)
		return no_lab(c, NULL, e);
	return load_saved(c, name, ret_lab, e);
}
