/* SPDX-License-Identifier: PostgreSQL */
/*
 * Shared by ssh.c (open, wait, close), ssh_auth.c (keys) and ssh_run.c (run); private to src/link/ssh.
 * Tests go through ssh.h: tests/link/test_ssh.c.
 */
#ifndef LABCTL_LINK_SSH_SESSION_H
#define LABCTL_LINK_SSH_SESSION_H

#include <libssh2.h>

#include "ssh.h"

#define SSH_CANCEL_MS 100 /* how often a wait checks the cancel flag */

struct ssh {
	LIBSSH2_SESSION *session;
	int fd;
	char *node, *ip;            /* owned, for messages */
	const atomic_bool *cancel;  /* borrowed from the target, may be NULL */
	uint64_t received;          /* bytes taken from the socket: "did this pass make progress" */
	int io_errno;               /* of the last failed recv; 0 = none, EPIPE = the peer closed */
	int64_t started_ms;         /* start of the running operation, for "after 1.2 s" */
	struct peer peer;
	int64_t asked_ms;           /* for peer_gone() */
	bool broken;                /* a call is incomplete: only ssh_close() is allowed */
};

/*
 * Waits until the socket is ready for what libssh2 needs (valid only right after EAGAIN), or for @events if not 0.
 * FAIL_TIMEOUT, FAIL_CANCELED; the session is broken then, because the interrupted call cannot be repeated.
 */
int ssh_io_wait(struct ssh *s, const char *phase, short events, int64_t deadline_ms, struct fail *e);

/* "node node3 (10.88.1.13): ssh: PHASE: REASON after 1.2 s". Returns -1. */
__attribute__((format(printf, 5, 6), cold)) int ssh_fail(struct ssh *s, enum fail_code code, const char *phase,
							 struct fail *e, const char *fmt, ...);

/* ssh_fail() with libssh2's reason, or a clearer one of ours; FAIL_SSH. */
__attribute__((cold)) int ssh_fail_code(struct ssh *s, const char *phase, int rc, struct fail *e);

/* Negotiates algorithms and checks the pinned host key: FAIL_SSH "host key: changed" with what to do. */
int ssh_handshake(struct ssh *s, const struct ssh_target *t, int64_t deadline_ms, struct fail *e);
/* Authenticates with the lab's key. *ret_rc = libssh2's error code, if libssh2 failed. */
int ssh_authenticate(struct ssh *s, const struct ssh_target *t, int64_t deadline_ms, int *ret_rc, struct fail *e);

#endif
