/* SPDX-License-Identifier: PostgreSQL */
/* The functions of the verbs, one per row of VERBS (plan/step.h), for exec_run(). */
#ifndef LABCTL_EXEC_VERBS_H
#define LABCTL_EXEC_VERBS_H

#include "executor.h"

/* Runs a step of another host there: for .away of struct exec_options. */
int verb_away(struct run *r, enum step_state *ret_state, struct fail *e);
extern const verb_fn verbs[VERB_COUNT]; /* their context is a struct runtime */

#endif
