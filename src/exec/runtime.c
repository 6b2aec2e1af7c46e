/* SPDX-License-Identifier: PostgreSQL */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "family.h"
#include "file.h"
#include "lease.h"
#include "recipe.h"
#include "state.h"
#include "runtime_private.h"

#define SESSION_FRESH_MS 10000 /* a session that rested longer is asked whether it lives */
#define ALIVE_MS 5000
#define WAIT_SLICE_MS 200      /* how late a cancel is seen by those that wait for a session */
#define PUBLIC_KEY_BYTES 4096

int runtime_open(const struct lab *lab, const struct runtime_options *o, struct runtime **ret_runtime, struct fail *e)
{
	struct runtime *rt = calloc(1, sizeof *rt);
	pthread_condattr_t attr;

	(void)e;
	if (!rt)
		abort();
	rt->lab = lab;
	rt->o = *o;
	rt->arena = arena_new();
	paths_init(&rt->paths, o->state_dir, o->cache_dir, lab ? lab->name : NULL, rt->arena);
	pthread_mutex_init(&rt->lock, NULL);
	pthread_mutex_init(&rt->image_lock, NULL);
	rt->places = calloc(lab && lab->node_count ? lab->node_count : 1, sizeof *rt->places);
	if (!rt->places)
		abort();
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (unsigned i = 0; lab && i < lab->node_count; i++) {
		rt->places[i].runtime = rt;
		rt->places[i].node = &lab->nodes[i];
		pthread_mutex_init(&rt->places[i].lock, NULL);
		pthread_cond_init(&rt->places[i].given_back, &attr);
	}
	pthread_condattr_destroy(&attr);
	*ret_runtime = rt;
	return 0;
}

void runtime_close(struct runtime *rt)
{
	if (!rt)
		return;
	for (unsigned i = 0; rt->lab && i < rt->lab->node_count; i++) {
		ssh_close(rt->places[i].ssh);
		pthread_cond_destroy(&rt->places[i].given_back);
		pthread_mutex_destroy(&rt->places[i].lock);
	}
	free(rt->places);
	virt_close(rt->virt);
	explicit_bzero(rt->secrets, sizeof rt->secrets);
	pthread_mutex_destroy(&rt->image_lock);
	pthread_mutex_destroy(&rt->lock);
	arena_free(rt->arena);
	free(rt);
}

const struct paths *runtime_paths(const struct runtime *rt)
{
	return &rt->paths;
}

const struct lab *runtime_lab(const struct runtime *rt)
{
	return rt->lab;
}

const struct library *runtime_library(const struct runtime *rt)
{
	return rt->o.lib;
}

void runtime_lock(struct runtime *rt)
{
	pthread_mutex_lock(&rt->lock);
}

void runtime_unlock(struct runtime *rt)
{
	pthread_mutex_unlock(&rt->lock);
}

/* --- libvirt --- */

int runtime_virt(struct runtime *rt, struct virt **ret_virt, struct fail *e)
{
	const char *uri = rt->o.connect_uri;
	int r = 0;

	if (!uri)
		uri = rt->lab && rt->lab->hypervisor == HYPERVISOR_LXC ? "lxc:///system" : "qemu:///system";
	runtime_lock(rt);
	if (!rt->virt)
		r = virt_open(uri, &rt->virt, e);
	if (r == 0)
		*ret_virt = rt->virt;
	runtime_unlock(rt);
	return r;
}

int runtime_facts(struct runtime *rt, struct arena *a, struct facts *ret, struct fail *e)
{
	struct virt *v;

	if (runtime_virt(rt, &v, e) < 0)
		return -1;
	return virt_facts(v, rt->lab ? rt->lab->uuid : NULL, a, ret, e);
}

int runtime_lease(struct runtime *rt, struct lab *lab, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct lease_wish wish = { .state_dir = rt->paths.state, .lab = lab->name, .lab_uuid = lab->uuid,
				   .subnet = lab->net.subnet, .prefix_len = lab_prefix_len(lab) };
	struct subnet *taken;
	struct virt *v;
	uint32_t subnet;
	unsigned prefix_len;
	bool saved;

	assert((const struct lab *)lab == rt->lab);
	if (runtime_virt(rt, &v, e) < 0 || virt_subnets(v, a, &taken, &wish.taken_count, e) < 0)
		return -1;
	/* Names at libvirt are one set for all: said before anything is on record. */
	for (unsigned i = 0; i < wish.taken_count; i++)
		if (taken[i].lab && taken[i].lab_uuid && !strcmp(taken[i].lab, lab->name) && strcmp(taken[i].lab_uuid, lab->uuid) != 0)
			return virt_foreign("network", taken[i].network, lab->name, taken[i].state, e);
	wish.taken = taken;
	if (lease_take(&wish, &subnet, &prefix_len, e) < 0)
		return -1;
	lab_set_subnet(lab, subnet, prefix_len);
	/* On record at once: whatever happens next, there is a lab that destroy finds, and its lease goes with it. */
	return state_save(&rt->paths, lab, &saved, e);
}

