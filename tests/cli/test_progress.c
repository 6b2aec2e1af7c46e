/* SPDX-License-Identifier: PostgreSQL */
/*
 * What a person sees of a run: on a terminal that is resized meanwhile, and in a log. The terminal is a small model of
 * one that breaks long lines, and breaks them again when it gets another size, as tmux and libvte do.
 */
#include "test.h"

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "executor.h"

/* --- a terminal --- */

#define LINES_MAX 400

struct screen {
	unsigned columns;
	unsigned lengths[LINES_MAX], count; /* hard lines above the cursor, which stands at the start of a line */
	char texts[LINES_MAX][200];
	char line[200]; unsigned length;    /* the one that is not ended */
	unsigned overlong, torn;            /* live lines that were broken; parts of lines that an erase left */
};

static unsigned rows(const struct screen *s, unsigned length)
{
	return length ? (length + s->columns - 1) / s->columns : 1;
}

/* Up @up rows and erase from there. */
static void screen_erase(struct screen *s, unsigned up)
{
	while (up > 0 && s->count > 0) {
		unsigned has = rows(s, s->lengths[s->count - 1]);

		if (has > up) {
			s->torn++;
			return;
		}
		up -= has;
		s->count--;
	}
}

static void screen_feed(struct screen *s, const char *p, size_t len)
{
	for (const char *end = p + len; p < end; p++) {
		unsigned up;
		int used = 0;

		if (*p == '\033' && sscanf(p, "\033[%uA\033[J%n", &up, &used) == 1 && used) {
			screen_erase(s, up);
			p += used - 1;
		} else if (*p == '\n') {
			assert_true(s->count < LINES_MAX);
			s->line[s->length < sizeof s->line ? s->length : sizeof s->line - 1] = '\0';
			strcpy(s->texts[s->count], s->line);
			s->lengths[s->count++] = s->length;
			s->overlong += s->length > s->columns;
			s->length = 0;
		} else if (*p != '\r') {
			if (((unsigned char)*p & 0xc0) == 0x80)
				continue; /* the letter has had its column */
			if (s->length < sizeof s->line - 1)
				s->line[s->length] = (signed char)*p < 0 ? '?' : *p;
			s->length++;
		}
	}
}

/* --- a run --- */

static struct node nodes[2] = { { .name = "node1" }, { .name = "node2" } };
static struct step steps[] = {
	{ .verb = VERB_NODE_SCRIPT, .id = "one", .title = "a step that takes its time and has a rather long title", .node = &nodes[0] },
	{ .verb = VERB_NODE_SCRIPT, .id = "two", .title = "a step with the name of a Müller-Lüdenscheidt in its tïtle", .node = &nodes[1] },
	{ .verb = VERB_NODE_SCRIPT, .id = "three", .title = "build" },
};
static const struct plan plan = { .command = "test", .steps = steps, .step_count = ARRAY_COUNT(steps) };

static void event(struct event_sink sink, int kind, unsigned step, const char *text, struct step_result *r)
{
	struct event ev = { .kind = kind, .step = &steps[step], .position = step, .text = text, .result = r,
			    .at_ms = clock_now_ms() };

	sink.event(sink.ctx, &ev);
}

static void a_run(bool live, unsigned beat_ms, int resize_fd)
{
	struct progress_options o = { .start_ms = clock_now_ms() - 100000, .live = live, .beat_ms = beat_ms };
	static const unsigned short sizes[] = { 80, 40, 25, 100, 40, 133 };
	struct step_result done = { .state = STEP_DONE };
	struct progress *g;
	struct event_sink sink;

	setlocale(LC_CTYPE, "C.UTF-8");
	g = progress_new(&o, &plan);
	sink = progress_sink(g);
	for (unsigned i = 0; i < ARRAY_COUNT(steps); i++)
		event(sink, EVENT_STARTED, i, NULL, NULL);
	event(sink, EVENT_SAID, 2, "214 files", NULL);
	for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
		char go;

		if (resize_fd >= 0) { /* the other end changes the size between two redraws, and says so */
			char size = (char)sizes[i];

			(void)!write(resize_fd, &size, 1);
			(void)!read(resize_fd, &go, 1);
		}
		clock_sleep_ms(250);
	}
	event(sink, EVENT_FINISHED, 0, NULL, &done);
	clock_sleep_ms(300);
	event(sink, EVENT_FINISHED, 1, NULL, &done);
	event(sink, EVENT_FINISHED, 2, NULL, &done);
	progress_free(g);
}

