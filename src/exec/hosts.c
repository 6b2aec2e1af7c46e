/* SPDX-License-Identifier: PostgreSQL */
#include "hosts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "coproc.h"
#include "file.h"
#include "hosts_ask.h"
#include "pool.h"
#include "trace.h"

#define CONNECT_MS 20000   /* ssh itself gives up after 10 s */
#define ASK_MS 20000       /* for what libvirt there knows */
#define GRACE_MS 15000     /* a step ends by itself at its deadline; so much later the connection is given up */
#define STEP_MAX_MS 86400000
#define POLL_MS 200
#define SEND_MS 20000
#define KEY_BYTES 16384

/* One question; on the stack of the thread that waits for the answer. */
struct ask {
	unsigned number;
	struct run *run;           /* hears what the step says; or NULL */
	json_t *answer;
	struct ask *next;
};

struct link {
	struct hosts *all;
	unsigned host;
	pthread_mutex_t opening;   /* held while the connection is made */
	pthread_mutex_t lock;      /* guards everything below, and sending */
	pthread_cond_t changed;
	struct coproc *proc;
	pthread_t reader;
	bool reads, canceled, kept;
	struct fail lost;          /* .code != 0: it did not answer, or broke */
	struct ask *asks;
	unsigned asked;
};

struct hosts {
	struct hosts_env env;
	unsigned count;
	struct link *links;
};

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

static bool is_lost(struct link *l, struct fail *e)
{
	bool lost;

	pthread_mutex_lock(&l->lock);
	lost = l->lost.code != 0;
	if (lost)
		*e = l->lost;
	pthread_mutex_unlock(&l->lock);
	return lost;
}

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->count; i++) {
		struct link *l = &h->links[i];
		struct fail ignored;

		if (l->proc && is_lost(l, &ignored))
			coproc_kill(l->proc);
		else if (l->proc)
			coproc_hang_up(l->proc);
		if (l->reads)
			pthread_join(l->reader, NULL);
		coproc_end(l->proc);
		pthread_cond_destroy(&l->changed);
		pthread_mutex_destroy(&l->lock);
		pthread_mutex_destroy(&l->opening);
	}
	free(h->links);
	free(h);
}

static const struct host *host_of(const struct link *l)
{
	return &l->all->env.lab->hosts[l->host];
}

