/* SPDX-License-Identifier: PostgreSQL */
/* Unattended installations of every release: accepted, or problems with valid line numbers. */
#include "fuzz.h"

#include "kickstart_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct release *r = &releases[size ? data[0] % RELEASE_COUNT : 0];
	auto_(free) char *text = fuzz_text(data + (size > 0), size - (size > 0));
	auto_(arena_free) struct arena *a = arena_new();
	struct problems problems = { .arena = a };
	struct fail e = { 0 };
	int lines = 1;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	if (kickstart_check(r, "f", text, &problems, &e) == 0) {
		PROMISE(!problems.count && e.code == FAIL_NONE);
		return 0;
	}
	fuzz_failure(&e);
	PROMISE(e.code == FAIL_OTHER && problems.count && *e.evidence);
	for (unsigned i = 0; i < problems.count; i++)
		PROMISE(problems.items[i].line >= 0 && problems.items[i].line <= lines && *problems.items[i].text,
			"%d of %d: %s", problems.items[i].line, lines, problems.items[i].text);
	return 0;
}