static void drain(int fd, struct screen *s)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char block[4096];
	ssize_t got;

	while (poll(&p, 1, 60) == 1 && (got = read(fd, block, sizeof block)) > 0)
		screen_feed(s, block, (size_t)got);
}

static void live_lines_survive_resizes(void **state)
{
	static struct screen s;
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int control[2], master, status;
	pid_t child;

	(void)state;
	s = (struct screen){ .columns = 80 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
	child = forkpty(&master, NULL, NULL, &size);
	assert_true(child >= 0);
	if (child == 0) {
		a_run(true, 0, control[1]);
		_exit(0);
	}
	close(control[1]);
	for (char columns; read(control[0], &columns, 1) == 1;) {
		/* no redraw of the old size is under way while we change it */
		assert_int_equal(kill(child, SIGSTOP), 0);
		assert_int_equal(waitpid(child, &status, WUNTRACED), child);
		drain(master, &s);
		s.columns = size.ws_col = (unsigned char)columns;
		assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
		assert_int_equal(kill(child, SIGCONT), 0);
		assert_int_equal(write(control[0], "+", 1), 1);
	}
	drain(master, &s);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(master);
	close(control[0]);
	for (unsigned i = 0; i < s.count; i++)
		print_message("| %s\n", s.texts[i]);
	/* nothing but the three finished lines stays */
	assert_int_equal(s.torn, 0);
	assert_int_equal(s.overlong, 0);
	assert_int_equal(s.count, 3);
	for (unsigned i = 0; i < s.count; i++)
		assert_non_null(strstr(s.texts[i], ": done"));
}

static void a_log_says_what_still_runs(void **state)
{
	char text[16384] = "", *line, *rest = text;
	unsigned beats = 0, counts = 0, finished = 0;
	size_t len = 0;
	int fds[2], status;
	ssize_t got;
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		a_run(false, 500, -1);
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], text + len, sizeof text - len - 1)) > 0)
		len += (size_t)got;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	text[len] = '\0';
	print_message("%s", text);
	assert_null(strchr(text, '\033'));
	while ((line = strsep(&rest, "\n")) && *line) {
		double at;
		char where[32];
		int used = 0;

		/* the time on the left is that of the command, on every line */
		assert_int_equal(sscanf(line, "%lfs %31s %n", &at, where, &used), 2);
		assert_true(at >= 100 && at < 160);
		beats += !strncmp(line + used, "build (", 7) && strstr(line, " s): 214 files");
		counts += strstr(line, "0 of 3 steps, 3 running") != NULL;
		finished += strstr(line, ": done") != NULL;
	}
	assert_in_range(beats, 2, 4);
	assert_in_range(counts, 2, 4);
	assert_int_equal(finished, 3);
}

static void a_line_is_cut_by_columns(void **state)
{
	char wide[] = "a中文z"; /* two letters of two columns each */

	(void)state;
	setlocale(LC_CTYPE, "C.UTF-8");
	assert_int_equal(say_cut(wide, 6), 6);
	assert_int_equal(say_cut(wide, 4), 3);
	assert_string_equal(wide, "a中");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_lines_survive_resizes),
		cmocka_unit_test(a_log_says_what_still_runs),
		cmocka_unit_test(a_line_is_cut_by_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
