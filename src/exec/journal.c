/* SPDX-License-Identifier: PostgreSQL */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"

#define ROTATE_BYTES (32 << 20) /* a run of 1,000 nodes writes about 8 MB */

struct journal {
	int fd;
	char run[13];
	unsigned failed;
	int status; /* -1 = not known */
};

/* Writes one line with one write(), so that two records never mix. Takes ownership of @record. -1 sets errno. */
static int append(struct journal *j, json_t *record)
{
	char *text = json_dumps(record, JSON_COMPACT | JSON_ENSURE_ASCII);
	size_t len = text ? strlen(text) : 0;
	ssize_t written;

	json_decref(record);
	if (!text)
		return 0; /* not UTF-8: cannot happen, since text_of() replaces such texts */
	text[len] = '\n';
	written = write(j->fd, text, len + 1);
	if (written >= 0 && written != (ssize_t)(len + 1))
		errno = ENOSPC;
	free(text);
	return written == (ssize_t)(len + 1) ? 0 : -1;
}

/* Makes a JSON string of bytes that may not be UTF-8. */
static json_t *text_of(const char *s)
{
	json_t *value = json_string(s ? s : "");
	char *copy;

	if (value)
		return value;
	copy = strdup(s);
	if (!copy)
		abort();
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	value = json_string(copy);
	free(copy);
	return value;
}

static json_t *record_of(const struct journal *j, const char *event)
{
	return json_pack("{s:i, s:I, s:s, s:s}", "v", 1, "t_ms", (json_int_t)clock_wall_ms(), "run", j->run, "event", event);
}

static json_t *notes_of(const char *notes)
{
	json_t *list = json_array();

	for (const char *p = notes; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char *line = strndup(p, strcspn(p, "\n"));

		if (!line)
			abort();
		json_array_append_new(list, text_of(line));
		free(line);
	}
	return list;
}

static void on_event(void *ctx, const struct event *ev)
{
	struct journal *j = ctx;
	const struct step_result *res = ev->result;
	json_t *record;

	if (ev->step->verb == VERB_JOIN || (ev->kind != EVENT_STARTED && ev->kind != EVENT_FINISHED))
		return;
	record = record_of(j, ev->kind == EVENT_STARTED ? "intent" : "finished");
	json_object_set_new(record, "step", text_of(ev->step->id));
	if (ev->kind == EVENT_STARTED) {
		json_object_set_new(record, "verb", text_of(verb_names[ev->step->verb]));
		if (ev->step->node)
			json_object_set_new(record, "node", text_of(ev->step->node->name));
		append(j, record);
		return;
	}
	json_object_set_new(record, "state", text_of(step_state_names[res->state]));
	json_object_set_new(record, "took_ms", json_integer(res->start_ms ? res->end_ms - res->start_ms : 0));
	if (res->notes.len)
		json_object_set_new(record, "notes", notes_of(res->notes.text));
	if (res->state == STEP_FAILED || res->state == STEP_TIMEOUT || (res->state == STEP_CANCELED && res->start_ms)) {
		json_t *why = json_pack("{s:s}", "code", fail_code_name(res->fail.code));

		if (res->fail.cause)
			json_object_set_new(why, "cause", json_string(fail_cause_name(res->fail.cause)));
		json_object_set_new(why, "text", text_of(res->fail.text));
		if (*res->fail.next)
			json_object_set_new(why, "next", text_of(res->fail.next));
		if (*res->fail.evidence)
			json_object_set_new(why, "evidence", notes_of(res->fail.evidence));
		json_object_set_new(record, "fail", why);
	}
	if (res->state == STEP_FAILED || res->state == STEP_TIMEOUT || res->state == STEP_CANCELED)
		j->failed++;
	append(j, record);
}

struct event_sink journal_sink(struct journal *j)
{
	return (struct event_sink){ .event = on_event, .ctx = j };
}

