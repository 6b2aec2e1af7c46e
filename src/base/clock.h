/* SPDX-License-Identifier: PostgreSQL */
/*
 * Monotonic milliseconds. Deadlines are absolute values of clock_now_ms(),
 * timeouts are relative; CLOCK_NEVER is a deadline that never passes. Thread-safe.
 */
#ifndef LABCTL_BASE_CLOCK_H
#define LABCTL_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_now_ms(void);                    /* CLOCK_MONOTONIC */
int64_t clock_wall_ms(void);                   /* since the epoch, for records only */
int64_t clock_after_ms(int64_t timeout_ms);    /* deadline; timeout < 0 = never */
int64_t clock_left_ms(int64_t deadline_ms);    /* 0 when it has passed */
int clock_poll_ms(int64_t deadline_ms, int cap_ms); /* argument for poll(2): min(left, cap) */
void clock_sleep_ms(int64_t timeout_ms);

#endif
