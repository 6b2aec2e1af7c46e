/* SPDX-License-Identifier: PostgreSQL */
/* Verbs that remove what other verbs made. Each succeeds if it is already gone, and touches nothing that labctl did not make. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault_filter.h"
#include "faults.h"
#include "file.h"
#include "lease.h"
#include "nft.h"
#include "snapshots.h"
#include "state.h"
#include "verb.h"
#include "vxlan.h"

DEFINE_AUTO(DIR *, closedir)

/* An object with the lab's name but without its tag was not made by this lab: leave it and warn. */
static int leave_alone(struct run *r, const struct fail *why, enum step_state *ret_state)
{
	run_note(r, "skipped: left alone: %s", why->text);
	*ret_state = STEP_SKIPPED;
	return 0;
}

int verb_node_stop(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct step *step = run_step(r);
	struct fail why = { 0 };
	struct virt *v;
	bool changed = false;

	if (runtime_virt(rt, &v, e) < 0)
		return -1;
	if (virt_domain_remove(v, step->node ? step->node->domain : step->subject, runtime_lab(rt)->uuid, &changed, &why) < 0) {
		if (why.code == FAIL_CONFLICT)
			return leave_alone(r, &why, ret_state);
		*e = why;
		return -1;
	}
	*ret_state = state_of(changed);
	return 0;
}

int verb_node_remove(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct step *step = run_step(r);
	auto_(arena_free) struct arena *a = arena_new();
	const char *name = step->node ? step->node->name : step->subject;
	const char *dir;

	/* The subject comes from a tag that anybody may have written: it must not be a path. */
	if (!name || !*name || strchr(name, '/') || *name == '.')
		return fail(e, FAIL_OTHER, "'%s' is not a node name", name ? name : "");
	dir = paths_node(runtime_paths(runtime_of(r)), name, NULL, a);
	if (!file_exists(dir)) {
		*ret_state = STEP_UNCHANGED;
		return 0;
	}
	if (root_unmount(dir, e) < 0 || file_remove_tree(dir, e) < 0)
		return -1;
	*ret_state = STEP_DONE;
	return 0;
}

int verb_nfs_stop(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	auto_(arena_free) struct arena *a = arena_new();
	struct nfs_lab nfs;

	nfs_of(rt, a, &nfs);
	if (nfs_stop(&nfs, run_deadline_ms(r), e) < 0)
		return -1;
	*ret_state = STEP_DONE;
	return 0;
}

/* The lab's faults end with its network. */
static int remove_filter(struct run *r, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct runtime *rt = runtime_of(r);

	if (!faults_recorded(runtime_paths(rt)) && snapshot_mark_age_ms(runtime_paths(rt), SNAPSHOT_FREEZING) < 0)
		return 0;
	fault_filter(runtime_lab(rt), NULL, 0, 0, "", 0, &text);
	return nft_apply(strbuf_text(&text), run_deadline_ms(r), e);
}

int verb_net_remove(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	auto_(arena_free) struct arena *a = arena_new();
	const char *xml = NULL, *name;
	struct fail why = { 0 };
	struct virt *v;
	bool changed = false;

	if ((!run_step(r)->subject && xml_network(lab, runtime_host(rt), runtime_library(rt), a, &xml, e) < 0) ||
	    network_name(r, xml, a, &name, e) < 0 || runtime_virt(rt, &v, e) < 0)
		return -1;
	/* Also without hosts in the record: on another host, a part of the lab is destroyed as if it were all. */
	if (vxlan_remove(vxlan_device(lab, a), run_deadline_ms(r), &changed, e) < 0)
		return -1;
	if (virt_network_remove(v, name, lab->uuid, &changed, &why) < 0) {
		if (why.code == FAIL_CONFLICT)
			return leave_alone(r, &why, ret_state);
		*e = why;
		return -1;
	}
	*ret_state = state_of(changed);
	return remove_filter(r, e);
}

/* --- data directories --- */

static bool holds_only(const char *path, const char *name)
{
	auto_(closedir) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && strcmp(entry->d_name, name))
			return false;
	return dir != NULL;
}

