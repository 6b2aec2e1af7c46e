/* SPDX-License-Identifier: PostgreSQL */
/* fault heal: ends faults, at once or when their time is over. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "cmd_fault.h"
#include "faults.h"

#define HEALER_LOOK_MS 1000             /* how often a waiting `fault heal` looks whether the fault is still recorded */
#define HEALER_LOCK_MS (10 * 60 * 1000) /* a bootstrap may hold the lab's lock */

struct heal_words { bool all, when_due; };

/* Waits until the time of a fault is over. False: it was healed, or the lab is gone. */
static bool wait_due(struct cli *c, const struct lab *lab, const struct paths *paths, unsigned id)
{
	for (;;) {
		auto_(arena_free) struct arena *a = arena_new();
		struct fail ignored = { 0 };
		struct fault *faults;
		unsigned count, i = 0;

		if (faults_read(paths, lab, a, &faults, &count, &ignored) < 0)
			return false;
		while (i < count && faults[i].id != id)
			i++;
		if (i == count || atomic_load(c->cancel))
			return false;
		if (fault_is_over(&faults[i], clock_wall_ms()))
			return true;
		clock_sleep_ms(HEALER_LOOK_MS);
	}
}

static int lock_for_heal(struct cli *c, const struct paths *paths, int *ret_fd, struct fail *e)
{
	const struct heal_words *said = c->options;
	int64_t deadline = clock_after_ms(said->when_due ? HEALER_LOCK_MS : 0);

	while (run_lock(c, paths, ret_fd, e) < 0) {
		if (e->code != FAIL_CONFLICT || clock_left_ms(deadline) == 0)
			return -1;
		*e = (struct fail){ 0 };
	}
	return 0;
}

/* The nodes that fault @i holds, and no other fault of its kind does; without those that were switched off since, which hold nothing. */
static bool *held_by(struct cli *c, const struct lab *lab, const struct facts *facts, const struct fault *faults, unsigned count, unsigned i)
{
	const struct fault *f = &faults[i];
	bool *held = arena_alloc(c->arena, lab->node_count * sizeof *held);
	bool off = fault_ways[f->kind->on].off || (f->kind->on == FAULT_MACHINE && f->kind->machine == MACHINE_OFF);

	for (unsigned d = 0; d < facts->domain_count; d++) {
		const struct node *n = facts->domains[d].node ? lab_find_node(lab, facts->domains[d].node) : NULL;

		if (n)
			held[n->index - 1] = facts->domains[d].active;
	}
	for (unsigned n = 0; n < lab->node_count; n++) {
		held[n] = f->a[n] && (held[n] || off);
		for (unsigned k = 0; k < count && !fault_ways[f->kind->on].record; k++) /* with a record nodes get what the others leave */
			if (k != i && faults[k].kind == f->kind && faults[k].role == f->role && faults[k].a[n])
				held[n] = false;
	}
	return held;
}

/* Heals fault @i and takes it out of the record. */
static int heal_one(struct cli *c, const struct lab *lab, struct runtime *rt, struct fault *faults, unsigned *count, unsigned i,
		    struct fail *e)
{
	auto_(plan_free) struct plan *p = NULL;
	const char *said = arena_printf(c->arena, "fault heal %u", faults[i].id);
	struct facts facts = { 0 };
	struct fault held;

	if (fault_ways[faults[i].kind->on].record) {
		faults[i].until_ms = FAULT_HEALED_MS; /* what is in force is made from the record */
		if (!c->dry_run && faults_write(runtime_paths(rt), lab, faults, *count, e) < 0)
			return -1;
	}
	held = faults[i];
	if (runtime_facts(rt, c->arena, &facts, e) < 0)
		return -1;
	held.a = held_by(c, lab, &facts, faults, *count, i);
	if (plan_fault_heal(lab, c->lib, &held, fault_has_cluster(c, lab), said, &p, e) < 0)
		return -1;
	if (c->dry_run)
		return run_show(c, p, e);
	if (run_plan(c, rt, p, e) < 0)
		return -1;
	memmove(&faults[i], &faults[i + 1], (--*count - i) * sizeof *faults);
	return faults_write(runtime_paths(rt), lab, faults, *count, e);
}

/* Heals fault @id, or all (0): one that cannot be healed does not keep the others. Fails as the first that could not. */
static int heal_chosen(struct cli *c, const struct lab *lab, unsigned id, struct fail *e)
{
	auto_(runtime_close) struct runtime *rt = NULL;
	struct fail first = { 0 };
	struct fault *faults;
	struct paths paths;
	unsigned count, healed = 0;

	load_paths(c, lab->name, &paths);
	if (load_runtime(c, lab, &rt, e) < 0 || faults_read(&paths, lab, c->arena, &faults, &count, e) < 0)
		return -1;
	for (unsigned i = count; i-- > 0;) {
		if (id && faults[i].id != id)
			continue;
		healed++;
		if (heal_one(c, lab, rt, faults, &count, i, e) < 0 && !first.code)
			first = *e;
		*e = (struct fail){ 0 };
	}
	if (first.code) {
		*e = first;
		return -1;
	}
	if (healed || !id) {
		if (!healed)
			report_say("lab '%s' has no faults\n", lab->name);
		return 0;
	}
	fail(e, FAIL_NOT_FOUND, "lab '%s' has no fault %u", lab->name, id);
	return fail_next(e, "labctl -l %s fault list", lab->name);
}

static int heal(struct cli *c, struct fail *e)
{
	auto_(lab_free) struct lab *lab = NULL;
	const struct heal_words *said = c->options;
	auto_(close) int lock = -1;
	struct paths paths;
	unsigned id = 0;
	char rest;

	if (c->arg_count == (unsigned)said->all || (said->when_due && said->all))
		return fail(e, FAIL_USAGE, "fault heal takes either a number of `labctl fault list` or --all");
	if (c->arg_count && (sscanf(c->args[0], "%9u%c", &id, &rest) != 1 || !id))
		return fail(e, FAIL_USAGE, "'%.64s' is not the number of a fault", c->args[0]);
	if (load_existing(c, &lab, e) < 0)
		return -1;
	load_paths(c, lab->name, &paths);
	if (said->when_due && !wait_due(c, lab, &paths, id))
		return 0;
	if (!c->dry_run && lock_for_heal(c, &paths, &lock, e) < 0)
		return -1;
	return heal_chosen(c, lab, id, e);
}

static const struct option_row heal_options[] = {
	{ "all", .at = offsetof(struct heal_words, all), .text = "every fault of the lab" },
	{ "when-due", .at = offsetof(struct heal_words, when_due), .text = "wait until the time of the fault is over" },
	{ 0 },
};

const struct command cmd_fault_heal = {
	.name = "heal", .run = heal, .args = { { "ID", .optional = true } },
	.options = heal_options, .options_size = sizeof(struct heal_words),
	.summary = "end a fault",
	.help =
	"The others stay. A machine that was switched off is started with its servers; one that was paused goes on, and does not know how "
	"long it stood still.\n\n"
	"  labctl fault heal 3\n"
	"  labctl fault heal --all",
};
