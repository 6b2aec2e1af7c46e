/* SPDX-License-Identifier: PostgreSQL */
#include "sessions.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "family.h"
#include "file.h"

#define SESSION_FRESH_MS 10000 /* a session idle for longer is checked before it is used */
#define ALIVE_MS 5000
#define WAIT_SLICE_MS 200      /* a thread that waits for a session notices a cancel this late at most */
#define PUBLIC_KEY_BYTES 4096

/* .ssh belongs to the thread that has the session. */
struct session {
	struct sessions *pool;
	const struct node *node;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	bool busy;
	int64_t start_ms; /* 0 = this process did not start the domain */
	struct ssh *ssh;
	int64_t used_ms;
};

struct sessions {
	struct sessions_env env;
	unsigned count;
	struct session sessions[]; /* one per node */
};

struct sessions *sessions_new(const struct sessions_env *env)
{
	unsigned count = env->lab ? env->lab->node_count : 0;
	struct sessions *s = calloc(1, sizeof *s + count * sizeof s->sessions[0]);
	pthread_condattr_t attr;

	if (!s)
		abort();
	s->env = *env;
	s->count = count;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (unsigned i = 0; i < count; i++) {
		s->sessions[i].pool = s;
		s->sessions[i].node = &env->lab->nodes[i];
		pthread_mutex_init(&s->sessions[i].lock, NULL);
		pthread_cond_init(&s->sessions[i].given_back, &attr);
	}
	pthread_condattr_destroy(&attr);
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->count; i++) {
		ssh_close(s->sessions[i].ssh);
		pthread_cond_destroy(&s->sessions[i].given_back);
		pthread_mutex_destroy(&s->sessions[i].lock);
	}
	free(s);
}

int session_login_ms(const struct sessions *s)
{
	switch (s->env.lab->hypervisor) {
	case HYPERVISOR_LXC: return 3000;
	case HYPERVISOR_KVM: return 5000;
	default: return 15000; /* a login takes seconds when eight emulated machines share two processors */
	}
}

static struct session *session_of(struct sessions *s, const struct node *n)
{
	assert(n->index >= 1 && n->index <= s->env.lab->node_count);
	return &s->sessions[n->index - 1];
}

static bool is_gone(void *ctx)
{
	const struct session *p = ctx;

	return p->pool->env.is_off(p->pool->env.ctx, p->node);
}

struct peer session_peer(struct sessions *s, const struct node *n)
{
	return (struct peer){ .gone = is_gone, .ctx = session_of(s, n) };
}

int session_reserve(struct sessions *s, const struct node *n, int64_t deadline_ms, struct ssh ***ret_session, struct fail *e)
{
	struct session *p = session_of(s, n);
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (p->busy && r == 0) {
		int64_t until = clock_now_ms() + clock_poll_ms(deadline_ms, WAIT_SLICE_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		pthread_cond_timedwait(&p->given_back, &p->lock, &at);
		if (!p->busy)
			break;
		if (s->env.cancel && atomic_load(s->env.cancel))
			r = fail(e, FAIL_CANCELED, "%s: canceled while waiting for another step to finish with its session", n->name);
		else if (clock_left_ms(deadline_ms) == 0)
			r = fail(e, FAIL_TIMEOUT, "%s: timed out while waiting for another step to finish with its session", n->name);
	}
	if (r == 0) {
		p->busy = true;
		*ret_session = &p->ssh;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

void session_done(struct sessions *s, const struct node *n, bool broken)
{
	struct session *p = session_of(s, n);

	if (broken) {
		ssh_close(p->ssh);
		p->ssh = NULL;
	}
	pthread_mutex_lock(&p->lock);
	p->busy = false;
	p->used_ms = clock_now_ms();
	pthread_cond_signal(&p->given_back);
	pthread_mutex_unlock(&p->lock);
}

int session_target(struct sessions *s, const struct node *n, const atomic_bool *cancel, struct arena *a,
		   struct ssh_target *ret_target, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf key = { 0 };

	if (!n->ip)
		return fail(e, FAIL_NOT_FOUND, "%s has no address: lab '%s' is not created yet", n->name, s->env.lab->name);
	if (file_read(paths_node(s->env.paths, n->name, "host_key.pub", a), PUBLIC_KEY_BYTES, &key, e) < 0) {
		fail_wrap(e, "%s: no host key in the lab's record", n->name);
		return fail_next(e, "labctl -l %s create", s->env.lab->name);
	}
	strbuf_truncate(&key, strcspn(strbuf_text(&key), "\r\n"));
	*ret_target = (struct ssh_target){ .node = n->name, .ip = n->ip_text, .port = 22, .user = "root",
					   .private_key = s->env.paths->key, .host_key = arena_strdup(a, strbuf_text(&key)),
					   .algorithms = s->env.lab->release->family->ssh, .cancel = cancel,
					   .peer = session_peer(s, n) };
	return 0;
}

void session_explain_key(struct sessions *s, const struct node *n, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (e->cause != CAUSE_HOST_KEY)
		return;
	/* Private and public key: `create` gives the node the ones in the record. */
	fail_next(e, "compare with /etc/ssh/ssh_host_%3$s_key.pub on the node's console; to accept the key put that file in "
		  "place of %1$s.pub and the one without .pub in place of %1$s, then labctl -l %2$s create; "
		  "else labctl -l %2$s destroy",
		  paths_node(s->env.paths, n->name, "host_key", a), s->env.lab->name, s->env.lab->release->family->key_type);
}

int session_get(struct sessions *s, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e)
{
	return session_get_within(s, n, session_login_ms(s), deadline_ms, ret_ssh, e);
}

int session_get_within(struct sessions *s, const struct node *n, int64_t login_ms, int64_t deadline_ms, struct ssh **ret_ssh,
		       struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	int64_t attempt = clock_after_ms(login_ms);
	struct ssh_target target;
	struct ssh **ssh;

	if (session_reserve(s, n, deadline_ms, &ssh, e) < 0)
		return -1;
	if (*ssh && clock_now_ms() - session_of(s, n)->used_ms > SESSION_FRESH_MS &&
	    !ssh_alive(*ssh, clock_after_ms(ALIVE_MS))) {
		ssh_close(*ssh);
		*ssh = NULL;
	}
	if (!*ssh && (session_target(s, n, s->env.cancel, a, &target, e) < 0 ||
		      ssh_open(&target, attempt < deadline_ms ? attempt : deadline_ms, ssh, e) < 0)) {
		session_explain_key(s, n, e);
		if (!*e->next)
			fail_next(e, "labctl -l %s status", s->env.lab->name);
		session_done(s, n, false);
		return -1;
	}
	*ret_ssh = *ssh;
	return 0;
}

void session_node_started(struct sessions *s, const struct node *n, int64_t wall_ms)
{
	struct session *p = session_of(s, n);

	pthread_mutex_lock(&p->lock);
	p->start_ms = wall_ms;
	/* one from before the machine was stopped leads nowhere */
	if (!p->busy) {
		ssh_close(p->ssh);
		p->ssh = NULL;
	}
	pthread_mutex_unlock(&p->lock);
}

int64_t session_node_start_ms(struct sessions *s, const struct node *n)
{
	struct session *p = session_of(s, n);
	int64_t start_ms;

	pthread_mutex_lock(&p->lock);
	start_ms = p->start_ms;
	pthread_mutex_unlock(&p->lock);
	return start_ms;
}
