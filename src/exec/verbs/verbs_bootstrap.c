/* SPDX-License-Identifier: PostgreSQL */
/* Installs software that is built once on every node. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "quote.h"
#include "recipe.h"
#include "verb.h"

#define DROP ".labctl-" /* plus a time: directory in the data directory that holds the archive while a node unpacks it */

DEFINE_AUTO(DIR *, closedir)

int verb_source_build(struct run *r, enum step_state *ret_state, struct fail *e)
{
	const char *tar;
	bool built = false;

	if (images_software(runtime_images(runtime_of(r)), r, &tar, &built, e) < 0) {
		const struct lab *lab = runtime_lab(runtime_of(r));

		if (e->code != FAIL_CANCELED && !*e->next)
			fail_next(e, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, lab->cluster.recipe->kind);
		return -1;
	}
	if (built)
		run_note(r, "changed: %s", tar);
	*ret_state = state_of(built);
	return 0;
}

#define COPY_BYTES (8 << 20) /* between two checks of the cancel flag */

/*
 * Copies the archive. Never a link: root on the node may write to it, and all labs share the cached one.
 * copy_file_range() shares the blocks where the file system can; it fails between file systems of different types.
 */
static int copy_file(const char *from, const char *to, const struct run *r, struct fail *e)
{
	auto_(close) int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;
	ssize_t put = 0;

	if (in < 0 || fstat(in, &st) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	for (off_t left = st.st_size; out >= 0 && left > 0; left -= put) {
		if (run_cancel(r) && atomic_load(run_cancel(r)))
			return fail(e, FAIL_CANCELED, "copy to %s: canceled", to);
		put = copy_file_range(in, NULL, out, NULL, left < COPY_BYTES ? (size_t)left : COPY_BYTES, 0);
		if (put < 0 && errno != ENOSPC && errno != EIO)
			put = sendfile(out, in, NULL, left < COPY_BYTES ? (size_t)left : COPY_BYTES);
		if (put <= 0)
			break;
	}
	if (out < 0 || put < 0)
		return fail_errno(e, FAIL_OTHER, "copy %s to %s", from, to);
	return put == 0 && st.st_size > 0 ? fail(e, FAIL_OTHER, "copy %s to %s: the file shrank during the copy", from, to) : 0;
}

/*
 * Runs on the node. The marker is written last and lies in the installed tree, so that a tree with a marker is
 * complete; a tree that could not be unpacked is removed. "::needed" asks the host for the archive. What would not open the
 * node's databases is not unpacked (the recipe's .fits).
 */
static const char install_script[] =
	"if [[ -r $link/.labctl-build && $(<\"$link/.labctl-build\") == \"$key\" ]]; then exit 0; fi\n"
	"if [[ -z $tar || ! -e $tar ]]; then echo ::needed; exit 0; fi\n"
	"fits || exit 1\n"
	"if ! said=$(tar -xf \"$tar\" -C / --no-same-owner --keep-directory-symlink 2>&1); then\n"
	"\tpart=$(tar -tf \"$tar\" 2>/dev/null | grep -m 1 -x -- \"$tree/\") && rm -rf -- \"/${part:?}\"\n"
	"\twhile IFS= read -r line; do printf '::evidence %s\\n' \"$line\"; done <<<\"$said\"\n"
	"\techo \"::fail cannot unpack $tar\"\n"
	"\texit 1\n"
	"fi\n"
	"if [[ ! -d $link/ ]]; then echo \"::fail the archive does not contain $link\"; exit 1; fi\n"
	"printf '%s\\n' \"$key\" >\"$link/.labctl-build.new\" && mv -f \"$link/.labctl-build.new\" \"$link/.labctl-build\" ||\n"
	"\t{ echo \"::fail cannot write $link/.labctl-build\"; exit 1; }\n"
	"echo \"::changed $(readlink -f -- \"$link\")\"\n";

static void add_variable(struct strbuf *script, const char *name, const char *value)
{
	strbuf_printf(script, "%s=", name);
	quote_add(script, QUOTE_SH, value);
	strbuf_char(script, '\n');
}

/*
 * Copies the archive beside the node's data, has the node unpack it, and removes the copy. The name is new each time,
 * since an NFS client remembers for half a minute that a name did not exist.
 */
static int install(struct run *r, const char *script, const char *tar, const char *drop, const char *copy, bool *changed,
		   struct fail *e)
{
	bool needed = false;
	struct fail ignored;
	int status;

	if (mkdir(drop, 0700) < 0 && errno != EEXIST)
		return fail_errno(e, FAIL_OTHER, "make directory %s", drop);
	run_say(r, "copying the archive to the node");
	status = copy_file(tar, copy, r, e);
	if (status == 0) {
		run_say(r, "unpacking");
		status = run_script(r, script, NULL, changed, &needed, e);
	}
	file_remove_tree(drop, &ignored);
	if (status == 0 && needed) {
		fail(e, FAIL_REMOTE, "the node cannot see %s: is its data directory mounted?", copy);
		return fail_next(e, "labctl -l %s exec %s -- findmnt %s", runtime_lab(runtime_of(r))->name,
				 run_step(r)->node->name, runtime_lab(runtime_of(r))->data.mount);
	}
	return status;
}

/* One command on the node, with @input; what it prints is the evidence of a failure. */
static int tell_node(struct run *r, const char *command, const char *input, size_t len, struct fail *e)
{
	struct sessions *sessions = runtime_sessions(runtime_of(r));
	auto_(strbuf_clear) struct strbuf err = { 0 };
	const struct node *n = run_step(r)->node;
	int status = 0, said;
	struct ssh *s;

	if (session_get(sessions, n, run_deadline_ms(r), &s, e) < 0)
		return -1;
	said = ssh_run(s, &(struct ssh_run){ .command = command, .input = input, .input_len = len, .err = &err, .deadline_ms = run_deadline_ms(r) },
		       &status, e);
	session_done(sessions, n, said < 0);
	if (said < 0 || status == 0)
		return said;
	fail(e, FAIL_REMOTE, "%s: cannot take the archive (status %d)", n->name, status);
	return fail_evidence(e, strbuf_text(&err), 5);
}

/* The same for a node of another host, whose data directory is there: the archive goes through the node's SSH session. */
static int install_far(struct run *r, const char *script, const char *tar, const char *name, const char *drop, bool *changed, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(close) int fd = open(tar, O_RDONLY | O_CLOEXEC);
	const char *mount = runtime_lab(runtime_of(r))->data.mount, *dir = arena_printf(a, "%s/%s", mount, drop);
	struct fail ignored = { 0 };
	bool needed = false;
	struct stat st;
	void *text;
	int status;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", tar);
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return fail_errno(e, FAIL_OTHER, "%s", tar);
	run_say(r, "copying the archive to the node");
	/* Directory and name are digits and letters of ours; the mount point has no blanks (form_path()). */
	status = tell_node(r, arena_printf(a, "rm -rf %s/" DROP "[0-9]* && mkdir -m 700 %s && cat >%s/%s", mount, dir, dir, name), text,
			   (size_t)st.st_size, e);
	munmap(text, (size_t)st.st_size);
	if (status == 0) {
		run_say(r, "unpacking");
		status = run_script(r, script, NULL, changed, &needed, e);
	}
	tell_node(r, arena_printf(a, "rm -rf %s", dir), NULL, 0, &ignored);
	return status == 0 && needed ? fail(e, FAIL_REMOTE, "%s: the archive that was copied to %s is gone", run_step(r)->node->name, dir) : status;
}

/* Removes copies left by a labctl that was killed while a node unpacked the archive. */
static void drop_old_copies(const char *export_dir, struct arena *a)
{
	auto_(closedir) DIR *dir = opendir(export_dir);
	struct dirent *entry;
	struct fail ignored;

	while (dir && (entry = readdir(dir))) {
		const char *time = entry->d_name + strlen(DROP);

		if (!strncmp(entry->d_name, DROP, strlen(DROP)) && *time && !time[strspn(time, "0123456789")])
			file_remove_tree(arena_printf(a, "%s/%s", export_dir, entry->d_name), &ignored);
	}
}

/* Matches (grep -x) the archive's member that is the installed tree; its name contains the version. */
static const char *tree_pattern(const char *prefix, struct arena *a)
{
	const char *version = strstr(prefix, "VERSION");

	prefix += *prefix == '/';
	return version ? arena_printf(a, "%.*s[0-9a-z.]*%s", (int)(version - prefix), prefix, version + strlen("VERSION")) :
			 prefix;
}

int verb_source_install(struct run *r, enum step_state *ret_state, struct fail *e)
{
	struct runtime *rt = runtime_of(r);
	const struct lab *lab = runtime_lab(rt);
	const struct recipe *recipe = lab->cluster.recipe;
	const struct node *n = run_step(r)->node;
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf script = { 0 };
	const char *tar, *name, *drop = arena_printf(a, DROP "%lld", (long long)clock_wall_ms());
	char *key;
	bool changed = false, needed = false;
	size_t common;

	if (!n->host)
		drop_old_copies(n->export_dir, a);
	if (images_software(runtime_images(rt), r, &tar, NULL, e) < 0)
		return -1;
	name = strrchr(tar, '/') ? strrchr(tar, '/') + 1 : tar;
	key = arena_strdup(a, name);
	if (strrchr(key, '.'))
		*strrchr(key, '.') = '\0';
	add_variable(&script, "key", key);
	add_variable(&script, "link", lab->cluster.prefix);
	add_variable(&script, "tree", tree_pattern(recipe->build_prefix, a));
	add_variable(&script, "mount", lab->data.mount);
	add_variable(&script, "again", arena_printf(a, "labctl -l %s bootstrap %s --source FILE|URL", lab->name, recipe->kind));
	strbuf_str(&script, recipe->fits ? library_text(runtime_library(rt), recipe->fits) : "fits() { :; }\n");
	common = script.len;
	/* Try without the archive first: in most runs the software is already installed. */
	strbuf_printf(&script, "tar=\n%s", install_script);
	if (run_script(r, script.text, NULL, &changed, &needed, e) < 0)
		return -1;
	strbuf_truncate(&script, common);
	add_variable(&script, "tar", arena_printf(a, "%s/%s/%s", lab->data.mount, drop, name));
	strbuf_str(&script, install_script);
	if (needed && n->host)
		return install_far(r, script.text, tar, name, drop, &changed, e) < 0 ? -1 : (*ret_state = state_of(changed), 0);
	drop = arena_printf(a, "%s/%s", n->export_dir, drop);
	if (needed && install(r, script.text, tar, drop, arena_printf(a, "%s/%s", drop, name), &changed, e) < 0)
		return -1;
	*ret_state = state_of(changed);
	return 0;
}
