/* SPDX-License-Identifier: PostgreSQL */
/* The data of a server whose machine is off, changed from the host, so that it cannot start in its old role. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "file.h"
#include "recipe.h"
#include "verb.h"

#define BESIDE ".labctl-new" /* the temporary name of a file */

/*
 * Opens the directory @below of @root. Never through a link: root on the node may have made one that leads to a directory of
 * the host.
 */
static int open_below(const char *root, const char *below, struct arena *a, int *ret_fd, struct fail *e)
{
	auto_(close) int at = open(root, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char *rest = arena_strdup(a, below);

	if (at < 0)
		return fail_errno(e, FAIL_OTHER, "%s", root);
	for (char *word; (word = strsep(&rest, "/"));) {
		int next;

		if (!*word)
			continue;
		next = openat(at, word, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return fail_errno(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_OTHER, "%s%s", root, below);
		close(at);
		at = next;
	}
	*ret_fd = at;
	at = -1;
	return 0;
}

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Replaces a file, complete or not at all; it gets the owner of the directory. */
static int put_file(int dir, const struct stat *owner, const char *name, const char *text, struct fail *e)
{
	size_t len = strlen(text);
	auto_(close) int fd = -1;

	if (unlinkat(dir, BESIDE, 0) < 0 && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "remove %s", BESIDE);
	fd = openat(dir, BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len || fchown(fd, owner->st_uid, owner->st_gid) < 0 || fsync(fd) < 0 ||
	    renameat(dir, BESIDE, dir, name) < 0)
		return fail_errno(e, FAIL_OTHER, "write %s", name);
	return 0;
}

static int fence(int dir, const struct takeover *t, struct fail *e)
{
	struct stat owner;

	if (fstat(dir, &owner) < 0)
		return fail_errno(e, FAIL_OTHER, "directory of the server");
	for (const struct fence_file *f = t->fence_files; f->name; f++)
		if (put_file(dir, &owner, f->name, f->text, e) < 0)
			return -1;
	return fsync(dir) < 0 ? fail_errno(e, FAIL_OTHER, "directory of the server") : 0;
}

int verb_data_fence(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct takeover *t = lab->cluster.recipe->takeover;
	const struct node *n = run_step(r)->node;
	const char *dir = lab->cluster.places[lab_role(lab, t->from)].dir, *state;
	size_t mount = strlen(lab->data.mount);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(close) int fd = -1;

	if (strncmp(dir, lab->data.mount, mount) != 0 || dir[mount] != '/') {
		fail(e, FAIL_CONFLICT, "%s is off, and %s is on its own disk: nothing can keep its server from starting as the %s", n->name, dir,
		     t->role);
		return fail_next(e, "labctl -l %s start %s; if its server is damaged, run this command again", lab->name, n->name);
	}
	if (!runtime_is_off(rt, n, &state)) {
		fail(e, FAIL_CONFLICT, "%s was off a moment ago, and runs now", n->name);
		return fail_next(e, "run the same command again");
	}
	if (!file_exists(arena_printf(a, "%s/" DATA_MARKER, n->export_dir))) {
		fail(e, FAIL_NOT_FOUND, "the data of %s is not in %s: there is no " DATA_MARKER, n->name, n->export_dir);
		return fail_next(e, "mount the file system that has it, then run this command again");
	}
	*ret_state = STEP_UNCHANGED;
	if (open_below(n->export_dir, dir + mount, a, &fd, e) < 0) {
		if (e->code != FAIL_NOT_FOUND)
			return -1;
		*e = (struct fail){ 0 }; /* no data, no server */
		return 0;
	}
	if (is_there(fd, t->proof))
		return 0;
	if (fence(fd, t, e) < 0)
		return fail_wrap(e, "%s%s", n->export_dir, dir + mount);
	run_note(r, "changed: %s%s", n->export_dir, dir + mount);
	*ret_state = STEP_DONE;
	return 0;
}
