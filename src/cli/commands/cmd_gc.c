/* SPDX-License-Identifier: PostgreSQL */
/* gc: removes what is left of labs that have no record any more, or (gc_expired.c) expired labs. Labs of other state directories are not touched. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "defaults.h"
#include "file.h"
#include "gc_expired.h"
#include "lease.h"
#include "plural.h"
#include "snapshots.h"
#include "state.h"
#include "virt.h"

DEFINE_AUTO(DIR *, closedir)

extern const struct command cmd_destroy;

/* What is left of a lab. */
struct left {
	const char *lab;
	const char *uuid;              /* of its tags or its lease; NULL = only a directory is left */
	unsigned domains, networks, leases;
	bool directory;
	const char *const *snapshots;  /* half-made or half-deleted ones of a lab that has a record: nothing else of it is removed */
	bool taken;                    /* another lab has this name now: `destroy` would mean that one */
};

struct finder {
	struct cli *c;
	const char *state;             /* the state directory as it is in tags */
	const char *const *recorded;   /* names of the labs that have a record, NULL at the end */
	const char **ids;              /* their ids, in the same order; NULL = not readable */
	struct left *list; unsigned count;
};

static int recorded_index(const struct finder *f, const char *lab)
{
	for (int i = 0; f->recorded[i]; i++)
		if (!strcmp(f->recorded[i], lab))
			return i;
	return -1;
}

static bool belongs(const struct finder *f, const char *uuid)
{
	for (int i = 0; f->recorded[i]; i++)
		/* of a lab whose id cannot be read nothing is removed */
		if (!f->ids[i] || !strcmp(f->ids[i], uuid))
			return true;
	return false;
}

/* The entry of that lab and id, a new one if there is none. */
static struct left *left_of(struct finder *f, const char *lab, const char *uuid)
{
	for (unsigned i = 0; i < f->count; i++)
		if (!strcmp(f->list[i].lab, lab) && (!uuid || !f->list[i].uuid || !strcmp(f->list[i].uuid, uuid))) {
			f->list[i].uuid = f->list[i].uuid ? f->list[i].uuid : uuid;
			return &f->list[i];
		}
	*arena_push(f->c->arena, f->list, f->count) = (struct left){ .lab = lab, .uuid = uuid, .taken = recorded_index(f, lab) >= 0 };
	return &f->list[f->count - 1];
}

static bool ours(const struct finder *f, const char *tag_state, const char *uuid)
{
	return tag_state && !strcmp(tag_state, f->state) && !belongs(f, uuid);
}

static void find_in_libvirt(struct finder *f)
{
	static const char *const uris[] = { LIBVIRT_LXC, LIBVIRT_QEMU };

	for (size_t i = 0; i < (f->c->connect ? 1 : ARRAY_COUNT(uris)); i++) {
		auto_(virt_close) struct virt *v = NULL;
		const char *uri = f->c->connect ? f->c->connect : uris[i];
		struct facts facts = { 0 };
		struct fail e = { 0 };

		if (virt_open(uri, &v, &e) < 0 || virt_facts(v, NULL, f->c->arena, &facts, &e) < 0) {
			report_say("%s: not looked at: %s\n", uri, e.text);
			continue;
		}
		for (unsigned k = 0; k < facts.domain_count; k++)
			if (ours(f, facts.domains[k].lab_state, facts.domains[k].lab_uuid))
				left_of(f, facts.domains[k].lab, facts.domains[k].lab_uuid)->domains++;
		/* both drivers show the same networks */
		for (unsigned k = 0; k < facts.network_count; k++)
			if (ours(f, facts.networks[k].state, facts.networks[k].lab_uuid))
				left_of(f, facts.networks[k].lab, facts.networks[k].lab_uuid)->networks = 1;
	}
}

/* Directories without a record. One whose lock is held is being made, or removed, by another labctl. */
static void find_directories(struct finder *f)
{
	auto_(closedir) DIR *dir = opendir(arena_printf(f->c->arena, "%s/labs", f->c->state_dir));
	struct dirent *entry;
	struct paths paths;

	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.' || form_lab_name(entry->d_name) || recorded_index(f, entry->d_name) >= 0)
			continue;
		load_paths(f->c, arena_strdup(f->c->arena, entry->d_name), &paths);
		if (!state_is_locked(&paths))
			left_of(f, arena_strdup(f->c->arena, entry->d_name), NULL)->directory = true;
	}
}

