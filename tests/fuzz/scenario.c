/* SPDX-License-Identifier: PostgreSQL */
/* Any scenario is read, with a command line for each step, or refused with its name. */
#include "fuzz.h"

#include "scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	struct scenario *s;

	if (scenario_parse(text, size, "scenario.yaml", a, &s, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(e.code == FAIL_LAB && !strncmp(e.evidence, "scenario.yaml", 13), "%s", e.text);
		return 0;
	}
	PROMISE(s->step_count > 0 && s->step_count <= SCENARIO_STEPS_MAX && s->writers <= SCENARIO_WRITERS_MAX && s->rate > 0);
	for (unsigned i = 0; i < s->step_count; i++) {
		const struct scenario_step *step = &s->steps[i];

		PROMISE(step->act && step->words && step->text && *step->text && step->timeout_ms >= 0 && step->at_ms >= -1);
		for (unsigned k = 0; step->act->before[k]; k++)
			PROMISE(!strcmp(step->words[k], step->act->before[k]), "%s", step->words[k]);
	}
	return 0;
}
