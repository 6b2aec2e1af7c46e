/* SPDX-License-Identifier: PostgreSQL */
#include "host_serve.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "host_server.h"
#include "node_console.h"
#include "plan.h"
#include "snapshots.h"
#include "virt.h"

const char *asked_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* @o is consumed. */
static void say(struct server *s, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	pthread_mutex_lock(&s->lock);
	if (text)
		fprintf(s->o->out, "%s\n", text);
	fflush(s->o->out);
	pthread_mutex_unlock(&s->lock);
	free(text);
}

static void answer(struct server *s, const json_t *question, json_t *o, const struct fail *e)
{
	json_object_set(o, "answer", json_object_get(question, "ask"));
	if (e && e->code)
		json_object_set_new(o, "fail", host_fail_json(e));
	say(s, o);
}

/* --- greeting --- */

static int check_same(const struct server *s, const json_t *o, struct fail *e)
{
	const char *version = asked_text(o, "hello"), *data = asked_text(o, "data");
	char digest[65];

	library_digest(s->o->runtime->lib, digest);
	if (!version || !data)
		return fail(e, FAIL_USAGE, "host-run is for labctl, which calls it on the other hosts of a lab");
	if (strcmp(version, host_version) != 0) {
		fail(e, FAIL_HOST, "labctl %s is there, and %s here", host_version, version);
		return fail_next(e, "install the same version on all hosts of the lab");
	}
	if (strcmp(data, digest) != 0) {
		fail(e, FAIL_HOST, "labctl there has other data files (%s)", library_dir(s->o->runtime->lib));
		return fail_next(e, "install the same version on all hosts of the lab");
	}
	return 0;
}

/* The directory of the nodes' data, which depends on where this host has its state. */
static const char *exports_of(const struct server *s)
{
	const char *dir = s->lab->nodes[0].export_dir;

	return arena_strndup(s->arena, dir, (size_t)(strrchr(dir, '/') - dir));
}

static int greet(struct server *s, const json_t *o, struct fail *e)
{
	struct runtime_options ro = *s->o->runtime;
	struct lab_options lo = { .state_dir = ro.state_dir };
	json_int_t host = json_integer_value(json_object_get(o, "host"));
	const char *record = asked_text(o, "record"), *uuid = asked_text(o, "uuid"), *master = asked_text(o, "master"), *why;

	if (check_same(s, o, e) < 0)
		return -1;
	if (!record || !uuid || strlen(uuid) != sizeof s->lab->uuid - 1 || !master)
		return fail(e, FAIL_OTHER, "the greeting is incomplete");
	if (lab_parse(record, strlen(record), "record", &lo, &s->lab, e) < 0)
		return -1;
	if (host < 1 || host >= (json_int_t)s->lab->host_count)
		return fail(e, FAIL_OTHER, "the record has no host %d", (int)host);
	if (s->lab->hypervisor == HYPERVISOR_KVM && !virt_kvm_works(&why)) {
		fail(e, FAIL_HOST, "KVM does not work there: %s", why);
		return fail_next(e, "hypervisor: qemu in the lab file (emulated, slow), or another host");
	}
	lab_set_id(s->lab, uuid);
	s->record = arena_strdup(s->arena, record);
	s->master = arena_strdup(s->arena, master);
	s->host = (unsigned)host;
	ro.host = s->host;
	ro.cancel = &s->canceled;
	return runtime_open(s->lab, &ro, &s->rt, e);
}

/* --- steps --- */

struct job { struct server *s; json_t *question; };

static void hear(void *ctx, const struct event *ev)
{
	const struct job *j = ctx;
	const char *word = ev->kind == EVENT_SAID ? "said" : ev->kind == EVENT_NOTED ? "noted" : NULL;

	if (word)
		say(j->s, json_pack("{s:O, s:s}", "about", json_object_get(j->question, "ask"), word, ev->text));
}