/* Of snapshots whose save or deletion was killed. A lab whose lock is held may be at it. */
static void find_snapshots(struct finder *f)
{
	for (int i = 0; f->recorded[i]; i++) {
		const char *const *left;
		struct paths paths;

		load_paths(f->c, f->recorded[i], &paths);
		left = snapshots_left(&paths, f->c->arena);
		if (*left && !state_is_locked(&paths))
			*arena_push(f->c->arena, f->list, f->count) = (struct left){ .lab = f->recorded[i], .snapshots = left };
	}
}

static int find_leases(struct finder *f, struct fail *e)
{
	struct lease_lab *leases;
	unsigned count;

	if (lease_labs(f->c->state_dir, f->c->arena, &leases, &count, e) < 0)
		return -1;
	for (unsigned i = 0; i < count; i++) {
		struct paths paths;

		load_paths(f->c, leases[i].lab, &paths);
		if (!belongs(f, leases[i].lab_uuid) && !state_is_locked(&paths))
			left_of(f, leases[i].lab, leases[i].lab_uuid)->leases++;
	}
	return 0;
}

static int find(struct finder *f, struct fail *e)
{
	struct cli *c = f->c;
	auto_(free) char *real = realpath(c->state_dir, NULL);
	unsigned labs = 0;

	f->state = arena_strdup(c->arena, real ? real : c->state_dir);
	if (state_labs(c->state_dir, c->arena, &f->recorded, e) < 0)
		return -1;
	while (f->recorded[labs])
		labs++;
	f->ids = arena_alloc(c->arena, (labs + 1) * sizeof *f->ids);
	for (unsigned i = 0; i < labs; i++) {
		struct lab_options o = { .state_dir = c->state_dir };
		auto_(lab_free) struct lab *lab = NULL;
		struct fail ignored = { 0 };
		struct paths paths;

		load_paths(c, f->recorded[i], &paths);
		if (lab_load(paths.lab_file, &o, &lab, &ignored) == 0 && state_identify(&paths, lab, &ignored) == 0)
			f->ids[i] = arena_strdup(c->arena, lab->uuid);
	}
	find_in_libvirt(f);
	find_directories(f);
	if (find_leases(f, e) < 0)
		return -1;
	find_snapshots(f);
	return 0;
}

/* Runs `labctl destroy` for a lab without a record: it finds the rest by tags and directories, under the lab's lock. */
static int destroy_rest(struct cli *c, const struct left *l, struct fail *e)
{
	struct cli part = cli_part(c, &cmd_destroy, l->lab);
	int r;

	part.yes = true;
	r = cmd_destroy.run(&part, e);
	return r > 0 ? fail(e, FAIL_OTHER, "destroy ended with status %d", r) : r;
}

