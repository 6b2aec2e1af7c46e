/* SPDX-License-Identifier: PostgreSQL */
/*
 * Pins: the digest of a source archive that was downloaded, or found in its place, for the first time; STATE/sources has a
 * file per URL. They are in the state directory and not in the cache, because a cache may be emptied at any time, and it is
 * the next download that must be the same. Any thread and any number of processes.
 */
#ifndef LABCTL_EXEC_PINS_H
#define LABCTL_EXEC_PINS_H

#include <stdbool.h>

#include "arena.h"
#include "fail.h"

/* The file of @url's pin. */
const char *pin_path(const char *state_dir, const char *url, struct arena *a);
/* Reads a pin; *ret_found is false if there is none. FAIL_CONFLICT if the file contains something else. */
int pin_read(const char *path, char ret_sha256[65], bool *ret_found, struct fail *e);
/* Makes a pin. An existing one stays, even if another process has made it meanwhile: then FAIL_CONFLICT if it differs. */
int pin_write(const char *path, const char *url, const char *sha256, struct arena *a, struct fail *e);

#endif
