/* SPDX-License-Identifier: PostgreSQL */
/*
 * Watches a build from outside: its progress, by the files it has written, and the reason of its end. Functions never
 * fail: they ignore what cannot be read. One thread at a time per struct.
 */
#ifndef LABCTL_LINK_LOOK_H
#define LABCTL_LINK_LOOK_H

#include <stdbool.h>
#include <sys/types.h>

#include "strbuf.h"

/* A log with the command lines of compilers. Initialise only .path; the rest is zero. */
struct look_log {
	const char *path;
	off_t at;        /* read up to here, bytes */
	unsigned files;  /* compiled so far */
};

/* Reads what was appended. True if there is progress since the last call. */
bool look_compiled(struct look_log *log);

/*
 * Appends the last error messages of the log at @path, shortened; if it has none, its last lines. Leaves out our scripts'
 * own markers.
 */
void look_errors(const char *path, struct strbuf *out);

/*
 * Progress of mmdebstrap and build-image, by the files below @out_dir: "212 packages downloaded, 180 installed", then the
 * size of the disk. False while there is nothing yet.
 */
bool look_image(const char *out_dir, char *ret_text, size_t size);

#endif
