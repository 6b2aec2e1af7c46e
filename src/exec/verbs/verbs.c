/* SPDX-License-Identifier: PostgreSQL */
#include "verbs.h"

#include "verb.h"

const verb_fn verbs[VERB_COUNT] = {
#define VERB_ROW(id, function, name, timeout, needs, text) [VERB_##id] = verb_##function,
	VERBS(VERB_ROW)
#undef VERB_ROW
};

int verb_join(struct run *r, enum step_state *ret_state, struct fail *e)
{
	(void)r;
	(void)e;
	*ret_state = STEP_DONE;
	return 0;
}
