/* SPDX-License-Identifier: PostgreSQL */
/* For tests of verbs: a lab with a state directory of its own, and one verb run on it. Include test.h first. */
#ifndef LABCTL_TESTS_FIXTURE_H
#define LABCTL_TESTS_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "verb.h"
#include "verbs.h"

struct fixture { char dir[32]; struct arena *arena; struct paths paths; struct lab *lab; const char *connect; };

static inline struct fixture *fixture_new(unsigned nodes)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct lab_options o = { .name = "t1", .node_count = nodes, .kind = "postgres", .state_dir = f->dir };
	struct fail e = { 0 };

	strcpy(f->dir, "/tmp/labctl-test-XXXXXX");
	if (!mkdtemp(f->dir))
		abort();
	f->arena = arena_new();
	if (lab_load(NULL, &o, &f->lab, &e) < 0)
		fail_msg("%s\n%s", e.text, e.evidence);
	lab_set_subnet(f->lab, 0x0a630000, 24);
	paths_init(&f->paths, f->dir, "/nonexistent", "t1", f->arena);
	return f;
}

static inline int fixture_free(void **state)
{
	struct fixture *f = *state;
	struct fail e;

	lab_free(f->lab);
	arena_free(f->arena);
	file_remove_tree(f->dir, &e);
	free(f);
	return 0;
}

static inline struct runtime *fixture_runtime(struct fixture *f)
{
	const struct runtime_options o = { .state_dir = f->dir, .cache_dir = "/nonexistent", .connect_uri = f->connect };
	struct fail e = { 0 };
	struct runtime *rt;

	assert_int_equal(runtime_open(f->lab, &o, &rt, &e), 0);
	return rt;
}

/*
 * Runs a verb, on all nodes at the same time if it is a verb of nodes. Returns the state of the steps, STEP_STATE_COUNT if
 * they differ. With @e NULL it must not fail.
 */
static inline enum step_state fixture_run(struct fixture *f, enum verb verb, struct fail *e)
{
	bool of_lab = !strncmp(verb_names[verb], "lab.", 4);
	auto_(runtime_close) struct runtime *rt = fixture_runtime(f);
	struct plan p = { .command = "test", .lab = f->lab, .step_count = of_lab ? 1 : f->lab->node_count, .arena = f->arena };
	const struct exec_options o = { .verbs = verbs, .context = rt, .jobs = 3, .deadline_ms = CLOCK_NEVER };
	struct fail why = { 0 };
	struct exec_report rep;
	enum step_state all;

	p.steps = arena_alloc(f->arena, p.step_count * sizeof *p.steps);
	for (unsigned i = 0; i < p.step_count; i++)
		p.steps[i] = (struct step){ .id = arena_printf(f->arena, "step/%u", i), .verb = verb,
					    .node = of_lab ? NULL : &f->lab->nodes[i] };
	if (exec_run(&p, &o, &rep, e ? e : &why) < 0 && !e)
		fail_msg("%s", why.text);
	all = rep.results[0].state;
	for (unsigned i = 1; i < p.step_count; i++)
		if (rep.results[i].state != all)
			all = STEP_STATE_COUNT;
	exec_report_clear(&rep);
	return all;
}

static inline unsigned mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

#endif
