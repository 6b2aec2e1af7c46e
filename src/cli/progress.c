/* SPDX-License-Identifier: PostgreSQL */
/*
 * Progress of a run on stderr. On a terminal finished steps scroll, with one live line per running step below them.
 * Elsewhere there is one plain line per finished step, and the running steps from time to time. The time on the left
 * is that since the start of the command; the time in brackets after a title is that of the step.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "plural.h"
#include "quote.h"

#define SHOWN_MAX 12   /* running steps that are shown; the others are counted */
#define REDRAW_MS 80
#define TICK_MS 200    /* updates the clocks of live lines when no events come */
#define LINE_BYTES 512

struct running {
	const struct step *step;
	int64_t start_ms;
	char said[120];
};

struct progress {
	struct progress_options o;
	const struct plan *plan;
	unsigned total, finished;
	struct running *running; unsigned running_count; /* oldest first */
	unsigned drawn[SHOWN_MAX + 1], drawn_count;      /* columns of each live line */
	int64_t drawn_ms;
	struct strbuf out;      /* pending output, for one write */
	pthread_mutex_t lock;   /* guards all of the above: events come from workers, ticks from .ticker */
	pthread_cond_t stopping;
	pthread_t ticker;
	bool ticking, stop;
};

static void *tick(void *arg);

bool progress_can_live(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

struct progress *progress_new(const struct progress_options *o, const struct plan *p)
{
	struct progress *g = calloc(1, sizeof *g);
	pthread_condattr_t attr;

	if (g)
		g->running = calloc(p->step_count + 1, sizeof *g->running);
	if (!g || !g->running)
		abort();
	g->o = *o;
	g->plan = p;
	if (!g->o.beat_ms)
		g->o.beat_ms = PROGRESS_BEAT_MS;
	for (unsigned i = 0; i < p->step_count; i++)
		g->total += p->steps[i].verb != VERB_JOIN;
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->stopping, &attr);
	pthread_condattr_destroy(&attr);
	g->ticking = pthread_create(&g->ticker, NULL, tick, g) == 0;
	return g;
}

static void flush_out(struct progress *g)
{
	say_text(strbuf_text(&g->out), g->out.len);
	strbuf_truncate(&g->out, 0);
}

/* Appends lines with text from outside, with terminal controls removed. */
__attribute__((format(printf, 2, 3))) static void add(struct progress *g, const char *fmt, ...)
{
	size_t start = g->out.len;
	auto_(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	strbuf_str(&g->out, text);
	quote_tame(g->out.text + start, g->out.len - start);
}

/*
 * If the terminal has become narrower, it has wrapped lines that no longer fit, and the cursor is that many rows further
 * down.
 */
static void erase(struct progress *g)
{
	unsigned columns, screen, rows = 0;

	say_size(&columns, &screen);
	for (unsigned i = 0; i < g->drawn_count; i++)
		rows += g->drawn[i] ? (g->drawn[i] + columns - 1) / columns : 1;
	if (rows)
		strbuf_printf(&g->out, "\033[%uA\033[J", rows < screen ? rows : screen - 1);
	g->drawn_count = 0;
}

const char *progress_place(const struct plan *p, const struct step *s)
{
	return s->node ? s->node->name : p->lab && p->lab->host_count ? p->lab->hosts[s->host].name : s->subject ? s->subject : "host";
}

static double since(int64_t start_ms, int64_t now_ms)
{
	return (double)(now_ms - start_ms) / 1000;
}

static void describe(const struct progress *g, const struct running *r, int64_t now_ms, char ret[LINE_BYTES])
{
	snprintf(ret, LINE_BYTES, "%-8s %s (%.0f s)%s%s", progress_place(g->plan, r->step), r->step->title, since(r->start_ms, now_ms),
		 *r->said ? ": " : "", r->said);
}

/* Cuts a live line to the width: the terminal would wrap a longer one, and the next erase() would leave a part of it. */
static void draw_line(struct progress *g, char *line, unsigned columns)
{
	quote_tame(line, strlen(line));
	g->drawn[g->drawn_count++] = say_cut(line, columns - 1);
	strbuf_printf(&g->out, "%s\n", line);
}

static void draw(struct progress *g)
{
	int64_t now = clock_now_ms();
	unsigned columns, rows, shown;
	char line[LINE_BYTES + 16], what[LINE_BYTES];

	erase(g);
	say_size(&columns, &rows);
	shown = g->running_count < SHOWN_MAX ? g->running_count : SHOWN_MAX;
	/* The line below them and the cursor's line take a row each. */
	if (shown + 2 > rows)
		shown = rows > 2 ? rows - 2 : 0;
	for (unsigned i = 0; i < shown; i++) {
		describe(g, &g->running[i], now, what);
		snprintf(line, sizeof line, "         %s", what);
		draw_line(g, line, columns);
	}
	if (g->running_count) {
		snprintf(line, sizeof line, "%6.1fs  %u of %u step%s%s", since(g->o.start_ms, now), g->finished, g->total,
			 plural(g->total), g->running_count > shown ? ", more running" : "");
		draw_line(g, line, columns);
	}
	g->drawn_ms = now;
	flush_out(g);
}

/* Reports running steps from time to time, so that a reader of a log sees that labctl has not hung. */
static void beat(struct progress *g)
{
	int64_t now = clock_now_ms();
	double at = since(g->o.start_ms, now);
	char what[LINE_BYTES];

	for (unsigned i = 0; i < g->running_count && i < SHOWN_MAX; i++) {
		describe(g, &g->running[i], now, what);
		add(g, "%6.1fs  %s\n", at, what);
	}
	add(g, "%6.1fs  %u of %u step%s, %u running\n", at, g->finished, g->total, plural(g->total), g->running_count);
	flush_out(g);
}

static void notes(struct progress *g, const struct strbuf *text)
{
	for (const char *p = strbuf_text(text); *p;) {
		size_t len = strcspn(p, "\n");

		add(g, "                     %.*s\n", (int)len, p);
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
	if (r->state == STEP_UNCHANGED && !g->o.verbose)
		return;
	erase(g);
	add(g, "%6.1fs  %-8s %s: %s%s%s\n", since(g->o.start_ms, ev->at_ms), progress_place(g->plan, ev->step), ev->step->title,
	    step_state_names[r->state], bad ? ": " : "", bad ? r->fail.text : "");
	if (g->o.verbose || r->state == STEP_SKIPPED) /* always show what was skipped */
		notes(g, &r->notes);
}

static void *tick(void *arg)
{
	struct progress *g = arg;
	unsigned every_ms = g->o.live ? TICK_MS : g->o.beat_ms;

	pthread_mutex_lock(&g->lock);
	for (int64_t until = clock_after_ms(every_ms); !g->stop;) {
		struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

		pthread_cond_timedwait(&g->stopping, &g->lock, &at);
		if (g->stop || clock_left_ms(until) > 0)
			continue;
		until = clock_after_ms(every_ms);
		if (g->running_count)
			(g->o.live ? draw : beat)(g);
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
	if (g->o.live && (ev->kind == EVENT_FINISHED || clock_now_ms() - g->drawn_ms >= REDRAW_MS))
		draw(g);
	flush_out(g);
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
	flush_out(g);
	strbuf_clear(&g->out);
	pthread_cond_destroy(&g->stopping);
	pthread_mutex_destroy(&g->lock);
	free(g->running);
	free(g);
}
