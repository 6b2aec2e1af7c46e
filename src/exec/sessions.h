/* SPDX-License-Identifier: PostgreSQL */
/*
 * The SSH sessions of a running command: one per node, opened when first needed, kept open, and lent to one thread at a
 * time; others wait. Any thread; the borrower returns a session with session_done().
 */
#ifndef LABCTL_EXEC_SESSIONS_H
#define LABCTL_EXEC_SESSIONS_H

#include <stdatomic.h>

#include "lab.h"
#include "paths.h"
#include "ssh.h"

struct sessions;

struct sessions_env {
	const struct lab *lab;      /* borrowed, like everything here; NULL = no lab, no nodes */
	const struct paths *paths;
	const atomic_bool *cancel;
	bool (*is_off)(void *ctx, const struct node *n); /* true if libvirt says that the node is not running */
	void *ctx;
};

struct sessions *sessions_new(const struct sessions_env *env); /* aborts if out of memory */
void sessions_free(struct sessions *s);                        /* closes all sessions */

/*
 * Borrows the node's session; logs in first if necessary. FAIL_TIMEOUT or FAIL_CANCELED if another thread keeps it; else
 * fails as ssh_open() does, with the command to run next.
 */
int session_get(struct sessions *s, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e);
/* The same with a login limit other than session_login_ms(), for a second try on a busy host. */
int session_get_within(struct sessions *s, const struct node *n, int64_t login_ms, int64_t deadline_ms,
		       struct ssh **ret_ssh, struct fail *e);
/* Returns the session. @broken: it is unusable and is closed. */
void session_done(struct sessions *s, const struct node *n, bool broken);
int session_login_ms(const struct sessions *s); /* limit for a login, by hypervisor */

/* For callers that log in themselves: *ret_session is the node's session, NULL if not open yet; return it by session_done(). */
int session_reserve(struct sessions *s, const struct node *n, int64_t deadline_ms, struct ssh ***ret_session, struct fail *e);
/* Makes the arguments of ssh_open() for a node, in @a. FAIL_NOT_FOUND if the lab's record has no host key of it. */
int session_target(struct sessions *s, const struct node *n, const atomic_bool *cancel, struct arena *a,
		   struct ssh_target *ret_target, struct fail *e);
/* If @e says that the node's host key is not the recorded one, adds where the recorded key is. */
void session_explain_key(struct sessions *s, const struct node *n, struct fail *e);
struct peer session_peer(struct sessions *s, const struct node *n); /* for other connections to the node */

/*
 * Records that this process started the domain, not before @wall_ms: a node that is ready at once was not necessarily up before.
 * Closes a session from before the start.
 */
void session_node_started(struct sessions *s, const struct node *n, int64_t wall_ms);
/* The time that was recorded, in milliseconds since the epoch; 0 if this process did not start the domain. */
int64_t session_node_start_ms(struct sessions *s, const struct node *n);

#endif
