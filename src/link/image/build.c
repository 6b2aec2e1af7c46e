/* SPDX-License-Identifier: PostgreSQL */
/*
 * Software builds. A build runs in namespaces of its own: its mounts, processes and network vanish when it ends,
 * however it ends. Only plain files below CACHE/tmp remain, removed here or by the next build.
 */
#include "build.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "clock.h"
#include "digest.h"
#include "file.h"
#include "look.h"
#include "plural.h"
#include "proc.h"
#include "quote.h"
#include "unpack.h"

#define NEEDS_BYTES (2ll << 30)
#define EVIDENCE_LINES 20
#define PATCH_MAX_BYTES (16u << 20)

DEFINE_AUTO(json_t *, json_decref)

/*
 * $1 work directory, $2 lower tree; the rest is the command. It gets a /dev of its own, since a makefile must not reach
 * the host's devices. The build runs in /labctl.
 */
static const char enter_script[] =
	"set -eu\n"
	"w=$1 lower=$2; shift 2\n"
	"mount -t overlay labctl-build -o \"lowerdir=$lower,upperdir=$w/upper,workdir=$w/work,index=off\" \"$w/root\"\n"
	"r=$w/root\n"
	"mount -t proc -o nosuid,nodev,noexec proc \"$r/proc\"\n"
	"mount -t tmpfs -o mode=755,nosuid,noexec labctl-dev \"$r/dev\"\n"
	"n() { mknod -m 666 \"$r/dev/$1\" c \"$2\" \"$3\"; }\n"
	"n null 1 3; n zero 1 5; n full 1 7; n random 1 8; n urandom 1 9; n tty 5 0\n"
	"ln -s /proc/self/fd \"$r/dev/fd\"; ln -s fd/0 \"$r/dev/stdin\"; ln -s fd/1 \"$r/dev/stdout\"\n"
	"ln -s fd/2 \"$r/dev/stderr\"\n"
	"mkdir -m 1777 \"$r/dev/shm\"\n"
	"mount -t tmpfs -o mode=1777,nosuid,nodev labctl-shm \"$r/dev/shm\"\n"
	"exec chroot \"$r\" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
	"HOME=/root LC_ALL=C.UTF-8 TERM=dumb \"$@\"\n";

/* A build in progress. */
struct build_run {
	const struct build *b;
	struct arena *a;
	char key[DIGEST_HEX];
	const char *tar, *json, *log, *work;
	const char *enter; /* of a kept tree; it is written last */
	FILE *log_file;
	struct look_log log_seen;
	/* as reported by the script */
	const char *step, *reason;
	struct strbuf evidence;
	json_t *adaptations;
	bool disk_full;
};

static void tell(struct build_run *r, const char *line)
{
	if (r->b->line)
		r->b->line(r->b->ctx, line);
}

/* --- identity --- */

/* Appends the digest of each file that the script gets besides the archive. */
static int add_files(const struct build *b, struct strbuf *text, struct fail *e)
{
	char digest[DIGEST_HEX];

	if (b->extra) {
		digest_text(b->extra, strlen(b->extra), digest);
		strbuf_printf(text, "extra %s %s\n", b->extra_name, digest);
	}
	for (unsigned i = 0; i < b->patch_count; i++) {
		if (digest_file(b->patches[i], digest, e) < 0)
			return fail_wrap(e, "patch %s", b->patches[i]);
		strbuf_printf(text, "patch %s\n", digest);
	}
	return 0;
}

static int make_key(struct build_run *r, struct fail *e)
{
	const struct build *b = r->b;
	auto_(strbuf_clear) struct strbuf text = { 0 };
	char script[DIGEST_HEX];
	const char *id;

	digest_text(b->script, strlen(b->script), script);
	strbuf_printf(&text, "build 1\nimage %s\narchive %s\nscript %s\nproduct %s\nprefix %s\nlink %s\nport %u\nconfigure %s\n",
		      b->image->digest, b->archive_sha256, script, b->product ? b->product : "", b->prefix, b->link ? b->link : "", b->port,
		      b->configure ? b->configure : "");
	if (add_files(b, &text, e) < 0)
		return -1;
	digest_text(text.text, text.len, r->key);
	id = arena_strndup(r->a, r->key, CACHE_ID_LEN);
	r->tar = cache_path(b->cache_dir, CACHE_BUILD_TAR, r->key, r->a);
	r->json = cache_path(b->cache_dir, CACHE_BUILD_RECORD, r->key, r->a);
	r->log = cache_path(b->cache_dir, CACHE_BUILD_LOG, id, r->a);
	r->work = cache_path(b->cache_dir, CACHE_BUILD_WORK, id, r->a);
	r->enter = arena_printf(r->a, "%s/enter", r->work);
	return 0;
}

