/* SPDX-License-Identifier: PostgreSQL */
/* Steps on other hosts of the lab. */
#include "clock.h"
#include "hosts.h"
#include "image.h"
#include "verb.h"
#include "verbs.h"

int verb_host_open(struct run *r, enum step_state *ret_state, struct fail *e)
{
	*ret_state = STEP_UNCHANGED;
	return hosts_open(runtime_hosts(runtime_of(r)), run_step(r)->host, run_deadline_ms(r), e);
}

int verb_image_copy(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	struct image image;
	bool copied = false;

	if (images_find(runtime_images(rt), NULL, false, r, &image, NULL, e) < 0 ||
	    hosts_image(runtime_hosts(rt), runtime_lab(rt), r, &image, &copied, e) < 0)
		return -1;
	*ret_state = state_of(copied);
	return 0;
}

int verb_away(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	int64_t started_ms;

	if (run_step(r)->verb == VERB_HOST_OPEN)
		return verb_host_open(r, ret_state, e);
	if (run_step(r)->verb == VERB_IMAGE_COPY)
		return verb_image_copy(r, ret_state, e);
	started_ms = clock_wall_ms();
	if (hosts_run(runtime_hosts(rt), r, ret_state, e) < 0)
		return -1;
	if (run_step(r)->verb == VERB_NODE_START && *ret_state == STEP_DONE)
		session_node_started(runtime_sessions(rt), run_step(r)->node, started_ms);
	return 0;
}
