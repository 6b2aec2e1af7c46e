/* SPDX-License-Identifier: PostgreSQL */
/* Private to state.c and state_secrets.c. */
#ifndef LABCTL_EXEC_STATE_SECRETS_H
#define LABCTL_EXEC_STATE_SECRETS_H

#include "state.h"

/* Makes the missing ones of the cluster's own users, used or not, so that what comes later changes nothing. */
int state_make_secrets(const struct paths *p, const struct lab *lab, bool *changed, struct fail *e);
/* Removes passwords of database users that are no longer in the lab. */
int state_drop_secrets(const struct paths *p, const struct lab *lab, bool *changed, struct fail *e);

#endif
