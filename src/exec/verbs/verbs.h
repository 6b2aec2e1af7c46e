/* SPDX-License-Identifier: PostgreSQL */
/* What each step of a plan does: the functions of the rows of VERBS (plan/step.h), for exec_run(). */
#ifndef LABCTL_EXEC_VERBS_H
#define LABCTL_EXEC_VERBS_H

#include "executor.h"

extern const verb_fn verbs[VERB_COUNT]; /* their context is a struct runtime */

#endif
