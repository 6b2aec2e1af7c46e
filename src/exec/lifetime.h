/* SPDX-License-Identifier: PostgreSQL */
/*
 * How long a lab lives: `ttl` in the lab file, `labctl extend`. A file in the lab's record says how much was left at a
 * moment; labctl counts from there by the clock of the boot, which nobody can set, so that no jump of the wall clock
 * removes a lab early. Time that the host was off counts only if the wall clock was synchronized (NTP) on both sides
 * of it: else the lab lives longer. Thread-safe; who writes holds the lab's lock. First test to read: tests/exec/test_lifetime.c.
 */
#ifndef LABCTL_EXEC_LIFETIME_H
#define LABCTL_EXEC_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"
#include "paths.h"

struct moment {
	char boot[37];           /* the kernel's boot_id */
	int64_t boot_s;          /* seconds since then, sleep included */
	int64_t wall_s;          /* since the epoch */
	bool synced;             /* the kernel says that the wall clock is synchronized */
};

struct lifetime {
	char ttl[16];            /* `ttl` of the lab when this was written, "-" = none */
	int64_t left_s;          /* at .at; LIFETIME_NEVER */
	struct moment at;
};

#define LIFETIME_NEVER INT64_MAX

void moment_now(struct moment *ret);
/* Seconds that are left @now, below 0 if they are over; LIFETIME_NEVER. Pure. */
int64_t lifetime_left(const struct lifetime *l, const struct moment *now);

/* *ret_has = false: the lab has no end. FAIL_LAB if the file is damaged: the lab is then never removed by itself. */
int lifetime_read(const struct paths *p, struct lifetime *ret, bool *ret_has, struct fail *e);
/* The lab lives for @left_s from now, or LIFETIME_NEVER; @ttl: the lab's own, or NULL. */
int lifetime_write(const struct paths *p, const char *ttl, int64_t left_s, struct fail *e);
/* Begins the lifetime @ttl unless it has begun; a NULL @ttl changes nothing. state_save() calls it. */
int lifetime_begin(const struct paths *p, const char *ttl, bool *ret_changed, struct fail *e);
/*
 * Writes down what is left, so that at most the time since then is not counted if the host restarts without a synchronized
 * clock. To be called regularly.
 */
int lifetime_keep(const struct paths *p, const struct lifetime *l, const struct moment *now, struct fail *e);

#endif
