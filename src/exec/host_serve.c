/* SPDX-License-Identifier: PostgreSQL */
#include "host_serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "clock.h"
#include "digest.h"
#include "file.h"
#include "host_words.h"
#include "lease.h"
#include "plan.h"
#include "state.h"
#include "virt.h"

#define LINE_MAX_BYTES (16u << 20)
#define LOCK_MS 3000
#define IMAGE_LOCK_MS 1800000 /* a build of the same image may take so long */
#define MASTER_BYTES 4096

struct server {
	const struct host_serve *o;
	struct lab *lab;
	struct runtime *rt;
	const char *record, *master; /* the lab as the master prints it; who that is */
	unsigned host;
	int lock_fd;                 /* the lab's lock here, once something is kept; -1 */
	struct arena *arena;
	atomic_bool canceled;
	pthread_mutex_t lock;        /* guards .out of .o and .running */
	pthread_cond_t ended;
	unsigned running;
	int image_fd;                /* lock of the image that is being copied here; -1 */
};

static const char *text_of(const json_t *o, const char *key)
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
	const char *version = text_of(o, "hello"), *data = text_of(o, "data");
	char digest[65];

	host_digest(s->o->runtime->lib, digest);
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

static int greet(struct server *s, const json_t *o, struct fail *e)
{
	struct runtime_options ro = *s->o->runtime;
	struct lab_options lo = { .state_dir = ro.state_dir };
	json_int_t host = json_integer_value(json_object_get(o, "host"));
	const char *record = text_of(o, "record"), *uuid = text_of(o, "uuid"), *master = text_of(o, "master");

	if (check_same(s, o, e) < 0)
		return -1;
	if (!record || !uuid || strlen(uuid) != sizeof s->lab->uuid - 1 || !master)
		return fail(e, FAIL_OTHER, "the greeting is incomplete");
	if (lab_parse(record, strlen(record), "record", &lo, &s->lab, e) < 0)
		return -1;
	if (host < 1 || host >= (json_int_t)s->lab->host_count)
		return fail(e, FAIL_OTHER, "the record has no host %d", (int)host);
	lab_set_id(s->lab, uuid);
	s->record = arena_strdup(s->arena, record);
	s->master = arena_strdup(s->arena, master);
	s->host = (unsigned)host;
	ro.host = s->host;
	ro.cancel = &s->canceled;
	return runtime_open(s->lab, &ro, &s->rt, e);
}

/* --- what this host keeps --- */

const char *host_master(const struct paths *p, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;

	if (file_read(arena_printf(a, "%s/master", p->lab), MASTER_BYTES, &text, &ignored) < 0)
		return NULL;
	return arena_strndup(a, strbuf_text(&text), strcspn(strbuf_text(&text), "\n"));
}

/* Machine and state directory; the name of the host is for people. */
static size_t master_len(const char *master)
{
	const char *last = strrchr(master, ' ');

	return last ? (size_t)(last - master) : strlen(master);
}

/* The lab of this name here must be this master's. */
static int check_master(const struct server *s, const struct paths *p, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *has = host_master(p, a);

	if (!has && !file_exists(p->lab_file))
		return 0;
	if (has && master_len(has) == master_len(s->master) && !strncmp(has, s->master, master_len(has)))
		return 0;
	if (!has)
		fail(e, FAIL_CONFLICT, "there is a lab '%s' of that host itself", s->lab->name);
	else
		fail(e, FAIL_CONFLICT, "lab '%s' there is of labctl on %s", s->lab->name, strrchr(has, ' ') ? strrchr(has, ' ') + 1 : has);
	return fail_next(e, "destroy that lab, or give this one another name: labctl -l NAME create");
}

static int write_text(const char *path, const char *text, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf old = { 0 };
	struct fail ignored;

	if (file_read(path, 1 << 20, &old, &ignored) == 0 && !strcmp(strbuf_text(&old), text))
		return 0;
	return file_write(path, text, strlen(text), 0600, e);
}

/* "id_ed25519.pub", "nodes/NODE/host_key": nothing else, and only below the lab's directory. */
static const char *kept_path(const struct server *s, const struct paths *p, const char *name, struct arena *a)
{
	if (!strcmp(name, "id_ed25519.pub"))
		return p->key_pub;
	for (unsigned i = 0; i < s->lab->node_count; i++) {
		const char *node = s->lab->nodes[i].name;

		if (!strcmp(name, arena_printf(a, "nodes/%s/host_key", node)) || !strcmp(name, arena_printf(a, "nodes/%s/host_key.pub", node)))
			return arena_printf(a, "%s/%s", p->lab, name);
	}
	return NULL;
}

static int keep_files(struct server *s, json_t *files, struct arena *a, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	const char *name;
	json_t *text;

	json_object_foreach(files, name, text) {
		const char *path = kept_path(s, p, name, a);

		if (!path || !json_is_string(text))
			return fail(e, FAIL_OTHER, "'%s' is no text", name);
		if (!strncmp(name, "nodes/", 6) && file_mkdirs(arena_strndup(a, path, (size_t)(strrchr(path, '/') - path)), 0700, e) < 0)
			return -1;
		if (write_text(path, json_string_value(text), e) < 0)
			return -1;
	}
	return 0;
}

/* A subnet that this host already uses would be a conflict that no node could explain. */
static int take_lease(struct server *s, struct arena *a, struct fail *e)
{
	const struct lab *lab = s->lab;
	struct lease_wish wish = { .state_dir = runtime_paths(s->rt)->state, .lab = lab->name, .lab_uuid = lab->uuid,
				   .subnet = lab->net.subnet, .prefix_len = lab->net.prefix_len };
	struct subnet *taken;
	unsigned prefix_len;
	uint32_t subnet;
	struct virt *v;

	if (runtime_virt(s->rt, &v, e) < 0 || virt_subnets(v, a, &taken, &wish.taken_count, e) < 0)
		return -1;
	wish.taken = taken;
	return lease_take(&wish, &subnet, &prefix_len, e);
}

