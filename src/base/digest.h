/* SPDX-License-Identifier: PostgreSQL */
/* SHA-256, name-based UUIDs and random secrets (libcrypto). Thread-safe; abort when libcrypto or getrandom fails. */
#ifndef LABCTL_BASE_DIGEST_H
#define LABCTL_BASE_DIGEST_H

#include <stddef.h>

#include "fail.h"

#define DIGEST_HEX 65 /* 64 hex digits and NUL */

void digest_text(const char *text, size_t len, char ret_hex[DIGEST_HEX]);
/* FAIL_NOT_FOUND when there is no such file, FAIL_OTHER when it cannot be read. */
int digest_file(const char *path, char ret_hex[DIGEST_HEX], struct fail *e);

/* UUID (RFC 9562 version 8, custom) from the SHA-256 of @name: the same name gives the same id on every host. */
void digest_uuid(const char *name, char ret_uuid[37]);

/* Writes @len random characters of [A-Za-z0-9] and a NUL, from getrandom(2). 24 characters are 142 bits. */
void digest_secret(char *ret, size_t len);

#endif
