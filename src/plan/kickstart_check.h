/* SPDX-License-Identifier: PostgreSQL */
/*
 * Checks that an answer file is valid for its release and that the installer will ask nothing. Reads only the text, so
 * that a mistake is found before a machine is created. ksvalidator finds more, but is not required.
 */
#ifndef LABCTL_PLAN_KICKSTART_CHECK_H
#define LABCTL_PLAN_KICKSTART_CHECK_H

#include "family.h"
#include "lab.h"

/*
 * Kickstart: commands, options and sections exist in the release, %end where it is required, quotes are closed, a command
 * answers every question. Preseed: lines are "owner question type value", types exist, every question that would stop the
 * installer has an answer. Both: no placeholder is left. Adds to @problems (arena set); -1 with FAIL_OTHER when there are
 * any, the first as text, all as evidence "WHAT:LINE: KEY: text".
 */
int kickstart_check(const struct release *r, const char *what, const char *text, struct problems *problems,
		    struct fail *e);

#endif
