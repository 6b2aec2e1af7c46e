/* SPDX-License-Identifier: PostgreSQL */
#include "secrets.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "state.h"

#define REDACT_MIN 4 /* redacting a shorter, user-chosen secret would make messages unreadable */

struct secrets {
	const struct paths *paths;
	pthread_mutex_t lock;
	struct secret { char name[64], value[SECRET_BYTES]; } secrets[DB_USERS_MAX + 16];
	unsigned count;
};

struct secrets *secrets_new(const struct paths *p)
{
	struct secrets *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->paths = p;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	explicit_bzero(s, sizeof *s);
	free(s);
}

static void keep(struct secrets *s, const char *name, const char *value)
{
	struct secret *at = &s->secrets[s->count];

	if (s->count == ARRAY_COUNT(s->secrets) || strlen(name) >= sizeof at->name)
		return;
	snprintf(at->name, sizeof at->name, "%s", name);
	memcpy(at->value, value, sizeof at->value);
	s->count++;
}

int secrets_get(struct secrets *s, const char *name, char ret[SECRET_BYTES], struct fail *e)
{
	char value[SECRET_BYTES] = "";
	int status = 0;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->count; i++)
		if (!strcmp(s->secrets[i].name, name))
			memcpy(value, s->secrets[i].value, sizeof value);
	if (!*value) {
		status = state_secret(s->paths, name, value, e);
		if (status == 0)
			keep(s, name, value);
	}
	pthread_mutex_unlock(&s->lock);
	if (status == 0)
		memcpy(ret, value, sizeof value);
	explicit_bzero(value, sizeof value);
	return status;
}

void secrets_redact(struct secrets *s, char *text)
{
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->count; i++) {
		size_t len = strlen(s->secrets[i].value);

		if (len < REDACT_MIN)
			continue;
		for (char *at = text; (at = strstr(at, s->secrets[i].value)); at += len)
			memset(at, '*', len);
	}
	pthread_mutex_unlock(&s->lock);
}

void secrets_redact_fail(struct secrets *s, struct fail *e)
{
	secrets_redact(s, e->text);
	secrets_redact(s, e->evidence);
}
