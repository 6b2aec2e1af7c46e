/* SPDX-License-Identifier: PostgreSQL */
#include "hosts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "faults.h"
#include "file.h"
#include "hosts_link.h"
#include "node_console.h"
#include "pool.h"
#include "snapshots.h"
#include "trace.h"

#define CONNECT_MS 20000   /* ssh itself gives up after 10 s */
#define ASK_MS 20000       /* for what libvirt there knows */
#define GRACE_MS 15000     /* a step ends by itself at its deadline; so much later the connection is given up */
#define STEP_MAX_MS 86400000
#define KEY_BYTES 16384

struct hosts *hosts_new(const struct hosts_env *env)
{
	struct hosts *h = calloc(1, sizeof *h);
	pthread_condattr_t attr;

	if (!h)
		abort();
	h->env = *env;
	h->count = env->lab ? env->lab->host_count : 0;
	h->links = calloc(h->count + 1, sizeof *h->links);
	if (!h->links)
		abort();
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	for (unsigned i = 0; i < h->count; i++) {
		h->links[i].all = h;
		h->links[i].host = i;
		pthread_mutex_init(&h->links[i].opening, NULL);
		pthread_mutex_init(&h->links[i].lock, NULL);
		pthread_cond_init(&h->links[i].changed, &attr);
	}
	pthread_condattr_destroy(&attr);
	return h;
}

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->count; i++) {
		struct link *l = &h->links[i];
		struct fail ignored;

		if (l->proc && (!l->greeted || link_is_lost(l, &ignored)))
			coproc_kill(l->proc);
		else if (l->proc)
			coproc_hang_up(l->proc);
		if (l->reads)
			pthread_join(l->reader, NULL);
		coproc_end(l->proc);
		free(l->exports);
		pthread_cond_destroy(&l->changed);
		pthread_mutex_destroy(&l->lock);
		pthread_mutex_destroy(&l->opening);
	}
	free(h->links);
	free(h);
}

void hosts_tell(struct hosts *h, const struct lab *lab)
{
	h->env.lab = lab;
}

/* --- connecting --- */

/* Commands that need no data files have not read them: the other side still compares them. */
static int digest_of(const struct hosts_env *env, char ret[65], struct fail *e)
{
	auto_(library_free) struct library *own = NULL;

	if (!env->library && library_load(NULL, &own, e) < 0)
		return -1;
	library_digest(env->library ? env->library : own, ret);
	return 0;
}

static json_t *hello(const struct link *l, const char *digest)
{
	const struct hosts_env *env = &l->all->env;
	auto_(strbuf_clear) struct strbuf record = { 0 }, machine = { 0 };
	auto_(free) char *state = realpath(env->paths->state, NULL);
	char name[256] = "";
	struct fail ignored;

	lab_print(env->lab, &record);
	gethostname(name, sizeof name - 1);
	file_read("/etc/machine-id", 256, &machine, &ignored);
	strbuf_truncate(&machine, strcspn(strbuf_text(&machine), "\n"));
	strbuf_printf(&machine, " %s %s", state ? state : env->paths->state, name);
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "hello", host_version, "data", digest, "host", (int)l->host, "lab", env->lab->name,
			 "uuid", env->lab->uuid, "record", strbuf_text(&record), "master", machine.text);
}

static int greet(struct link *l, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf line = { 0 };
	auto_(json_decref) json_t *o = NULL;
	char digest[65];

	if (digest_of(&l->all->env, digest, e) < 0 || link_send(l, hello(l, digest), e) < 0 || coproc_line(l->proc, clock_after_ms(CONNECT_MS), &line, e) < 0)
		return -1;
	o = json_loads(strbuf_text(&line), 0, NULL);
	if (json_object_get(o, "fail")) {
		host_fail_read(json_object_get(o, "fail"), &l->lost);
		if (l->lost.code == FAIL_HOST) /* another labctl */
			fail_next(&l->lost, "labctl -l %s host add %s", l->all->env.lab->name, link_host(l)->name);
		return fail_wrap(&l->lost, "host %s", link_host(l)->name);
	}
	if (!json_object_get(o, "hello") || !json_is_string(json_object_get(o, "exports")))
		return fail(e, FAIL_OTHER, "what answers there is not labctl");
	l->exports = strdup(json_string_value(json_object_get(o, "exports")));
	if (!l->exports)
		abort();
	return 0;
}

/* Nothing secret is among the arguments. */
static int start(struct link *l, struct fail *e)
{
	const char *const argv[] = { HOSTS_SSH, link_host(l)->ssh, LABCTL_THERE, NULL };

	return coproc_start(argv, &l->proc, e) < 0 ? fail_next(e, "apt-get install openssh-client") : 0;
}

