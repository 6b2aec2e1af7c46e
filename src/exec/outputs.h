/* SPDX-License-Identifier: PostgreSQL */
/*
 * Values that the scripts of one run hand to later steps (`::value NAME NUMBER` in a script, a placeholder in a text):
 * of each name the greatest is kept. Any thread.
 */
#ifndef LABCTL_EXEC_OUTPUTS_H
#define LABCTL_EXEC_OUTPUTS_H

#include "auto.h"

struct outputs;

struct outputs *outputs_new(void); /* aborts without memory */
void outputs_free(struct outputs *o);
/* @name of at most 31 bytes; the 9th name and all after it are dropped. */
void outputs_set(struct outputs *o, const char *name, unsigned long long value);
unsigned long long outputs_get(struct outputs *o, const char *name); /* 0 when nobody set it */

#endif
