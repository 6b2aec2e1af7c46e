/* SPDX-License-Identifier: PostgreSQL */
/*
 * Values that scripts of a run pass to later steps (`::value NAME NUMBER` in a script, a placeholder in a text). If a
 * name is reported more than once, the greatest value is kept. Any thread.
 */
#ifndef LABCTL_EXEC_OUTPUTS_H
#define LABCTL_EXEC_OUTPUTS_H

#include "auto.h"

struct outputs;

struct outputs *outputs_new(void); /* aborts if out of memory */
void outputs_free(struct outputs *o);
/* @name has at most 31 bytes; the 17th name and all after it are dropped. */
void outputs_set(struct outputs *o, const char *name, unsigned long long value);
unsigned long long outputs_get(struct outputs *o, const char *name); /* 0 if it was never set */

#endif
