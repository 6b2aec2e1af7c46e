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
#include "world_private.h"

#define SESSION_FRESH_MS 10000 /* a session that rested longer is asked whether it lives */
#define ALIVE_MS 5000
#define WAIT_SLICE_MS 200      /* how late a cancel is seen by those that wait for a session */
#define PUBLIC_KEY_BYTES 4096

int world_open(const struct lab *lab, const struct world_options *o, struct world **ret_world, struct fail *e)
{
	struct world *w = calloc(1, sizeof *w);
	pthread_condattr_t attr;

	(void)e;
	if (!w)
		abort();
	w->lab = lab;
	w->o = *o;
	w->arena = arena_new();
	paths_init(&w->paths, o->state_dir, o->cache_dir, lab ? lab->name : NULL, w->arena);
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->image_lock, NULL);
	w->places = calloc(lab && lab->node_count ? lab->node_count : 1, sizeof *w->places);
	if (!w->places)
		abort();
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (unsigned i = 0; lab && i < lab->node_count; i++) {
		w->places[i].world = w;
		w->places[i].node = &lab->nodes[i];
		pthread_mutex_init(&w->places[i].lock, NULL);
		pthread_cond_init(&w->places[i].given_back, &attr);
	}
	pthread_condattr_destroy(&attr);
	*ret_world = w;
	return 0;
}

void world_close(struct world *w)
{
	if (!w)
		return;
	for (unsigned i = 0; w->lab && i < w->lab->node_count; i++) {
		ssh_close(w->places[i].ssh);
		pthread_cond_destroy(&w->places[i].given_back);
		pthread_mutex_destroy(&w->places[i].lock);
	}
	free(w->places);
	virt_close(w->virt);
	explicit_bzero(w->secrets, sizeof w->secrets);
	pthread_mutex_destroy(&w->image_lock);
	pthread_mutex_destroy(&w->lock);
	arena_free(w->arena);
	free(w);
}

const struct paths *world_paths(const struct world *w)
{
	return &w->paths;
}

const struct lab *world_lab(const struct world *w)
{
	return w->lab;
}

const struct library *world_library(const struct world *w)
{
	return w->o.lib;
}

void world_lock(struct world *w)
{
	pthread_mutex_lock(&w->lock);
}

void world_unlock(struct world *w)
{
	pthread_mutex_unlock(&w->lock);
}

/* --- libvirt --- */

int world_virt(struct world *w, struct virt **ret_virt, struct fail *e)
{
	const char *uri = w->o.connect_uri;
	int r = 0;

	if (!uri)
		uri = w->lab && w->lab->hypervisor == HYPERVISOR_LXC ? "lxc:///system" : "qemu:///system";
	world_lock(w);
	if (!w->virt)
		r = virt_open(uri, &w->virt, e);
	if (r == 0)
		*ret_virt = w->virt;
	world_unlock(w);
	return r;
}

int world_facts(struct world *w, struct arena *a, struct facts *ret, struct fail *e)
{
	struct virt *v;

	if (world_virt(w, &v, e) < 0)
		return -1;
	return virt_facts(v, w->lab ? w->lab->uuid : NULL, a, ret, e);
}

int world_lease(struct world *w, struct lab *lab, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct lease_wish wish = { .state_dir = w->paths.state, .lab = lab->name, .lab_uuid = lab->uuid,
				   .subnet = lab->net.subnet, .prefix_len = lab_prefix_len(lab) };
	struct subnet *taken;
	struct virt *v;
	uint32_t subnet;
	unsigned prefix_len;
	bool saved;

	assert((const struct lab *)lab == w->lab);
	if (world_virt(w, &v, e) < 0 || virt_subnets(v, a, &taken, &wish.taken_count, e) < 0)
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
	return state_save(&w->paths, lab, &saved, e);
}

/* --- sessions --- */

int world_try_ms(const struct world *w)
{
	switch (w->lab->hypervisor) {
	case HYPERVISOR_LXC: return 3000;
	case HYPERVISOR_KVM: return 5000;
	default: return 15000; /* a login takes seconds where eight emulated machines share two processors */
	}
}

