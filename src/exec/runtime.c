/* SPDX-License-Identifier: PostgreSQL */
#include "runtime.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "defaults.h"
#include "hosts.h"
#include "images.h"
#include "lease.h"
#include "outputs.h"
#include "payload.h"
#include "recipe.h"
#include "secrets.h"
#include "sessions.h"
#include "sql.h"
#include "state.h"
#include "virt.h"

#define PLACEHOLDER_MAX 128

struct runtime {
	const struct lab *lab;
	struct runtime_options o;
	struct paths paths;
	struct arena *arena;         /* owns .paths */
	struct sessions *sessions;
	struct secrets *secrets;
	struct outputs *outputs;
	struct images *images;
	struct hosts *hosts;
	pthread_mutex_t lock;        /* guards .virt, .left and what several verbs create (runtime_lock()) */
	struct virt *virt;
	struct sql_left { const struct node *node; unsigned port; struct sql *sql; } *left; /* of .arena; .sql NULL = free */
	size_t left_count;
};

static bool node_is_off(void *rt, const struct node *n)
{
	const char *state;

	return runtime_is_off(rt, n, &state);
}

int runtime_open(const struct lab *lab, const struct runtime_options *o, struct runtime **ret_runtime, struct fail *e)
{
	struct runtime *rt = calloc(1, sizeof *rt);

	(void)e;
	if (!rt)
		abort();
	rt->lab = lab;
	rt->o = *o;
	rt->arena = arena_new();
	paths_init(&rt->paths, o->state_dir, o->cache_dir, lab ? lab->name : NULL, rt->arena);
	pthread_mutex_init(&rt->lock, NULL);
	rt->sessions = sessions_new(&(struct sessions_env){ .lab = lab, .paths = &rt->paths, .cancel = o->cancel,
							    .is_off = node_is_off, .ctx = rt });
	rt->secrets = secrets_new(&rt->paths);
	rt->outputs = outputs_new();
	rt->images = images_new(&(struct images_env){ .lab = lab, .paths = &rt->paths, .library = o->lib,
						  .find_source = o->find_source, .ctx = o->ctx });
	rt->hosts = hosts_new(&(struct hosts_env){ .lab = lab, .paths = &rt->paths, .library = o->lib, .cancel = o->cancel });
	*ret_runtime = rt;
	return 0;
}

void runtime_close(struct runtime *rt)
{
	if (!rt)
		return;
	hosts_free(rt->hosts);
	sessions_free(rt->sessions);
	secrets_free(rt->secrets);
	outputs_free(rt->outputs);
	images_free(rt->images);
	for (size_t i = 0; i < rt->left_count; i++)
		sql_close(rt->left[i].sql);
	virt_close(rt->virt);
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

struct sessions *runtime_sessions(struct runtime *rt)
{
	return rt->sessions;
}

struct secrets *runtime_secrets(struct runtime *rt)
{
	return rt->secrets;
}

struct outputs *runtime_outputs(struct runtime *rt)
{
	return rt->outputs;
}

struct images *runtime_images(struct runtime *rt)
{
	return rt->images;
}

struct hosts *runtime_hosts(struct runtime *rt)
{
	return rt->hosts;
}

unsigned runtime_host(const struct runtime *rt)
{
	return rt->o.host;
}

void runtime_lock(struct runtime *rt)
{
	pthread_mutex_lock(&rt->lock);
}

void runtime_unlock(struct runtime *rt)
{
	pthread_mutex_unlock(&rt->lock);
}

int runtime_virt(struct runtime *rt, struct virt **ret_virt, struct fail *e)
{
	const char *uri = rt->o.connect_uri;
	int r = 0;

	if (!uri)
		uri = libvirt_uri(rt->lab ? rt->lab->hypervisor : HYPERVISOR_AUTO);
	runtime_lock(rt);
	if (!rt->virt)
		r = virt_open(uri, &rt->virt, e);
	if (r == 0)
		*ret_virt = rt->virt;
	runtime_unlock(rt);
	return r;
}

int runtime_own_facts(struct runtime *rt, struct arena *a, struct facts *ret, struct fail *e)
{
	struct virt *v;

	if (runtime_virt(rt, &v, e) < 0)
		return -1;
	return virt_facts(v, rt->lab ? rt->lab->uuid : NULL, a, ret, e);
}

int runtime_facts(struct runtime *rt, struct arena *a, struct facts *ret, struct fail *e)
{
	unsigned count = rt->lab ? rt->lab->host_count : 0;
	const char **silent;

	*ret = (struct facts){ 0 };
	if (runtime_own_facts(rt, a, ret, e) < 0)
		return -1;
	if (!count)
		return 0;
	ret->silent = silent = arena_alloc(a, count * sizeof *silent);
	hosts_reach(rt->hosts);
	for (unsigned h = 1; h < count; h++) {
		struct fail why = { 0 };

		if ((host_holds(rt->lab, h) || hosts_are_asked(rt->hosts, h)) && hosts_facts(rt->hosts, h, a, ret, &why) < 0)
			silent[h] = arena_strdup(a, why.text);
	}
	return 0;
}

const char *runtime_state(struct runtime *rt, const struct node *n, bool *ret_active, bool *ret_stalled)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct fail ignored;
	struct virt *v;
	const char *state, *stalled;

	*ret_active = true;
	*ret_stalled = false;
	if (n->host != rt->o.host) {
		state = hosts_domain_state(rt->hosts, n->host, n->domain, a, ret_active, ret_stalled);
		runtime_lock(rt);
		state = arena_strdup(rt->arena, state);
		runtime_unlock(rt);
		return state;
	}
	if (runtime_virt(rt, &v, &ignored) < 0)
		return "unknown";
	state = virt_domain_state(v, n->domain, ret_active);
	*ret_stalled = virt_domain_stalled(v, n->domain, &stalled);
	return state;
}

