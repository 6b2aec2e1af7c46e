/* SPDX-License-Identifier: PostgreSQL */
/* create, bootstrap, destroy: the commands that change a lab. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_snapshot.h"
#include "complete.h"
#include "file.h"
#include "gc_expired.h"
#include "host_look.h"
#include "hosts.h"
#include "images.h"
#include "lifetime.h"
#include "plural.h"
#include "quote.h"
#include "recipe.h"
#include "snapshots.h"
#include "state.h"
#include "unpack.h"
#include "virt.h"

static int check_hypervisor(const struct lab *lab, struct fail *e)
{
	const char *why;

	if (lab->hypervisor != HYPERVISOR_KVM || virt_kvm_works(&why))
		return 0;
	fail(e, FAIL_HOST, "KVM cannot run the nodes of lab '%s' here: %s", lab->name, why);
	return fail_next(e, "labctl --hypervisor lxc create (containers), or --hypervisor qemu (emulated, slow)");
}

static void say_next(const struct lab *lab)
{
	auto_(strbuf_clear) struct strbuf kinds = { 0 };

	recipe_list(&kinds);
	report_say("next: labctl -l %s bootstrap", lab->name);
	if (!lab->cluster.recipe)
		report_say(" KIND    (%s)", kinds.text);
	report_say("\n      labctl -l %s ssh %s\n", lab->name, lab->nodes[0].name);
}

/* What only the command line says: nothing of the machines. */
static void apply_words(const struct lab_words *said, struct lab *lab)
{
	lab->ttl = said->ttl ? said->ttl : lab->ttl;
	lab->autostart |= said->autostart;
}