static int begin(struct link *l, struct fail *e)
{
	struct fail why = { 0 };
	int r;

	if (!l->proc && start(l, e) < 0)
		return -1;
	r = greet(l, &why);
	if (r == 0 && pthread_create(&l->reader, NULL, link_read, l) == 0) {
		l->reads = l->greeted = true;
		return 0;
	}
	coproc_hang_up(l->proc);
	link_ended(l, r < 0 ? why.text : "cannot start a thread");
	*e = l->lost;
	return -1;
}

static int connect_to(struct hosts *h, unsigned host, struct link **ret, struct fail *e)
{
	struct link *l = &h->links[host];
	struct trace t;
	int r = 0;

	*ret = l;
	if (link_host(l)->given_up) {
		fail(e, FAIL_SSH, "host %s was given up", link_host(l)->name);
		fail_cause(e, CAUSE_LOST);
		return fail_next(e, "labctl -l %s node remove NODE, for each of its nodes (%s)", h->env.lab->name, link_host(l)->nodes);
	}
	pthread_mutex_lock(&l->opening);
	if (link_is_lost(l, e)) {
		r = -1;
	} else if (!l->greeted) {
		trace_begin(&t, TRACE_SSH, "host %s: labctl host-run", link_host(l)->name);
		r = begin(l, e);
		trace_end(&t, TRACE_SSH, r < 0 ? e : NULL, "%s", "");
	}
	pthread_mutex_unlock(&l->opening);
	return r;
}

bool hosts_are_asked(const struct hosts *h, unsigned host)
{
	return host && host_is_used(h->env.lab, host);
}

static void reach_one(void *ctx, unsigned i)
{
	struct hosts *h = ctx;
	struct fail ignored = { 0 };
	struct link *l;

	if (hosts_are_asked(h, i))
		connect_to(h, i, &l, &ignored);
}

void hosts_begin(struct hosts *h)
{
	struct fail ignored = { 0 };

	for (unsigned i = 1; i < h->count; i++) {
		struct link *l = &h->links[i];

		pthread_mutex_lock(&l->opening);
		if (hosts_are_asked(h, i) && !l->proc && !link_is_lost(l, &ignored))
			start(l, &ignored);
		pthread_mutex_unlock(&l->opening);
	}
}

void hosts_reach(struct hosts *h)
{
	pool_run(h->count, h->count, reach_one, h);
}

static int add_file(json_t *files, const char *name, const char *path, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (file_read(path, KEY_BYTES, &text, e) < 0)
		return -1;
	json_object_set_new(files, name, json_string(strbuf_text(&text)));
	explicit_bzero(text.text, text.len);
	return 0;
}

/* The faults and snapshots of the lab, and keys: only those of that host's own nodes leave this one. */
static int keys_of(const struct link *l, json_t *files, struct fail *e)
{
	const struct hosts_env *env = &l->all->env;
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf faults = { 0 }, snapshots = { 0 };

	if (add_file(files, "id_ed25519.pub", env->paths->key_pub, e) < 0 || faults_text(env->paths, &faults, e) < 0 ||
	    snapshots_names(env->paths, &snapshots, e) < 0)
		return -1;
	json_object_set_new(files, "faults", json_string(strbuf_text(&faults)));
	json_object_set_new(files, "snapshots", json_string(strbuf_text(&snapshots)));
	for (unsigned i = 0; i < env->lab->node_count; i++) {
		const struct node *n = &env->lab->nodes[i];

		if (n->host == l->host && (add_file(files, arena_printf(a, "nodes/%s/host_key", n->name),
						    paths_node(env->paths, n->name, "host_key", a), e) < 0 ||
					   add_file(files, arena_printf(a, "nodes/%s/host_key.pub", n->name),
						    paths_node(env->paths, n->name, "host_key.pub", a), e) < 0))
			return -1;
	}
	return 0;
}

int hosts_open(struct hosts *h, unsigned host, int64_t deadline_ms, struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;
	json_t *files = json_object();
	struct link *l;

	if (connect_to(h, host, &l, e) < 0 || keys_of(l, files, e) < 0) {
		json_decref(files);
		return -1;
	}
	return link_ask(l, json_pack("{s:o}", "keep", files), NULL, deadline_ms, &answer, e);
}

