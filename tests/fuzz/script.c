/* SPDX-License-Identifier: PostgreSQL */
/* Lines that a script on a node prints: the word of the protocol, and values, which must be numbers. */
#include "../../src/exec/verbs/verbs_script.c" /* word_of(), value_of() */

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		unsigned long long value = 0;
		const char *said = NULL;
		enum word w = word_of(line, &said);
		char name[32] = "", again[64];

		PROMISE((w == WORD_NONE) == (said == line));
		if (w == WORD_NONE)
			continue;
		PROMISE(!strncmp(line, words[w], strlen(words[w])) && said > line && said <= line + strlen(line));
		if (w != WORD_VALUE || !value_of(said, name, &value))
			continue;
		/* The name and the number are the complete text. */
		snprintf(again, sizeof again, "%s %llu", name, value);
		PROMISE(!strcmp(again, said), "'%s' from '%s'", again, said);
	}
	return 0;
}
