/* SPDX-License-Identifier: PostgreSQL */
/*
 * libssh2 sessions: connect, verify the pinned host key, run scripts, copy. The only includers of libssh2.h are
 * ssh*.c, by ssh_session.h. One session belongs to one thread at a time; different sessions run in parallel. Every
 * call has an absolute deadline; nothing blocks past it. TCP_NODELAY and TCP_QUICKACK are set (two 40 ms stalls
 * otherwise).
 */
#ifndef LABCTL_LINK_SSH_H
#define LABCTL_LINK_SSH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "auto.h"
#include "fail.h"
#include "family.h"
#include "peer.h"
#include "strbuf.h"

#define SSH_OUT_MAX_BYTES (16u << 20)

struct ssh;

struct ssh_target {
	const char *node;         /* for messages: "node3" */
	const char *ip;           /* dotted */
	unsigned port;            /* 22 */
	const char *user;         /* "root" */
	const char *private_key;  /* path of an OpenSSH key */
	const char *host_key;     /* "ssh-ed25519 AAAA..." : the pinned key, as in the .pub file */
	const struct ssh_algorithms *algorithms; /* the algorithms to offer; NULL = modern ones */
	const atomic_bool *cancel; /* may be NULL */
	struct peer peer;
};

/* Connects and logs in, in one attempt. FAIL_SSH (refused, unreachable, host key changed, key refused), FAIL_TIMEOUT, FAIL_CANCELED. */
int ssh_open(const struct ssh_target *t, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e);
/*
 * Retries until the login succeeds, with pauses of at most 200 ms; each attempt has
 * its own deadline (@try_ms: 3000 for containers, 15000 emulated). A changed host key or refused key fails at
 * once after @grace_ms (a node's sshd may start before its keys are there; 0 = at once).
 */
int ssh_wait(const struct ssh_target *t, int try_ms, int grace_ms, int64_t deadline_ms, struct ssh **ret_ssh,
	     struct fail *e);
/* Replaces ssh_target.cancel by another flag, which must live as long as the session. */
void ssh_set_cancel(struct ssh *s, const atomic_bool *cancel);
void ssh_close(struct ssh *s);
DEFINE_AUTO(struct ssh *, ssh_close)

/*
 * Runs @command; @input (may be NULL) is its stdin. Appends stdout to @out, stderr to @err (each at most
 * SSH_OUT_MAX_BYTES, then FAIL_SSH). Returns 0 if the command ran to its end, with any *ret_status
 * (0..255; 128+n if killed by signal n). FAIL_TIMEOUT: the remote process may still be running.
 * @line (may be NULL) gets each stdout line as it arrives; @data gets all bytes of both streams as they arrive, without a
 * limit if @out and @err are NULL.
 */
struct ssh_run {
	const char *command;
	const char *input; size_t input_len;
	struct strbuf *out, *err;
	void (*line)(void *ctx, const char *line); void *line_ctx;
	void (*data)(void *ctx, bool is_err, const char *data, size_t len); void *data_ctx;
	int64_t deadline_ms;
};
int ssh_run(struct ssh *s, const struct ssh_run *r, int *ret_status, struct fail *e);

/* True if sshd still answers before @deadline_ms (opens and closes a channel). */
bool ssh_alive(struct ssh *s, int64_t deadline_ms);

#endif
