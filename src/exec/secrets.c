/* SPDX-License-Identifier: PostgreSQL */
#include "secrets.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "state.h"

#define REDACT_MIN 4 /* redacting a shorter, user-chosen secret would make messages unreadable */

DEFINE_AUTO(DIR *, closedir)

struct secrets {
	const struct paths *paths;
	pthread_mutex_t lock;
	struct secret { char name[64], value[SECRET_BYTES]; } secrets[2 * (DB_USERS_MAX + 16)]; /* with the old ones of a renewal */
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

int secrets_renew(struct secrets *s, const char *name, struct fail *e)
{
	char old[SECRET_BYTES];

	if (secrets_get(s, name, old, e) < 0)
		return -1;
	explicit_bzero(old, sizeof old);
	if (state_renew_secret(s->paths, name, e) < 0)
		return -1;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->count; i++)
		if (!strcmp(s->secrets[i].name, name))
			*s->secrets[i].name = '\0'; /* nobody gets it any more, but it is not shown either */
	pthread_mutex_unlock(&s->lock);
	return 0;
}

int secrets_read_all(struct secrets *s, struct fail *e)
{
	auto_(closedir) DIR *dir = opendir(s->paths->secrets);
	char value[SECRET_BYTES];
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		/* a secret is written beside its file first (file_write()) */
		if (*entry->d_name == '.' || strchr(entry->d_name, '.'))
			continue;
		if (secrets_get(s, entry->d_name, value, e) < 0)
			return -1;
		explicit_bzero(value, sizeof value);
	}
	return 0;
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

/* --- texts that leave this host --- */

static void hide(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = '*';
}

static void hide_known(struct secrets *s, char *text, size_t len)
{
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->count; i++) {
		size_t secret = strlen(s->secrets[i].value);

		for (char *at = text; secret >= REDACT_MIN && (at = memmem(at, (size_t)(text + len - at), s->secrets[i].value, secret));)
			hide(at, at + secret);
	}
	pthread_mutex_unlock(&s->lock);
}

/* What is between "-----BEGIN ... PRIVATE KEY-----" and the next "-----END", or the end of the text. */
static void hide_keys(char *text, char *end)
{
	static const char mark[] = "PRIVATE KEY-----", last[] = "-----END";

	while ((text = memmem(text, (size_t)(end - text), mark, sizeof mark - 1))) {
		char *stop;

		text += sizeof mark - 1;
		stop = memmem(text, (size_t)(end - text), last, sizeof last - 1);
		hide(text, stop ? stop : end);
		/* the last line has the mark, too */
		text = stop ? memchr(stop, '\n', (size_t)(end - stop)) : NULL;
		if (!text)
			return;
	}
}

static bool ends_word(char c)
{
	return c == '\0' || strchr(" \t\r\n'\"<>,;\\)", c) != NULL;
}

/* "https://user:word@host/path?token=x": user and word, and what is after the question mark. */
static void hide_in_urls(char *text, char *end)
{
	while ((text = memmem(text, (size_t)(end - text), "://", 3))) {
		char *stop = text += 3, *at = NULL, *query = NULL;

		for (; stop < end && !ends_word(*stop); stop++) {
			if (*stop == '@' && !query && !memchr(text, '/', (size_t)(stop - text)))
				at = stop;
			if (*stop == '?' && !query)
				query = stop + 1;
		}
		if (at)
			hide(text, at);
		if (query)
			hide(query, stop);
		text = stop;
	}
}

/* password 'x', PASSWORD = "x", password=x, "password": "x"; not: password authentication failed */
static void hide_passwords(char *text, char *end)
{
	static const char word[] = "password";

	while (end - text > (int)sizeof word) {
		char *at = text++, quote;
		bool assigned = false;

		if (strncasecmp(at, word, sizeof word - 1) != 0)
			continue;
		at += sizeof word - 1;
		at += at < end && (*at == '"' || *at == '\'');
		while (at < end && (*at == ' ' || *at == '=' || *at == ':'))
			assigned |= *at++ == '=';
		quote = at < end && (*at == '\'' || *at == '"') ? *at++ : '\0';
		if (!quote && !assigned)
			continue;
		text = at;
		while (text < end && *text != '\n' && (quote ? *text != quote : !ends_word(*text)))
			text++;
		hide(at, text);
	}
}

void secrets_redact_all(struct secrets *s, char *text, size_t len)
{
	hide_known(s, text, len);
	hide_keys(text, text + len);
	hide_in_urls(text, text + len);
	hide_passwords(text, text + len);
}

void secrets_redact_fail(struct secrets *s, struct fail *e)
{
	secrets_redact(s, e->text);
	secrets_redact(s, e->evidence);
}