static int write_record(struct build_run *r, struct fail *e)
{
	const struct build *b = r->b;
	auto_(json_decref) json_t *record = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:O}", "v", 1, "key", r->key, "image", b->image->name,
		"image_digest", b->image->digest, "archive", b->archive, "archive_sha256", b->archive_sha256, "prefix",
		b->prefix, "link", b->link ? b->link : "", "port", (int)b->port, "configure",
		b->configure ? b->configure : "", "adaptations", r->adaptations);
	auto_(free) char *text = record ? json_dumps(record, JSON_INDENT(2)) : NULL;

	if (!text)
		return fail(e, FAIL_OTHER, "build record: a value is not valid UTF-8");
	return file_write(r->json, text, strlen(text), 0644, e);
}

/* --- the archive --- */

/* Writes the script's other files; their names give the order and the original name. */
static int hand_over(struct build_run *r, struct fail *e)
{
	const struct build *b = r->b;

	if (b->extra && file_write(arena_printf(r->a, "%s/upper/labctl/%s", r->work, b->extra_name), b->extra,
				   strlen(b->extra), 0644, e) < 0)
		return -1;
	for (unsigned i = 0; i < b->patch_count; i++) {
		const char *slash = strrchr(b->patches[i], '/');
		auto_(strbuf_clear) struct strbuf text = { 0 };

		if (file_read(b->patches[i], PATCH_MAX_BYTES, &text, e) < 0 ||
		    file_write(arena_printf(r->a, "%s/upper/labctl/patches/%02u-%s", r->work, i + 1,
					    slash ? slash + 1 : b->patches[i]),
			       strbuf_text(&text), text.len, 0644, e) < 0)
			return fail_wrap(e, "patch %s", b->patches[i]);
	}
	return 0;
}

static int prepare(struct build_run *r, const char **ret_top, struct fail *e)
{
	static const char *const dirs[] = { "work", "root", "upper/labctl/src", "upper/labctl/out", "upper/labctl/patches" };
	const struct build *b = r->b;
	const char *script = arena_printf(r->a, "%s/upper/labctl/build.sh", r->work);
	int64_t space = file_space_bytes(b->cache_dir);

	if (strpbrk(r->work, ",:\\") || strpbrk(b->image->root, ",:\\"))
		return fail(e, FAIL_HOST, "%s: the name of the cache directory must not contain a comma, colon or "
					  "backslash", b->cache_dir);
	if (space >= 0 && space < NEEDS_BYTES)
		return fail(e, FAIL_HOST, "%s has %lld MiB left, a build needs %lld", b->cache_dir, (long long)space >> 20,
			    NEEDS_BYTES >> 20);
	r->step = "unpack";
	if (file_mkdirs(r->work, 0700, e))
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
		if (file_mkdirs(arena_printf(r->a, "%s/%s", r->work, dirs[i]), 0755, e))
			return -1;
	tell(r, "::step unpack");
	/* Unpack into the overlay's upper directory, before anything is mounted. */
	if (unpack_archive(b->archive, arena_printf(r->a, "%s/upper/labctl/src", r->work), b->cancel, b->deadline_ms, r->a,
			   ret_top, e))
		return -1;
	return hand_over(r, e) || file_write(script, b->script, strlen(b->script), 0755, e) ? -1 : 0;
}

/* --- the script --- */

