/* SPDX-License-Identifier: PostgreSQL */
/*
 * The story of a run on stderr. On a terminal: finished steps scroll, below them one
 * live line per running step. Elsewhere: one plain line per finished step.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"

#define LIVE_MAX 12 /* lines; more running steps are counted */
#define REDRAW_MS 80
#define TICK_MS 200 /* the clocks of running steps go on when nothing happens */

struct running {
	const struct step *step;
	int64_t start_ms;
	char said[120];
};

struct progress {
	const struct cli *cli;
	bool live;
	unsigned total, finished, drawn, width;
	struct running *running; unsigned running_count;
	int64_t drawn_ms;
	pthread_mutex_t lock;   /* of all above: events come from workers, ticks from .ticker */
	pthread_cond_t stopping;
	pthread_t ticker;
	bool ticking, stop;
};

static void *tick(void *arg);

struct progress *progress_new(const struct cli *c, const struct plan *p)
{
	struct progress *g = calloc(1, sizeof *g);
	pthread_condattr_t attr;
	struct winsize size;

	if (g)
		g->running = calloc(p->step_count + 1, sizeof *g->running);
	if (!g || !g->running)
		abort();
	g->cli = c;
	g->live = isatty(STDERR_FILENO) && !getenv("NO_COLOR") && strcmp(getenv("TERM") ? getenv("TERM") : "dumb", "dumb") != 0;
	g->width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
	for (unsigned i = 0; i < p->step_count; i++)
		g->total += p->steps[i].verb != VERB_JOIN;
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->stopping, &attr);
	pthread_condattr_destroy(&attr);
	g->ticking = g->live && pthread_create(&g->ticker, NULL, tick, g) == 0;
	return g;
}

static void erase(struct progress *g)
{
	if (g->drawn)
		fprintf(stderr, "\033[%uA\033[J", g->drawn);
	g->drawn = 0;
}

static const char *place(const struct step *s)
{
	return s->node ? s->node->name : s->subject ? s->subject : "host";
}

static void draw(struct progress *g)
{
	int64_t now = clock_now_ms();

	erase(g);
	for (unsigned i = 0; i < g->running_count && i < LIVE_MAX; i++) {
		const struct running *r = &g->running[i];
		char line[512];

		snprintf(line, sizeof line, "%6.1fs  %-8s %s%s%s", (double)(now - r->start_ms) / 1000, place(r->step),
			 r->step->title, *r->said ? ": " : "", r->said);
		report_say("%.*s\n", (int)g->width - 1, line);
		g->drawn++;
	}
	if (g->running_count) {
		fprintf(stderr, "%6.1fs  %u of %u steps%s\n", (double)(now - g->cli->start_ms) / 1000, g->finished,
			g->total, g->running_count > LIVE_MAX ? ", more running" : "");
		g->drawn++;
	}
	g->drawn_ms = now;
}

static void notes(const struct strbuf *text)
{
	for (const char *p = strbuf_text(text); *p;) {
		size_t len = strcspn(p, "\n");

		report_say("                     %.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
}

static void finish(struct progress *g, const struct event *ev)
{
	const struct step_result *r = ev->result;
	bool bad = r->state == STEP_FAILED || r->state == STEP_TIMEOUT;

	for (unsigned i = 0; i < g->running_count; i++)
		if (g->running[i].step == ev->step) {
			memmove(&g->running[i], &g->running[i + 1], (g->running_count - i - 1) * sizeof *g->running);
			g->running_count--;
			break;
		}
	if (ev->step->verb == VERB_JOIN)
		return;
	g->finished++;
	/* Blocked and canceled steps are consequences: the summary counts them. */
	if (r->state == STEP_BLOCKED || r->state == STEP_CANCELED)
		return;
	if (r->state == STEP_UNCHANGED && !g->cli->verbose)
		return;
	erase(g);
	fprintf(stderr, "%6.1fs  %-8s %s: %s", (double)(ev->at_ms - g->cli->start_ms) / 1000, place(ev->step),
		ev->step->title, step_state_names[r->state]);
	if (bad)
		report_say(": %s", r->fail.text);
	fputc('\n', stderr);
	if (g->cli->verbose || r->state == STEP_SKIPPED) /* what is left out is never silent */
		notes(&r->notes);
}

static void *tick(void *arg)
{
	struct progress *g = arg;

	pthread_mutex_lock(&g->lock);
	while (!g->stop) {
		int64_t until = clock_after_ms(TICK_MS);
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		pthread_cond_timedwait(&g->stopping, &g->lock, &at);
		if (!g->stop && g->running_count)
			draw(g);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static void on_event(void *ctx, const struct event *ev)
{
	struct progress *g = ctx;

	pthread_mutex_lock(&g->lock);
	switch (ev->kind) {
	case EVENT_STARTED:
		if (ev->step->verb != VERB_JOIN)
			g->running[g->running_count++] = (struct running){ .step = ev->step, .start_ms = ev->at_ms };
		break;
	case EVENT_SAID:
		for (unsigned i = 0; i < g->running_count; i++)
			if (g->running[i].step == ev->step)
				snprintf(g->running[i].said, sizeof g->running[i].said, "%s", ev->text);
		break;
	case EVENT_NOTED:
		break;
	case EVENT_FINISHED:
		finish(g, ev);
		break;
	}
	if (g->live && (ev->kind == EVENT_FINISHED || clock_now_ms() - g->drawn_ms >= REDRAW_MS))
		draw(g);
	pthread_mutex_unlock(&g->lock);
}

struct event_sink progress_sink(struct progress *g)
{
	return (struct event_sink){ .event = on_event, .ctx = g };
}

void progress_free(struct progress *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->stop = true;
	pthread_cond_signal(&g->stopping);
	pthread_mutex_unlock(&g->lock);
	if (g->ticking)
		pthread_join(g->ticker, NULL);
	erase(g);
	pthread_cond_destroy(&g->stopping);
	pthread_mutex_destroy(&g->lock);
	free(g->running);
	free(g);
}
