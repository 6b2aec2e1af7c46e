/* SPDX-License-Identifier: PostgreSQL */
/*
 * Is this an unattended installation that its release understands and that asks nothing? Looks at the text only, so
 * that a mistake is found before a machine is made; what ksvalidator finds beyond it is for who has ksvalidator.
 */
#ifndef LABCTL_PLAN_KICKSTART_CHECK_H
#define LABCTL_PLAN_KICKSTART_CHECK_H

#include "family.h"
#include "lab.h"

/*
 * Kickstart: commands, options and sections that the release has, %end where it wants one, quotes that are closed, a
 * command for everything that would be asked otherwise. Preseed: "owner question type value" lines, types, an answer
 * for every question that would stop it. Both: no placeholder left. Adds to @problems (arena set); -1 with FAIL_OTHER
 * when there are any, the first as text, all as evidence "WHAT:LINE: KEY: text".
 */
int kickstart_check(const struct release *r, const char *what, const char *text, struct problems *problems,
		    struct fail *e);

#endif
