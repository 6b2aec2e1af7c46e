/* SPDX-License-Identifier: PostgreSQL */
/* Every lab that the loader accepts can be planned and rendered: mistakes are found before machines run. */
#include "fuzz_lab.h"

#include "library.h"
#include "plan.h"

#define NODES_MAX 12u /* more nodes would add only time */

static struct library *lib;

static void plan(int (*make)(const struct lab *, const struct library *, struct plan **, struct fail *), const struct lab *lab,
		 struct fail *e)
{
	struct plan *p = NULL;

	PROMISE(make(lab, lib, &p, e) == 0, "%s\n%s", e->text, e->evidence);
	plan_free(p);
}

/* No control characters, which neither files of the library nor lab files may have. */
static void text(const struct rendered *r)
{
	PROMISE(*r->path && !strstr(r->path, ".."), "%s", r->path);
	for (const unsigned char *c = (const unsigned char *)r->text; *c; c++)
		PROMISE((*c >= 0x20 && *c != 0x7f) || *c == '\n' || *c == '\t', "%s: %02x", r->path, *c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *file = fuzz_text(data, size);
	auto_(lab_free) struct lab *lab = NULL;
	auto_(arena_free) struct arena *a = arena_new();
	struct rendered *files = NULL;
	struct fail e = { 0 };
	unsigned count = 0;

	if (!lib)
		PROMISE(library_load(SOURCE_DIR, &lib, &e) == 0, "%s", e.text);
	lab = fuzz_lab(file, size, &e);
	if (!lab || lab->node_count > NODES_MAX)
		return 0;
	if (!lab->net.subnet)
		lab_set_subnet(lab, 0x0a580000, 24);
	plan(plan_create, lab, &e);
	if (lab->cluster.recipe)
		plan(plan_bootstrap, lab, &e);
	PROMISE(plan_render(lab, lib, a, &files, &count, &e) == 0, "%s\n%s", e.text, e.evidence);
	for (unsigned i = 0; i < count; i++)
		text(&files[i]);
	return 0;
}