/* The last line that ssh, or labctl there, has printed; without the dot of "Connection closed." */
static const char *last_line(char *text)
{
	char *line;

	for (size_t len = strlen(text); len && strchr("\r\n.", text[len - 1]);)
		text[--len] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

/* The connection is of no use any more. The lock is held. Everybody who waits is told the same. */
static void give_up(struct link *l, const char *why)
{
	auto_(free) char *errors = coproc_errors(l->proc);
	const char *said = last_line(errors);

	if (l->lost.code)
		return;
	fail(&l->lost, FAIL_SSH, "host %s (ssh %s): %s", host_of(l)->name, host_of(l)->ssh, *said ? said : why);
	fail_cause(&l->lost, CAUSE_LOST);
	fail_next(&l->lost, "ssh -o BatchMode=yes %s labctl version; then the same command again", host_of(l)->ssh);
	pthread_cond_broadcast(&l->changed);
}

/* --- answers --- */

static void hear(struct link *l, json_t *o)
{
	bool about = json_object_get(o, "about") != NULL;
	unsigned number = (unsigned)json_integer_value(json_object_get(o, about ? "about" : "answer"));
	const char *said = json_string_value(json_object_get(o, "said")), *noted = json_string_value(json_object_get(o, "noted"));

	for (struct ask *a = l->asks; a; a = a->next) {
		if (a->number != number)
			continue;
		if (!about)
			a->answer = json_incref(o);
		else if (a->run && said)
			run_say(a->run, "%s", said);
		else if (a->run && noted)
			run_note(a->run, "%s", noted);
	}
	if (!about)
		pthread_cond_broadcast(&l->changed);
}

static void *read_answers(void *ctx)
{
	struct link *l = ctx;
	auto_(strbuf_clear) struct strbuf line = { 0 };
	struct fail e = { 0 };

	while (coproc_line(l->proc, CLOCK_NEVER, &line, &e) == 0) {
		auto_(json_decref) json_t *o = json_loads(strbuf_text(&line), 0, NULL);

		pthread_mutex_lock(&l->lock);
		if (o)
			hear(l, o);
		pthread_mutex_unlock(&l->lock);
	}
	pthread_mutex_lock(&l->lock);
	give_up(l, e.text);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* @o is consumed. It may have keys. */
static int send(struct link *l, json_t *o, struct fail *e)
{
	char *text = json_dumps(o, JSON_COMPACT);
	int r;

	json_decref(o);
	if (!text)
		return fail(e, FAIL_OTHER, "host %s: a message is no JSON", host_of(l)->name);
	r = coproc_send(l->proc, text, clock_after_ms(SEND_MS), e);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

static bool canceled(const struct link *l)
{
	return l->all->env.cancel && atomic_load(l->all->env.cancel);
}

/* Waits for the answer; the lock is held. After a cancel, the host has GRACE_MS to end what it does. */
static int await(struct link *l, struct ask *a, int64_t deadline_ms, struct fail *e)
{
	while (!a->answer && !l->lost.code) {
		int64_t until = clock_after_ms(POLL_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		if (canceled(l) && !l->canceled) {
			l->canceled = true;
			send(l, json_pack("{s:b}", "cancel", 1), e);
			if (deadline_ms > clock_after_ms(GRACE_MS))
				deadline_ms = clock_after_ms(GRACE_MS);
		}
		if (clock_left_ms(deadline_ms) == 0)
			give_up(l, "no answer in time");
		else
			pthread_cond_timedwait(&l->changed, &l->lock, &at);
	}
	if (a->answer)
		return 0;
	*e = l->lost;
	return -1;
}

/* Sends the question @o, which is consumed, and waits. The caller frees the answer. A failure there is one here. */
static int ask(struct link *l, json_t *o, struct run *run, int64_t deadline_ms, json_t **ret_answer, struct fail *e)
{
	struct ask a = { .run = run };
	const json_t *why;
	int r;

	pthread_mutex_lock(&l->lock);
	a.number = ++l->asked;
	a.next = l->asks;
	l->asks = &a;
	json_object_set_new(o, "ask", json_integer(a.number));
	r = l->lost.code ? (json_decref(o), *e = l->lost, -1) : send(l, o, e);
	if (r < 0 && !l->lost.code) {
		give_up(l, e->text);
		*e = l->lost;
	}
	if (r == 0)
		r = await(l, &a, deadline_ms, e);
	for (struct ask **at = &l->asks; *at; at = &(*at)->next)
		if (*at == &a) {
			*at = a.next;
			break;
		}
	pthread_mutex_unlock(&l->lock);
	why = a.answer ? json_object_get(a.answer, "fail") : NULL;
	if (why) {
		host_fail_read(why, e);
		r = fail_wrap(e, "host %s", host_of(l)->name);
	}
	*ret_answer = a.answer;
	return r;
}

/* --- connecting --- */

static json_t *hello(const struct link *l)
{
	const struct hosts_env *env = &l->all->env;
	auto_(strbuf_clear) struct strbuf record = { 0 }, machine = { 0 };
	auto_(free) char *state = realpath(env->paths->state, NULL);
	char digest[65], name[256] = "";
	struct fail ignored;

	lab_print(env->lab, &record);
	host_digest(env->library, digest);
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

	if (send(l, hello(l), e) < 0 || coproc_line(l->proc, clock_after_ms(CONNECT_MS), &line, e) < 0)
		return -1;
	o = json_loads(strbuf_text(&line), 0, NULL);
	if (json_object_get(o, "fail")) {
		host_fail_read(json_object_get(o, "fail"), &l->lost);
		return fail_wrap(&l->lost, "host %s", host_of(l)->name);
	}
	return json_object_get(o, "hello") ? 0 : fail(e, FAIL_OTHER, "what answers there is no labctl");
}

/* Nothing secret is among the arguments. */
static int start(struct link *l, struct fail *e)
{
	const char *const argv[] = { HOSTS_SSH, host_of(l)->ssh, "labctl host-run", NULL };
	struct fail why = { 0 };
	int r;

	if (coproc_start(argv, &l->proc, e) < 0)
		return fail_next(e, "apt-get install openssh-client");
	r = greet(l, &why);
	if (r == 0 && pthread_create(&l->reader, NULL, read_answers, l) == 0) {
		l->reads = true;
		return 0;
	}
	/* ssh, or the shell there, says why on its standard error, perhaps a moment later. */
	coproc_hang_up(l->proc);
	clock_sleep_ms(POLL_MS);
	give_up(l, r < 0 ? why.text : "cannot start a thread");
	*e = l->lost;
	return -1;
}

static int connect_to(struct hosts *h, unsigned host, struct link **ret, struct fail *e)
{
	struct link *l = &h->links[host];
	struct trace t;
	int r = 0;

	*ret = l;
	pthread_mutex_lock(&l->opening);
	if (is_lost(l, e)) {
		r = -1;
	} else if (!l->proc) {
		trace_begin(&t, TRACE_SSH, "host %s: labctl host-run", host_of(l)->name);
		r = start(l, e);
		trace_end(&t, TRACE_SSH, r < 0 ? e : NULL, "%s", "");
	}
	pthread_mutex_unlock(&l->opening);
	return r;
}

static void reach_one(void *ctx, unsigned i)
{
	struct hosts *h = ctx;
	struct fail ignored = { 0 };
	struct link *l;

	if (i && host_is_used(h->env.lab, i))
		connect_to(h, i, &l, &ignored);
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

/* Only the keys of that host's own nodes leave this one. */
static int keys_of(const struct link *l, json_t *files, struct fail *e)
{
	const struct hosts_env *env = &l->all->env;
	auto_(arena_free) struct arena *a = arena_new();

	if (add_file(files, "id_ed25519.pub", env->paths->key_pub, e) < 0)
		return -1;
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
	return ask(l, json_pack("{s:o}", "keep", files), NULL, deadline_ms, &answer, e);
}

/* --- questions --- */

int hosts_ask(struct hosts *h, unsigned host, json_t *o, struct run *run, int64_t deadline_ms, json_t **ret_answer, struct fail *e)
{
	struct link *l;

	if (connect_to(h, host, &l, e) < 0) {
		json_decref(o);
		return -1;
	}
	return ask(l, o, run, deadline_ms, ret_answer, e);
}

int hosts_run(struct hosts *h, struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct step *s = run_step(r);
	auto_(json_decref) json_t *answer = NULL;
	int64_t left = clock_left_ms(run_deadline_ms(r)) < STEP_MAX_MS ? clock_left_ms(run_deadline_ms(r)) : STEP_MAX_MS;
	const char *warnings;

	if (hosts_ask(h, s->host, json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:I}", "run", verb_names[s->verb], "id", s->id, "node", s->node ? s->node->name : NULL,
			     "subject", s->subject, "title", s->title, "timeout_ms", (json_int_t)left),
		r, clock_after_ms(left + GRACE_MS), &answer, e) < 0)
		return -1;
	warnings = json_string_value(json_object_get(answer, "warnings"));
	for (size_t len; warnings && *warnings; warnings += len + (warnings[len] == '\n'))
		run_warn(r, "%.*s", (int)(len = strcspn(warnings, "\n")), warnings);
	*ret_state = host_state_read(json_string_value(json_object_get(answer, "state")));
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
	return arena_strdup(a, json_string_value(json_object_get(answer, "state")) ? json_string_value(json_object_get(answer, "state")) : "");
}