/* A crash may have cut the last line short: start the next record on a new line. */
static void end_torn_line(int fd)
{
	struct stat st;
	char last;

	if (fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		(void)!write(fd, "\n", 1);
}

static void rotate(const char *path)
{
	struct stat st;
	char old[4096];

	if (stat(path, &st) == 0 && st.st_size > ROTATE_BYTES && snprintf(old, sizeof old, "%s.old", path) < (int)sizeof old)
		rename(path, old);
}

int journal_open(const char *path, const char *command, struct journal **ret_journal, struct fail *e)
{
	struct journal *j;
	json_t *record;
	int fd;

	rotate(path);
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0) {
		fail_errno(e, FAIL_OTHER, "journal %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	end_torn_line(fd);
	j = calloc(1, sizeof *j);
	if (!j)
		abort();
	j->fd = fd;
	j->status = -1;
	digest_secret(j->run, sizeof j->run - 1);
	record = record_of(j, "run");
	json_object_set_new(record, "command", text_of(command));
	json_object_set_new(record, "pid", json_integer(getpid()));
	if (append(j, record) < 0) {
		fail_errno(e, FAIL_OTHER, "journal %s", path);
		journal_close(j);
		return -1;
	}
	*ret_journal = j;
	return 0;
}

void journal_status(struct journal *j, int exit_status)
{
	j->status = exit_status;
}

void journal_close(struct journal *j)
{
	json_t *record;

	if (!j)
		return;
	record = record_of(j, "end");
	json_object_set_new(record, "failed", json_integer(j->failed));
	if (j->status >= 0)
		json_object_set_new(record, "status", json_integer(j->status));
	append(j, record);
	close(j->fd);
	free(j);
}

/* --- reading --- */

/* Parses the record of a line if it is of this event, else NULL. Few lines match, and only those are parsed. */
static json_t *record_at(const char *line, size_t len, const char *event)
{
	char wanted[32];
	int wanted_len = snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", event);
	json_t *record = memmem(line, len, wanted, (size_t)wanted_len) ? json_loadb(line, len, 0, NULL) : NULL;
	const char *said = json_string_value(json_object_get(record, "event"));

	if (said && !strcmp(said, event))
		return record;
	json_decref(record);
	return NULL;
}

static void last_take(struct journal_last *last, const char *line, size_t len)
{
	json_t *record;

	if ((record = record_at(line, len, "run"))) {
		const char *command = json_string_value(json_object_get(record, "command"));

		*last = (struct journal_last){ .wall_ms = json_integer_value(json_object_get(record, "t_ms")) };
		snprintf(last->command, sizeof last->command, "%s", command ? command : "");
	} else if ((record = record_at(line, len, "end"))) {
		last->finished = true;
		last->wall_ms = json_integer_value(json_object_get(record, "t_ms"));
	} else if ((record = record_at(line, len, "finished"))) {
		const char *state = json_string_value(json_object_get(record, "state"));

		last->failed += state && (!strcmp(state, "failed") || !strcmp(state, "timeout") || !strcmp(state, "canceled"));
	}
	json_decref(record);
}

/* Start of the last run's header line, or NULL. @text ends with a newline: a header that was cut short is ignored. */
static const char *last_run(const char *text, size_t len)
{
	for (const char *end = text + len; end > text;) {
		const char *line = memrchr(text, '\n', (size_t)(end - text) - 1);
		json_t *record;

		line = line ? line + 1 : text;
		record = record_at(line, (size_t)(end - line), "run");
		json_decref(record);
		if (record)
			return line;
		end = line;
	}
	return NULL;
}

/* A journal in memory; .text NULL = it is empty or does not exist. */
struct whole { const char *text; size_t len; };

static int map(const char *path, struct whole *ret, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *text;

	*ret = (struct whole){ 0 };
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "journal %s", path);
	if (st.st_size == 0)
		return 0;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return fail_errno(e, FAIL_OTHER, "journal %s", path);
	*ret = (struct whole){ text, (size_t)st.st_size };
	return 0;
}

static void unmap(const struct whole *w)
{
	if (w->text)
		munmap((void *)(uintptr_t)w->text, w->len);
}

int journal_last(const char *path, struct journal_last *ret, struct fail *e)
{
	struct journal_last last = { 0 };
	const char *line, *end, *newline;
	struct whole w;

	if (map(path, &w, e) < 0)
		return -1;
	newline = w.text ? memrchr(w.text, '\n', w.len) : NULL;
	line = newline ? last_run(w.text, (size_t)(newline + 1 - w.text)) : NULL;
	for (; line && (end = memchr(line, '\n', (size_t)(w.text + w.len - line))); line = end + 1)
		last_take(&last, line, (size_t)(end - line));
	unmap(&w);
	*ret = last;
	return 0;
}

struct runs { struct arena *a; struct journal_run *list; unsigned count; };

static const char *text_at(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : "";
}

/* The run of a record; records of one run are rarely far apart, so looks from the end. NULL: its header is lost. */
static struct journal_run *run_of(const struct runs *r, const json_t *record)
{
	for (unsigned i = r->count; i-- > 0;)
		if (!strcmp(r->list[i].id, text_at(record, "run")))
			return &r->list[i];
	return NULL;
}

static void begin_run(struct runs *r, const json_t *record)
{
	int64_t start_ms = json_integer_value(json_object_get(record, "t_ms"));

	*arena_push(r->a, r->list, r->count) =
		(struct journal_run){ .id = arena_strdup(r->a, text_at(record, "run")), .command = arena_strdup(r->a, text_at(record, "command")),
				      .start_ms = start_ms, .end_ms = start_ms, .status = -1,
				      .pid = (long)json_integer_value(json_object_get(record, "pid")) };
}

static void take_step(struct runs *r, struct journal_run *run, const json_t *record)
{
	const char *state = text_at(record, "state");
	const json_t *why = json_object_get(record, "fail");

	run->done += !strcmp(state, "done");
	run->failed += why != NULL;
	if (why && !run->why && strcmp(text_at(why, "code"), fail_code_name(FAIL_CANCELED)) != 0)
		run->why = arena_printf(r->a, "%s: %s", text_at(record, "step"), text_at(why, "text"));
}

static void take_record(struct runs *r, const char *line, size_t len)
{
	static const char *const events[] = { "run", "end", "finished" };
	struct journal_run *run;
	json_t *record = NULL;

	for (size_t i = 0; i < ARRAY_COUNT(events) && !record; i++)
		record = record_at(line, len, events[i]);
	if (record && !strcmp(text_at(record, "event"), "run")) {
		begin_run(r, record);
	} else if (record && (run = run_of(r, record))) {
		const json_t *status = json_object_get(record, "status");

		run->end_ms = json_integer_value(json_object_get(record, "t_ms"));
		if (!strcmp(text_at(record, "event"), "finished")) {
			take_step(r, run, record);
		} else {
			run->finished = true;
			run->failed = (unsigned)json_integer_value(json_object_get(record, "failed"));
			run->status = json_is_integer(status) ? (int)json_integer_value(status) : -1;
		}
	}
	json_decref(record);
}

int journal_runs(const char *path, struct arena *a, struct journal_run **ret, unsigned *ret_count, struct fail *e)
{
	const char *const files[] = { arena_printf(a, "%s.old", path), path };
	struct runs r = { .a = a };

	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		struct fail why = { 0 };
		const char *end;
		struct whole w;

		if (map(files[i], &w, &why) < 0) {
			if (why.code == FAIL_NOT_FOUND)
				continue;
			*e = why;
			return -1;
		}
		for (const char *line = w.text; line && (end = memchr(line, '\n', (size_t)(w.text + w.len - line))); line = end + 1)
			take_record(&r, line, (size_t)(end - line));
		unmap(&w);
	}
	*ret = r.list;
	*ret_count = r.count;
	return 0;
}
