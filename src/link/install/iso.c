/* SPDX-License-Identifier: PostgreSQL */
#include "iso.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "file.h"
#include "proc.h"

#define TIMEOUT_MS 60000

static int fill(const char *dir, const struct iso_file *files, unsigned count, struct arena *a, struct fail *e)
{
	for (unsigned i = 0; i < count; i++)
		if (file_write(arena_printf(a, "%s/%s", dir, files[i].name), files[i].text, strlen(files[i].text), 0600, e))
			return -1;
	return 0;
}

int iso_write(const char *path, const char *label, const struct iso_file *files, unsigned count, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s.files", path), *made = arena_printf(a, "%s.new", path);
	/* Joliet and Rock Ridge: lower case, dashes and four letters after a dot survive. */
	const char *const argv[] = { "xorriso", "-as", "mkisofs", "-quiet", "-V", label, "-J", "-r", "-o", made, dir, NULL };
	struct fail ignored = { 0 };
	int status = -1;

	if (!proc_found("xorriso")) {
		fail(e, FAIL_HOST, "xorriso is not installed: it is needed to make the seed disks for cloud-init");
		return fail_next(e, "apt-get install xorriso");
	}
	if (file_remove_tree(dir, e) || file_mkdirs(dir, 0700, e))
		return -1;
	unlink(made);
	if (fill(dir, files, count, a, e) == 0 &&
	    proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(TIMEOUT_MS) }, e) == 0)
		status = chmod(made, 0600) || rename(made, path) ? fail_errno(e, FAIL_OTHER, "%s", path) : 0;
	file_remove_tree(dir, &ignored);
	unlink(made);
	return status;
}
