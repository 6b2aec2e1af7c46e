/* SPDX-License-Identifier: PostgreSQL */
/*
 * Fakes of nodes for kill-all, by -Wl,--wrap: an image, the mount of its tree, its sshd, and the effect of a script or
 * SQL, which is a file in that tree.
 */
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "verb.h"

int __wrap_images_find(struct images *m, const char *name, bool build, struct run *r, struct image *ret_image,
		       bool *ret_built, struct fail *e);
int __wrap_root_mount(const char *lower, const char *dir, bool *ret_changed, struct fail *e);
VERB_FN(__wrap_verb_node_ready);
VERB_FN(__wrap_verb_node_script);
VERB_FN(__wrap_verb_node_sql);

int __wrap_images_find(struct images *m, const char *name, bool build, struct run *r, struct image *ret_image,
		       bool *ret_built, struct fail *e)
{
	(void)m, (void)name, (void)build, (void)r, (void)e;
	*ret_image = (struct image){ .name = "debian12", .root = "/", .dir = "/" };
	if (ret_built)
		*ret_built = false;
	return 0;
}

int __wrap_root_mount(const char *lower, const char *dir, bool *ret_changed, struct fail *e)
{
	char root[4096];

	(void)lower;
	snprintf(root, sizeof root, "%s/root", dir);
	*ret_changed = !file_exists(root);
	return file_mkdirs(root, 0755, e);
}

/* Probes, acts if necessary, and succeeds. */
static int on_node(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct step *step = run_step(r);
	char id[256], path[4096];

	snprintf(id, sizeof id, "%s", step->id);
	for (char *slash; (slash = strchr(id, '/'));)
		*slash = '_';
	snprintf(path, sizeof path, "%s/nodes/%s/root/%s", runtime_paths(runtime_of(r))->lab, step->node->name, id);
	*ret_state = state_of(!file_exists(path));
	return *ret_state == STEP_UNCHANGED ? 0 : file_write(path, "did", 3, 0600, e);
}

VERB_FN(__wrap_verb_node_script) { return on_node(r, ret_state, e); }
VERB_FN(__wrap_verb_node_sql) { return on_node(r, ret_state, e); }
VERB_FN(__wrap_verb_node_ready)
{
	(void)e;
	*ret_state = state_of(session_node_start_ms(runtime_sessions(runtime_of(r)), run_step(r)->node) != 0);
	return 0;
}
