/* SPDX-License-Identifier: PostgreSQL */
/* Verbs of snapshots. Copies are made beside what they will replace, so that a swap is a rename. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "snapshots.h"
#include "state.h"
#include "verb.h"

DEFINE_AUTO(DIR *, closedir)

/* What belongs to a node: its disk or a container's overlay, and its data. Paths; .coming and .going as data_coming(). */
struct part { const char *of, *at, *coming, *going; };
enum { SYSTEM, DATA, PARTS };

static void parts_of(struct run *r, struct arena *a, struct part ret[PARTS])
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	const char *system = runtime_lab(rt)->hypervisor == HYPERVISOR_LXC ? "upper" : "disk.qcow2";

	ret[SYSTEM] = (struct part){ .of = arena_printf(a, "nodes/%s", n->name),
				     .at = paths_node(runtime_paths(rt), n->name, system, a),
				     .coming = paths_node(runtime_paths(rt), n->name, "coming", a),
				     .going = paths_node(runtime_paths(rt), n->name, "going", a) };
	ret[DATA] = (struct part){ .of = arena_printf(a, "data/%s", n->name), .at = n->export_dir, .coming = data_coming(n, a),
				   .going = data_going(n, a) };
}

/* Where the data directories are; a node's own may be missing. */
static const char *data_root(const struct node *n, struct arena *a)
{
	return arena_strndup(a, n->export_dir, (size_t)(strrchr(n->export_dir, '/') - n->export_dir));
}

/* --- progress --- */

struct said { struct run *run; uint64_t before, total; };

static void say(void *ctx, uint64_t bytes)
{
	const struct said *s = ctx;

	run_say(s->run, "copied %llu of %llu MiB", (unsigned long long)(s->before + bytes) >> 20,
		(unsigned long long)s->total >> 20);
}

static int copy(struct run *r, const char *from, const char *to, struct said *s, struct tree_sum *ret, struct fail *e)
{
	const struct tree_copy t = {
		.from = from, .to = to, .progress = say, .ctx = s, .deadline_ms = run_deadline_ms(r), .cancel = run_cancel(r)
	};

	if (tree_copy(&t, ret, e) < 0)
		return -1;
	s->before += ret->bytes;
	return 0;
}

/* --- save --- */

/* Of a machine that was paused: the sum of its memory, its servers' directories, and pins: its files stay what they are to NFS clients. */
static int copy_live(struct run *r, const char *memory, struct snapshot_node *n, struct arena *a, struct fail *e)
{
	const struct step *step = run_step(r);
	const struct paths *paths = runtime_paths(runtime_of(r));
	struct tree_sum pinned;

	snapshot_directories(runtime_lab(runtime_of(r)), step->node, a, n);
	return tree_look(memory, &n->memory, e) < 0 ? -1
						    : tree_pin(step->node->export_dir,
							       snapshot_new_path(paths, step->subject,
										 arena_printf(a, "pins/%s", n->name), a),
							       &pinned, e);
}

/* The node is off. The mount of a container's overlay goes too: the kernel forbids to look below it while it is there. */
int verb_snapshot_copy(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct step *step = run_step(r);
	const struct paths *paths = runtime_paths(rt);
	auto_(arena_free) struct arena *a = arena_new();
	struct snapshot_node n = { .name = step->node->name };
	struct tree_sum *sums[PARTS] = { &n.system, &n.data };
	const char *memory = snapshot_new_path(paths, step->subject, arena_printf(a, "memory/%s", n.name), a);
	struct said said = { .run = r };
	struct part parts[PARTS];

	parts_of(r, a, parts);
	if (file_exists(memory) && copy_live(r, memory, &n, a, e) < 0)
		return -1;
	if (root_unmount(paths_node(paths, n.name, NULL, a), e) < 0)
		return -1;
	for (int i = 0; i < PARTS; i++) {
		if (tree_look(parts[i].at, sums[i], e) < 0)
			return -1;
		said.total += sums[i]->bytes;
	}
	for (int i = 0; i < PARTS; i++)
		if (copy(r, parts[i].at, snapshot_new_path(paths, step->subject, parts[i].of, a), &said, sums[i], e) < 0)
			return -1;
	if (snapshot_put_node(paths, step->subject, &n, e) < 0)
		return -1;
	run_note(r, "changed: %llu MiB of %s copied", (unsigned long long)said.before >> 20, n.name);
	*ret_state = STEP_DONE;
	return 0;
}

