/* SPDX-License-Identifier: PostgreSQL */
/* What is overwritten in texts: known secrets everywhere; in what leaves the host also keys, credentials and passwords in SQL. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "file.h"
#include "secrets.h"

static char dir[] = "/tmp/labctl-secrets-XXXXXX";
static struct paths paths = { .secrets = dir };
static struct secrets *secrets;

static void put(const char *name, const char *value)
{
	char path[128];
	struct fail e = { 0 };

	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_write(path, value, strlen(value), 0600, &e), 0);
}

static int make(void **state)
{
	struct fail e = { 0 };

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	put("postgres", "Zx81Zx81Zx81Zx81Zx81Zx81\n");
	put("user-ann", "annannannannann");
	put("user-bob.new", "leftover");
	secrets = secrets_new(&paths);
	return secrets_read_all(secrets, &e);
}

static int drop(void **state)
{
	struct fail e;

	(void)state;
	secrets_free(secrets);
	return file_remove_tree(dir, &e);
}

static void known(void **state)
{
	char text[] = "a Zx81Zx81Zx81Zx81Zx81Zx81 b annannannannann c leftover";

	(void)state;
	secrets_redact(secrets, text);
	assert_string_equal(text, "a ************************ b *************** c leftover");
}

static void known_behind_zeros(void **state)
{
	char text[] = "a\0Zx81Zx81Zx81Zx81Zx81Zx81\0annannannannann";

	(void)state;
	secrets_redact_all(secrets, text, sizeof text - 1);
	assert_memory_equal(text, "a\0************************\0***************", sizeof text);
}

static void leaving(void **state)
{
	static const struct { const char *from, *to; } texts[] = {
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIVATE KEY-----\nrest",
		  "-----BEGIN OPENSSH PRIVATE KEY-----\n****\n****\n-----END OPENSSH PRIVATE KEY-----\nrest" },
		{ "-----BEGIN PRIVATE KEY-----\ncut off", "-----BEGIN PRIVATE KEY-----\n*******" },
		{ "ssh-ed25519 AAAA public", "ssh-ed25519 AAAA public" },
		{ "https://ann:word@host/a?token=1 b", "https://********@host/a?******* b" },
		{ "http://host/path@2, ftp://x", "http://host/path@2, ftp://x" },
		{ "postgresql://u:p@10.88.0.1/db\n", "postgresql://***@10.88.0.1/db\n" },
		{ "see http://h/?", "see http://h/?" },
		{ "ALTER USER x PASSWORD 'it is' VALID", "ALTER USER x PASSWORD '*****' VALID" },
		{ "host=h password=abc port=1", "host=h password=*** port=1" },
		{ "{\"password\": \"abc\", \"n\": 1}", "{\"password\": \"***\", \"n\": 1}" },
		{ "Password = \"abc", "Password = \"***" },
		{ "password authentication failed for user \"x\"", "password authentication failed for user \"x\"" },
		{ "password_encryption = 'scram-sha-256'", "password_encryption = 'scram-sha-256'" },
		{ "host all all all password\nlocal", "host all all all password\nlocal" },
		{ "password", "password" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		auto_(free) char *text = strdup(texts[i].from);

		secrets_redact_all(secrets, text, strlen(text));
		assert_string_equal(text, texts[i].to);
	}
}

static void none(void **state)
{
	const struct paths nowhere = { .secrets = "/nonexistent" };
	struct secrets *s = secrets_new(&nowhere);
	struct fail e = { 0 };

	(void)state;
	assert_int_equal(secrets_read_all(s, &e), 0);
	secrets_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known), cmocka_unit_test(known_behind_zeros), cmocka_unit_test(leaving), cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
