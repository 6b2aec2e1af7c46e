/* SPDX-License-Identifier: PostgreSQL */
/*
 * What an installer is started with: its kernel and initrd, out of an ISO or of the host's netboot package, and our
 * answers in the initrd. One table says how each release wants it.
 */
#ifndef LABCTL_LINK_MEDIUM_H
#define LABCTL_LINK_MEDIUM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "fail.h"
#include "family.h"

struct medium {
	const char *kernel, *initrd;  /* in the ISO; for netboot, on the host */
	const char *package;          /* netboot: what has them; NULL = the release is installed from an ISO */
	const char *answers;          /* name of the answers in the initrd */
	const char *cmdline;          /* where the installer finds them, and a console that is lines of text */
	const char *machine;          /* of QEMU */
	unsigned memory_mib;
	const char *log_hook, *log_command; /* a file of its initrd that is run early: sends its log to the second line */
};

const struct medium *medium_of(const struct release *r);

/* A file that the installer finds in its root directory. */
struct inject { const char *path; const char *data; size_t len; mode_t mode; };
/* All files below @dir as @prefix/..., directories first. Appends to @list. */
int inject_tree(const char *dir, const char *prefix, struct arena *a, struct inject **list, unsigned *count,
		struct fail *e);

/* @media as medium_of() wants it: path of an ISO, or "netboot". FAIL_USAGE when the release wants the other. */
int medium_check(const struct release *r, const char *media, struct fail *e);
/*
 * Puts DIR/kernel and DIR/initrd there, the files at the end of the initrd. FAIL_HOST: an ISO that is truncated, is
 * none, has no kernel where the release keeps it, or one of another architecture; a package that is not installed.
 */
int medium_prepare(const struct release *r, const char *media, const struct inject *files, unsigned count, const char *dir,
		   const atomic_bool *cancel, int64_t deadline_ms, struct fail *e);

#endif
