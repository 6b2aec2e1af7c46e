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

void journal_close(struct journal *j)
{
	json_t *record;

	if (!j)
		return;
	record = record_of(j, "end");
	json_object_set_new(record, "failed", json_integer(j->failed));
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

int journal_last(const char *path, struct journal_last *ret, struct fail *e)
{
	auto_(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct journal_last last = { 0 };
	struct stat st;
	const char *text, *line, *whole;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "journal %s", path);
	if (st.st_size > 0) {
		text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (text == MAP_FAILED)
			return fail_errno(e, FAIL_OTHER, "journal %s", path);
		whole = memrchr(text, '\n', (size_t)st.st_size);
		line = whole ? last_run(text, (size_t)(whole + 1 - text)) : NULL;
		for (const char *end; line && (end = memchr(line, '\n', (size_t)(text + st.st_size - line))); line = end + 1)
			last_take(&last, line, (size_t)(end - line));
		munmap((void *)(uintptr_t)text, (size_t)st.st_size);
	}
	*ret = last;
	return 0;
}
