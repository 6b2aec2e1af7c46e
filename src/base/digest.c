/* SPDX-License-Identifier: PostgreSQL */
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "auto.h"

DEFINE_AUTO(EVP_MD_CTX *, EVP_MD_CTX_free)

static void finish(EVP_MD_CTX *ctx, unsigned char ret_bytes[32])
{
	if (EVP_DigestFinal_ex(ctx, ret_bytes, NULL) != 1)
		abort();
}

static EVP_MD_CTX *start(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		abort();
	return ctx;
}

static void to_hex(const unsigned char bytes[32], char ret_hex[DIGEST_HEX])
{
	for (unsigned i = 0; i < 32; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", bytes[i]);
}

void digest_text(const char *text, size_t len, char ret_hex[DIGEST_HEX])
{
	auto_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = start();
	unsigned char bytes[32];

	EVP_DigestUpdate(ctx, text, len);
	finish(ctx, bytes);
	to_hex(bytes, ret_hex);
}

int digest_file(const char *path, char ret_hex[DIGEST_HEX], struct fail *e)
{
	auto_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = start();
	auto_(free) char *block = malloc(1 << 20);
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char bytes[32];
	ssize_t got;

	if (!block)
		abort();
	if (fd < 0)
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "%s", path);
	while ((got = read(fd, block, 1 << 20)) > 0)
		EVP_DigestUpdate(ctx, block, (size_t)got);
	if (got < 0)
		return fail_errno(e, FAIL_OTHER, "read %s", path);
	finish(ctx, bytes);
	to_hex(bytes, ret_hex);
	return 0;
}

void digest_uuid(const char *name, char ret_uuid[37])
{
	auto_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = start();
	unsigned char b[32];

	EVP_DigestUpdate(ctx, name, strlen(name));
	finish(ctx, b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x80); /* version 8 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
	snprintf(ret_uuid, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void digest_secret(char *ret, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t done = 0;

	while (done < len) {
		unsigned char byte;

		if (getrandom(&byte, 1, 0) != 1)
			abort();
		/* 248 = 4 x 62: bytes above would make the first letters more likely. */
		if (byte < 248)
			ret[done++] = alphabet[byte % 62];
	}
	ret[len] = '\0';
}
