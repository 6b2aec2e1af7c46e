/* SPDX-License-Identifier: PostgreSQL */
/* Any configuration is read, or refused with its name; a lab below which it lies is one that can be read back, or refused. */
#include "fuzz_lab.h"

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lab_options stored = { .state_dir = "/var/lib/labctl", .stored = fuzz_stored,
						   .stored_count = ARRAY_COUNT(fuzz_stored) };
	struct lab_options below = stored;
	auto_(free) char *text = fuzz_text(data, size);
	auto_(arena_free) struct arena *arena = arena_new();
	struct config *c = config_new(arena);
	auto_(strbuf_clear) struct strbuf printed = { 0 };
	auto_(lab_free) struct lab *lab = NULL, *again = NULL;
	struct fail e = { 0 };

	if (config_read(c, text, size, "/etc/labctl/config.yaml", &stored, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(e.code == FAIL_LAB && !strncmp(e.evidence, "/etc/labctl/config.yaml", 23), "%s", e.text);
		return 0;
	}
	below.config = c;
	if (lab_parse("nodes: 3\n", 9, "lab.yaml", &below, &lab, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(e.code == FAIL_LAB, "%s", e.text);
		return 0;
	}
	for (unsigned i = 0; i < c->count; i++) {
		strbuf_truncate(&printed, 0);
		PROMISE(config_text(c, i, lab, &printed) == (printed.len != 0), "%s", c->values[i].key);
	}
	strbuf_truncate(&printed, 0);
	lab_print(lab, &printed);
	PROMISE(lab_parse(printed.text, printed.len, "saved.yaml", &stored, &again, &e) == 0, "%s\n%s", printed.text, e.evidence);
	return 0;
}