static struct place *place_of(struct world *w, const struct node *n)
{
	assert(n->index >= 1 && n->index <= w->lab->node_count);
	return &w->places[n->index - 1];
}

bool world_is_off(struct world *w, const struct node *n, const char **ret_state)
{
	struct fail ignored;
	struct virt *v;
	bool active = true;

	if (world_virt(w, &v, &ignored) == 0)
		*ret_state = virt_domain_state(v, n->domain, &active);
	return !active;
}

static bool is_gone(void *ctx)
{
	const struct place *p = ctx;
	const char *state;

	return world_is_off(p->world, p->node, &state);
}

static struct peer peer_of(struct world *w, const struct node *n)
{
	return (struct peer){ .gone = is_gone, .ctx = place_of(w, n) };
}

int world_place(struct world *w, const struct node *n, int64_t deadline_ms, struct ssh ***ret_place, struct fail *e)
{
	struct place *p = place_of(w, n);
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (p->busy && r == 0) {
		int64_t until = clock_now_ms() + clock_poll_ms(deadline_ms, WAIT_SLICE_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		pthread_cond_timedwait(&p->given_back, &p->lock, &at);
		if (!p->busy)
			break;
		if (w->o.cancel && atomic_load(w->o.cancel))
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

void world_ssh_done(struct world *w, const struct node *n, bool broken)
{
	struct place *p = place_of(w, n);

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

int world_target(struct world *w, const struct node *n, const atomic_bool *cancel, struct arena *a,
		 struct ssh_target *ret_target, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf key = { 0 };

	if (!n->ip)
		return fail(e, FAIL_NOT_FOUND, "%s has no address: lab '%s' is not created yet", n->name, w->lab->name);
	if (file_read(paths_node(&w->paths, n->name, "host_key.pub", a), PUBLIC_KEY_BYTES, &key, e) < 0) {
		fail_wrap(e, "%s: no host key in the lab's record", n->name);
		return fail_next(e, "labctl -l %s create", w->lab->name);
	}
	strbuf_truncate(&key, strcspn(strbuf_text(&key), "\r\n"));
	*ret_target = (struct ssh_target){ .node = n->name, .ip = n->ip_text, .port = 22, .user = "root",
					   .private_key = w->paths.key, .host_key = arena_strdup(a, strbuf_text(&key)),
					   .algorithms = w->lab->release->family->ssh, .cancel = cancel,
					   .peer = peer_of(w, n) };
	return 0;
}

void world_explain_key(struct world *w, const struct node *n, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (e->cause != CAUSE_HOST_KEY)
		return;
	/* Both halves: create gives the node what the record has. */
	fail_next(e, "compare with /etc/ssh/ssh_host_%3$s_key.pub on the node's console; to accept the key put that file in "
		  "place of %1$s.pub and the one without .pub in place of %1$s, then labctl -l %2$s create; "
		  "else labctl -l %2$s destroy",
		  paths_node(&w->paths, n->name, "host_key", a), w->lab->name, w->lab->release->family->key_type);
}

int world_ssh(struct world *w, const struct node *n, int64_t deadline_ms, struct ssh **ret_ssh, struct fail *e)
{
	return world_ssh_within(w, n, world_try_ms(w), deadline_ms, ret_ssh, e);
}

int world_ssh_within(struct world *w, const struct node *n, int64_t login_ms, int64_t deadline_ms, struct ssh **ret_ssh,
		     struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	int64_t attempt = clock_after_ms(login_ms);
	struct ssh_target target;
	struct ssh **ssh;

	if (world_place(w, n, deadline_ms, &ssh, e) < 0)
		return -1;
	if (*ssh && clock_now_ms() - place_of(w, n)->used_ms > SESSION_FRESH_MS &&
	    !ssh_alive(*ssh, clock_after_ms(ALIVE_MS))) {
		ssh_close(*ssh);
		*ssh = NULL;
	}
	if (!*ssh && (world_target(w, n, w->o.cancel, a, &target, e) < 0 ||
		      ssh_open(&target, attempt < deadline_ms ? attempt : deadline_ms, ssh, e) < 0)) {
		world_explain_key(w, n, e);
		if (!*e->next)
			fail_next(e, "labctl -l %s status", w->lab->name);
		world_ssh_done(w, n, false);
		return -1;
	}
	*ret_ssh = *ssh;
	return 0;
}

void world_started(struct world *w, const struct node *n)
{
	struct place *p = place_of(w, n);

	pthread_mutex_lock(&p->lock);
	p->started = true;
	pthread_mutex_unlock(&p->lock);
}

bool world_was_started(struct world *w, const struct node *n)
{
	struct place *p = place_of(w, n);
	bool started;

	pthread_mutex_lock(&p->lock);
	started = p->started;
	pthread_mutex_unlock(&p->lock);
	return started;
}

/* --- secrets and SQL --- */

int world_secret(struct world *w, const char *name, char ret[64], struct fail *e)
{
	char value[64] = "";
	int r = 0;

	world_lock(w);
	for (unsigned i = 0; i < w->secret_count; i++)
		if (!strcmp(w->secrets[i].name, name))
			memcpy(value, w->secrets[i].value, sizeof value);
	if (!*value) {
		r = state_secret(&w->paths, name, value, e);
		if (r == 0 && w->secret_count < ARRAY_COUNT(w->secrets) && strlen(name) < sizeof w->secrets[0].name) {
			struct secret *s = &w->secrets[w->secret_count++];

			snprintf(s->name, sizeof s->name, "%s", name);
			memcpy(s->value, value, sizeof value);
		}
	}
	world_unlock(w);
	if (r == 0)
		memcpy(ret, value, sizeof value);
	explicit_bzero(value, sizeof value);
	return r;
}

void world_tell(struct world *w, const char *name, unsigned long long value)
{
	struct told *t = w->told;

	world_lock(w);
	while (t < w->told + w->told_count && strcmp(t->name, name) != 0)
		t++;
	if (t == w->told + w->told_count && w->told_count < ARRAY_COUNT(w->told)) {
		snprintf(t->name, sizeof t->name, "%s", name);
		w->told_count++;
	}
	if (t < w->told + w->told_count && value > t->value)
		t->value = value;
	world_unlock(w);
}

unsigned long long world_value(struct world *w, const char *name)
{
	unsigned long long value = 0;

	world_lock(w);
	for (unsigned i = 0; i < w->told_count; i++)
		if (!strcmp(w->told[i].name, name))
			value = w->told[i].value;
	world_unlock(w);
	return value;
}

void world_each_secret(struct world *w, void (*each)(void *ctx, const char *value), void *ctx)
{
	world_lock(w);
	for (unsigned i = 0; i < w->secret_count; i++)
		each(ctx, w->secrets[i].value);
	world_unlock(w);
}

int world_sql(struct world *w, const struct node *n, unsigned port, const char *database, bool wait, int64_t deadline_ms,
	      struct sql **ret, struct fail *e)
{
	const struct recipe *recipe = w->lab->cluster.recipe;
	struct sql_target t = { .node = n->name, .ip = n->ip_text, .port = port, .cancel = w->o.cancel,
				.peer = peer_of(w, n) };
	char password[64] = "";
	int r;

	if (!recipe)
		return fail(e, FAIL_NOT_FOUND, "lab '%s' has no cluster", w->lab->name);
	t.user = recipe->superuser;
	t.database = database ? database : recipe->database;
	/* The superuser's password is the secret of its name, where the kind has one. */
	for (const char *const *s = recipe->secrets; s && *s; s++)
		if (!strcmp(*s, recipe->superuser)) {
			if (world_secret(w, *s, password, e) < 0)
				return -1;
			t.password = password;
		}
	r = sql_open(&t, wait, deadline_ms, ret, e);
	explicit_bzero(password, sizeof password);
	return r;
}
