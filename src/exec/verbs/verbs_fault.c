/* SPDX-License-Identifier: PostgreSQL */
/* Verbs of faults. */
#include "clock.h"
#include "fault_filter.h"
#include "faults.h"
#include "nft.h"
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
	any = fault_filter(lab, faults, count, mac, clock_wall_ms(), &text);
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

int verb_node_resume(struct run *r, enum step_state *ret_state, struct fail *e)
{
	return act_on(r, VIRT_RESUME, ret_state, e);
}

int verb_node_reset(struct run *r, enum step_state *ret_state, struct fail *e)
{
	return act_on(r, VIRT_RESET, ret_state, e);
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
