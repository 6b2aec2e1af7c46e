/* SPDX-License-Identifier: PostgreSQL */
/* What the commands about faults share, and what others show of them. */
#ifndef LABCTL_CLI_COMMANDS_CMD_FAULT_H
#define LABCTL_CLI_COMMANDS_CMD_FAULT_H

#include "cli.h"
#include "facts.h"
#include "fault.h"

/* Faults that were not ended: a new array of {id, fault, state, for, left}. NULL: the record is damaged (FAIL_LAB). */
json_t *faults_rows(struct cli *c, const struct lab *lab, struct runtime *rt, const struct facts *facts, struct fail *e);
/* Does the kernel end it in time? */
bool fault_by_kernel(const struct fault *f);
bool fault_has_cluster(const struct cli *c, const struct lab *lab);

#endif