bool runtime_is_off(struct runtime *rt, const struct node *n, const char **ret_state)
{
	bool active, stalled;

	*ret_state = runtime_state(rt, n, &active, &stalled);
	return !active;
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
	/* libvirt's names are shared by all its users: report a conflict before anything is recorded. */
	for (unsigned i = 0; i < wish.taken_count; i++)
		if (taken[i].lab && taken[i].lab_uuid && !strcmp(taken[i].lab, lab->name) && strcmp(taken[i].lab_uuid, lab->uuid) != 0)
			return virt_foreign("network", taken[i].network, lab->name, taken[i].state, e);
	wish.taken = taken;
	if (lease_take(&wish, &subnet, &prefix_len, e) < 0)
		return -1;
	lab_set_subnet(lab, subnet, prefix_len);
	/* Recorded at once: whatever happens next, `destroy` finds the lab and releases its lease. */
	return state_save(&rt->paths, lab, &saved, e);
}

int runtime_sql(struct runtime *rt, const struct node *n, unsigned port, const char *database, bool wait, int64_t deadline_ms,
		struct sql **ret, struct fail *e)
{
	const struct recipe *recipe = rt->lab->cluster.recipe;
	struct sql_target t = { .node = n->name, .ip = n->ip_text, .port = port, .cancel = rt->o.cancel,
				.peer = session_peer(rt->sessions, n) };
	char password[SECRET_BYTES] = "";
	int r;

	if (!recipe)
		return fail(e, FAIL_NOT_FOUND, "lab '%s' has no cluster", rt->lab->name);
	t.user = recipe->superuser;
	t.database = database ? database : recipe->database;
	/* If the kind has a secret named like the superuser, that is the password. */
	for (const char *const *s = recipe->secrets; s && *s; s++)
		if (!strcmp(*s, recipe->superuser)) {
			if (secrets_get(rt->secrets, *s, password, e) < 0)
				return -1;
			t.password = password;
		}
	r = sql_open(&t, wait, deadline_ms, ret, e);
	explicit_bzero(password, sizeof password);
	return r;
}

struct sql *runtime_sql_left(struct runtime *rt, const struct node *n, unsigned port)
{
	struct sql *sql = NULL;

	runtime_lock(rt);
	for (size_t i = 0; i < rt->left_count && !sql; i++)
		if (rt->left[i].sql && rt->left[i].node == n && rt->left[i].port == port) {
			sql = rt->left[i].sql;
			rt->left[i].sql = NULL;
		}
	runtime_unlock(rt);
	if (sql && !sql_idle(sql)) {
		sql_close(sql);
		sql = NULL;
	}
	return sql;
}

void runtime_sql_leave(struct runtime *rt, const struct node *n, unsigned port, struct sql *sql)
{
	size_t i = 0;

	runtime_lock(rt);
	while (i < rt->left_count && rt->left[i].sql)
		i++;
	if (i == rt->left_count)
		arena_push(rt->arena, rt->left, rt->left_count);
	rt->left[i] = (struct sql_left){ n, port, sql };
	runtime_unlock(rt);
}

/* --- placeholders in texts, replaced just before use --- */

static int add_secret(struct runtime *rt, const char *name, struct strbuf *out, struct fail *e)
{
	char value[64];

	if (secrets_get(rt->secrets, name, value, e) < 0)
		return -1;
	/* Needs no quoting: the placeholder was quoted like any text, and values are [A-Za-z0-9] only (state_secret()). */
	strbuf_str(out, value);
	explicit_bzero(value, sizeof value);
	return 0;
}

static int add_export(struct runtime *rt, const char *node, struct strbuf *out, struct fail *e)
{
	const struct node *n = lab_find_node(rt->lab, node);
	auto_(arena_free) struct arena *a = arena_new();
	const char *dir;

	if (!n)
		return fail(e, FAIL_OTHER, "no node '%s'", node);
	if (hosts_export(rt->hosts, n, a, &dir, e) < 0)
		return -1;
	strbuf_str(out, dir); /* has no characters that need quotes */
	return 0;
}

static int add_placeholder(struct runtime *rt, const char *placeholder, struct strbuf *out, struct fail *e)
{
	const char *name = strchr(placeholder, ':');

	if (!strncmp(placeholder, SECRET_MARK, strlen(SECRET_MARK)))
		return add_secret(rt, name + 1, out, e);
	if (!strncmp(placeholder, EXPORT_MARK, strlen(EXPORT_MARK)))
		return add_export(rt, name + 1, out, e);
	if (strncmp(placeholder, VALUE_MARK, strlen(VALUE_MARK)) != 0)
		return fail(e, FAIL_OTHER, "unknown placeholder '%s'", placeholder + 1);
	strbuf_printf(out, "%llu", outputs_get(rt->outputs, name + 1));
	return 0;
}

int runtime_resolve(struct runtime *rt, const char *text, struct strbuf *out, struct fail *e)
{
	for (const char *mark; (mark = strstr(text, PLACEHOLDER_MARK)); ) {
		const char *end = strstr(mark, PLACEHOLDER_END);
		char placeholder[PLACEHOLDER_MAX];

		if (!end || (size_t)(end - mark) >= sizeof placeholder)
			return fail(e, FAIL_OTHER, "unterminated placeholder");
		memcpy(placeholder, mark, (size_t)(end - mark));
		placeholder[end - mark] = '\0';
		strbuf_add(out, text, (size_t)(mark - text));
		if (add_placeholder(rt, placeholder, out, e) < 0)
			return -1;
		text = end + strlen(PLACEHOLDER_END);
	}
	strbuf_str(out, text);
	return 0;
}