/* A lease whose lab has nothing else. Under the lab's lock: a lab of this name may be made just now. */
static int drop_lease(struct cli *c, const struct left *l, struct fail *e)
{
	auto_(close) int lock = -1;
	struct paths paths;
	int r = 0;

	load_paths(c, l->lab, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	if (!file_exists(paths.lab_file) || l->taken)
		r = lease_drop(c->state_dir, l->uuid, e);
	state_drop_empty(&paths);
	return r;
}

/* Under the lab's lock. */
static int remove_snapshots(struct cli *c, const struct left *l, struct fail *e)
{
	auto_(close) int lock = -1;
	struct paths paths;

	load_paths(c, l->lab, &paths);
	if (run_lock(c, &paths, &lock, e) < 0)
		return -1;
	for (const char *const *left = snapshots_left(&paths, c->arena); *left; left++)
		if (file_remove_tree(*left, e) < 0)
			return -1;
	return 0;
}

static int remove_left(struct cli *c, const struct left *l, struct fail *e)
{
	if (l->snapshots)
		return remove_snapshots(c, l, e);
	if (l->taken && (l->domains || l->networks)) {
		fail(e, FAIL_CONFLICT, "another lab is called '%s' now", l->lab);
		return fail_next(e, "virsh list --all; virsh net-list --all; remove those with the uuid %s in their labctl tag", l->uuid);
	}
	if ((l->domains || l->networks || l->directory) && destroy_rest(c, l, e) < 0)
		return -1;
	return l->leases && l->uuid ? drop_lease(c, l, e) : 0;
}

static json_t *row_of(const struct left *l)
{
	unsigned snapshots = 0;

	while (l->snapshots && l->snapshots[snapshots])
		snapshots++;
	return json_pack("{s:s, s:s*, s:i, s:i, s:i, s:b, s:i}", "lab", l->lab, "uuid", l->uuid, "domains", (int)l->domains, "networks",
			 (int)l->networks, "leases", (int)l->leases, "directory", l->directory, "snapshots", (int)snapshots);
}

static int report(struct cli *c, const struct finder *f, unsigned failed, struct fail *e)
{
	static const struct column columns[] = { { "lab", "LAB", false },           { "domains", "DOMAINS", true },
						 { "networks", "NETWORKS", true },  { "leases", "LEASES", true },
						 { "directory", "DIRECTORY", false }, { "snapshots", "SNAPSHOTS", true } };
	json_t *rows = json_array(), *doc;
	int r;

	for (unsigned i = 0; i < f->count; i++)
		json_array_append_new(rows, row_of(&f->list[i]));
	doc = json_pack("{s:i, s:b, s:i, s:O}", "v", 1, "removed", !c->dry_run && !failed, "failed", (int)failed, "labs", rows);
	r = c->json ? report_json(doc, e) : f->count ? report_table(rows, columns, ARRAY_COUNT(columns), e) : 0;
	if (!c->json && !f->count)
		report_say("nothing is left of labs without a record in %s\n", c->state_dir);
	json_decref(doc);
	json_decref(rows);
	return r;
}

struct gc_words { bool expired; };

static int gc(struct cli *c, struct fail *e)
{
	struct finder f = { .c = c };
	struct fail why = { 0 }, first = { 0 };
	unsigned failed = 0;

	if (((const struct gc_words *)c->options)->expired)
		return gc_expired(c, e);
	if (find(&f, e) < 0)
		return -1;
	if (!c->json && report(c, &f, 0, e) < 0)
		return -1;
	if (!c->dry_run && f.count) {
		if (report_confirm(c, arena_printf(c->arena, "what is left of %u lab%s", f.count, plural(f.count)), "gc", e) < 0)
			return -1;
		for (unsigned i = 0; i < f.count; i++) {
			why = (struct fail){ 0 };
			if (remove_left(c, &f.list[i], &why) == 0)
				continue;
			report_say("%s: %s\n", f.list[i].lab, why.text);
			if (!failed++)
				first = why;
		}
	}
	if (c->json && report(c, &f, failed, e) < 0)
		return -1;
	if (!failed)
		return 0;
	c->reported = c->json;
	*e = first;
	return fail_wrap(e, "%u of %u could not be removed", failed, f.count);
}

static const struct option_row gc_options[] = {
	{ "expired", .at = offsetof(struct gc_words, expired), .text = "remove the labs whose lifetime (ttl) is over, instead" },
	{ 0 },
};

const struct command cmd_gc = {
	.name = "gc", .run = gc, .without = NO_LAB, .options = gc_options, .options_size = sizeof(struct gc_words),
	.summary = "remove what is left of labs that have no record any more, or labs whose lifetime is over",
	.help =
	"Finds domains and networks with a labctl tag of this state directory, directories and leases that belong to no lab: left by a "
	"record that was deleted, or by a labctl that was killed at its very beginning or end. Removes them as destroy does; a data "
	"directory without the lab's mark is left alone. Of labs that have a record it removes snapshots that are half made or half deleted. "
	"Labs of other state directories are not touched (list --all shows them).\n\n"
	"With --expired, destroys the labs whose lifetime is over (create --ttl, extend). The timer labctl-expire runs this every ten "
	"minutes. Protected labs are named and stay, and so do labs on which another labctl works.\n\n"
	"-n only lists. " HELP_ASKS "\n\n"
	"  labctl -n gc\n"
	"  labctl gc -y\n"
	"  labctl gc --expired",
};
