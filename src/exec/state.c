/* SPDX-License-Identifier: PostgreSQL */
#include "state_secrets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "digest.h"
#include "family.h"
#include "file.h"
#include "lifetime.h"
#include "pool.h"
#include "proc.h"
#include "recipe.h"

#define KEYGEN_THREADS 4    /* a key takes 3 ms, most of it the start of a process */
#define KEYGEN_TIMEOUT_MS 30000
#define SMALL_FILE_BYTES (1 << 20)

DEFINE_AUTO(DIR *, closedir)

/* --- lock --- */

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/*
 * qemu runs as another user and must traverse the lab's directory and those of machines; private files below are 0600.
 * The directories of containers are closed: host users could otherwise run the setuid programs in a container's root.
 */
static int make_lab_dir(const struct paths *p, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();

	if (file_mkdirs(arena_printf(a, "%s/labs", p->state), 0755, e) < 0)
		return -1;
	/* `destroy` must remove only labctl's files: a link would lead it into another directory. */
	if (is_link(p->lab)) {
		fail(e, FAIL_CONFLICT, "%s is a symbolic link, not a lab's directory; nothing was changed", p->lab);
		return fail_next(e, "ls -la %s; to keep labs elsewhere set LABCTL_STATE, or data.export_root in the lab file",
				 p->lab);
	}
	return file_mkdirs(p->lab, 0711, e);
}

int state_lock(const struct paths *p, const char *command, int64_t deadline_ms, int *ret_fd, struct fail *e)
{
	for (int tries = 0;; tries++) {
		struct fail why = { 0 };

		if (make_lab_dir(p, &why) == 0 && file_lock(p->lock, command, deadline_ms, ret_fd, &why) == 0)
			return 0;
		/* A concurrent `destroy` may remove the directory between the two calls. */
		if (why.code != FAIL_CONFLICT && tries < 10 && !file_exists(p->lab))
			continue;
		*e = why;
		return why.code == FAIL_CONFLICT && !*e->next ? fail_next(e, "wait until it ends, then run the same command again") : -1;
	}
}

bool state_is_locked(const struct paths *p)
{
	/* A shared lock for a moment: whoever wants the lock meanwhile tries again (file_lock()). */
	auto_(close) int fd = open(p->lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void state_drop_empty(const struct paths *p)
{
	auto_(closedir) DIR *dir = is_link(p->lab) ? NULL : opendir(p->lab);
	struct dirent *entry;
	auto_(arena_free) struct arena *a = arena_new();

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && strcmp(entry->d_name, "lock"))
			return;
	if (!dir)
		return;
	unlink(p->lock);
	rmdir(p->lab);
	rmdir(arena_printf(a, "%s/labs", p->state));
}

/* --- keys --- */

struct keygen { const char *path, *comment, *type; };
struct keygen_work { const struct keygen *keys; pthread_mutex_t lock; struct fail fail; };

static bool key_exists(const char *path)
{
	char pub[4096];

	return snprintf(pub, sizeof pub, "%s.pub", path) < (int)sizeof pub && file_exists(path) && file_exists(pub);
}

/* Makes PATH and PATH.pub. The private key is put in place last: if it exists, both do. */
static int make_key(const struct keygen *k, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *fresh = arena_printf(a, "%s.new", k->path), *fresh_pub = arena_printf(a, "%s.pub", fresh);
	/* No size: ed25519 has only one, and both today's ssh and that of 2006 accept the default for RSA. */
	const char *const argv[] = { "ssh-keygen", "-t", k->type, "-N", "", "-q", "-C", k->comment, "-f", fresh, NULL };
	struct proc keygen = { .argv = argv, .deadline_ms = clock_after_ms(KEYGEN_TIMEOUT_MS) };

	unlink(fresh);
	unlink(fresh_pub);
	if (proc_check(&keygen, e) < 0) {
		if (e->code == FAIL_HOST)
			fail_next(e, "apt-get install openssh-client");
		return -1;
	}
	if (chmod(fresh, 0600) < 0 || chmod(fresh_pub, 0600) < 0 ||
	    rename(fresh_pub, arena_printf(a, "%s.pub", k->path)) < 0 || rename(fresh, k->path) < 0)
		return fail_errno(e, FAIL_OTHER, "key %s", k->path);
	return 0;
}

static void make_one_key(void *ctx, unsigned i)
{
	struct keygen_work *w = ctx;
	struct fail f = { 0 };
	bool go;

	pthread_mutex_lock(&w->lock);
	go = w->fail.code == FAIL_NONE;
	pthread_mutex_unlock(&w->lock);
	if (!go || make_key(&w->keys[i], &f) == 0)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->fail.code == FAIL_NONE)
		w->fail = f;
	pthread_mutex_unlock(&w->lock);
}

