/* SPDX-License-Identifier: PostgreSQL */
/* Any lab file is read, or refused with line numbers; printing it and reading it back gives the same lab. */
#include "fuzz_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lab_options saved = { .state_dir = "/var/lib/labctl", .stored = fuzz_stored,
						  .stored_count = ARRAY_COUNT(fuzz_stored) };
	auto_(free) char *text = fuzz_text(data, size);
	auto_(strbuf_clear) struct strbuf first = { 0 }, second = { 0 };
	auto_(lab_free) struct lab *lab = NULL, *again = NULL;
	struct fail e = { 0 };

	lab = fuzz_lab(text, size, &e);
	if (!lab) {
		fuzz_failure(&e);
		PROMISE(e.code == FAIL_LAB && *e.evidence, "%s", e.text);
		return 0;
	}
	PROMISE(e.code == FAIL_NONE);
	PROMISE(lab->node_count >= 1 && lab->node_count <= LAB_NODES_MAX);
	lab_print(lab, &first);
	PROMISE(lab_parse(first.text, first.len, "saved.yaml", &saved, &again, &e) == 0, "%s\n%s", first.text, e.evidence);
	lab_print(again, &second);
	PROMISE(!strcmp(first.text, second.text), "%s\nread back:\n%s", first.text, second.text);
	return 0;
}
