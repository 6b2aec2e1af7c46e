/* SPDX-License-Identifier: PostgreSQL */
/* A journal of any bytes: finds the same last run as a simple reader from the front. Incomplete lines do not count. */
#include "fuzz.h"

#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#include "journal.h"

/* Is it an event as journal.c writes it, without blanks and not nested? */
static bool is(const char *line, const json_t *record, const char *event)
{
	char wanted[64];
	const char *said = json_string_value(json_object_get(record, "event"));

	snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", event);
	return said && !strcmp(said, event) && strstr(line, wanted);
}

static void take(struct journal_last *last, bool *begun, const char *line)
{
	json_t *record = json_loads(line, 0, NULL);
	const char *command = json_string_value(json_object_get(record, "command"));
	const char *state = json_string_value(json_object_get(record, "state"));

	if (is(line, record, "run")) {
		*begun = true;
		*last = (struct journal_last){ .wall_ms = json_integer_value(json_object_get(record, "t_ms")) };
		snprintf(last->command, sizeof last->command, "%s", command ? command : "");
	} else if (*begun && is(line, record, "end")) {
		last->finished = true;
		last->wall_ms = json_integer_value(json_object_get(record, "t_ms"));
	} else if (*begun && state && is(line, record, "finished")) {
		last->failed += !strcmp(state, "failed") || !strcmp(state, "timeout") || !strcmp(state, "canceled");
	}
	json_decref(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);
	auto_(close) int fd = memfd_create("journal", MFD_CLOEXEC);
	struct journal_last got = { 0 }, wanted = { 0 };
	struct fail e = { 0 };
	bool begun = false;
	char path[32];

	if (strlen(text) != size)
		return 0; /* the simple reader would stop at the NUL */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	PROMISE(write(fd, text, size) == (ssize_t)size);
	PROMISE(journal_last(path, &got, &e) == 0, "%s", e.text);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		take(&wanted, &begun, line);
	}
	PROMISE(!strcmp(got.command, wanted.command), "'%s', not '%s'", got.command, wanted.command);
	PROMISE(got.wall_ms == wanted.wall_ms && got.finished == wanted.finished && got.failed == wanted.failed,
		"%lld %d %u, not %lld %d %u", (long long)got.wall_ms, got.finished, got.failed, (long long)wanted.wall_ms,
		wanted.finished, wanted.failed);
	return 0;
}