static int make_keys(const struct keygen *keys, unsigned count, struct fail *e)
{
	struct keygen_work w = { .keys = keys, .lock = PTHREAD_MUTEX_INITIALIZER };

	pool_run(count, KEYGEN_THREADS, make_one_key, &w);
	pthread_mutex_destroy(&w.lock);
	if (w.fail.code == FAIL_NONE)
		return 0;
	*e = w.fail;
	return -1;
}

/* Replaces @path if its text differs. */
static int write_if_changed(const char *path, const char *text, size_t len, bool *changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf old = { 0 };
	struct fail ignored;

	if (file_read(path, SMALL_FILE_BYTES, &old, &ignored) == 0 && old.len == len &&
	    memcmp(strbuf_text(&old), text, len) == 0)
		return 0;
	*changed = true;
	return file_write(path, text, len, 0600, e);
}

/* Writes the file for `ssh -o UserKnownHostsFile=`: one line per node, with all names that a user may type. */
static int write_known_hosts(const struct paths *p, const struct lab *lab, struct arena *a, bool *changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };

	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		auto_(strbuf_clear) struct strbuf key = { 0 };

		if (file_read(paths_node(p, n->name, "host_key.pub", a), 4096, &key, e) < 0)
			return -1;
		strbuf_truncate(&key, strcspn(strbuf_text(&key), "\n"));
		if (n->ip)
			strbuf_printf(&text, "%s,", n->ip_text);
		strbuf_printf(&text, "%s,%s", n->hostname, n->fqdn);
		if (strcmp(n->name, n->hostname))
			strbuf_printf(&text, ",%s", n->name);
		strbuf_printf(&text, " %s\n", strbuf_text(&key));
	}
	return write_if_changed(p->known_hosts, strbuf_text(&text), text.len, changed, e);
}

/* --- the record --- */

#define ID_LEN 36

static bool is_id(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef-") == ID_LEN;
}

int state_identify(const struct paths *p, struct lab *lab, struct fail *e)
{
	auto_(free) char *real = realpath(p->state, NULL);
	auto_(strbuf_clear) struct strbuf id = { 0 };
	auto_(arena_free) struct arena *a = arena_new();
	char uuid[ID_LEN + 1];

	if (file_exists(p->id)) {
		if (file_read(p->id, 256, &id, e) < 0)
			return -1;
		strbuf_truncate(&id, strcspn(strbuf_text(&id), "\n"));
		if (!is_id(strbuf_text(&id))) {
			fail(e, FAIL_LAB, "%s is not a lab id", p->id);
			return fail_next(e, "virsh dumpxml DOMAIN; write the uuid of its labctl:lab tag to that file");
		}
		lab_set_id(lab, id.text);
	} else if (!file_exists(p->lab_file) && !file_exists(arena_printf(a, "%s/nodes", p->lab))) {
		digest_uuid(arena_printf(a, "labctl/lab/%s/%s", real ? real : p->state, lab->name), uuid);
		lab_set_id(lab, uuid);
	}
	return 0;
}

int state_save(const struct paths *p, const struct lab *lab, bool *ret_changed, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 }, id = { 0 };
	bool changed = false, ignored = false;

	lab_print(lab, &text);
	strbuf_printf(&id, "%s\n", lab->uuid);
	if (make_lab_dir(p, e) < 0 || write_if_changed(p->id, id.text, id.len, &ignored, e) < 0 ||
	    state_make_secrets(p, lab, &changed, e) < 0 || write_if_changed(p->lab_file, strbuf_text(&text), text.len, &changed, e) < 0 ||
	    state_drop_secrets(p, lab, &changed, e) < 0 || lifetime_begin(p, lab->ttl, &changed, e) < 0)
		return -1;
	*ret_changed = changed;
	return 0;
}

