/* SPDX-License-Identifier: PostgreSQL */
/*
 * What an installer boots from: its kernel and initrd, from an ISO or from the host's netboot package, with our
 * answers in the initrd. One table has the details of each release.
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
	const char *package;          /* netboot: the package that has them; NULL = the release is installed from an ISO */
	const char *answers;          /* name of the answers in the initrd */
	const char *cmdline;          /* tells the installer where they are, and sets up a text console */
	const char *machine;          /* QEMU machine type */
	unsigned memory_mib;
	const char *log_hook, *log_command; /* early script of its initrd; command added to it: log to 2nd serial line */
};

const struct medium *medium_of(const struct release *r);

/* A file that the installer finds in its root directory. */
struct inject { const char *path; const char *data; size_t len; mode_t mode; };
/* Appends all files below @dir to @list as @prefix/..., directories first. */
int inject_tree(const char *dir, const char *prefix, struct arena *a, struct inject **list, unsigned *count,
		struct fail *e);

/* Checks @media (path of an ISO, or "netboot"). FAIL_USAGE if the release needs the other one. */
int medium_check(const struct release *r, const char *media, struct fail *e);
/*
 * Makes DIR/kernel and DIR/initrd, with the files appended to the initrd. FAIL_HOST: the ISO is truncated, is not an
 * ISO, or has no kernel at the release's path or one of another architecture; the package is not installed.
 */
int medium_prepare(const struct release *r, const char *media, const struct inject *files, unsigned count, const char *dir,
		   const atomic_bool *cancel, int64_t deadline_ms, struct fail *e);

#endif