static const char *after(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

/* Strips "STEP: " from a script's "STEP: REASON": our message has the step already. */
static const char *without_step(const struct build_run *r, const char *text)
{
	size_t len = strlen(r->step);

	return !strncmp(text, r->step, len) && !strncmp(text + len, ": ", 2) ? text + len + 2 : text;
}

static void on_line(void *ctx, const char *line)
{
	struct build_run *r = ctx;
	const char *text;

	if (r->log_file && (fprintf(r->log_file, "%s\n", line) < 0 || fflush(r->log_file)))
		r->disk_full = true;
	if (strncmp(line, "::", 2) != 0)
		return;
	if ((text = after(line, "::step")))
		r->step = arena_strdup(r->a, text);
	else if ((text = after(line, "::fail")))
		r->reason = arena_strdup(r->a, without_step(r, text));
	else if ((text = after(line, "::adapt")))
		json_array_append_new(r->adaptations, json_string(text));
	else if ((text = after(line, "::evidence")))
		strbuf_printf(&r->evidence, "%s\n", text);
	tell(r, line);
}

static void say_compiled(void *ctx)
{
	struct build_run *r = ctx;
	char text[80];

	if (!look_compiled(&r->log_seen))
		return;
	snprintf(text, sizeof text, "::step %s: %u file%s compiled", r->step, r->log_seen.files, plural(r->log_seen.files));
	tell(r, text);
}

/* The command, with the variables that tuning/KIND/build.sh documents. */
static const char *const *build_argv(struct build_run *r, const char *top)
{
	const struct build *b = r->b;
	struct arena *a = r->a;
	const char *row[] = {
		/* the build ends with this thread, its processes with their namespace, even if labctl is killed */
		"setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
		"--kill-child", "--net", "--ipc", "sh", "-c", enter_script, "labctl-build", r->work, b->image->root,
		arena_printf(a, "SRC=/labctl/src/%s", top), arena_printf(a, "PRODUCT=%s", b->product ? b->product : ""),
		arena_printf(a, "PREFIX=%s", b->prefix),
		arena_printf(a, "LINK=%s", b->link ? b->link : ""), "OUT=/labctl/out", arena_printf(a, "PORT=%u", b->port),
		arena_printf(a, "CONFIGURE=%s", b->configure ? b->configure : ""),
		arena_printf(a, "JOBS=%u", b->jobs ? b->jobs : (unsigned)sysconf(_SC_NPROCESSORS_ONLN)),
		arena_printf(a, "PATCHES=%s", b->patch_count ? "/labctl/patches" : ""), "EXTRA=/labctl", "/labctl/build.sh",
		NULL,
	};
	const char **argv = arena_alloc(a, sizeof row);

	memcpy(argv, row, sizeof row);
	return argv;
}

static int run_script(struct build_run *r, const char *top, struct fail *e)
{
	const struct build *b = r->b;
	struct proc p = { .argv = build_argv(r, top),
			  .log_path = r->log,
			  .line = on_line,
			  .look = say_compiled,
			  .line_ctx = r,
			  .deadline_ms = b->deadline_ms,
			  .cancel = b->cancel };
	int status;

	r->step = "start";
	r->log_seen.path = r->log;
	if (proc_run(&p, &status, e))
		return -1;
	if (r->disk_full)
		return fail(e, FAIL_HOST, "%s: cannot write (is the disk full?)", r->log);
	if (status || r->reason)
		return fail(e, FAIL_OTHER, "%s", r->reason ? r->reason : arena_printf(r->a, "exit status %d", status));
	return 0;
}

/* --- the result --- */

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* Members are named relative to the root ("opt/..."), without ".": its mode would become that of the node's root. */
static int pack(struct build_run *r, struct fail *e)
{
	const char *out = arena_printf(r->a, "%s/upper/labctl/out", r->work), *temp = arena_printf(r->a, "%s.new", r->tar);
	static const char *const fixed[] = { "tar",	"-c",	     "--sort=name", "--numeric-owner",
					     "--owner=0", "--group=0", "-f" };
	const char **argv = NULL;
	struct dirent **entries;
	unsigned argc = 0;
	int count;

	r->step = "pack";
	count = scandir(out, &entries, not_dots, alphasort);
	if (count < 0)
		return fail_errno(e, FAIL_OTHER, "%s", out);
	for (size_t i = 0; i < ARRAY_COUNT(fixed); i++)
		*arena_push(r->a, argv, argc) = fixed[i];
	*arena_push(r->a, argv, argc) = temp;
	*arena_push(r->a, argv, argc) = "--";
	for (int i = 0; i < count; i++) {
		*arena_push(r->a, argv, argc) = arena_strdup(r->a, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	*arena_push(r->a, argv, argc) = NULL;
	if (count == 0)
		return fail(e, FAIL_OTHER, "the build script installed nothing");
	if (proc_check(&(struct proc){ .argv = argv, .dir = out, .deadline_ms = r->b->deadline_ms, .cancel = r->b->cancel },
		       e) ||
	    write_record(r, e)) {
		unlink(temp);
		return -1;
	}
	/* an archive with the final name is complete */
	if (rename(temp, r->tar)) {
		fail_errno(e, FAIL_OTHER, "%s", r->tar);
		unlink(temp);
		return -1;
	}
	return 0;
}

/* Makes the failure: step, reason, relevant lines, and the path of the whole log. */
static int explain(struct build_run *r, struct fail *e)
{
	auto_(free) char *reason = strndup(e->text, 700), *before = strdup(e->evidence);
	auto_(strbuf_clear) struct strbuf text = { 0 };

	fail(e, e->code, "build of %s: step '%s': %s", r->b->archive, r->step, reason ? reason : "");
	look_errors(r->log, &text);
	strbuf_str(&text, strbuf_text(&r->evidence));
	if (!text.len && before)
		strbuf_str(&text, before);
	fail_evidence(e, strbuf_text(&text), EVIDENCE_LINES);
	return e->code == FAIL_CANCELED ? -1 : fail_next(e, "less %s", r->log);
}

/* Writes a program that runs a command (a shell) in the build tree, in the user land and the namespaces of the build. */
static int write_enter(struct build_run *r, const char *top, struct fail *e)
{
	auto_(strbuf_clear) struct strbuf text = { 0 };
	const char *const words[] = { enter_script, "labctl-build", r->work, r->b->image->root };

	strbuf_str(&text, "#!/bin/sh\n# Runs a command, by default bash, in the build tree of ");
	strbuf_printf(&text, "%s.\n", top);
	strbuf_str(&text, "exec unshare --mount --propagation private --pid --fork --kill-child --net --ipc sh -c");
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		strbuf_str(&text, " ");
		quote_add(&text, QUOTE_SH, words[i]);
	}
	strbuf_printf(&text, " sh -c 'cd \"/labctl/src/$0\" && exec \"$@\"' ");
	quote_add(&text, QUOTE_SH, top);
	strbuf_str(&text, " \"${@:-bash}\"\n");
	return file_write(r->enter, text.text, text.len, 0755, e);
}

static int build_locked(struct build_run *r, struct fail *e)
{
	struct fail ignored = { 0 };
	const char *top = NULL;
	int result;

	/* left by a labctl that was killed; its mounts and processes ended with it */
	if (file_remove_tree(r->work, e))
		return -1;
	unlink(r->log);
	r->log_file = fopen(r->log, "ae");
	if (!r->log_file)
		return fail_errno(e, FAIL_OTHER, "%s", r->log);
	r->adaptations = json_array();
	result = prepare(r, &top, e) || run_script(r, top, e) || pack(r, e) ? -1 : 0;
	fclose(r->log_file);
	if (result)
		explain(r, e);
	json_decref(r->adaptations);
	strbuf_clear(&r->evidence);
	if (result == 0 && r->b->keep)
		return write_enter(r, top, e);
	if (file_remove_tree(r->work, result ? &ignored : e))
		result = -1;
	return result;
}

static bool is_there(const struct build_run *r)
{
	return file_exists(r->tar) && (!r->b->keep || file_exists(r->enter));
}

int build_software(const struct build *b, struct arena *a, const char **ret_tar, bool *ret_built, struct fail *e)
{
	struct build_run r = { .b = b, .a = a, .step = "prepare" };
	auto_(close) int lock = -1;
	bool built = false;

	if (make_key(&r, e) < 0)
		return -1;
	if (!is_there(&r)) {
		if (cache_lock_build(b->cache_dir, r.key, b->deadline_ms, &lock, e))
			return -1;
		if (!is_there(&r)) {
			if (build_locked(&r, e))
				return -1;
			built = true;
		}
	}
	if (b->keep)
		tell(&r, arena_printf(a, "::kept %s", r.work));
	*ret_tar = r.tar;
	*ret_built = built;
	return 0;
}
