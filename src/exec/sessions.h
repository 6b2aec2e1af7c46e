/* SPDX-License-Identifier: PostgreSQL */
/*
 * The SSH sessions of a running command: one per node, opened when first needed, kept, and lent to one user at a time;
 * others wait. Any thread; whoever has a session gives it back with session_done().
 */
#ifndef LABCTL_EXEC_SESSIONS_H
#define LABCTL_EXEC_SESSIONS_H

#include <stdatomic.h>

#include "lab.h"
#include "paths.h"
#include "ssh.h"

struct sessions;

struct sessions_env {
	const struct lab *lab;      /* borrowed, as all here; NULL = no lab, no nodes */
	const struct paths *paths;
	const atomic_bool *cancel;
	bool (*is_off)(void *ctx, const struct node *n); /* does libvirt say that its machine does not run? */
	void *ctx;
};

struct sessions *sessions_new(const struct sessions_env *env); /* aborts without memory */
void sessions_free(struct sessions *s);                        /* closes what is open */

/*
 * The node's session, logged in when it is not. FAIL_TIMEOUT and FAIL_CANCELED while another step has it; else fails as
 * ssh_open() does, with the command to run next.
 */
int session_get(struct sessions *s, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e);
/* The same with another limit for the login than session_login_ms(): for a second try on a busy host. */
int session_get_within(struct sessions *s, const struct node *n, int64_t login_ms, int64_t deadline_ms,
		       struct ssh **ret_ssh, struct fail *e);
/* @broken: the session is of no more use and is closed. */
void session_done(struct sessions *s, const struct node *n, bool broken);
int session_login_ms(const struct sessions *s); /* how long a login usually takes at most, by hypervisor */

/* For a login of one's own: the node's session, which is NULL when there is none yet, the caller's until session_done(). */
int session_reserve(struct sessions *s, const struct node *n, int64_t deadline_ms, struct ssh ***ret_session, struct fail *e);
/* Arguments of ssh_open() for a node, in @a. FAIL_NOT_FOUND when the lab's record has no host key of it. */
int session_target(struct sessions *s, const struct node *n, const atomic_bool *cancel, struct arena *a,
		   struct ssh_target *ret_target, struct fail *e);
/* Says where the pinned key is, when @e says that the node showed another one. */
void session_explain_key(struct sessions *s, const struct node *n, struct fail *e);
struct peer session_peer(struct sessions *s, const struct node *n); /* for other connections to the node */

/* Did this process start the domain? (What is ready at once was not necessarily up before.) */
void session_node_started(struct sessions *s, const struct node *n);
bool session_node_was_started(struct sessions *s, const struct node *n);

#endif
