/* SPDX-License-Identifier: PostgreSQL */
#include "hosts_link.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define GRACE_MS 15000 /* after a cancel, a host may take so long to end what it does */
#define POLL_MS 200
#define END_MS 2000    /* ssh ends right after its output */
#define SEND_MS 20000

/* One question; on the stack of the thread that waits for the answer. */
struct ask {
	unsigned number;
	struct run *run;           /* hears what the step says; or NULL */
	json_t *answer;
	struct ask *next;
};

const struct host *link_host(const struct link *l)
{
	return &l->all->env.lab->hosts[l->host];
}

bool link_is_lost(struct link *l, struct fail *e)
{
	bool lost;

	pthread_mutex_lock(&l->lock);
	lost = l->lost.code != 0;
	if (lost)
		*e = l->lost;
	pthread_mutex_unlock(&l->lock);
	return lost;
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

static void give_up(struct link *l, const char *why, bool none)
{
	auto_(free) char *errors = coproc_errors(l->proc);
	const char *said = last_line(errors);

	if (l->lost.code)
		return;
	fail(&l->lost, FAIL_SSH, "host %s (ssh %s): %s", link_host(l)->name, link_host(l)->ssh,
	     none ? "labctl is not installed" : *said ? said : why);
	fail_cause(&l->lost, CAUSE_LOST);
	if (none)
		fail_next(&l->lost, "labctl -l %s host add %s; then the same command again", l->all->env.lab->name, link_host(l)->name);
	else
		fail_next(&l->lost, "labctl -l %s host check; then the same command again", l->all->env.lab->name);
	pthread_cond_broadcast(&l->changed);
}

void link_give_up(struct link *l, const char *why)
{
	give_up(l, why, false);
}

void link_ended(struct link *l, const char *why)
{
	bool none = coproc_status(l->proc, END_MS) == NO_LABCTL; /* also gives ssh the time to say why */

	pthread_mutex_lock(&l->lock);
	give_up(l, why, none);
	pthread_mutex_unlock(&l->lock);
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

void *link_read(void *ctx)
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
	link_ended(l, e.text);
	return NULL;
}

int link_send(struct link *l, json_t *o, struct fail *e)
{
	char *text = json_dumps(o, JSON_COMPACT);
	int r;

	json_decref(o);
	if (!text)
		return fail(e, FAIL_OTHER, "host %s: a message is not JSON", link_host(l)->name);
	r = coproc_send(l->proc, text, clock_after_ms(SEND_MS), e);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

static bool canceled(const struct link *l)
{
	return l->all->env.cancel && atomic_load(l->all->env.cancel);
}

/* Waits for the answer; the lock is held. */
static int await(struct link *l, struct ask *a, int64_t deadline_ms, struct fail *e)
{
	while (!a->answer && !l->lost.code) {
		int64_t until = clock_after_ms(POLL_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		if (canceled(l) && !l->canceled) {
			l->canceled = true;
			link_send(l, json_pack("{s:b}", "cancel", 1), e);
			if (deadline_ms > clock_after_ms(GRACE_MS))
				deadline_ms = clock_after_ms(GRACE_MS);
		}
		if (clock_left_ms(deadline_ms) == 0)
			link_give_up(l, "no answer in time");
		else
			pthread_cond_timedwait(&l->changed, &l->lock, &at);
	}
	if (a->answer)
		return 0;
	*e = l->lost;
	return -1;
}

int link_ask(struct link *l, json_t *o, struct run *run, int64_t deadline_ms, json_t **ret_answer, struct fail *e)
{
	struct ask a = { .run = run };
	const json_t *why;
	int r;

	pthread_mutex_lock(&l->lock);
	a.number = ++l->asked;
	a.next = l->asks;
	l->asks = &a;
	json_object_set_new(o, "ask", json_integer(a.number));
	r = l->lost.code ? (json_decref(o), *e = l->lost, -1) : link_send(l, o, e);
	if (r < 0 && !l->lost.code) {
		link_give_up(l, e->text);
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
		r = fail_wrap(e, "host %s", link_host(l)->name);
	}
	*ret_answer = a.answer;
	return r;
}