/* The step as a plan of its own: the executor gives it its deadline, and knows how it ended. */
static int run_step_of(struct job *j, struct plan *p, json_t *reply, struct fail *e)
{
	struct server *s = j->s;
	const json_t *q = j->question;
	const char *node = asked_text(q, "node"), *subject = asked_text(q, "subject"), *id = asked_text(q, "id"), *title = asked_text(q, "title");
	const struct node *n = node ? lab_find_node(s->lab, node) : NULL;
	enum verb verb = host_verb_read(asked_text(q, "run"));
	struct event_sink sink = { .event = hear, .ctx = j };
	struct exec_options o = { .verbs = s->o->verbs, .context = s->rt, .jobs = 1, .deadline_ms = CLOCK_NEVER, .cancel = &s->canceled,
				  .sinks = &sink, .sink_count = 1 };
	struct exec_report rep = { 0 };
	struct step *step;
	int r;

	if (s->lock_fd < 0 || verb == VERB_COUNT || (node && (!n || n->host != s->host)) || !id)
		return fail(e, FAIL_OTHER, "no step for this host: %s", id ? id : "");
	step = plan_add_at(p, 0, verb, n, id, title ? title : "");
	step->subject = subject;
	step->gone = asked_text(q, "gone") ? lab_find_node(s->lab, asked_text(q, "gone")) : NULL;
	step->timeout_ms = json_integer_value(json_object_get(q, "timeout_ms"));
	if (plan_finish(p, e) < 0)
		return -1;
	r = exec_run(p, &o, &rep, e);
	if (r < 0)
		*e = rep.results[0].fail;
	json_object_set_new(reply, "state", json_string(step_state_names[rep.results[0].state]));
	if (rep.results[0].warnings.len)
		json_object_set_new(reply, "warnings", json_string(rep.results[0].warnings.text));
	exec_report_clear(&rep);
	return r;
}

static void tell_facts(struct server *s, json_t *reply, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct facts facts = { 0 };

	if (runtime_own_facts(s->rt, a, &facts, e) == 0)
		host_facts_json(&facts, reply);
}

static void tell_domain(struct server *s, const char *domain, json_t *reply, struct fail *e)
{
	const char *state, *stalled;
	struct virt *v;
	bool active;

	if (runtime_virt(s->rt, &v, e) < 0)
		return;
	state = virt_domain_state(v, domain, &active);
	json_object_set_new(reply, "active", json_boolean(active));
	json_object_set_new(reply, "stalled", json_boolean(virt_domain_stalled(v, domain, &stalled)));
	json_object_set_new(reply, "state", json_string(state));
}

static const struct node *own_node(const struct server *s, const char *name, struct fail *e)
{
	const struct node *n = lab_find_node(s->lab, name);

	if (!n || n->host != s->host)
		fail(e, FAIL_OTHER, "no node of this host: %s", name);
	return n && n->host == s->host ? n : NULL;
}

/* What a machine prints need not be UTF-8; jansson takes nothing else. */
static void add_bytes(json_t *reply, const char *key, const char *text, size_t len, struct arena *a)
{
	char *plain = arena_alloc(a, len + 1); /* zeros */

	for (size_t i = 0; i < len; i++)
		plain[i] = !text[i] || (unsigned char)text[i] > 126 ? '?' : text[i];
	json_object_set_new(reply, key, json_string(plain));
}

static void add_printed(json_t *reply, const char *key, const char *text, struct arena *a)
{
	add_bytes(reply, key, text, strlen(text), a);
}

static void tell_console(struct server *s, const char *node, json_t *reply, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const struct node *n = own_node(s, node, e);
	struct console console;

	if (!n)
		return;
	console_read(s->rt, n, a, &console);
	add_printed(reply, "screen", console.screen, a);
	add_printed(reply, "log", console.log, a);
}

static void tell_evidence(struct server *s, const json_t *q, json_t *reply, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const struct node *n = own_node(s, asked_text(q, "evidence"), e);

	if (!n)
		return;
	console_evidence(s->rt, n, json_integer_value(json_object_get(q, "since_ms")), json_is_true(json_object_get(q, "ended")), &text);
	add_printed(reply, "text", strbuf_text(&text), a);
}

static void tell_printed(struct server *s, const json_t *q, json_t *reply, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const struct node *n = own_node(s, asked_text(q, "printed"), e);
	json_int_t max = json_integer_value(json_object_get(q, "max"));
	struct console_file file;

	if (!n || console_text(s->rt, n, json_integer_value(json_object_get(q, "from")),
			       max < 0 || max > CONSOLE_MAX_BYTES ? CONSOLE_MAX_BYTES : (uint32_t)max, &text, &file, e) < 0)
		return;
	add_bytes(reply, "text", strbuf_text(&text), text.len, a);
	json_object_set_new(reply, "size", json_integer(file.size));
	json_object_set_new(reply, "changed_ms", json_integer(file.changed_ms));
}

