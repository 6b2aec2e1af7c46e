/* SPDX-License-Identifier: PostgreSQL */
/*
 * The lab file: the one that -f or LABCTL_FILE names, else ./labctl.yaml. A file that was not named may be anybody's: it is
 * used only if nobody but root and the caller can have written it, as git (safe.directory) and ssh (its configuration)
 * do. A file that was named is trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"

#define FOUND "labctl.yaml"

const char *lab_file(const struct cli *c)
{
	return c->file ? c->file : !c->no_file && file_exists(FOUND) ? FOUND : NULL;
}

/* Root, the caller, and the user who ran sudo. */
static bool is_trusted(uid_t owner)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_UID") : NULL;
	char *end = NULL;
	unsigned long uid = sudo && *sudo >= '0' && *sudo <= '9' ? strtoul(sudo, &end, 10) : 0;

	return owner == 0 || owner == geteuid() || (end && !*end && uid == owner);
}

static int check_found(const struct cli *c, const struct stat *link, const struct stat *file, struct fail *e)
{
	if (!S_ISREG(file->st_mode)) {
		fail(e, FAIL_USAGE, "./" FOUND " is not a file");
		return -1;
	}
	if (!is_trusted(link->st_uid) || !is_trusted(file->st_uid))
		fail(e, FAIL_CONFLICT, "./" FOUND " belongs to another user (uid %u): it is used only if given with -f",
		     is_trusted(link->st_uid) ? file->st_uid : link->st_uid);
	else if (file->st_mode & (S_IWGRP | S_IWOTH))
		fail(e, FAIL_CONFLICT, "./" FOUND " is writable by others (mode %04o): it is used only if given with "
		     "named", file->st_mode & 07777);
	else
		return 0;
	return fail_next(e, "check its contents, then labctl -f ./" FOUND " %s; or take it over: chown, chmod go-w", c->path);
}

/* Checks and reads through one descriptor: somebody else could replace the file in between. */
static int load_found(struct cli *c, const struct lab_options *o, struct lab **ret_lab, struct fail *e)
{
	auto_(close) int fd = open(FOUND, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	auto_(strbuf_clear) struct strbuf text = { 0 };
	auto_(free) char *here = getcwd(NULL, 0);
	struct lab_options found = *o;
	struct stat link, file;

	if (fd < 0 || !here || lstat(FOUND, &link) < 0 || fstat(fd, &file) < 0)
		return fail_errno(e, FAIL_OTHER, "%s", "./" FOUND);
	if (check_found(c, &link, &file, e) < 0 ||
	    file_read(arena_printf(c->arena, "/proc/self/fd/%d", fd), LAB_FILE_MAX_BYTES, &text, e) < 0)
		return -1;
	found.dir = here;
	return lab_parse(strbuf_text(&text), text.len, FOUND, &found, ret_lab, e);
}

int lab_file_load(struct cli *c, const struct lab_options *o, struct lab **ret_lab, struct fail *e)
{
	return c->file || !lab_file(c) ? lab_load(c->file, o, ret_lab, e) : load_found(c, o, ret_lab, e);
}
