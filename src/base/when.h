/* SPDX-License-Identifier: PostgreSQL */
/* Times as people type them. Uses the time zone of the process. Thread-safe. */
#ifndef LABCTL_BASE_WHEN_H
#define LABCTL_BASE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

/*
 * "90s", "10m", "2h", "3d": so long before @now_s. "2026-11-29", "2026-11-29 14:22", "2026-11-29T14:22:11". "14:22", "14:22:11":
 * the last time that it was so late. Seconds since the epoch in *ret_s. FAIL_USAGE names @what, the option.
 */
int when_parse(const char *what, const char *text, int64_t now_s, int64_t *ret_s, struct fail *e);

/* "90s", "10m", "8h", "2d"; false for anything else. */
bool duration_parse(const char *text, int64_t *ret_s);
/* The two largest units: "7h 59m", "2d", "0s". @s is not negative. */
void duration_text(int64_t s, char ret[32]);

#endif