/* --- sessions --- */

int runtime_try_ms(const struct runtime *rt)
{
	switch (rt->lab->hypervisor) {
	case HYPERVISOR_LXC: return 3000;
	case HYPERVISOR_KVM: return 5000;
	default: return 15000; /* a login takes seconds where eight emulated machines share two processors */
	}
}

static struct place *place_of(struct runtime *rt, const struct node *n)
{
	assert(n->index >= 1 && n->index <= rt->lab->node_count);
	return &rt->places[n->index - 1];
}

bool runtime_is_off(struct runtime *rt, const struct node *n, const char **ret_state)
{
	struct fail ignored;
	struct virt *v;
	bool active = true;

	if (runtime_virt(rt, &v, &ignored) == 0)
		*ret_state = virt_domain_state(v, n->domain, &active);
	return !active;
}

static bool is_gone(void *ctx)
{
	const struct place *p = ctx;
	const char *state;

	return runtime_is_off(p->runtime, p->node, &state);
}

static struct peer peer_of(struct runtime *rt, const struct node *n)
{
	return (struct peer){ .gone = is_gone, .ctx = place_of(rt, n) };
}

int runtime_place(struct runtime *rt, const struct node *n, int64_t deadline_ms, struct ssh ***ret_place, struct fail *e)
{
	struct place *p = place_of(rt, n);
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (p->busy && r == 0) {
		int64_t until = clock_now_ms() + clock_poll_ms(deadline_ms, WAIT_SLICE_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		pthread_cond_timedwait(&p->given_back, &p->lock, &at);
		if (!p->busy)
			break;
		if (rt->o.cancel && atomic_load(rt->o.cancel))
			r = fail(e, FAIL_CANCELED, "%s: canceled while waiting for another step to finish with its session", n->name);
		else if (clock_left_ms(deadline_ms) == 0)
			r = fail(e, FAIL_TIMEOUT, "%s: timed out while waiting for another step to finish with its session", n->name);
	}
	if (r == 0) {
		p->busy = true;
		*ret_place = &p->ssh;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

void runtime_ssh_done(struct runtime *rt, const struct node *n, bool broken)
{
	struct place *p = place_of(rt, n);

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

int runtime_target(struct runtime *rt, const struct node *n, const atomic_bool *cancel, struct arena *a,
		   struct ssh_target *ret_target, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf key = { 0 };

	if (!n->ip)
		return fail(e, FAIL_NOT_FOUND, "%s has no address: lab '%s' is not created yet", n->name, rt->lab->name);
	if (file_read(paths_node(&rt->paths, n->name, "host_key.pub", a), PUBLIC_KEY_BYTES, &key, e) < 0) {
		fail_wrap(e, "%s: no host key in the lab's record", n->name);
		return fail_next(e, "labctl -l %s create", rt->lab->name);
	}
	strbuf_truncate(&key, strcspn(strbuf_text(&key), "\r\n"));
	*ret_target = (struct ssh_target){ .node = n->name, .ip = n->ip_text, .port = 22, .user = "root",
					   .private_key = rt->paths.key, .host_key = arena_strdup(a, strbuf_text(&key)),
					   .algorithms = rt->lab->release->family->ssh, .cancel = cancel,
					   .peer = peer_of(rt, n) };
	return 0;
}

void runtime_explain_key(struct runtime *rt, const struct node *n, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (e->cause != CAUSE_HOST_KEY)
		return;
	/* Both halves: create gives the node what the record has. */
	fail_next(e, "compare with /etc/ssh/ssh_host_%3$s_key.pub on the node's console; to accept the key put that file in "
		  "place of %1$s.pub and the one without .pub in place of %1$s, then labctl -l %2$s create; "
		  "else labctl -l %2$s destroy",
		  paths_node(&rt->paths, n->name, "host_key", a), rt->lab->name, rt->lab->release->family->key_type);
}

int runtime_ssh(struct runtime *rt, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e)
{
	return runtime_ssh_within(rt, n, runtime_try_ms(rt), deadline_ms, ret_ssh, e);
}

int runtime_ssh_within(struct runtime *rt, const struct node *n, int64_t login_ms, int64_t deadline_ms, struct ssh **ret_ssh,
		       struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	int64_t attempt = clock_after_ms(login_ms);
	struct ssh_target target;
	struct ssh **ssh;

	if (runtime_place(rt, n, deadline_ms, &ssh, e) < 0)
		return -1;
	if (*ssh && clock_now_ms() - place_of(rt, n)->used_ms > SESSION_FRESH_MS &&
	    !ssh_alive(*ssh, clock_after_ms(ALIVE_MS))) {
		ssh_close(*ssh);
		*ssh = NULL;
	}
	if (!*ssh && (runtime_target(rt, n, rt->o.cancel, a, &target, e) < 0 ||
		      ssh_open(&target, attempt < deadline_ms ? attempt : deadline_ms, ssh, e) < 0)) {
		runtime_explain_key(rt, n, e);
		if (!*e->next)
			fail_next(e, "labctl -l %s status", rt->lab->name);
		runtime_ssh_done(rt, n, false);
		return -1;
	}
	*ret_ssh = *ssh;
	return 0;
}

void runtime_started(struct runtime *rt, const struct node *n)
{
	struct place *p = place_of(rt, n);

	pthread_mutex_lock(&p->lock);
	p->started = true;
	pthread_mutex_unlock(&p->lock);
}

bool runtime_was_started(struct runtime *rt, const struct node *n)
{
	struct place *p = place_of(rt, n);
	bool started;

	pthread_mutex_lock(&p->lock);
	started = p->started;
	pthread_mutex_unlock(&p->lock);
	return started;
}

/* --- secrets and SQL --- */

int runtime_secret(struct runtime *rt, const char *name, char ret[64], struct fail *e)
{
	char value[64] = "";
	int r = 0;

	runtime_lock(rt);
	for (unsigned i = 0; i < rt->secret_count; i++)
		if (!strcmp(rt->secrets[i].name, name))
			memcpy(value, rt->secrets[i].value, sizeof value);
	if (!*value) {
		r = state_secret(&rt->paths, name, value, e);
		if (r == 0 && rt->secret_count < ARRAY_COUNT(rt->secrets) && strlen(name) < sizeof rt->secrets[0].name) {
			struct secret *s = &rt->secrets[rt->secret_count++];

			snprintf(s->name, sizeof s->name, "%s", name);
			memcpy(s->value, value, sizeof value);
		}
	}
	runtime_unlock(rt);
	if (r == 0)
		memcpy(ret, value, sizeof value);
	explicit_bzero(value, sizeof value);
	return r;
}

void runtime_tell(struct runtime *rt, const char *name, unsigned long long value)
{
	struct told *t = rt->told;

	runtime_lock(rt);
	while (t < rt->told + rt->told_count && strcmp(t->name, name) != 0)
		t++;
	if (t == rt->told + rt->told_count && rt->told_count < ARRAY_COUNT(rt->told)) {
		snprintf(t->name, sizeof t->name, "%s", name);
		rt->told_count++;
	}
	if (t < rt->told + rt->told_count && value > t->value)
		t->value = value;
	runtime_unlock(rt);
}

unsigned long long runtime_value(struct runtime *rt, const char *name)
{
	unsigned long long value = 0;

	runtime_lock(rt);
	for (unsigned i = 0; i < rt->told_count; i++)
		if (!strcmp(rt->told[i].name, name))
			value = rt->told[i].value;
	runtime_unlock(rt);
	return value;
}

void runtime_each_secret(struct runtime *rt, void (*each)(void *ctx, const char *value), void *ctx)
{
	runtime_lock(rt);
	for (unsigned i = 0; i < rt->secret_count; i++)
		each(ctx, rt->secrets[i].value);
	runtime_unlock(rt);
}

int runtime_sql(struct runtime *rt, const struct node *n, unsigned port, const char *database, bool wait, int64_t deadline_ms,
		struct sql **ret, struct fail *e)
{
	const struct recipe *recipe = rt->lab->cluster.recipe;
	struct sql_target t = { .node = n->name, .ip = n->ip_text, .port = port, .cancel = rt->o.cancel,
				.peer = peer_of(rt, n) };
	char password[64] = "";
	int r;

	if (!recipe)
		return fail(e, FAIL_NOT_FOUND, "lab '%s' has no cluster", rt->lab->name);
	t.user = recipe->superuser;
	t.database = database ? database : recipe->database;
	/* The superuser's password is the secret of its name, where the kind has one. */
	for (const char *const *s = recipe->secrets; s && *s; s++)
		if (!strcmp(*s, recipe->superuser)) {
			if (runtime_secret(rt, *s, password, e) < 0)
				return -1;
			t.password = password;
		}
	r = sql_open(&t, wait, deadline_ms, ret, e);
	explicit_bzero(password, sizeof password);
	return r;
}