static int make_lab(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;

	/* Load again under the lock: another labctl may have made or removed the lab while we waited. */
	if (load_for_create(c, c->options, &lab, e) < 0 || lab_check_given_up(lab, e) < 0)
		return -1;
	apply_words(c->options, lab);
	if (load_runtime(c, lab, &rt, e) < 0)
		return -1;
	load_say_changes(c, lab);
	hosts_begin(runtime_hosts(rt));
	if (cli_check_capacity(c, rt, lab, e) < 0)
		return -1;
	/* The lease comes first: every address in the plan depends on it. */
	if (load_is_change(c, lab) && state_set_changing(runtime_paths(rt), true, e) < 0) /* for the bootstrap that follows */
		return -1;
	if (runtime_lease(rt, lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0 || run_plan(c, rt, p, e) < 0)
		return -1;
	if (c->change_count && lab->cluster.recipe)
		report_say("next: labctl -l %s bootstrap    (applies the changes of the lab file to the cluster)\n", lab->name);
	else if (!c->json)
		say_next(lab);
	return 0;
}

static int create(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct lab_words *said = c->options;
	struct paths paths;
	int r;

	if (said->from && said->warm)
		return fail(e, FAIL_USAGE, "--warm and --from: a lab begins with a snapshot of its own, or of another lab");
	if (said->from)
		return create_from(c, e);
	if (c->arg_count && parse_count(c->args[0], &said->node_count, e) < 0)
		return -1;
	if (said->warm) {
		auto_(lab_free) struct lab *wanted = NULL;
		bool restored;

		if (load_for_create(c, said, &wanted, e) < 0 || create_warm(c, wanted, &restored, e) < 0)
			return -1;
		if (restored)
			return 0;
	}
	if (c->dry_run) {
		if (load_to_create(c, said, &lab, e) < 0 || lab_check_given_up(lab, e) < 0 || plan_create(lab, c->lib, &p, e) < 0)
			return -1;
		load_say_changes(c, lab);
		cli_say_capacity(c, lab);
		return run_show(c, p, e);
	}
	if (load_for_create(c, said, &lab, e) < 0 || check_hypervisor(lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	r = make_lab(c, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}

static int set_ttl(void *field, const char *what, const char *value, struct fail *e)
{
	if (form_ttl(value))
		return fail(e, FAIL_USAGE, "%s: '%.64s' %s", what, value, form_ttl(value));
	return option_text(field, what, value, e);
}

static const struct option_row create_options[] = {
	OPTION_IMAGE,
	{ "ttl", .arg = "TIME", .set = set_ttl, .at = offsetof(struct lab_words, ttl),
	  .text = "lifetime of the lab (8h, 2d), after which it is removed; extend prolongs it" },
	{ "from", .arg = "LAB@SNAPSHOT", .complete = complete_all_snapshots, .at = offsetof(struct lab_words, from),
	  .text = "a second lab like a saved one, with other addresses" },
	{ "warm", .at = offsetof(struct lab_words, warm),
	  .text = "machines that are off go on from the newest snapshot of an equal lab, instead of booting" },
	{ "autostart", .at = offsetof(struct lab_words, autostart), .text = "start the lab when the host boots (labctl autostart)" },
	{ 0 },
};

const struct command cmd_create = {
	.name = "create", .run = create, .args = { { "N", .optional = true } },
	.options = create_options, .options_size = sizeof(struct lab_words),
	.summary = "create a lab of N nodes, or complete and repair one",
	.help =
	"Defines the lab's network and nodes, boots them in parallel, mounts their data directories and tunes their "
	"operating systems. Run it again to do what is missing.\n\n"
	"  labctl create 8                  eight nodes, no lab file needed\n"
	"  labctl -f lab.yaml create        the lab that lab.yaml describes\n"
	"  labctl -n create 3               show the steps, change nothing\n"
	"  labctl --hypervisor lxc create 3 containers instead of machines\n"
	"  labctl -l b create --from a@base a second lab like snapshot base of lab a, with its data and passwords\n"
	"  labctl create --warm             a lab that is off goes on where its newest snapshot was made\n"
	"  labctl create 3 --ttl 8h         removed after eight hours, unless extend prolongs its life",
};

static int load_to_bootstrap(struct cli *c, struct lab **ret_lab, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;

	if (load_existing(c, &lab, e) < 0 || lab_check_given_up(lab, e) < 0 || load_cluster(c, c->options, &lab, e) < 0)
		return -1;
	for (unsigned i = 0; i < c->change_count; i++)
		if (!strcmp(c->changes[i].key, "nodes")) {
			fail(e, FAIL_CONFLICT, "lab '%s' has %s node%s, and %s has %s: the new ones have no machines yet", lab->name,
			     c->changes[i].has, !strcmp(c->changes[i].has, "1") ? "" : "s", lab_file(c), c->changes[i].wanted);
			return fail_next(e, "labctl -l %s create, then bootstrap", lab->name);
		}
	*ret_lab = steal(lab);
	return 0;
}

static int check_patches(const struct lab *lab, struct fail *e)
{
	struct stat st;

	for (unsigned i = 0; i < lab->cluster.patch_count; i++) {
		const char *patch = lab->cluster.patches[i];

		if (stat(patch, &st) < 0)
			return fail_errno(e, FAIL_NOT_FOUND, "cluster.source.patches: %s", patch);
		if (!S_ISREG(st.st_mode))
			return fail(e, FAIL_USAGE, "cluster.source.patches: %s: is not a file", patch);
	}
	return 0;
}

/* Reports a missing file before the cluster is recorded. */
static int check_archive(const struct lab *lab, struct fail *e)
{
	const char *archive = lab->cluster.archive;
	struct stat st;

	if (!lab_builds(lab))
		return 0;
	if (archive && strstr(archive, "://"))
		return check_patches(lab, e);
	if (!archive)
		fail(e, FAIL_USAGE, "kind '%s' is built from a source archive, and labctl knows none that its project still publishes",
		     lab->cluster.recipe->kind);
	else if (stat(archive, &st) < 0)
		fail_errno(e, FAIL_NOT_FOUND, "source archive %s", archive);
	else if (!S_ISREG(st.st_mode))
		fail(e, FAIL_USAGE, "source archive %s: is not a file", archive);
	else if (unpack_opens(archive, e) == 0)
		return check_patches(lab, e);
	return fail_next(e, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, lab->cluster.recipe->kind);
}

static void say_kept(const char *tree)
{
	auto_(strbuf_clear) struct strbuf dir = { 0 };

	quote_add(&dir, QUOTE_SH, tree);
	report_say("build tree: %1$s\n  %1$s/enter opens a shell in it; rm -r %1$s removes it\n", dir.text);
}

static int bootstrap_lab(struct cli *c, struct fail *e)
{
	const struct lab_words *said = c->options;
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;

	/* Load again under the lock: another labctl may have removed the lab or added a cluster while we waited. */
	if (load_to_bootstrap(c, &lab, e) < 0 || load_plan_bootstrap(c, lab, &p, e) < 0 || load_runtime(c, lab, &rt, e) < 0)
		return -1;
	load_say_changes(c, lab);
	if (load_is_change(c, lab) && state_set_changing(runtime_paths(rt), true, e) < 0)
		return -1;
	if (said->keep_build)
		images_keep_build(runtime_images(rt));
	if (run_plan(c, rt, p, e) < 0 || state_set_changing(runtime_paths(rt), false, e) < 0)
		return -1;
	if (said->keep_build)
		say_kept(images_kept_build(runtime_images(rt)));
	if (!c->json)
		report_say("next: labctl -l %s psql\n"
			   "      labctl -l %s status\n", lab->name, lab->name);
	return 0;
}

static int bootstrap(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(plan_free) struct plan *p = NULL;
	auto_(close) int lock = -1;
	struct lab_words *said = c->options;
	struct paths paths;
	int r;

	said->kind = c->arg_count ? c->args[0] : NULL;
	if (load_to_bootstrap(c, &lab, e) < 0)
		return -1;
	if (said->keep_build && !lab_builds(lab))
		return fail(e, FAIL_USAGE, "--keep-build: this %s cluster is not built from source", lab->cluster.recipe->kind);
	if (check_archive(lab, e) < 0)
		return -1;
	if (c->dry_run) {
		load_say_changes(c, lab);
		return load_plan_bootstrap(c, lab, &p, e) < 0 ? -1 : run_show(c, p, e);
	}
	load_paths(c, lab->name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	r = bootstrap_lab(c, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}

static const struct option_row bootstrap_options[] = {
	OPTION_SOURCE,
	{ "keep-build", .at = offsetof(struct lab_words, keep_build),
	  .text = "keep the tree in which the software is built, to run its own tests there" },
	{ 0 }
};

const struct command cmd_bootstrap = {
	.name = "bootstrap", .run = bootstrap, .args = { { "KIND", .optional = true, .complete = complete_kinds } },
	.options = bootstrap_options, .options_size = sizeof(struct lab_words),
	.summary = "build, install, configure and start a database cluster",
	.help =
	"KIND is pgxc (Postgres-XC: GTM, standby, proxies, datanodes, coordinators), pgxl and opentenbase (its successors Postgres-XL and OpenTenBase), citus (a coordinator "
	"and workers, pgpool-II in front) or postgres (a primary with streaming standbys); without KIND, what the lab file says. "
	"Ends with a smoke test: rows written through one node are read through the others. Run it again to continue "
	"after a failure; it changes nothing that is done.\n\n"
	"  labctl bootstrap postgres\n"
	"  labctl bootstrap pgxc                            the release that the project publishes\n"
	"  labctl bootstrap pgxc --source pgxc-v1.0.4.tar.gz\n"
	"  labctl bootstrap citus --source citus-12.1.12.tar.gz",
};

struct destroy_words { bool keep_data; bool expired; }; /* .expired: only if its lifetime is over; no option, see lab_destroy_expired() */

static int check_protected(struct cli *c, const struct lab *lab, struct fail *e)
{
	struct paths paths;

	load_paths(c, lab->name, &paths);
	if (!state_is_protected(&paths))
		return 0;
	fail(e, FAIL_CONFLICT, "lab '%s' is protected", lab->name);
	return fail_next(e, "labctl -l %s unprotect, then the same command again", lab->name);
}

/* Data of then and now would be kept, and nobody could tell them apart. */
static int check_keep(struct cli *c, const struct lab *lab, bool keep_data, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf restoring = { 0 };
	struct paths paths;

	load_paths(c, lab->name, &paths);
	if (!keep_data || (snapshot_mark(&paths, SNAPSHOT_RESTORING, &restoring, e) == 0 && !restoring.len))
		return 0;
	fail(e, FAIL_CONFLICT, "the restore of snapshot '%s' did not end: some nodes have no data, or that of another time", strbuf_text(&restoring));
	return fail_next(e, "labctl -l %s snapshot restore %s, or destroy without --keep-data", lab->name, strbuf_text(&restoring));
}

/* Under the lock: `extend` may have come first. */
static int check_expired(struct cli *c, const struct lab *lab, struct fail *e)
{
	struct lifetime life;
	struct paths paths;
	struct moment now;
	bool has;

	load_paths(c, lab->name, &paths);
	moment_now(&now);
	if (lifetime_read(&paths, &life, &has, e) < 0)
		return -1;
	return has && lifetime_left(&life, &now) <= 0 ? 0 : fail(e, FAIL_CONFLICT, "the lifetime of lab '%s' is not over", lab->name);
}

static int destroy_lab(struct cli *c, struct fail *e)
{
	const struct destroy_words *said = c->options;
	auto_(lab_free) struct lab *lab = NULL;
	auto_(runtime_close) struct runtime *rt = NULL;
	auto_(plan_free) struct plan *p = NULL;
	struct destroy_options o = { .keep_data = said->keep_data };
	struct facts facts = { 0 };
	struct fail ignored = { 0 };

	if (load_for_destroy(c, &lab, e) < 0 || check_protected(c, lab, e) < 0 || check_keep(c, lab, said->keep_data, e) < 0 ||
	    (said->expired && check_expired(c, lab, e) < 0) || load_runtime(c, lab, &rt, e) < 0 ||
	    runtime_facts(rt, c->arena, &facts, e) < 0 || plan_destroy(lab, &facts, &o, &p, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, p, e);
	/* A create after half of it would mix nodes of two clusters. On a full disk there is no mark. */
	state_put_unfinished(runtime_paths(rt), UNFINISHED_DESTROY, "destroy", &ignored);
	if (run_plan(c, rt, p, e) < 0) {
		for (unsigned h = 1; facts.silent && h < lab->host_count; h++)
			if (facts.silent[h] && !lab->hosts[h].given_up)
				fail_next(e, "labctl -l %s destroy    (when host %s answers again); if it never does: labctl -l %s host give-up %s, then destroy",
					  lab->name, lab->hosts[h].name, lab->name, lab->hosts[h].name);
		return -1;
	}
	for (unsigned h = 1; h < lab->host_count; h++)
		if (lab->hosts[h].given_up && host_holds(lab, h))
			host_say_left(lab, &lab->hosts[h]);
	return 0;
}

static int destroy(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	auto_(close) int lock = -1;
	struct paths paths;
	int r;

	if (c->dry_run)
		return destroy_lab(c, e);
	if (load_for_destroy(c, &lab, e) < 0 || check_protected(c, lab, e) < 0)
		return -1;
	if (report_confirm(c, arena_printf(c->arena, "lab '%s' with its %u node%s and their data", lab->name, lab->node_count,
				   plural(lab->node_count)),
			   lab->name, e) < 0)
		return -1;
	c->lab_name = arena_strdup(c->arena, lab->name);
	load_paths(c, c->lab_name, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	/* Under the lock: find out what there is to remove. */
	r = destroy_lab(c, e);
	if (r < 0)
		state_drop_empty(&paths);
	return r;
}

static const struct option_row destroy_options[] = {
	{ "keep-data", .at = offsetof(struct destroy_words, keep_data), .text = "keep the data directories" },
	{ 0 },
};

const struct command cmd_destroy = {
	.name = "destroy", .run = destroy, .options = destroy_options, .options_size = sizeof(struct destroy_words),
	.summary = "remove everything that labctl made for the lab",
	.help =
	"Stops and removes domains, network, disks, mounts, exports, keys and the record of the lab, and nothing "
	"else: what does not carry the lab's tag is left alone and listed. If the lab's record is lost or damaged, give its "
	"name (-l). A protected lab is refused (labctl protect). " HELP_ASKS,
};

int lab_destroy_expired(struct cli *c, const char *lab, struct fail *e)
{
	struct cli part = cli_part(c, &cmd_destroy, lab);
	struct destroy_words *said = part.options;

	said->expired = part.yes = true;
	return destroy(&part, e);
}