int verb_snapshot_seal(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const char *name = run_step(r)->subject;
	unsigned host = runtime_host(rt);

	*ret_state = STEP_DONE;
	if (!host && snapshot_gather(rt, name, e) < 0)
		return -1;
	return snapshot_seal(runtime_paths(rt), runtime_lab(rt), host, name, LABCTL_VERSION, clock_wall_ms(), e);
}

/* --- on other hosts --- */

static void note_lines(struct run *r, const char *lines)
{
	for (size_t len; *lines; lines += len + (lines[len] == '\n'))
		run_note(r, "%.*s", (int)(len = strcspn(lines, "\n")), lines);
}

int verb_snapshot_begin(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct paths *paths = runtime_paths(rt);
	auto_(strbuf_clear) struct strbuf said = { 0 };

	*ret_state = STEP_DONE;
	if (snapshot_check_joined(runtime_lab(rt), runtime_host(rt), e) < 0 ||
	    snapshot_room_to_save(paths, runtime_lab(rt), runtime_host(rt), false, &said, e) < 0)
		return -1;
	note_lines(r, strbuf_text(&said));
	return snapshot_begin(paths, run_step(r)->subject, e);
}

int verb_snapshot_room(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct paths *paths = runtime_paths(rt);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf said = { 0 };
	const char *name = run_step(r)->subject;
	struct paths from = *paths;
	struct snapshot s;

	*ret_state = STEP_UNCHANGED;
	if (strchr(name, '@') && snapshot_of(name, paths, a, &from, &name, e) < 0)
		return -1;
	if (snapshot_read(&from, name, a, &s, e) < 0 ||
	    snapshot_room_to_copy(&from, &s, paths, runtime_lab(rt), runtime_host(rt), &said, e) < 0)
		return -1;
	note_lines(r, strbuf_text(&said));
	return 0;
}

/* --- restore --- */

static int damaged(struct run *r, const char *what, const char *lab, const char *snapshot, struct fail *e)
{
	fail(e, FAIL_LAB, "snapshot '%s' is damaged: %s of %s is not what was saved; nothing was changed", snapshot, what,
	     run_step(r)->node->name);
	return fail_next(e, "labctl -l %s snapshot delete %s", lab, snapshot);
}

static int check(struct run *r, const char *path, const struct tree_sum *wanted, const char *what, const char *lab, const char *name,
		 struct fail *e)
{
	struct tree_sum got;

	if (tree_look(path, &got, e) < 0)
		return -1;
	return strcmp(got.digest, wanted->digest) != 0 ? damaged(r, what, lab, name, e) : 0;
}

/* The memory and the data of a live snapshot are used where they are. */
static int check_live(struct run *r, const struct paths *paths, const char *name, const struct snapshot_node *n, const char *data,
		      struct arena *a, struct fail *e)
{
	const char *lab = strrchr(paths->lab, '/') + 1;

	if (check(r, snapshot_path(paths, name, arena_printf(a, "memory/%s", n->name), a), &n->memory, "the memory", lab, name, e) < 0)
		return -1;
	if (!file_exists(snapshot_path(paths, name, arena_printf(a, "pins/%s", n->name), a)))
		return damaged(r, "the pins", lab, name, e);
	return check(r, snapshot_path(paths, name, data, a), &n->data, "the data", lab, name, e);
}

/*
 * Copies what the snapshot @name of the lab at @paths has of the node beside what the node has, and checks it. For @memory, of a live one
 * only the disk.
 */
static int fetch(struct run *r, const struct paths *paths, const char *name, bool memory, struct part parts[PARTS], struct arena *a,
		 struct fail *e)
{
	static const char *const words[PARTS] = { "the disk", "the data" };
	const char *lab = strrchr(paths->lab, '/') + 1;
	const struct node *node = run_step(r)->node;
	const struct snapshot_node *n;
	struct said said = { .run = r };
	struct snapshot s;
	bool live;

