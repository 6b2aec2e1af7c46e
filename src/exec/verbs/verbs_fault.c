/* SPDX-License-Identifier: PostgreSQL */
/* Verbs of faults. */
#include "clock.h"
#include "fault_filter.h"
#include "faults.h"
#include "fill.h"
#include "nft.h"
#include "snapshots.h"
#include "verb.h"

/* Makes the packet filter what the record of faults says. */
int verb_fault_filter(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fault *faults;
	unsigned count;
	bool link, any;
	char mac[18] = "";

	if (faults_read(runtime_paths(rt), lab, a, &faults, &count, e) < 0)
		return -1;
	link = nft_link_mac(lab->net.bridge, mac, e) == 0;
	any = fault_filter(lab, faults, count, runtime_host(rt), mac, clock_wall_ms(), &text);
	if (!link && any)
		return fail_next(e, "labctl -l %s start", lab->name);
	*e = (struct fail){ 0 };
	*ret_state = STEP_DONE;
	return nft_apply(strbuf_text(&text), run_deadline_ms(r), e);
}

static int act_on(struct run *r, enum virt_act act, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	bool changed = false;
	struct virt *v;

	if (runtime_virt(rt, &v, e) < 0)
		return -1;
	if (virt_domain_act(v, run_step(r)->node->domain, lab->uuid, act, &changed, e) < 0)
		return e->code == FAIL_CONFLICT ? -1 : fail_next(e, "labctl -l %s status", lab->name);
	*ret_state = state_of(changed);
	return 0;
}

int verb_node_pause(struct run *r, enum step_state *ret_state, struct fail *e)
{
	return act_on(r, VIRT_PAUSE, ret_state, e);
}

/* A node whose memory was lost when a save was killed stays off, and the others go on. */
static bool lost_its_memory(struct run *r)
{
	struct runtime *rt = runtime_of(r);
	bool active = true;
	struct virt *v;
	struct fail ignored = { 0 };

	if (snapshot_mark_age_ms(runtime_paths(rt), SNAPSHOT_FREEZING) < 0 || runtime_virt(rt, &v, &ignored) < 0)
		return false;
	virt_domain_state(v, run_step(r)->node->domain, &active);
	return !active;
}

int verb_node_resume(struct run *r, enum step_state *ret_state, struct fail *e)
{
	if (lost_its_memory(r)) {
		*ret_state = STEP_SKIPPED;
		return 0;
	}
	return act_on(r, VIRT_RESUME, ret_state, e);
}

int verb_node_reset(struct run *r, enum step_state *ret_state, struct fail *e)
{
	return act_on(r, VIRT_RESET, ret_state, e);
}

int verb_node_unplug(struct run *r, enum step_state *ret_state, struct fail *e)
{
	return act_on(r, VIRT_UNPLUG, ret_state, e);
}

int verb_node_plug(struct run *r, enum step_state *ret_state, struct fail *e)
{
	return act_on(r, VIRT_PLUG, ret_state, e);
}

int verb_node_quota(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	struct fault *faults;
	bool changed = false;
	unsigned count;
	struct virt *v;

	if (faults_read(runtime_paths(rt), lab, a, &faults, &count, e) < 0 || runtime_virt(rt, &v, e) < 0 ||
	    virt_domain_quota(v, n->domain, lab->uuid, fault_cpu_quota(lab, faults, count, n, clock_wall_ms()), &changed, e) < 0)
		return -1;
	*ret_state = state_of(changed);
	return 0;
}

/* Is node @i in a fault of its data directory's space? */
static bool is_filled(const struct fault *faults, unsigned count, unsigned i)
{
	for (unsigned k = 0; k < count; k++)
		if (faults[k].kind->on == FAULT_SPACE && faults[k].a[i] && !fault_is_over(&faults[k], clock_wall_ms()))
			return true;
	return false;
}

/* Makes the files what the record of faults says. First those that go: two nodes may share a file system. */
int verb_data_fill(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct paths *paths = runtime_paths(rt);
	const char *const others[] = { paths->lab, paths->cache, NULL };
	auto_(arena_free) struct arena *a = arena_new();
	struct fault *faults;
	bool any = false;
	unsigned count;

	if (faults_read(paths, lab, a, &faults, &count, e) < 0)
		return -1;
	for (unsigned fills = 0; fills < 2; fills++)
		for (unsigned i = 0; i < lab->node_count; i++) {
			const char *dir = lab->nodes[i].export_dir;
			bool changed;

			if (lab->nodes[i].host != runtime_host(rt) || is_filled(faults, count, i) != (bool)fills)
				continue;
			if (fills ? fill_check(dir, others, e) < 0 || fill_up(dir, &changed, e) < 0 : fill_free(dir, &changed, e) < 0)
				return fail_wrap(e, "%s", lab->nodes[i].name);
			any |= changed;
		}
	*ret_state = state_of(any);
	return 0;
}
