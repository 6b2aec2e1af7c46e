/* SPDX-License-Identifier: PostgreSQL */
/*
 * Puts a node's seed where its system reads it: a tar on a disk (machines), a volume for cloud-init (machines with a
 * user-supplied disk), files in its root (containers).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "iso.h"
#include "seed.h"
#include "verbs_seed.h"

#define KEY_BYTES 16384

static int read_key(const char *path, struct arena *a, const char **ret_text, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	if (file_read(path, KEY_BYTES, &text, e) < 0)
		return -1;
	*ret_text = arena_strdup(a, strbuf_text(&text));
	explicit_bzero(text.text, text.len);
	return 0;
}

int seed_of(struct runtime *rt, const struct node *n, struct arena *a, const struct payload_file **ret_files,
	    unsigned *ret_count, struct fail *e)
{
	const struct paths *p = runtime_paths(rt);
	struct seed_keys keys;

	if (read_key(paths_node(p, n->name, "host_key", a), a, &keys.host_private, e) < 0 ||
	    read_key(paths_node(p, n->name, "host_key.pub", a), a, &keys.host_public, e) < 0 ||
	    read_key(p->key_pub, a, &keys.authorized, e) < 0)
		return -1;
	*ret_files = seed_files(runtime_lab(rt), n, &keys, a, ret_count);
	return 0;
}

int seed_write_tar(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf old = { 0 };
	/* A tar archive, but of a name that libvirt's AppArmor profiles allow. */
	const char *path = paths_node(runtime_paths(rt), n->name, "seed.img", a);
	const struct payload_file *files;
	unsigned count;
	const void *tar;
	size_t len;
	struct fail ignored;

	if (seed_of(rt, n, a, &files, &count, e) < 0)
		return -1;
	tar = seed_tar(files, count, a, &len);
	if (file_read(path, len + 1, &old, &ignored) == 0 && old.len == len && !memcmp(old.text, tar, len))
		return 0;
	*ret_changed = true;
	/* 0600: it holds the host key. libvirt gives the file to qemu's user (dynamic ownership). */
	return file_write(path, tar, len, 0600, e);
}

/* Compares with the digest in @stamp: a volume contains times and a root is the guest's, so neither can be compared. */
static bool seeded_already(const char *stamp, const struct payload_file *files, unsigned count, struct arena *a,
			   char ret_digest[DIGEST_HEX])
{
	auto_(strbuf_clear) struct strbuf old = { 0 };
	struct fail ignored;
	size_t len;
	const void *tar = seed_tar(files, count, a, &len);

	digest_text(tar, len, ret_digest);
	return file_read(stamp, 4096, &old, &ignored) == 0 && !strcmp(strbuf_text(&old), ret_digest);
}

int seed_write_iso(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *stamp = paths_node(runtime_paths(rt), n->name, "seeded", a);
	const char *path = paths_node(runtime_paths(rt), n->name, "seed.iso", a);
	const struct payload_file *files;
	struct iso_file *members;
	char digest[DIGEST_HEX];
	unsigned count;

	if (seed_of(rt, n, a, &files, &count, e) < 0)
		return -1;
	if (seeded_already(stamp, files, count, a, digest) && file_exists(path))
		return 0;
	members = arena_alloc(a, count * sizeof *members);
	for (unsigned i = 0; i < count; i++)
		members[i] = (struct iso_file){ files[i].path + 1, files[i].text };
	if (iso_write(path, SEED_CLOUD_LABEL, members, count, e) < 0)
		return -1;
	*ret_changed = true;
	return file_write(stamp, digest, strlen(digest), 0600, e);
}

/* --- files below the root of a guest --- */

/* Opens below @root_fd as if it were /: the guest's own symlinks cannot lead outside. */
static int open_in_root(int root_fd, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof how);
}

/* Opens the directory @path below the root; makes it with 0755 if missing. */
static int open_directory(int root_fd, const char *path, struct fail *e)
{
	int fd = open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY);
	auto_(free) char *above = NULL;
	auto_(close) int above_fd = -1;
	char *slash;

	if (fd >= 0)
		return fd;
	above = strdup(path);
	if (!above)
		abort();
	slash = strrchr(above, '/');
	if (errno != ENOENT || !slash || !slash[1])
		return fail_errno(e, FAIL_OTHER, "%s in the node's root", path);
	*slash = '\0';
	above_fd = open_directory(root_fd, above, e);
	if (above_fd < 0)
		return -1;
	if (mkdirat(above_fd, slash + 1, 0755) < 0 && errno != EEXIST)
		return fail_errno(e, FAIL_OTHER, "make %s in the node's root", path);
	fd = open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? fail_errno(e, FAIL_OTHER, "%s in the node's root", path) : fd;
}

static int write_in_root(int root_fd, const struct payload_file *f, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *slash = strrchr(f->path, '/'), *fresh;
	auto_(close) int dir = -1, fd = -1;
	size_t len = strlen(f->text), done = 0;
	mode_t mode = (mode_t)strtoul(f->mode ? f->mode : "0644", NULL, 8);

	if (!slash || !slash[1])
		return fail(e, FAIL_OTHER, "'%s' is not an absolute path of a file", f->path);
	dir = open_directory(root_fd, arena_strndup(a, f->path, (size_t)(slash - f->path)), e);
	if (dir < 0)
		return -1;
	fresh = arena_printf(a, ".%s.labctl", slash + 1);
	unlinkat(dir, fresh, 0);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (fd >= 0 && done < len) {
		ssize_t put = write(fd, f->text + done, len - done);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	/* The rename replaces a symlink of that name instead of following it. */
	if (fd < 0 || done < len || fchmod(fd, mode) < 0 || renameat(dir, fresh, dir, slash + 1) < 0)
		return fail_errno(e, FAIL_OTHER, "write %s in the node's root", f->path);
	return 0;
}

int seed_write_root(struct runtime *rt, const struct node *n, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *stamp = paths_node(runtime_paths(rt), n->name, "seeded", a);
	auto_(close) int root = -1, journal = -1;
	const struct payload_file *files;
	unsigned count;
	char digest[DIGEST_HEX];

	if (seed_of(rt, n, a, &files, &count, e) < 0)
		return -1;
	/* Write the seed once, not at every `create`: tuning changes some of these files too (/etc/hosts). */
	if (seeded_already(stamp, files, count, a, digest))
		return 0;
	root = open(paths_node(runtime_paths(rt), n->name, "root", a), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail_errno(e, FAIL_OTHER, "root of %s", n->name);
	for (unsigned i = 0; i < count; i++)
		if (write_in_root(root, &files[i], e) < 0)
			return -1;
	/* If this directory exists, journald writes its journal there; verbs_node.c shows it when a container does not come up. */
	journal = open_directory(root, "/var/log/journal", e);
	if (journal < 0)
		return -1;
	*ret_changed = true;
	return file_write(stamp, digest, strlen(digest), 0600, e);
}
