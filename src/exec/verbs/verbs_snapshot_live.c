/* SPDX-License-Identifier: PostgreSQL */
/* Verbs of live snapshots: the lab stands still, and goes on. */

#include "fault_filter.h"
#include "file.h"
#include "nft.h"
#include "snapshots.h"
#include "verb.h"

/* Longer than this step and the pauses that follow may take. If labctl is killed, the kernel lets requests through again. */
#define DRAIN_S 90

/* While it is made, and when it has its name. */
static const char *memory_file(struct run *r, struct arena *a)
{
	const struct paths *paths = runtime_paths(runtime_of(r));
	const struct step *step = run_step(r);
	const char *file = arena_printf(a, "memory/%s", step->node->name);

	return snapshot_exists(paths, step->subject) ? snapshot_path(paths, step->subject, file, a)
						     : snapshot_new_path(paths, step->subject, file, a);
}

int verb_snapshot_freeze(struct run *r, enum step_state *ret_state, struct fail *e)
{
	*ret_state = STEP_DONE;
	return snapshot_put_mark(runtime_paths(runtime_of(r)), SNAPSHOT_FREEZING, run_step(r)->subject, e);
}

int verb_nfs_drain(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct nfs_lab nfs;

	nfs_of(rt, a, &nfs);
	fault_filter_drain(runtime_lab(rt), DRAIN_S, &text);
	*ret_state = STEP_DONE;
	return nft_apply(strbuf_text(&text), run_deadline_ms(r), e) < 0 ? -1 : nfs_settle(&nfs, run_deadline_ms(r), e);
}

int verb_snapshot_memory(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	auto_(arena_free) struct arena *a = arena_new();
	struct virt *v;

	*ret_state = STEP_DONE;
	return runtime_virt(rt, &v, e) < 0
		       ? -1
		       : virt_domain_save(v, run_step(r)->node->domain, runtime_lab(rt)->uuid, memory_file(r, a), e);
}

int verb_node_thaw(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	bool changed = false, whole = true;
	struct virt *v;

	if (runtime_virt(rt, &v, e) < 0)
		return -1;
	*ret_state = STEP_DONE;
	if (virt_domain_restore(v, n->domain, runtime_lab(rt)->uuid, memory_file(r, a), &changed, &whole, e) == 0) {
		*ret_state = state_of(changed);
		return 0;
	}
	/* A save that ended with the host, or with libvirt: the others go on, this one starts as after a loss of power. */
	if (whole || snapshot_mark_age_ms(runtime_paths(rt), SNAPSHOT_FREEZING) < 0)
		return -1;
	run_warn(r, "its memory was not saved, and is lost: labctl -l %s start", runtime_lab(rt)->name);
	*e = (struct fail){ 0 };
	*ret_state = STEP_SKIPPED;
	return 0;
}

int verb_snapshot_thawed(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct paths *paths = runtime_paths(runtime_of(r));
	const char *name = run_step(r)->subject;
	int64_t pause_ms = snapshot_mark_age_ms(paths, SNAPSHOT_FREEZING);
	auto_(arena_free) struct arena *a = arena_new();

	*ret_state = STEP_DONE;
	if (file_exists(snapshot_new_path(paths, name, NULL, a)) && snapshot_put_pause(paths, name, pause_ms, e) < 0)
		return -1;
	run_note(r, "changed: clients waited %.1f s", (double)pause_ms / 1000);
	return snapshot_put_mark(paths, SNAPSHOT_FREEZING, NULL, e);
}
