/* SPDX-License-Identifier: PostgreSQL */
/* The functions of the verbs, one per row of VERBS (plan/step.h), for exec_run(). */
#ifndef LABCTL_EXEC_VERBS_H
#define LABCTL_EXEC_VERBS_H

#include "executor.h"

extern const verb_fn verbs[VERB_COUNT]; /* their context is a struct runtime */

#endif