	if (snapshot_read(paths, name, a, &s, e) < 0)
		return -1;
	live = s.live && memory;
	n = snapshot_node_of(&s, node->name);
	if (!n)
		return damaged(r, "the manifest", lab, name, e);
	if (live && check_live(r, paths, name, n, parts[DATA].of, a, e) < 0)
		return -1;
	said.total = n->system.bytes + (live ? 0 : n->data.bytes);
	for (int i = 0; i < (live ? DATA : PARTS); i++) {
		struct tree_sum got;

		/* left by a run that was killed */
		if (file_remove_tree(parts[i].coming, e) < 0 ||
		    copy(r, snapshot_path(paths, name, parts[i].of, a), parts[i].coming, &said, &got, e) < 0)
			return -1;
		if (strcmp(got.digest, (i == SYSTEM ? &n->system : &n->data)->digest) != 0) {
			struct fail ignored;

			file_remove_tree(parts[i].coming, &ignored);
			return damaged(r, words[i], lab, name, e);
		}
	}
	run_note(r, "changed: %llu MiB of %s copied", (unsigned long long)said.before >> 20, n->name);
	return 0;
}

int verb_snapshot_fetch(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct paths *paths = runtime_paths(runtime_of(r));
	const struct step *step = run_step(r);
	auto_(arena_free) struct arena *a = arena_new();
	struct part parts[PARTS];

	parts_of(r, a, parts);
	*ret_state = STEP_DONE;
	if (fetch(r, paths, step->subject, true, parts, a, e) < 0)
		return -1;
	/* before a rename says that they are there */
	return tree_sync(paths->lab, e) < 0 ? -1 : tree_sync(data_root(step->node, a), e);
}

int verb_snapshot_enter(struct run *r, enum step_state *ret_state, struct fail *e)
{
	*ret_state = STEP_DONE;
	return snapshot_put_mark(runtime_paths(runtime_of(r)), SNAPSHOT_RESTORING, run_step(r)->subject, e);
}

/* Between the two renames there is nothing at .at: only a restore goes on from there (SNAPSHOT_RESTORING). */
static int swap(const struct part *p, struct fail *e)
{
	if (file_remove_tree(p->going, e) < 0)
		return -1;
	if (rename(p->at, p->going) < 0 && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "rename %s", p->at);
	return rename(p->coming, p->at) < 0 ? fail_errno(e, FAIL_OTHER, "rename %s", p->coming) : 0;
}

/*
 * A machine that continues has files of its data open. Their handles hold the inodes: contents come back into the files that are there,
 * and removed ones are linked again.
 */
static int put_back(struct run *r, const char *snapshot, const struct part *p, struct arena *a, struct fail *e)
{
	const struct paths *paths = runtime_paths(runtime_of(r));
	struct said said = { .run = r };
	struct tree_sum got;
	struct tree_copy t = {
		.from = snapshot_path(paths, snapshot, p->of, a), .to = p->at,
		.pins = snapshot_path(paths, snapshot, arena_printf(a, "pins/%s", run_step(r)->node->name), a),
		.progress = say, .ctx = &said, .deadline_ms = run_deadline_ms(r), .cancel = run_cancel(r)
	};

	return tree_restore(&t, &got, e);
}

int verb_snapshot_swap(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct paths *paths = runtime_paths(runtime_of(r));
	const struct step *step = run_step(r);
	const struct node *n = step->node;
	auto_(arena_free) struct arena *a = arena_new();
	const char *dir = paths_node(paths, n->name, NULL, a);
	struct part parts[PARTS];
	struct snapshot s;

	parts_of(r, a, parts);
	if (snapshot_read(paths, step->subject, a, &s, e) < 0)
		return -1;
	*ret_state = STEP_DONE;
	if (root_unmount(dir, e) < 0)
		return -1;
	/* the kernel's notes about an upper that is gone */
	if (file_remove_tree(arena_printf(a, "%s/work", dir), e) < 0)
		return -1;
	if (s.live && put_back(r, step->subject, &parts[DATA], a, e) < 0)
		return -1;
	for (int i = 0; i < (s.live ? DATA : PARTS); i++)
		if (swap(&parts[i], e) < 0)
			return -1;
	return 0;
}

int verb_snapshot_record(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct paths *paths = runtime_paths(rt);
	bool changed;

	*ret_state = STEP_DONE;
	if (snapshot_restore_record(paths, run_step(r)->subject, paths, e) < 0 ||
	    state_save(paths, runtime_lab(rt), &changed, e) < 0 || tree_sync(paths->lab, e) < 0 ||
	    snapshot_put_mark(paths, SNAPSHOT_FREEZING, NULL, e) < 0)
		return -1;
	return snapshot_put_mark(paths, SNAPSHOT_RESTORING, NULL, e);
}

int verb_snapshot_clear(struct run *r, enum step_state *ret_state, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct part parts[PARTS];

	parts_of(r, a, parts);
	*ret_state = STEP_DONE;
	for (int i = 0; i < PARTS; i++)
		if (file_remove_tree(parts[i].going, e) < 0)
			return -1;
	return 0;
}

