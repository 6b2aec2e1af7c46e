/* SPDX-License-Identifier: PostgreSQL */
/* A pinned host key, a line of a .pub file: decoded correctly, or refused. */
#include "../../src/link/ssh/ssh_auth.c" /* parse_pinned() */

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);
	unsigned char blob[KEY_BLOB_MAX], again[2 * KEY_BLOB_MAX];
	char type[64], print[FINGERPRINT_MAX];
	size_t len = parse_pinned(text, type, blob);
	const char *key;

	PROMISE(len <= sizeof blob);
	if (!len)
		return 0;
	PROMISE(*type && !strpbrk(type, " \t\n"));
	key = strstr(text, type) + strlen(type);
	key += strspn(key, " \t\n\v\f\r");
	EVP_EncodeBlock(again, blob, (int)len);
	/* The last character before the padding may have unused bits. */
	PROMISE(!strncmp(key, (const char *)again, len / 3 * 4), "%s is not %s", key, again);
	PROMISE(strcspn(key, " \t\n\v\f\r") == strlen((const char *)again), "%s is not %s", key, again);
	fingerprint(blob, len, print);
	PROMISE(!strncmp(print, "SHA256:", 7) && strlen(print) == 50, "%s", print);
	return 0;
}
