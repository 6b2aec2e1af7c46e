/* SPDX-License-Identifier: PostgreSQL */
/* Authentication: algorithms, the node's host key, the lab's key. */
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ssh_session.h"

#define KEY_BLOB_MAX 1024       /* bytes of a public key; ssh-ed25519 has 51 */
#define FINGERPRINT_MAX 64      /* "SHA256:" and 43 characters */

static const char PHASE_HANDSHAKE[] = "handshake";
static const char PHASE_HOST_KEY[] = "host key";
static const char PHASE_AUTH[] = "authenticate";

/*
 * First choice and fallbacks. curve25519 costs a fifth of dh-gex; libssh2 1.10 and every sshd since 2012 share
 * aes128-ctr with SHA-2. Older nodes have their own list (ssh_target.algorithms).
 */
static const struct ssh_algorithms today = {
	.kex = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,diffie-hellman-group14-sha256",
	.ciphers = "aes128-ctr,aes256-ctr",
	.macs = "hmac-sha2-256",
};

static const struct method { int type; size_t offset; } methods[] = {
	{ LIBSSH2_METHOD_KEX, offsetof(struct ssh_algorithms, kex) },
	{ LIBSSH2_METHOD_CRYPT_CS, offsetof(struct ssh_algorithms, ciphers) },
	{ LIBSSH2_METHOD_CRYPT_SC, offsetof(struct ssh_algorithms, ciphers) },
	{ LIBSSH2_METHOD_MAC_CS, offsetof(struct ssh_algorithms, macs) },
	{ LIBSSH2_METHOD_MAC_SC, offsetof(struct ssh_algorithms, macs) },
};

/* "ssh-ed25519 AAAA... comment": length of the decoded key in @blob, or 0; the first word goes to @ret_type. */
static size_t parse_pinned(const char *line, char ret_type[64], unsigned char blob[KEY_BLOB_MAX])
{
	char text[KEY_BLOB_MAX];
	unsigned char again[KEY_BLOB_MAX];
	size_t len;
	int decoded;

	if (!line || sscanf(line, "%63s %1023s", ret_type, text) != 2)
		return 0;
	len = strlen(text);
	decoded = EVP_DecodeBlock(blob, (const unsigned char *)text, (int)len);
	if (decoded <= 0 || len < 4)
		return 0;
	/* EVP_DecodeBlock() counts padding, and accepts it anywhere: a key must encode back to the same text. */
	decoded -= (text[len - 1] == '=') + (text[len - 2] == '=');
	EVP_EncodeBlock(again, blob, decoded);
	return strcmp((const char *)again, text) ? 0 : (size_t)decoded;
}

/* The fingerprint as ssh-keygen -l prints it. */
static void fingerprint(const void *blob, size_t len, char ret[FINGERPRINT_MAX])
{
	unsigned char hash[SHA256_DIGEST_LENGTH], text[FINGERPRINT_MAX];
	int n;

	SHA256(blob, len, hash);
	n = EVP_EncodeBlock(text, hash, sizeof(hash));
	while (n > 0 && text[n - 1] == '=')
		n--;
	snprintf(ret, FINGERPRINT_MAX, "SHA256:%.*s", n, (const char *)text);
}

static int verify_host_key(struct ssh *s, const unsigned char *pinned, size_t pinned_len, struct fail *e)
{
	char wanted[FINGERPRINT_MAX], got[FINGERPRINT_MAX];
	size_t len = 0;
	int type = 0;
	const char *key = libssh2_session_hostkey(s->session, &len, &type);

	if (!key)
		return ssh_fail(s, FAIL_SSH, PHASE_HOST_KEY, e, "the node sent none");
	if (len == pinned_len && memcmp(key, pinned, len) == 0)
		return 0;
	fingerprint(pinned, pinned_len, wanted);
	fingerprint(key, len, got);
	ssh_fail(s, FAIL_SSH, PHASE_HOST_KEY, e, "changed: the node shows %s, pinned is %s;", got, wanted);
	fail_cause(e, CAUSE_HOST_KEY);
	return fail_next(e,
			 "to accept it, put the node's host key (/etc/ssh/ssh_host_*_key.pub) into the lab's keys after "
			 "checking it on the node's console; if the machine is not the lab's, run: labctl destroy");
}

int ssh_handshake(struct ssh *s, const struct ssh_target *t, int64_t deadline_ms, struct fail *e)
{
	const char *offered = (const char *)(t->algorithms ? t->algorithms : &today);
	unsigned char pinned[KEY_BLOB_MAX];
	char type[64];
	size_t pinned_len = parse_pinned(t->host_key, type, pinned);
	int rc;

	if (!pinned_len)
		return ssh_fail(s, FAIL_OTHER, PHASE_HOST_KEY, e, "the pinned key is not a line of a .pub file");
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
		libssh2_session_method_pref(s->session, methods[i].type,
					    *(const char *const *)(const void *)(offered + methods[i].offset));
	/* Negotiate only the pinned type: an sshd with several keys might present another one, a false alarm. */
	rc = libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY, type);
	if (rc)
		return ssh_fail(s, FAIL_SSH, PHASE_HOST_KEY, e, "libssh2 does not know the pinned type '%s'", type);
	while ((rc = libssh2_session_handshake(s->session, s->fd)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(s, PHASE_HANDSHAKE, 0, deadline_ms, e) < 0)
			return -1;
	if (rc)
		return ssh_fail_code(s, PHASE_HANDSHAKE, rc, e);
	return verify_host_key(s, pinned, pinned_len, e);
}

int ssh_authenticate(struct ssh *s, const struct ssh_target *t, int64_t deadline_ms, int *ret_rc, struct fail *e)
{
	unsigned user_len = (unsigned)strlen(t->user);
	char beside[PATH_MAX];
	const char *public_key = beside;
	int rc;

	/* ssh-keygen's path. Without the public key OpenSSL tries every format on the private key, for each node. */
	if (snprintf(beside, sizeof(beside), "%s.pub", t->private_key) >= (int)sizeof(beside) || access(beside, R_OK) < 0)
		public_key = NULL;
	while ((rc = libssh2_userauth_publickey_fromfile_ex(s->session, t->user, user_len, public_key, t->private_key,
							    NULL)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_io_wait(s, PHASE_AUTH, 0, deadline_ms, e) < 0)
			return -1;
	if (!rc)
		return 0;
	*ret_rc = rc;
	ssh_fail_code(s, PHASE_AUTH, rc, e);
	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		fail_next(e, "ssh -v -o IdentitiesOnly=yes -i %s -p %u %s@%s", t->private_key, t->port, t->user, t->ip);
	return -1;
}