/* Removes what was renamed: the marker and empty directories. If somebody added a file meanwhile, renames it back. */
static void remove_aside(const char *root, const char *topmost, const struct lab *lab, struct arena *a)
{
	const char *aside = data_root_aside(topmost, lab, a);
	char *path = arena_printf(a, "%s%s", aside, root + strlen(topmost));

	drop_torn_marks(path, DATA_ROOT_MARKER);
	unlink(arena_printf(a, "%s/" DATA_ROOT_MARKER, path));
	while (strlen(path) >= strlen(aside) && (rmdir(path) == 0 || errno == ENOENT))
		*strrchr(path, '/') = '\0';
	if (file_exists(aside))
		rename(aside, topmost);
}

/*
 * If only its marker is left in @root, removes both, and the empty parents that were made with it. Renames it first to the
 * name it had before it was marked, so that after a kill in the middle the next `destroy` finds it.
 */
static void remove_data_root(const char *root, const struct lab *lab, struct arena *a)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail ignored;
	char *top = arena_strdup(a, root), *topmost;

	if (!file_exists(root)) {
		remove_aside(root, topmost_missing(root, a), lab, a);
		return;
	}
	drop_torn_marks(root, DATA_ROOT_MARKER);
	if (!holds_only(root, DATA_ROOT_MARKER) ||
	    file_read(arena_printf(a, "%s/" DATA_ROOT_MARKER, root), 4096, &text, &ignored) < 0 ||
	    strncmp(strbuf_text(&text), lab->uuid, 36) || !(topmost = strchr(text.text, ' ')))
		return;
	topmost++;
	topmost[strcspn(topmost, "\n")] = '\0';
	while (strlen(top) > strlen(topmost) && !strncmp(top, topmost, strlen(topmost))) {
		char *slash = strrchr(top, '/');

		*slash = '\0';
		if (!holds_only(top, slash + 1)) {
			*slash = '/';
			break;
		}
	}
	if (rename(top, data_root_aside(top, lab, a)) == 0)
		remove_aside(root, top, lab, a);
}

/*
 * Removes a data directory with our marker. Renames it first: a kill in the middle of the removal must not leave a
 * directory that has lost its marker but still has files.
 */
static int remove_data(const char *path, const char *going, const char *mark, struct arena *a, bool *ret_foreign,
		       struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	struct fail why;

	if (file_remove_tree(going, e) < 0)
		return -1;
	drop_torn_marks(path, DATA_MARKER);
	/* A directory that labctl made but could not mark before it was killed is empty. */
	if (!file_exists(path) || rmdir(path) == 0)
		return 0;
	if (file_read(arena_printf(a, "%s/" DATA_MARKER, path), 4096, &text, &why) < 0 || strcmp(strbuf_text(&text), mark)) {
		*ret_foreign = true;
		return fail(e, FAIL_CONFLICT, "data directory %s does not carry this lab's mark; it is left alone", path);
	}
	if (rename(path, going) < 0)
		return fail_errno(e, FAIL_OTHER, "remove %s", path);
	return file_remove_tree(going, e);
}

int verb_data_remove(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	const char *path, *going;
	struct fail why = { 0 };
	bool foreign = false;
	char *root, *slash;

	if (!n || !(slash = strrchr(root = arena_strdup(a, n->export_dir), '/')) || slash == root)
		return fail(e, FAIL_OTHER, "no data directory");
	*slash = '\0';
	path = n->export_dir;
	going = data_going(n, a);
	*ret_state = state_of(file_exists(path) || file_exists(going));
	/* left by a restore of a snapshot that was killed */
	if (file_remove_tree(data_coming(n, a), e) < 0)
		return -1;
	if (remove_data(path, going, arena_printf(a, "%s %s\n", lab->uuid, n->name), a, &foreign, &why) < 0) {
		if (foreign)
			return leave_alone(r, &why, ret_state);
		*e = why;
		return why.code == FAIL_CONFLICT
			       ? fail_next(e, "ls -la %s; labctl -l %s destroy, or destroy --keep-data", root, lab->name)
			       : -1;
	}
	runtime_lock(rt);
	remove_data_root(root, lab, a);
	runtime_unlock(rt);
	return 0;
}

int verb_lab_remove(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct paths *p = runtime_paths(rt);

	if (lease_drop(p->state, runtime_lab(rt)->uuid, e) < 0 || state_remove(p, e) < 0)
		return -1;
	*ret_state = STEP_DONE;
	return 0;
}
