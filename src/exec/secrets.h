/* SPDX-License-Identifier: PostgreSQL */
/*
 * The secrets of a lab, read from its record (or made) when first needed, and redacted from everything that is shown
 * or stored. Values are [A-Za-z0-9] only (state_secret()). Any thread.
 */
#ifndef LABCTL_EXEC_SECRETS_H
#define LABCTL_EXEC_SECRETS_H

#include <stddef.h>

#include "fail.h"
#include "paths.h"

#define SECRET_BYTES 64

struct secrets;

struct secrets *secrets_new(const struct paths *p); /* @p is borrowed; aborts if out of memory */
void secrets_free(struct secrets *s);               /* overwrites the values first */
/* The caller must overwrite @ret after use. Fails as state_secret() does. */
int secrets_get(struct secrets *s, const char *name, char ret[SECRET_BYTES], struct fail *e);
/*
 * Replaces a secret by a new random one, in the record and here; the old value is redacted further on. Call it while no other
 * thread needs the secret.
 */
int secrets_renew(struct secrets *s, const char *name, struct fail *e);
/*
 * Reads all secrets of the lab that exist, so that they are redacted from what nodes have written by themselves. A lab without
 * secrets is fine. Fails as state_secret() does.
 */
int secrets_read_all(struct secrets *s, struct fail *e);
/* Overwrites every secret read so far in @text with '*'. For notes, failures and the journal. */
void secrets_redact(struct secrets *s, char *text);
/*
 * For texts that leave this host: overwrites also private keys, credentials in URLs, and what follows the word "password" in
 * quotes or after "=". @text may have zeros.
 */
void secrets_redact_all(struct secrets *s, char *text, size_t len);
void secrets_redact_fail(struct secrets *s, struct fail *e);

#endif