static int keep(struct server *s, const json_t *o, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	auto_(arena_free) struct arena *a = arena_new();

	if (s->lock_fd < 0 && state_lock(p, "host-run", clock_after_ms(LOCK_MS), &s->lock_fd, e) < 0)
		return -1;
	if (check_master(s, p, e) < 0) {
		state_drop_empty(p);
		return -1;
	}
	for (void *i = json_object_iter(json_object_get(o, "keep")); i; i = json_object_iter_next(json_object_get(o, "keep"), i))
		if (!kept_path(s, p, json_object_iter_key(i), a))
			return fail(e, FAIL_OTHER, "'%s' is no file that a host keeps", json_object_iter_key(i));
	/* The master first: from now on this is a part of its lab, whatever comes next. The record last: it has all that it needs. */
	if (write_text(arena_printf(a, "%s/master", p->lab), arena_printf(a, "%s\n", s->master), e) < 0 || take_lease(s, a, e) < 0 ||
	    write_text(p->id, arena_printf(a, "%s\n", s->lab->uuid), e) < 0 || keep_files(s, json_object_get(o, "keep"), a, e) < 0 ||
	    write_text(p->lab_file, s->record, e) < 0)
		return -1;
	return 0;
}

/* --- the image --- */

static bool has_image(struct server *s, const char *name, const char *digest, struct arena *a, const char **ret_dir)
{
	*ret_dir = cache_image(runtime_paths(s->rt)->cache, name, digest, a);
	return file_exists(*ret_dir);
}

/* Is the image here? If not, tells where to put it, and keeps others from making it until it is placed. */
static void want_image(struct server *s, const json_t *q, json_t *reply, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	auto_(arena_free) struct arena *a = arena_new();
	const char *name = text_of(q, "image"), *digest = text_of(q, "digest"), *dir, *temp;
	int64_t deadline = clock_after_ms(IMAGE_LOCK_MS);

	if (s->lock_fd < 0 || strcmp(name, s->lab->image) || !digest || strlen(digest) != DIGEST_HEX - 1 || digest[strspn(digest, "0123456789abcdef")]) {
		fail(e, FAIL_OTHER, "no image of this lab: %s", name);
		return;
	}
	/* Before it is there: images_find() takes this one and no other. */
	if (write_text(arena_printf(a, "%s/image", p->lab), arena_printf(a, "%s\n", digest), e) < 0 || has_image(s, name, digest, a, &dir) ||
	    (s->image_fd < 0 && cache_lock_image(p->cache, name, "copy of an image", deadline, &s->image_fd, e) < 0))
		return;
	temp = cache_path(p->cache, CACHE_IMAGE_NEW, name, a);
	if (file_remove_tree(temp, e) == 0 && file_mkdirs(temp, 0700, e) == 0)
		json_object_set_new(reply, "put", json_string(temp));
}

static void place_image(struct server *s, const json_t *q, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf has = { 0 };
	const char *name = text_of(q, "placed"), *digest = text_of(q, "digest"), *temp = cache_path(p->cache, CACHE_IMAGE_NEW, name, a), *dir;

	if (s->image_fd < 0 || strcmp(name, s->lab->image) || !digest) {
		fail(e, FAIL_OTHER, "no image is being copied");
		return;
	}
	/* tar writes the files in the order of the directory: this one does not show that it is complete, but tar's end did. */
	if (file_read(arena_printf(a, "%s/digest", temp), 4096, &has, e) < 0 || chmod(temp, 0755) < 0 || strncmp(strbuf_text(&has), digest, DIGEST_HEX - 1)) {
		struct fail ignored = { 0 };

		if (!e->code)
			fail(e, FAIL_OTHER, "the copy of image %s has another digest", name);
		file_remove_tree(temp, &ignored);
	} else if (!has_image(s, name, digest, a, &dir)) {
		cache_publish(temp, dir, false, e);
	}
	close(s->image_fd);
	s->image_fd = -1;
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
	const char *node = text_of(q, "node"), *subject = text_of(q, "subject"), *id = text_of(q, "id"), *title = text_of(q, "title");
	const struct node *n = node ? lab_find_node(s->lab, node) : NULL;
	enum verb verb = host_verb_read(text_of(q, "run"));
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

static void *do_job(void *ctx)
{
	struct job *j = ctx;
	struct server *s = j->s;
	const json_t *q = j->question;
	auto_(plan_free) struct plan *p = plan_new("host-run", s->lab);
	json_t *reply = json_object();
	struct fail e = { 0 };

	if (json_object_get(q, "keep"))
		keep(s, q, &e);
	else if (text_of(q, "run"))
		run_step_of(j, p, reply, &e);
	else if (text_of(q, "image"))
		want_image(s, q, reply, &e);
	else if (text_of(q, "placed"))
		place_image(s, q, &e);
	else if (text_of(q, "domain"))
		tell_domain(s, text_of(q, "domain"), reply, &e);
	else if (json_object_get(q, "facts"))
		tell_facts(s, reply, &e);
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
	/* Nobody listens any more: whoever asks again finds what is done, and does the rest. */
	atomic_store(&s->canceled, true);
	pthread_mutex_lock(&s->lock);
	while (s->running)
		pthread_cond_wait(&s->ended, &s->lock);
	pthread_mutex_unlock(&s->lock);
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
	say(&s, r < 0 ? json_pack("{s:o}", "fail", host_fail_json(e)) : json_pack("{s:s}", "hello", host_version));
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
