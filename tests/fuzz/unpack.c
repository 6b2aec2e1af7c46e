/* SPDX-License-Identifier: PostgreSQL */
/*
 * Untrusted source archives: nothing is written outside the directory, and it contains only files, directories and links
 * that do not lead out of it.
 */
#include "../../src/link/image/unpack.c"

#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>

#include "file.h"

static size_t root_len;

static int look(const char *path, const struct stat *st, int type, struct FTW *at)
{
	auto_(free) char *target = NULL;

	(void)type;
	(void)at;
	PROMISE(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode), "%s", path);
	PROMISE(!(st->st_mode & (S_ISUID | S_ISGID)) || S_ISLNK(st->st_mode), "%s", path);
	if (S_ISLNK(st->st_mode)) {
		target = calloc(1, (size_t)st->st_size + 1);
		PROMISE(target && readlink(path, target, (size_t)st->st_size) == st->st_size, "%s", path);
		PROMISE(stays_below(path + root_len, target), "%s -> %s", path, target);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(arena_free) struct arena *a = arena_new();
	auto_(close) int fd = memfd_create("archive", MFD_CLOEXEC);
	char root[] = "/tmp/fuzz-unpack.XXXXXX", outer[64], inner[64], path[32];
	struct fail e = { 0 }, checked = { 0 };
	const char *top = NULL, *same = NULL;

	PROMISE(mkdtemp(root) && fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(outer, sizeof outer, "%s/outer", root);
	snprintf(inner, sizeof inner, "%s/outer/inner", root);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	PROMISE(mkdir(outer, 0755) == 0 && mkdir(inner, 0755) == 0);
	if (unpack_archive(path, inner, NULL, clock_after_ms(20000), a, &top, &e) < 0)
		fuzz_failure(&e);
	else
		PROMISE(*top && strcmp(top, "..") != 0 && !strchr(top, '/'), "%s", top);
	if (unpack_check(path, NULL, clock_after_ms(20000), a, &same, &checked) == 0 && !e.code)
		PROMISE(!strcmp(top, same), "%s, %s", top, same);
	root_len = strlen(inner) + 1;
	PROMISE(nftw(inner, look, 16, FTW_PHYS) == 0);
	/* These directories can be removed only if nothing else was written. */
	PROMISE(file_remove_tree(inner, &e) == 0 && rmdir(outer) == 0 && rmdir(root) == 0, "%s", e.text);
	return 0;
}
