/* SPDX-License-Identifier: PostgreSQL */
/* Building plans (pure) and showing them. The plan borrows @lab and @lib: free it first. */
#ifndef LABCTL_PLAN_PLAN_H
#define LABCTL_PLAN_PLAN_H

#include <jansson.h>

#include "facts.h"
#include "library.h"
#include "step.h"

int plan_create(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e);
int plan_bootstrap(const struct lab *lab, const struct library *lib, struct plan **ret_plan, struct fail *e);

/* What a task is about (recipe.h). Borrowed by its plan. .said is the command as its user would say it again. */
struct db_request { const char *name, *template, *database; bool force, adopt; const char *said; };
/* Steps of `labctl db TASK`. FAIL_USAGE when the kind has no such task. */
int plan_task(const struct lab *lab, const struct library *lib, const char *task, const struct db_request *db,
	      struct plan **ret_plan, struct fail *e);

struct destroy_options { bool keep_data; };
/* Steps for what @lab says plus every domain and network of @facts that carries the lab's tag. */
int plan_destroy(const struct lab *lab, const struct facts *facts, const struct destroy_options *o,
		 struct plan **ret_plan, struct fail *e);

/*
 * The payload of a step of one of these plans; NULL when it needs none. Plans of large labs do not hold all texts:
 * what a step lacks is made here, in @a, the same every time. Pure and thread-safe (with a @cache of one's own, or NULL).
 */
struct scope_cache;
int plan_payload(const struct lab *lab, const struct library *lib, const struct step *s, struct scope_cache *cache,
		 struct arena *a, const struct payload **ret_payload, struct fail *e);

/* Low level, for the builders and for tests of the executor. */
struct plan *plan_new(const char *command, const struct lab *lab);
/*
 * Appends a step. @id is copied and must be unique (else FAIL_OTHER when finished), @title is borrowed. The pointer is
 * good until plan_finish(), which moves the steps into plan->steps.
 */
struct step *plan_add(struct plan *p, enum verb verb, const struct node *node, const char *id, const char *title);
/* @step waits for the step with this id, added already or later; unknown ids and cycles are found by plan_finish(). */
void plan_after(struct plan *p, struct step *step, const char *id);
/* Resolve and sort, once; a cycle is FAIL_OTHER and printed as a chain "a -> b -> a". */
int plan_finish(struct plan *p, struct fail *e);

/* One line per step; steps that only join others are left out here, and nowhere else. */
void plan_print_text(const struct plan *p, struct strbuf *out);
void plan_print_dot(const struct plan *p, struct strbuf *out);
json_t *plan_json(const struct plan *p); /* new reference */

/*
 * Everything labctl would put anywhere, as path -> text, sorted as it would happen, manifest.json last. Keys and
 * secrets are placeholders ("<secret:postgres>"). Texts are in @a.
 */
struct rendered { const char *path; const char *text; unsigned mode; };
int plan_render(const struct lab *lab, const struct library *lib, struct arena *a, struct rendered **ret_files,
		unsigned *ret_count, struct fail *e);

#endif