static void *do_job(void *ctx)
{
	struct job *j = ctx;
	struct server *s = j->s;
	const json_t *q = j->question;
	auto_(plan_free) struct plan *p = plan_new("host-run", s->lab);
	json_t *reply = json_object();
	struct fail e = { 0 };

	if (json_object_get(q, "keep"))
		server_keep(s, q, &e);
	else if (asked_text(q, "run"))
		run_step_of(j, p, reply, &e);
	else if (asked_text(q, "image"))
		server_want_image(s, q, reply, &e);
	else if (asked_text(q, "placed"))
		server_place_image(s, q, &e);
	else if (asked_text(q, "domain"))
		tell_domain(s, asked_text(q, "domain"), reply, &e);
	else if (asked_text(q, "console"))
		tell_console(s, asked_text(q, "console"), reply, &e);
	else if (asked_text(q, "printed"))
		tell_printed(s, q, reply, &e);
	else if (asked_text(q, "evidence"))
		tell_evidence(s, q, reply, &e);
	else if (json_object_get(q, "facts"))
		tell_facts(s, reply, &e);
	else if (json_object_get(q, "usage"))
		server_tell_usage(s, q, reply, &e);
	else if (json_object_get(q, "objects"))
		server_tell_objects(s, reply, &e);
	else if (json_object_get(q, "faults"))
		server_tell_faults(s, reply, &e);
	else if (asked_text(q, "snapshot"))
		server_tell_snapshot(s, asked_text(q, "snapshot"), reply, &e);
	else
		fail(&e, FAIL_OTHER, "unknown question");
	answer(s, q, reply, &e);
	json_decref(j->question);
	free(j);
	pthread_mutex_lock(&s->lock);
	s->running--;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* @q is consumed. The master never has more questions open than it has workers. */
static void begin(struct server *s, json_t *q)
{
	struct job *j = calloc(1, sizeof *j);
	pthread_attr_t attr;
	pthread_t thread;

	if (!j)
		abort();
	*j = (struct job){ s, q };
	pthread_mutex_lock(&s->lock);
	s->running++;
	pthread_mutex_unlock(&s->lock);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (json_object_get(q, "keep") || pthread_create(&thread, &attr, do_job, j) != 0)
		do_job(j); /* what is kept, before anything that needs it */
	pthread_attr_destroy(&attr);
}

static void serve(struct server *s)
{
	auto_(free) char *line = NULL;
	struct fail ignored = { 0 };
	size_t room = 0;

	while (getline(&line, &room, s->o->in) > 0) {
		json_t *q = json_loads(line, 0, NULL);

		explicit_bzero(line, room);
		if (q && json_object_get(q, "cancel"))
			atomic_store(&s->canceled, true);
		if (q && json_object_get(q, "ask"))
			begin(s, q);
		else
			json_decref(q);
	}
	/* Nobody listens any more: whoever asks again finds what is done, and does the rest. Only half a snapshot is begun anew. */
	atomic_store(&s->canceled, true);
	pthread_mutex_lock(&s->lock);
	while (s->running)
		pthread_cond_wait(&s->ended, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->lock_fd >= 0)
		snapshots_sweep(runtime_paths(s->rt), &ignored);
}

int host_serve(const struct host_serve *o, struct fail *e)
{
	struct server s = { .o = o, .lock_fd = -1, .image_fd = -1, .arena = arena_new() };
	auto_(free) char *line = NULL;
	auto_(json_decref) json_t *first = NULL;
	size_t room = 0;
	int r;

	pthread_mutex_init(&s.lock, NULL);
	pthread_cond_init(&s.ended, NULL);
	if (getline(&line, &room, o->in) > 0)
		first = json_loads(line, 0, NULL);
	r = greet(&s, first, e);
	say(&s, r < 0 ? json_pack("{s:o}", "fail", host_fail_json(e)) :
			json_pack("{s:s, s:s}", "hello", host_version, "exports", exports_of(&s)));
	if (r == 0)
		serve(&s);
	runtime_close(s.rt);
	lab_free(s.lab);
	if (s.lock_fd >= 0)
		close(s.lock_fd);
	if (s.image_fd >= 0)
		close(s.image_fd);
	pthread_cond_destroy(&s.ended);
	pthread_mutex_destroy(&s.lock);
	arena_free(s.arena);
	return r;
}
