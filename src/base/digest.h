/* SPDX-License-Identifier: PostgreSQL */
/* SHA-256, name-based identifiers and random secrets (libcrypto). */
#ifndef LABCTL_BASE_DIGEST_H
#define LABCTL_BASE_DIGEST_H

#include <stddef.h>

#include "fail.h"

#define DIGEST_HEX 65 /* 64 hex digits and NUL */

void digest_text(const char *text, size_t len, char ret_hex[DIGEST_HEX]);
int digest_file(const char *path, char ret_hex[DIGEST_HEX], struct fail *e);

/* UUID (RFC 9562 version 8, custom) made of SHA-256 of @name: the same name gives the same id on every host. */
void digest_uuid(const char *name, char ret_uuid[37]);

/* @len random characters of [A-Za-z0-9] and NUL from the kernel: 24 give 142 bits. */
void digest_secret(char *ret, size_t len);

#endif