int hosts_export(struct hosts *h, const struct node *n, struct arena *a, const char **ret_dir, struct fail *e)
{
	static const char usual[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+:@%,-";
	struct link *l;

	if (connect_to(h, n->host, &l, e) < 0)
		return -1;
	/* It becomes a part of a word of a script, and of a line of fstab. */
	if (*l->exports != '/' || l->exports[strspn(l->exports, usual)]) {
		fail(e, FAIL_HOST, "host %s: the state directory, %s, has a character that no path of data there may have", link_host(l)->name, l->exports);
		return fail_next(e, "set LABCTL_STATE there, or data.export_root in the lab file");
	}
	*ret_dir = arena_printf(a, "%s%s", l->exports, strrchr(n->export_dir, '/'));
	return 0;
}

/* --- questions --- */

static const char *text_in(const json_t *answer, const char *key, struct arena *a)
{
	const char *text = json_string_value(json_object_get(answer, key));

	return arena_strdup(a, text ? text : "");
}

int hosts_ask(struct hosts *h, unsigned host, json_t *o, struct run *run, int64_t deadline_ms, json_t **ret_answer, struct fail *e)
{
	struct link *l;

	if (connect_to(h, host, &l, e) < 0) {
		json_decref(o);
		return -1;
	}
	return link_ask(l, o, run, deadline_ms, ret_answer, e);
}

int hosts_run(struct hosts *h, struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct step *s = run_step(r);
	auto_(json_decref) json_t *answer = NULL;
	int64_t left = clock_left_ms(run_deadline_ms(r)) < STEP_MAX_MS ? clock_left_ms(run_deadline_ms(r)) : STEP_MAX_MS;
	const char *warnings;

	if (hosts_ask(h, s->host, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s, s:I}", "run", verb_names[s->verb], "id", s->id, "node", s->node ? s->node->name : NULL,
			     "subject", s->subject, "gone", s->gone ? s->gone->name : NULL, "title", s->title, "timeout_ms", (json_int_t)left),
		r, clock_after_ms(left + GRACE_MS), &answer, e) < 0)
		return -1;
	warnings = json_string_value(json_object_get(answer, "warnings"));
	for (size_t len; warnings && *warnings; warnings += len + (warnings[len] == '\n'))
		run_warn(r, "%.*s", (int)(len = strcspn(warnings, "\n")), warnings);
	*ret_state = host_state_read(json_string_value(json_object_get(answer, "state")));
	return 0;
}

int hosts_snapshot(struct hosts *h, unsigned host, const char *name, struct arena *a, const char **ret_manifest, struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;

	if (hosts_ask(h, host, json_pack("{s:s}", "snapshot", name), NULL, clock_after_ms(ASK_MS), &answer, e) < 0)
		return -1;
	*ret_manifest = text_in(answer, "manifest", a);
	return 0;
}

int hosts_facts(struct hosts *h, unsigned host, struct arena *a, struct facts *f, struct fail *e)
{
	auto_(json_decref) json_t *answer = NULL;

	if (hosts_ask(h, host, json_pack("{s:b}", "facts", 1), NULL, clock_after_ms(ASK_MS), &answer, e) < 0)
		return -1;
	host_facts_read(answer, host, a, f);
	return 0;
}

const char *hosts_domain_state(struct hosts *h, unsigned host, const char *domain, struct arena *a, bool *ret_active, bool *ret_stalled)
{
	auto_(json_decref) json_t *answer = NULL;
	struct fail ignored = { 0 };

	*ret_active = true;
	*ret_stalled = false;
	if (hosts_ask(h, host, json_pack("{s:s}", "domain", domain), NULL, clock_after_ms(ASK_MS), &answer, &ignored) < 0)
		return "unknown";
	*ret_active = json_is_true(json_object_get(answer, "active"));
	*ret_stalled = json_is_true(json_object_get(answer, "stalled"));
	return text_in(answer, "state", a);
}

void hosts_console(struct hosts *h, const struct node *n, struct arena *a, struct console *ret)
{
	auto_(json_decref) json_t *answer = NULL;
	struct fail ignored = { 0 };

	hosts_ask(h, n->host, json_pack("{s:s}", "console", n->name), NULL, clock_after_ms(ASK_MS), &answer, &ignored);
	*ret = (struct console){ text_in(answer, "screen", a), text_in(answer, "log", a) };
}

void hosts_evidence(struct hosts *h, const struct node *n, int64_t since_ms, bool ended, struct strbuf *out)
{
	auto_(json_decref) json_t *answer = NULL;
	auto_(arena_free) struct arena *a = arena_new();
	struct fail ignored = { 0 };

	hosts_ask(h, n->host, json_pack("{s:s, s:I, s:b}", "evidence", n->name, "since_ms", (json_int_t)since_ms, "ended", ended), NULL,
		  clock_after_ms(ASK_MS), &answer, &ignored);
	strbuf_str(out, text_in(answer, "text", a));
}