static int prepare_keys(const struct paths *p, const struct lab *lab, struct arena *a, bool *changed, struct fail *e)
{
	struct keygen *keys = arena_alloc(a, (lab->node_count + 1) * sizeof *keys);
	const char *type = lab->release->family->key_type;
	unsigned count = 0;

	if (!key_exists(p->key))
		keys[count++] = (struct keygen){ p->key, arena_printf(a, "labctl-%s", lab->name), type };
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		const char *path = paths_node(p, n->name, "host_key", a);

		if (file_mkdirs(paths_node(p, n->name, NULL, a), lab->hypervisor == HYPERVISOR_LXC ? 0700 : 0711, e) < 0)
			return -1;
		if (!key_exists(path))
			keys[count++] = (struct keygen){ path, arena_printf(a, "labctl-%s-%s", lab->name, n->name), type };
	}
	*changed |= count > 0;
	return make_keys(keys, count, e);
}

int state_prepare(const struct paths *p, const struct lab *lab, bool *ret_changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	bool changed = !file_exists(p->secrets), saved = false;

	if (make_lab_dir(p, e) < 0 || file_mkdirs(p->secrets, 0700, e) < 0 || prepare_keys(p, lab, a, &changed, e) < 0 ||
	    write_known_hosts(p, lab, a, &changed, e) < 0)
		return -1;
	/* lab.yaml is written last: every lab that is listed has its keys. */
	if (state_save(p, lab, &saved, e) < 0)
		return -1;
	*ret_changed = changed || saved;
	return 0;
}

/*
 * Removes everything except kept data directories (--keep-data), which are below the lab's directory by default: data/ is
 * removed only if empty. The lock is removed last: until then no other labctl can begin.
 */
int state_remove(const struct paths *p, struct fail *e)
{
	auto_(closedir) DIR *dir = opendir(p->lab);
	auto_(strbuf_clear) struct strbuf path = { 0 };
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : fail_errno(e, FAIL_OTHER, "%s", p->lab);
	while ((entry = readdir(dir))) {
		strbuf_truncate(&path, 0);
		strbuf_printf(&path, "%s/%s", p->lab, entry->d_name);
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || !strcmp(path.text, p->lock))
			continue;
		if (!strcmp(entry->d_name, "data")) {
			if ((is_link(path.text) ? unlink(path.text) : rmdir(path.text)) < 0 && errno != ENOTEMPTY &&
			    errno != EEXIST)
				return fail_errno(e, FAIL_OTHER, "remove %s", path.text);
			continue;
		}
		if (file_remove_tree(path.text, e) < 0)
			return -1;
	}
	unlink(p->lock);
	if (rmdir(p->lab) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return fail_errno(e, FAIL_OTHER, "remove %s", p->lab);
	strbuf_truncate(&path, 0);
	strbuf_printf(&path, "%s/labs", p->state);
	rmdir(path.text); /* succeeds only for the last lab */
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int state_labs(const char *state_dir, struct arena *a, const char *const **ret_names, struct fail *e)
{
	const char *path = arena_printf(a, "%s/labs", state_dir);
	auto_(closedir) DIR *dir = opendir(path);
	const char **names = NULL;
	size_t count = 0;
	struct dirent *entry;

	if (!dir && errno != ENOENT)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' && file_exists(arena_printf(a, "%s/%s/lab.yaml", path, entry->d_name)))
			*arena_push(a, names, count) = arena_strdup(a, entry->d_name);
	if (count)
		qsort(names, count, sizeof *names, by_name);
	else
		rmdir(path); /* left empty by a labctl that was killed while it made or removed its only lab */
	*arena_push(a, names, count) = NULL;
	*ret_names = names;
	return 0;
}

/* --- servers --- */

bool state_server_has(const struct lab *lab, const struct node *n, int role, const char *name)
{
	const char *dir = lab->cluster.places[role].dir;
	size_t mount = strlen(lab->data.mount);
	auto_(arena_free) struct arena *a = arena_new();
	struct stat st;

	return dir && !strncmp(dir, lab->data.mount, mount) && dir[mount] == '/' &&
	       lstat(arena_printf(a, "%s%s/%s", n->export_dir, dir + mount, name), &st) == 0;
}
