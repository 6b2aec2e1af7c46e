/* SPDX-License-Identifier: PostgreSQL */
/* "Did you mean": the nearest known word. */
#ifndef LABCTL_BASE_SUGGEST_H
#define LABCTL_BASE_SUGGEST_H

#include "fail.h"

/*
 * The word of @known (NULL-terminated) nearest to @word by edit distance with transpositions. NULL when
 * the distance is above a third of @word's length (2 at least).
 */
const char *suggest(const char *word, const char *const *known);

/* FAIL_USAGE: "WHAT 'WORD'; did you mean 'NEAR'? Known: A, B, C" */
int suggest_fail(struct fail *e, const char *what, const char *word, const char *const *known);

#endif