/* --- create --from --- */

int verb_snapshot_adopt(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const struct paths *paths = runtime_paths(runtime_of(r));
	auto_(arena_free) struct arena *a = arena_new();
	struct paths from;
	const char *name;

	*ret_state = STEP_DONE;
	return snapshot_of(run_step(r)->subject, paths, a, &from, &name, e) < 0
		       ? -1
		       : snapshot_restore_record(&from, name, paths, e);
}

/*
 * Units that would start with the other lab's addresses before the new configuration is there: its servers, and the packet filter,
 * which would keep this lab's host out. The tuning and the rules of the cluster enable them again. Of a container; a machine does it
 * itself, before its init (seed_forget()).
 */
static int disable_units(const char *upper, struct fail *e)
{
	static const char *const units[] = { "labctl-", "nftables.service", "iptables.service" };
	static const char *const parts[] = { "etc", "systemd", "system" };
	auto_(close) int fd = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_(closedir) DIR *system = NULL;
	struct dirent *wants, *unit;

	/* a guest wrote this tree: no link of it is followed */
	for (size_t i = 0; i < ARRAY_COUNT(parts) && fd >= 0; i++) {
		int below = openat(fd, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		close(fd);
		fd = below;
	}
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_errno(e, FAIL_OTHER, "%s/etc/systemd/system", upper);
	system = fdopendir(dup(fd));
	while (system && (wants = readdir(system))) {
		const char *dot = strrchr(wants->d_name, '.');
		int below = dot && !strcmp(dot, ".wants")
				    ? openat(fd, wants->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				    : -1;
		auto_(closedir) DIR *dir = below < 0 ? NULL : fdopendir(below);

		while (dir && (unit = readdir(dir)))
			for (size_t i = 0; i < ARRAY_COUNT(units); i++)
				if (!strncmp(unit->d_name, units[i], strlen(units[i])) &&
				    unlinkat(dirfd(dir), unit->d_name, 0) < 0 && errno != ENOENT)
					return fail_errno(e, FAIL_OTHER, "disable %s", unit->d_name);
	}
	return 0;
}

int verb_snapshot_take(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct node *n = run_step(r)->node;
	const struct paths *paths = runtime_paths(rt);
	auto_(arena_free) struct arena *a = arena_new();
	const char *mark = arena_printf(a, "%s %s\n", runtime_lab(rt)->uuid, n->name), *name;
	struct part parts[PARTS];
	struct paths from;

	parts_of(r, a, parts);
	*ret_state = STEP_DONE;
	if (snapshot_of(run_step(r)->subject, paths, a, &from, &name, e) < 0 || fetch(r, &from, name, false, parts, a, e) < 0 ||
	    (runtime_lab(rt)->hypervisor == HYPERVISOR_LXC && disable_units(parts[SYSTEM].coming, e) < 0) ||
	    file_write(arena_printf(a, "%s/" DATA_MARKER, parts[DATA].coming), mark, strlen(mark), 0600, e) < 0)
		return -1;
	/* on each host, before there is a disk: verb_node_start() looks at it */
	if (snapshot_put_mark(paths, SNAPSHOT_FROM, run_step(r)->subject, e) < 0)
		return -1;
	if (unlink(paths_node(paths, n->name, "seeded", a)) < 0 && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "%s", paths_node(paths, n->name, "seeded", a));
	for (int i = 0; i < PARTS; i++)
		if (swap(&parts[i], e) < 0 || file_remove_tree(parts[i].going, e) < 0)
			return -1;
	return 0;
}

int verb_snapshot_taken(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	auto_(arena_free) struct arena *a = arena_new();
	const char *data = data_root(&runtime_lab(rt)->nodes[0], a);

	*ret_state = STEP_DONE;
	/* the first host of several may have no nodes */
	if (tree_sync(runtime_paths(rt)->lab, e) < 0 || (file_exists(data) && tree_sync(data, e) < 0))
		return -1;
	return snapshot_put_mark(runtime_paths(rt), SNAPSHOT_CLONING, NULL, e);
}

/* --- delete --- */

int verb_snapshot_delete(struct run *r, enum step_state *ret_state, struct fail *e)
{
	*ret_state = STEP_DONE;
	return snapshot_remove(runtime_paths(runtime_of(r)), run_step(r)->subject, e);
}
